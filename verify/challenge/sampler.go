package challenge

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/proctor-attest/proctor/attest"
)

// Sample draws min(k, population) different positions below population, in the
// order drawn. Every subset is equally likely, and the first positions of a
// larger draw are the smaller draw. Time and memory grow with k, not with the
// population; the caller bounds k.
func Sample(seed attest.Hash, population, k uint64) []uint64 {
	n := min(k, population)
	drawn := make([]uint64, 0, min(n, 1<<16))
	// moved holds the positions whose content is no longer their own number: a
	// Fisher-Yates shuffle of an array that is never laid out.
	moved := make(map[uint64]uint64)
	at := func(i uint64) uint64 {
		if v, ok := moved[i]; ok {
			return v
		}
		return i
	}
	g := newGenerator(seed)
	for i := range n {
		j := i + g.below(population-i)
		chosen := at(j)
		moved[j] = at(i)
		delete(moved, i) // position i is drawn and never looked at again
		drawn = append(drawn, chosen)
	}
	return drawn
}

// generator is the counter-mode stream of PROTOCOL §6.
type generator struct {
	block []byte // tag ‖ seed ‖ counter
	next  uint64
}

func newGenerator(seed attest.Hash) *generator {
	block := append(attest.AppendTag(nil, "prng"), seed[:]...)
	return &generator{block: append(block, make([]byte, 8)...)}
}

// below returns the next accepted value modulo m; m is not zero.
func (g *generator) below(m uint64) uint64 {
	// "values ≥ 2^64 − (2^64 mod m) are rejected": the last, incomplete run of
	// residues would favour the small ones.
	excess := -m % m // 2^64 mod m
	for {
		binary.BigEndian.PutUint64(g.block[len(g.block)-8:], g.next)
		g.next++
		sum := sha256.Sum256(g.block)
		if v := binary.BigEndian.Uint64(sum[:8]); excess == 0 || v < -excess {
			return v % m
		}
	}
}
