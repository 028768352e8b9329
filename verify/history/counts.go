package history

import (
	"cmp"
	"fmt"
	"math"

	"github.com/proctor-attest/proctor/attest/harness"
)

// counts are a row's own wins, losses and draws. Where there are no results, a row can
// still contradict itself.
type counts struct{ wins, losses, draws float64 }

func (c counts) n() float64    { return c.wins + c.losses + c.draws }
func (c counts) mean() float64 { return (c.wins + c.draws/2) / c.n() }

// standardError is that of the mean, where a win counts one and a draw a half.
func (c counts) standardError() float64 {
	p := c.mean()
	squares := c.wins*(1-p)*(1-p) + c.losses*p*p + c.draws*(0.5-p)*(0.5-p)
	return math.Sqrt(squares / (c.n() - 1) / c.n())
}

// countsOf reads a row's counts of one measure.
func countsOf(t *harness.Table, row *harness.TableRow, measure string) (counts, bool) {
	get := func(rule harness.Rule) float64 {
		p, ok := cell(t, row, rule, measure)
		if !ok || p.value < 0 || p.value != math.Trunc(p.value) {
			return math.NaN()
		}
		return p.value
	}
	c := counts{get(harness.Wins), get(harness.Losses), get(harness.Draws)}
	return c, c.n() >= 2
}

// cell is the number of a row that follows a rule.
func cell(t *harness.Table, row *harness.TableRow, rule harness.Rule, measure string) (published, bool) {
	for j, c := range t.Columns {
		if c.Metric != nil && c.Metric.Rule == rule && c.Metric.Measure == measure && j < len(row.Values) {
			p, err := parsePublished(row.Values[j])
			return p, err == nil
		}
	}
	return published{}, false
}

// judgeByCounts compares a number for which there are no results with the row's own
// counts. That they agree does not recompute it.
func judgeByCounts(out *Row, t *harness.Table, row *harness.TableRow, m harness.Metric) {
	p, err := parsePublished(out.Published)
	if err != nil {
		return
	}
	if m.Rule == harness.Mean && m.Steps == 1 {
		judgeByShare(out, t, row, m, p)
		return
	}
	c, ok := countsOf(t, row, m.Measure)
	if !ok {
		return
	}
	var x float64
	scale := cmp.Or(m.Scale, 1)
	switch m.Rule {
	case harness.Count:
		x = c.n()
	case harness.Decided:
		x = scale * c.mean()
	case harness.StandardError:
		// Only where every item is won, lost or drawn do the counts say what it is.
		if mean, ok := cell(t, row, harness.Mean, m.Measure); !ok || !mean.shows(scale*c.mean()) {
			return
		}
		x = scale * c.standardError()
	default:
		return
	}
	if p.shows(x) {
		out.Detail += "; it agrees with the row's own counts"
		return
	}
	out.Status, out.Recomputed, out.Items = Differs, p.spell(x, false), int(c.n())
	out.Detail = fmt.Sprintf("differs by %s; by the row's own wins, losses and draws, as no per-item results were found", spellPlain(x-p.value))
}

// judgeByShare compares a share of items that are right with the row's own number of
// them, or of those that are not.
func judgeByShare(out *Row, t *harness.Table, row *harness.TableRow, m harness.Metric, p published) {
	n := statedItems(t, row)
	right, ok := cell(t, row, harness.Wins, m.Measure)
	if !ok {
		right, ok = cell(t, row, harness.Losses, m.Measure)
		right.value = float64(n) - right.value
	}
	if !ok || n == 0 || right.value < 0 || right.value > float64(n) || right.value != math.Trunc(right.value) {
		return
	}
	x := cmp.Or(m.Scale, 1) * right.value / float64(n)
	if p.shows(x) {
		out.Detail += "; it agrees with the row's own counts"
		return
	}
	out.Status, out.Recomputed, out.Items = Differs, p.spell(x, false), n
	out.Detail = fmt.Sprintf("differs by %s; by the row's own counts, %v of %d, as no per-item results were found", spellPlain(x-p.value), right.value, n)
}
