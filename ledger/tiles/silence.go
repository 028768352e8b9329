package tiles

import (
	"flag"
	"io"
	"sync"

	"k8s.io/klog/v2"
)

// silence turns klog off: Tessera reports there, on stderr, what it returns as errors
// too. From the level ERROR on klog writes to stderr whatever its output is. Once,
// because klog is one for the whole process and its flags are no place to meet in.
var silence = sync.OnceFunc(func() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(flags)
	flags.Set("stderrthreshold", "FATAL")
})
