//go:build unix

package model

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestOpenDirRefusesSpecialFiles(t *testing.T) {
	weights := two(t)["model.safetensors"].Data
	tests := []struct {
		name string
		make func(path string) error
	}{
		{"FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"socket", func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}},
		{"link to a device", func(path string) error { return os.Symlink("/dev/zero", path) }},
		{"folder that is a link to itself", func(path string) error { return os.Symlink(".", path) }},
		{"link to a link to itself", func(path string) error {
			if err := os.Symlink("x", filepath.Join(filepath.Dir(path), "y")); err != nil {
				return err
			}
			return os.Symlink("y", path)
		}},
	}
	for _, test := range tests {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "model.safetensors"), weights)
		if err := test.make(filepath.Join(dir, "x")); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		_, err := digestDir(t, dir)
		wantError(t, test.name, err, `"x"`)
	}
}

// A FIFO that takes a file's place after the listing does not hold the reader up.
func TestDigestRefusesLateFIFO(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.txt"), make([]byte, 3*bufferSize))
	write(t, filepath.Join(dir, "model.safetensors"), two(t)["model.safetensors"].Data)
	d := must(OpenDir(dir))
	defer d.Close()
	done := make(chan error)
	go func() {
		swapped := false
		_, err := Digest(context.Background(), d, Options{Workers: 1, Progress: func(int64, int64) {
			if !swapped {
				swapped = true
				os.Remove(filepath.Join(dir, "model.safetensors"))
				syscall.Mkfifo(filepath.Join(dir, "model.safetensors"), 0o600)
			}
		}})
		done <- err
	}()
	select {
	case err := <-done:
		wantError(t, "FIFO", err, `"model.safetensors"`, "changed")
	case <-time.After(10 * time.Second):
		t.Fatal("Digest waits for a writer")
	}
}
