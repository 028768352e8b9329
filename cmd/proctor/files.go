package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// newFile refuses to overwrite what is there.
func newFile(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return withHint(fmt.Errorf("%s exists", name), "name another file with --out, or remove it")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readLimited reads a small file that comes from outside.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", name, limit)
	}
	return data, nil
}
