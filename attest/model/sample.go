package model

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/proctor-attest/proctor/attest"
)

// Layout is where a model keeps its tensors, known from headers alone.
type Layout struct {
	fsys    fs.FS
	entries []entry
	plan    *plan
	opts    Options
	pieces  []Piece

	once    sync.Once
	tensors map[string]tensorPlace // for TensorBytes
}

// Piece is a run of bytes that holds a tensor, or several that share them.
type Piece struct {
	File        string
	Begin, Size uint64
	Tensors     []string
}

// OpenLayout reads the headers of the weights in a file system, and the index if there
// is one. The files of weights must implement io.ReaderAt.
func OpenLayout(fsys fs.FS, opts Options) (*Layout, error) {
	entries, err := list(fsys)
	if err != nil {
		return nil, err
	}
	l := &Layout{fsys: fsys, entries: entries, opts: opts}
	l.opts.WithoutPackage = true
	if l.plan, err = planWeights(fsys, entries, opts.Weights); err != nil {
		return nil, err
	}
	if err := l.plan.readLayouts(fsys); err != nil {
		return nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(l.plan.read)) {
		in := l.plan.read[file]
		first := len(l.pieces)
		for _, p := range in.pieces[1:] {
			l.pieces = append(l.pieces, Piece{File: file, Begin: p.begin, Size: p.size})
		}
		for i, at := range in.at {
			if at > 0 {
				p := &l.pieces[first+at-1]
				p.Tensors = append(p.Tensors, in.tensors[i].Name)
			}
		}
	}
	return l, nil
}

// Pieces lists all bytes of tensors, by file and offset. The caller must not change it.
func (l *Layout) Pieces() []Piece { return l.pieces }

// Digest names the model as known has it in all but what is read: the files of its
// roles, and the chosen pieces, which are indexes of Pieces in ascending order. Tensors
// that are not read take their hash from known's tensor of the same name, type and
// shape, and zero where there is none. The model has no Package.
func (l *Layout) Digest(ctx context.Context, chosen []int, known *Model) (*Model, error) {
	r := &reader{fsys: l.fsys, plan: l.plan, opts: l.opts}
	var todo []job
	for i, e := range l.entries {
		if l.NeedsAll(e.path) {
			todo = append(todo, job{entry: i, size: e.size})
		}
	}
	l.assume(known)
	next := 0
	for _, file := range slices.Sorted(maps.Keys(l.plan.read)) {
		in := l.plan.read[file]
		at, _ := slices.BinarySearchFunc(l.entries, file, func(e entry, name string) int { return strings.Compare(e.path, name) })
		for i := range in.pieces[1:] {
			if len(chosen) > 0 && chosen[0] == next {
				chosen = chosen[1:]
				todo = append(todo, job{entry: at, pieces: in.pieces[i+1 : i+2], size: int64(in.pieces[i+1].size)})
			}
			next++
		}
	}
	if len(chosen) > 0 {
		return nil, fmt.Errorf("piece %d was chosen of %d", chosen[0], next)
	}
	read := make([]reading, len(l.entries))
	if err := r.do(ctx, l.entries, todo, read); err != nil {
		return nil, err
	}
	return assemble(l.plan, read, l.opts)
}

// assume takes all hashes from a known model.
func (l *Layout) assume(known *Model) {
	of := func(w part, tensors []Tensor) {
		by := make(map[string]Tensor, len(tensors))
		for _, t := range tensors {
			by[t.Name] = t
		}
		for _, file := range w.files {
			in := l.plan.read[file]
			for i, at := range in.at {
				if at > 0 {
					in.pieces[at].sum = attest.Hash{}
				}
				t := in.tensors[i]
				if k, ok := by[t.Name]; at > 0 && ok && k.DType == t.DType && slices.Equal(k.Shape, t.Shape) {
					in.pieces[at].sum = k.SHA256
				}
			}
		}
	}
	of(l.plan.weights, known.Tensors)
	for i, a := range l.plan.adapters {
		if i < len(known.Adapters) {
			of(a.weights, known.Adapters[i].Tensors)
		}
	}
}

// NeedsAll reports whether Digest reads a file in full.
func (l *Layout) NeedsAll(name string) bool {
	return l.plan.read[name] == nil && (inRoles(name) || l.plan.weights.index.at(name))
}
