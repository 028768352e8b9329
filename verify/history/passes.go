package history

import (
	"errors"
	"fmt"
	"math"

	"github.com/proctor-attest/proctor/attest/harness"
)

// macroMean is the mean of the groups' means, which weighs a group of few items like
// one of many.
func macroMean(_ *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
	means, items, err := groupMeans(r, measure)
	if err != nil {
		return result{}, err
	}
	var total sum
	for _, x := range means {
		total.add(x)
	}
	return result{value: total.value() / float64(len(means)), items: items}, nil
}

// groupMeans are the means of the groups' items, and how many items have a value.
func groupMeans(r *harness.Run, measure int) (means map[string]float64, items int, err error) {
	sums, counts := map[string]*sum{}, map[string]int{}
	for i, it := range r.Items.All() {
		x, ok := itemValue(r, i, measure)
		if !ok {
			continue
		}
		if sums[it.Group] == nil {
			sums[it.Group] = &sum{}
		}
		sums[it.Group].add(x)
		counts[it.Group]++
		items++
	}
	if items == 0 {
		return nil, 0, errors.New("no item has a value")
	}
	means = make(map[string]float64, len(sums))
	for group, s := range sums {
		means[group] = s.value() / float64(counts[group])
	}
	return means, items, nil
}

// passes is the mean over items of a number that comes of how many of an item's samples
// passed.
func passes(of func(n, c, k int) float64) rule {
	return func(_ *audit, r *harness.Run, measure int, m harness.Metric) (result, error) {
		if m.K < 1 {
			return result{}, fmt.Errorf("k is %d, want 1 or more", m.K)
		}
		var values []float64
		for i := range r.Items.Len() {
			n, c, err := samples(r, i, measure)
			switch {
			case err != nil:
				return result{}, err
			case n == 0:
				continue
			case n < m.K:
				return result{}, fmt.Errorf("item %q has %d samples, and k is %d", r.Items.At(i).ID, n, m.K)
			}
			values = append(values, of(n, c, m.K))
		}
		if len(values) == 0 {
			return result{}, errors.New("no item has a value")
		}
		got := momentsFrom(func(yield func(float64) bool) {
			for _, v := range values {
				if !yield(v) {
					return
				}
			}
		}).asMean()
		got.items = len(values)
		return got, nil
	}
}

// samples counts those of an item, and those that passed.
func samples(r *harness.Run, i, measure int) (n, passed int, err error) {
	if r.Items.Excluded(i) != "" {
		return 0, 0, nil
	}
	values := r.Items.Values(i)
	for ; measure < len(values); measure += max(len(r.Measures), 1) {
		switch x := values[measure]; {
		case math.IsNaN(x):
			continue
		case x == 1:
			passed++
		case x != 0:
			return 0, 0, fmt.Errorf("item %q has a sample of %v, which neither passes nor fails", r.Items.At(i).ID, x)
		}
		n++
	}
	return n, passed, nil
}

// drawn is how likely it is that k of n samples, drawn at random, are all among some a
// of them: C(a,k)/C(n,k), without its large numbers.
func drawn(a, n, k int) float64 {
	if a < k {
		return 0
	}
	p := 1.0
	for i := range k {
		p *= float64(a-i) / float64(n-i)
	}
	return p
}
