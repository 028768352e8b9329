package testset

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// FormatSkeleton writes leaf hashes as the public skeleton artifact: 32 bytes
// each, in index order, and nothing else.
func FormatSkeleton(leaves []attest.Hash) []byte {
	data := make([]byte, 0, len(leaves)*len(attest.Hash{}))
	for _, l := range leaves {
		data = append(data, l[:]...)
	}
	return data
}

// ParseSkeleton reads a skeleton. Its leaves are worth as much as the comparison
// of attest.Root with the root of a statement, which is the caller's.
func ParseSkeleton(data []byte) ([]attest.Hash, error) {
	const size = len(attest.Hash{})
	if len(data)%size != 0 {
		return nil, fmt.Errorf("skeleton has %d bytes, want a multiple of %d", len(data), size)
	}
	leaves := make([]attest.Hash, len(data)/size)
	for i := range leaves {
		leaves[i] = attest.Hash(data[i*size:])
	}
	return leaves, nil
}

// ReadSkeleton is ParseSkeleton for bytes that are not at hand all at once.
func ReadSkeleton(r io.Reader) ([]attest.Hash, error) {
	in := bufio.NewReader(r)
	leaves := []attest.Hash{}
	var leaf attest.Hash
	for {
		n, err := io.ReadFull(in, leaf[:])
		switch {
		case err == io.EOF:
			return leaves, nil
		case err == io.ErrUnexpectedEOF:
			return nil, fmt.Errorf("skeleton has %d bytes, want a multiple of %d", len(leaves)*len(leaf)+n, len(leaf))
		case err != nil:
			return nil, fmt.Errorf("reading skeleton: %w", err)
		}
		if len(leaves) == cap(leaves) {
			leaves = slices.Grow(leaves, max(64, len(leaves)))
		}
		leaves = append(leaves, leaf)
	}
}

// AllActive is the bitmap of a set of which nothing is retired.
func AllActive(size uint64) []byte {
	bitmap := make([]byte, (size+7)/8)
	for i := range bitmap {
		bitmap[i] = 0xff
	}
	if rest := size % 8; rest != 0 {
		bitmap[len(bitmap)-1] = 0xff << (8 - rest)
	}
	return bitmap
}

// IsActive reports whether item i is active; an index beyond the bitmap is not.
func IsActive(bitmap []byte, i uint64) bool {
	return i/8 < uint64(len(bitmap)) && bitmap[i/8]&(0x80>>(i%8)) != 0
}

// Active is the digest of a bitmap: TH("active", u64(size) ‖ bitmap), "bit i
// MSB-first, padding zero". A bitmap of another length, or with a bit beyond
// size, is refused: it would be a second digest for one set of items.
func Active(size uint64, bitmap []byte) (attest.Hash, error) {
	want := size / 8
	if size%8 != 0 {
		want++
	}
	if uint64(len(bitmap)) != want {
		return attest.Hash{}, fmt.Errorf("bitmap has %d bytes, want %d for %d items", len(bitmap), want, size)
	}
	if rest := size % 8; rest != 0 && bitmap[len(bitmap)-1]<<rest != 0 {
		return attest.Hash{}, fmt.Errorf("bitmap has bits beyond its %d items", size)
	}
	return attest.TaggedHash("active", binary.BigEndian.AppendUint64(nil, size), bitmap), nil
}
