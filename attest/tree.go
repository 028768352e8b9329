package attest

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// LeafHash is the RFC 6962 §2.1 hash of leaf data.
func LeafHash(data []byte) Hash {
	var short [512]byte // as the leaves of test sets and results are
	return sha256.Sum256(append(short[:1], data...))
}

// nodeHash is free of allocation, as LeafHash is for short leaves, because a set of
// a million items hashes two million nodes.
func nodeHash(l, r Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], l[:])
	copy(buf[1+sha256.Size:], r[:])
	return sha256.Sum256(buf[:])
}

// Tree is an RFC 6962 Merkle tree with its interior nodes, for many openings of
// one set of leaves. It is read-only and safe for concurrent use.
type Tree struct {
	levels [][]Hash // levels[k][i] is the root of the leaves [i<<k, (i+1)<<k)
}

// NewTree builds the tree over leaves (leaf hashes, not leaf data) and keeps them.
func NewTree(leaves []Hash) *Tree {
	t := &Tree{levels: [][]Hash{leaves}}
	for level := leaves; len(level) > 1; {
		above := make([]Hash, len(level)/2)
		for i := range above {
			above[i] = nodeHash(level[2*i], level[2*i+1])
		}
		t.levels = append(t.levels, above)
		level = above
	}
	return t
}

// Root is the root of RFC 6962 over leaf hashes.
func Root(leaves []Hash) Hash {
	return RootOf(uint64(len(leaves)), func(i uint64) Hash { return leaves[i] })
}

// RootOf is Root over n leaf hashes that are computed when they are needed, once
// each. It keeps none, and calls leaf from several goroutines.
func RootOf(n uint64, leaf func(i uint64) Hash) Hash {
	if n == 0 {
		return sha256.Sum256(nil)
	}
	return rootOf(0, n, leaf)
}

// alone is how many leaves are left to one goroutine.
const alone = 1 << 14

func rootOf(lo, hi uint64, leaf func(i uint64) Hash) Hash {
	if hi-lo == 1 {
		return leaf(lo)
	}
	mid := lo + split(hi-lo)
	if hi-lo <= alone {
		return nodeHash(rootOf(lo, mid, leaf), rootOf(mid, hi, leaf))
	}
	left := make(chan Hash)
	go func() { left <- rootOf(lo, mid, leaf) }()
	right := rootOf(mid, hi, leaf)
	return nodeHash(<-left, right)
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return uint64(len(t.levels[0])) }

// Leaf returns the hash of the leaf at index i, which must be below Size.
func (t *Tree) Leaf(i uint64) Hash { return t.levels[0][i] }

// Root is the tree's root; SHA-256 of nothing for the empty tree.
func (t *Tree) Root() Hash {
	if t.Size() == 0 {
		return sha256.Sum256(nil)
	}
	return t.subtree(0, t.Size())
}

// subtree is the root over the leaves [lo, hi), where lo is a multiple of the
// largest power of two below hi−lo: the only ranges that a split produces.
func (t *Tree) subtree(lo, hi uint64) Hash {
	n := hi - lo
	if n&(n-1) == 0 {
		return t.levels[bits.TrailingZeros64(n)][lo/n]
	}
	mid := lo + split(n)
	return nodeHash(t.subtree(lo, mid), t.subtree(mid, hi))
}

// split is the largest power of two below n, for n > 1.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// ProveOpening returns the multiproof of PROTOCOL §0 for the leaves at the given
// indexes: the roots of the maximal subtrees without an opened leaf, from left
// to right.
func (t *Tree) ProveOpening(indexes []uint64) ([]Hash, error) {
	sorted := slices.Clone(indexes)
	slices.Sort(sorted)
	if err := checkIndexes(t.Size(), sorted); err != nil {
		return nil, err
	}
	var proof []Hash
	var walk func(lo, hi uint64, opened []uint64)
	walk = func(lo, hi uint64, opened []uint64) {
		switch {
		case len(opened) == 0:
			proof = append(proof, t.subtree(lo, hi))
		case hi-lo > 1:
			mid := lo + split(hi-lo)
			at, _ := slices.BinarySearch(opened, mid)
			walk(lo, mid, opened[:at])
			walk(mid, hi, opened[at:])
		}
	}
	if t.Size() > 0 {
		walk(0, t.Size(), sorted)
	}
	return proof, nil
}

// ProveConsistency returns the proof of RFC 6962 §2.1.2 that the tree begins with
// its first size leaves. Between a tree and itself, and after the empty tree, it
// is empty.
func (t *Tree) ProveConsistency(size uint64) ([]Hash, error) {
	nodes, err := proof.Consistency(size, t.Size())
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		hashes[i] = t.levels[id.Level][id.Index][:]
	}
	if hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren); err != nil {
		return nil, err
	}
	list := make([]Hash, len(hashes))
	for i, h := range hashes {
		list[i] = Hash(h)
	}
	return list, nil
}

// CheckConsistency verifies that the tree named by (size, root) begins with the one
// named by (size0, root0).
func CheckConsistency(size0 uint64, root0 Hash, size uint64, root Hash, hashes []Hash) error {
	list := make([][]byte, len(hashes))
	for i := range hashes {
		list[i] = hashes[i][:]
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, size0, size, list, root0[:], root[:])
}

// OpenedLeaf is a leaf hash at its claimed index.
type OpenedLeaf struct {
	Index uint64
	Hash  Hash
}

// CheckOpening verifies that the leaves, in ascending order of index, are in the
// tree named by (size, root). Every hash of the proof must be consumed.
func CheckOpening(size uint64, root Hash, leaves []OpenedLeaf, proof []Hash) error {
	indexes := make([]uint64, len(leaves))
	for i, l := range leaves {
		indexes[i] = l.Index
	}
	if err := checkIndexes(size, indexes); err != nil {
		return err
	}
	got := Hash(sha256.Sum256(nil))
	if size > 0 {
		var err error
		if got, proof, err = openingRoot(0, size, leaves, proof); err != nil {
			return err
		}
	}
	if len(proof) != 0 {
		return fmt.Errorf("multiproof has %d hashes too many", len(proof))
	}
	if got != root {
		return fmt.Errorf("opened leaves lead to root %s, want %s", got, root)
	}
	return nil
}

func openingRoot(lo, hi uint64, leaves []OpenedLeaf, proof []Hash) (Hash, []Hash, error) {
	if len(leaves) == 0 {
		if len(proof) == 0 {
			return Hash{}, nil, fmt.Errorf("multiproof ends before leaves %d to %d", lo, hi-1)
		}
		return proof[0], proof[1:], nil
	}
	if hi-lo == 1 {
		return leaves[0].Hash, proof, nil
	}
	mid := lo + split(hi-lo)
	at, _ := slices.BinarySearchFunc(leaves, mid, func(l OpenedLeaf, m uint64) int {
		if l.Index < m {
			return -1
		}
		return 1
	})
	left, proof, err := openingRoot(lo, mid, leaves[:at], proof)
	if err != nil {
		return Hash{}, nil, err
	}
	right, proof, err := openingRoot(mid, hi, leaves[at:], proof)
	if err != nil {
		return Hash{}, nil, err
	}
	return nodeHash(left, right), proof, nil
}

func checkIndexes(size uint64, sorted []uint64) error {
	for i, x := range sorted {
		if x >= size {
			return fmt.Errorf("index %d is outside a tree of %d", x, size)
		}
		if i > 0 && sorted[i-1] >= x {
			return fmt.Errorf("index %d follows %d: indexes must ascend without repeats", x, sorted[i-1])
		}
	}
	return nil
}
