package testset

import (
	"encoding/binary"
	"testing"
)

// Digests that share a place, or a part, are different all the same.
func TestDigests(t *testing.T) {
	d := newDigests(0)
	var list []digest
	for i := range uint32(5000) {
		var x digest
		binary.BigEndian.PutUint32(x[:], i%3)
		binary.BigEndian.PutUint32(x[4:], i%7*1021)
		binary.BigEndian.PutUint32(x[12:], i)
		list = append(list, x, digestOf(x[:]))
	}
	for round := range 2 {
		for i, x := range list {
			if number, known := d.add(x); number != i || known != (round == 1) {
				t.Fatalf("round %d: digest %d has number %d, known %v", round, i, number, known)
			}
		}
	}
}
