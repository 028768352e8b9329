package attest

import (
	"crypto/sha256"
	"encoding/binary"
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

// Leaf data longer than most has its hash too.
func TestLeafHash(t *testing.T) {
	for _, n := range []int{0, 1, 510, 511, 512, 513, 2000} {
		data := make([]byte, n)
		if got, want := LeafHash(data), Hash(sha256.Sum256(append([]byte{0}, data...))); got != want {
			t.Errorf("leaf hash of %d bytes = %s, want %s", n, got, want)
		}
	}
}
