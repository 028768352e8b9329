package history

import (
	"cmp"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// board is the dated versions of one table, the oldest first.
type board struct {
	name     string
	versions []*version
	all      []*harness.Table // with copies, which are no versions
}

// version is a table as it was on a day.
type version struct {
	*harness.Table
	at map[string]int // rows by entry; the last of those that are there twice
}

func (v *version) row(entry string) *harness.TableRow {
	if i, ok := v.at[entry]; ok {
		return &v.Rows[i]
	}
	return nil
}

// boards groups tables that say when they were so. A second table of the same day is
// no later version.
func boards(in *harness.Imported) []*board {
	type id struct{ format, board string }
	found := map[id]*board{}
	var all []*board
	for _, t := range in.Tables {
		if t.Date == "" {
			continue
		}
		k := id{t.Format, t.Board}
		if found[k] == nil {
			found[k] = &board{name: t.Board}
			all = append(all, found[k])
		}
		found[k].versions = append(found[k].versions, newVersion(t))
		found[k].all = append(found[k].all, t)
	}
	for _, b := range all {
		slices.SortStableFunc(b.versions, func(x, y *version) int { return cmp.Compare(x.Date, y.Date) })
		b.versions = slices.CompactFunc(b.versions, func(x, y *version) bool { return x.Date == y.Date })
	}
	return all
}

func newVersion(t *harness.Table) *version {
	v := &version{Table: t, at: make(map[string]int, len(t.Rows))}
	for i := range t.Rows {
		v.at[t.Rows[i].Entry] = i
	}
	return v
}

func (b *board) latest() *version { return b.versions[len(b.versions)-1] }

// superseded are the tables of which a later version is there: what they say is history,
// and their numbers are not what is published.
func superseded(all []*board) map[*harness.Table]bool {
	old := map[*harness.Table]bool{}
	for _, b := range all {
		for _, t := range b.all {
			old[t] = t.Date < b.latest().Date
		}
	}
	return old
}

// quoted are the columns that come from items, of those that a table has.
func quoted(t *harness.Table) []int {
	var at []int
	for i, c := range t.Columns {
		if c.Metric != nil {
			at = append(at, i)
		}
	}
	return at
}

// rated is a number with its 95 % interval.
type rated struct {
	value, low, high float64
	text             string
	bounded          bool
}

// se is the standard error that an interval of a normal has.
func (r rated) se() float64 { return (r.high - r.low) / (2 * z95) }

const z95 = 1.959963984540054

// rated reads one number of a row.
func (v *version) rated(row *harness.TableRow, column int) (rated, bool) {
	number := func(i int) (float64, bool) {
		if i < 0 || i >= len(row.Values) {
			return 0, false
		}
		p, err := parsePublished(row.Values[i])
		return p.value, err == nil
	}
	x, ok := number(column)
	if !ok {
		return rated{}, false
	}
	r := rated{value: x, text: row.Values[column]}
	index := func(name string) int {
		if name == "" {
			return -1
		}
		return slices.IndexFunc(v.Columns, func(c harness.Column) bool { return c.Name == name })
	}
	low, ok := number(index(v.Columns[column].Low))
	high, ok2 := number(index(v.Columns[column].High))
	if ok && ok2 && low <= x && x <= high && low < high {
		r.low, r.high, r.bounded = low, high, true
	}
	return r, true
}
