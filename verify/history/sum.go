package history

import (
	"math"
	"math/big"
)

// sum adds floating-point numbers without error, and so whatever their order is:
// Shewchuk, Adaptive precision floating-point arithmetic (1997).
type sum struct {
	parts []float64 // do not overlap, growing
}

func (s *sum) add(x float64) {
	n := 0
	for _, y := range s.parts {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		high := x + y
		if low := y - (high - x); low != 0 {
			s.parts[n] = low
			n++
		}
		x = high
	}
	s.parts = append(s.parts[:n], x)
}

// value is the sum, rounded once.
func (s *sum) value() float64 {
	exact := new(big.Float).SetPrec(exactly)
	for _, p := range s.parts {
		exact.Add(exact, new(big.Float).SetFloat64(p))
	}
	x, _ := exact.Float64()
	return x
}

// exactly is how many bits hold any sum of floating-point numbers.
const exactly = 2200
