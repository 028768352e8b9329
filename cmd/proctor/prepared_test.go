package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/history"
)

// basisOf is a run of items with one value each.
func basisOf(t *testing.T, published string, m harness.Metric, items ...harness.Item) *history.Basis {
	t.Helper()
	r := &harness.Run{Format: "demo", Model: harness.Model{Name: "lab/tiny 7b"}, Measures: []string{"correct"}, Files: []harness.File{{Path: "/home/me/log.json"}}}
	for _, it := range items {
		if err := r.Items.Add(it); err != nil {
			t.Fatal(err)
		}
	}
	return &history.Basis{Run: r, Metric: m, Published: published, Where: history.Place{Path: "/home/me/board.csv"}}
}

func valued(values ...float64) (items []harness.Item) {
	for i, v := range values {
		items = append(items, harness.Item{ID: string(rune('a' + i)), Values: []float64{v}})
	}
	return items
}

func TestPrepare(t *testing.T) {
	mean, percent := harness.Metric{Name: "m", Rule: harness.Mean}, harness.Metric{Name: "m", Rule: harness.Mean, Scale: 100}
	twice := valued(1, 0)
	twice[1].ID = "a"
	for _, tt := range []struct {
		name, published string
		metric          harness.Metric
		items           []harness.Item
		score, want     string // the score, or the error
	}{
		{"share", "0.667", mean, valued(1, 1, 0), "0.667", ""},
		{"percent", "66.7%", percent, valued(1, 1, 0), "66.7 %", ""},
		{"noise of floating point", "66.66666666666667", percent, valued(1, 1, 0), "66.666667 %", ""},
		{"an exponent", "5e-1", mean, valued(1, 0), "0.500000", ""},
		{"no value takes no part", "0.50", mean, valued(1, 0, math.NaN()), "0.50", ""},
		{"no value of all that there are", "0.333", harness.Metric{Rule: harness.MeanOfStated}, valued(1, 0, math.NaN()), "0.333", ""},
		{"pass^2", "0.333", harness.Metric{Rule: harness.PassHatK, K: 2}, []harness.Item{{ID: "a", Values: []float64{1, 1, 0}}}, "0.333", ""},
		{"pass@2", "1.00", harness.Metric{Rule: harness.PassAtK, K: 2}, []harness.Item{{ID: "a", Values: []float64{1, 1, 0}}}, "1.00", ""},
		{"samples", "0.500", mean, []harness.Item{{ID: "a", Values: []float64{1, 0}}}, "0.500", ""},
		{"a sample without a value", "1.00", mean, []harness.Item{{ID: "a", Values: []float64{1, math.NaN()}}}, "", "one of its samples has no value"},
		{"samples of some", "0.50", mean, append(valued(1), harness.Item{ID: "b", Values: []float64{1, 0}}), "", "has 2 samples, and the first has 1"},
		{"too coarse", "1", mean, valued(1), "", "too coarsely"},
		{"cut off", "66.6", percent, valued(1, 1, 0), "", "2/3, of which 66.6 % is no rounding"},
		{"another scale", "6.67", harness.Metric{Rule: harness.Mean, Scale: 10}, valued(1, 1, 0), "", "a scale of 10"},
		{"out of range", "2", mean, valued(2), "", "what range values have"},
		{"below", "-0.5", mean, valued(-0.5), "", "what range values have"},
		{"twice", "0.5", mean, twice, "", "is there twice"},
		{"too fine", "0.0", mean, valued(1e-30), "", `item "a"`},
		{"no values", "0.0", mean, valued(math.NaN()), "", "every row is excluded"},
		{"no number", "n/a", mean, valued(1), "", "is no number"},
	} {
		p, err := prepare(basisOf(t, tt.published, tt.metric, tt.items...), "board/tiny", "https://lab.example")
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
			continue
		}
		if err != nil || p.score != tt.score {
			t.Errorf("%s: %+v, %v, want %q", tt.name, p, err, tt.score)
		}
	}
}

// What is written is what commands read, and says nothing of this machine.
func TestPrepareWrites(t *testing.T) {
	items := valued(1, 0, math.NaN())
	items[0].Output = harness.TextDigest([]byte("an answer"))
	p, err := prepare(basisOf(t, "0.50", harness.Metric{Name: "m", Rule: harness.Mean}, items...), "board/tiny", "https://lab.example")
	if err != nil {
		t.Fatal(err)
	}
	p.evaluator = "https://auditor.example"
	if p.model != "lab-tiny-7b" || strings.Contains(p.text, "/home") {
		t.Errorf("model %q, text %q", p.model, p.text)
	}
	var rows, config bytes.Buffer
	if err := p.writeRows(&rows); err != nil {
		t.Fatal(err)
	}
	var grades []string
	err = harness.JSONL("rows.jsonl", &rows, harness.Paths{Key: "id", Response: "response", Grade: "grade", Sample: "sample"}, func(r harness.Row) error {
		grades = append(grades, r.Grade)
		return nil
	})
	if want := "1 0 excluded:no-value"; err != nil || strings.Join(grades, " ") != want {
		t.Errorf("grades %q, %v, want %s", grades, err, want)
	}
	if err := p.writeConfig(&config); err != nil {
		t.Fatal(err)
	}
	doc, err := attest.Canonicalize(config.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	c, err := run.ParseConfiguration(doc)
	if err != nil || c.Denominator != run.LeftOut || len(c.Exclusions) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	var model map[string]string
	var b bytes.Buffer
	if err := p.writeModel(&b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &model); err != nil || model["model"] != "lab/tiny 7b" {
		t.Errorf("%s: %v", b.Bytes(), err)
	}
}

func TestQuoteShell(t *testing.T) {
	for in, want := range map[string]string{"a/b.csv": "a/b.csv", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$(rm)": "'$(rm)'"} {
		if got := quoteShell(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
