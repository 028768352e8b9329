package history

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// appendRow judges every number of a table's row.
func (a *audit) appendRow(rows []Row, t *harness.Table, row *harness.TableRow) []Row {
	name, runs := rowName(t.Board, row.Entry), a.runsOf(t, row.Entry)
	stated := statedSize(t, row)
	place := placeOf(t.File, row.Line)
	for i, c := range t.Columns {
		metric, ok := metricOf(c, runs)
		if !ok || i >= len(row.Values) || row.Values[i] == "" {
			continue
		}
		out := Row{Row: name, Board: t.Board, Entry: row.Entry, Metric: c.Name, Published: row.Values[i], Files: []Place{place}}
		switch metric.Rule {
		case harness.LengthAdjusted, harness.LengthError:
			a.judgeAdjusted(&out, t, metric)
		case harness.Rating:
			a.judgeRating(&out, t, i)
		default:
			a.judge(&out, metric, runs)
			if out.Status == NotComputable {
				judgeByCounts(&out, t, row, metric)
			}
			if !a.noShares(t, i) {
				judgePossible(&out, metric, stated)
			} else if out.Status == NotComputable {
				out.Detail += "; most numbers of this column are no shares of so many items, so that it may be a mean of another kind"
			}
		}
		rows = append(rows, out)
	}
	return rows
}

// metricOf says how a column's numbers come from items; columns that are no numbers
// of the items have no metric.
func metricOf(c harness.Column, runs []*harness.Run) (harness.Metric, bool) {
	if c.Metric != nil {
		return *c.Metric, true
	}
	for _, r := range runs {
		if i := slices.IndexFunc(r.Metrics, func(m harness.Metric) bool { return m.Name == c.Name }); i >= 0 {
			return r.Metrics[i], true
		}
	}
	return harness.Metric{}, false
}

// aggregateRow judges a number that a file states of its own items.
func (a *audit) aggregateRow(r *harness.Run, g *harness.Aggregate) Row {
	out := Row{Row: rowName(r.Board, r.Entry), Board: r.Board, Entry: r.Entry, Metric: g.Name, Published: g.Value}
	i := max(0, slices.IndexFunc(r.Files, func(f harness.File) bool { return f.Path == g.File }))
	out.Files = []Place{placeOf(r.Files[i], g.Line)}
	a.judge(&out, g.Metric, []*harness.Run{r})
	a.excuse(&out, r, g)
	judgeDoubt(&out, g.Metric)
	judgeWithin(&out, g.Metric)
	judgePossible(&out, g.Metric, statedOf(r, g))
	return out
}

// judge compares a published number with what the runs come to. Of several runs that
// claim to be the row's the first that gives the number is taken, and what the others
// give is told.
func (a *audit) judge(out *Row, m harness.Metric, runs []*harness.Run) {
	p, err := parsePublished(out.Published)
	if err != nil {
		out.Status, out.Detail = NotComputable, fmt.Sprintf("published %q %s", out.Published, err)
		return
	}
	why := errors.New("no per-item results were found")
	type outcome struct {
		result
		run  *harness.Run
		same bool
	}
	var all []outcome
	for _, r := range runs {
		got, err := a.recompute(r, m)
		if err == nil {
			got.value = eitherN(m, got, p)
			all = append(all, outcome{got, r, p.showsAs(m, got.value) || math.Abs(got.value-p.value) <= got.noise})
		} else if r.Board != harness.AnyBoard || len(runs) == 1 {
			why = err
		}
	}
	if len(all) == 0 {
		out.Status, out.Detail = NotComputable, why.Error()
		return
	}
	best := all[max(0, slices.IndexFunc(all, func(o outcome) bool { return o.same }))]
	out.Status, out.Recomputed, out.Items, out.Interval = Reproduced, p.spell(best.value, best.same), best.items, interval(best.result)
	out.Files = append(out.Files, places(best.run)...)
	var details []string
	if !best.same {
		out.Status = Differs
		details = append(details, fmt.Sprintf("differs by %s", spellPlain(best.value-p.value)))
		if p.shows(best.value) {
			details = append(details, "rounded it would be the same, but the harness rounds nothing")
		}
		if n, ok := a.overAll(best.run, m, p); ok {
			details = append(details, fmt.Sprintf("over all %d items, with 0 for those that have no result, it is the published number", n))
		}
		if n, ok := a.withSentinel(best.run, m, p); ok {
			details = append(details, fmt.Sprintf("with %d values of -1 "+sentinelCounts, n))
		}
		if n, ok := a.overSeen(best.run, m, p); ok {
			details = append(details, fmt.Sprintf("over the %d items that have a result "+isPublished, n))
		}
	}
	if best.run.Joined != "" {
		details = append(details, best.run.Joined)
	}
	for _, o := range all {
		if !o.same && o.value != best.value {
			details = append(details, fmt.Sprintf("%s gives %s", o.run.Files[0].Path, p.spell(o.value, false)))
		}
	}
	out.Detail = strings.Join(details, "; ")
}

// overAll reports whether a mean is the published one if items without a result count
// nothing instead of not counting.
func (a *audit) overAll(r *harness.Run, m harness.Metric, p published) (items int, ok bool) {
	want, _ := a.expectedItems(r)
	if m.Rule != harness.Mean || want <= 0 {
		return 0, false
	}
	got := a.momentsOf(r, max(0, slices.Index(r.Measures, m.Measure)))
	return want, want > got.n && p.shows(scaled(m, got.sum/float64(want)))
}

// isPublished ends what explains a number.
const isPublished = "it is the published number"

// overSeen is the reverse: whether what should count every item is published as the mean
// of those that have a result.
func (a *audit) overSeen(r *harness.Run, m harness.Metric, p published) (items int, ok bool) {
	got := a.momentsOf(r, max(0, slices.Index(r.Measures, m.Measure)))
	return got.n, m.Rule == harness.MeanOfStated && p.shows(scaled(m, got.mean))
}

// unpublished are the numbers of a run that no table has, but for those that its files
// state.
func (a *audit) unpublished(r *harness.Run, stated []string) []Row {
	var rows []Row
	for _, m := range r.Metrics {
		if slices.Contains(stated, m.Name) {
			continue
		}
		got, err := a.recompute(r, m)
		if err != nil || m.Of != "" {
			continue
		}
		rows = append(rows, Row{
			Row: rowName(r.Board, r.Entry), Board: r.Board, Entry: r.Entry, Metric: m.Name, Recomputed: spell(got.value, 6),
			Items: got.items, Status: Unpublished, Interval: interval(got), Files: places(r),
		})
	}
	return rows
}

// refused is a file that could not be read.
func refused(f harness.Refusal) Row {
	return Row{Row: f.File.Path, Status: NotComputable, Detail: "not read: " + f.Reason, Files: []Place{placeOf(f.File, 0)}}
}
