package rating

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

// Of FastChat's compute_elo, as a loop of six lines in Python.
func TestElo(t *testing.T) {
	var e Elo
	for _, m := range made() {
		if err := e.Add(m.a, m.b, m.outcome); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]float64{
		"m0": 1072.4862980735566, "m1": 1061.6642052046566, "m2": 988.5762552878078,
		"m3": 959.061175699066, "m4": 970.1879304260316, "m5": 948.0241353088835, "m6": 1000,
	} {
		if got := e.Rating(name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if e.Add("a", "a", Won) == nil || e.Add("a", "b", 3) == nil || e.Add("a", "b", -1) == nil {
		t.Error("no error")
	}
	quick := Elo{K: 32}
	if err := quick.Add("a", "b", Won); err != nil || quick.Rating("a") != 1016 || quick.Rating("b") != 984 {
		t.Errorf("K 32: %v, %v", quick, err)
	}
}

// What luck can lift the best of 27 variants by, of 3,000 battles each, and of 50 by
// where a third is tied, as LMArena reckoned.
func TestEvenSE(t *testing.T) {
	for _, c := range []struct {
		battles, variants int
		ties, se, bound   float64
	}{{3000, 27, 0, 6.34, 12.7}, {2000, 27, 0, 7.77, 15.5}, {3000, 50, 0, 6.34, 14.3}, {3000, 50, 0.35, 5.11, 11.5}} {
		se, err := EvenSE(c.battles, c.ties)
		best, _ := stat.ExpectedMax(c.variants)
		if err != nil || math.Abs(se-c.se) > 0.006 || math.Abs(se*best-c.bound) > 0.06 {
			t.Errorf("EvenSE(%d, %v) = %v, %v, want %v, and of %d %v", c.battles, c.ties, se, err, c.se, c.variants, c.bound)
		}
	}
	for _, c := range []struct {
		n    int
		ties float64
	}{{0, 0}, {5, -0.1}, {5, 1.1}, {5, math.NaN()}} {
		if got, err := EvenSE(c.n, c.ties); err == nil {
			t.Errorf("EvenSE(%d, %v) = %v, want an error", c.n, c.ties, got)
		}
	}
}

// The ranks of Llama 4 Maverick's two entries on LMArena's tables of April 2025.
func TestRanksArena(t *testing.T) {
	for file, want := range map[string]map[string]int{
		"leaderboard-text.2025-04-07.f973ec23f.json":               {"llama-4-maverick-03-26-experimental": 2},
		"leaderboard-text.2025-04-24.ca6b34297.json":               {"llama-4-maverick-17b-128e-instruct": 48},
		"leaderboard-text-style-control.2025-04-07.f973ec23f.json": {"llama-4-maverick-03-26-experimental": 7},
		"leaderboard-text-style-control.2025-04-24.ca6b34297.json": {"llama-4-maverick-17b-128e-instruct": 39},
	} {
		data, err := os.ReadFile("../../../../shared/data/evals/arena-catalog/" + file)
		if os.IsNotExist(err) {
			t.Skipf("%s is not here", file)
		}
		var table map[string]map[string]struct {
			High float64 `json:"rating_q975"`
			Low  float64 `json:"rating_q025"`
		}
		if err := json.Unmarshal(data, &table); err != nil {
			t.Fatal(err)
		}
		var names []string
		var intervals []stat.Interval
		for name, r := range table["full"] {
			names, intervals = append(names, name), append(intervals, stat.Interval{Low: r.Low, High: r.High})
		}
		for i, rank := range Ranks(intervals) {
			if w, ok := want[names[i]]; ok && rank != w {
				t.Errorf("%s: %s has rank %d, want %d", file, names[i], rank, w)
			}
		}
	}
	if got := Ranks([]stat.Interval{{Low: 1, High: 2}, {Low: 2, High: 3}, {Low: 2.5, High: 4}}); got[0] != 2 || got[1] != 1 || got[2] != 1 {
		t.Errorf("Ranks = %v", got) // an end in common is not above
	}
}
