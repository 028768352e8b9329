package stat

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Paired is the mean of a[i]−b[i] and its standard error (ddof 1): two models on the
// same items. What makes an item hard for both cancels, so that the error is mostly
// well below Unpaired's. For clusters of items, give the differences to ClusteredMean.
func Paired(a, b []float64) (Estimate, error) {
	if len(a) != len(b) {
		return Estimate{}, fmt.Errorf("%d and %d observations: want the same items", len(a), len(b))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return Mean(d, 1)
}

// Unpaired is a−b and √(SEₐ²+SE_b²), for estimates that share no items. It has no N.
func Unpaired(a, b Estimate) Estimate {
	return Estimate{Mean: a.Mean - b.Mean, SE: math.Hypot(a.SE, b.SE)}
}

// FromInterval is the estimate that a symmetric normal interval at a level was printed
// for: half its width over z. It has no N.
func FromInterval(mean float64, i Interval, level float64) (Estimate, error) {
	if err := checkLevel(level); err != nil {
		return Estimate{}, err
	}
	if !(i.Low <= mean && mean <= i.High) || math.IsInf(i.High-i.Low, 0) {
		return Estimate{}, fmt.Errorf("interval %v to %v around %v", i.Low, i.High, mean)
	}
	return Estimate{Mean: mean, SE: (i.High - i.Low) / 2 / normal(level)}, nil
}

// Z is Mean/SE, and the probability that a standard normal is that far from 0, to
// either side.
func (e Estimate) Z() (z, p float64, err error) {
	if !(e.SE > 0) {
		return 0, 0, errors.New("the standard error is 0: nothing varied")
	}
	z = e.Mean / e.SE
	return z, math.Erfc(math.Abs(z) / math.Sqrt2), nil
}

// McNemar is the exact two-sided probability, were both models equally good, of a
// split as uneven as this one of the items that only the first or only the second got
// right: min(1, 2·P(X ≤ min)), X ~ Binomial(first+second, ½). McNemar, Psychometrika
// 12 (1947).
func McNemar(first, second int) (p float64, err error) {
	if first < 0 || second < 0 || first > maxCount || second > maxCount {
		return 0, fmt.Errorf("%d and %d items: want 0 to 2^40", first, second)
	}
	if first == second {
		return 1, nil
	}
	least, most := float64(min(first, second)), float64(max(first, second))
	return min(1, 2*mathext.RegIncBeta(most, least+1, 0.5)), nil
}
