package history

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// rowVanished finds rows that no later version has, and tables that are gone.
func rowVanished(a *audit) []Finding {
	found := findingSet{}
	for _, b := range a.boards {
		versions := b.compared()
		if len(versions) == 0 {
			continue
		}
		for _, t := range a.trailsOf(b) {
			i := slices.Index(versions, t.seen)
			if i == len(versions)-1 {
				continue
			}
			next := versions[i+1]
			detail := fmt.Sprintf("the row is in %s and in none from %s on", t.seen.called(), next.onDate())
			if t.twin != "" {
				detail += fmt.Sprintf("; there a row %q came, with the same numbers", t.twin)
			}
			found.add(Finding{
				Name: "row-vanished", Row: rowName(b.name, t.row().Entry), Detail: detail,
				Files: []Place{t.seen.place(t.row().Line), next.place(0)},
			})
		}
		if f, ok := a.tableGone(b, versions[len(versions)-1]); ok {
			found.add(f)
		}
	}
	return found.list()
}

// onDate is how a version ends "from … on".
func (v *version) onDate() string {
	if v.now || v.Commit != "" {
		return v.called()
	}
	return v.Date
}

// tableGone tells of a table that is not there any more, unless it goes on in another
// file, or its rows all stand in others.
func (a *audit) tableGone(b *board, last *version) (Finding, bool) {
	if b.gone == nil || a.goesOn(last) {
		return Finding{}, false
	}
	elsewhere := 0
	for i := range last.Rows {
		if a.standsElsewhere(last, &last.Rows[i]) {
			elsewhere++
		}
	}
	if elsewhere == len(last.Rows) {
		return Finding{}, false
	}
	detail := fmt.Sprintf("the table is, with %d rows, in %s and not in %s", len(last.Rows), last.called(), inHistory(b.gone))
	if b.gone.Commit != "" {
		detail += " or later"
	}
	if elsewhere > 0 {
		detail += fmt.Sprintf("; %d of the rows stand in other tables, with a same number", elsewhere)
	}
	return Finding{Name: "row-vanished", Row: b.name, Detail: detail, Files: []Place{last.place(0)}}, true
}

// goesOn reports whether a table of the same name lies there, as where each version has a
// file of its own, or one that once was the same file.
func (a *audit) goesOn(last *version) bool {
	if slices.ContainsFunc(a.in.Tables, func(t *harness.Table) bool { return t.Format == last.Format && t.Board == last.Board }) {
		return true
	}
	return slices.ContainsFunc(a.boards, func(other *board) bool {
		return other.gone == nil && slices.ContainsFunc(other.versions, func(v *version) bool { return v.File.SHA256 == last.File.SHA256 })
	})
}

// standsElsewhere reports whether a table that lies there has such a row.
func (a *audit) standsElsewhere(v *version, row *harness.TableRow) bool {
	for _, other := range a.current(row.Entry) {
		w := &version{Table: other.table}
		for _, column := range quoted(v.Table) {
			to := columnOf(other.table, v.Columns[column].Name)
			old, ok := v.rated(row, column)
			if to < 0 || !ok {
				continue
			}
			if now, ok := w.rated(other.row, to); ok && old.same(now) {
				return true
			}
		}
	}
	return false
}

// tableRow is a row and its table.
type tableRow struct {
	table *harness.Table
	row   *harness.TableRow
}

// current are the rows of an entry in the tables that lie there.
func (a *audit) current(entry string) []tableRow {
	if a.entries == nil {
		a.entries = map[string][]tableRow{}
		for _, t := range a.in.Tables {
			for i := range t.Rows {
				a.entries[t.Rows[i].Entry] = append(a.entries[t.Rows[i].Entry], tableRow{t, &t.Rows[i]})
			}
		}
	}
	return a.entries[entry]
}
