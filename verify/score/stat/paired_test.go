package stat

import (
	"encoding/json"
	"math"
	"testing"
)

// Llama-3.1-70B and Llama-3-70B on MMLU-Pro's 12,032 items, from how often only one
// was right. Checked with scipy.stats.sem of the differences.
func TestPairedMMLUPro(t *testing.T) {
	const n, first, second, both = 12032, 1067, 1012, 6258 - 1012
	a, b := make([]float64, n), make([]float64, n)
	for i := range n {
		switch {
		case i < first:
			a[i] = 1
		case i < first+second:
			b[i] = 1
		case i < first+second+both:
			a[i], b[i] = 1, 1
		}
	}
	d, err := Paired(a, b)
	if err != nil || !near(d.Mean, 0.004571143617021277, 1e-9) || !near(d.SE, 0.0037894938667396494, 1e-9) || d.N != n {
		t.Errorf("Paired = %+v, %v", d, err)
	}
	if z, p, err := d.Z(); err != nil || !near(z, 1.206267585532242, 1e-9) || !near(p, 0.22771, 1e-4) {
		t.Errorf("Z = %v, %v, %v", z, p, err)
	}
	one, _ := Mean(a, 1)
	other, _ := Mean(b, 1)
	if u := Unpaired(one, other); !near(u.Mean, d.Mean, 1e-9) || !near(u.SE, 0.006440111485262239, 1e-9) {
		t.Errorf("Unpaired = %+v", u)
	}
}

// Of statsmodels 0.15.0's mcnemar(exact=True), which agrees with SciPy 1.17.1's binomtest.
func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		first, second int
		want          float64
	}{
		{1067, 1012, 0.23628161144722387},
		{1012, 1067, 0.23628161144722387},
		{18, 17, 1},
		{12, 11, 1},
		{16, 16, 1},
		{0, 0, 1},
		{5, 0, 0.0625},
		{30, 10, 0.0022214337732293643},
		{0, 40, 1.8189894035458565e-12},
		{100000, 99000, 0.025127217688360817},
	} {
		if got, err := McNemar(c.first, c.second); err != nil || !near(got, c.want, 1e-9) {
			t.Errorf("McNemar(%d, %d) = %v, %v, want %v", c.first, c.second, got, err, c.want)
		}
	}
}

// TestMcNemarCounted compares with all outcomes of so many throws.
func TestMcNemarCounted(t *testing.T) {
	for n := range 12 {
		for first := range n + 1 {
			uneven := 0
			for throws := range 1 << n {
				heads := 0
				for i := range n {
					heads += throws >> i & 1
				}
				if math.Abs(float64(2*heads-n)) >= math.Abs(float64(2*first-n)) {
					uneven++
				}
			}
			want := float64(uneven) / float64(int(1)<<n)
			if got, err := McNemar(first, n-first); err != nil || !near(got, want, 1e-12) {
				t.Errorf("McNemar(%d, %d) = %v, %v, want %v", first, n-first, got, err, want)
			}
		}
	}
}

// TestArenaGap is Llama 4 Maverick's two entries on LMArena's table of 2025-04-24: the
// experimental one that the launch named, and the released one.
func TestArenaGap(t *testing.T) {
	for file, want := range map[string][2]float64{
		"leaderboard-text.2025-04-24.ca6b34297.json":               {129.9, 26.5},
		"leaderboard-text-style-control.2025-04-24.ca6b34297.json": {52.3, 10.2},
	} {
		var table map[string]map[string]struct {
			Rating float64 `json:"rating"`
			High   float64 `json:"rating_q975"`
			Low    float64 `json:"rating_q025"`
		}
		if err := json.Unmarshal(sharedFile(t, "arena-catalog/"+file), &table); err != nil {
			t.Fatal(err)
		}
		var e [2]Estimate
		for i, name := range []string{"llama-4-maverick-03-26-experimental", "llama-4-maverick-17b-128e-instruct"} {
			r, ok := table["full"][name]
			var err error
			if e[i], err = FromInterval(r.Rating, Interval{r.Low, r.High}, 0.95); err != nil || !ok {
				t.Fatalf("%s: %s: %+v, %v", file, name, r, err)
			}
		}
		gap := Unpaired(e[0], e[1])
		if z, _, err := gap.Z(); err != nil || math.Abs(gap.Mean-want[0]) > 0.06 || math.Abs(z-want[1]) > 0.06 {
			t.Errorf("%s: gap %v, z %v, %v, want %v", file, gap.Mean, z, err, want)
		}
	}
}

func TestPairedErrors(t *testing.T) {
	for name, f := range map[string]func() error{
		"lengths":          func() error { _, err := Paired([]float64{1, 2}, []float64{1}); return err },
		"one item":         func() error { _, err := Paired([]float64{1}, []float64{1}); return err },
		"NaN":              func() error { _, err := Paired([]float64{1, math.NaN()}, []float64{1, 2}); return err },
		"infinite":         func() error { _, err := Paired([]float64{1, math.Inf(1)}, []float64{1, math.Inf(1)}); return err },
		"nothing varied":   func() error { _, _, err := Estimate{Mean: 1}.Z(); return err },
		"negative count":   func() error { _, err := McNemar(-1, 2); return err },
		"level":            func() error { _, err := FromInterval(1, Interval{0, 2}, 2); return err },
		"outside":          func() error { _, err := FromInterval(3, Interval{0, 2}, 0.95); return err },
		"infinite width":   func() error { _, err := FromInterval(3, Interval{0, math.Inf(1)}, 0.95); return err },
		"interval of NaNs": func() error { _, err := FromInterval(3, Interval{math.NaN(), 4}, 0.95); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
