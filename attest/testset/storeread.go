package testset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/attest"
)

// Store is an owner's private store of a set. It is safe for one goroutine.
type Store struct {
	set          Set
	issuer, name string
	key          string // the key member
	secret       Secret
	batches      []uint64
	salts        *Salts
	bitmap       []byte
	tree         *attest.StoredTree
	written      []int
	names        nameTable

	items, index, nodes *os.File
	length              int64 // of items
}

// OpenStore opens a store and checks that its parts fit each other as far as that
// costs no reading of all of them: the sizes of its files, the largest nodes of the
// tree with the root, the bitmap with its digest, and the names with the setID of
// set.json. The rest is checked for what is opened, and all of the tree by Next.
func OpenStore(dir string) (*Store, error) {
	s := new(Store)
	if err := s.open(dir); err != nil {
		s.Close()
		return nil, fmt.Errorf("opening store %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(dir string) error {
	files := map[string][]byte{}
	for _, name := range []string{descriptionFile, secretFile, bitmapFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		files[name] = data
	}
	d, err := parseDescription(files[descriptionFile])
	if err != nil {
		return err
	}
	if s.secret, err = parseSecret(files[secretFile]); err != nil {
		return err
	}
	s.set = Set{d.SetID, d.Fields, d.Size, d.Root}
	s.issuer, s.name, s.key, s.batches = d.Issuer, d.Name, d.Key, d.Batches
	s.salts, s.written, s.bitmap = s.secret.Salts(d.SetID), canonicalOrder(d.Fields), files[bitmapFile]
	if got, err := Active(d.Size, s.bitmap); err != nil || got != d.Active {
		return fmt.Errorf("bitmap has digest %s, want %s (%v)", got, d.Active, err)
	}
	for _, f := range []struct {
		name string
		file **os.File
		want int64
	}{{itemsFile, &s.items, -1}, {indexFile, &s.index, indexEntry * int64(d.Size)}, {treeFile, &s.nodes, attest.StoredTreeBytes(d.Size)}} {
		if *f.file, err = os.Open(filepath.Join(dir, f.name)); err != nil {
			return err
		}
		info, err := (*f.file).Stat()
		if err != nil {
			return err
		}
		if f.want >= 0 && info.Size() != f.want {
			return fmt.Errorf("%s has %d bytes, want %d for a set of %d", f.name, info.Size(), f.want, d.Size)
		}
		if f.want < 0 {
			s.length = info.Size()
		}
	}
	s.tree = attest.OpenTree(s.nodes, d.Size)
	if got, err := s.tree.Root(); err != nil || got != d.Root {
		return fmt.Errorf("tree has root %s, want %s (%v)", got, d.Root, err)
	}
	return nil
}

// Close closes the store.
func (s *Store) Close() error {
	var errs []error
	for _, f := range []*os.File{s.items, s.index, s.nodes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Set is the version that the store opens against.
func (s *Store) Set() Set { return s.set }

// Issuer and Name are those of the set.
func (s *Store) Issuer() string { return s.issuer }
func (s *Store) Name() string   { return s.name }

// Bitmap is the active items. It belongs to the store.
func (s *Store) Bitmap() []byte { return s.bitmap }

// Secret is K: the same for all versions.
func (s *Store) Secret() Secret { return s.secret }

// readLeaves reads and checks the leaves of all items.
func (s *Store) readLeaves() ([]attest.Hash, error) {
	leaves, err := ReadSkeleton(io.NewSectionReader(s.nodes, 0, int64(s.set.Size)*int64(len(attest.Hash{}))))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if got := attest.Root(leaves); got != s.set.Root {
		return nil, fmt.Errorf("store: the leaves have root %s, want %s", got, s.set.Root)
	}
	return leaves, nil
}

// readRecord reads an entry of the index.
func (s *Store) readRecord(index uint64) (record, error) {
	var entry [indexEntry]byte
	if _, err := s.index.ReadAt(entry[:], int64(index)*indexEntry); err != nil {
		return record{}, err
	}
	return record{binary.BigEndian.Uint64(entry[:]), binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])}, nil
}

// StoredItem is an item as its owner keeps it.
type StoredItem struct {
	Index  uint64
	Key    Key
	Rev    uint32
	Fields map[string][]byte // canonical JSON; absent members are left out
}

// Item reads one item. It trusts the disk: Open does not.
func (s *Store) Item(index uint64) (StoredItem, error) {
	item, fields, err := s.itemKey(index)
	if err == nil {
		err = s.readFields(&item, fields)
	}
	if err != nil {
		return StoredItem{}, fmt.Errorf("store: item %d: %w", index, err)
	}
	return item, nil
}

// itemKey reads an item but for its fields, of which it returns the object.
func (s *Store) itemKey(index uint64) (item StoredItem, fields []byte, err error) {
	if index >= s.set.Size {
		return item, nil, fmt.Errorf("outside a set of %d", s.set.Size)
	}
	r, err := s.readRecord(index)
	if err != nil {
		return item, nil, err
	}
	if r.offset > uint64(s.length) || uint64(r.length) > uint64(s.length)-r.offset {
		return item, nil, fmt.Errorf("record at byte %d of %d is outside %s", r.offset, s.length, itemsFile)
	}
	line := make([]byte, r.length)
	if _, err := s.items.ReadAt(line, int64(r.offset)); err != nil {
		return item, nil, err
	}
	spans, err := splitObject(line, nil, &s.names)
	if err != nil {
		return item, nil, err
	}
	if len(spans) != 3 || spans[0].name != "fields" || spans[1].name != "key" || spans[2].name != "rev" {
		return item, nil, errors.New("record has not the members fields, key and rev")
	}
	item = StoredItem{Index: index, Rev: r.rev}
	item.Key, err = keyOf(line[spans[1].lo:spans[1].hi])
	return item, line[spans[0].lo:spans[0].hi], err
}

func (s *Store) readFields(item *StoredItem, object []byte) error {
	spans, err := splitObject(object, nil, &s.names)
	if err != nil {
		return err
	}
	item.Fields = make(map[string][]byte, len(spans))
	for _, f := range spans {
		item.Fields[f.name] = object[f.lo:f.hi]
	}
	return nil
}

// Find looks for a key and returns the indexes of its revisions, oldest first;
// none if the set has no such key.
func (s *Store) Find(key Key) ([]uint64, error) {
	var found []uint64
	var start uint64
	for _, n := range s.batches {
		index, ok, err := s.findIn(start, start+n, s.salts.Order(key))
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, index)
		}
		start += n
	}
	return found, nil
}

// findIn looks in a batch, the items [lo, hi), which are sorted by what Salts.Order
// makes of their keys. That is spread evenly: where an item would be if it were so
// exactly is four or five records off among a million. Every third step halves what
// is left, so that a damaged store costs no more than sixty.
func (s *Store) findIn(lo, hi uint64, want attest.Hash) (uint64, bool, error) {
	below, above := 0.0, float64(math.MaxUint64)
	target := evenly(want)
	for step := 1; lo < hi; step++ {
		mid := lo + (hi-lo)/2
		if step%3 != 0 && below < above {
			mid = lo + min(uint64(float64(hi-lo)*max(0, (target-below)/(above-below))), hi-lo-1)
		}
		item, _, err := s.itemKey(mid)
		if err != nil {
			return 0, false, fmt.Errorf("store: item %d: %w", mid, err)
		}
		got := s.salts.Order(item.Key)
		switch c := bytes.Compare(got[:], want[:]); {
		case c < 0:
			lo, below = mid+1, evenly(got)
		case c > 0:
			hi, above = mid, evenly(got)
		default:
			return mid, true, nil
		}
	}
	return 0, false, nil
}

func evenly(h attest.Hash) float64 { return float64(binary.BigEndian.Uint64(h[:])) }
