package stat

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const shared = "../../../../shared/data/evals/" // real data, beside the repository

func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(shared + name)
	if os.IsNotExist(err) {
		t.Skipf("%s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of scipy.stats.sem, t.interval and norm.interval, SciPy 1.17.1.
func TestMean(t *testing.T) {
	x := []float64{3.1, 2.7, 4.4, 3.9, 2.2, 5.0, 3.3}
	e, err := Mean(x, 1)
	if err != nil || !near(e.Mean, 3.5142857142857147, 1e-12) || !near(e.SE, 0.36996046856295295, 1e-12) || e.N != 7 {
		t.Errorf("Mean(%v, 1) = %+v, %v", x, e, err)
	}
	if got, err := e.StudentT(0.95); err != nil || !nearInterval(got, Interval{2.609025059303876, 4.419546369267554}, 1e-9) {
		t.Errorf("StudentT = %v, %v", got, err)
	}
	if got, err := e.Normal(0.95); err != nil || !nearInterval(got, Interval{2.789176520198764, 4.239394908372665}, 1e-9) {
		t.Errorf("Normal = %v, %v", got, err)
	}
	if e, err := Mean(x, 0); err != nil || !near(e.SE, 0.342516837916853, 1e-12) {
		t.Errorf("Mean(%v, 0) = %+v, %v", x, e, err)
	}
	if v, err := Variance(x, 0); err != nil || !near(v, 7*0.342516837916853*0.342516837916853, 1e-12) {
		t.Errorf("Variance(%v, 0) = %v, %v", x, v, err)
	}
}

func TestProportion(t *testing.T) {
	for ddof, want := range map[int]float64{0: 0.020866, 1: 0.020884} {
		e, err := Proportion(240, 562, ddof)
		if err != nil || math.Abs(e.SE-want) > 5e-7 || e.Mean != 240./562 {
			t.Errorf("Proportion(240, 562, %d) = %+v, %v, want %v", ddof, e, err, want)
		}
		m, err := Mean(append(slices.Repeat([]float64{1}, 240), make([]float64, 322)...), ddof)
		if err != nil || !near(m.SE, e.SE, 1e-12) || !near(m.Mean, e.Mean, 1e-12) {
			t.Errorf("as observations: %+v, %v, want %+v", m, err, e)
		}
	}
}

// GPT-4o on tau-bench's airline tasks: four trials of each of fifty. That the errors
// are clustered by task makes them half as large again. The values were computed with
// Inspect's stderr(cluster="task"), and without its factor C/(C−1).
func TestClusteredTauBench(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(string(sharedFile(t, "tau_bench/gpt-4o-airline.rewards.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var x []float64
	var tasks []string
	for _, r := range records[1:] {
		reward, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		x, tasks = append(x, reward), append(tasks, r[0])
	}
	naive, err := Mean(x, 1)
	if err != nil || !near(naive.SE, 0.03498743, 1e-6) {
		t.Errorf("Mean = %+v, %v", naive, err)
	}
	got, err := ClusteredMean(x, tasks)
	if err != nil || !near(got.Mean, 0.42, 1e-12) || got.N != 200 || got.Clusters != 50 ||
		!near(got.Plain, 0.05169139, 1e-7) || !near(got.Corrected, 0.05221619, 1e-7) {
		t.Errorf("ClusteredMean = %+v, %v", got, err)
	}
	// Equation 4 as it is written, pair by pair.
	pairs := 0.0
	for i := range x {
		for j := range x {
			if i != j && tasks[i] == tasks[j] {
				pairs += (x[i] - naive.Mean) * (x[j] - naive.Mean)
			}
		}
	}
	if want := math.Sqrt(naive.SE*naive.SE + pairs/200/200); !near(got.Miller, want, 1e-12) {
		t.Errorf("Miller = %v, want %v", got.Miller, want)
	}
}

// One observation per cluster is no clustering: with the correction the error is the
// central limit theorem's.
func TestClustersOfOne(t *testing.T) {
	x := []float64{1, 0, 0, 1, 1, 0.5}
	got, err := ClusteredMean(x, []int{5, 3, 1, 2, 6, 4})
	want, _ := Mean(x, 1)
	if err != nil || !near(got.Corrected, want.SE, 1e-12) || !near(got.Miller, want.SE, 1e-12) {
		t.Errorf("ClusteredMean = %+v, %v, want errors of %v", got, err, want.SE)
	}
}

// Of lm-evaluation-harness 0.4.13's pooled_sample_stderr.
func TestPooledSE(t *testing.T) {
	got, err := PooledSE([]float64{0.012, 0.034, 0.0051}, []int{1000, 150, 5153})
	if err != nil || !near(got, 0.004654349657418655, 1e-12) {
		t.Errorf("PooledSE = %v, %v", got, err)
	}
}

func TestEstimateErrors(t *testing.T) {
	one := []float64{1}
	for name, f := range map[string]func() error{
		"empty":               func() error { _, err := Mean(nil, 0); return err },
		"one, ddof 1":         func() error { _, err := Mean(one, 1); return err },
		"ddof 2":              func() error { _, err := Mean([]float64{1, 2, 3}, 2); return err },
		"not a number":        func() error { _, err := Mean([]float64{1, math.NaN()}, 0); return err },
		"infinite":            func() error { _, err := Variance([]float64{1, math.Inf(1)}, 0); return err },
		"squares overflow":    func() error { _, err := Mean([]float64{1e200, -1e200}, 0); return err },
		"sum overflows":       func() error { _, err := Mean([]float64{1e308, 1e308}, 0); return err },
		"proportion of none":  func() error { _, err := Proportion(0, 0, 0); return err },
		"proportion of one":   func() error { _, err := Proportion(1, 1, 1); return err },
		"t of one":            func() error { _, err := Estimate{N: 1}.StudentT(0.95); return err },
		"level":               func() error { _, err := Estimate{N: 9}.Normal(1.5); return err },
		"clusters: lengths":   func() error { _, err := ClusteredMean([]float64{1, 2}, []int{1}); return err },
		"clusters: one":       func() error { _, err := ClusteredMean([]float64{1, 2}, []int{1, 1}); return err },
		"clusters: NaN":       func() error { _, err := ClusteredMean([]float64{1, math.NaN()}, []int{1, 2}); return err },
		"pooled: lengths":     func() error { _, err := PooledSE([]float64{1}, nil); return err },
		"pooled: none":        func() error { _, err := PooledSE(nil, nil); return err },
		"pooled: no items":    func() error { _, err := PooledSE([]float64{1}, []int{0}); return err },
		"pooled: single ones": func() error { _, err := PooledSE([]float64{1, 1}, []int{1, 1}); return err },
		"pooled: NaN":         func() error { _, err := PooledSE([]float64{math.NaN()}, []int{4}); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
