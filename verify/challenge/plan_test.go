package challenge

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

var (
	accuracy   = attest.Metric{Name: "accuracy", Min: "0", Max: "1", Better: "higher"}
	testChain  = attest.Hash{0x55}
	testResult = attest.Hash{0x44}
	testRound  = Round{Number: 1000, Randomness: attest.Hash{0x66}, Time: time.Unix(1, 0)}
)

func graded(grades ...string) (rows []run.Row) {
	for i, list := range grades {
		for s, g := range strings.Fields(list) {
			rows = append(rows, run.Row{Item: uint64(i), Sample: uint32(s), Grade: g})
		}
	}
	return rows
}

func TestStrata(t *testing.T) {
	lower := attest.Metric{Name: "mean", Min: "0", Max: "10", Better: "lower"}
	rows := graded("1", "0", "excluded:timeout", "0.5", "10", "excluded:refused")
	for name, c := range map[string]struct {
		metric                         attest.Metric
		excluded, credited, uncredited []uint64
	}{
		"higher is better": {accuracy, []uint64{2, 5}, []uint64{0, 3, 4}, []uint64{1}},
		"lower is better":  {lower, []uint64{2, 5}, []uint64{0, 1, 3}, []uint64{4}},
	} {
		got, err := stratify(rows, c.metric)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]uint64{Excluded: c.excluded, Credited: c.credited, Uncredited: c.uncredited}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPlan(t *testing.T) {
	grades := make([]string, 200)
	for i := range grades {
		grades[i] = []string{"1", "0", "1", "1", "excluded:timeout"}[i%5]
	}
	rows := graded(grades...)
	plan, err := NewPlan(testResult, testChain, testRound, rows, accuracy, 30)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Challenge != Seed(testResult, testChain, testRound) {
		t.Error("the challenge is not that of result and round")
	}
	var all []uint64
	for i, want := range []struct {
		name   string
		leaves uint64
	}{{Excluded, 40}, {Credited, 120}, {Uncredited, 40}} {
		s := plan.Strata[i]
		if s.Name != want.name || s.Leaves != want.leaves || len(s.Drawn) != 30 {
			t.Errorf("stratum %s of %d leaves, %d drawn", s.Name, s.Leaves, len(s.Drawn))
		}
		// The same by hand: the sampler gives places within the stratum.
		strata, _ := stratify(rows, accuracy)
		for k, at := range Sample(Stratum(plan.Challenge, s.Name), s.Leaves, 30) {
			if strata[s.Name][at] != s.Drawn[k] {
				t.Fatalf("stratum %s: draw %d is leaf %d, want %d", s.Name, k, s.Drawn[k], strata[s.Name][at])
			}
		}
		all = append(all, s.Drawn...)
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, plan.Open); diff != "" || len(slices.Compact(all)) != 90 {
		t.Errorf("opened leaves: %s", diff)
	}
	if _, err := NewPlan(testResult, testChain, testRound, rows, accuracy, 0); err == nil {
		t.Error("a challenge of no leaves is planned")
	}
}

// Where a score is not a mean of leaves, one leaf alone shows nothing of its item.
func TestPlanOfItems(t *testing.T) {
	rows := graded("1 0 1", "0 0 0", "1 1 1", "excluded:timeout 1 0")
	for _, metric := range []attest.Metric{
		{Name: attest.PassAt, Parameters: map[string]string{"k": "2"}, Min: "0", Max: "1", Better: "higher"},
		{Name: "accuracy", Parameters: map[string]string{"reduce": "max"}, Min: "0", Max: "1", Better: "higher"},
	} {
		plan, err := NewPlan(testResult, testChain, testRound, rows, metric, 1)
		if err != nil {
			t.Fatal(err)
		}
		items := map[uint64]int{}
		for _, at := range plan.Open {
			items[rows[at].Item]++
		}
		for item, n := range items {
			if n != 3 {
				t.Errorf("%s: %d of 3 samples of item %d are opened", metric.Name, n, item)
			}
		}
		if !slices.IsSorted(plan.Open) || len(plan.Open) != 3*len(items) || len(items) == 0 {
			t.Errorf("%s: opened %v", metric.Name, plan.Open)
		}
	}
}

// The formula against counting: every way to draw k of n.
func TestMiss(t *testing.T) {
	count := func(n, m, k, tolerated int) *big.Rat {
		all, missed := 0, 0
		for set := range 1 << n {
			drawn, forged := 0, 0
			for i := range n {
				if set>>i&1 == 1 {
					drawn++
					if i < m {
						forged++
					}
				}
			}
			if drawn == k {
				all++
				if forged <= tolerated {
					missed++
				}
			}
		}
		return big.NewRat(int64(missed), int64(all))
	}
	for n := 1; n <= 10; n++ {
		for m := range n + 1 {
			for k := range n + 1 {
				for tolerated := range 3 {
					got, want := Miss(uint64(n), uint64(m), uint64(k), uint64(tolerated)), count(n, m, k, tolerated)
					if got.Cmp(want) != 0 {
						t.Fatalf("Miss(%d, %d, %d, %d) = %s, want %s", n, m, k, tolerated, got, want)
					}
				}
			}
		}
	}
	if got := Miss(10, 11, 3, 0); got.Sign() != 0 {
		t.Errorf("more forged leaves than there are: %s", got)
	}
}

func TestEnough(t *testing.T) {
	for _, c := range []struct{ n, m uint64 }{{800, 20}, {12, 1}, {1000, 999}, {5, 5}, {1_000_000, 20_000}} {
		k := Enough(c.n, c.m, big.NewRat(5, 100))
		if Miss(c.n, c.m, k, 0).Cmp(big.NewRat(5, 100)) > 0 || k > 0 && Miss(c.n, c.m, k-1, 0).Cmp(big.NewRat(5, 100)) <= 0 {
			t.Errorf("Enough(%d, %d) = %d misses with %s", c.n, c.m, k, Miss(c.n, c.m, k, 0).FloatString(6))
		}
	}
}

func TestForged(t *testing.T) {
	for _, c := range []struct {
		delta  *big.Rat
		leaves uint64
		lo, hi int64
		want   uint64
	}{
		{big.NewRat(2, 100), 1000, 0, 1, 20},
		{big.NewRat(2, 100), 1001, 0, 1, 21}, // 20.02: fewer do not do it
		{big.NewRat(1, 5), 1000, 0, 10, 20},
		{big.NewRat(2, 100), 10, 0, 1, 1},
		{big.NewRat(4, 100), 1000, -1, 1, 20},
	} {
		got, err := Forged(c.delta, c.leaves, big.NewRat(c.lo, 1), big.NewRat(c.hi, 1))
		if err != nil || got != c.want {
			t.Errorf("Forged(%s, %d, %d, %d) = %d, %v; want %d", c.delta, c.leaves, c.lo, c.hi, got, err, c.want)
		}
	}
	if _, err := Forged(big.NewRat(0, 1), 10, big.NewRat(0, 1), big.NewRat(1, 1)); err == nil {
		t.Error("no inflation at all is counted")
	}
}

func TestWorth(t *testing.T) {
	for _, c := range []struct {
		credited, k uint64
		want        string
	}{
		{800, 800, "would have caught an inflation of ≥ 2 points with probability 100.0 %"},
		{800, 109, "would have caught an inflation of ≥ 2 points with probability 94.8 %"},
		{800, 110, "would have caught an inflation of ≥ 2 points with probability 95.0 %"},
		{10, 10, "an inflation of ≥ 2 points would take more credited answers than there are"},
	} {
		got, _, err := Worth(accuracy, 1000, c.credited, c.k, 0)
		if err != nil || got != c.want {
			t.Errorf("%d of %d: %q, %v; want %q", c.k, c.credited, got, err, c.want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	rows := make([]run.Row, 1_000_000)
	for i := range rows {
		rows[i] = run.Row{Item: uint64(i), Grade: []string{"1", "0", "1", "1", "excluded:timeout"}[i%5]}
	}
	for b.Loop() {
		if _, err := NewPlan(testResult, testChain, testRound, rows, accuracy, 163); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/plan")
}

func ExampleWorth() {
	text, _, _ := Worth(accuracy, 1000, 800, 163, 0)
	fmt.Println(text)
	// Output: would have caught an inflation of ≥ 2 points with probability 99.0 %
}
