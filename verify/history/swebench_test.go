package history

import (
	"fmt"
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
		"j/a: win_rate 66.67: no outcome of the 4 items that the paper states gives it: 2 of 4 is 50.0000, 3 of 4 is 75.0000; 100 % of numbers so written can be told; differs by -16.67; over the 3 items that have a result it is the published number | j.csv:2 | results/a/j.json",
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

func TestSWEBenchPro(t *testing.T) {
	r := auditShared(t, "swe-bench-pro")
	var want struct {
		Stated int `json:"stated_N"`
		Sonnet struct {
			Resolved, Results int
			Fail              float64 `json:"if_missing_fail"`
			Rank              int     `json:"rank_published"`
			RankFail          int     `json:"rank_if_missing_fail"`
		} `json:"claude-4-Sonnet"`
	}
	expected(t, "swe_bench_pro", &want)
	const row = "SWE-bench Pro/SWE-Agent + claude-4-Sonnet"
	for name, parts := range map[string][]string{
		"impossible-score":  {fmt.Sprintf("the stated %d items", want.Stated), "311 of 730 is 42.6027, 312 of 730 is 42.7397", fmt.Sprintf("over the %d items that have a result it is the published number", want.Sonnet.Results)},
		"aggregate-differs": {"is published as 42.70 and comes to 32.876712", `by their names, the results are those in the folder "claude-4sonnet-10132025"`},
		"missing-items": {
			fmt.Sprintf("%d of %d items have a result (the table states the number)", want.Sonnet.Results, want.Stated),
			fmt.Sprintf("their resolved is 42.7046, and of all it is from %.2f", want.Sonnet.Fail),
			fmt.Sprintf("by %% Resolved its row is %d of 7, and %d if the missing ones failed", want.Sonnet.Rank, want.Sonnet.RankFail),
		},
	} {
		for _, part := range parts {
			part = strings.ReplaceAll(part, "32.88", "32.8767")
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Name == name && f.Row == row && strings.Contains(f.Detail, part) }) {
				t.Errorf("no %s in %s that says %q", name, row, part)
			}
		}
	}
	for name, rows := range map[string][]string{
		"impossible-score":  {"claude-4-5-Sonnet", "claude-4-Sonnet", "glm-4.5", "gpt-oss-120b"},
		"aggregate-differs": {"claude-4-5-Sonnet", "claude-4-Sonnet", "gpt-oss-120b"},
	} {
		got := namesFound(r, name, "SWE-bench Pro")
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "SWE-Agent + ")
		}
		if !slices.Equal(got, rows) {
			t.Errorf("%s in %q, want %q", name, got, rows)
		}
	}
	n := statuses(r, "% Resolved")
	if n[Reproduced] != 2 || n[Impossible] != 4 || n[NotComputable] != 1 {
		t.Errorf("%% Resolved: %v", n)
	}
	if got := statuses(r, "resolved")[Unpublished]; got != 4 {
		t.Errorf("%d runs without a row, want 4", got)
	}
	if found(r, "denominator-mixed") == nil {
		t.Error("no denominator-mixed")
	}
}

func TestRankIfFailed(t *testing.T) {
	short := results("j", "a", 1, 1, 0)
	short.Dataset.Items = 6
	const head = "j/a: 3 of 6 items have a result (the file states the number); their win_rate is 66.6667, and of all it is from 33.3333 to 83.3333"
	for _, tt := range []struct {
		rows []string
		want string
	}{
		{[]string{"a 66.7", "b 50", "c 70", "d 33.4", "e 33.3"}, "; by win_rate its row is 2 of 5, and 4 if the missing ones failed"},
		{[]string{"a 66.7", "b 66.7", "c 66.7"}, "; by win_rate its row is 1 of 3, and 3 if the missing ones failed"},
		{[]string{"a 66.7", "b 20", "c -"}, ""},
		{[]string{"a 30", "b 32"}, ""}, // published as less than that
		{[]string{"a x", "b 50"}, ""},
		{[]string{"b 50"}, ""},
	} {
		wantFound(t, "missing-items", imported(short, table("j", "win_rate", tt.rows...)), head+tt.want+" | results/a/j.json")
	}
}

// How a row was found is said of it.
func TestJoined(t *testing.T) {
	r := results("j", "a", 1, 0)
	r.Joined = "by their names"
	if row := Audit(imported(r, table("j", "win_rate", "a 50"))).Rows[0]; row.Status != Reproduced || row.Detail != "by their names" {
		t.Errorf("row: %+v", row)
	}
}
