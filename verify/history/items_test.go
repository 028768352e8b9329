package history

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest/harness"
)

// published holds what a report says of the numbers that stand in files.
func numbersOf(r *Report) (status map[Status]int, unpublished map[string]float64) {
	status, unpublished = map[Status]int{}, map[string]float64{}
	for _, row := range r.Rows {
		status[row.Status]++
		if row.Status == Unpublished {
			unpublished[row.Row+" "+row.Metric], _ = strconv.ParseFloat(row.Recomputed, 64)
		}
	}
	return status, unpublished
}

func TestBBH(t *testing.T) {
	r := auditShared(t, "bbh")
	var want struct {
		Tasks, Match     int
		Macro23, Macro27 struct{ Cot, Direct float64 }
	}
	expected(t, "bbh", &want)
	status, unpublished := numbersOf(r)
	if status[Reproduced] != want.Match || len(r.Rows) != want.Tasks+4 || len(r.Findings) > 0 {
		t.Errorf("%v of %d rows, findings %+v", status, len(r.Rows), r.Findings)
	}
	const board, flat = "BIG-Bench-Hard code-davinci-002-", " mean of 27 tasks, variants as tasks of their own"
	for name, x := range map[string]float64{
		"cot mean of 23 tasks": want.Macro23.Cot, "direct mean of 23 tasks": want.Macro23.Direct,
		"cot" + flat: want.Macro27.Cot, "direct" + flat: want.Macro27.Direct,
	} {
		if got := unpublished[board+name]; math.Abs(got-x) > 0.005 {
			t.Errorf("%s = %v, want %v", name, got, x)
		}
	}
}

func TestTreeMean(t *testing.T) {
	got := treeMean(map[string]float64{"a": 1, "b/x": 0, "b/y": 0.5, "b/z/1": 1, "b/z/2": 0})
	if want := (1 + (0+0.5+0.5)/3.0) / 2; math.Abs(got-want) > 1e-15 {
		t.Errorf("mean = %v, want %v", got, want)
	}
	// What lies beside groups is one of them.
	if got := treeMean(map[string]float64{"a": 1, "a/x": 0}); got != 0.5 {
		t.Errorf("mean = %v, want 0.5", got)
	}
}

func TestCRUXEval(t *testing.T) {
	r := auditShared(t, "cruxeval")
	var want struct{ Input, Output []float64 }
	expected(t, "cruxeval", &want)
	if len(r.Rows) != 4 || len(r.Findings) > 0 {
		t.Errorf("%d rows, findings %+v", len(r.Rows), r.Findings)
	}
	for i, row := range r.Rows {
		x := append(want.Input, want.Output...)[i]
		got, _ := strconv.ParseFloat(row.Recomputed, 64)
		if row.Status != Reproduced || math.Abs(got-x) > 1e-9 || row.Items != 800 || !strings.HasSuffix(row.Row, "/codellama-7b_temp0.2") {
			t.Errorf("%s %s: %s, %s, want %v", row.Row, row.Metric, row.Status, row.Recomputed, x)
		}
	}
}

func TestTauBench(t *testing.T) {
	r := auditFiles(t, "tau_bench/README.upstream.md", "tau_bench/gpt-4o-airline.json.gz")
	var want struct {
		Pass      []float64 `json:"pass^1..4"`
		Published []float64
	}
	expected(t, "tau_bench_gpt4o_airline", &want)
	var got []string
	for _, row := range r.Rows {
		if row.Row == "tau-bench airline/TC (gpt-4o)" {
			got = append(got, row.Published+" "+row.Recomputed+" "+string(row.Status))
		}
	}
	var wantRows []string
	for i, p := range want.Published {
		wantRows = append(wantRows, strconv.FormatFloat(p, 'f', 3, 64)+" "+strconv.FormatFloat(want.Pass[i], 'f', 3, 64)+" reproduced")
	}
	if diff := cmp.Diff(wantRows, got); diff != "" || len(r.Findings) > 0 {
		t.Errorf("findings %+v, rows (-want +got):\n%s", r.Findings, diff)
	}
}

func TestGSM8K(t *testing.T) {
	r := auditFiles(t, "gsm8k/example_model_solutions.jsonl.gz")
	var want map[string]float64
	expected(t, "gsm8k_openai", &want)
	_, got := numbersOf(r)
	for system, n := range want {
		if system != "n" && got["GSM8K/"+system+" correct"] != n {
			t.Errorf("%s: %v correct, want %v", system, got["GSM8K/"+system+" correct"], n)
		}
	}
	if len(r.Rows) != 8 || r.Rows[0].Items != int(want["n"]) || len(r.Findings) > 0 {
		t.Errorf("%d rows, findings %+v", len(r.Rows), r.Findings)
	}
}

// auditFiles audits some of the real data.
func auditFiles(t *testing.T, files ...string) *Report {
	t.Helper()
	if _, err := os.Stat(shared); os.IsNotExist(err) {
		t.Skip("the real data are not here")
	}
	in, err := harness.Import(t.Context(), os.DirFS(shared), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Audit(in)
}
