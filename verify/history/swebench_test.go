package history

import (
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// namesFound are the rows of a table that have findings of one name.
func namesFound(r *Report, name, board string) []string {
	var rows []string
	for _, f := range r.Findings {
		if row, ok := strings.CutPrefix(f.Row, board+"/"); ok && f.Name == name {
			rows = append(rows, row)
		}
	}
	return rows
}

func TestSWEBench(t *testing.T) {
	r := auditShared(t, "swe-bench")
	var want struct {
		Rows     int `json:"rows_with_per_instance"`
		Match    int
		Mismatch struct{ Count int }
		Fail     struct {
			Count int
			First string
		} `json:"grim_fail_at_N500"`
	}
	expected(t, "swe_bench_bash_only", &want)
	const board = "SWE-bench bash-only"
	n, impossible := map[Status]int{}, []string{}
	for _, row := range r.Rows {
		if row.Board != board || row.Metric != "resolved" {
			continue
		}
		n[row.Status]++
		if row.Status == Impossible {
			impossible = append(impossible, row.Published)
		}
	}
	if n[Reproduced] != want.Match || len(impossible) != want.Fail.Count || impossible[0] != want.Fail.First {
		t.Errorf("resolved: %v, impossible %q, want %+v", n, impossible, want)
	}
	wantDiffer := []string{"Claude 3.7 Sonnet (20250219)", "Claude 4 Sonnet (20250514)", "Llama 4 Maverick Instruct"}
	if got := namesFound(r, "aggregate-differs", board); !slices.Equal(got, wantDiffer) || len(got) != want.Mismatch.Count {
		t.Errorf("rows that differ: %q, want %q", got, wantDiffer)
	}
	for _, f := range r.Findings {
		if !strings.HasPrefix(f.Row, board) && !strings.HasPrefix(f.Row, "SWE-bench Verified/mini-SWE-agent + ") {
			t.Errorf("%s in %s: %s", f.Name, f.Row, f.Detail)
		}
		if f.Name != "impossible-score" && f.Name != "aggregate-differs" {
			t.Errorf("%s in %s", f.Name, f.Row)
		}
		if f.Row == board+"/Claude 4 Sonnet (20250514)" && f.Name == "impossible-score" {
			for _, part := range []string{"the 500 items that swebench.com states", "324 of 500 is 64.8000, 325 of 500 is 65.0000", "of fewer items 324 of 499 gives it", "differs by -0.13"} {
				if !strings.Contains(f.Detail, part) {
					t.Errorf("%q does not say %q", f.Detail, part)
				}
			}
		}
	}
}

// What counts all stated items and was published as the mean of those with a result.
func TestMeanOfStated(t *testing.T) {
	r := results("j", "a", 1, 1, 0)
	metric := harness.Metric{Name: "win_rate", Rule: harness.MeanOfStated, Measure: "win", Scale: 100, Steps: 1}
	tab := table("j", "win_rate", "a 50.0", "b 1")
	tab.Columns[0].Metric, tab.Items, tab.ItemsFrom = &metric, 4, "the paper"
	in := imported(r, tab)
	row := Audit(in).Rows[0]
	if row.Status != Reproduced || row.Items != 4 || row.Interval == nil || row.Interval.Method != "Wilson 95 %" {
		t.Errorf("row: %+v", row)
	}
	r.Metrics = []harness.Metric{metric}
	wantFound(t, "missing-items", in,
		"j/a: 3 of 4 items have a result (the paper states the number); their win_rate is 66.6667, and of all it is from 50.0000 to 75.0000 | results/a/j.json")

	tab.Rows[0].Values[0] = "66.67"
	wantFound(t, "impossible-score", in,
		"j/a: win_rate 66.67: no outcome of the 4 items that the paper states gives it: 2 of 4 is 50.0000, 3 of 4 is 75.0000; 100 % of numbers so written can be told; of fewer items 2 of 3 gives it; differs by -16.67; over the 3 items that have a result it is the published number | j.csv:2 | results/a/j.json",
		"j/b: win_rate 1: no outcome of the 4 items that the paper states gives it: 0 of 4 is 0.0000, 1 of 4 is 25.0000; 96 % of numbers so written can be told; no per-item results were found | j.csv:3")
	wantFound(t, "aggregate-differs", in,
		"j/a: win_rate is published as 66.67 and comes to 50 (over the 3 items that have a result it is the published number) | j.csv:2 | results/a/j.json")

	tab.Items = 2
	if row := Audit(in).Rows[0]; !strings.Contains(row.Detail, "3 items have a result, and 2 are stated") {
		t.Errorf("more results than items: %+v", row)
	}
	tab.Items = 0
	if row := Audit(in).Rows[0]; row.Detail != "nothing says how many items there are" {
		t.Errorf("without a number of items: %+v", row)
	}
}

// One submission in two tables is no evidence twice; in one table it is.
func TestSameSubmission(t *testing.T) {
	wins := varied(20, 1)
	a, b := results("j", "a", wins...), results("k", "b", wins...)
	a.Origin, b.Origin = "folder", "folder"
	wantFound(t, "identical-evidence", imported(a, b))
	b.Origin = "another"
	if got := found(Audit(imported(a, b)), "identical-evidence"); len(got) != 2 {
		t.Errorf("of two submissions: %q", got)
	}
	b.Board, b.Origin = "j", "folder"
	if got := found(Audit(imported(a, b)), "identical-evidence"); len(got) != 2 {
		t.Errorf("in one table: %q", got)
	}
}
