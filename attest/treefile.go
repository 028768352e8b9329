package attest

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
)

// StoredTree is a Tree whose nodes stay in a file, for openings of a few leaves of
// many: it reads the nodes that a proof needs, and no others. It takes them as they
// are; that a proof leads to the root is for CheckOpening to tell.
type StoredTree struct {
	size  uint64
	nodes io.ReaderAt
	first []uint64 // node of each level
}

// WriteTo writes the nodes as OpenTree reads them: the leaves, then the level above
// them, and so on, 32 bytes each.
func (t *Tree) WriteTo(w io.Writer) (int64, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	var n int64
	for _, level := range t.levels {
		for i := range level {
			m, err := out.Write(level[i][:])
			if n += int64(m); err != nil {
				return n, err
			}
		}
	}
	return n, out.Flush()
}

// OpenTree returns the tree of size leaves, of which there are less than 2^32, that
// WriteTo wrote.
func OpenTree(nodes io.ReaderAt, size uint64) *StoredTree {
	t := &StoredTree{size: size, nodes: nodes}
	first := uint64(0)
	for level := size; level > 0; level /= 2 {
		t.first = append(t.first, first)
		first += level
	}
	return t
}

// StoredTreeBytes is how much WriteTo writes for a tree of size leaves.
func StoredTreeBytes(size uint64) int64 {
	nodes := uint64(0)
	for level := size; level > 0; level /= 2 {
		nodes += level
	}
	return int64(nodes) * sha256.Size
}

// Leaf reads the hash of the leaf at index i, which must be below the tree's size.
func (t *StoredTree) Leaf(i uint64) (Hash, error) { return t.node(0, i) }

func (t *StoredTree) node(level int, i uint64) (h Hash, err error) {
	if n, err := t.nodes.ReadAt(h[:], int64(t.first[level]+i)*sha256.Size); n < len(h) {
		return Hash{}, fmt.Errorf("reading node %d of level %d of the tree: %w", i, level, err)
	}
	return h, nil
}

// Root computes the tree's root from the largest nodes.
func (t *StoredTree) Root() (Hash, error) {
	if t.size == 0 {
		return sha256.Sum256(nil), nil
	}
	return subtree(t.node, 0, t.size)
}

// ProveOpening is Tree.ProveOpening.
func (t *StoredTree) ProveOpening(indexes []uint64) ([]Hash, error) {
	return proveOpening(t.node, t.size, indexes)
}
