package testset

import (
	"crypto/sha256"
	"encoding/binary"
)

// digest is a truncated SHA-256, by which things of one file are told apart.
type digest [16]byte

func digestOf(data []byte) digest {
	sum := sha256.Sum256(data)
	return digest(sum[:])
}

// digests numbers different digests in the order in which they are added. A map of a
// million takes twice the memory, and four times as long.
type digests struct {
	list  []digest
	slots []uint64 // 0, or four bytes of a digest and its number plus one
}

func newDigests(n int) *digests {
	d := &digests{list: make([]digest, 0, n)}
	d.grow(n)
	return d
}

// add returns the number of a digest, and whether it was there already.
func (d *digests) add(digest digest) (number int, known bool) {
	if 2*len(d.list) >= len(d.slots) {
		d.grow(2 * len(d.list))
	}
	at, slot := d.find(digest)
	if slot != 0 {
		return int(uint32(slot)) - 1, true
	}
	d.list = append(d.list, digest)
	d.slots[at] = uint64(digest.tag())<<32 | uint64(len(d.list))
	return len(d.list) - 1, false
}

func (d digest) tag() uint32 { return binary.BigEndian.Uint32(d[:]) }

// find returns the slot that a digest has, or would have, and what is in it.
func (d *digests) find(digest digest) (at int, slot uint64) {
	last := len(d.slots) - 1 // all ones
	at = int(binary.BigEndian.Uint32(digest[4:])) & last
	for ; d.slots[at] != 0; at = (at + 1) & last {
		slot = d.slots[at]
		if uint32(slot>>32) == digest.tag() && d.list[uint32(slot)-1] == digest {
			return at, slot
		}
	}
	return at, 0
}

// grow makes room for n digests.
func (d *digests) grow(n int) {
	size := 1024
	for size < 2*n {
		size *= 2
	}
	d.slots = make([]uint64, size)
	for i, digest := range d.list {
		at, _ := d.find(digest)
		d.slots[at] = uint64(digest.tag())<<32 | uint64(i+1)
	}
}
