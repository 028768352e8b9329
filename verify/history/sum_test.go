package history

import (
	"math/rand/v2"
	"testing"
)

// The sum is the same in any order, and exact where a plain sum loses everything.
func TestSum(t *testing.T) {
	xs := []float64{1e100, 1, -1e100, 1e-30, 0.1, 0.1, 0.1, -1, 3, 5e-324, -5e-324}
	want := 3.3
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rng.Shuffle(len(xs), func(i, j int) { xs[i], xs[j] = xs[j], xs[i] })
		var s sum
		for _, x := range xs {
			s.add(x)
		}
		if got := s.value(); got != want {
			t.Fatalf("sum of %v = %v, want %v", xs, got, want)
		}
	}
	if got := new(sum).value(); got != 0 {
		t.Errorf("sum of nothing = %v", got)
	}
}
