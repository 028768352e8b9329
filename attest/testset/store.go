package testset

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// The files of a store. See the package comment.
const (
	descriptionFile = "set.json"
	secretFile      = "secret"
	itemsFile       = "items.jsonl"
	indexFile       = "items.index"
	skeletonFile    = "skeleton"
	bitmapFile      = "bitmap"

	indexEntry = 16
)

// description is set.json; its members are in canonical order.
type description struct {
	Active  attest.Hash `json:"active"`
	Batches []uint64    `json:"batches"`
	Fields  []string    `json:"fields"`
	Issuer  string      `json:"issuer"`
	Key     string      `json:"key"`
	Name    string      `json:"name"`
	Root    attest.Hash `json:"root"`
	SetID   attest.Hash `json:"setID"`
	Size    uint64      `json:"size"`
	Version int         `json:"version"`
}

func (d description) marshal() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return attest.Canonicalize(data)
}

// CreateStore makes the owner's private store of a set in dir, which must not
// exist. It hands commit a writer for the private records, which is what Commit
// wants, and writes the rest from the version that commit returns. All is
// written under another name beside dir, synced, and renamed: dir is there
// entirely or not at all. Files have mode 0600; losing them loses openings,
// never verifiability.
func CreateStore(dir string, secret Secret, commit func(private io.Writer) (*Version, error)) (*Version, error) {
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = os.ErrExist
		}
		return nil, fmt.Errorf("creating store %s: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	defer os.RemoveAll(tmp) // in vain after the rename
	var v *Version
	err = writeFile(filepath.Join(tmp, itemsFile), func(w io.Writer) (err error) {
		if v, err = commit(w); err == nil && v == nil {
			err = errors.New("nothing was committed")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := v.save(tmp, secret); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	return v, syncDir(filepath.Dir(dir))
}

func (v *Version) save(dir string, secret Secret) error {
	// A store that opens nothing must not be found out after the file is gone.
	if v.Size == 0 || uint64(len(v.records)) != v.Size {
		return errors.New("version does not come from Commit")
	}
	text, err := description{v.Active, v.batches, v.Fields, v.Issuer, v.Key, v.Name, v.Root, v.ID, v.Size, 1}.marshal()
	if err != nil {
		return err
	}
	index := make([]byte, 0, indexEntry*len(v.records))
	for _, r := range v.records {
		index = binary.BigEndian.AppendUint64(index, r.offset)
		index = binary.BigEndian.AppendUint32(index, r.length)
		index = binary.BigEndian.AppendUint32(index, r.rev)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{secretFile, formatSecret(secret)},
		{indexFile, index},
		{skeletonFile, FormatSkeleton(v.Leaves)},
		{bitmapFile, v.Bitmap},
		{descriptionFile, append(text, '\n')},
	} {
		err := writeFile(filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := w.Write(f.data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// Store is an owner's private store of a set. It is safe for one goroutine.
type Store struct {
	set          Set
	issuer, name string
	key          string // the key member
	secret       Secret
	batches      []uint64
	salts        *Salts
	leaves       []attest.Hash
	bitmap       []byte
	tree         *attest.Tree // made when it is first needed
	index        []byte
	items        *os.File
	length       int64
	written      []int
	names        nameTable
}

// OpenStore opens a store and checks that its parts fit each other: that the
// skeleton has the root, the bitmap the digest, and the names the setID of
// set.json. That the secret and the items fit is checked for what is opened.
func OpenStore(dir string) (*Store, error) {
	s, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", dir, err)
	}
	return s, nil
}

func openStore(dir string) (*Store, error) {
	files := map[string][]byte{}
	for _, name := range []string{descriptionFile, secretFile, indexFile, skeletonFile, bitmapFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	d, err := parseDescription(files[descriptionFile])
	if err != nil {
		return nil, err
	}
	secret, err := parseSecret(files[secretFile])
	if err != nil {
		return nil, err
	}
	s := &Store{
		set:    Set{d.SetID, d.Fields, d.Size, d.Root},
		issuer: d.Issuer, name: d.Name, key: d.Key, secret: secret, batches: d.Batches,
		salts: secret.Salts(d.SetID), index: files[indexFile], bitmap: files[bitmapFile],
		written: canonicalOrder(d.Fields),
	}
	if s.leaves, err = ParseSkeleton(files[skeletonFile]); err != nil {
		return nil, err
	}
	if uint64(len(s.leaves)) != d.Size || uint64(len(s.index)) != indexEntry*d.Size {
		return nil, fmt.Errorf("%d leaves and %d bytes of index do not fit a set of %d", len(s.leaves), len(s.index), d.Size)
	}
	s.tree = attest.NewTree(s.leaves)
	if got := s.tree.Root(); got != d.Root {
		return nil, fmt.Errorf("skeleton has root %s, want %s", got, d.Root)
	}
	if got, err := Active(d.Size, s.bitmap); err != nil || got != d.Active {
		return nil, fmt.Errorf("bitmap has digest %s, want %s (%v)", got, d.Active, err)
	}
	if s.items, err = os.Open(filepath.Join(dir, itemsFile)); err != nil {
		return nil, err
	}
	info, err := s.items.Stat()
	if err != nil {
		s.items.Close()
		return nil, err
	}
	s.length = info.Size()
	return s, nil
}

func parseDescription(text []byte) (description, error) {
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("%s: %w", descriptionFile, err)
	}
	again, err := d.marshal()
	if err != nil {
		return d, fmt.Errorf("%s: %w", descriptionFile, err)
	}
	if !bytes.Equal(append(again, '\n'), text) {
		return d, fmt.Errorf("%s was not written by this version of Proctor, or was edited", descriptionFile)
	}
	var total uint64
	for _, n := range d.Batches {
		if n > d.Size {
			return d, fmt.Errorf("%s: a batch of %d in a set of %d", descriptionFile, n, d.Size)
		}
		total += n
	}
	switch {
	case d.Version != 1:
		return d, fmt.Errorf("%s: version %d, want 1", descriptionFile, d.Version)
	case d.SetID != ID(d.Issuer, d.Name):
		return d, fmt.Errorf("%s: setID %s is not that of issuer %q and name %q", descriptionFile, d.SetID, clip(d.Issuer), clip(d.Name))
	case d.Size == 0 || total != d.Size:
		return d, fmt.Errorf("%s: batches of %d items in a set of %d", descriptionFile, total, d.Size)
	}
	return d, checkFields(d.Fields)
}

// Close closes the store.
func (s *Store) Close() error { return s.items.Close() }

// Set is the version that the store opens against.
func (s *Store) Set() Set { return s.set }

// Issuer and Name are those of the set.
func (s *Store) Issuer() string { return s.issuer }
func (s *Store) Name() string   { return s.name }

// Leaves is the skeleton and Bitmap the active items. Both belong to the store.
func (s *Store) Leaves() []attest.Hash { return s.leaves }
func (s *Store) Bitmap() []byte        { return s.bitmap }

func recordAt(entry []byte) record {
	return record{binary.BigEndian.Uint64(entry), binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])}
}

// Secret is K: the same for all versions.
func (s *Store) Secret() Secret { return s.secret }

// StoredItem is an item as its owner keeps it.
type StoredItem struct {
	Index  uint64
	Key    Key
	Rev    uint32
	Fields map[string][]byte // canonical JSON; absent members are left out
}

// Item reads one item. It trusts the disk: Open does not.
func (s *Store) Item(index uint64) (StoredItem, error) {
	if index >= s.set.Size {
		return StoredItem{}, fmt.Errorf("index %d is outside a set of %d", index, s.set.Size)
	}
	item, err := s.item(index)
	if err != nil {
		return StoredItem{}, fmt.Errorf("store: item %d: %w", index, err)
	}
	return item, nil
}

func (s *Store) item(index uint64) (StoredItem, error) {
	r := recordAt(s.index[index*indexEntry:])
	offset, length := r.offset, r.length
	if offset > uint64(s.length) || uint64(length) > uint64(s.length)-offset {
		return StoredItem{}, fmt.Errorf("record at byte %d of %d is outside %s", offset, s.length, itemsFile)
	}
	line := make([]byte, length)
	if _, err := s.items.ReadAt(line, int64(offset)); err != nil {
		return StoredItem{}, err
	}
	spans, err := splitObject(line, nil, &s.names)
	if err != nil {
		return StoredItem{}, err
	}
	if len(spans) != 3 || spans[0].name != "fields" || spans[1].name != "key" || spans[2].name != "rev" {
		return StoredItem{}, errors.New("record has not the members fields, key and rev")
	}
	item := StoredItem{Index: index, Rev: r.rev, Fields: map[string][]byte{}}
	if item.Key, err = keyOf(line[spans[1].lo:spans[1].hi]); err != nil {
		return StoredItem{}, err
	}
	fields := line[spans[0].lo:spans[0].hi]
	if spans, err = splitObject(fields, spans[:0], &s.names); err != nil {
		return StoredItem{}, err
	}
	for _, f := range spans {
		item.Fields[f.name] = fields[f.lo:f.hi]
	}
	return item, nil
}

// Find looks for a key and returns the indexes of its revisions, oldest first;
// none if the set has no such key. Within a batch the items are sorted by what
// Salts.Order makes of their keys, so that twenty records tell among a million.
func (s *Store) Find(key Key) ([]uint64, error) {
	want := s.salts.Order(key)
	var found []uint64
	var start uint64
	for _, n := range s.batches {
		lo, hi := start, start+n
		for lo < hi {
			mid := lo + (hi-lo)/2
			item, err := s.Item(mid)
			if err != nil {
				return nil, err
			}
			got := s.salts.Order(item.Key)
			switch c := bytes.Compare(got[:], want[:]); {
			case c < 0:
				lo = mid + 1
			case c > 0:
				hi = mid
			default:
				found = append(found, mid)
				lo, hi = mid, mid
			}
		}
		start += n
	}
	return found, nil
}

// Open writes an opening of the items at the given indexes, in any order, to w.
// It opens the fields named; nil opens every field. Each item is committed to
// again first and must give the leaf that was published: what a damaged store
// would write is refused.
func (s *Store) Open(ctx context.Context, w io.Writer, indexes []uint64, fields []string) error {
	which, err := s.fields(fields)
	if err != nil {
		return err
	}
	indexes = slices.Clone(indexes)
	slices.Sort(indexes)
	if len(indexes) == 0 {
		return errors.New("no items to open")
	}
	proof, err := s.tree.ProveOpening(indexes)
	if err != nil {
		return fmt.Errorf("opening items: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	header := openingHeader{Fields: s.set.Fields, Opened: uint64(len(indexes)), Proof: joinHashes(proof), Root: s.set.Root, SetID: s.set.ID, Size: s.set.Size}
	line := header.append(nil)
	if len(line) > maxOpeningLine {
		return fmt.Errorf("opening items: a proof of %d hashes is too long for one opening; open fewer items", len(proof))
	}
	out.Write(line)
	for _, i := range indexes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if line, err = s.openItem(line[:0], i, which); err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("writing opening: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing opening: %w", err)
	}
	return nil
}

// fields are the positions to open, in canonical order.
func (s *Store) fields(names []string) ([]int, error) {
	if names == nil {
		return s.written, nil
	}
	for _, n := range names {
		if !slices.Contains(s.set.Fields, n) {
			return nil, fmt.Errorf("the set has no field %q", clip(n))
		}
	}
	var which []int
	for _, i := range s.written {
		if slices.Contains(names, s.set.Fields[i]) {
			which = append(which, i)
		}
	}
	return which, nil
}

func (s *Store) openItem(dst []byte, index uint64, which []int) ([]byte, error) {
	item, err := s.Item(index)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(s.set.Fields))
	for i, f := range s.set.Fields {
		values[i] = item.Fields[f]
	}
	line := itemLine{Index: index, Key: json.RawMessage(item.Key), Rev: item.Rev, Commitments: s.salts.Commitments(item.Key, item.Rev, s.set.Fields, values)}
	if got, want := ItemLeaf(line.Commitments), s.leaves[index]; got != want {
		return nil, fmt.Errorf("store: item %d: secret and record give leaf %s, but %s was published", index, got, want)
	}
	line.Fields = make(map[string]openedField, len(which))
	for _, i := range which {
		f := s.set.Fields[i]
		line.Fields[f] = openedField{Bytes: values[i], Salt: s.salts.Salt(item.Key, item.Rev, f)}
	}
	return line.append(dst, s.set.Fields, s.written), nil
}
