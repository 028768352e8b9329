package testset

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// assembly makes a version out of items in the order in which they were read.
type assembly struct {
	version *Version
	private io.Writer
	offset  uint64

	leaves  []attest.Hash
	records []record
	order   []ordered
}

// ordered is an item's place in the secret order: the first 128 bits of what it is
// sorted by, which only equal keys have in common.
type ordered struct {
	high, low uint64
	item      uint32
}

func newAssembly(v *Version, private io.Writer, n int) *assembly {
	return &assembly{version: v, private: private, leaves: make([]attest.Hash, 0, n), records: make([]record, 0, n), order: make([]ordered, 0, n)}
}

// take adds items, and writes their private records.
func (a *assembly) take(c *output) error {
	for _, item := range c.items {
		a.order = append(a.order, ordered{binary.BigEndian.Uint64(item.order[:]), binary.BigEndian.Uint64(item.order[8:]), uint32(len(a.leaves))})
		a.leaves = append(a.leaves, item.leaf)
		a.records = append(a.records, record{a.offset, item.length, item.rev})
		a.offset += uint64(item.length)
	}
	if _, err := a.private.Write(c.records); err != nil {
		return fmt.Errorf("writing private record: %w", err)
	}
	return nil
}

// sort puts the items in their secret order, behind those that the version has, and
// returns the index of each by its place before.
func (a *assembly) sort(file string) ([]uint32, error) {
	slices.SortFunc(a.order, func(x, y ordered) int {
		if c := cmp.Compare(x.high, y.high); c != 0 {
			return c
		}
		return cmp.Compare(x.low, y.low)
	})
	v := a.version
	v.Leaves = slices.Grow(v.Leaves, len(a.order))
	v.records = slices.Grow(v.records, len(a.order))
	index := make([]uint32, len(a.order))
	for i, o := range a.order {
		// Survey has seen unique keys, but a Shape can be made by hand.
		if i > 0 && a.order[i-1].high == o.high && a.order[i-1].low == o.low {
			other := a.order[i-1].item
			return nil, fmt.Errorf("%s: rows %d and %d have the same key", file, min(other, o.item), max(other, o.item))
		}
		index[o.item] = uint32(len(v.Leaves))
		v.Leaves = append(v.Leaves, a.leaves[o.item])
		v.records = append(v.records, a.records[o.item])
	}
	a.leaves, a.records, a.order = nil, nil, nil
	return index, nil
}

// finish completes a first version.
func (a *assembly) finish(file string, finder *finder) error {
	index, err := a.sort(file)
	if err != nil {
		return err
	}
	v := a.version
	v.Duplicates = finder.duplicates(func(row uint64) uint64 { return uint64(index[row]) })
	v.batches = []uint64{uint64(len(v.Leaves))}
	v.Bitmap = AllActive(uint64(len(v.Leaves)))
	return v.build()
}

// build computes what follows from leaves and bitmap.
func (v *Version) build() (err error) {
	v.Size = uint64(len(v.Leaves))
	v.Tree = attest.NewTree(v.Leaves)
	v.Root = v.Tree.Root()
	v.Active, err = Active(v.Size, v.Bitmap)
	return err
}
