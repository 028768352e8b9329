package history

import (
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// groupError is a standard error that is made of the groups' own.
func groupError(of func([]*moments) float64) rule {
	return func(_ *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
		values, items := map[string][]float64{}, 0
		for i, it := range r.Items.All() {
			if x, ok := itemValue(r, i, measure); ok {
				values[it.Group] = append(values[it.Group], x)
				items++
			}
		}
		if items == 0 {
			return result{}, errors.New("no item has a value")
		}
		var groups []*moments
		for _, name := range slices.Sorted(maps.Keys(values)) {
			m := momentsFrom(slices.Values(values[name]))
			if m.n < 2 {
				return result{}, errors.New("the standard error of one item is undefined, and a group has no more")
			}
			groups = append(groups, m)
		}
		return result{value: of(groups), items: items}, nil
	}
}

// pooledError takes all groups' items to spread alike around the means of their groups.
func pooledError(groups []*moments) float64 {
	var squares sum
	items := 0
	for _, m := range groups {
		squares.add(float64(m.n-1) * m.sd * m.sd)
		items += m.n
	}
	return math.Sqrt(squares.value() / float64(items-len(groups)) / float64(items))
}

// macroError is that of a mean in which each group counts alike.
func macroError(groups []*moments) float64 {
	var squares sum
	for _, m := range groups {
		squares.add(m.sd * m.sd / float64(m.n))
	}
	return math.Sqrt(squares.value()) / float64(len(groups))
}
