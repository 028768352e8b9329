package ledger_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
)

// A prover that keeps almost nothing, and one that keeps all, prove the same while the
// tree grows, for many at once.
func TestProver(t *testing.T) {
	tr := newTree(66000)
	trees := []ledger.Checkpoint{tr.at(512), tr.at(66000 - 66000%256), tr.at(66000)}
	for _, tiles := range []int{0, 3, 1000} {
		p := ledger.NewProver(tr.reader(), tiles)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for _, c := range append(trees, trees...) {
					indexes := []uint64{0, c.Size - 1, rand.Uint64N(c.Size), rand.Uint64N(c.Size)}
					proofs, err := p.Inclusion(t.Context(), c.Size, indexes...)
					if err != nil {
						t.Errorf("Inclusion(%d, %v): %v", c.Size, indexes, err)
						return
					}
					for i, index := range indexes {
						if err := ledger.CheckInclusion(c, index, tr.leaves[index], proofs[i]); err != nil {
							t.Errorf("Inclusion(%d, %d) does not hold: %v", c.Size, index, err)
						}
					}
				}
			})
		}
		wg.Wait()
		if _, err := p.Inclusion(t.Context(), 10, 10); err == nil {
			t.Error("Inclusion(10, 10) has no error")
		}
	}
}
