package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// rowChanged finds rows whose numbers are others in a later version. Where a number has
// an interval, which new votes move, only a change beyond both is one, without what all
// rows moved by.
func rowChanged(a *audit) []Finding {
	found := findingSet{}
	for _, b := range a.boards {
		versions := b.compared()
		for i, later := range versions[min(1, len(versions)):] {
			before := versions[i]
			moved := shifts(before, later)
			for _, column := range quoted(before.Table) {
				if text := wholeMoved(before, later, column, moved[column]); text != "" {
					found.add(Finding{Name: "row-changed", Row: b.name, Detail: text, Files: []Place{before.place(0), later.place(0)}})
				}
			}
		}
		for _, t := range a.trailsOf(b) {
			if len(t.changes) > 0 {
				found.add(t.changed(b.name))
			}
		}
	}
	return found.list()
}

// changed tells what a row was, and what it became.
func (t *trail) changed(board string) Finding {
	f := Finding{Name: "row-changed", Row: rowName(board, t.row().Entry)}
	var texts []string
	tell := func(c change) {
		texts = append(texts, c.text)
		f.Files = append(f.Files, c.before, c.after)
	}
	for _, c := range t.changes {
		tell(c)
	}
	if t.more > 1 {
		texts = append(texts, fmt.Sprintf("after %d more changes", t.more-1))
	}
	if t.more > 0 {
		tell(t.latest)
	}
	f.Detail, f.Files = strings.Join(append(texts, t.written...), "; "), dedupe(f.Files)
	return f
}

// numberChange is a number of a row that is another in a later version.
type numberChange struct {
	old       rated
	was, is   string
	remark    string
	isMissing bool
}

// differs compares a number of a row with that of a later version.
func (t *trail) differs(later *version, row *harness.TableRow, column int, moved shift) (d numberChange, differs bool) {
	before := t.seen
	name := before.Columns[column].Name
	to := columnOf(later.Table, name)
	old, ok := before.rated(t.row(), column)
	if !ok || to < 0 {
		return d, false
	}
	now, ok := later.rated(row, to)
	switch {
	case !ok:
		return numberChange{old: old, was: old.text, isMissing: true}, true
	case old.bounded && now.bounded:
		if meet(old, now, moved.by) {
			return d, false
		}
		return numberChange{old: old, was: shown(old), is: shown(now), remark: ": their 95 % intervals do not meet" + moved.told(old, now)}, true
	case old.same(now):
		return d, false
	}
	d = numberChange{old: old, was: old.text, is: now.text}
	if was, ok := t.old[name]; ok && was.same(now) {
		d.is = "again " + d.is
	}
	return d, true
}

// tell says a difference; of the first of a row's also between which versions.
func (d numberChange) tell(name string, before, later *version, first bool) string {
	switch {
	case first && d.isMissing:
		return fmt.Sprintf("%s is %s in %s, and not there in %s", name, d.was, before.called(), later.that())
	case first:
		return fmt.Sprintf("%s is %s in %s and %s in %s%s", name, d.was, before.called(), d.is, later.that(), d.remark)
	case d.isMissing:
		return fmt.Sprintf("%s %s and not there", name, d.was)
	}
	return fmt.Sprintf("%s %s and %s%s", name, d.was, d.is, d.remark)
}

// shift is how far the numbers of a column moved together. Only differences between
// ratings mean something: all of them may move and no model with them.
type shift struct {
	by   float64 // the median over rows that both versions have
	rows int     // that have
	wide float64 // the median width of their intervals
}

// meet reports whether intervals do, once what all rows moved by is taken off.
func meet(old, now rated, by float64) bool {
	return old.low+by <= now.high && now.low <= old.high+by
}

// told says that a shift was taken off. Intervals that meet as they are published are
// not said to be apart without it, however small it is.
func (s shift) told(old, now rated) string {
	also := ", also"
	if meet(old, now, 0) {
		also = ""
	} else if math.Abs(s.by) < s.wide {
		return ""
	}
	return fmt.Sprintf("%s without the %s points that all rows moved by", also, spell(s.by, 1))
}

// shifts are those of the columns with intervals.
func shifts(before, later *version) map[int]shift {
	var all map[int]shift
	for _, column := range quoted(before.Table) {
		to := columnOf(later.Table, before.Columns[column].Name)
		if to < 0 || before.Columns[column].Low == "" {
			continue
		}
		var by, wide []float64
		for entry := range before.rows() {
			row := later.row(entry)
			if row == nil {
				continue
			}
			old, ok := before.rated(before.row(entry), column)
			now, ok2 := later.rated(row, to)
			if ok && ok2 && old.bounded && now.bounded {
				by, wide = append(by, now.value-old.value), append(wide, old.high-old.low)
			}
		}
		if len(by) > 1 {
			slices.Sort(by)
			slices.Sort(wide)
			if all == nil {
				all = map[int]shift{}
			}
			all[column] = shift{by: by[len(by)/2], rows: len(by), wide: wide[len(wide)/2]}
		}
	}
	return all
}

// wholeMoved tells of ratings that all moved by more than an interval is wide.
func wholeMoved(before, later *version, column int, moved shift) string {
	if moved.rows == 0 || math.Abs(moved.by) < moved.wide {
		return ""
	}
	between := fmt.Sprintf("the versions of %s and %s", before.Date, later.Date)
	if later.now || later.Commit != "" {
		between = before.called() + " and " + later.called()
	}
	return fmt.Sprintf("between %s %s moved in all rows together, by %s in the median of %d rows: numbers of the two versions cannot be compared, only differences within one",
		between, before.Columns[column].Name, spell(moved.by, 1), moved.rows)
}
