package history

import (
	"fmt"
	"math"

	"github.com/proctor-attest/proctor/attest/harness"
)

// judgeDoubt takes a difference back that may come from what the file does not say.
func judgeDoubt(out *Row, m harness.Metric) {
	if out.Status != Differs || m.Doubt == "" {
		return
	}
	out.Detail = fmt.Sprintf("%s; their mean is %s", m.Doubt, out.Recomputed)
	out.Status, out.Recomputed, out.Items, out.Interval = NotComputable, "", 0, nil
}

// judgeWithin finds a number that is outside the range which its own file states.
func judgeWithin(out *Row, m harness.Metric) {
	p, err := parsePublished(out.Published)
	if err != nil || m.Within == nil || p.value >= m.Within[0] && p.value <= m.Within[1] {
		return
	}
	detail := "the file says that it is"
	switch low, high := m.Within[0], m.Within[1]; {
	case math.IsInf(high, 1):
		detail += fmt.Sprintf(" %v at least", low)
	case math.IsInf(low, -1):
		detail += fmt.Sprintf(" %v at most", high)
	default:
		detail += fmt.Sprintf(" from %v to %v", low, high)
	}
	if p.value == -1 {
		detail += "; -1 is often written where there is no score"
	}
	if out.Detail != "" {
		detail += "; " + out.Detail
	}
	out.Status, out.Detail = Impossible, detail
}

// eitherN is a standard error with n instead of n−1 where that is the published one and
// nothing says which it is.
func eitherN(m harness.Metric, got result, p published) float64 {
	if m.Rule != harness.StandardError || !m.EitherN || got.items < 2 || p.shows(got.value) {
		return got.value
	}
	if other := got.value * math.Sqrt(float64(got.items-1)/float64(got.items)); p.shows(other) {
		return other
	}
	return got.value
}

// noShares reports whether a column of a table that no format is known of cannot be
// shares of right items, since most of its numbers are none: a mean of classes, or one
// with weights, is called accuracy too.
func (a *audit) noShares(t *harness.Table, column int) bool {
	m := t.Columns[column].Metric
	if t.Format != harness.PlainTable || m == nil || m.Steps != 1 {
		return false
	}
	at := shareColumn{t, column}
	if known, ok := a.shareless[at]; ok {
		return known
	}
	tried, none := 0, 0
	for i := range t.Rows {
		row := &t.Rows[i]
		g, ok := gridOf(*m, statedSize(t, row).items)
		if !ok || column >= len(row.Values) {
			continue
		}
		x, err := parseNumber(row.Values[column])
		if err != nil {
			continue
		}
		if fit, err := g.Fit(x); err == nil {
			tried++
			if !fit.Possible() {
				none++
			}
		}
	}
	if a.shareless == nil {
		a.shareless = map[shareColumn]bool{}
	}
	a.shareless[at] = tried >= 3 && 2*none > tried
	return a.shareless[at]
}

type shareColumn struct {
	table  *harness.Table
	column int
}
