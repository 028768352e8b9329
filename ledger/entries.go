package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Entries walks the entries from index from up to, and without, to, which must
// be the size of a published checkpoint. They are unauthenticated: use
// ScanVerified unless every one of them is checked by other means. After an
// error the walk ends. An entry is valid until the next one.
func Entries(ctx context.Context, r Reader, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for from < to {
			entries, err := readBundle(ctx, r, from/tileWidth, to)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range entries[from%tileWidth:] {
				if !yield(e, nil) {
					return
				}
				from++
			}
		}
	}
}

// readBundle returns the entries of a bundle in a tree of this size.
func readBundle(ctx context.Context, r Reader, index, size uint64) ([][]byte, error) {
	p := partial(0, index, size)
	data, err := r.ReadEntryBundle(ctx, index, p)
	if err != nil {
		return nil, fmt.Errorf("reading entry bundle %d: %w", index, err)
	}
	want := int(p)
	if p == 0 {
		want = tileWidth
	}
	entries, err := parseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("entry bundle %d: %w", index, err)
	}
	if len(entries) < want {
		return nil, fmt.Errorf("entry bundle %d has %d entries, want %d", index, len(entries), want)
	}
	return entries[:want], nil
}

// parseBundle splits a bundle: each entry is preceded by its length in two
// bytes.
func parseBundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, errors.New("cut short")
		}
		n := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; n > len(data) {
			return nil, errors.New("cut short")
		}
		if len(entries) == tileWidth {
			return nil, fmt.Errorf("more than %d entries", tileWidth)
		}
		entries = append(entries, data[:n])
		data = data[n:]
	}
	return entries, nil
}

// ScanVerified calls fn for each entry of c's tree from index from on, and then
// checks that the entries are those of c's root. What fn did counts only if
// ScanVerified returns nil: until the last entry was read, none is proven.
// An error of fn ends the scan and is returned. The entry is valid during the
// call only.
//
// Entries before from are not read. Their hashes are, and the root holds them.
func ScanVerified(ctx context.Context, r Reader, c Checkpoint, from uint64, fn func(index uint64, entry []byte) error) error {
	if from > c.Size {
		return fmt.Errorf("scan from %d is outside a tree of %d", from, c.Size)
	}
	tree, err := rangeBefore(ctx, r, from, c.Size)
	if err != nil {
		return err
	}
	for e, err := range Entries(ctx, r, from, c.Size) {
		if err != nil {
			return err
		}
		index := tree.End()
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
			return err
		}
		if err := fn(index, e); err != nil {
			return err
		}
	}
	return checkRoot(tree, c)
}

// rangeBefore returns the tree over the first n entries, of a tree of this size.
func rangeBefore(ctx context.Context, r Reader, n, size uint64) (*compact.Range, error) {
	ids := compact.RangeNodes(0, n, nil)
	hashes, err := newTileReader(r, size).nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	f := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	return f.NewRange(0, n, hashes)
}

func checkRoot(tree *compact.Range, c Checkpoint) error {
	root, err := rootOf(tree)
	if err != nil {
		return err
	}
	if root != c.Root {
		return fmt.Errorf("the entries have root %x, checkpoint %d has %x", root, c.Size, c.Root)
	}
	return nil
}

// rootBefore returns the root that r's tiles give to the first n entries.
func rootBefore(ctx context.Context, r Reader, n, size uint64) ([32]byte, error) {
	tree, err := rangeBefore(ctx, r, n, size)
	if err != nil {
		return [32]byte{}, err
	}
	return rootOf(tree)
}

func rootOf(tree *compact.Range) ([32]byte, error) {
	if tree.End() == 0 {
		return sha256.Sum256(nil), nil // compact has none for an empty range
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(root), nil
}
