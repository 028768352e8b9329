package history

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// trail is one row through the versions of a board.
type trail struct {
	seen    *version // the last that has it
	at      int      // its row there
	written []string // how it is called since when, where that changed
	twin    string   // a row with the same numbers that came where this one went
	changes []change
	more    int // changes that are not kept
	latest  change
	old     map[string]rated // a column's number before it last changed
}

// change is what differs between two versions that have a row.
type change struct {
	text          string
	before, after Place
}

// mostChanges is how many are told of a row.
const mostChanges = 8

func (t *trail) row() *harness.TableRow { return &t.seen.Rows[t.at] }

// trailsOf are the rows of a board in the order in which they first stand in it.
func (a *audit) trailsOf(b *board) []*trail {
	all, ok := a.trails[b]
	if !ok {
		f := &follower{open: map[string]*trail{}, moved: map[[2]*version]map[int]shift{}}
		for _, v := range b.compared() {
			f.next(v)
		}
		all = f.all
		a.trails[b] = all
	}
	return all
}

// follower goes through the versions of a board. Entries that are the same are one row,
// and so are those that are only written otherwise.
type follower struct {
	all    []*trail
	open   map[string]*trail // by the entry that each has now
	before *version
	moved  map[[2]*version]map[int]shift
}

func (f *follower) next(v *version) {
	if f.before != nil {
		f.respell(v)
	}
	for j := range v.Rows {
		row := &v.Rows[j]
		if v.rows()[row.Entry] != j {
			continue
		}
		t := f.open[row.Entry]
		if t == nil {
			t = &trail{}
			f.open[row.Entry] = t
			f.all = append(f.all, t)
		} else {
			f.compare(t, v, row)
		}
		t.seen, t.at, t.twin = v, j, ""
	}
	if f.before != nil {
		f.before.at = nil // is not needed again, and there may be thousands
	}
	f.before = v
}

// respell looks at the rows that went, and at those that came in their place.
func (f *follower) respell(v *version) {
	came := map[string][]string{} // entries by their numbers, and by how they are spelled
	for entry, j := range v.rows() {
		if f.open[entry] == nil {
			row := &v.Rows[j]
			came[v.numbers(row)] = append(came[v.numbers(row)], entry)
			came[harness.Spelling(entry)] = append(came[harness.Spelling(entry)], entry)
		}
	}
	if len(came) == 0 {
		return
	}
	went := map[string]int{}
	for entry, j := range f.before.rows() {
		if v.row(entry) == nil {
			went[f.before.numbers(&f.before.Rows[j])]++
			went[harness.Spelling(entry)]++
		}
	}
	for j := range f.before.Rows {
		row := &f.before.Rows[j]
		if f.before.rows()[row.Entry] != j || v.row(row.Entry) != nil {
			continue
		}
		t, numbers, name := f.open[row.Entry], f.before.numbers(row), harness.Spelling(row.Entry)
		to := ""
		if len(came[name]) == 1 && went[name] == 1 {
			to = came[name][0]
		} else if len(came[numbers]) == 1 && went[numbers] == 1 && numbers != "" {
			if t.twin = came[numbers][0]; extends(row.Entry, t.twin) {
				to = t.twin
			}
		}
		if to != "" && f.open[to] == nil {
			delete(f.open, row.Entry)
			f.open[to] = t
			t.written = append(t.written, fmt.Sprintf("written %q before, and %q from %s on", row.Entry, to, v.called()))
		}
	}
}

// numbers are what a row says in one text, "" where it has no number.
func (v *version) numbers(row *harness.TableRow) string {
	var b strings.Builder
	any := false
	for _, column := range quoted(v.Table) {
		x, ok := v.rated(row, column)
		if any = any || ok && x.value != 0; ok {
			fmt.Fprintf(&b, "\x00%s\x00%v", v.Columns[column].Name, x.value)
		}
	}
	if !any {
		return ""
	}
	return b.String()
}

// extends reports whether one name is the other with an owner before it, or with words
// in brackets behind it.
func extends(a, b string) bool {
	return strings.HasPrefix(a, b+" (") || strings.HasPrefix(b, a+" (") || strings.HasSuffix(a, "/"+b) || strings.HasSuffix(b, "/"+a)
}

// compare notes how a row differs from what it was when it was last there.
func (f *follower) compare(t *trail, v *version, now *harness.TableRow) {
	moved := f.shifts(t.seen, v)
	if len(moved) == 0 && len(t.seen.Columns) == len(v.Columns) && slices.Equal(t.row().Values, now.Values) && sameColumns(t.seen.Table, v.Table) {
		return
	}
	var texts []string
	for _, column := range quoted(t.seen.Table) {
		name := t.seen.Columns[column].Name
		d, ok := t.differs(v, now, column, moved[column])
		if !ok {
			continue
		}
		texts = append(texts, d.tell(name, t.seen, v, len(texts) == 0))
		if t.old == nil {
			t.old = map[string]rated{}
		}
		t.old[name] = d.old
	}
	if len(texts) == 0 {
		return
	}
	t.latest = change{strings.Join(texts, ", "), t.seen.place(t.row().Line), v.place(now.Line)}
	if len(t.changes) < mostChanges {
		t.changes = append(t.changes, t.latest)
	} else {
		t.more++
	}
}

func sameColumns(a, b *harness.Table) bool {
	return slices.EqualFunc(a.Columns, b.Columns, func(x, y harness.Column) bool {
		return x.Name == y.Name && (x.Metric == nil) == (y.Metric == nil)
	})
}

func (f *follower) shifts(before, later *version) map[int]shift {
	k := [2]*version{before, later}
	moved, ok := f.moved[k]
	if !ok {
		moved = shifts(before, later)
		f.moved[k] = moved
	}
	return moved
}
