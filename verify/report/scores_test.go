package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify/history"
)

func scoresReport() *history.Report {
	hash := attest.Hash{0xab, 0xcd}
	table := history.Place{Path: "j.csv", SHA256: hash, Line: 2}
	row := func(entry, metric, published, recomputed string, items int, status history.Status, detail string) history.Row {
		return history.Row{Row: "j/" + entry, Board: "j", Entry: entry, Metric: metric, Published: published, Recomputed: recomputed, Items: items, Status: status, Detail: detail, Files: []history.Place{table}}
	}
	r := &history.Report{
		Rows: []history.Row{
			row("a", "acc", "50.0", "50.0", 10, history.Reproduced, ""),
			row("b", "acc", "51.0", "49", 10, history.Differs, "differs by -2"),
			row("b", "n", "10", "10", 10, history.Reproduced, ""),
			row("c", "acc", "52.0", "", 0, history.NotComputable, "no per-item results were found"),
			row("d", "acc", "50.0", "50.0", 10, history.Reproduced, ""),
			row("d", "f1", "0.3", "", 0, history.NotComputable, "nothing says how it comes from the items"),
			row("e", "acc", "", "53.000000", 10, history.Unpublished, ""),
			row("g", "acc", "54.0", "54.0", 10, history.Reproduced, ""),
			row("h", "acc", "55.0", "55.0", 10, history.Reproduced, ""),
			row("h", "n", "", "10", 10, history.Unpublished, ""),
			row("f", "acc", "0.33", "", 7, history.Impossible, "no k of 7 gives it"),
			{Row: "bad\x1b[2J.json", Status: history.NotComputable, Detail: "not read: unexpected EOF", Files: []history.Place{{Path: "bad\x1b[2J.json", SHA256: hash}}},
		},
		Findings: []history.Finding{{Name: "generator-mismatch", Row: "j/b", Files: []history.Place{table}, Detail: "the row is \"b\", and it says\x1b[1m otherwise"},
			{Name: "identical-evidence", Row: "g", Files: []history.Place{table}, Detail: "the results are another's"}},
	}
	r.Findings = append(r.Findings, history.Finding{Name: "row-changed", Row: "j/a", Detail: "acc was another", Files: []history.Place{
		{Path: "j.csv", SHA256: hash, Line: 3, Commit: "0123456789abcdef0123456789abcdef01234567", Date: "2025-01-02"}}})
	r.Rows[0].Interval = &history.Interval{Method: "normal 95 %", Low: "20.0", High: "80.0"}
	for i := range mostFindings + 2 {
		f := history.Finding{Name: "missing-items", Row: fmt.Sprint("j/m", i), Detail: "9 of 10 items have a result"}
		for j := range mostPlaces + 1 {
			f.Files = append(f.Files, history.Place{Path: fmt.Sprint("file-", j), SHA256: hash})
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestScores(t *testing.T) {
	var b bytes.Buffer
	if err := Scores(&b, scoresReport()); err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(b.String(), "\nmissing-items")
	var again []string
	for i := range mostFindings {
		again = append(again, fmt.Sprintf("  j/m%d\n      9 of 10 items have a result\n      abcd0000 file-0\n      abcd0000 file-1\n      abcd0000 file-2\n      abcd0000 file-3\n      and 1 file more\n", i))
	}
	want := `10 published numbers: 5 reproduced, 1 differs, 1 impossible, 3 not recomputable; 13
  findings

   stand  in part in doubt   differ  unknown   no row  rows of
       2        1        1        2        1        1  j
       0        0        0        0        1        0  no table

generator-mismatch (1): beside the items stands another model's name than the row's
  j/b
      the row is "b", and it says�[1m otherwise
      abcd0000 j.csv:2

identical-evidence (1): two rows have the same results, item by item
  g
      the results are another's
      abcd0000 j.csv:2

row-changed (1): a number is another in a later version of the table
  j/a
      acc was another
      abcd0000 j.csv:3 in commit 0123456789ab of 2025-01-02
|
missing-items (10): items have no result, and do not count
` + strings.Join(again, "") + `  and in 2 more, which --json has: j/m8, j/m9

j
  b: 1 of 2 numbers reproduced
      acc 51.0, recomputed 49 from 10 items: differs by -2
  f: 0 of 1 number reproduced
      acc 0.33: impossible: no k of 7 gives it
  in doubt: reproduced, and a finding says that the results may not be the row's (1): g
  stand, all numbers reproduced (2): a, h (besides, unpublished: n 10)
  reproduced in part, the rest not recomputable (1): d
  not recomputable (1): c
  results, but no published row (1): e (acc 53)

no table
  bad�[2J.json: not read: unexpected EOF
`
	if diff := cmp.Diff(want, before+"|\nmissing-items"+after); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := Scores(&b, &history.Report{}); err != nil || b.String() != "no published scores were found\n" {
		t.Errorf("empty report: %q, %v", b.String(), err)
	}
}

// What is printed for programs is what the schema says.
func TestScoresSchema(t *testing.T) {
	data, err := json.Marshal(scoresReport())
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Validate("scores", data); err != nil {
		t.Error(err)
	}
}

// Many tables of which nothing is known are named, and no more.
func TestScoresFolds(t *testing.T) {
	r := scoresReport()
	for i := range mostSilent + 1 {
		board := fmt.Sprint("task-", i)
		r.Rows = append(r.Rows, history.Row{Row: board + "/m", Board: board, Entry: "m", Metric: "acc", Published: "1", Status: history.NotComputable})
	}
	var b bytes.Buffer
	if err := Scores(&b, r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if n := strings.Count(text, "task-3 (1)"); n != 1 || strings.Count(text, "task-3") != 1 || !strings.Contains(text, "rows of\n") || !strings.Contains(text, "bad\uFFFD[2J.json: not read") {
		t.Errorf("report:\n%s", text)
	}
}
