package history

import (
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest/harness"
)

// Pythia's results have no items: what their standard errors imply is all that can be
// said, and all of it is consistent.
func TestPythia(t *testing.T) {
	r := auditShared(t, "pythia")
	var want struct{ Files, Pairs, Inconsistent int }
	expected(t, "pythia_lm_eval", &want)
	files, pairs, implied, inconsistent := map[string]bool{}, 0, 0, 0
	for _, row := range r.Rows {
		files[row.Files[0].Path] = true
		if strings.HasSuffix(row.Metric, "_stderr") {
			pairs++
		}
		if strings.Contains(row.Detail, "its standard error implies ") {
			implied++
		}
	}
	for _, f := range r.Findings {
		inconsistent++
		t.Errorf("%s in %s: %s", f.Name, f.Row, f.Detail)
	}
	if len(files) != want.Files || pairs != want.Pairs || inconsistent != want.Inconsistent || implied != 1040+992+352 {
		t.Errorf("%d files, %d pairs, %d with an implied size, %d inconsistent, want %+v", len(files), pairs, implied, inconsistent, want)
	}
	for _, row := range r.Rows {
		if row.Board == "sciq" && row.Metric == "acc" && !strings.Contains(row.Detail, "implies 1000 items") {
			t.Errorf("sciq: %s", row.Detail)
		}
	}
}

// One changed digit of a number or of its error is found.
func TestPythiaChanged(t *testing.T) {
	const name = "pythia/evals/pythia-v1/pythia-70m/zero-shot/70m_step143000.json"
	data, err := os.ReadFile(path.Join(shared, name))
	if err != nil {
		t.Skip("Pythia's results are not here")
	}
	mean := strings.Index(string(data), `"acc_norm": 0.24,`) + len(`"acc_norm": 0.`)
	se := strings.Index(string(data), `"acc_norm_stderr": 0.0429`) + len(`"acc_norm_stderr": 0.`)
	for _, i := range []int{mean, mean + 1, se + 1, se + 6, se + 9} {
		changed := []byte(string(data))
		changed[i] = '0' + (changed[i]-'0'+1)%10
		in, err := harness.Import(t.Context(), fstest.MapFS{"a.json": {Data: changed}}, []string{"."}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := found(Audit(in), "implied-n"); len(got) != 1 {
			t.Errorf("digit at %d: %q", i, got)
		}
	}
}

// A number of another size than all others of its task stands out, though it agrees with
// its error.
func TestOtherItems(t *testing.T) {
	metric := harness.Metric{Name: "acc", Rule: harness.Mean, Steps: 1}
	spread := harness.Metric{Name: "acc_stderr", Rule: harness.StandardError, Of: "acc"}
	in := &harness.Imported{}
	for i, value := range []string{"0.22", "0.22", "0.22", "0.22", "0.28289473684210525"} {
		se := "0.04163331998932269" // of 100
		if i == 4 {
			se = "0.03665349695640767" // of 152
		}
		name := string(rune('a' + i))
		in.Runs = append(in.Runs, &harness.Run{
			Format: "f", Board: "t", Entry: name, Files: []harness.File{{Path: name}}, Model: harness.Model{Name: name},
			Aggregates: []harness.Aggregate{{Metric: metric, Value: value, File: name}, {Metric: spread, Value: se, File: name}},
		})
	}
	wantFound(t, "implied-n", in,
		"t/e: acc 0.28289473684210525 with the standard error 0.03665349695640767 comes from 152 items, and those of 4 of 5 results of this task from 100 | e")
	in.Runs = in.Runs[1:]
	wantFound(t, "implied-n", in)
}
