package history

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// momentsOf names the values that moments are of.
type momentsOf struct {
	run     *harness.Run
	measure int
}

// moments is what most rules need of the values of a run: one pass for all of them.
type moments struct {
	n                   int
	mean, sd            float64 // sd with n−1
	wins, losses, draws int
	zeros, ones         int
	sum, low, high      float64
}

// result is a recomputed number.
type result struct {
	value float64
	items int
	sd    float64 // of the items' values, where the number is their mean; else 0
	top   float64 // of the scale, where values go from 0 to 1; else 0
	right int     // items that are right, where all are right or wrong; else -1
	noise float64 // how far floating point may be off, where that is more than a share of the number
}

// recompute is what a metric of a run comes to.
func (a *audit) recompute(r *harness.Run, m harness.Metric) (result, error) {
	if m.Rule == harness.Unknown {
		return result{}, errors.New(cmp.Or(m.Why, "nothing says how it comes from the items"))
	}
	measure := 0
	if m.Measure != "" {
		if measure = slices.Index(r.Measures, m.Measure); measure < 0 {
			return result{}, errors.New(cmp.Or(m.Why, "the items have no "+m.Measure))
		}
	}
	rule, ok := rules[m.Rule]
	if !ok {
		return result{}, errors.New("nothing says how it comes from the items")
	}
	got, err := rule(a, r, measure, m)
	if err != nil {
		return result{}, err
	}
	got.value = scaled(m, got.value)
	got.sd *= cmp.Or(m.Scale, 1)
	got.top *= cmp.Or(m.Scale, 1)
	return got, nil
}

// scaled is how a metric is published.
func scaled(m harness.Metric, x float64) float64 {
	x *= cmp.Or(m.Scale, 1)
	if m.Cut {
		return math.Trunc(x)
	}
	return x
}

type rule func(a *audit, r *harness.Run, measure int, m harness.Metric) (result, error)

var rules = map[harness.Rule]rule{
	harness.Mean:              ofMoments(func(m *moments) (result, error) { return m.asMean(), nil }),
	harness.StandardError:     spread("standard error", func(m *moments) float64 { return m.sd / math.Sqrt(float64(m.n)) }),
	harness.PooledError:       groupError(pooledError),
	harness.MacroError:        groupError(macroError),
	harness.StandardDeviation: spread("standard deviation", func(m *moments) float64 { return m.sd }),
	harness.Variance:          spread("variance", func(m *moments) float64 { return m.sd * m.sd }),
	harness.SamplesMean:       ofSamples(func(m *moments) float64 { return m.mean }),
	harness.SamplesVariance:   ofSamples((*moments).population),
	harness.SamplesDeviation:  ofSamples(func(m *moments) float64 { return math.Sqrt(m.population()) }),
	harness.Sum:               ofMoments(func(m *moments) (result, error) { return result{value: m.sum}, nil }),
	harness.Count:             ofMoments(func(m *moments) (result, error) { return result{value: float64(m.n)}, nil }),
	harness.Wins:              ofMoments(func(m *moments) (result, error) { return result{value: float64(m.wins)}, nil }),
	harness.Losses:            ofMoments(func(m *moments) (result, error) { return result{value: float64(m.losses)}, nil }),
	harness.Draws:             ofMoments(func(m *moments) (result, error) { return result{value: float64(m.draws)}, nil }),
	harness.Decided: ofMoments(func(m *moments) (result, error) {
		return result{value: (float64(m.wins) + float64(m.draws)/2) / float64(m.n)}, nil
	}),
	harness.MeanOfStated: func(a *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
		stated, _ := a.statedFor(r)
		if stated <= 0 {
			return result{}, errors.New("nothing says how many items there are")
		}
		return a.momentsOf(r, measure).asMeanOf(stated)
	},
	harness.MacroMean: macroMean,
	harness.MacroTree: macroTree,
	harness.PassAtK:   passes(func(n, c, k int) float64 { return 1 - drawn(n-c, n, k) }),
	harness.PassHatK:  passes(func(n, c, k int) float64 { return drawn(c, n, k) }),
}

// asMeanOf is the mean of more items: those without a value count nothing.
func (m *moments) asMeanOf(items int) (result, error) {
	if m.n > items {
		return result{}, fmt.Errorf("%d items have a result, and %d are stated", m.n, items)
	}
	r := result{value: m.sum / float64(items), items: items, right: -1}
	if p := r.value; m.zeros+m.ones == m.n && items > 1 {
		r.right, r.top = m.ones, 1
		r.sd = math.Sqrt(p * (1 - p) * float64(items) / float64(items-1))
	}
	return r, nil
}

func (m *moments) asMean() result {
	r := result{value: m.mean, sd: m.sd, right: -1}
	if m.zeros+m.ones == m.n {
		r.right = m.ones
	}
	if m.low >= 0 && m.high <= 1 {
		r.top = 1
	}
	return r
}

func ofMoments(f func(m *moments) (result, error)) rule {
	return func(a *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
		m := a.momentsOf(r, measure)
		if m.n == 0 {
			return result{}, errors.New("no item has a value")
		}
		got, err := f(m)
		got.items = m.n
		return got, err
	}
}

// spread is undefined of one item, unless a harness calls it 0.
func spread(name string, f func(m *moments) float64) rule {
	return func(a *audit, r *harness.Run, measure int, metric harness.Metric) (result, error) {
		return ofMoments(func(m *moments) (result, error) {
			if m.n < 2 && !metric.OfOne {
				return result{}, fmt.Errorf("the %s of one item is undefined", name)
			}
			return result{value: f(m)}, nil
		})(a, r, measure, metric)
	}
}

func (a *audit) momentsOf(r *harness.Run, measure int) *moments {
	of := momentsOf{r, measure}
	if a.moments[of] == nil {
		a.moments[of] = newMoments(r, measure)
	}
	return a.moments[of]
}

func newMoments(r *harness.Run, measure int) *moments {
	return momentsFrom(func(yield func(float64) bool) {
		for i := range r.Items.Len() {
			if x, ok := itemValue(r, i, measure); ok && !yield(x) {
				return
			}
		}
	})
}

// momentsFrom goes through the values twice.
func momentsFrom(values iter.Seq[float64]) *moments {
	m := &moments{}
	var total, squares sum
	for x := range values {
		m.count(x)
		total.add(x)
	}
	if m.n == 0 {
		return m
	}
	m.sum = total.value()
	m.mean = m.sum / float64(m.n)
	for x := range values {
		squares.add((x - m.mean) * (x - m.mean))
	}
	if m.n > 1 {
		m.sd = math.Sqrt(squares.value() / float64(m.n-1))
	}
	return m
}

func (m *moments) count(x float64) {
	if m.n == 0 {
		m.low, m.high = x, x
	}
	m.n++
	m.low, m.high = min(m.low, x), max(m.high, x)
	switch x {
	case 0:
		m.zeros++
	case 1:
		m.ones++
	}
	switch {
	case x > 0.5:
		m.wins++
	case x < 0.5:
		m.losses++
	default:
		m.draws++
	}
}

// itemValue is the mean over samples of one measure of one item.
func itemValue(r *harness.Run, i, measure int) (float64, bool) {
	values, step := r.Items.Values(i), max(len(r.Measures), 1)
	if r.Items.Excluded(i) != "" || measure >= len(values) {
		return 0, false
	}
	if len(values) <= step {
		return values[measure], !math.IsNaN(values[measure])
	}
	var total sum
	n := 0
	for ; measure < len(values); measure += step {
		if !math.IsNaN(values[measure]) {
			total.add(values[measure])
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return total.value() / float64(n), true
}
