package model

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Other bytes of the same size and time are noticed all the same.
func TestDigestRefusesHiddenChange(t *testing.T) {
	for _, without := range []bool{false, true} {
		dir := t.TempDir()
		name := filepath.Join(dir, "m.safetensors")
		data := encode(t, TensorData{"a", "U8", []uint64{8 << 20}, make([]byte, 8<<20)})
		write(t, name, data)
		then := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // the kernel's clock for files is coarse
		d := must(OpenDir(dir))
		done := false
		_, err := Digest(context.Background(), d, Options{WithoutPackage: without, Progress: func(int64, int64) {
			if !done {
				done = true
				data[len(data)-1] ^= 1
				write(t, name, data)
				os.Chtimes(name, then, then)
			}
		}})
		wantError(t, "rewritten with its old time", err, `"m.safetensors"`, "changed")
		d.Close()
	}
}
