package oms

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest/model"
)

// always are the paths at a model's top that the specification leaves out: what
// git keeps for itself.
var always = []string{".git", ".gitattributes", ".github", ".gitignore"}

// entry is a file before it is read.
type entry struct {
	size int64
	mod  time.Time
}

func entryOf(info fs.FileInfo) entry { return entry{size: info.Size(), mod: info.ModTime()} }

func (e entry) same(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Size() == e.size && info.ModTime().Equal(e.mod)
}

// listing is what a directory holds.
type listing struct {
	files map[string]entry
	left  []string // files and whole folders that were left out, in order
}

// list walks a directory. Paths for which out says so are not entered.
func list(ctx context.Context, fsys fs.FS, links bool, out func(path string) bool) (*listing, error) {
	l := &listing{files: map[string]entry{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if name != "." && out(name) {
			l.left = append(l.left, name)
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !utf8.ValidString(name) {
			return fmt.Errorf("file name %q is not UTF-8 (rename it)", name)
		}
		if d.IsDir() {
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 && !links {
			return fmt.Errorf("%q: symbolic link: replace it by the file, or leave it out", name)
		}
		e, err := stat(fsys, name)
		if err != nil {
			return err
		}
		l.files[name] = e
		return nil
	})
	return l, err
}

// stat describes a regular file. A link is followed by a model.Dir alone, which
// keeps it inside the model.
func stat(fsys fs.FS, name string) (entry, error) {
	var info fs.FileInfo
	var err error
	if dir, ok := fsys.(*model.Dir); ok {
		info, err = dir.Stat(name)
	} else {
		info, err = fs.Lstat(fsys, name)
	}
	var at *fs.PathError
	if errors.As(err, &at) && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%q: %w", name, at.Err)
	}
	if err != nil {
		return entry{}, err
	}
	if !info.Mode().IsRegular() {
		return entry{}, fmt.Errorf("%q: not a regular file (%v): remove it", name, info.Mode().Type())
	}
	return entryOf(info), nil
}

// under reports whether a path is one of these or below one of them.
func under(path string, these []string) bool {
	return slices.ContainsFunc(these, func(p string) bool {
		return path == p || strings.HasPrefix(path, p) && path[len(p)] == '/'
	})
}

// same reports an error if the two listings differ: a directory that is being
// written to is no model.
func (l *listing) same(after *listing) error {
	for name, e := range l.files {
		a, ok := after.files[name]
		if !ok || a.size != e.size || !a.mod.Equal(e.mod) {
			return changed(name)
		}
	}
	for name := range after.files {
		if _, ok := l.files[name]; !ok {
			return changed(name)
		}
	}
	return nil
}

func changed(name string) error {
	return fmt.Errorf("%q: changed while the model was being read (wait until nothing writes to it)", name)
}
