package history

import (
	"os"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// All that Inspect's logs publish of the samples that they hold is recomputed. Two
// fixtures were cut down to one sample: their numbers are of more than is there.
func TestInspect(t *testing.T) {
	var want struct {
		Checks int `json:"metric_checks"`
		Match  int
	}
	expected(t, "inspect_logs", &want)
	logs := []string{"evals/inspect_ai", "evals/every_eval_ever/tests/data/inspect", "vectors/harness-logs/safety_refusal_demo.eval"}
	in, err := harness.Import(t.Context(), os.DirFS(shared+"/.."), logs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range in.Refused {
		t.Errorf("refused: %s: %s", f.File.Path, f.Reason)
	}
	r := Audit(in)
	n, cut := map[Status]int{}, 0
	for _, row := range r.Rows {
		n[row.Status]++
		if row.Status == NotComputable && strings.HasPrefix(row.Detail, "it is of ") {
			cut++
		}
	}
	if n[Reproduced] != want.Match || n[Reproduced]+cut != want.Checks || n[Differs]+n[Impossible] != 0 {
		t.Errorf("%v, %d of items that are not there, want %+v", n, cut, want)
	}
	for _, f := range r.Findings {
		if f.Name != "missing-items" {
			t.Errorf("%s in %s: %s", f.Name, f.Row, f.Detail)
		}
	}
	for row, part := range map[string]string{
		"inspect_evals/cyse2_vulnerability_exploit/mistral/mistral-large-latest": "1 of 585 items have a result",
		"inspect_evals/gdm_intercode_ctf/mistral/mistral-small-latest":           "1 of 79 items have a result",
	} {
		if !strings.Contains(strings.Join(found(r, "missing-items"), "\n"), row+": "+part) {
			t.Errorf("%s: nothing says %q", row, part)
		}
	}
}

// A number of more items than are there is only false where no others could have made it.
func TestExcerpt(t *testing.T) {
	for published, want := range map[string]Status{"0.5": Reproduced, "0.75": NotComputable, "0.1": Differs} {
		r := results("t", "m", 1, 0)
		m := harness.Metric{Name: "acc", Rule: harness.Mean, Measure: r.Measures[0]}
		r.Metrics, r.Dataset.Items = []harness.Metric{m}, 4
		r.Aggregates = []harness.Aggregate{{Metric: m, Value: published, Items: 4, File: r.Files[0].Path}}
		if row := Audit(imported(r)).Rows[0]; row.Status != want {
			t.Errorf("%s: %+v, want %s", published, row, want)
		}
	}
}

// Who is asked anew may answer anew: only what other tables have of the same data set
// must be the same.
func TestOutputsOfOtherData(t *testing.T) {
	wins := varied(20, 1)
	a, b := results("j", "a", wins...), results("k", "a", wins...)
	for i, r := range []*harness.Run{a, b} {
		r.Items = harness.Items{}
		for id := range 20 {
			if err := r.Items.Add(harness.Item{ID: string(rune('a' + id)), Values: []float64{1}, Output: harness.TextDigest([]byte{byte(i), byte(id)})}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := found(Audit(imported(a, b)), "outputs-differ"); len(got) != 1 {
		t.Errorf("of the same data: %q", got)
	}
	b.Dataset.Name = "another"
	wantFound(t, "outputs-differ", imported(a, b))
}
