package durable

import (
	"fmt"
	"io/fs"
	"os"
)

// EmptyDir makes a directory, and those above it, where there is none. The error wraps
// fs.ErrExist where the directory has anything in it.
func EmptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		return fmt.Errorf("the directory is not empty: %w", fs.ErrExist)
	}
	return nil
}
