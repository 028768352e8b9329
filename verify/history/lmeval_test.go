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

// The harness's own log of a group in a group: all means and errors come out, whichever
// way tasks count, but for a median and its bootstrap. One digit more is found.
func TestLMEvalGroup(t *testing.T) {
	const dir = "../../attest/harness/testdata/lm-eval-group"
	const results = "results_2026-11-25T11-00-54.280940.json"
	files := fstest.MapFS{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	audit := func() *Report {
		in, err := harness.Import(t.Context(), files, []string{"."}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return Audit(in)
	}
	reproduced, why := 0, map[string]string{}
	for _, row := range audit().Rows {
		switch row.Status {
		case Reproduced:
			reproduced++
		case NotComputable:
			why[row.Metric] = row.Detail
		default:
			t.Errorf("%s %s: %s, %s", row.Row, row.Metric, row.Status, row.Detail)
		}
	}
	if reproduced != 20 || len(why) != 2 || !strings.HasPrefix(why["acc_bytes_stderr,none"], "bootstrap: ") || !strings.Contains(why["acc_bytes,none"], "median") {
		t.Errorf("%d reproduced, others %q", reproduced, why)
	}
	for _, number := range []string{"0.5294117647", "0.1310732826", "0.5703703703", "0.1498055438"} { // of proctor_outer
		data := files[results].Data
		changed := strings.Replace(string(data), number, number[:5]+"9"+number[6:], 2) // results, groups
		files[results] = &fstest.MapFile{Data: []byte(changed)}
		if got := found(audit(), "aggregate-differs"); len(got) != 1 || !strings.Contains(got[0], "proctor_outer") {
			t.Errorf("%s: %q", number, got)
		}
		files[results] = &fstest.MapFile{Data: data}
	}
}
