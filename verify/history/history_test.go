package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
)

// Imported things that tests change in one place.

var winMetrics = []harness.Metric{
	{Name: "win_rate", Rule: harness.Mean, Measure: "win", Scale: 100},
	{Name: "standard_error", Rule: harness.StandardError, Measure: "win", Scale: 100, Of: "win_rate"},
	{Name: "n_wins", Rule: harness.Wins, Measure: "win"},
	{Name: "n_wins_base", Rule: harness.Losses, Measure: "win"},
	{Name: "n_draws", Rule: harness.Draws, Measure: "win"},
	{Name: "n_total", Rule: harness.Count, Measure: "win"},
	{Name: "discrete_win_rate", Rule: harness.Decided, Measure: "win", Scale: 100},
	{Name: "avg_length", Rule: harness.Mean, Measure: "length", Cut: true},
}

func digest(text string) attest.Hash {
	var h attest.Hash
	copy(h[:], text)
	return h
}

// results are those of a model with these wins; answers have the lengths 10, 11, …
func results(board, entry string, wins ...float64) *harness.Run {
	file := "results/" + entry + "/" + board + ".json"
	r := &harness.Run{
		Format: "test", Files: []harness.File{{Path: file, SHA256: digest(file), Size: 1}}, Board: board, Entry: entry,
		Model: harness.Model{Name: entry}, Measures: []string{"win", "length"}, Metrics: winMetrics,
	}
	for i, w := range wins {
		addItem(r, harness.Item{ID: fmt.Sprint("item-", i), Values: []float64{w, float64(10 + i)}})
	}
	return r
}

func addItem(r *harness.Run, it harness.Item) {
	if err := r.Items.Add(it); err != nil {
		panic(err)
	}
}

// table has one row of each line: an entry, and values of the columns.
func table(board, columns string, rows ...string) *harness.Table {
	t := &harness.Table{Format: "test", Board: board, File: harness.File{Path: board + ".csv", SHA256: digest(board), Size: 1}}
	for _, name := range strings.Fields(columns) {
		c := harness.Column{Name: name}
		if i := slices.IndexFunc(winMetrics, func(m harness.Metric) bool { return m.Name == name }); i >= 0 {
			c.Metric = &winMetrics[i]
		}
		t.Columns = append(t.Columns, c)
	}
	for i, row := range rows {
		cells := strings.Fields(row)
		t.Rows = append(t.Rows, harness.TableRow{Entry: cells[0], Line: i + 2, Values: cells[1:]})
	}
	return t
}

func imported(things ...any) *harness.Imported {
	in := &harness.Imported{}
	for _, x := range things {
		switch x := x.(type) {
		case *harness.Run:
			in.Runs = append(in.Runs, x)
		case *harness.Table:
			in.Tables = append(in.Tables, x)
		case *harness.Weights:
			in.Weights = append(in.Weights, x)
		}
	}
	return in
}

// found are the findings of one name as text: the row, the detail, the files.
func found(r *Report, name string) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Name != name {
			continue
		}
		text := f.Row + ": " + f.Detail
		for _, p := range f.Files {
			text += " | " + p.Path
			if p.Line > 0 {
				text += fmt.Sprint(":", p.Line)
			}
		}
		all = append(all, text)
	}
	return all
}

func wantFound(t *testing.T, name string, in *harness.Imported, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, found(Audit(in), name)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// varied are results that are nobody else's by chance.
func varied(n int, seed uint64) []float64 {
	wins := make([]float64, n)
	for i := range wins {
		seed = seed*6364136223846793005 + 1442695040888963407
		wins[i] = float64(seed>>40) / (1 << 24)
	}
	return wins
}

func TestNothingIsFound(t *testing.T) {
	r := Audit(imported(results("j", "a", 1, 0, 0.5, 1), table("j", "win_rate standard_error n_wins n_wins_base n_draws n_total discrete_win_rate avg_length mode",
		"a 62.5 23.93567769390845 2 1 1 4 62.50 11 community")))
	if len(r.Findings) != 0 {
		t.Errorf("findings: %v", r.Findings)
	}
	for _, row := range r.Rows {
		if row.Status != Reproduced || row.Detail != "" || row.Items != 4 {
			t.Errorf("%s %s: %s %q of %d items: %s", row.Metric, row.Published, row.Status, row.Recomputed, row.Items, row.Detail)
		}
	}
	if len(r.Rows) != 8 {
		t.Errorf("%d rows, want 8: every number and no word", len(r.Rows))
	}
	if empty := Audit(&harness.Imported{}); empty.Rows == nil || empty.Findings == nil {
		t.Error("slices of an empty report are nil")
	}
}

func TestRowStatus(t *testing.T) {
	withNull := results("j", "null", 1, 0)
	addItem(withNull, harness.Item{ID: "item-2", Values: []float64{harness.NoValue, 12}})
	addItem(withNull, harness.Item{ID: "item-3", Values: []float64{1, 13}, Excluded: "timeout"})
	outputs := results(harness.AnyBoard, "a")
	outputs.Measures = []string{"length"}
	addItem(outputs, harness.Item{ID: "item-0", Values: []float64{20}})
	in := imported(
		results("j", "a", 1, 0, 0.5, 1), results("j", "b", 1, 1), results("k", "c", 0.25, 0.25), withNull, outputs,
		table("j", "win_rate n_total avg_length", "a 62.4 4 20", "b 100.0 x 10", "gone 5 - 3", "null 50 2 10"))
	in.Refused = []harness.Refusal{{File: harness.File{Path: "bad.json"}, Reason: "unexpected EOF"}}
	type row struct {
		Name, Metric, Published, Recomputed string
		Items                               int
		Status                              Status
		Detail                              string
	}
	var got []row
	for _, r := range Audit(in).Rows {
		if r.Metric == "win_rate" || r.Board == "j" && r.Entry != "b" || r.Metric == "" || r.Published == "x" {
			got = append(got, row{r.Row, r.Metric, r.Published, r.Recomputed, r.Items, r.Status, r.Detail})
		}
	}
	want := []row{
		{"j/a", "win_rate", "62.4", "62.5", 4, Differs, "differs by 0.1"},
		{"j/a", "n_total", "4", "4", 4, Reproduced, ""},
		{"j/a", "avg_length", "20", "20", 1, Reproduced, "results/a/j.json gives 11"},
		{"j/b", "win_rate", "100.0", "100.0", 2, Reproduced, ""},
		{"j/b", "n_total", "x", "", 0, NotComputable, `published "x" is not a number`},
		{"j/gone", "win_rate", "5", "", 0, NotComputable, "no per-item results were found"},
		{"j/gone", "n_total", "-", "", 0, NotComputable, `published "-" is not a number`},
		{"j/gone", "avg_length", "3", "", 0, NotComputable, "no per-item results were found"},
		{"j/null", "win_rate", "50", "50", 2, Reproduced, ""},
		{"j/null", "n_total", "2", "2", 2, Reproduced, ""},
		{"j/null", "avg_length", "10", "11", 3, Differs, "differs by 1"},
		{"k/c", "win_rate", "", "25.000000", 2, Unpublished, ""},
		{"bad.json", "", "", "", 0, NotComputable, "not read: unexpected EOF"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A mean that is published over all items, those without a result among them.
func TestOverAll(t *testing.T) {
	short := results("j", "a", 1, 1, 1)
	short.Dataset.Items = 4
	r := Audit(imported(short, table("j", "win_rate", "a 75.0")))
	if want := "differs by 25; over all 4 items, with 0 for those that have no result, it is the published number"; r.Rows[0].Detail != want {
		t.Errorf("detail = %q, want %q", r.Rows[0].Detail, want)
	}
}

// Numbers that a file states of its own items.
func TestAggregates(t *testing.T) {
	r := results("", "", 1, 0)
	r.Aggregates = []harness.Aggregate{
		{Metric: winMetrics[0], Value: "50.0", File: r.Files[0].Path, Line: 3},
		{Metric: harness.Metric{Name: "elo"}, Value: "1200"},
	}
	rows := Audit(imported(r)).Rows
	if len(rows) < 2 || rows[0].Status != Reproduced || rows[0].Files[0].Line != 3 || rows[1].Status != NotComputable || rows[1].Detail != "nothing says how it comes from the items" {
		t.Errorf("rows: %+v", rows)
	}
	// What the results come to besides is shown, and nothing twice.
	var more []string
	for _, row := range rows[2:] {
		more = append(more, row.Metric+" "+row.Recomputed+" "+string(row.Status))
	}
	want := []string{
		"n_wins 1.000000 no published row", "n_wins_base 1.000000 no published row", "n_draws 0.000000 no published row",
		"n_total 2.000000 no published row", "discrete_win_rate 50.000000 no published row", "avg_length 10.000000 no published row",
	}
	if diff := cmp.Diff(want, more); diff != "" {
		t.Errorf("numbers that are not stated (-want +got):\n%s", diff)
	}
}

// Every finding has a kind that explains it, and comes before those that say less.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Name] || k.Meaning == "" {
			t.Errorf("kind %q is there twice or has no meaning", k.Name)
		}
		seen[k.Name] = true
	}
	wins := varied(20, 1)
	report := Audit(imported(results("j", "a", wins...), results("j", "b", wins...), table("j", "win_rate n_total", "a 1 20", "b 2 30")))
	last := -1
	for _, f := range report.Findings {
		if rank(f.Name) < max(last, 0) {
			t.Errorf("finding %s has no kind, or comes too late", f.Name)
		}
		last = rank(f.Name)
	}
	if len(report.Findings) < 4 {
		t.Errorf("findings: %v", report.Findings)
	}
}
