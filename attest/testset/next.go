package testset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// Change says how the next version of a set differs.
type Change struct {
	// Source has rows to append, and rows that revise items of the same key. Rows
	// that are as they were committed change nothing, so that the whole new file
	// does as well as what is new in it. Its zero value has none.
	Source Source

	Retire []Key  // items that are no longer scored
	Reason string // why items are retired or revised

	AllowDuplicates bool
	Progress        Progress
}

// ErrNoChange is what Next returns when everything is as it was.
var ErrNoChange = errors.New("nothing changes: every row is as it was committed, and nothing is retired")

// Next makes the version that follows the store's. Indexes never change: revised
// items are retired and appended as their next revision, new ones appended, and
// the appended batch is in a secret order. It writes the records of all items to
// private, as CreateStore wants them for the store of the new version; the old
// store stays as it is.
func (s *Store) Next(ctx context.Context, change Change, private io.Writer) (*Version, error) {
	n := &next{Store: s, change: change, seen: newDigests(0), version: &Version{
		Set: Set{ID: s.set.ID, Fields: s.set.Fields}, Issuer: s.issuer, Name: s.name, Key: s.key,
	}}
	var err error
	if n.leaves, err = s.readLeaves(); err != nil {
		return nil, err
	}
	if _, err := io.Copy(private, io.NewSectionReader(s.items, 0, s.length)); err != nil {
		return nil, fmt.Errorf("copying private records: %w", err)
	}
	if err := n.survey(ctx); err != nil {
		return nil, err
	}
	if err := n.read(ctx, private); err != nil {
		return nil, err
	}
	if err := n.retire(); err != nil {
		return nil, err
	}
	if len(n.retired) == 0 && len(n.normal) == 0 {
		return nil, ErrNoChange
	}
	return n.finish()
}

// next is a version in the making.
type next struct {
	*Store
	change  Change
	version *Version
	leaves  []attest.Hash     // of every item so far
	newest  map[digest]uint32 // by truncated hash of the key: its newest revision
	before  []digest          // of every item so far: the digest of its normal form
	normal  []digest          // the same of what is appended
	keys    []Key             // of what is appended
	seen    *digests          // of the keys of the rows
	places  []place           // of each of them
	rows    *committer
	out     output
	made    *assembly
	edits   []attest.Edit
	revised map[uint32]uint64 // by appended row: the index that it replaces
	retired map[uint64]bool
}

// survey goes through the items that there are.
func (n *next) survey(ctx context.Context) error {
	n.newest = make(map[digest]uint32, n.set.Size)
	n.before = make([]digest, n.set.Size)
	n.revised = map[uint32]uint64{}
	n.retired = map[uint64]bool{}
	normal := newNormalizer(n.set.Fields, n.key)
	for i := range n.set.Size {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		item, err := n.Item(i)
		if err != nil {
			return err
		}
		n.newest[digestOf(keyContent([]byte(item.Key)))] = uint32(i) // later batches have later revisions
		n.before[i] = normal.digest(n.values(item))
	}
	return nil
}

// values are an item's bytes in the declared order.
func (n *next) values(item StoredItem) [][]byte {
	values := make([][]byte, len(n.set.Fields))
	for i, f := range n.set.Fields {
		values[i] = item.Fields[f]
	}
	return values
}

// read goes through the rows of the source.
func (n *next) read(ctx context.Context, private io.Writer) error {
	n.rows = newCommitter(n.change.Source.Name, n.version, n.secret)
	n.made = newAssembly(n.version, private, 0)
	n.made.offset = uint64(n.length)
	if n.change.Source.Open == nil {
		return nil
	}
	_, err := eachRow(ctx, pass[struct{}]{src: n.change.Source, seed: maphash.MakeSeed(), progress: n.change.Progress}, n.add)
	return err
}

func (n *next) add(row Row) error {
	file := n.change.Source.Name
	key, err := rowKey(file, row, n.key)
	if err != nil {
		return err
	}
	name := digestOf(keyContent(key))
	if number, known := n.seen.add(name); known {
		first := n.places[number]
		return rowError(file, row, n.key, fmt.Sprintf("key %s is also that of row %d (line %d)", clip(string(key)), first.row, first.line), "give every row a key of its own")
	}
	n.places = append(n.places, place{uint32(row.Number), uint32(row.Line)})
	values, rev := n.rows.valuesOf(row), uint32(0)
	if old, known := n.newest[name]; known {
		item, err := n.Item(uint64(old))
		if err != nil {
			return err
		}
		if slices.EqualFunc(values, n.values(item), bytes.Equal) {
			return nil
		}
		if !IsActive(n.bitmap, item.Index) {
			return rowError(file, row, n.key, fmt.Sprintf("item %s was retired", clip(string(key))), "what is retired stays retired; give the new item a key of its own")
		}
		if item.Rev == math.MaxUint32 {
			return fmt.Errorf("item %s has too many revisions", clip(string(key)))
		}
		rev = item.Rev + 1
		n.revised[uint32(len(n.normal))] = item.Index
		n.retired[item.Index] = true
	}
	if n.set.Size+uint64(len(n.normal)) >= math.MaxUint32 {
		return errors.New("the set would have 2^32 items or more")
	}
	n.out.reset()
	n.rows.item(key, rev, values, &n.out)
	n.normal = append(n.normal, n.out.items[0].normal)
	n.keys = append(n.keys, Key(key))
	return n.made.take(&n.out)
}

// retire retires what is named.
func (n *next) retire() error {
	for _, key := range n.change.Retire {
		index, known := n.newest[digestOf(keyContent([]byte(key)))]
		switch {
		case !known:
			return fmt.Errorf("the set has no item %s", clip(string(key)))
		case !IsActive(n.bitmap, uint64(index)):
			return fmt.Errorf("item %s is retired already", clip(string(key)))
		case n.retired[uint64(index)]:
			return fmt.Errorf("item %s is both revised and retired", clip(string(key)))
		}
		n.retired[uint64(index)] = true
		n.edits = append(n.edits, attest.Edit{Retired: uint64(index), Reason: n.change.Reason})
	}
	return nil
}

// finish puts what is appended in its secret order and builds the longer tree.
func (n *next) finish() (*Version, error) {
	v := n.version
	v.Leaves = n.leaves
	v.Bitmap = AllActive(n.set.Size + uint64(len(n.normal)))
	for i := range n.set.Size {
		r, err := n.readRecord(i)
		if err != nil {
			return nil, fmt.Errorf("store: item %d: %w", i, err)
		}
		v.records = append(v.records, r)
		if !IsActive(n.bitmap, i) || n.retired[i] {
			v.Bitmap[i/8] &^= 0x80 >> (i % 8)
		}
	}
	index, err := n.made.sort(n.change.Source.Name)
	if err != nil {
		return nil, err
	}
	if err := n.findDuplicates(index); err != nil {
		return nil, err
	}
	for item, old := range n.revised {
		successor := uint64(index[item])
		n.edits = append(n.edits, attest.Edit{Retired: old, Successor: &successor, Reason: n.change.Reason})
	}
	slices.SortFunc(n.edits, func(a, b attest.Edit) int { return cmp.Compare(a.Retired, b.Retired) })
	v.Edits = n.edits
	v.batches = slices.Clone(n.batches)
	if len(index) > 0 {
		v.batches = append(v.batches, uint64(len(index)))
	}
	if err := v.build(); err != nil {
		return nil, err
	}
	v.Consistency, err = v.Tree.ProveConsistency(n.set.Size)
	return v, err
}

// findDuplicates looks among all items that stay active, and refuses groups with
// an appended item in them unless they are allowed.
func (n *next) findDuplicates(index []uint32) error {
	f := newFinder(n.set.Fields, n.key, len(n.before)+len(n.normal))
	for i, digest := range n.before {
		if IsActive(n.version.Bitmap, uint64(i)) {
			f.add(uint32(i), digest)
		}
	}
	for item, digest := range n.normal {
		f.add(index[item], digest)
	}
	n.version.Duplicates = f.duplicates(func(index uint64) uint64 { return index })
	if n.change.AllowDuplicates {
		return nil
	}
	for _, group := range n.version.Duplicates {
		if last := group[len(group)-1]; last >= n.set.Size {
			item := slices.Index(index, uint32(last))
			return fmt.Errorf("%s: the row with key %s is an item that the set has already, case, width and white space set aside", n.change.Source.Name, clip(string(n.keys[item])))
		}
	}
	return nil
}
