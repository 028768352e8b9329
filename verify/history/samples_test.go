package history

import (
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// The mean of trials is not the mean of items where a trial has fewer of them.
func TestSamples(t *testing.T) {
	r := &harness.Run{Format: "helm", Board: "b", Entry: "e", Files: []harness.File{{Path: "f"}}, Measures: []string{"x"}}
	for _, it := range []harness.Item{
		{ID: "1", Values: []float64{1, 0}},
		{ID: "2", Values: []float64{harness.NoValue, 1}},
		{ID: "3", Values: []float64{1, 1}, Excluded: "error"},
	} {
		if err := r.Items.Add(it); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		rule  harness.Rule
		value string
		want  Status
	}{
		{harness.SamplesMean, "0.75", Reproduced}, // of 1 and 0.5; the mean of items is 0.75 too, the values' 0.667
		{harness.SamplesMean, "0.6666666666666666", Differs},
		{harness.SamplesVariance, "0.0625", Reproduced},
		{harness.SamplesVariance, "0.06250000000000001", Reproduced}, // the noise of sum_squared − mean²
		{harness.SamplesVariance, "0.0626", Differs},
		{harness.SamplesDeviation, "0.25", Reproduced},
		{harness.SamplesDeviation, "0.35355339059327373", Differs}, // with n−1
	} {
		r.Aggregates = []harness.Aggregate{{Metric: harness.Metric{Name: "x", Rule: c.rule, Measure: "x", AllDigits: true}, Value: c.value, File: "f"}}
		if rows := Audit(&harness.Imported{Runs: []*harness.Run{r}}).Rows; len(rows) != 1 || rows[0].Status != c.want {
			t.Errorf("%s %s: %+v, want %s", c.rule, c.value, rows, c.want)
		}
	}
}

// A spread that is nothing but noise is none.
func TestSamplesNoise(t *testing.T) {
	r := &harness.Run{Format: "helm", Board: "b", Entry: "e", Files: []harness.File{{Path: "f"}}, Measures: []string{"x"}}
	if err := r.Items.Add(harness.Item{ID: "1", Values: []float64{0.3, 0.3, 0.3}}); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]Status{"1.3877787807814457e-17": Reproduced, "0.0": Reproduced, "1e-8": Differs} {
		r.Aggregates = []harness.Aggregate{{Metric: harness.Metric{Name: "x", Rule: harness.SamplesVariance, Measure: "x"}, Value: value, File: "f"}}
		if rows := Audit(&harness.Imported{Runs: []*harness.Run{r}}).Rows; rows[0].Status != want {
			t.Errorf("%s: %+v, want %s", value, rows[0], want)
		}
	}
}
