package rating

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

type counted struct {
	a, b    string
	outcome Outcome
	count   int64
}

func battles(t testing.TB, all ...counted) *Battles {
	t.Helper()
	s := new(Battles)
	for _, c := range all {
		if err := s.AddCount(c.a, c.b, c.outcome, c.count); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// wikipedia is the worked example of the article "Bradley–Terry model".
var wikipedia = []counted{
	{"A", "B", Won, 2}, {"A", "D", Won, 1}, {"B", "A", Won, 3}, {"B", "C", Won, 5},
	{"C", "B", Won, 3}, {"C", "D", Won, 1}, {"D", "A", Won, 4}, {"D", "C", Won, 3},
}

var withTies = []counted{
	{"m1", "m2", Won, 30}, {"m1", "m2", Lost, 20}, {"m1", "m2", Tied, 10},
	{"m2", "m3", Won, 40}, {"m2", "m3", Lost, 25}, {"m2", "m3", Tied, 5},
	{"m3", "m1", Won, 12}, {"m3", "m1", Lost, 33}, {"m3", "m1", Tied, 15},
}

func agree(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s: %v at %d, want %v", what, got[i], i, want[i])
			return
		}
	}
}

// halfWidths is of 95 % intervals.
func halfWidths(t *testing.T, f *Fit) []float64 {
	t.Helper()
	estimates, err := f.Sandwich()
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for i, e := range estimates {
		in, err := e.Normal(0.95)
		if err != nil || e.Mean != f.Ratings[i] {
			t.Fatalf("%+v, %v", e, err)
		}
		out = append(out, in.High-e.Mean)
	}
	return out
}

// Of arena-rank 0.1.1's BradleyTerry.compute_ratings_and_cis with ftol=0, gtol=1e-14.
func TestAgainstArenaRank(t *testing.T) {
	for _, c := range []struct {
		name           string
		battles        []counted
		reweight       int
		ratings, width []float64
	}{
		{"wikipedia", wikipedia, 0,
			[]float64{922.4271469786734, 1007.3660811653473, 927.7676089023327, 1142.4391629536467},
			[]float64{185.32107051371372, 165.00075468153443, 179.81546263668622, 212.42465054695504}},
		{"wikipedia, reweighted", wikipedia, 50,
			[]float64{922.4271469786734, 1007.3660811653473, 927.7676089023327, 1142.4391629536467},
			[]float64{185.2991544787135, 164.98186308543575, 179.79343188848713, 212.39280866635863}},
		{"ties", withTies, 0,
			[]float64{1061.8954518805594, 1005.8242651359528, 932.2802829834877},
			[]float64{37.95793435822429, 37.95952321580444, 37.842882783476966}},
		{"ties, reweighted", withTies, 50,
			[]float64{1061.8911765738953, 1005.7096349777822, 932.3991884483223},
			[]float64{37.951532145063766, 37.93095000820392, 37.66981141229496}},
	} {
		f, err := New(battles(t, c.battles...), Config{Reweight: c.reweight})
		if err != nil {
			t.Fatal(err)
		}
		agree(t, c.name+": ratings", f.Ratings, c.ratings, 1e-6)
		agree(t, c.name+": half-widths", halfWidths(t, f), c.width, 1e-6)
	}
}

// The article's own values, which are products of nine rounds of its iteration.
func TestWikipedia(t *testing.T) {
	f, err := New(battles(t, wikipedia...), Config{})
	if err != nil {
		t.Fatal(err)
	}
	var odds []float64
	for _, r := range f.Ratings {
		odds = append(odds, math.Exp((r-1000)/points))
	}
	agree(t, "odds", odds, []float64{0.639835, 1.043314, 0.659810, 2.270377}, 1e-6)
}

func TestAnchor(t *testing.T) {
	f, err := New(battles(t, withTies...), Config{Anchor: "m2", AnchorAt: 1114})
	if err != nil {
		t.Fatal(err)
	}
	shift := 1114 - 1005.8242651359528
	agree(t, "ratings", f.Ratings, []float64{1061.8954518805594 + shift, 1114, 932.2802829834877 + shift}, 1e-6)
	intervals, err := f.Bootstrap(50, 1, 0.95)
	if err != nil || intervals[1] != (stat.Interval{Low: 1114, High: 1114}) || intervals[0].High-intervals[0].Low < 20 {
		t.Errorf("Bootstrap = %v, %v", intervals, err)
	}
	for _, c := range []Config{{Anchor: "m4"}, {Anchor: "m2", AnchorAt: math.NaN()}, {Anchor: "m2", AnchorAt: math.Inf(1)}} {
		if f, err := New(battles(t, withTies...), c); err == nil {
			t.Errorf("%+v: %v, want an error", c, f.Ratings)
		}
	}
}

// The order of battles, who is named first, and how they are grouped decide nothing.
func TestOrder(t *testing.T) {
	want, err := New(battles(t, withTies...), Config{Reweight: 50})
	if err != nil {
		t.Fatal(err)
	}
	s := new(Battles)
	for i := len(withTies) - 1; i >= 0; i-- {
		c := withTies[i]
		for range c.count {
			if err := s.Add(c.b, c.a, Won-c.outcome); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := New(s, Config{Reweight: 50})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "ratings", got.Ratings, want.Ratings, 0)
	a, _ := want.Bootstrap(20, 3, 0.9)
	b, _ := got.Bootstrap(20, 3, 0.9)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("Bootstrap = %v, want %v", b, a)
	}
}

func TestUnrated(t *testing.T) {
	for _, c := range []struct {
		battles []counted
		want    string
	}{
		{[]counted{{"a", "b", Won, 3}, {"b", "a", Won, 1}, {"c", "a", Won, 2}, {"c", "b", Won, 9}}, `no finite ratings: "c" never lost or tied against the other 2 competitor(s)`},
		{[]counted{{"a", "b", Won, 3}, {"b", "a", Won, 1}, {"a", "c", Won, 2}}, `no finite ratings: "c" never won or tied against the other 2 competitor(s)`},
		{[]counted{{"b", "c", Won, 3}, {"c", "b", Won, 1}, {"a", "b", Won, 2}}, `no finite ratings: "a" never lost or tied against the other 2 competitor(s)`},
		{[]counted{{"b", "c", Won, 3}, {"c", "b", Won, 1}, {"b", "a", Won, 2}}, `no finite ratings: "a" never won or tied against the other 2 competitor(s)`},
		{[]counted{{"a", "b", Tied, 3}, {"c", "d", Tied, 1}, {"d", "e", Tied, 1}}, `no finite ratings: "a", "b" never met the other 3 competitor(s)`},
		{[]counted{{"a", "b", Won, 1}}, `no finite ratings: "b" never won or tied against the other 1 competitor(s)`},
		{[]counted{{"a", "b", Won, 0}}, "no battles"},
		{nil, "no battles"},
	} {
		f, err := New(battles(t, c.battles...), Config{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, %v, want %s", c.battles, f, err, c.want)
		}
		if e := new(UnratedError); strings.HasPrefix(c.want, "no finite") && (!errors.As(err, &e) || len(e.Names) == 0) {
			t.Errorf("%v: %v names nobody", c.battles, err)
		}
	}
	// A single tie is enough.
	f, err := New(battles(t, counted{"a", "b", Won, 1}, counted{"a", "b", Tied, 1}), Config{})
	if err != nil || math.Abs(f.Ratings[0]-f.Ratings[1]-points*math.Log(3)) > 1e-6 {
		t.Errorf("%v, %v", f, err)
	}
	// Once in a while none of the two battles that one lost is drawn.
	if got, err := f.Bootstrap(100, 1, 0.95); err == nil || !strings.Contains(err.Error(), "of the bootstrap: no finite ratings") {
		t.Errorf("Bootstrap of two battles = %v, %v", got, err)
	}
}

// Ratings far apart need steps that do not overshoot.
func TestFarApart(t *testing.T) {
	var all []counted
	for i := range 20 {
		a, b := fmt.Sprintf("m%02d", i), fmt.Sprintf("m%02d", i+1)
		all = append(all, counted{a, b, Won, 1}, counted{b, a, Won, 3000})
	}
	f, err := New(battles(t, all...), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if got := f.Ratings[i+1] - f.Ratings[i]; math.Abs(got-points*math.Log(3000)) > 1e-6 {
			t.Errorf("%d: ahead by %v", i, got)
		}
	}
}

// Newton's method, if its steps are not shortened, never returns from where the first
// one leads here.
func TestOvershoot(t *testing.T) {
	wins := [][]int64{{0, 1, 18, 0, 0}, {413, 0, 1, 2, 0}, {0, 0, 0, 1, 1}, {12, 0, 280, 0, 3789}, {1, 4702, 0, 0, 0}}
	s := new(Battles)
	for i := range wins {
		for j, n := range wins[i] {
			if n > 0 {
				if err := s.AddCount(fmt.Sprint(i), fmt.Sprint(j), Won, n); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f, err := New(s, Config{})
	if err != nil {
		t.Fatal(err)
	}
	// At the maximum everybody wins as often as is expected.
	for i := range wins {
		won, expected := 0.0, 0.0
		for j := range wins {
			won += float64(wins[i][j])
			expected += float64(wins[i][j]+wins[j][i]) / (1 + math.Exp((f.Ratings[j]-f.Ratings[i])/points))
		}
		if math.Abs(won-expected) > 1e-6 {
			t.Errorf("%d won %v, of which %v are expected", i, won, expected)
		}
	}
}

// On average over many draws, a bootstrap's spread is the standard error.
func TestBootstrapSpread(t *testing.T) {
	f, err := New(battles(t, withTies...), Config{})
	if err != nil {
		t.Fatal(err)
	}
	intervals, err := f.Bootstrap(4000, 7, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	for i, half := range halfWidths(t, f) {
		in := intervals[i]
		if r := (in.High - in.Low) / 2 / half; r < 0.93 || r > 1.09 || in.Low > f.Ratings[i] || in.High < f.Ratings[i] {
			t.Errorf("%s: %v around %v, where a normal interval is ±%v", f.Names[i], in, f.Ratings[i], half)
		}
	}
}

// Draws have the means, variances and covariances of so many from an urn.
func TestDraw(t *testing.T) {
	rows := []row{{count: [3]uint32{2, 0, 700}}, {count: [3]uint32{38, 9, 1}}}
	n, p := 750.0, []float64{2. / 750, 0, 700. / 750, 38. / 750, 9. / 750, 1. / 750}
	u := newUrn(rows)
	const rounds = 20000
	var sum [6]float64
	var both [6][6]float64
	for round := range rounds {
		u.draw(rows, rand.NewPCG(1, uint64(round)))
		var x [6]float64
		total := 0.0
		for i := range x {
			x[i] = float64(rows[i/3].count[i%3])
			total += x[i]
		}
		if total != n {
			t.Fatalf("%v were drawn, want %v", total, n)
		}
		for i := range x {
			sum[i] += x[i] / rounds
			for j := range x {
				both[i][j] += (x[i] - n*p[i]) * (x[j] - n*p[j]) / rounds
			}
		}
	}
	for i := range p {
		if d := math.Abs(sum[i] - n*p[i]); d > 5*math.Sqrt(n*p[i]/rounds) {
			t.Errorf("%d: %v on average, want %v", i, sum[i], n*p[i])
		}
		for j := range p {
			want := -n * p[i] * p[j]
			if i == j {
				want = n * p[i] * (1 - p[i])
			}
			if d := math.Abs(both[i][j] - want); d > 7*math.Sqrt((n*n*p[i]*p[j]+n*p[i]*p[j])*2/rounds)+1e-12 {
				t.Errorf("%d and %d: covariance %v, want %v", i, j, both[i][j], want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for name, f := range map[string]func(s *Battles) error{
		"itself":        func(s *Battles) error { return s.Add("a", "a", Won) },
		"outcome":       func(s *Battles) error { return s.Add("a", "b", 3) },
		"outcome below": func(s *Battles) error { return s.Add("a", "b", -1) },
		"count":         func(s *Battles) error { return s.AddCount("a", "b", Won, -1) },
		"too many":      func(s *Battles) error { return s.AddCount("m1", "m2", Won, maxBattles) },
		"features":      func(s *Battles) error { return s.Add("a", "b", Won, 0.5) },
		"competitors": func(s *Battles) error {
			for i := range maxCompetitors {
				if err := s.Add("a", fmt.Sprint(i), Won); err != nil {
					return err
				}
			}
			return nil
		},
		"no features":      func(*Battles) error { _, err := WithFeatures(); return err },
		"too many of them": func(*Battles) error { _, err := WithFeatures(make([]string, maxFeatures+1)...); return err },
		"reweight":         func(s *Battles) error { _, err := New(s, Config{Reweight: -1}); return err },
		"FastChat, reweighted": func(s *Battles) error {
			_, err := New(s, Config{Convention: FastChat, Reweight: 50})
			return err
		},
		"convention": func(s *Battles) error { _, err := New(s, Config{Convention: 2}); return err },
		"rounds":     func(s *Battles) error { f, _ := New(s, Config{}); _, err := f.Bootstrap(1, 0, 0.95); return err },
		"level":      func(s *Battles) error { f, _ := New(s, Config{}); _, err := f.Bootstrap(9, 0, 95); return err },
		"FastChat's errors": func(s *Battles) error {
			f, _ := New(s, Config{Convention: FastChat})
			_, err := f.Sandwich()
			return err
		},
	} {
		if f(battles(t, withTies...)) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestQuantile(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 1: 8, 0.25: 1.75, 0.9: 6.8} {
		if got := quantile(x, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

// FuzzFit: battles give ratings that sum to nothing and that no small step betters, or
// an error.
func FuzzFit(f *testing.F) {
	f.Add([]byte{0, 1, 2, 1, 2, 2, 2, 0, 2}, false)
	f.Add([]byte{0, 1, 1, 1, 2, 1, 3, 0, 1, 3, 2, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, reweight bool) {
		s := new(Battles)
		for ; len(data) >= 3 && s.total < 1000; data = data[3:] {
			err := s.Add(fmt.Sprint(data[0]%8), fmt.Sprint(data[1]%8), Outcome(data[2]%4))
			if (err == nil) != (data[0]%8 != data[1]%8 && data[2]%4 != 3) {
				t.Fatalf("%v: %v", data[:3], err)
			}
		}
		config := Config{}
		if reweight {
			config.Reweight = 3
		}
		fit, err := New(s, config)
		if err != nil {
			return
		}
		sum, slope := 0.0, make([]float64, len(fit.at))
		for _, r := range fit.Ratings {
			sum += r - 1000
		}
		fit.p.slope(fit.at, slope)
		for _, g := range slope {
			if math.Abs(g) > 1e-7 || !(math.Abs(sum) < 1e-6) {
				t.Fatalf("ratings %v, sum %v, slope %v", fit.Ratings, sum, slope)
			}
		}
		errors, err := fit.Sandwich()
		for _, e := range errors {
			if err != nil || !(e.SE >= 0) || math.IsInf(e.SE, 0) {
				t.Fatalf("%+v, %v", errors, err)
			}
		}
	})
}
