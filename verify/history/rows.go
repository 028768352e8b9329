package history

import (
	"errors"
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// tableRow judges every number of a table's row.
func (a *audit) tableRow(t *harness.Table, row *harness.TableRow) []Row {
	k := key{t.Board, row.Entry}
	runs := a.runs[k]
	var rows []Row
	for i, c := range t.Columns {
		metric, ok := metricOf(c, runs)
		if !ok || i >= len(row.Values) || row.Values[i] == "" {
			continue
		}
		out := Row{Row: k.String(), Board: k.board, Entry: k.entry, Metric: c.Name, Published: row.Values[i], Files: []Place{placeOf(t.File, row.Line)}}
		a.judge(&out, metric, runs)
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
	return out
}

// judge compares a published number with what the runs come to. Of several runs that
// claim to be the row's the first that gives the number is taken, and the others are
// told.
func (a *audit) judge(out *Row, m harness.Metric, runs []*harness.Run) {
	p, err := parsePublished(out.Published)
	if err != nil {
		out.Status, out.Detail = NotComputable, fmt.Sprintf("published %q %s", out.Published, err)
		return
	}
	err = errors.New("no per-item results were found")
	var others []string
	for _, r := range runs {
		var got result
		if got, err = a.recompute(r, m); err != nil {
			continue
		}
		same := p.shows(got.value)
		if out.Status == Reproduced || out.Status == Differs && !same {
			if !same {
				others = append(others, fmt.Sprintf("%s gives %s", r.Files[0].Path, p.spell(got.value, false)))
			}
			continue
		}
		if out.Status == Differs {
			others = append(others, fmt.Sprintf("%s gives %s", out.Files[1].Path, out.Recomputed))
		}
		out.Status, out.Recomputed, out.Items, out.Detail = Differs, p.spell(got.value, same), got.items, ""
		out.Interval = interval(got)
		out.Files = append(out.Files[:1], places(r)...)
		if same {
			out.Status = Reproduced
		} else {
			out.Detail = fmt.Sprintf("differs by %s", spell(got.value-p.value, max(4, min(p.decimals, 6))))
		}
	}
	if out.Status == "" {
		out.Status, out.Detail = NotComputable, err.Error()
	}
	for _, o := range others {
		if out.Detail != "" {
			out.Detail += "; "
		}
		out.Detail += o
	}
}

// unpublished are the numbers of a run that no table has.
func (a *audit) unpublished(r *harness.Run) []Row {
	var rows []Row
	for _, m := range r.Metrics {
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
