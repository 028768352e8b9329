package history

import (
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// macroTree is the mean of means where groups lie in others: "task/variant" makes three
// variants one task. What lies beside groups of the same level counts like one of them.
func macroTree(_ *audit, r *harness.Run, measure int, _ harness.Metric) (result, error) {
	means, items, err := groupMeans(r, measure)
	if err != nil {
		return result{}, err
	}
	return result{value: treeMean(means), items: items}, nil
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
