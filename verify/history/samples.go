package history

import (
	"errors"
	"math"

	"github.com/proctor-attest/proctor/attest/harness"
)

// ofSamples is a number of the means that each of the trials of a run comes to: the
// first sample of every item is of the first trial, the second of the second.
func ofSamples(f func(m *moments) float64) rule {
	return func(_ *audit, r *harness.Run, measure int, metric harness.Metric) (result, error) {
		step, items := max(len(r.Measures), 1), 0
		var totals []sum
		var counts []int
		for i := range r.Items.Len() {
			if r.Items.Excluded(i) != "" {
				continue
			}
			some := false
			values := r.Items.Values(i)
			for trial := 0; measure+trial*step < len(values); trial++ {
				if trial == len(totals) {
					totals, counts = append(totals, sum{}), append(counts, 0)
				}
				if x := values[measure+trial*step]; !math.IsNaN(x) {
					some = true
					totals[trial].add(x)
					counts[trial]++
				}
			}
			if some {
				items++
			}
		}
		if items == 0 {
			return result{}, errors.New("no item has a value")
		}
		m := momentsFrom(func(yield func(float64) bool) {
			for i, n := range counts {
				if n > 0 && !yield(totals[i].value()/float64(n)) {
					return
				}
			}
		})
		return result{value: f(m), items: items, right: -1, noise: noiseOf(metric, m)}, nil
	}
}

// population is the variance with n.
func (m *moments) population() float64 {
	if m.n < 2 {
		return 0
	}
	return m.sd * m.sd * float64(m.n-1) / float64(m.n)
}

// noiseOf is how far a spread may be off that was computed as the difference of two
// large numbers, as harnesses do.
func noiseOf(metric harness.Metric, m *moments) float64 {
	const digits = 1e-14
	square := max(m.low*m.low, m.high*m.high)
	switch metric.Rule {
	case harness.SamplesVariance:
		return digits * square
	case harness.SamplesDeviation:
		if m.population() > digits*square {
			return digits * square / math.Sqrt(m.population())
		}
		return math.Sqrt(digits * square)
	}
	return 0
}
