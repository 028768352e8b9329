package tiles

import (
	"flag"
	"io"

	"k8s.io/klog/v2"
)

// silence turns klog off: Tessera reports there, on stderr, what it returns as errors
// too. From the level ERROR on klog writes to stderr whatever its output is.
func silence() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(flags)
	flags.Set("stderrthreshold", "FATAL")
}
