package history

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

var adjustedMetrics = []harness.Metric{
	{Name: "length_controlled_winrate", Rule: harness.LengthAdjusted},
	{Name: "lc_standard_error", Rule: harness.LengthError},
}

// adjustedTable publishes the adjusted win rate and its error for models.
func adjustedTable(rows ...string) *harness.Table {
	t := table("j", "length_controlled_winrate lc_standard_error n_total", rows...)
	t.Columns[0].Metric, t.Columns[1].Metric = &adjustedMetrics[0], &adjustedMetrics[1]
	return t
}

func weights(board string, rows ...string) *harness.Weights {
	w := &harness.Weights{Format: "test", Board: board, File: harness.File{Path: "weights.csv"}, Columns: []string{harness.AlpacaLength, harness.AlpacaDifficulty, harness.AlpacaModel}}
	for i, row := range rows {
		cells := strings.Fields(row)
		w.Rows = append(w.Rows, harness.TableRow{Entry: cells[0], Line: i + 2, Values: cells[1:]})
	}
	return w
}

func difficult(values ...float64) *harness.Run {
	r := &harness.Run{Format: harness.AlpacaDifficulties, Files: []harness.File{{Path: "difficulties.json"}}, Measures: []string{"difficulty"}}
	for _, v := range values {
		addItem(r, harness.Item{Values: []float64{v}})
	}
	return r
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestLengthAdjusted(t *testing.T) {
	// Of weights 1 and 2: the mean and the standard error of what they predict.
	p, q := 100*logistic(1+2*0.5), 100*logistic(1-2)
	mean, se := (p+q)/2, math.Abs(p-q)/2
	good := fmt.Sprintf("m %v %v 2", mean, se)
	first := fmt.Sprintf("m %v - 1", p)
	const caveat = "computed from published weights, which were not fitted again"
	for _, tt := range []struct {
		name string
		in   *harness.Imported
		want []string // status and detail of each row
	}{
		{"reproduced", imported(adjustedTable(good), weights("j", "m 0 2 1"), difficult(0.5, -1)),
			[]string{"reproduced: " + caveat, "reproduced: " + caveat}},
		{"no table named", imported(adjustedTable(good), weights("", "m 0 2 1"), difficult(0.5, -1)),
			[]string{"reproduced: " + caveat + " and are joined to this table by their entries alone", "reproduced: " + caveat + " and are joined to this table by their entries alone"}},
		{"entries of another table", imported(adjustedTable(good), weights("", "m 0 2 1", "n 0 2 1"), difficult(0.5, -1)),
			[]string{"not recomputable: no weights of its regression were found", "not recomputable: no weights of its regression were found"}},
		{"another table's", imported(adjustedTable(good), weights("k", "m 0 2 1"), difficult(0.5, -1)),
			[]string{"not recomputable: no weights of its regression were found", "not recomputable: no weights of its regression were found"}},
		{"no difficulties", imported(adjustedTable(good), weights("j", "m 0 2 1")),
			[]string{"not recomputable: nothing says how difficult the instructions are", "not recomputable: nothing says how difficult the instructions are"}},
		{"no number", imported(adjustedTable(good), weights("j", "m 0 x 1"), difficult(0.5, -1)),
			[]string{"not recomputable: its weights in weights.csv:2 are no numbers", "not recomputable: its weights in weights.csv:2 are no numbers"}},
		{"by position", imported(adjustedTable(first), weights("j", "m 0 2 1"), difficult(0.5, -1)),
			[]string{fmt.Sprintf("differs: differs by %s; of the first 1 of the 2 difficulties it is the published number: 1 items have a result, and were given difficulties by position; %s", spellPlain(mean-p), caveat),
				`not recomputable: published "-" is not a number`}},
	} {
		var got []string
		for _, r := range Audit(tt.in).Rows {
			if r.Metric != "n_total" {
				got = append(got, string(r.Status)+": "+r.Detail)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Difficulties follow from predictions that lie beside items.
func TestDifficultiesFromPredictions(t *testing.T) {
	r := results("j", "m")
	r.Measures = []string{"win", "length", "adjusted win"}
	for _, d := range []float64{0.5, -1, 2} {
		addItem(r, harness.Item{Values: []float64{1, 1, logistic(1 + 2*d)}})
	}
	published := 100 * (logistic(0.5) + logistic(-1) + logistic(2)) / 3
	rows := Audit(imported(adjustedTable(fmt.Sprintf("n %v - 3", published)), weights("j", "m 0 2 1", "n 0 1 0"), r)).Rows
	if rows[0].Status != Reproduced || !strings.HasSuffix(rows[0].Detail, "difficulties recovered from predictions in results/m/j.json") {
		t.Errorf("%s: %s", rows[0].Status, rows[0].Detail)
	}
}
