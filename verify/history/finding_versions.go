package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// rowChanged finds rows whose numbers are others in a later version. Where a number has
// an interval, which new votes move, only a change beyond both is one, without what all
// rows moved by.
func rowChanged(a *audit) []Finding {
	found := findingSet{}
	for _, b := range a.boards {
		for i, later := range b.versions[1:] {
			before := b.versions[i]
			moved := shifts(before, later)
			for _, column := range quoted(before.Table) {
				if text := wholeMoved(before, later, column, moved[column]); text != "" {
					found.add(Finding{
						Name: "row-changed", Row: b.name, Detail: text,
						Files: []Place{placeOf(before.File, 0), placeOf(later.File, 0)},
					})
				}
			}
			for j := range before.Rows {
				old := &before.Rows[j]
				now := later.row(old.Entry)
				if now == nil || before.at[old.Entry] != j {
					continue
				}
				var changes []string
				for _, column := range quoted(before.Table) {
					if text := changed(before, later, old.Entry, column, moved[column]); text != "" {
						changes = append(changes, text)
					}
				}
				if len(changes) > 0 {
					found.add(Finding{
						Name: "row-changed", Row: rowName(b.name, old.Entry), Detail: strings.Join(changes, "; "),
						Files: []Place{placeOf(before.File, old.Line), placeOf(later.File, now.Line)},
					})
				}
			}
		}
	}
	return found.list()
}

// changed tells how a number of a row is another in a later version, "" if it is not.
func changed(before, later *version, entry string, column int, moved shift) string {
	name := before.Columns[column].Name
	to := columnOf(later, name)
	old, ok := before.rated(before.row(entry), column)
	if !ok || to < 0 {
		return ""
	}
	now, ok := later.rated(later.row(entry), to)
	switch {
	case !ok:
		return fmt.Sprintf("%s is %s in the version of %s, and not there in that of %s", name, old.text, before.Date, later.Date)
	case old.bounded && now.bounded:
		if meet(old, now, moved.by) {
			return ""
		}
		return fmt.Sprintf("%s is %s in the version of %s and %s in that of %s: their 95 %% intervals do not meet%s", name, shown(old), before.Date, shown(now), later.Date, moved.told(old, now))
	case old.value == now.value:
		return ""
	}
	return fmt.Sprintf("%s is %s in the version of %s and %s in that of %s", name, old.text, before.Date, now.text, later.Date)
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
	all := map[int]shift{}
	for _, column := range quoted(before.Table) {
		var by, wide []float64
		to := columnOf(later, before.Columns[column].Name)
		for entry := range before.at {
			row := later.row(entry)
			if row == nil || to < 0 {
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
	return fmt.Sprintf("between the versions of %s and %s %s moved in all rows together, by %s in the median of %d rows: numbers of the two versions cannot be compared, only differences within one",
		before.Date, later.Date, before.Columns[column].Name, spell(moved.by, 1), moved.rows)
}

func columnOf(v *version, name string) int {
	for i, c := range v.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

func shown(r rated) string {
	return fmt.Sprintf("%s [%s, %s]", spell(r.value, 2), spell(r.low, 2), spell(r.high, 2))
}

// rowVanished finds rows that no later version has.
func rowVanished(a *audit) []Finding {
	found := findingSet{}
	for _, b := range a.boards {
		last := map[string]*version{}
		for _, v := range b.versions {
			if len(quoted(v.Table)) == 0 {
				continue
			}
			for entry := range v.at {
				last[entry] = v
			}
		}
		for i, v := range b.versions[:len(b.versions)-1] {
			next := b.versions[i+1]
			for j := range v.Rows {
				row := &v.Rows[j]
				if last[row.Entry] != v || v.at[row.Entry] != j {
					continue
				}
				found.add(Finding{
					Name: "row-vanished", Row: rowName(b.name, row.Entry),
					Detail: fmt.Sprintf("the row is in the version of %s and in none from %s on", v.Date, next.Date),
					Files:  []Place{placeOf(v.File, row.Line), placeOf(next.File, 0)},
				})
			}
		}
	}
	return found.list()
}
