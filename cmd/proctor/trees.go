package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// trees is a file system of exactly the folders on a command line, each under the
// path that the user wrote: that path often says whose results they are. Links out of
// a folder lead nowhere.
type trees []tree

type tree struct {
	at    string // slash-separated, as written or absolute
	files fs.FS
	close func() error
}

// openTrees opens folders, and for a file the folder that it lies in. The paths
// returned are the arguments as the file system calls them.
// A bare repository is the files of its HEAD.
func openTrees(args []string, repos []*gitRepo) (trees, []string, error) {
	var all trees
	var paths []string
	for _, arg := range args {
		name := filepath.Clean(arg)
		if i := slices.IndexFunc(repos, func(r *gitRepo) bool { return r.bare && r.at == filepath.ToSlash(name) }); i >= 0 {
			files, err := repos[i].FS()
			if err != nil {
				all.close()
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, tree{repos[i].at, files, func() error { return nil }})
			paths = append(paths, repos[i].at)
			continue
		}
		if name == "." || strings.HasPrefix(name, "..") {
			abs, err := filepath.Abs(name)
			if err != nil {
				return nil, nil, err
			}
			name = abs
		}
		info, err := os.Stat(name)
		if err != nil {
			all.close()
			return nil, nil, err
		}
		dir := name
		if !info.IsDir() {
			dir = filepath.Dir(name)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			all.close()
			return nil, nil, err
		}
		all = append(all, tree{filepath.ToSlash(dir), root.FS(), root.Close})
		paths = append(paths, filepath.ToSlash(name))
	}
	return all, paths, nil
}

func (ts trees) close() {
	for _, t := range ts {
		t.close() // was only read
	}
}

// find returns the folder that a path lies in, the deepest of several, and the path
// within it.
func (ts trees) find(op, name string) (fs.FS, string, error) {
	var best *tree
	rest := ""
	for i := range ts {
		t := &ts[i]
		within, ok := inside(t.at, name)
		if ok && (best == nil || len(t.at) > len(best.at)) {
			best, rest = t, within
		}
	}
	if best == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return best.files, rest, nil
}

func inside(dir, name string) (string, bool) {
	if name == dir {
		return ".", true
	}
	if dir == "." {
		return name, !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "..")
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// Open implements fs.FS.
func (ts trees) Open(name string) (fs.File, error) {
	files, rest, err := ts.find("open", name)
	if err != nil {
		return nil, err
	}
	f, err := files.Open(rest)
	return f, named(err, name)
}

// ReadDir implements fs.ReadDirFS.
func (ts trees) ReadDir(name string) ([]fs.DirEntry, error) {
	files, rest, err := ts.find("readdir", name)
	if err != nil {
		return nil, err
	}
	all, err := fs.ReadDir(files, rest)
	return all, named(err, name)
}

// Stat implements fs.StatFS. It does not follow a link.
func (ts trees) Stat(name string) (fs.FileInfo, error) {
	files, rest, err := ts.find("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := fs.Stat(files, rest)
	return info, named(err, name)
}

// named gives an error the path that the user knows.
func named(err error, name string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: p.Op, Path: name, Err: p.Err}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// size adds up the sizes of the files below a path, for a progress bar.
func (ts trees) size(name string) (total int64) {
	//lint:ignore SA9003 what cannot be listed will be reported when it is read
	_ = fs.WalkDir(ts, name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
