package history

import (
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

func TestFindBasis(t *testing.T) {
	mean := harness.Metric{Name: "accuracy", Rule: harness.Mean, Scale: 100}
	r := &harness.Run{
		Format: "demo", Board: "board", Entry: "tiny", Measures: []string{"accuracy"}, Files: []harness.File{{Path: "run.json"}},
		Metrics: []harness.Metric{mean, {Name: "wins", Rule: harness.Wins}},
		Aggregates: []harness.Aggregate{
			{Metric: harness.Metric{Name: "again", Rule: harness.Mean}, Value: "0.5", File: "run.json"},
			{Metric: harness.Metric{Name: "cut", Rule: harness.Mean, Cut: true}, Value: "0", File: "run.json"},
		},
	}
	for i, v := range []float64{1, 0} {
		if err := r.Items.Add(harness.Item{ID: string(rune('a' + i)), Values: []float64{v}}); err != nil {
			t.Fatal(err)
		}
	}
	in := &harness.Imported{
		Runs: []*harness.Run{r},
		Tables: []*harness.Table{{
			Format: "demo", Board: "board", Columns: []harness.Column{{Name: "accuracy"}, {Name: "wins"}},
			Rows: []harness.TableRow{{Entry: "tiny", Values: []string{"50.0", "1"}}, {Entry: "tall", Values: []string{"90.0", ""}}},
		}},
	}
	for _, tt := range []struct{ row, metric, published, want string }{
		{"board/tiny", "accuracy", "50.0", ""},
		{"board/tiny", "again", "0.5", ""},
		{"board/tiny", "", "", `choose one of the metrics ["accuracy" "again"]`},
		{"board/tiny", "wins", "", "wins is no mean or pass rate"},
		{"board/tiny", "cut", "", "cut is no mean or pass rate"},
		{"board/tall", "", "", "has no mean or pass rate that its results reproduce"},
		{"board/none", "", "", "there is no row"},
	} {
		b, err := FindBasis(in, tt.row, tt.metric, "")
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s %s: %v, want %q", tt.row, tt.metric, err, tt.want)
			}
			continue
		}
		if err != nil || b.Published != tt.published || b.Run != r || b.Metric.Name != tt.metric {
			t.Errorf("%s %s: %+v, %v", tt.row, tt.metric, b, err)
		}
	}
	if b, err := FindBasis(in, "board/tiny", "accuracy", "50"); err != nil || b.Published != "50" || b.Where.Path != "" {
		t.Errorf("published elsewhere: %+v, %v", b, err)
	}
	if b, err := FindBasis(in, "board/tiny", "accuracy", "51"); err == nil {
		t.Errorf("published elsewhere, and not reproduced: %+v", b)
	}
	twin := *r
	twin.Files = []harness.File{{Path: "again.json"}}
	in.Runs = append(in.Runs, &twin)
	if b, err := FindBasis(in, "board/tiny", "again", ""); err == nil || !strings.Contains(err.Error(), `2 runs give again: name only the files of one of ["run.json" "again.json"]`) {
		t.Errorf("two runs: %+v, %v", b, err)
	}
	in.Tables[0].Rows[0].Values[0] = "50.1"
	if b, err := FindBasis(in, "board/tiny", "accuracy", ""); err == nil {
		t.Errorf("a number that differs: %+v", b)
	}
}
