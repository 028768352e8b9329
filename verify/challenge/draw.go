package challenge

import (
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// Subset returns which k of the pool a draw takes, ascending; all of a smaller pool.
// The pool is the active items in the order of their index (PROTOCOL §4).
func Subset(draw attest.Hash, pool []uint64, k uint64) []uint64 {
	items := make([]uint64, 0, min(k, uint64(len(pool))))
	for _, at := range Sample(DrawSeed(draw, Items), uint64(len(pool)), k) {
		items = append(items, pool[at])
	}
	slices.Sort(items)
	return items
}

// Examples returns which few-shot examples a draw takes, in the order in which they are
// shown: positions in a pool of so many.
func Examples(draw attest.Hash, f attest.FewShotDraw) []uint64 {
	return Sample(DrawSeed(draw, FewShot), f.Pool, f.Count)
}

// OptionOrder returns in which order a draw shows the choices of an item: position i
// shows the choice that has been number order[i].
func OptionOrder(draw attest.Hash, item uint64, choices uint32) (order []uint64) {
	return Sample(RunSeed(DrawSeed(draw, Options), item, 0), uint64(choices), uint64(choices))
}
