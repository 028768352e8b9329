package history

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// outputsDiffer finds results of other answers than those that lie elsewhere under the
// same model's name.
func outputsDiffer(a *audit) []Finding {
	best := map[string]*difference{} // for each row the one that shows most
	var order []string
	for _, r := range a.in.Runs {
		if r.Board == harness.AnyBoard {
			continue
		}
		for _, own := range a.sameEntry(r) {
			d := compareOutputs(r, own)
			if d.differ == 0 {
				continue
			}
			row := rowOf(r)
			if best[row] == nil {
				order = append(order, row)
				best[row] = d
			} else if d.shown && !best[row].shown || d.shown == best[row].shown && d.differ > best[row].differ {
				best[row] = d
			}
		}
	}
	var all []Finding
	for _, row := range order {
		d := best[row]
		what := "have another length than in"
		if d.shown {
			what = "are other than in"
		}
		detail := fmt.Sprintf("%d of %d answers %s %s", d.differ, d.both, what, d.own.Files[0].Path)
		if whose, n := a.owners.most(d.run); whose != "" && 2*n > d.both {
			detail += fmt.Sprintf("; %d are those of %q", n, whose)
		}
		all = append(all, Finding{Name: "outputs-differ", Row: row, Files: places(d.run, d.own), Detail: detail})
	}
	return all
}

// difference is between the answers of two runs of one model.
type difference struct {
	run, own     *harness.Run
	differ, both int
	shown        bool // the files show the answers themselves
}

// sameEntry are the runs that a run is compared with: the model's own outputs if they
// are there, else what other tables have of it, each pair once.
func (a *audit) sameEntry(r *harness.Run) []*harness.Run {
	var others []*harness.Run
	later := false
	for _, o := range a.byEntry[r.Entry] {
		switch {
		case o == r:
			later = true
		case o.Format != r.Format || o.Entry == "" || o.Dataset.Name != r.Dataset.Name:
		case o.Board == harness.AnyBoard:
			others = append(others, o)
		case o.Board != r.Board && a.blame(r, o, later):
			others = append(others, o)
		}
	}
	if i := slices.IndexFunc(others, func(o *harness.Run) bool { return o.Board == harness.AnyBoard }); i >= 0 {
		return others[i : i+1]
	}
	return others
}

// blame says which of two runs a difference is told of: the one whose names are
// another model's, else the first.
func (a *audit) blame(r, other *harness.Run, later bool) bool {
	mine, theirs := len(othersNamed(r, harness.OfModel, r.Entry)) > 0, len(othersNamed(other, harness.OfModel, other.Entry)) > 0
	if mine != theirs {
		return mine
	}
	return later
}

// compareOutputs counts the items that two runs both have and answer differently: by
// the answers, or where a file does not show them by their lengths.
func compareOutputs(r, own *harness.Run) *difference {
	d := &difference{run: r, own: own}
	answers := map[string]harness.Digest{}
	for _, it := range own.Items.All() {
		if it.Output != (harness.Digest{}) {
			answers[it.ID] = it.Output
		}
	}
	for _, it := range r.Items.All() {
		if want, ok := answers[it.ID]; ok && it.Output != (harness.Digest{}) {
			d.both++
			if it.Output != want {
				d.differ++
			}
		}
	}
	if d.shown = d.both > 0; d.shown {
		return d
	}
	m, n := slices.Index(r.Measures, "length"), slices.Index(own.Measures, "length")
	if m < 0 || n < 0 || r.Items.Len() != own.Items.Len() {
		return d
	}
	for i := range r.Items.Len() {
		x, ok := itemMeasure(r, i, m)
		y, ok2 := itemMeasure(own, i, n)
		if ok && ok2 {
			d.both++
			if x != y {
				d.differ++
			}
		}
	}
	return d
}
