package history

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// board is the versions of one table, the oldest first: dated files, or what a history
// has of one file.
type board struct {
	name     string
	versions []*version
	dated    []*harness.Table // of which these are; with copies, which are no versions
	gone     *harness.Table   // where the table is first missing; nil where it is not
}

// version is a table as it was on a day, or in a commit.
type version struct {
	*harness.Table
	now bool           // as the file lies there
	at  map[string]int // made when it is first asked for
}

// rows are the numbers of rows by entry; the last of those that are there twice.
func (v *version) rows() map[string]int {
	if v.at == nil {
		v.at = make(map[string]int, len(v.Rows))
		for i := range v.Rows {
			v.at[v.Rows[i].Entry] = i
		}
	}
	return v.at
}

func (v *version) row(entry string) *harness.TableRow {
	if i, ok := v.rows()[entry]; ok {
		return &v.Rows[i]
	}
	return nil
}

// place is a line of the version's file.
func (v *version) place(line int) Place { return placeIn(v.Table, line) }

func placeIn(t *harness.Table, line int) Place {
	p := placeOf(t.File, line)
	if t.Commit != "" {
		p.Commit, p.Date = t.Commit, t.Date
	}
	return p
}

// called is a version's name in a sentence, and that the name of a second one.
func (v *version) called() string {
	if v.now || v.Commit != "" {
		return inHistory(v.Table)
	}
	return "the version of " + v.Date
}

func (v *version) that() string {
	if v.now || v.Commit != "" {
		return v.called()
	}
	return "that of " + v.Date
}

// inHistory names a version that a history has, or the one that follows all of these.
func inHistory(t *harness.Table) string {
	if t.Commit == "" {
		return "the file as it lies there"
	}
	return fmt.Sprintf("commit %.12s of %s", t.Commit, t.Date)
}

// boards groups tables that say when they were so, and adds those with a history.
func boards(in *harness.Imported) []*board {
	return append(datedBoards(in.Tables), lineages(in.Lineages)...)
}

// datedBoards are those of tables with a date. A second table of the same day is no
// later version.
func datedBoards(tables []*harness.Table) []*board {
	type id struct{ format, board string }
	found := map[id]*board{}
	var all []*board
	for _, t := range tables {
		if t.Date == "" {
			continue
		}
		k := id{t.Format, t.Board}
		if found[k] == nil {
			found[k] = &board{name: t.Board}
			all = append(all, found[k])
		}
		found[k].versions = append(found[k].versions, &version{Table: t})
		found[k].dated = append(found[k].dated, t)
	}
	for _, b := range all {
		slices.SortStableFunc(b.versions, func(x, y *version) int { return cmp.Compare(x.Date, y.Date) })
		b.versions = slices.CompactFunc(b.versions, func(x, y *version) bool { return x.Date == y.Date })
	}
	return all
}

// lineages are tables with a history, under their last name. What lies there now is a
// version of its own unless it is, byte for byte, the last that the history has.
func lineages(all []*harness.Lineage) []*board {
	var list []*board
	for _, l := range all {
		if len(l.Versions) == 0 {
			continue
		}
		last := l.Versions[len(l.Versions)-1]
		b := &board{name: last.Board, gone: l.Gone}
		for _, t := range l.Versions {
			b.versions = append(b.versions, &version{Table: t})
		}
		if l.Now != nil {
			b.name = l.Now.Board
			if l.Now.File.SHA256 != last.File.SHA256 {
				b.versions = append(b.versions, &version{Table: l.Now, now: true})
			}
		}
		list = append(list, b)
	}
	return list
}

func (b *board) latest() *version { return b.versions[len(b.versions)-1] }

// compared are the versions with numbers that can be compared.
func (b *board) compared() []*version {
	return slices.DeleteFunc(slices.Clone(b.versions), func(v *version) bool { return len(quoted(v.Table)) == 0 })
}

// superseded are the tables of which a later version is there: what they say is history,
// and their numbers are not what is published.
func superseded(all []*board) map[*harness.Table]bool {
	old := map[*harness.Table]bool{}
	for _, b := range all {
		for _, t := range b.dated {
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

func columnOf(t *harness.Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c harness.Column) bool { return c.Name == name })
}
