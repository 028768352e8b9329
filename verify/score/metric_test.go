package score

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// metric makes one of the range [0, 1] from its name and "name=value" parameters.
func metric(name string, params ...string) attest.Metric {
	m := attest.Metric{Name: name, Min: "0", Max: "1", Better: "higher"}
	for _, p := range params {
		if m.Parameters == nil {
			m.Parameters = map[string]string{}
		}
		name, value, _ := strings.Cut(p, "=")
		m.Parameters[name] = value
	}
	return m
}

func TestCheckMetric(t *testing.T) {
	of := func(m attest.Metric, lo, hi, better string) attest.Metric {
		m.Min, m.Max, m.Better = lo, hi, better
		return m
	}
	for _, c := range []struct {
		metric  attest.Metric
		samples uint32
		reducer string
		words   string
		want    string // in the error
	}{
		{metric("mean"), 1, "mean", "mean", ""},
		{metric("accuracy"), 4, "mean", "accuracy, the mean of 4 sample(s) of each item", ""},
		{metric("exact_match", "log=x", "filter=y"), 1, "mean", "exact_match", ""},
		{metric("accuracy", "reduce=max"), 4, "max", "accuracy, the max of 4 sample(s) of each item", ""},
		{metric("accuracy", "reduce=median"), 1, "median", "accuracy, the median of 1 sample(s) of each item", ""},
		{metric("accuracy", "reduce=mode"), 3, "mode", "accuracy, the mode of 3 sample(s) of each item", ""},
		{metric("accuracy", "reduce=at_least", "k=2"), 2, "at_least_2", "accuracy, the at_least_2 of 2 sample(s) of each item", ""},
		{metric("pass@k", "k=5"), 10, "pass_at_5", "pass@5 from 10 sample(s) of each item", ""},
		{metric("pass^k", "k=4"), 4, "pass_k_4", "pass^4 from 4 sample(s) of each item", ""},
		{of(metric("mean", "reduce=max"), "-1", "5", "lower"), 4, "max", "mean, the max of 4 sample(s) of each item", ""},

		{metric("elo"), 1, "", `"elo"`, `"elo": want one of`},
		{metric(""), 1, "", `""`, "want one of"},
		{metric("Mean"), 1, "", `"Mean"`, "want one of"},
		{metric("pass@5"), 10, "", `"pass@5"`, "want one of"},
		{metric("pass_at_5"), 10, "", `"pass_at_5"`, "want one of"},
		{metric("accuracy", "reduce=mean"), 4, "", `"accuracy"`, "without the parameter reduce"},
		{metric("accuracy", "reduce=last"), 4, "", `"accuracy"`, `reduce is "last"`},
		{metric("accuracy", "reduce=pass_at", "k=2"), 4, "", `"accuracy"`, `reduce is "pass_at"`},
		{metric("pass@k", "k=2", "reduce=max"), 4, "", `"pass@k"`, "no parameter reduce"},
		{metric("accuracy", "k=2"), 4, "", `"accuracy"`, "no parameter k"},
		{metric("accuracy", "reduce=max", "k=2"), 4, "", `"accuracy"`, "no parameter k"},
		{metric("pass@k"), 4, "", `"pass@k"`, `k is ""`},
		{metric("pass@k", "k=0"), 4, "", `"pass@k"`, `k is "0"`},
		{metric("pass@k", "k=-1"), 4, "", `"pass@k"`, `k is "-1"`},
		{metric("pass@k", "k=05"), 10, "", `"pass@k"`, `k is "05"`},
		{metric("pass@k", "k=10001"), 20000, "", `"pass@k"`, `want 1 to 10000`},
		{metric("pass@k", "k=five"), 10, "", `"pass@k"`, `k is "five"`},
		{metric("pass@k", "k=5"), 4, "pass_at_5", "pass@5 from 4 sample(s) of each item", "takes 5 or more samples per item, and 4 are registered"},
		{metric("accuracy", "reduce=at_least", "k=2"), 1, "at_least_2", "accuracy, the at_least_2 of 1 sample(s) of each item", "takes 2 or more"},
		{of(metric("pass@k", "k=1"), "0", "100", "higher"), 4, "", `"pass@k"`, "its range is [0, 100], want [0, 1]"},
		{of(metric("pass^k", "k=1"), "0", "1", "lower"), 4, "", `"pass^k"`, "higher is better"},
		{of(metric("accuracy"), "0", "100", "higher"), 1, "", `"accuracy"`, "want [0, 1]"},
		{of(metric("mean"), "1", "0", "higher"), 4, "", `"mean"`, "range"},
	} {
		name := c.words + " " + strings.ReplaceAll(c.want, "/", "")
		err := CheckMetric(c.metric, c.samples)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrUnknownMetric) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: CheckMetric(%v, %d) = %v, want an ErrUnknownMetric with %q", name, c.metric, c.samples, err, c.want)
		}
		if got := Reducer(c.metric); got != c.reducer {
			t.Errorf("%s: Reducer(%v) = %q, want %q", name, c.metric, got, c.reducer)
		}
		if got := Describe(c.metric, c.samples); got != c.words {
			t.Errorf("Describe(%v, %d) = %q, want %q", c.metric, c.samples, got, c.words)
		}
	}
}

// one item of n samples of which the first c pass.
func passed(n, c int) string {
	return strings.Repeat("1 ", c) + strings.Repeat("0 ", n-c)
}

// TestPassValues compares with values that were worked out elsewhere, by the product
// form and in floating point.
func TestPassValues(t *testing.T) {
	for _, c := range []struct {
		metric string
		n, c   int
		k      string
		want   string // ten decimals
	}{
		{"pass@k", 10, 3, "1", "0.3000000000"},
		{"pass@k", 10, 3, "5", "0.9166666667"},
		{"pass@k", 200, 13, "100", "0.9999194972"},
		{"pass@k", 4, 2, "2", "0.8333333333"},
		{"pass@k", 5, 0, "5", "0.0000000000"},
		{"pass@k", 5, 1, "5", "1.0000000000"},
		{"pass@k", 10, 9, "2", "1.0000000000"}, // fewer fail than are drawn
		{"pass^k", 4, 3, "2", "0.5000000000"},
		{"pass^k", 10, 3, "2", "0.0666666667"},
		{"pass^k", 5, 4, "5", "0.0000000000"},
		{"pass^k", 5, 5, "5", "1.0000000000"},
		{"pass^k", 10, 3, "1", "0.3000000000"},
	} {
		got, err := Recompute(graded(passed(c.n, c.c)), metric(c.metric, "k="+c.k))
		if err != nil || Decimal(got.CountedWrong, 10) != c.want || got.LeftOut.Cmp(got.CountedWrong) != 0 {
			t.Errorf("%s of %d samples of which %d pass, k=%s: %+v, %v, want %s", c.metric, c.n, c.c, c.k, got, err, c.want)
		}
	}
}

// TestAgainstProduct compares with the product that the paper computes, and with a
// count of all ways to draw.
func TestAgainstProduct(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				fail := big.NewRat(1, 1)
				for i := n - c + 1; i <= n; i++ {
					fail.Mul(fail, new(big.Rat).Sub(big.NewRat(1, 1), big.NewRat(int64(k), int64(i))))
				}
				if n-c < k {
					fail.SetInt64(0)
				}
				all, ways := int64(0), int64(0)
				for set := range 1 << n {
					drawn, good := 0, 0
					for i := range n {
						if set>>i&1 == 1 {
							drawn++
							if i < c {
								good++
							}
						}
					}
					if drawn == k {
						ways++
						if good == k {
							all++
						}
					}
				}
				params := "k=" + big.NewInt(int64(k)).String()
				at, err := Recompute(graded(passed(n, c)), metric("pass@k", params))
				if want := new(big.Rat).Sub(big.NewRat(1, 1), fail); err != nil || at.CountedWrong.Cmp(want) != 0 {
					t.Errorf("pass@%d of %d, %d pass: %v, %v, want %v", k, n, c, at.CountedWrong, err, want)
				}
				hat, err := Recompute(graded(passed(n, c)), metric("pass^k", params))
				if want := big.NewRat(all, ways); err != nil || hat.CountedWrong.Cmp(want) != 0 {
					t.Errorf("pass^%d of %d, %d pass: %v, %v, want %v", k, n, c, hat.CountedWrong, err, want)
				}
			}
		}
	}
}

func TestReductions(t *testing.T) {
	lower := mistakes // 0 to 5, lower is better
	lower.Parameters = map[string]string{"reduce": "at_least", "k": "2"}
	undefined := "undefined"
	for _, c := range []struct {
		name        string
		metric      attest.Metric
		rows        string // items, separated by commas
		wrong, left string
	}{
		{"max", metric("accuracy", "reduce=max"), "0 0.5 0,0 0 0,1 0 1", "1/2", "1/2"},
		{"max, an excluded sample", metric("accuracy", "reduce=max"), "0.5 " + excluded + " 0", "1/2", "1/2"},
		{"max, where the worst is the largest", attest.Metric{Name: "mean", Min: "0", Max: "5", Better: "lower", Parameters: map[string]string{"reduce": "max"}}, "1 " + excluded, "5", "1"},
		{"median of an odd number", metric("accuracy", "reduce=median"), "1 0 0.25", "1/4", "1/4"},
		{"median of an even number", metric("accuracy", "reduce=median"), "1 0 0.25 0.5", "3/8", "3/8"},
		{"median, an excluded sample", metric("accuracy", "reduce=median"), "1 0.5 " + excluded, "1/2", "3/4"},
		{"mode", metric("accuracy", "reduce=mode"), "0 0.5 0.5", "1/2", "1/2"},
		{"mode, of several the first", metric("accuracy", "reduce=mode"), "0 1 1 0,1 0 1 0", "1/2", "1/2"},
		{"mode, an excluded sample", metric("accuracy", "reduce=mode"), "1 " + excluded + " 0 1 " + excluded, "0", "1"},
		{"at least", metric("accuracy", "reduce=at_least", "k=2"), "1 1 0,1 0 0,1 0.5 0.9,1 1 1", "1/2", "1/2"},
		{"at least, where lower is better", lower, "0 0 5,0 1 1", "5/2", "5/2"},
		{"at least, too few left", metric("accuracy", "reduce=at_least", "k=2"), "1 1,1 " + excluded, "1/2", undefined},
		{"at least, an item wholly excluded", metric("accuracy", "reduce=at_least", "k=2"), "1 1," + excluded + " " + excluded, "1/2", "1"},
		{"pass@k over items", metric("pass@k", "k=2"), "1 1 0 0,0 0 0 0", "5/12", "5/12"},
		{"pass@k of items of two sizes", metric("pass@k", "k=2"), "1 0 0,1 0", "5/6", "5/6"},
		{"pass@k, an excluded sample", metric("pass@k", "k=1"), "1 0 " + excluded, "1/3", "1/2"},
		{"pass@k, too few left", metric("pass@k", "k=2"), "1 1 0," + excluded + " 1 " + excluded, "5/6", undefined},
		{"pass^k over items", metric("pass^k", "k=2"), "1 1 0 0,1 1 1 1", "7/12", "7/12"},
		{"pass^k, an excluded sample", metric("pass^k", "k=2"), "1 1 " + excluded, "1/3", "1"},
		{"pass^k, too few left", metric("pass^k", "k=2"), excluded + " 1", "0", undefined},
		{"pass^k, every sample of an item excluded", metric("pass^k", "k=2"), "1 1," + excluded + " " + excluded, "1/2", "1"},
		{"pass^k, every row excluded", metric("pass^k", "k=1"), excluded, "0", undefined},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Recompute(graded(strings.Split(c.rows, ",")...), c.metric)
			if err != nil {
				t.Fatal(err)
			}
			if got.CountedWrong.RatString() != c.wrong {
				t.Errorf("CountedWrong = %v, want %s", got.CountedWrong, c.wrong)
			}
			if c.left == undefined {
				if _, err := got.With("left-out"); got.LeftOut != nil || err == nil || got.WhyNot == "" {
					t.Errorf("LeftOut = %v, With(left-out): %v, want it undefined", got.LeftOut, err)
				}
			} else if got.LeftOut.RatString() != c.left || got.WhyNot != "" {
				t.Errorf("LeftOut = %v, %q, want %s", got.LeftOut, got.WhyNot, c.left)
			}
		})
	}
}

func TestReductionsRefuse(t *testing.T) {
	for _, c := range []struct {
		metric attest.Metric
		rows   string
		want   string
	}{
		{metric("pass@k", "k=1"), "1 0.5", "item 0: grade 1/2: a sample passes with 1 or fails with 0"},
		{metric("pass^k", "k=1"), "0.5", "a sample passes with 1"},
		{metric("pass@k", "k=2"), "1 1,1", "item 3: 1 sample(s), and pass_at_2 needs 2"},
		{metric("accuracy", "reduce=at_least", "k=3"), "1 1", "at_least_3 needs 3"},
	} {
		if got, err := Recompute(graded(strings.Split(c.rows, ",")...), c.metric); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Recompute(%q, %v) = %v, %v, want an error with %q", c.rows, c.metric, got, err, c.want)
		}
	}
}

// FuzzReductions takes any grades of an item and of a second one, under each way to
// reduce them.
func FuzzReductions(f *testing.F) {
	all := []attest.Metric{
		metric("accuracy"), metric("accuracy", "reduce=max"), metric("accuracy", "reduce=median"), metric("accuracy", "reduce=mode"),
		metric("accuracy", "reduce=at_least", "k=2"), metric("pass@k", "k=2"), metric("pass^k", "k=2"),
	}
	f.Add(0, "1 0 0.5", "0 1")
	f.Add(3, "1 0 "+excluded, excluded)
	f.Add(5, "1 0 1", "1 1 "+excluded)
	f.Fuzz(func(t *testing.T, which int, a, b string) {
		m := all[(which%len(all)+len(all))%len(all)]
		rows := graded(a, b)
		for _, r := range rows {
			if g, err := attest.ParseDecimal(r.Grade); err == nil && (g.Sign() < 0 || g.Cmp(big.NewRat(1, 1)) > 0) {
				return // outside the range, which is not asked here
			}
		}
		got, err := Recompute(rows, m)
		if err != nil {
			return
		}
		for _, x := range []*big.Rat{got.CountedWrong, got.LeftOut} {
			if x != nil && (x.Sign() < 0 || x.Cmp(big.NewRat(1, 1)) > 0) {
				t.Errorf("Recompute(%q, %q) under %v = %v", a, b, m, x)
			}
		}
		if (got.LeftOut == nil) != (got.WhyNot != "") {
			t.Errorf("Recompute(%q, %q) under %v: %+v", a, b, m, got)
		}
	})
}
