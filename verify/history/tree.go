package history

import (
	"errors"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// macroTree is the mean of means where groups lie in others: "task/variant" makes three
// variants one task. What lies beside groups of the same level counts like one of them.
func macroTree(_ *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
	sums, counts := map[string]*sum{}, map[string]int{}
	items := 0
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
		return result{}, errors.New("no item has a value")
	}
	level := map[string]float64{}
	for group, s := range sums {
		level[group] = s.value() / float64(counts[group])
	}
	return result{value: treeMean(level), items: items}, nil
}

// treeMean is the mean of what lies at the top, each the mean of what is below it.
func treeMean(leaves map[string]float64) float64 {
	below := map[string]map[string]float64{}
	for path, x := range leaves {
		top, rest, _ := strings.Cut(path, "/")
		if below[top] == nil {
			below[top] = map[string]float64{}
		}
		below[top][rest] = x
	}
	var total sum
	for _, part := range below {
		if x, ok := part[""]; ok && len(part) == 1 {
			total.add(x)
		} else {
			total.add(treeMean(part))
		}
	}
	return total.value() / float64(len(below))
}

// statedOf is what a run's own number is said to be of.
func statedOf(r *harness.Run, g *harness.Aggregate) size {
	if g.Items > 0 {
		return size{items: g.Items}
	}
	return size{items: r.Dataset.Items, from: r.Dataset.ItemsFrom}
}
