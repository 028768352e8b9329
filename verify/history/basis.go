package history

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// Basis is what a published number was recomputed from.
type Basis struct {
	Run       *harness.Run
	Metric    harness.Metric
	Published string // as written
	Where     Place  // no path where it was published elsewhere
}

// FindBasis returns what a number of a row, named as Row names it, was recomputed from,
// where it is reproduced. Without a metric the row must have one number that is. A
// number that was published elsewhere is held against what the row's runs come to, in
// the place of what the files state.
func FindBasis(in *harness.Imported, row, metric, elsewhere string) (*Basis, error) {
	a := newAudit(in)
	var found []*Basis
	there := false
	take := func(name string, m harness.Metric, published string, where Place, runs []*harness.Run) {
		if metric != "" && name != metric {
			return
		}
		if r := a.basis(m, published, runs); r != nil && !slices.ContainsFunc(found, func(b *Basis) bool { return b.Run == r && b.Metric.Name == m.Name }) {
			m.Name = name
			found = append(found, &Basis{r, m, published, where})
		}
	}
	old := superseded(a.boards)
	for _, t := range in.Tables {
		if old[t] {
			continue
		}
		for i := range t.Rows {
			if rowName(t.Board, t.Rows[i].Entry) == row {
				there = true
				if elsewhere != "" {
					continue
				}
				a.basisColumns(t, &t.Rows[i], take)
			}
		}
	}
	for _, r := range in.Runs {
		if rowName(r.Board, r.Entry) != row {
			continue
		}
		there = true
		if elsewhere != "" {
			for _, m := range r.Metrics {
				take(m.Name, m, elsewhere, Place{}, []*harness.Run{r})
			}
			continue
		}
		for i := range r.Aggregates {
			g := &r.Aggregates[i]
			f := max(0, slices.IndexFunc(r.Files, func(f harness.File) bool { return f.Path == g.File }))
			take(g.Name, g.Metric, g.Value, placeOf(r.Files[f], g.Line), []*harness.Run{r})
		}
	}
	switch {
	case !there:
		return nil, fmt.Errorf("there is no row %q", row)
	case len(found) == 0 && metric != "":
		return nil, fmt.Errorf("row %q: %s is no mean or pass rate that its results reproduce", row, metric)
	case len(found) == 0:
		return nil, fmt.Errorf("row %q has no mean or pass rate that its results reproduce", row)
	case len(found) > 1:
		return nil, ambiguous(row, found)
	}
	return found[0], nil
}

func ambiguous(row string, found []*Basis) error {
	var names, files []string
	for _, b := range found {
		names = append(names, b.Metric.Name)
		files = append(files, b.Run.Files[0].Path)
	}
	if names = slices.Compact(slices.Sorted(slices.Values(names))); len(names) > 1 {
		return fmt.Errorf("row %q: choose one of the metrics %q", row, names)
	}
	return fmt.Errorf("row %q: %d runs give %s: name only the files of one of %q", row, len(found), names[0], files)
}

func (a *audit) basisColumns(t *harness.Table, row *harness.TableRow, take func(string, harness.Metric, string, Place, []*harness.Run)) {
	runs := a.runsOf(t, row.Entry)
	for i, c := range t.Columns {
		if m, ok := metricOf(c, runs); ok && i < len(row.Values) && row.Values[i] != "" {
			take(c.Name, m, row.Values[i], placeOf(t.File, row.Line), runs)
		}
	}
}

// signable are the rules that a registration knows too.
var signable = []harness.Rule{harness.Mean, harness.MeanOfStated, harness.PassAtK, harness.PassHatK}

// basis is the first of the runs from whose items the published number follows.
func (a *audit) basis(m harness.Metric, published string, runs []*harness.Run) *harness.Run {
	p, err := parsePublished(published)
	if err != nil || !slices.Contains(signable, m.Rule) || m.Cut {
		return nil
	}
	for _, r := range runs {
		if n, _ := a.statedFor(r); m.Rule == harness.MeanOfStated && n != r.Items.Len() {
			continue // nothing names the items that are missing
		}
		if got, err := a.recompute(r, m); err == nil && p.showsAs(m, got.value) {
			return r
		}
	}
	return nil
}
