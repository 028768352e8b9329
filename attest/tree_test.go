package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// Root keeps no tree, and has the root that one has.
func TestRoot(t *testing.T) {
	leaves := make([]Hash, 5*alone+3)
	for i := range leaves {
		leaves[i] = LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	sizes := []int{alone - 1, alone, alone + 1, 2 * alone, 3*alone + 5, len(leaves)}
	for n := range 70 {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		if got, want := Root(leaves[:n]), NewTree(leaves[:n]).Root(); got != want {
			t.Errorf("root of %d leaves = %s, want %s", n, got, want)
		}
	}
}

// A tree that stays in a file proves what one in memory does.
func TestStoredTree(t *testing.T) {
	leaves := make([]Hash, 40)
	for i := range leaves {
		leaves[i] = LeafHash([]byte{byte(i)})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for size := range uint64(len(leaves) + 1) {
		tree := NewTree(leaves[:size])
		var file bytes.Buffer
		n, err := tree.WriteTo(&file)
		if err != nil || n != StoredTreeBytes(size) || n != int64(file.Len()) {
			t.Fatalf("WriteTo of %d leaves = %d, %v with %d bytes, want %d", size, n, err, file.Len(), StoredTreeBytes(size))
		}
		stored := OpenTree(bytes.NewReader(file.Bytes()), size)
		if got, err := stored.Root(); err != nil || got != tree.Root() {
			t.Errorf("root of %d stored leaves = %s, %v, want %s", size, got, err, tree.Root())
		}
		for range 20 {
			var indexes []uint64
			for i := range size {
				if random.IntN(4) == 0 {
					indexes = append(indexes, i)
				}
			}
			got, err := stored.ProveOpening(indexes)
			want, _ := tree.ProveOpening(indexes)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("stored proof of %v in %d = %v, %v, want %v", indexes, size, got, err, want)
			}
			for _, i := range indexes {
				if leaf, err := stored.Leaf(i); err != nil || leaf != leaves[i] {
					t.Errorf("stored leaf %d of %d = %s, %v", i, size, leaf, err)
				}
			}
		}
		if _, err := stored.ProveOpening([]uint64{size}); err == nil {
			t.Errorf("leaf %d of %d is proven", size, size)
		}
	}
	// A file that is cut is an error, and no proof.
	short := OpenTree(bytes.NewReader(make([]byte, 100)), 8)
	if proof, err := short.ProveOpening([]uint64{0}); err == nil {
		t.Errorf("a proof from a file that is cut: %v", proof)
	}
	if _, err := short.Root(); err == nil {
		t.Error("a root from a file that is cut")
	}
}

// Leaf data longer than most has its hash too.
func TestLeafHash(t *testing.T) {
	for _, n := range []int{0, 1, 510, 511, 512, 513, 2000} {
		data := make([]byte, n)
		if got, want := LeafHash(data), Hash(sha256.Sum256(append([]byte{0}, data...))); got != want {
			t.Errorf("leaf hash of %d bytes = %s, want %s", n, got, want)
		}
	}
}
