package testset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
// become public; Items does not.
type Version struct {
	Set
	Issuer, Name string
	Key          string // the key member; empty when rows are known by their number
	Active       attest.Hash
	Leaves       []attest.Hash // the skeleton
	Bitmap       []byte        // the active items
	Duplicates   [][]uint64    // groups of indexes, ascending
	Items        []Item        // in index order
	Tree         *attest.Tree

	// Of a version that follows another (Store.Next).
	Edits       []attest.Edit // ascending by retired index
	Consistency []attest.Hash // with the version before; empty if the size is the same

	records []record
	batches []uint64 // items that each commit appended
}

// Item is the private side of one leaf.
type Item struct {
	Key Key
	Rev uint32
	Row uint32 // in the file, from zero
}

// record is where an item's private record is.
type record struct {
	offset uint64
	length uint32
}

// Commit is the second pass over a file: it commits to every row and puts the
// items in their secret order. The same file, shape, issuer, name and secret
// give the same version.
//
// The private record of every item, with which it can be opened, goes to
// private as a line of JSON, in the order of the file; CreateStore makes a
// store of them, io.Discard makes a dry run.
func Commit(ctx context.Context, src Source, shape Shape, cfg Config, private io.Writer) (*Version, error) {
	c, err := newCommitter(src.Name, shape, cfg, private)
	if err != nil {
		return nil, err
	}
	tap := newTap(src, cfg.Progress)
	for row, err := range Rows(tap.source()) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = c.add(row)
		}
		if err != nil {
			return nil, err
		}
		tap.count()
	}
	if digest := tap.done(); len(c.items) != shape.Rows || !shape.digest.IsZero() && digest != shape.digest {
		return nil, fmt.Errorf("%s: %w", src.Name, errChanged)
	}
	if len(c.finder.groups) > 0 && !cfg.AllowDuplicates {
		return nil, &DuplicatesError{src.Name, c.duplicates(func(row uint64) uint64 { return row })}
	}
	return c.finish()
}

type committer struct {
	version  *Version
	file     string
	rows     int
	salts    *Salts
	finder   *finder
	position map[string]int // of a field
	written  []int          // fields in canonical order
	quoted   [][]byte       // field names as JSON
	private  io.Writer
	offset   uint64
	buf      []byte

	// Of every row, in the order of the file.
	items   []Item
	leaves  []attest.Hash
	records []record
	order   []ordered
	normal  [][16]byte // digests of normal forms, where Next appends
}

type ordered struct {
	by  attest.Hash
	row uint32
}

func newCommitter(file string, shape Shape, cfg Config, private io.Writer) (*committer, error) {
	switch {
	case cfg.Secret == Secret{}:
		return nil, errors.New("the secret is all zeros")
	case cfg.Issuer == "" || !utf8.ValidString(cfg.Issuer):
		return nil, fmt.Errorf("issuer %q is empty or no valid UTF-8", clip(cfg.Issuer))
	case cfg.Name == "" || !utf8.ValidString(cfg.Name):
		return nil, fmt.Errorf("test set name %q is empty or no valid UTF-8", clip(cfg.Name))
	case len(shape.Fields) == 0:
		return nil, errors.New("no fields are declared")
	}
	if err := checkFields(shape.Fields); err != nil {
		return nil, err
	}
	id := ID(cfg.Issuer, cfg.Name)
	c := &committer{
		version:  &Version{Set: Set{ID: id, Fields: shape.Fields}, Issuer: cfg.Issuer, Name: cfg.Name, Key: shape.Key},
		file:     file,
		rows:     shape.Rows,
		salts:    cfg.Secret.Salts(id),
		finder:   newFinder(shape.Fields, shape.Key),
		position: map[string]int{},
		written:  canonicalOrder(shape.Fields),
		private:  private,
		items:    make([]Item, 0, shape.Rows),
		leaves:   make([]attest.Hash, 0, shape.Rows),
		records:  make([]record, 0, shape.Rows),
		order:    make([]ordered, 0, shape.Rows),
	}
	for i, f := range shape.Fields {
		c.position[f] = i
		c.quoted = append(c.quoted, attest.AppendString(nil, f))
	}
	return c, nil
}

func (c *committer) add(row Row) error {
	if row.Number >= c.rows {
		return fmt.Errorf("%s: %w", c.file, errChanged)
	}
	key, err := rowKey(c.file, row, c.version.Key)
	if err != nil {
		return err
	}
	values := make([][]byte, len(c.version.Fields))
	for _, m := range row.Members {
		if i, ok := c.position[m.Name]; ok {
			values[i] = m.Value
		}
	}
	n := uint32(row.Number)
	c.finder.add(n, values)
	c.items = append(c.items, Item{Key: key, Row: n})
	c.leaves = append(c.leaves, ItemLeaf(c.salts.Commitments(key, 0, c.version.Fields, values)))
	c.order = append(c.order, ordered{c.salts.Order(key), n})
	return c.write(key, 0, values)
}

// write writes the private record of an item.
func (c *committer) write(key Key, rev uint32, values [][]byte) error {
	b := append(c.buf[:0], `{"fields":{`...)
	for _, i := range c.written {
		if len(values[i]) == 0 {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, c.quoted[i]...), ':')
		b = append(b, values[i]...)
	}
	b = append(b, `},"key":`...)
	b = append(b, key...)
	b = fmt.Appendf(b, `,"rev":%d}`, rev)
	b = append(b, '\n')
	c.buf = b
	c.records = append(c.records, record{c.offset, uint32(len(b))})
	c.offset += uint64(len(b))
	if _, err := c.private.Write(b); err != nil {
		return fmt.Errorf("writing private record: %w", err)
	}
	return nil
}

// finish puts the rows in their secret order and builds the tree.
func (c *committer) finish() (*Version, error) {
	slices.SortFunc(c.order, func(a, b ordered) int { return bytes.Compare(a.by[:], b.by[:]) })
	v := c.version
	v.Leaves = make([]attest.Hash, len(c.order))
	v.Items = make([]Item, len(c.order))
	v.records = make([]record, len(c.order))
	index := make([]uint64, len(c.order)) // by row
	for i, o := range c.order {
		// Survey has seen unique keys, but a Shape can be made by hand.
		if i > 0 && c.order[i-1].by == o.by {
			return nil, fmt.Errorf("%s: rows %d and %d have the same key %s", c.file, min(c.order[i-1].row, o.row), max(c.order[i-1].row, o.row), clip(string(c.items[o.row].Key)))
		}
		v.Leaves[i], v.Items[i], v.records[i] = c.leaves[o.row], c.items[o.row], c.records[o.row]
		index[o.row] = uint64(i)
	}
	c.items, c.leaves, c.records, c.order = nil, nil, nil, nil
	v.Duplicates = c.duplicates(func(row uint64) uint64 { return index[row] })
	v.Size = uint64(len(v.Leaves))
	v.Tree = attest.NewTree(v.Leaves)
	v.Root = v.Tree.Root()
	v.batches = []uint64{v.Size}
	v.Bitmap = AllActive(v.Size)
	var err error
	v.Active, err = Active(v.Size, v.Bitmap)
	return v, err
}

// duplicates are the groups of equal rows under other numbers, in order.
func (c *committer) duplicates(name func(row uint64) uint64) [][]uint64 {
	var groups [][]uint64
	for _, rows := range c.finder.groups {
		group := make([]uint64, len(rows))
		for i, r := range rows {
			group[i] = name(r)
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []uint64) int { return cmp.Compare(a[0], b[0]) })
	return groups
}
