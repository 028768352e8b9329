package score

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

const shared = "../../../shared/data/evals/" // real data, beside the repository

func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(shared + name)
	if os.IsNotExist(err) {
		t.Skipf("%s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func holds(t *testing.T, items []string, m attest.Metric, published string, decimals int, scale string) {
	t.Helper()
	got, err := Recompute(graded(items...), m)
	if err != nil || got.Items != len(items) {
		t.Fatalf("%v: %+v, %v", m, got, err)
	}
	s := attest.Score{Score: published, Decimals: decimals, Scale: scale}
	if ok, err := Holds(got.CountedWrong, s, m); err != nil || !ok {
		t.Errorf("%v: published %s, and the samples give %s: %v", m, published, Decimal(got.CountedWrong, 6), err)
	}
}

// TestTauBench recomputes what tau-bench's own page says of GPT-4o on its airline
// tasks, pass^1 to pass^4, from the rewards of its four trials.
func TestTauBench(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(string(sharedFile(t, "tau_bench/gpt-4o-airline.rewards.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	items := make([]string, 50)
	for _, r := range records[1:] {
		task, err := strconv.Atoi(r[0])
		if err != nil {
			t.Fatal(err)
		}
		items[task] += strings.TrimSuffix(r[2], ".0") + " "
	}
	for k, published := range map[string]string{"1": "0.42", "2": "0.273", "3": "0.22", "4": "0.2"} {
		holds(t, items, metric("pass^k", "k="+k), published, max(2, len(published)-2), "1")
	}
}

// TestCRUXEval recomputes pass@1 and pass@5 of ten samples on CRUXEval's 800 items.
func TestCRUXEval(t *testing.T) {
	for name, published := range map[string][2]string{
		"input":  {"35.95", "44.9910714286"},
		"output": {"34.2125", "40.2867063492"},
	} {
		var log struct {
			Scored map[string][]bool `json:"raw_scored_generations"`
		}
		if err := json.Unmarshal(sharedFile(t, "cruxeval/sample_scored_codellama-7b_temp0.2_"+name+".json"), &log); err != nil {
			t.Fatal(err)
		}
		var items []string
		for _, samples := range log.Scored {
			c := 0
			for _, ok := range samples {
				if ok {
					c++
				}
			}
			items = append(items, passed(len(samples), c))
		}
		if len(items) != 800 {
			t.Fatalf("%d items", len(items))
		}
		holds(t, items, metric("pass@k", "k=1"), published[0], 4, "100")
		holds(t, items, metric("pass@k", "k=5"), published[1], 10, "100")
	}
}
