package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// committed is a version of a table out of a history, in the commit of a day.
func committed(day int, rows ...string) *harness.Table {
	t := dated(fmt.Sprintf("2025-01-%02d", day))
	for _, row := range rows {
		i := strings.LastIndexByte(row, ' ')
		t.Rows = append(t.Rows, harness.TableRow{Entry: row[:i], Line: len(t.Rows) + 2, Values: []string{row[i+1:], "note"}})
	}
	t.Commit, t.File.Path = strings.Repeat(fmt.Sprint(day%10), 40), "t.csv"
	t.File.SHA256[0] = byte(day)
	return t
}

// since is a lineage whose last version lies there.
func since(versions ...*harness.Table) *harness.Imported {
	now := *versions[len(versions)-1]
	now.Commit, now.Date = "", ""
	return &harness.Imported{Tables: []*harness.Table{&now}, Lineages: []*harness.Lineage{{Versions: versions, Now: &now}}}
}

func TestLineageChanged(t *testing.T) {
	in := since(committed(1, "a 1", "b 2"), committed(2, "a 3", "b 2"), committed(3, "a 1", "b 2"), committed(4, "a 4", "b 2"))
	wantFound(t, "row-changed", in,
		"b/a: score is 1 in commit 111111111111 of 2025-01-01 and 3 in commit 222222222222 of 2025-01-02; "+
			"score is 3 in commit 222222222222 of 2025-01-02 and again 1 in commit 333333333333 of 2025-01-03; "+
			"score is 1 in commit 333333333333 of 2025-01-03 and 4 in commit 444444444444 of 2025-01-04 | t.csv:2 | t.csv:2 | t.csv:2 | t.csv:2")
	r := Audit(in)
	want := Place{Path: "t.csv", SHA256: in.Lineages[0].Versions[0].File.SHA256, Line: 2, Commit: strings.Repeat("1", 40), Date: "2025-01-01"}
	if got := r.Findings[0].Files[0]; got != want {
		t.Errorf("evidence %+v, want %+v", got, want)
	}
	if len(r.Rows) != 2 || r.Rows[0].Published != "4" {
		t.Errorf("rows %+v: what was published before is judged as if it still were", r.Rows)
	}
}

// Of several numbers the versions are named once.
func TestLineageChangedTogether(t *testing.T) {
	two := func(day int, values ...string) *harness.Table {
		v := committed(day, "a 0")
		v.Columns[1] = harness.Column{Name: "n", Metric: &harness.Metric{Name: "n"}}
		v.Columns = append(v.Columns, harness.Column{Name: "wins", Metric: &harness.Metric{Name: "wins"}})
		v.Rows[0].Values = values
		return v
	}
	wantFound(t, "row-changed", since(two(1, "1", "10", "7"), two(2, "3", "20", "")),
		"b/a: score is 1 in commit 111111111111 of 2025-01-01 and 3 in commit 222222222222 of 2025-01-02, n 10 and 20, wins 7 and not there | t.csv:2 | t.csv:2")
}

// What lies there may be other than the last commit.
func TestLineageNow(t *testing.T) {
	in := since(committed(1, "a 1", "b 2"), committed(2, "a 3"))
	in.Lineages[0].Versions = in.Lineages[0].Versions[:1]
	wantFound(t, "row-changed", in, "b/a: score is 1 in commit 111111111111 of 2025-01-01 and 3 in the file as it lies there | t.csv:2 | t.csv:2")
	wantFound(t, "row-vanished", in, "b/b: the row is in commit 111111111111 of 2025-01-01 and in none from the file as it lies there on | t.csv:3 | t.csv")
}

func TestSameNumber(t *testing.T) {
	scaled := func(day int, scale float64, rows ...string) *harness.Table {
		v := committed(day, rows...)
		v.Columns[0].Metric = &harness.Metric{Name: "score", Scale: scale}
		return v
	}
	for _, c := range []struct {
		old, now  string
		oldScale  float64
		different bool
	}{
		{"45.23", "45.2", 100, false},
		{"45.2", "45.23", 100, false},
		{"45.20", "45.2", 100, false},
		{"45.2", "45.3", 100, true},
		{"45.26", "45.2", 100, true},
		{"0.452", "45.2", 1, false},
		{"0.452", "45.3", 1, true},
		{"0.9", "0.9", 1, false}, // a share or a percentage: the file does not say
		{"2.4", "2", 100, true},  // one digit says too little
	} {
		got := found(Audit(since(scaled(1, c.oldScale, "a "+c.old), scaled(2, 100, "a "+c.now))), "row-changed")
		if (len(got) > 0) != c.different {
			t.Errorf("%s and %s: found %q", c.old, c.now, got)
		}
	}
}

// A row that is written otherwise is the same row.
func TestRespelled(t *testing.T) {
	for _, c := range []struct{ old, now string }{
		{"GPT-4 1.5", "gpt 4 1.5"}, {"m 1.5", "m (2025-01-01) 1.5"}, {"m (dir) 1.5", "m 1.5"}, {"m 1.5", "org/m 1.5"}, {"org/m 1.5", "m 1.5"},
	} {
		r := Audit(since(committed(1, c.old, "k 2"), committed(2, c.now, "k 2")))
		if got := append(found(r, "row-vanished"), found(r, "row-changed")...); len(got) > 0 {
			t.Errorf("%s, %s: found %q", c.old, c.now, got)
		}
	}
	wantFound(t, "row-changed", since(committed(1, "GPT-4 1.5"), committed(2, "gpt 4 2.5")),
		`b/gpt 4: score is 1.5 in commit 111111111111 of 2025-01-01 and 2.5 in commit 222222222222 of 2025-01-02; written "GPT-4" before, and "gpt 4" from commit 222222222222 of 2025-01-02 on | t.csv:2 | t.csv:2`)
	// Names that say different models are not one, but what has the same numbers is told.
	for _, c := range []struct{ old, now, twin string }{
		{"gpt-4.1 1.5", "gpt-41 2.5", ""}, {"m 1.5", "other 1.5", `; there a row "other" came, with the same numbers`}, {"m 0", "other 0", ""},
		{"m 1.5", "m-mini 1.5", `; there a row "m-mini" came, with the same numbers`},
	} {
		name, _, _ := strings.Cut(c.old, " ")
		wantFound(t, "row-vanished", since(committed(1, c.old, "k 2"), committed(2, c.now, "k 2")),
			"b/"+name+": the row is in commit 111111111111 of 2025-01-01 and in none from commit 222222222222 of 2025-01-02 on"+c.twin+" | t.csv:2 | t.csv")
	}
	// One of two cannot be told from the other.
	if got := found(Audit(since(committed(1, "a-b 1.5", "a b 2.5"), committed(2, "a_b 1.5"))), "row-vanished"); len(got) != 2 {
		t.Errorf("found %q", got)
	}
}

// A row that is there again is compared with what it last was.
func TestThereAgain(t *testing.T) {
	in := since(committed(1, "a 1", "b 2"), committed(2, "b 2"), committed(3, "a 1", "b 2"))
	wantFound(t, "row-vanished", in)
	wantFound(t, "row-changed", in)
	wantFound(t, "row-changed", since(committed(1, "a 1", "b 2"), committed(2, "b 2"), committed(3, "a 5", "b 2")),
		"b/a: score is 1 in commit 111111111111 of 2025-01-01 and 5 in commit 333333333333 of 2025-01-03 | t.csv:2 | t.csv:2")
}

// Of very many changes the first are told, and the last.
func TestManyChanges(t *testing.T) {
	var versions []*harness.Table
	for day := range 15 {
		versions = append(versions, committed(day+1, fmt.Sprintf("a %d", day)))
	}
	r := Audit(since(versions...))
	got := found(r, "row-changed")
	if len(got) != 1 || !strings.Contains(got[0], "; after 5 more changes; score is 13 in") || strings.Count(got[0], "; score is") != mostChanges {
		t.Errorf("found %q", got)
	}
	if n := len(r.Findings[0].Files); n != mostChanges+3 {
		t.Errorf("%d places", n)
	}
}

func TestTableGone(t *testing.T) {
	gone := func(now ...*harness.Table) *harness.Imported {
		in := tables(now...)
		in.Lineages = []*harness.Lineage{{
			Versions: []*harness.Table{committed(1, "a 1", "b 2"), committed(2, "a 1", "b 2", "c 3")},
			Gone:     &harness.Table{File: harness.File{Path: "t.csv"}, Commit: strings.Repeat("9", 40), Date: "2025-01-09"},
		}}
		return in
	}
	const text = "b: the table is, with 3 rows, in commit 222222222222 of 2025-01-02 and not in commit 999999999999 of 2025-01-09 or later"
	wantFound(t, "row-vanished", gone(), text+" | t.csv")
	wantFound(t, "row-vanished", gone(other(dated("", "a 1", "b 9"))), text+"; 1 of the rows stand in other tables, with a same number | t.csv")
	wantFound(t, "row-vanished", gone(other(dated("", "a 1", "b 2", "c 3", "d 4"))))
	// Each version may have a file of its own, and a copy may go on as another table.
	wantFound(t, "row-vanished", gone(dated("2025-01-03", "a 7")))
	in, now := gone(), other(dated("", "a 7", "b 7", "c 7"))
	copied := other(committed(2, "a 1", "b 2", "c 3"))
	in.Tables = append(in.Tables, now)
	in.Lineages = append(in.Lineages, &harness.Lineage{Versions: []*harness.Table{copied}, Now: now})
	wantFound(t, "row-vanished", in)
}

// other is a table of another name.
func other(t *harness.Table) *harness.Table {
	t.Board = "c"
	return t
}
