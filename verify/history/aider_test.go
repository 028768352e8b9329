package history

import (
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

func TestAider(t *testing.T) {
	r := auditShared(t, "aider")
	var want struct {
		Rows      int
		FailCount int `json:"fail_count"`
	}
	expected(t, "aider_polyglot_grim", &want)
	rows, impossible := map[string]bool{}, map[string]bool{}
	for _, row := range r.Rows {
		if row.Board != "aider polyglot_leaderboard" {
			continue
		}
		rows[row.Row] = true
		if row.Status == Impossible {
			impossible[row.Row] = true
			if !strings.Contains(row.Detail, "by the row's own counts") {
				t.Errorf("%s %s: %s", row.Row, row.Metric, row.Detail)
			}
		}
	}
	if len(rows) != want.Rows || len(impossible) != want.FailCount {
		t.Errorf("%d rows, %d impossible; want %d and %d", len(rows), len(impossible), want.Rows, want.FailCount)
	}
}

// A share must be that of the row's own number of right items, or of wrong ones.
func TestJudgeByShare(t *testing.T) {
	table := func(n, rate, right, wrong string) *harness.Table {
		return &harness.Table{
			Board: "j", File: harness.File{Path: "j"},
			Columns: []harness.Column{
				{Name: "n", Metric: &harness.Metric{Name: "n", Rule: harness.Count}},
				{Name: "rate", Metric: &harness.Metric{Name: "rate", Rule: harness.Mean, Scale: 100, Steps: 1}},
				{Name: "right", Metric: &harness.Metric{Name: "right", Rule: harness.Wins}},
				{Name: "wrong", Metric: &harness.Metric{Name: "wrong", Rule: harness.Losses}},
			},
			Rows: []harness.TableRow{{Entry: "a", Values: []string{n, rate, right, wrong}}},
		}
	}
	for _, c := range []struct {
		n, rate, right, wrong string
		want                  Status
	}{
		{"40", "25.0", "10", "", NotComputable}, {"40", "25.0", "", "30", NotComputable},
		{"40", "25.0", "11", "", Differs}, {"40", "25.0", "", "31", Differs},
		{"40", "25.1", "10", "", Impossible},
		{"40", "25.0", "41", "", NotComputable}, {"40", "25.0", "1.5", "", NotComputable}, {"", "25.0", "11", "", NotComputable},
	} {
		for _, row := range Audit(imported(table(c.n, c.rate, c.right, c.wrong))).Rows {
			if row.Metric == "rate" && row.Status != c.want {
				t.Errorf("%v: %s: %s", c, row.Status, row.Detail)
			}
		}
	}
}
