package attest

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
	"sync"

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
		var running sync.WaitGroup
		for lo := 0; lo < len(above); lo += alone {
			running.Go(func() {
				for i := lo; i < min(lo+alone, len(above)); i++ {
					above[i] = nodeHash(level[2*i], level[2*i+1])
				}
			})
		}
		running.Wait()
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

// alone is how many leaves, or nodes of a level, are left to one goroutine.
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
	root, _ := subtree(t.node, 0, t.Size())
	return root
}

func (t *Tree) node(level int, i uint64) (Hash, error) { return t.levels[level][i], nil }

// nodes gives the root of the leaves [i<<level, (i+1)<<level).
type nodes func(level int, i uint64) (Hash, error)

// subtree is the root over the leaves [lo, hi), where lo is a multiple of the
// largest power of two below hi−lo: the only ranges that a split produces.
func subtree(node nodes, lo, hi uint64) (Hash, error) {
	n := hi - lo
	if n&(n-1) == 0 {
		return node(bits.TrailingZeros64(n), lo/n)
	}
	mid := lo + split(n)
	left, err := subtree(node, lo, mid)
	if err != nil {
		return Hash{}, err
	}
	right, err := subtree(node, mid, hi)
	if err != nil {
		return Hash{}, err
	}
	return nodeHash(left, right), nil
}

// split is the largest power of two below n, for n > 1.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// ProveOpening returns the multiproof of PROTOCOL §0 for the leaves at the given
// indexes: the roots of the maximal subtrees without an opened leaf, from left
// to right.
func (t *Tree) ProveOpening(indexes []uint64) ([]Hash, error) {
	return proveOpening(t.node, t.Size(), indexes)
}

func proveOpening(node nodes, size uint64, indexes []uint64) ([]Hash, error) {
	sorted := slices.Clone(indexes)
	slices.Sort(sorted)
	if err := checkIndexes(size, sorted); err != nil {
		return nil, err
	}
	var proof []Hash
	var walk func(lo, hi uint64, opened []uint64) error
	walk = func(lo, hi uint64, opened []uint64) error {
		if len(opened) == 0 {
			h, err := subtree(node, lo, hi)
			proof = append(proof, h)
			return err
		}
		if hi-lo == 1 {
			return nil
		}
		mid := lo + split(hi-lo)
		at, _ := slices.BinarySearch(opened, mid)
		if err := walk(lo, mid, opened[:at]); err != nil {
			return err
		}
		return walk(mid, hi, opened[at:])
	}
	if size == 0 {
		return nil, nil
	}
	err := walk(0, size, sorted)
	return proof, err
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
