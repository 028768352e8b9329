package stat

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestAlpacaEvalLC recomputes the length-controlled win rates that AlpacaEval 2
// publishes, from the weights that it publishes. Ten rows of the table are not what its
// weights give.
func TestAlpacaEvalLC(t *testing.T) {
	var recovered struct {
		Difficulty []float64 `json:"instruction_difficulty"`
	}
	if err := json.Unmarshal(sharedFile(t, "alpaca_eval/instruction_difficulty_recovered.json"), &recovered); err != nil {
		t.Fatal(err)
	}
	rates := map[string]float64{}
	for _, r := range sharedTable(t, "alpaca_eval/glm_weights_length_controlled_v1.csv") {
		rate, err := LengthControlled(float(t, r["not_gamed_baseline.astype(float)"]), float(t, r["instruction_difficulty"]), recovered.Difficulty)
		if err != nil {
			t.Fatalf("%s: %v", r[""], err)
		}
		rates[r[""]] = rate
	}
	for model, want := range map[string]float64{
		"vicuna-13b-v1.5":   10.484438298546586,
		"vicuna-7b-v1.5":    7.616892731726707,
		"gpt4_1106_preview": 50, // the baseline
	} {
		if got := rates[model]; math.Abs(got-want) > 5e-8 {
			t.Errorf("%s: %v, want %v", model, got, want)
		}
	}
	checked, agree := 0, 0
	for _, r := range sharedTable(t, "alpaca_eval/weighted_alpaca_eval_gpt4_turbo_leaderboard.csv") {
		rate, ok := rates[r[""]]
		if !ok || r["length_controlled_winrate"] == "" {
			continue
		}
		checked++
		if math.Abs(rate-float(t, r["length_controlled_winrate"])) < 1e-3 {
			agree++
		}
	}
	if checked != 199 || agree != 189 {
		t.Errorf("%d of %d published rates agree, want 189 of 199", agree, checked)
	}
}

func float(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// sharedTable is the rows of a CSV file, by the names of their columns.
func sharedTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(string(sharedFile(t, name)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[column] = r[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestWinRate(t *testing.T) {
	got, err := WinRate(30, 20, 10)
	if err != nil || got.Win.RatString() != "1/2" || got.Loss.RatString() != "1/3" || got.Adjusted.RatString() != "7/12" {
		t.Errorf("WinRate = %+v, %v", got, err)
	}
	for _, c := range [][3]int64{{0, 0, 0}, {-1, 3, 0}, {1, -1, 1}, {1, 1, -1}, {maxPoints + 1, 0, 0}, {math.MaxInt64, math.MaxInt64, 3}} {
		if got, err := WinRate(c[0], c[1], c[2]); err == nil {
			t.Errorf("WinRate(%v) = %+v, want an error", c, got)
		}
	}
}

func TestMTBench(t *testing.T) {
	got, err := MTBench([]Judgement{{81, 1, 9}, {81, 2, 7}, {82, 1, -1}, {82, 2, 4}, {81, 2, 10}, {81, 2, 10}})
	want := MTBenchScore{Mean: 8, Once: 22. / 3, Rows: 5, Unread: 1, Duplicates: 2}
	if err != nil || !near(got.Mean, want.Mean, 1e-12) || !near(got.Once, want.Once, 1e-12) {
		t.Errorf("MTBench = %+v, %v, want %+v", got, err, want)
	}
	if got.Mean, got.Once = want.Mean, want.Once; got != want {
		t.Errorf("MTBench = %+v, want %+v", got, want)
	}
	for _, s := range []float64{-1, -2, 11, math.NaN(), math.Inf(1)} {
		if got, err := MTBench([]Judgement{{1, 1, s}}); err == nil {
			t.Errorf("MTBench of score %v = %+v, want an error", s, got)
		}
	}
	for _, difficulties := range [][]float64{nil, {math.NaN()}} {
		if got, err := LengthControlled(1, 1, difficulties); err == nil {
			t.Errorf("LengthControlled of %v = %v, want an error", difficulties, got)
		}
	}
}
