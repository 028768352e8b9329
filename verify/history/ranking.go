package history

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// ranking is the published means of one column of a table.
type ranking struct {
	column string
	of     map[string]float64 // by entry
	sorted []float64
}

// rank is one more than there are numbers larger than x in the other rows: without is
// what the row itself has.
func (r *ranking) rank(x, without float64) int {
	larger := func(y float64) int {
		i, _ := slices.BinarySearch(r.sorted, y)
		for i < len(r.sorted) && r.sorted[i] == y {
			i++
		}
		return len(r.sorted) - i
	}
	n := larger(x)
	if without > x {
		n-- // the row itself, where it stands now
	}
	return n + 1
}

// rankingOf is that of the table's first column of means of a measure; nil if it has none.
func (a *audit) rankingOf(t *harness.Table, measure string) *ranking {
	key := rankingKey{t, measure}
	r, ok := a.rankings[key]
	if ok {
		return r
	}
	a.rankings[key] = nil
	j := slices.IndexFunc(t.Columns, func(c harness.Column) bool {
		return c.Metric != nil && isMean(*c.Metric) && c.Metric.Measure == measure
	})
	if j < 0 {
		return nil
	}
	r = &ranking{column: t.Columns[j].Name, of: map[string]float64{}}
	for _, row := range t.Rows {
		if j >= len(row.Values) {
			continue
		}
		if p, err := parsePublished(row.Values[j]); err == nil {
			r.of[row.Entry] = p.value
			r.sorted = append(r.sorted, p.value)
		}
	}
	slices.Sort(r.sorted)
	a.rankings[key] = r
	return r
}

type rankingKey struct {
	table   *harness.Table
	measure string
}

// rankIfFailed says where a row would be if its missing items had all failed and the
// other rows stayed as they are published, "" where that is where it is.
func (a *audit) rankIfFailed(r *harness.Run, measure string, low float64) string {
	for _, t := range a.in.Tables {
		if t.Board != r.Board {
			continue
		}
		ranking := a.rankingOf(t, measure)
		if ranking == nil {
			continue
		}
		x, ok := ranking.of[r.Entry]
		if !ok {
			continue
		}
		was, is := ranking.rank(x, x), ranking.rank(low, x)
		if is > was {
			return fmt.Sprintf("; by %s its row is %d of %d, and %d if the missing ones failed", ranking.column, was, len(ranking.sorted), is)
		}
	}
	return ""
}
