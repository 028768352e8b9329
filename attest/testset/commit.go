package testset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// Set names one version of a test set, as a statement does. Everything that is
// opened is opened against one.
type Set struct {
	ID     attest.Hash
	Fields []string // in declared order
	Size   uint64
	Root   attest.Hash
}

// Config says what to commit as.
type Config struct {
	Issuer, Name string
	Secret       Secret

	// AllowDuplicates lists items that are equal after normalisation in the
	// version instead of refusing them.
	AllowDuplicates bool

	Progress Progress
}

// Version is a committed test set. Set, Active, Leaves, Bitmap and Duplicates
// become public.
type Version struct {
	Set
	Issuer, Name string
	Key          string // the key member; empty when rows are known by their number
	Active       attest.Hash
	Leaves       []attest.Hash // the skeleton
	Bitmap       []byte        // the active items
	Duplicates   [][]uint64    // groups of indexes, ascending
	Tree         *attest.Tree

	// Of a version that follows another (Store.Next).
	Edits       []attest.Edit // ascending by retired index
	Consistency []attest.Hash // with the version before; empty if the size is the same

	records []record // in index order
	batches []uint64 // items that each commit appended
}

// record is where an item's private record is, and which revision it is of.
type record struct {
	offset uint64
	length uint32
	rev    uint32
}

// Commit is the second pass over a file: it commits to every row and puts the
// items in their secret order. The same file, shape, issuer, name and secret
// give the same version.
//
// The private record of every item, with which it can be opened, goes to
// private as a line of JSON, in the order of the file; CreateStore makes a
// store of them, io.Discard makes a dry run.
func Commit(ctx context.Context, src Source, shape Shape, cfg Config, private io.Writer) (*Version, error) {
	if err := cfg.check(shape); err != nil {
		return nil, err
	}
	v := &Version{Set: Set{ID: ID(cfg.Issuer, cfg.Name), Fields: shape.Fields}, Issuer: cfg.Issuer, Name: cfg.Name, Key: shape.Key}
	a := newAssembly(v, private, shape.Rows)
	finder := newFinder(shape.Fields, shape.Key, shape.Rows)
	p := pass[output]{src: src, seed: shape.seed, progress: cfg.Progress,
		worker: func() func([]Row, *output) { return newCommitter(src.Name, v, cfg.Secret).rows },
		take: func(_ []Row, out *output) error {
			for i, item := range out.items {
				finder.add(uint32(len(a.leaves)+i), item.normal)
			}
			if len(a.leaves)+len(out.items) > shape.Rows {
				return fmt.Errorf("%s: %w", src.Name, errChanged)
			}
			return cmp.Or(a.take(out), out.err)
		}}
	known := p.seed != maphash.Seed{}
	if !known {
		p.seed = maphash.MakeSeed()
	}
	checksum, err := p.run(ctx)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) != shape.Rows || known && checksum != shape.checksum {
		return nil, fmt.Errorf("%s: %w", src.Name, errChanged)
	}
	if len(finder.groups) > 0 && !cfg.AllowDuplicates {
		return nil, &DuplicatesError{src.Name, finder.duplicates(func(row uint64) uint64 { return row })}
	}
	finder.forms, finder.first = nil, nil // a million of each
	if err := a.finish(src.Name, finder); err != nil {
		return nil, err
	}
	return v, nil
}

func (cfg Config) check(shape Shape) error {
	switch {
	case cfg.Secret == Secret{}:
		return errors.New("the secret is all zeros")
	case cfg.Issuer == "" || !utf8.ValidString(cfg.Issuer):
		return fmt.Errorf("issuer %q is empty or no valid UTF-8", clip(cfg.Issuer))
	case cfg.Name == "" || !utf8.ValidString(cfg.Name):
		return fmt.Errorf("test set name %q is empty or no valid UTF-8", clip(cfg.Name))
	case len(shape.Fields) == 0:
		return errors.New("no fields are declared")
	}
	return checkFields(shape.Fields)
}
