package stat

import (
	"encoding/json"
	"math"
	"math/big"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		published string
		grid      Grid
		want      Fit
	}{
		// SWE-Bench Pro's and SWE-bench's pages, with the stated number of items and the one that explains them.
		{"42.70", Grid{730, 1, 100}, Fit{Low: 311, High: 312, Chance: 0.073}},
		{"42.70", Grid{562, 1, 100}, Fit{Nearest: true, Cut: true, Low: 240, High: 240, Chance: 0.0562}},
		{"64.93", Grid{500, 1, 100}, Fit{Low: 324, High: 325, Chance: 0.05}},
		{"64.93", Grid{499, 1, 100}, Fit{Nearest: true, Low: 324, High: 324, Chance: 0.0499}},
		{"75.2", Grid{378, 1, 100}, Fit{Low: 284, High: 285, Chance: 0.378}},
		{"75.2", Grid{399, 1, 100}, Fit{Nearest: true, Low: 300, High: 300, Chance: 0.399}},

		{"0.667", Grid{Items: 3}, Fit{Nearest: true, Low: 2, High: 2, Chance: 0.003}},
		{"0.666", Grid{Items: 3}, Fit{Cut: true, Low: 2, High: 2, Chance: 0.003}},
		{"0.668", Grid{Items: 3}, Fit{Low: 2, High: 3, Chance: 0.003}},
		{"12", Grid{8, 1, 100}, Fit{Nearest: true, Cut: true, Low: 1, High: 1, Chance: 0.08}}, // 12.5, half-even
		{"13", Grid{8, 1, 100}, Fit{Nearest: true, Low: 1, High: 1, Chance: 0.08}},            // and half-up
		{"0.28", Grid{Items: 100}, Fit{Nearest: true, Cut: true, Low: 28, High: 28, Chance: 1}},
		{"0.5", Grid{Items: 1000}, Fit{Nearest: true, Cut: true, Low: 450, High: 550, Chance: 1}},
		{"0.125", Grid{2, 4, 1}, Fit{Nearest: true, Cut: true, Low: 1, High: 1, Chance: 0.008}}, // parts of an item
		{"0.125", Grid{2, 3, 1}, Fit{Low: 0, High: 1, Chance: 0.006}},
		{"7.81", Grid{80, 20, 10}, Fit{Nearest: true, Cut: true, Low: 1249, High: 1250, Chance: 1}},
		{"0", Grid{Items: 5}, Fit{Nearest: true, Cut: true, High: 2, Chance: 1}},
		{"1.000", Grid{Items: 5}, Fit{Nearest: true, Cut: true, Low: 5, High: 5, Chance: 0.005}},
		{"1.001", Grid{Items: 5}, Fit{Low: 5, High: 5, Chance: 0.005}},
		{"100.01", Grid{5, 1, 100}, Fit{Low: 5, High: 5, Chance: 0.0005}},
		{"-0.1", Grid{Items: 5}, Fit{Chance: 0.5}},
		{"-0.0", Grid{Items: 5}, Fit{Nearest: true, Cut: true, Chance: 0.5}},

		// To all digits of a float64, of which the last is what arithmetic made it.
		{"45.71428571428572", Grid{805, 2, 100}, Fit{Nearest: true, Cut: true, Low: 736, High: 736, Chance: 1.61e-13}},
		{"45.71428571428571", Grid{805, 2, 100}, Fit{Nearest: true, Cut: true, Low: 736, High: 736, Chance: 1.61e-13}},
		{"45.71428571528571", Grid{805, 2, 100}, Fit{Low: 736, High: 737, Chance: 1.61e-13}},
	} {
		got, err := c.grid.Fit(number(t, c.published))
		near := cmp.Comparer(func(a, b float64) bool { return near(a, b, 1e-12) })
		if diff := cmp.Diff(c.want, got, near); err != nil || diff != "" {
			t.Errorf("%s on %+v: %v\n%s", c.published, c.grid, err, diff)
		}
	}
}

func TestNear(t *testing.T) {
	got, err := Grid{500, 1, 100}.Near(number(t, "64.93"), 30)
	if diff := cmp.Diff([]Grid{{499, 1, 100}, {482, 1, 100}, {519, 1, 100}, {479, 1, 100}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := (Grid{Items: 1}).Near(number(t, "0.5"), 2); err != nil || len(got) != 1 || got[0].Items != 2 {
		t.Errorf("Near = %v, %v", got, err)
	}
}

func TestGridErrors(t *testing.T) {
	for _, g := range []Grid{{}, {Items: -1}, {Items: 1, Steps: -1}, {Items: 1, Scale: -1}, {Items: 1 << 41}, {1 << 30, 1 << 30, 1}, {1, 1, 1 << 30}} {
		if f, err := g.Fit(Number{}); err == nil {
			t.Errorf("%+v: Fit = %+v, want an error", g, f)
		}
		if f, err := g.Near(Number{}, 1); err == nil {
			t.Errorf("%+v: Near = %+v, want an error", g, f)
		}
	}
	for _, within := range []int64{-1, maxNear + 1} {
		if f, err := (Grid{Items: 5}).Near(Number{}, within); err == nil {
			t.Errorf("Near(%d) = %v, want an error", within, f)
		}
	}
}

// FuzzGrid: every score that there is, is possible, however it was rounded.
func FuzzGrid(f *testing.F) {
	f.Add(uint32(240), uint32(562), uint8(1), uint8(2), true)
	f.Add(uint32(1), uint32(8), uint8(1), uint8(0), true)
	f.Add(uint32(3), uint32(7), uint8(3), uint8(17), false)
	f.Fuzz(func(t *testing.T, k, items uint32, steps, decimals uint8, percent bool) {
		g := Grid{Items: int64(items), Steps: int64(steps), Scale: 1}
		if percent {
			g.Scale = 100
		}
		if items == 0 || int64(k) > g.Points() {
			return
		}
		decimals %= 19
		score := g.Score(int64(k))
		as64, _ := score.Float64()
		cut := score.FloatString(60)
		printed := map[string]string{
			"half up":  score.FloatString(int(decimals)),
			"half odd": strconv.FormatFloat(as64, 'f', int(decimals), 64), // half even, of the nearest float64
			"all":      strconv.FormatFloat(float64(g.Scale)*(float64(k)/float64(g.Points())), 'g', -1, 64),
			"cut off":  cut[:len(cut)-60+int(decimals)],
		}
		for how, s := range printed {
			fit, err := g.Fit(number(t, s))
			if err != nil || !fit.Possible() || int64(k) < fit.Low && fit.Nearest && how != "cut off" || int64(k) > fit.High && fit.Nearest && how != "cut off" {
				t.Errorf("%s, %d points of %+v, %s: %+v, %v", s, k, g, how, fit, err)
			}
		}
	})
}

// TestFitAgainstFormula compares with the test as it is mostly written.
func TestFitAgainstFormula(t *testing.T) {
	for items := int64(1); items < 40; items++ {
		g := Grid{Items: items, Scale: 100}
		for x := range int64(1001) {
			published := strconv.FormatInt(x/10, 10) + "." + strconv.FormatInt(x%10, 10)
			want := false
			for k := range items + 1 {
				want = want || math.Abs(100*float64(k)/float64(items)-float64(x)/10) <= 0.05+1e-9
			}
			if got, err := g.Fit(number(t, published)); err != nil || got.Nearest != want {
				t.Fatalf("%s of %d items: %+v, %v, want %v", published, items, got, err, want)
			}
		}
	}
}

func TestImpliedItems(t *testing.T) {
	for _, c := range []struct {
		accuracy, stderr string
		scale            int64
		ddof             int
		low, high        int64
		items            []int64
	}{
		{"0.912", "0.008963", 1, 1, 995, 1005, []int64{1000}}, // 912/1000: 0.00896285…
		{"0.2", "0.04020151261036848", 1, 1, 80, 117, []int64{100}},
		{"20", "4.020151261036848", 100, 1, 99, 101, []int64{100}},
		{"20", "4.0", 100, 0, 96, 104, []int64{97, 99, 100, 101, 103}},
		{"0.5", "0.05", 1, 1, 83, 124, nil},
		{"0.50", "0.00", 1, 1, 10000, math.MaxInt64, nil},
		{"1.00", "0.01", 1, 1, 2, 200, nil},
		{"1.00", "0.01", 1, 0, 1, 199, nil},
		{"0.5", "0.6", 1, 0, 1, 0, nil},
	} {
		got, err := ImpliedItems(number(t, c.accuracy), number(t, c.stderr), c.scale, c.ddof)
		if err != nil || got.Low != c.low || got.High != c.high || c.items != nil && !slices.Equal(got.Items, c.items) {
			t.Errorf("ImpliedItems(%s, %s, %d, %d) = %+v, %v, want %d to %d and %v", c.accuracy, c.stderr, c.scale, c.ddof, got, err, c.low, c.high, c.items)
		}
	}
	// No limit, many items, many right answers, many items of which hardly any fits.
	for _, c := range [][2]string{{"0.50", "0.00"}, {"0.50", "0.001"}, {"0.5", "0.0015811388"}, {"0.123456789012", "0.001"}} {
		if got, err := ImpliedItems(number(t, c[0]), number(t, c[1]), 1, 1); err != nil || got.Tried || got.Items != nil || got.Low > got.High {
			t.Errorf("ImpliedItems(%s, %s) = %+v, %v, want too many to try", c[0], c[1], got, err)
		}
	}
	for _, c := range [][2]string{{"0", "0"}, {"1", "0.000"}, {"1.1", "0.1"}, {"-0.1", "0.1"}, {"0.5", "-0.1"}} {
		if got, err := ImpliedItems(number(t, c[0]), number(t, c[1]), 1, 1); err == nil {
			t.Errorf("ImpliedItems(%s, %s) = %+v, want an error", c[0], c[1], got)
		}
	}
	if got, err := ImpliedItems(number(t, "0.5"), number(t, "0.1"), 1, 2); err == nil {
		t.Errorf("ddof 2: %+v, want an error", got)
	}
	if got, err := ImpliedItems(number(t, "0.5"), number(t, "0.1"), -1, 1); err == nil {
		t.Errorf("scale -1: %+v, want an error", got)
	}
}

// TestPythia takes the sizes of test sets from the standard errors that
// lm-evaluation-harness printed beside the accuracies: one whole number each, and the
// accuracy is possible with it.
func TestPythia(t *testing.T) {
	files, _ := filepath.Glob(shared + "pythia/evals/pythia-v1/*/zero-shot/*.json")
	if len(files) == 0 {
		t.Skip("no results of Pythia here")
	}
	pairs, sizes := 0, map[string]int64{}
	for _, name := range files {
		var log struct {
			Results map[string]map[string]json.Number
		}
		if err := json.Unmarshal(sharedFile(t, strings.TrimPrefix(name, shared)), &log); err != nil {
			t.Fatal(err)
		}
		for task, metrics := range log.Results {
			for _, m := range []string{"acc", "acc_norm", "pct_stereotype"} {
				a, s := metrics[m].String(), metrics[m+"_stderr"].String()
				if a == "" || s == "" || s == "0.0" {
					continue
				}
				pairs++
				got, err := ImpliedItems(number(t, a), number(t, s), 1, 1)
				if err != nil || len(got.Items) != 1 {
					t.Errorf("%s: %s %s ± %s: %+v, %v", name, task, a, s, got, err)
					continue
				}
				n := got.Items[0]
				if old := sizes[task]; old != 0 && old != n {
					t.Errorf("%s: %s of %d items, elsewhere of %d", name, task, n, old)
				}
				sizes[task] = n
			}
		}
	}
	t.Logf("%d pairs of %d files", pairs, len(files))
	for task, want := range map[string]int64{"sciq": 1000, "lambada_openai": 5153, "piqa": 1838} {
		if sizes[task] != want {
			t.Errorf("%s: %d items, want %d", task, sizes[task], want)
		}
	}
}

func TestMissing(t *testing.T) {
	// 240 right of the 562 that were published, of 730.
	g := Grid{730, 1, 100}
	b, err := g.Missing(240, 562)
	if err != nil || b.Low.FloatString(2) != "32.88" || b.High.FloatString(2) != "55.89" {
		t.Errorf("Missing = %v, %v", b, err)
	}
	for _, c := range []struct {
		published    string
		points, seen int64
		low, high    string
		possible     bool
	}{
		{"42.70", 240, 562, "0.4266", "0.4271", false}, // between 71 and 72 of 168
		{"42.74", 240, 562, "0.4284", "0.4288", true},  // 72 of 168
		{"32.88", 240, 562, "-0.0001", "0.0004", true},
		{"32.74", 240, 562, "-0.0062", "-0.0057", false},
		{"60.00", 240, 562, "1.1784", "1.1788", false},
	} {
		got, err := g.Needed(number(t, c.published), c.points, c.seen)
		if err != nil || got.Low.FloatString(4) != c.low || got.High.FloatString(4) != c.high || got.Possible != c.possible {
			t.Errorf("Needed(%s, %d, %d) = %s to %s, %v, %v, want %+v", c.published, c.points, c.seen, got.Low.FloatString(4), got.High.FloatString(4), got.Possible, err, c)
		}
	}
	// Two of four parts of one item, of two items.
	b, err = Grid{Items: 2, Steps: 4}.Missing(2, 1)
	if err != nil || b.Low.Cmp(big.NewRat(1, 4)) != 0 || b.High.Cmp(big.NewRat(3, 4)) != 0 {
		t.Errorf("Missing = %v, %v", b, err)
	}
	for _, c := range [][2]int64{{-1, 5}, {6, 5}, {0, -1}, {0, 731}} {
		if got, err := g.Missing(c[0], c[1]); err == nil {
			t.Errorf("Missing(%v) = %v, want an error", c, got)
		}
		if got, err := g.Needed(Number{}, c[0], c[1]); err == nil {
			t.Errorf("Needed(%v) = %v, want an error", c, got)
		}
	}
	if got, err := g.Needed(number(t, "42"), 240, 730); err == nil {
		t.Errorf("Needed of nothing missing = %v, want an error", got)
	}
}

// BenchmarkFit is a table of ten thousand rows.
func BenchmarkFit(b *testing.B) {
	g := Grid{Items: 1319, Scale: 100}
	for b.Loop() {
		for i := range 10_000 {
			x, err := ParseNumber(strconv.FormatFloat(float64(i)/100, 'f', 2, 64))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := g.Fit(x); err != nil {
				b.Fatal(err)
			}
		}
	}
}
