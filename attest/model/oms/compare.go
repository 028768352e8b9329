package oms

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Options are the choices of Compare and Describe. The zero value is the
// strictest.
type Options struct {
	// File names a model that is one file of the file system, not all of it.
	File string

	// Ignore are paths, with all that is below them, that the caller leaves out.
	// When comparing, a file that is signed is looked at all the same.
	Ignore []string

	// Signature is where the signature itself lies in the directory, if it does. It
	// is no part of the model.
	Signature string

	// IgnoreUnsigned leaves out every file that is not signed.
	IgnoreUnsigned bool

	// Progress is told how many bytes were read. It is called by one goroutine at a
	// time and should return quickly.
	Progress func(read, total int64)
}

// left are the paths that are not looked at unless they are signed.
func (o *Options) left() []string {
	left := slices.Concat(always, o.Ignore)
	if o.Signature != "" {
		left = append(left, o.Signature)
	}
	return left
}

// What is the matter with a file.
const (
	Changed  = "changed"    // its bytes are not the signed ones
	Missing  = "missing"    // it was signed, and is not there
	Unsigned = "not signed" // it is there, and was not signed
)

// Difference is a file in which a model is not the signed one.
type Difference struct {
	Path      string
	What      string // Changed, Missing or Unsigned
	Want, Got string // digests in hex, where two differ
	Note      string
}

// Comparison is how a model's files compare with a signature.
type Comparison struct {
	Files   int          // that are signed
	Differs []Difference // by path
	Left    []string     // files and folders that are there, not signed, and left out
}

// Compare holds the files of a model against what was signed, by name. An error
// says why that cannot be done; differences are no error.
func (c *Content) Compare(ctx context.Context, fsys fs.FS, opts Options) (*Comparison, error) {
	hash, err := newHash(c.Hash)
	if err != nil {
		return nil, err
	}
	signed := c.byFile()
	if opts.File != "" {
		return c.compareFile(ctx, signed, &reader{fsys: fsys, hash: hash, progress: opts.Progress}, opts.File)
	}
	if _, ok := signed["."]; ok {
		return nil, errors.New("the signature is of a single file: give the file, not its directory")
	}
	ignored := opts.left()
	look := func() (*listing, error) {
		l, err := list(ctx, fsys, true, func(name string) bool { return under(name, ignored) })
		if err != nil {
			return nil, err
		}
		return l, l.addSigned(fsys, signed, ignored)
	}
	before, err := look()
	if err != nil {
		return nil, err
	}
	out := &Comparison{Files: len(signed)}
	for _, name := range before.left {
		if name != opts.Signature {
			out.Left = append(out.Left, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.files)) {
		if signed[name] != nil {
			continue
		}
		if opts.IgnoreUnsigned {
			out.Left = append(out.Left, name)
			continue
		}
		out.Differs = append(out.Differs, c.unsigned(name))
	}
	r := &reader{fsys: fsys, hash: hash, progress: opts.Progress}
	if err := out.read(ctx, r, signed, func(name string) (string, entry, bool) {
		e, ok := before.files[name]
		return name, e, ok
	}); err != nil {
		return nil, err
	}
	after, err := look()
	if err != nil {
		return nil, err
	}
	slices.Sort(out.Left)
	slices.SortFunc(out.Differs, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return out, before.same(after)
}

// byFile groups shards, in order, by their file.
func (c *Content) byFile() map[string][]Resource {
	files := make(map[string][]Resource, len(c.Resources))
	for _, r := range c.Resources {
		files[r.Path] = append(files[r.Path], r)
	}
	for _, parts := range files {
		slices.SortFunc(parts, compareResources)
	}
	return files
}

// addSigned adds the signed files that lie where nothing is usually looked at.
func (l *listing) addSigned(fsys fs.FS, signed map[string][]Resource, ignored []string) error {
	for name := range signed {
		if !under(name, ignored) {
			continue
		}
		e, err := stat(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		l.files[name] = e
		l.left = slices.DeleteFunc(l.left, func(p string) bool { return p == name })
	}
	return nil
}

func (c *Content) unsigned(name string) Difference {
	d := Difference{Path: name, What: Unsigned}
	if under(name, c.Ignored) {
		d.Note = "the signer left it out"
	}
	return d
}

// compareFile is Compare for a model of one file. Older signatures call it ".";
// under another name than its own it is another model.
func (c *Content) compareFile(ctx context.Context, signed map[string][]Resource, r *reader, name string) (*Comparison, error) {
	if len(signed) != 1 {
		return nil, fmt.Errorf("the signature is of %d files: give their directory, not one of them", len(signed))
	}
	e, err := stat(r.fsys, name)
	if err != nil {
		return nil, err
	}
	out := &Comparison{Files: 1}
	err = out.read(ctx, r, signed, func(signedName string) (string, entry, bool) {
		return name, e, signedName == "." || signedName == path.Base(name)
	})
	if len(out.Differs) > 0 && out.Differs[0].What == Missing {
		out.Differs = append(out.Differs, Difference{Path: path.Base(name), What: Unsigned})
	}
	return out, err
}

// read hashes the signed files and notes what is different. find says where a
// file is.
func (out *Comparison) read(ctx context.Context, r *reader, signed map[string][]Resource, find func(string) (string, entry, bool)) error {
	type pair struct {
		signed Resource
		part   *part
	}
	var pairs []pair
	var parts []*part
	for _, name := range slices.Sorted(maps.Keys(signed)) {
		at, e, ok := find(name)
		if !ok {
			out.Differs = append(out.Differs, Difference{Path: name, What: Missing})
			continue
		}
		resources := signed[name]
		if last := resources[len(resources)-1]; last.End > 0 && last.End != uint64(e.size) {
			out.Differs = append(out.Differs, Difference{Path: name, What: Changed, Note: fmt.Sprintf("it has %d bytes, and %d were signed", e.size, last.End)})
			continue
		}
		for _, res := range resources {
			p := &part{name: at, start: res.Start, end: res.End, of: e}
			if res.End == 0 {
				p.end = uint64(e.size)
			}
			parts = append(parts, p)
			pairs = append(pairs, pair{res, p})
		}
	}
	if err := r.readAll(ctx, parts); err != nil {
		return err
	}
	for _, p := range pairs {
		if bytes.Equal(p.signed.Digest, p.part.digest) {
			continue
		}
		d := Difference{Path: p.signed.Path, What: Changed, Want: hex.EncodeToString(p.signed.Digest), Got: hex.EncodeToString(p.part.digest)}
		switch {
		case p.part.pointer:
			d.Note = `a Git LFS pointer instead of the file: run "git lfs pull"`
		case p.signed.End > 0:
			d.Note = fmt.Sprintf("bytes %d to %d", p.signed.Start, p.signed.End)
		}
		out.Differs = append(out.Differs, d)
	}
	return nil
}
