package gittables

import (
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// lineage is a file with the tables in it, as it is followed from new to old.
type lineage struct {
	tables []*harness.Lineage // versions from new to old
	newer  *harness.Table     // a table of the version that came after: where others are missing
}

// now is a table as it lies there.
func (l *lineage) now(t *harness.Table) {
	l.tables = append(l.tables, &harness.Lineage{Now: t})
	l.newer = &harness.Table{File: t.File}
}

// gone says in which commit the file is missing.
func (l *lineage) gone(t *harness.Table) { l.newer = t }

// add takes the tables of an older version and returns how many rows it keeps.
func (l *lineage) add(tables []*harness.Table) (rows int64) {
	if len(tables) == 0 {
		return 0
	}
	free := slices.Clone(l.tables)
	take := func(t *harness.Table, is func(*harness.Lineage) bool) bool {
		i := slices.IndexFunc(free, is)
		if i < 0 {
			return false
		}
		rows += extend(free[i], t)
		free = slices.Delete(free, i, i+1)
		return true
	}
	var others []*harness.Table
	for _, t := range tables {
		if !take(t, func(of *harness.Lineage) bool { return last(of).Board == t.Board }) {
			others = append(others, t)
		}
	}
	for _, t := range others {
		// The table may have been called otherwise, as where it is called like its file.
		if take(t, func(of *harness.Lineage) bool { return alike(last(of), t) }) {
			continue
		}
		of := &harness.Lineage{Gone: l.newer}
		rows += extend(of, t)
		l.tables = append(l.tables, of)
	}
	l.newer = &harness.Table{File: tables[0].File, Commit: tables[0].Commit, Date: tables[0].Date}
	return rows
}

// last is the oldest version so far.
func last(of *harness.Lineage) *harness.Table {
	if n := len(of.Versions); n > 0 {
		return of.Versions[n-1]
	}
	return of.Now
}

// extend adds an older version. One that has the same numbers as the next is the one in
// which they came, and the next is not kept.
func extend(of *harness.Lineage, t *harness.Table) (rows int64) {
	if n := len(of.Versions); n > 0 {
		if share(of.Versions[n-1], t) {
			of.Versions[n-1] = t
			return 0
		}
	}
	of.Versions = append(of.Versions, t)
	return int64(len(t.Rows))
}

// share makes an older version use the memory of a newer one where their rows are the
// same, and reports whether all that is compared is.
func share(newer, older *harness.Table) bool {
	same := len(newer.Rows) == len(older.Rows) && slices.EqualFunc(newer.Columns, older.Columns, func(a, b harness.Column) bool {
		return a.Name == b.Name && (a.Metric == nil) == (b.Metric == nil)
	})
	at := 0
	var index map[string]int
	for i := range older.Rows {
		row := &older.Rows[i]
		if at >= len(newer.Rows) || newer.Rows[at].Entry != row.Entry {
			if index == nil {
				index = make(map[string]int, len(newer.Rows))
				for j := range newer.Rows {
					index[newer.Rows[j].Entry] = j
				}
			}
			same = false
			j, ok := index[row.Entry]
			if !ok {
				continue
			}
			at = j
		}
		next := &newer.Rows[at]
		row.Entry = next.Entry
		if slices.Equal(row.Values, next.Values) {
			row.Values = next.Values
		} else {
			same = false
		}
		at++
	}
	return same
}

// shares is how many rows the file has in common with another one's tables, 0 where that
// is not most of them.
func (l *lineage) shares(tables []*harness.Table) (n int) {
	for _, t := range tables {
		for _, of := range l.tables {
			if v := last(of); alike(v, t) {
				n += common(v, t)
			}
		}
	}
	return n
}

// alike reports whether two tables have half of their rows in common.
func alike(a, b *harness.Table) bool {
	return a.Format == b.Format && 2*common(a, b) >= max(len(a.Rows), len(b.Rows), 1)
}

func common(a, b *harness.Table) (n int) {
	has := make(map[string]bool, len(a.Rows))
	for i := range a.Rows {
		has[harness.Spelling(a.Rows[i].Entry)] = true
	}
	for i := range b.Rows {
		if name := harness.Spelling(b.Rows[i].Entry); has[name] {
			n++
			delete(has, name)
		}
	}
	return n
}

// finish puts old versions first.
func (l *lineage) finish() []*harness.Lineage {
	for _, of := range l.tables {
		slices.Reverse(of.Versions)
	}
	return slices.DeleteFunc(l.tables, func(of *harness.Lineage) bool { return len(of.Versions) == 0 })
}
