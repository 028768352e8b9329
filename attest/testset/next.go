package testset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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
	n := &next{Store: s, change: change, version: &Version{
		Set: Set{ID: s.set.ID, Fields: s.set.Fields}, Issuer: s.issuer, Name: s.name, Key: s.key,
	}}
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
	if len(n.retired) == 0 && len(n.rows.items) == 0 {
		return nil, ErrNoChange
	}
	return n.finish()
}

// next is a version in the making.
type next struct {
	*Store
	change  Change
	version *Version
	newest  map[[16]byte]uint32 // by truncated hash of the key: its newest revision
	normal  [][16]byte          // of every item so far: the digest of its normal form
	rows    *committer          // what is appended
	edits   []attest.Edit
	revised map[uint32]uint64 // by appended row: the index that it replaces
	retired map[uint64]bool
}

func keyDigest(key Key) [16]byte {
	sum := sha256.Sum256([]byte(key.Bytes()))
	return [16]byte(sum[:])
}

// survey goes through the items that there are.
func (n *next) survey(ctx context.Context) error {
	n.newest = make(map[[16]byte]uint32, n.set.Size)
	n.normal = make([][16]byte, n.set.Size)
	n.revised = map[uint32]uint64{}
	n.retired = map[uint64]bool{}
	finder := newFinder(n.set.Fields, n.key)
	for i := range n.set.Size {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		item, err := n.Item(i)
		if err != nil {
			return err
		}
		n.newest[keyDigest(item.Key)] = uint32(i) // later batches have later revisions
		n.normal[i] = finder.digest(n.values(item))
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
	n.rows = &committer{
		version: n.version, file: n.change.Source.Name, salts: n.salts, private: private, offset: uint64(n.length),
		finder: newFinder(n.set.Fields, n.key), position: map[string]int{}, written: n.written,
	}
	for i, f := range n.set.Fields {
		n.rows.position[f] = i
		n.rows.quoted = append(n.rows.quoted, attest.AppendString(nil, f))
	}
	if n.change.Source.Open == nil {
		return nil
	}
	seen := map[[16]byte]Row{}
	tap := newTap(n.change.Source, n.change.Progress)
	for row, err := range Rows(tap.source()) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = n.add(row, seen)
		}
		if err != nil {
			return err
		}
		tap.count()
	}
	tap.done()
	return nil
}

func (n *next) add(row Row, seen map[[16]byte]Row) error {
	file := n.change.Source.Name
	key, err := rowKey(file, row, n.key)
	if err != nil {
		return err
	}
	digest := keyDigest(key)
	if first, dup := seen[digest]; dup {
		return rowError(file, row, n.key, fmt.Sprintf("key %s is also that of row %d (line %d)", clip(string(key)), first.Number, first.Line), "give every row a key of its own")
	}
	seen[digest] = Row{Number: row.Number, Line: row.Line}
	values := make([][]byte, len(n.set.Fields))
	for _, m := range row.Members {
		if i, ok := n.rows.position[m.Name]; ok {
			values[i] = m.Value
		}
	}
	rev := uint32(0)
	if old, known := n.newest[digest]; known {
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
		n.revised[uint32(len(n.rows.items))] = item.Index
		n.retired[item.Index] = true
	}
	if n.set.Size+uint64(len(n.rows.items)) >= math.MaxUint32 {
		return errors.New("the set would have 2^32 items or more")
	}
	return n.rows.append(key, rev, values)
}

// append is add for a row whose key and revision are known.
func (c *committer) append(key Key, rev uint32, values [][]byte) error {
	at := uint32(len(c.items))
	c.items = append(c.items, Item{Key: key, Rev: rev, Row: at})
	c.leaves = append(c.leaves, ItemLeaf(c.salts.Commitments(key, rev, c.version.Fields, values)))
	c.order = append(c.order, ordered{c.salts.Order(key), at})
	c.normal = append(c.normal, c.finder.digest(values))
	return c.write(key, rev, values)
}

// retire retires what is named.
func (n *next) retire() error {
	for _, key := range n.change.Retire {
		index, known := n.newest[keyDigest(key)]
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
	v, c := n.version, n.rows
	v.Leaves = slices.Clone(n.leaves)
	v.Bitmap = AllActive(n.set.Size + uint64(len(c.items)))
	for i := range n.set.Size {
		item := n.index[i*indexEntry:]
		v.records = append(v.records, recordAt(item))
		v.Items = append(v.Items, Item{Rev: revAt(item)})
		if !IsActive(n.bitmap, i) || n.retired[i] {
			v.Bitmap[i/8] &^= 0x80 >> (i % 8)
		}
	}
	slices.SortFunc(c.order, func(a, b ordered) int { return bytes.Compare(a.by[:], b.by[:]) })
	place := make([]uint64, len(c.order)) // by appended row
	for i, o := range c.order {
		place[o.row] = n.set.Size + uint64(i)
		v.Leaves = append(v.Leaves, c.leaves[o.row])
		v.Items = append(v.Items, c.items[o.row])
		v.records = append(v.records, c.records[o.row])
	}
	if err := n.findDuplicates(place); err != nil {
		return nil, err
	}
	for row, old := range n.revised {
		n.edits = append(n.edits, attest.Edit{Retired: old, Successor: &place[row], Reason: n.change.Reason})
	}
	slices.SortFunc(n.edits, func(a, b attest.Edit) int { return int(int64(a.Retired) - int64(b.Retired)) })
	v.Edits = n.edits
	v.batches = slices.Clone(n.batches)
	if len(c.order) > 0 {
		v.batches = append(v.batches, uint64(len(c.order)))
	}
	v.Size = uint64(len(v.Leaves))
	v.Tree = attest.NewTree(v.Leaves)
	v.Root = v.Tree.Root()
	var err error
	if v.Consistency, err = v.Tree.ProveConsistency(n.set.Size); err != nil {
		return nil, err
	}
	v.Active, err = Active(v.Size, v.Bitmap)
	return v, err
}

// findDuplicates looks among all items that stay active, and refuses groups with
// an appended item in them unless they are allowed.
func (n *next) findDuplicates(place []uint64) error {
	f := n.rows.finder
	for i, digest := range n.normal {
		if IsActive(n.version.Bitmap, uint64(i)) {
			f.addDigest(uint32(i), digest)
		}
	}
	for row, digest := range n.rows.normal {
		f.addDigest(uint32(place[row]), digest)
	}
	n.version.Duplicates = n.rows.duplicates(func(index uint64) uint64 { return index })
	if n.change.AllowDuplicates {
		return nil
	}
	for _, group := range n.version.Duplicates {
		if last := group[len(group)-1]; last >= n.set.Size {
			row := slices.Index(place, last)
			return fmt.Errorf("%s: the row with key %s is an item that the set has already, case, width and white space set aside", n.change.Source.Name, clip(string(n.rows.items[row].Key)))
		}
	}
	return nil
}
