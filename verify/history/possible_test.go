package history

import (
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

var rightOrWrong = []harness.Metric{
	{Name: "acc", Rule: harness.Mean, Measure: "win", Scale: 100, Steps: 1},
	{Name: "acc_stderr", Rule: harness.StandardError, Measure: "win", Scale: 100, Of: "acc"},
	{Name: "n", Rule: harness.Count, Measure: "win"},
}

func accuracyTable(rows ...string) *harness.Table {
	t := table("j", "acc acc_stderr n", rows...)
	for i := range t.Columns {
		t.Columns[i].Metric = &rightOrWrong[i]
	}
	return t
}

func TestImpossible(t *testing.T) {
	// 42.70 of 730 is no number of right answers; of 562 it is 240.
	in := imported(accuracyTable("a 42.70 - 730", "b 42.70 - 562", "c 42.7 - 730"))
	wantFound(t, "impossible-score", in,
		"j/a: acc 42.70: no outcome of the stated 730 items gives it: 311 of 730 is 42.6027, 312 of 730 is 42.7397; 93 % of numbers so written can be told; of fewer items 310 of 726 gives it; no per-item results were found | j.csv:2")

	// Results that give the number do not make it possible at the stated one.
	var wins []float64
	for i := range 562 {
		wins = append(wins, float64(min(1, i/322)))
	}
	r := results("j", "a", wins...)
	tab := table("j", "acc", "a 42.70")
	tab.Columns[0].Metric, tab.Items = &rightOrWrong[0], 730
	rows := Audit(imported(r, tab)).Rows
	if rows[0].Status != Impossible || !strings.HasSuffix(rows[0].Detail, "; 562 items that have a result do") {
		t.Errorf("%s: %s", rows[0].Status, rows[0].Detail)
	}
	if i := rows[0].Interval; i == nil || i.Method != "Wilson 95 %" || i.Low != "38.6782" || i.High != "46.8301" {
		t.Errorf("interval %+v", i)
	}
	tab.Items = 562
	if rows := Audit(imported(r, tab)).Rows; rows[0].Status != Reproduced {
		t.Errorf("%s: %s", rows[0].Status, rows[0].Detail)
	}
}

func TestImpliedItems(t *testing.T) {
	// 894 of 1000, as sciq has them.
	const mean, se = "89.4", "0.9739551266"
	wantFound(t, "implied-n", imported(accuracyTable("a "+mean+" "+se+" 1000", "b "+mean+" "+se+" -")))
	wantFound(t, "implied-n", imported(accuracyTable("a "+mean+" "+se+" 500")),
		"j/a: acc 89.4 with the standard error 0.9739551266 comes from 1000 items, and 500 are stated | j.csv:2")
	wantFound(t, "implied-n", imported(accuracyTable("a 64.93 2.1 500")),
		"j/a: acc 64.93 with the standard error 2.1 comes from 499 to 536 items, and 500 are stated, of which no number of right ones gives both | j.csv:2")
	wantFound(t, "implied-n", imported(accuracyTable("a 89.4 0.9740 -", "b 89.4 0.9999999 -")),
		"j/b: acc 89.4 with the standard error 0.9999999 comes from no number of items that are right or wrong | j.csv:3")

	// So it is told of what a file states of itself, when there are no items.
	r := results("", "m")
	r.Aggregates = []harness.Aggregate{{Metric: rightOrWrong[0], Value: mean}, {Metric: rightOrWrong[1], Value: se}}
	rows := Audit(imported(r)).Rows
	if want := "no item has a value; its standard error implies 1000 items"; rows[0].Status != NotComputable || rows[0].Detail != want {
		t.Errorf("%s: %q, want %q", rows[0].Status, rows[0].Detail, want)
	}
	r.Aggregates[0].Items = 999
	wantFound(t, "implied-n", imported(r), "m: acc 89.4 with the standard error 0.9739551266 comes from 1000 items, and 999 are stated | results/m/.json")
}

// Where nothing says how an error was computed, it is held against neither way alone.
func TestImpliedItemsEitherN(t *testing.T) {
	table := func(rows ...string) *harness.Table {
		tab := accuracyTable(rows...)
		for i, c := range tab.Columns {
			if c.Metric != nil && c.Metric.Rule == harness.StandardError {
				m := *c.Metric
				m.EitherN = true
				tab.Columns[i].Metric = &m
			}
		}
		return tab
	}
	// 325 of 500: 2.1331 with n, 2.1352 with n−1.
	wantFound(t, "implied-n", imported(table("a 65.0 2.133 500", "b 65.0 2.135 500")))
	wantFound(t, "implied-n", imported(accuracyTable("a 65.0 2.133 500", "b 65.0 2.135 500")),
		"j/a: acc 65.0 with the standard error 2.133 comes from no number of items that are right or wrong; 500 are stated | j.csv:2")
	wantFound(t, "implied-n", imported(table("a 89.4 0.9999999 1000")),
		"j/a: acc 89.4 with the standard error 0.9999999 comes from no number of items that are right or wrong; 1000 are stated | j.csv:2")

	none, other, some := implied{Low: 505, High: 504}, implied{Low: 504, High: 503}, implied{Low: 90, High: 91}
	if got := none.or(other); !got.none() {
		t.Errorf("two ways to no number give %v", got)
	}
	for _, got := range []implied{none.or(some), some.or(none)} {
		if !got.has(90) || got.has(92) {
			t.Errorf("one way to a number gives %v", got)
		}
	}
}

func TestNoModelIdentity(t *testing.T) {
	r := results("j", "", 1, 0)
	r.Model = harness.Model{}
	wantFound(t, "no-model-identity", imported(r), "j: neither a name nor a revision nor a digest of a model stands in the file | results//j.json")
	wantFound(t, "no-model-identity", imported(named(r, harness.OfModel, "model", "m")))
	wantFound(t, "no-model-identity", imported(results("j", "a", 1)))
}
