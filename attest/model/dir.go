package model

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Dir is a model directory on disk, for Digest. Opening a file follows symbolic
// links that stay inside the directory and fails for all others, whatever
// happens to the links meanwhile.
//
// A snapshot in the Hugging Face cache consists of links into the blobs folder
// two levels up: for a directory models--NAME/snapshots/REVISION "inside" means
// inside models--NAME.
type Dir struct {
	root *os.Root
	base string // of the directory inside root, slash-separated
}

// OpenDir opens the directory at name, which may itself be a link. The caller
// closes it.
func OpenDir(name string) (*Dir, error) {
	outer, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	if outer, err = filepath.EvalSymlinks(outer); err != nil {
		return nil, err
	}
	base := "."
	snapshots, revision := filepath.Split(outer)
	if cache := filepath.Dir(filepath.Clean(snapshots)); filepath.Base(snapshots) == "snapshots" &&
		strings.HasPrefix(filepath.Base(cache), "models--") {
		outer, base = cache, "snapshots/"+revision
	}
	root, err := os.OpenRoot(outer)
	if err != nil {
		return nil, err
	}
	return &Dir{root: root, base: base}, nil
}

// Close releases the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Open implements fs.FS.
func (d *Dir) Open(name string) (fs.File, error) {
	at, err := d.at("open", name)
	if err != nil {
		return nil, err
	}
	return d.root.OpenFile(at, os.O_RDONLY|openFlags, 0)
}

// Stat implements fs.StatFS. It follows links under the same rule as Open.
func (d *Dir) Stat(name string) (fs.FileInfo, error) {
	at, err := d.at("stat", name)
	if err != nil {
		return nil, err
	}
	return d.root.Stat(at)
}

func (d *Dir) at(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return filepath.FromSlash(path.Join(d.base, name)), nil
}
