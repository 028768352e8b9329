package rating

import (
	"math"
	"slices"
)

// standardised is columns less their mean, over their standard deviation (ddof 0).
func standardised(x []float64, k int) []float64 {
	out := slices.Clone(x)
	for j := range k {
		mean, squares, n := 0.0, 0.0, float64(len(x)/k)
		for i := j; i < len(x); i += k {
			mean += x[i] / n
		}
		for i := j; i < len(x); i += k {
			squares += (x[i] - mean) * (x[i] - mean) / n
		}
		sd := math.Sqrt(squares)
		if sd == 0 {
			sd = 1
		}
		for i := j; i < len(x); i += k {
			out[i] = (x[i] - mean) / sd
		}
	}
	return out
}

// Difference is how a style differs between two answers, of counts such as their
// tokens, headers, lists and bold words: (a−b)/(a+b), from −1 to 1. FastChat adds 1
// to the divisor, arena-rank makes it 1 where it is 0.
func (c Convention) Difference(a, b float64) float64 {
	sum := a + b
	switch {
	case c == FastChat:
		sum++
	case sum == 0:
		sum = 1
	}
	return (a - b) / sum
}
