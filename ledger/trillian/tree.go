package trillian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/proctor-attest/proctor/ledger"
)

const (
	height = 8 // of a tile
	width  = 1 << height
)

// A tree is the right edge of a ledger's tree, from which it grows: the hashes of the
// tiles that are not full, by level, and the entries of the bundle that is not.
type tree struct {
	size   uint64
	edge   [][]byte
	bundle []byte
}

// clone returns a tree that grows apart from t.
func (t *tree) clone() *tree {
	c := &tree{size: t.size, edge: make([][]byte, len(t.edge)), bundle: bytes.Clone(t.bundle)}
	for i, row := range t.edge {
		c.edge[i] = bytes.Clone(row)
	}
	return c
}

// add grows the tree by an entry, and hands what is full by now to write.
func (t *tree) add(entry []byte, write func(path string, data []byte) error) error {
	t.bundle = binary.BigEndian.AppendUint16(t.bundle, uint16(len(entry)))
	t.bundle = append(t.bundle, entry...)
	hash := rfc6962.DefaultHasher.HashLeaf(entry)
	at := t.size / width
	t.size++
	if t.size%width == 0 {
		if err := write(ledger.BundlePath(at, 0), t.bundle); err != nil {
			return err
		}
		t.bundle = nil
	}
	for level := uint64(0); ; level, at = level+1, at/width {
		if level == uint64(len(t.edge)) {
			t.edge = append(t.edge, nil)
		}
		row := append(t.edge[level], hash...)
		if t.edge[level] = row; len(row) < width*sha256.Size {
			return nil
		}
		if err := write(ledger.TilePath(level, at, 0), row); err != nil {
			return err
		}
		t.edge[level] = nil
		hash = fold(row)
	}
}

// partials hands to write what is not full.
func (t *tree) partials(write func(path string, data []byte) error) error {
	if p := uint8(t.size % width); p > 0 {
		if err := write(ledger.BundlePath(t.size/width, p), bytes.Clone(t.bundle)); err != nil {
			return err
		}
	}
	for level, row := range t.edge {
		if len(row) == 0 {
			continue
		}
		n := t.size >> (height * level)
		if err := write(ledger.TilePath(uint64(level), n/width, uint8(n%width)), bytes.Clone(row)); err != nil {
			return err
		}
	}
	return nil
}

// root is the root that the tiles give: of the perfect trees that the edge is over, the
// last two are hashed together until there is one.
func (t *tree) root() [32]byte {
	var peaks [][]byte
	for _, row := range slices.Backward(t.edge) {
		for n := width / 2 * sha256.Size; n >= sha256.Size; n /= 2 {
			if len(row)&n != 0 {
				peaks = append(peaks, fold(row[:n]))
				row = row[n:]
			}
		}
	}
	if len(peaks) == 0 {
		return sha256.Sum256(nil)
	}
	root := peaks[len(peaks)-1]
	for _, left := range slices.Backward(peaks[:len(peaks)-1]) {
		root = rfc6962.DefaultHasher.HashChildren(left, root)
	}
	return [32]byte(root)
}

// fold hashes a row, of a power of two of hashes, to one.
func fold(row []byte) []byte {
	row = bytes.Clone(row)
	node := [1 + 2*sha256.Size]byte{rfc6962.RFC6962NodeHashPrefix}
	for len(row) > sha256.Size {
		next := row[:0]
		for i := 0; i < len(row); i += 2 * sha256.Size {
			copy(node[1:], row[i:i+2*sha256.Size])
			sum := sha256.Sum256(node[:])
			next = append(next, sum[:]...)
		}
		row = next
	}
	return row
}

// loadTree reads the edge of the tree of a checkpoint, which must give its root.
func loadTree(ctx context.Context, r ledger.Reader, cp ledger.Checkpoint) (*tree, error) {
	t := &tree{size: cp.Size}
	for level, n := uint64(0), cp.Size; n > 0; level, n = level+1, n/width {
		row, err := readEdge(ledger.TileRef{Level: level, Index: n / width, Width: uint8(n % width)}, func(index uint64, p uint8) ([]byte, error) {
			return r.ReadTile(ctx, level, index, p)
		})
		if err != nil {
			return nil, err
		}
		if len(row)%sha256.Size != 0 {
			return nil, fmt.Errorf("a tile of level %d has %d bytes", level, len(row))
		}
		t.edge = append(t.edge, row)
	}
	if root := t.root(); root != cp.Root {
		return nil, fmt.Errorf("the tiles have root %x, checkpoint %d has %x", root, cp.Size, cp.Root)
	}
	bundle, err := readEdge(ledger.TileRef{Entries: true, Index: cp.Size / width, Width: uint8(cp.Size % width)}, func(index uint64, p uint8) ([]byte, error) {
		return r.ReadEntryBundle(ctx, index, p)
	})
	if err != nil {
		return nil, err
	}
	t.bundle = bundle
	return t, t.checkBundle()
}

func readEdge(ref ledger.TileRef, read func(index uint64, p uint8) ([]byte, error)) ([]byte, error) {
	if ref.Width == 0 {
		return nil, nil
	}
	data, err := read(ref.Index, ref.Width)
	if err == nil {
		data, err = ref.Cut(data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	return data, nil
}

// checkBundle compares the entries of the bundle with their hashes.
func (t *tree) checkBundle() error {
	var hashes []byte
	for rest := t.bundle; len(rest) >= 2; {
		n := int(binary.BigEndian.Uint16(rest))
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(rest[2:2+n])...)
		rest = rest[2+n:]
	}
	if t.size > 0 && !bytes.Equal(hashes, t.edge[0]) {
		return fmt.Errorf("the newest entries are not those of the tiles")
	}
	return nil
}
