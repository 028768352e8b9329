package score

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

var (
	unit     = attest.Metric{Name: "exact_match", Min: "0", Max: "1", Better: "higher"}
	mistakes = attest.Metric{Name: "mean", Min: "0", Max: "5", Better: "lower"}
	signed   = attest.Metric{Name: "mean", Min: "-1", Max: "1", Better: "higher"}
)

const excluded = "excluded:refused"

// graded makes rows from grades: one string per item, one word per sample.
func graded(items ...string) []run.Row {
	var rows []run.Row
	for i, item := range items {
		for s, grade := range strings.Fields(item) {
			rows = append(rows, run.Row{Item: uint64(i) * 3, Sample: uint32(s), Grade: grade})
		}
	}
	return rows
}

// flat is a recomputed score with its rationals as text, "" for none.
type flat struct {
	CountedWrong, LeftOut string
	Rows, Items, Excluded int
}

func flatten(r *Recomputed) flat {
	text := func(x *big.Rat) string {
		if x == nil {
			return ""
		}
		return x.RatString()
	}
	return flat{text(r.CountedWrong), text(r.LeftOut), r.Rows, r.Items, r.Excluded}
}

func TestRecompute(t *testing.T) {
	for _, c := range []struct {
		name   string
		metric attest.Metric
		rows   []run.Row
		want   flat
	}{
		{"one row", unit, graded("1"), flat{"1", "1", 1, 1, 0}},
		{"two of three", unit, graded("1", "0", "1"), flat{"2/3", "2/3", 3, 3, 0}},
		{"a third of a tenth stays exact", unit, graded("0.1", "0", "0"), flat{"1/30", "1/30", 3, 3, 0}},
		{"0.1 + 0.2 is 0.3", unit, graded("0.1 0.2"), flat{"3/20", "3/20", 2, 1, 0}},
		{"samples first, then items", unit, graded("1 1 1 0", "0"), flat{"3/8", "3/8", 5, 2, 0}},
		{"not the mean over rows", unit, graded("1", "0 0 0"), flat{"1/2", "1/2", 4, 2, 0}},
		{"items of three sizes", unit, graded("1", "1 0", "1 0 0"), flat{"11/18", "11/18", 6, 3, 0}},
		{"18 digits", unit, graded("0.000000000000000001", "0"), flat{"1/2000000000000000000", "1/2000000000000000000", 2, 2, 0}},
		{"an excluded item", unit, graded("1", excluded, "0"), flat{"1/3", "1/2", 3, 3, 1}},
		{"an excluded sample", unit, graded("1 "+excluded, "0 0"), flat{"1/4", "1/2", 4, 2, 1}},
		{"an excluded sample weighs its item only", unit, graded("1 "+excluded, "0 1"), flat{"1/2", "3/4", 4, 2, 1}},
		{"excluded first and last", unit, graded(excluded+" 1", "1 "+excluded), flat{"1/2", "1", 4, 2, 2}},
		{"an item wholly excluded", unit, graded(excluded+" "+excluded, "1 1"), flat{"1/2", "1", 4, 2, 2}},
		{"every row", unit, graded(excluded, excluded), flat{"0", "", 2, 2, 2}},
		{"every row, two reasons", unit, graded("excluded:a excluded:b"), flat{"0", "", 2, 1, 2}},
		{"lower is better", mistakes, graded("0", "2"), flat{"1", "1", 2, 2, 0}},
		{"lower is better, excluded", mistakes, graded("0", excluded), flat{"5/2", "0", 2, 2, 1}},
		{"lower is better, every row", mistakes, graded(excluded), flat{"5", "", 1, 1, 1}},
		{"negative grades", signed, graded("-1", "0.5"), flat{"-1/4", "-1/4", 2, 2, 0}},
		{"negative worst grade", signed, graded("1", excluded), flat{"0", "1", 2, 2, 1}},
		{"named accuracy", attest.Metric{Name: "accuracy", Min: "0", Max: "1", Better: "higher"}, graded("1", "0"), flat{"1/2", "1/2", 2, 2, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Recompute(c.rows, c.metric)
			if err != nil {
				t.Fatalf("Recompute(%v): %v", c.rows, err)
			}
			if diff := cmp.Diff(c.want, flatten(got)); diff != "" {
				t.Errorf("Recompute(%v) (-want +got):\n%s", c.rows, diff)
			}
		})
	}
}

func TestRecomputeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		metric attest.Metric
		rows   []run.Row
		want   string // in the error
	}{
		{"no rows", unit, nil, "no rows"},
		{"no grade", unit, []run.Row{{Item: 7, Sample: 2}}, "item 7 sample 2"},
		{"a word", unit, graded("1", "right"), "item 3 sample 0"},
		{"a float", unit, graded("1 1e0"), "item 0 sample 1"},
		{"a fraction", unit, graded("1/2"), `"1/2"`},
		{"trailing zeros", unit, graded("0.50"), `"0.50"`},
		{"minus zero", unit, graded("-0"), `"-0"`},
		{"not a number", unit, graded("NaN"), `"NaN"`},
		{"infinite", unit, graded("Inf"), `"Inf"`},
		{"exclusion misspelled", unit, graded("Excluded:refused"), "item 0 sample 0"},
		{"19 digits", unit, graded("0.0000000000000000001"), "item 0 sample 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Recompute(c.rows, c.metric)
			if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
				t.Errorf("Recompute(%v) = %v, %v, want an error with %q", c.rows, got, err, c.want)
			}
			if errors.Is(err, ErrUnknownMetric) {
				t.Errorf("Recompute(%v) = %v, want an error other than ErrUnknownMetric", c.rows, err)
			}
		})
	}
}

func TestWith(t *testing.T) {
	some, err := Recompute(graded("1", excluded, "0"), unit)
	if err != nil {
		t.Fatal(err)
	}
	none, err := Recompute(graded(excluded, excluded), unit)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		in          *Recomputed
		denominator string
		want        string // "" for an error
	}{
		{"counted wrong", some, run.CountedWrong, "1/3"},
		{"left out", some, run.LeftOut, "1/2"},
		{"every row excluded, counted wrong", none, run.CountedWrong, "0"},
		{"every row excluded, left out", none, run.LeftOut, ""},
		{"no denominator", some, "", ""},
		{"unknown denominator", some, "Left-Out", ""},
		{"unknown denominator, every row excluded", none, "dropped", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.in.With(c.denominator)
			if c.want == "" {
				if err == nil || got != nil {
					t.Errorf("With(%q) = %v, %v, want an error", c.denominator, got, err)
				}
				return
			}
			if err != nil || got.RatString() != c.want {
				t.Errorf("With(%q) = %v, %v, want %s", c.denominator, got, err, c.want)
			}
		})
	}
}

func rat(t testing.TB, s string) *big.Rat {
	t.Helper()
	x, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no rational", s)
	}
	return x
}

func TestHolds(t *testing.T) {
	wide := attest.Metric{Name: "mean", Min: "0", Max: "100", Better: "higher"}
	for _, c := range []struct {
		exact     string
		published string
		decimals  int
		scale     string
		metric    attest.Metric
		want      bool
	}{
		// 286/1319 = 0.216830… and 21.6830… %
		{"286/1319", "0.2168", 4, "1", unit, true},
		{"286/1319", "0.2169", 4, "1", unit, false},
		{"286/1319", "0.2167", 4, "1", unit, false},
		{"286/1319", "0.217", 3, "1", unit, true},
		{"286/1319", "0.216", 3, "1", unit, false},
		{"286/1319", "0.22", 2, "1", unit, true},
		{"286/1319", "0.21", 2, "1", unit, false},
		{"286/1319", "21.68", 2, "100", unit, true},
		{"286/1319", "21.69", 2, "100", unit, false},
		{"286/1319", "21.7", 1, "100", unit, true},
		{"286/1319", "21.6", 1, "100", unit, false},
		{"286/1319", "22", 0, "100", unit, true},
		{"286/1319", "21", 0, "100", unit, false},
		{"286/1319", "0.2168", 4, "100", unit, false}, // a fraction is no percentage
		{"286/1319", "21.68", 2, "1", unit, false},    // nor the other way round

		// Trailing zeros that were published count: 0.7 at two decimals is 0.70.
		{"7/10", "0.7", 2, "1", unit, true},
		{"704/1000", "0.7", 2, "1", unit, true},
		{"706/1000", "0.7", 2, "1", unit, false},
		{"71/100", "71", 1, "100", unit, true},
		{"7106/10000", "71", 1, "100", unit, false},
		{"7106/10000", "71", 0, "100", unit, true},

		// A half may have been rounded either way, and nothing beyond it.
		{"1/8", "0.12", 2, "1", unit, true},
		{"1/8", "0.13", 2, "1", unit, true},
		{"1/8", "0.11", 2, "1", unit, false},
		{"1/8", "0.14", 2, "1", unit, false},
		{"1/200", "0", 0, "100", unit, true},
		{"1/200", "1", 0, "100", unit, true},
		{"3/200", "0", 0, "100", unit, false},
		{"125000000000000001/1000000000000000000", "0.12", 2, "1", unit, false},
		{"125000000000000001/1000000000000000000", "0.13", 2, "1", unit, true},
		{"124999999999999999/1000000000000000000", "0.13", 2, "1", unit, false},
		{"124999999999999999/1000000000000000000", "0.12", 2, "1", unit, true},
		{"1/3", "0.333333333333333333", 18, "1", unit, true},
		{"1/3", "0.333333333333333334", 18, "1", unit, false},

		// The ends of the range, negative scores, other ranges.
		{"0", "0", 2, "1", unit, true},
		{"1", "1", 2, "1", unit, true},
		{"1", "100", 0, "100", unit, true},
		{"1", "99", 0, "100", unit, false},
		{"-1/8", "-0.13", 2, "1", signed, true},
		{"-1/8", "-0.12", 2, "1", signed, true},
		{"-1/8", "0.12", 2, "1", signed, false},
		{"-1/8", "-0.14", 2, "1", signed, false},
		{"7/5", "1.4", 1, "1", attest.Metric{Name: "mean", Min: "0", Max: "10", Better: "lower"}, true},
		{"7/5", "1.5", 1, "1", attest.Metric{Name: "mean", Min: "0", Max: "10", Better: "lower"}, false},
		{"143/2", "71", 0, "1", wide, true},
		{"143/2", "72", 0, "1", wide, true},
		{"143/2", "73", 0, "1", wide, false},
	} {
		name := fmt.Sprintf("%s as %s to %d times %s", c.exact, c.published, c.decimals, c.scale)
		t.Run(name, func(t *testing.T) {
			exact := rat(t, c.exact)
			got, err := Holds(exact, attest.Score{Score: c.published, Decimals: c.decimals, Scale: c.scale}, c.metric)
			if err != nil || got != c.want {
				t.Errorf("Holds(%q) = %v, %v, want %v", name, got, err, c.want)
			}
			if exact.Cmp(rat(t, c.exact)) != 0 {
				t.Errorf("Holds(%q) changed the exact score to %v", name, exact)
			}
		})
	}
}

func TestHoldsTooCoarse(t *testing.T) {
	narrow := attest.Metric{Name: "mean", Min: "0.2", Max: "0.3", Better: "higher"}
	high := attest.Metric{Name: "mean", Min: "0.9", Max: "1", Better: "higher"}
	wide := attest.Metric{Name: "mean", Min: "0", Max: "1000", Better: "higher"}
	for _, c := range []struct {
		published string
		decimals  int
		scale     string
		metric    attest.Metric
		coarse    bool
	}{
		{"1", 0, "1", unit, true},
		{"0.5", 1, "1", unit, true},
		{"0.5", 2, "1", unit, false},
		{"50", 0, "100", unit, false},
		{"0.25", 2, "1", narrow, true},
		{"0.25", 3, "1", narrow, false},
		{"25", 0, "100", narrow, true},
		{"25", 1, "100", narrow, false},
		{"0.95", 2, "1", high, true},
		{"0.95", 3, "1", high, false},
		{"0.5", 1, "1", signed, true}, // a point of [-1, 1] is 0.02
		{"0.5", 2, "1", signed, false},
		{"500", 0, "1", wide, false},
	} {
		_, err := Holds(big.NewRat(1, 4), attest.Score{Score: c.published, Decimals: c.decimals, Scale: c.scale}, c.metric)
		if got := errors.Is(err, ErrTooCoarse); got != c.coarse {
			t.Errorf("Holds(%q to %d decimals times %s on [%s, %s]) = %v; that it is ErrTooCoarse = %v, want %v",
				c.published, c.decimals, c.scale, c.metric.Min, c.metric.Max, err, got, c.coarse)
		}
		if !c.coarse && err != nil {
			t.Errorf("Holds(%q to %d decimals) = %v, want no error", c.published, c.decimals, err)
		}
	}
}

func TestHoldsRefuses(t *testing.T) {
	ok := attest.Score{Score: "0.25", Decimals: 2, Scale: "1"}
	for _, c := range []struct {
		name   string
		change func(*attest.Score, *attest.Metric)
		want   string // in the error
	}{
		{"no score", func(s *attest.Score, _ *attest.Metric) { s.Score = "" }, "published score"},
		{"a score in percent", func(s *attest.Score, _ *attest.Metric) { s.Score = "25%" }, "published score"},
		{"a score with trailing zeros", func(s *attest.Score, _ *attest.Metric) { s.Score = "0.250" }, "published score"},
		{"a score with an exponent", func(s *attest.Score, _ *attest.Metric) { s.Score = "2.5e-1" }, "published score"},
		{"no scale", func(s *attest.Score, _ *attest.Metric) { s.Scale = "" }, "scale"},
		{"scale 0", func(s *attest.Score, _ *attest.Metric) { s.Scale = "0" }, "scale"},
		{"a negative scale", func(s *attest.Score, _ *attest.Metric) { s.Scale = "-1" }, "scale"},
		{"scale 10", func(s *attest.Score, _ *attest.Metric) { s.Scale = "10" }, "scale"},
		{"scale 0.01", func(s *attest.Score, _ *attest.Metric) { s.Scale = "0.01" }, "scale"},
		{"scale 100.0", func(s *attest.Score, _ *attest.Metric) { s.Scale = "100.0" }, "scale"},
		// Fewer decimals than the score shows would widen what passes for rounding.
		{"fewer decimals than it shows", func(s *attest.Score, _ *attest.Metric) { s.Score = "0.2549" }, "decimals"},
		{"no decimals", func(s *attest.Score, _ *attest.Metric) { *s = attest.Score{Score: "25.4", Scale: "100"} }, "decimals"},
		{"negative decimals", func(s *attest.Score, _ *attest.Metric) { *s = attest.Score{Score: "25", Decimals: -1, Scale: "100"} }, "decimals"},
		{"19 decimals", func(s *attest.Score, _ *attest.Metric) { s.Decimals = 19 }, "decimals"},
		{"no range", func(_ *attest.Score, m *attest.Metric) { m.Min, m.Max = "", "" }, "minimum"},
		{"a range of nothing", func(_ *attest.Score, m *attest.Metric) { m.Min = "1" }, "range"},
		{"a range turned over", func(_ *attest.Score, m *attest.Metric) { m.Min, m.Max = "1", "0" }, "range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m := ok, unit
			c.change(&s, &m)
			holds, err := Holds(big.NewRat(1, 4), s, m)
			if holds || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Holds(%+v) = %v, %v, want an error with %q", s, holds, err, c.want)
			}
			if errors.Is(err, ErrTooCoarse) {
				t.Errorf("Holds(%+v) = %v, want an error other than ErrTooCoarse", s, err)
			}
		})
	}
	if holds, err := Holds(big.NewRat(1, 4), ok, unit); !holds || err != nil {
		t.Errorf("Holds(%+v) = %v, %v, want true", ok, holds, err)
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		in   string
		d    int
		want string
	}{
		{"286/1319", 6, "0.216831"},
		{"2/3", 4, "0.6667"},
		{"1/8", 2, "0.13"},
		{"-1/8", 2, "-0.13"},
		{"1/2", 0, "1"},
		{"3/2", 0, "2"},
		{"7/10", 3, "0.700"},
		{"0", 2, "0.00"},
	} {
		if got := Decimal(rat(t, c.in), c.d); got != c.want {
			t.Errorf("Decimal(%q, %d) = %q, want %q", c.in, c.d, got, c.want)
		}
	}
}

func TestOver(t *testing.T) {
	for _, c := range []struct {
		in    string
		items int
		n     string
		ok    bool
	}{
		{"286/1319", 1319, "286", true},
		{"2/3", 6, "4", true},
		{"1/2", 3, "", false},
		{"0", 5, "0", true},
		{"1", 5, "5", true},
		{"-1/5", 5, "-1", true},
	} {
		n, ok := Over(rat(t, c.in), c.items)
		if ok != c.ok || ok && n != c.n {
			t.Errorf("Over(%q, %d) = %q, %v, want %q, %v", c.in, c.items, n, ok, c.n, c.ok)
		}
	}
}

// TestAgainstDefinition compares Recompute, which groups its sums, with the
// definition of PROTOCOL §5 worked out item by item.
func TestAgainstDefinition(t *testing.T) {
	grades := []string{"0", "1", "0.5", "0.25", "0.1", excluded, "0.333333333333333333", excluded}
	var items []string
	for i := range 60 {
		var samples []string
		for s := range i%7 + 1 {
			samples = append(samples, grades[(i*i+3*s)%len(grades)])
		}
		items = append(items, strings.Join(samples, " "))
	}
	got, err := Recompute(graded(items...), unit)
	if err != nil {
		t.Fatal(err)
	}
	if want := byDefinition(t, items, false); got.CountedWrong.Cmp(want) != 0 {
		t.Errorf("CountedWrong = %v, want %v", got.CountedWrong, want)
	}
	if want := byDefinition(t, items, true); got.LeftOut.Cmp(want) != 0 {
		t.Errorf("LeftOut = %v, want %v", got.LeftOut, want)
	}
	if got.CountedWrong.Cmp(got.LeftOut) >= 0 {
		t.Errorf("CountedWrong = %v and LeftOut = %v, want the first smaller", got.CountedWrong, got.LeftOut)
	}
}

func byDefinition(t *testing.T, items []string, leaveOut bool) *big.Rat {
	t.Helper()
	total, n := new(big.Rat), int64(0)
	for _, item := range items {
		sum, samples := new(big.Rat), int64(0)
		for grade := range strings.FieldsSeq(item) {
			if grade == excluded && leaveOut {
				continue
			}
			if grade != excluded {
				sum.Add(sum, rat(t, grade))
			}
			samples++
		}
		if samples > 0 {
			total.Add(total, sum.Quo(sum, big.NewRat(samples, 1)))
			n++
		}
	}
	return total.Quo(total, big.NewRat(n, 1))
}

// FuzzHolds checks that a score holds exactly when it is its own rounding, or
// either neighbour of a half.
func FuzzHolds(f *testing.F) {
	f.Add(int64(286), int64(1319), "0.2168", 4, "1")
	f.Add(int64(286), int64(1319), "21.69", 2, "100")
	f.Add(int64(1), int64(8), "0.13", 2, "1")
	f.Add(int64(-1), int64(8), "-0.13", 2, "1")
	f.Add(int64(1), int64(3), "0.333333333333333333", 18, "1")
	f.Add(int64(1), int64(2), "0.5", -7, "1e9")
	f.Fuzz(func(t *testing.T, p, q int64, published string, decimals int, scale string) {
		if q == 0 {
			return
		}
		exact := big.NewRat(p, q)
		got, err := Holds(exact, attest.Score{Score: published, Decimals: decimals, Scale: scale}, signed)
		if err != nil {
			if got {
				t.Errorf("Holds(%v, %q) = true, %v, want false beside an error", exact, published, err)
			}
			return
		}
		scaled := new(big.Rat).Mul(exact, rat(t, scale))
		x, half := rat(t, published), rat(t, fmt.Sprintf("5e-%d", decimals+1))
		// FloatString rounds half away from zero; the other neighbour of a half is
		// what it gives for a value just nearer to zero.
		want := rat(t, scaled.FloatString(decimals)).Cmp(x) == 0 ||
			new(big.Rat).Sub(scaled, half).Cmp(x) == 0 || new(big.Rat).Add(scaled, half).Cmp(x) == 0
		if got != want {
			t.Errorf("Holds(%v, %q to %d decimals times %s) = %v, want %v", exact, published, decimals, scale, got, want)
		}
	})
}

// FuzzRecompute takes grades as they come out of a file.
func FuzzRecompute(f *testing.F) {
	f.Add("1", "0.5", "excluded:refused")
	f.Add("excluded:a", "excluded:b", "excluded:c")
	f.Add("1e5", "-0", "")
	f.Add("0.999999999999999999", "0", "1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		rows := []run.Row{{Item: 1, Grade: a}, {Item: 1, Sample: 1, Grade: b}, {Item: 2, Grade: c}}
		got, err := Recompute(rows, unit)
		for _, r := range rows {
			_, out := r.Excluded()
			if _, bad := attest.ParseDecimal(r.Grade); bad != nil && !out && err == nil {
				t.Errorf("Recompute accepts the grade %q", r.Grade)
			}
		}
		if err != nil {
			return
		}
		if got.Rows != 3 || got.Items != 2 || (got.LeftOut == nil) != (got.Excluded == 3) {
			t.Errorf("Recompute(%q, %q, %q) = %+v", a, b, c, flatten(got))
		}
	})
}

// Each item is counted, however many kinds of them there are. The median of two is their
// mean.
func TestRecomputeManyKinds(t *testing.T) {
	const items = 3*maxKinds + 5
	wide := attest.Metric{Name: "mean", Min: "-999999999999999999", Max: "999999999999999999", Better: "higher"}
	median := wide
	median.Parameters = map[string]string{"reduce": "median"}
	rows := make([]run.Row, 0, 2*items)
	want, half := new(big.Rat), big.NewRat(1, 2)
	for i := range uint64(items) {
		a, b := fmt.Sprintf("-0.%d1", i%(maxKinds+1)), fmt.Sprintf("%d.5", 900000000000000000+i%7)
		rows = append(rows, run.Row{Item: i, Grade: a}, run.Row{Item: i, Sample: 1, Grade: b})
		want.Add(want, new(big.Rat).Mul(half, new(big.Rat).Add(rat(t, a), rat(t, b))))
	}
	want.Quo(want, big.NewRat(items, 1))
	for _, metric := range []attest.Metric{wide, median} {
		got, err := Recompute(rows, metric)
		if err != nil || got.CountedWrong.Cmp(want) != 0 || got.LeftOut.Cmp(want) != 0 || got.Items != items {
			t.Errorf("Recompute of %d kinds = %+v, %v, want %v", items, got, err, want)
		}
	}
}

// No grade stands for several.
func TestRecomputeKindsApart(t *testing.T) {
	rows := []run.Row{{Item: 1, Grade: "1"}, {Item: 1, Sample: 1, Grade: "0"}, {Item: 2, Grade: "1\x00\x00\x00\x00\x00\x00\x00\x010"}}
	for _, metric := range []attest.Metric{unit, metric("accuracy", "reduce=max")} {
		if got, err := Recompute(rows, metric); err == nil {
			t.Errorf("Recompute with the grade %q = %+v", rows[2].Grade, got)
		}
	}
}

// Grades of all sizes, and on both sides of zero, are added exactly.
func TestDecimalSum(t *testing.T) {
	var sum decimalSum
	want := new(big.Rat)
	for i := range 1000 {
		for _, text := range []string{"999999999999999999.999999999999999999", "-999999999999999998.000000000000000001", fmt.Sprintf("-%d.%d1", i, i), "0", "-0.1", "1000"} {
			d, err := parseDecimal(text)
			if err != nil {
				t.Fatal(err)
			}
			sum.add(d)
			want.Add(want, rat(t, text))
		}
	}
	sum.worst = 3
	want.Add(want, big.NewRat(-6, 1))
	if got := sum.value(big.NewRat(-2, 1)); got.Cmp(want) != 0 {
		t.Errorf("sum %v, want %v", got, want)
	}
	large := uint128{1, 1<<64 - 1}
	large.add(2)
	if got := large.big().String(); got != "36893488147419103233" {
		t.Errorf("2⁶⁵−1 and 2 are %s", got)
	}
}

func BenchmarkRecompute(b *testing.B) {
	few := func(i int) string { return []string{"0", "1", "0.125", "0.333333333333333333", excluded}[i%5] }
	many := func(i int) string { return fmt.Sprintf("0.%d1", uint64(i)*0x9e3779b97f4a7c15>>12) }
	median := metric("accuracy", "reduce=median")
	for _, c := range []struct {
		name   string
		metric attest.Metric
		grade  func(int) string
	}{{"mean,few", unit, few}, {"mean,many", unit, many}, {"median,few", median, few}, {"median,many", median, many}} {
		b.Run(c.name, func(b *testing.B) {
			const items, samples = 25_000, 4
			rows := make([]run.Row, 0, items*samples)
			for i := range items * samples {
				rows = append(rows, run.Row{Item: uint64(i / samples), Sample: uint32(i % samples), Grade: c.grade(i/samples + i%samples)})
			}
			for b.Loop() {
				if _, err := Recompute(rows, c.metric); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
		})
	}
}
