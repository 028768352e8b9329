package history

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// sampled has one item for each word, of samples that are right (1) or wrong (0).
func sampled(items ...string) *harness.Run {
	r := &harness.Run{Files: []harness.File{{Path: "s.json"}}, Entry: "m", Measures: []string{"ok"}}
	for i, word := range items {
		group, word, _ := strings.Cut(word, ":")
		var values []float64
		for _, c := range word {
			v := float64(c - '0')
			if c == '-' {
				v = harness.NoValue
			}
			values = append(values, v)
		}
		addItem(r, harness.Item{ID: fmt.Sprint(i), Group: group, Values: values})
	}
	return r
}

func TestRules(t *testing.T) {
	ten := "a:1110000000"
	for _, tt := range []struct {
		rule  harness.Rule
		k     int
		items []string
		want  string
	}{
		{harness.PassAtK, 1, []string{ten}, "0.3000000000 of 1"},
		{harness.PassAtK, 5, []string{ten}, "0.9166666667 of 1"},
		{harness.PassAtK, 2, []string{"a:1100"}, "0.8333333333 of 1"},
		{harness.PassAtK, 2, []string{"a:1100", "a:0000", "a:111-1"}, "0.6111111111 of 3"},
		{harness.PassHatK, 2, []string{"a:1110"}, "0.5000000000 of 1"},
		{harness.PassHatK, 2, []string{ten}, "0.0666666667 of 1"},
		{harness.PassHatK, 3, []string{"a:1111", "a:---"}, "1.0000000000 of 1"},
		{harness.PassAtK, 3, []string{"a:11-"}, `item "0" has 2 samples, and k is 3`},
		{harness.PassAtK, 0, []string{"a:11"}, "k is 0, want 1 or more"},
		{harness.PassAtK, 1, []string{"a:2"}, `item "0" has a sample of 2, which neither passes nor fails`},
		{harness.PassAtK, 1, []string{"a:-"}, "no item has a value"},
		{harness.MacroMean, 0, []string{"a:1", "a:0", "a:0", "a:0", "b:1"}, "0.6250000000 of 5"},
		{harness.MacroMean, 0, []string{"a:-"}, "no item has a value"},
		{harness.Mean, 0, []string{"a:10", "a:1111", "b:0"}, "0.5000000000 of 3"},
		{harness.MacroTree, 0, []string{"a/x:1", "a/y:0", "b:0"}, "0.2500000000 of 3"},
		{harness.PooledError, 0, []string{"a:1", "a:0", "a:0", "a:0", "b:1", "b:0"}, "0.2282177323 of 6"},
		{harness.MacroError, 0, []string{"a:1", "a:0", "a:0", "a:0", "b:1", "b:0"}, "0.2795084972 of 6"},
		{harness.PooledError, 0, []string{"a:1", "a:0", "b:1"}, "the standard error of one item is undefined, and a group has no more"},
		{harness.MacroError, 0, []string{"a:-"}, "no item has a value"},
		{harness.StandardError, 0, []string{"a:1"}, "the standard error of one item is undefined"},
		{harness.StandardDeviation, 0, []string{"a:1"}, "the standard deviation of one item is undefined"},
		{harness.Variance, 0, []string{"a:1"}, "the variance of one item is undefined"},
		{harness.Sum, 0, []string{"a:10", "a:1", "b:0"}, "1.5000000000 of 3"},
		{harness.MeanOfStated, 0, []string{"a:1"}, "nothing says how many items there are"},
		{harness.Unknown, 0, []string{"a:1"}, "nothing says how it comes from the items"},
	} {
		a := newAudit(&harness.Imported{})
		got, err := a.recompute(sampled(tt.items...), harness.Metric{Rule: tt.rule, K: tt.k})
		text := fmt.Sprintf("%.10f of %d", got.value, got.items)
		if err != nil {
			text = err.Error()
		}
		if text != tt.want {
			t.Errorf("%s, k = %d, of %v: %s, want %s", tt.rule, tt.k, tt.items, text, tt.want)
		}
	}
}

// Large numbers of samples stay within floating point.
func TestPassMany(t *testing.T) {
	word := "a:" + strings.Repeat("1", 13) + strings.Repeat("0", 187)
	got, err := newAudit(&harness.Imported{}).recompute(sampled(word), harness.Metric{Rule: harness.PassAtK, K: 100})
	if err != nil || math.Abs(got.value-0.9999194972) > 1e-9 {
		t.Errorf("pass@100 = %v, %v", got.value, err)
	}
	if p := drawn(9_000, 10_000, 5_000); p != 0 && !(p > 0 && p < 1e-300) {
		t.Errorf("drawn(9000, 10000, 5000) = %v", p)
	}
}
