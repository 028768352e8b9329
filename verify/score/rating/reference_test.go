package rating

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// logged is a battle as a log has it.
type logged struct {
	a, b    string
	outcome Outcome
}

// synthetic is battles of models whose ratings differ by some hundred points, a fifth
// of them tied.
func synthetic(battles, models int) []logged {
	r := rand.New(rand.NewPCG(1, 2))
	skill, names := make([]float64, models), make([]string, models)
	for i := range skill {
		skill[i], names[i] = 0.7*r.NormFloat64(), fmt.Sprintf("model-%03d", i)
	}
	all := make([]logged, battles)
	for i := range all {
		a := r.IntN(models)
		b := (a + 1 + r.IntN(models-1)) % models
		outcome := Lost
		switch {
		case r.Float64() < 0.2:
			outcome = Tied
		case r.Float64() < 1/(1+math.Exp(skill[b]-skill[a])):
			outcome = Won
		}
		all[i] = logged{names[a], names[b], outcome}
	}
	return all
}

func fit(t testing.TB, all []logged, config Config) *Fit {
	t.Helper()
	s := new(Battles)
	for i := range all {
		if err := s.Add(all[i].a, all[i].b, all[i].outcome); err != nil {
			t.Fatal(err)
		}
	}
	f, err := New(s, config)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func BenchmarkFit(b *testing.B) {
	all := synthetic(2_000_000, 200)
	for b.Loop() {
		if _, err := fit(b, all, Config{}).Sandwich(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBootstrap(b *testing.B) {
	f := fit(b, synthetic(2_000_000, 200), Config{})
	for b.Loop() {
		if _, err := f.Bootstrap(100, 1, 0.95); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStyle(b *testing.B) {
	s, err := WithFeatures("tokens", "headers", "lists", "bold")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, l := range synthetic(2_000_000, 200) {
		x := [4]float64{}
		for i := range x {
			x[i] = 2*r.Float64() - 1
		}
		if err := s.Add(l.a, l.b, l.outcome, x[:]...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		f, err := New(s, Config{Reweight: 50})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Sandwich(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReference compares with what arena-rank made of the battles in the directory
// that .ci/bradley-terry filled, and says how long either took.
func TestReference(t *testing.T) {
	dir := os.Getenv("PROCTOR_BATTLES")
	if dir == "" {
		t.Skip("PROCTOR_BATTLES is not set; see .ci/bradley-terry")
	}
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Competitors []string
		Ratings     map[string][]float64 // by the weight of battles
		Width       map[string][]float64
		Steady      map[string][]float64 // widths, but for rounding
		Low         []float64            // of the bootstrap
		High        []float64
		Rounds      int
		Seconds     float64
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	all := readBattles(t, filepath.Join(dir, "battles.csv"))
	for name, config := range map[string]Config{"plain": {}, "reweighted": {Reweight: 50}} {
		f := fit(t, all, config)
		if strings.Join(f.Names, ",") != strings.Join(want.Competitors, ",") {
			t.Fatalf("competitors %v, want %v", f.Names, want.Competitors)
		}
		agree(t, name+": ratings", f.Ratings, want.Ratings[name], 1e-6)
		agree(t, name+": half-widths", halfWidths(t, f), want.Steady[name], 1e-6)
		agree(t, name+": half-widths of arena-rank", halfWidths(t, f), want.Width[name], 1e-4)
	}
	start := time.Now()
	f := fit(t, all, Config{})
	intervals, err := f.Bootstrap(want.Rounds, 1, 0.95)
	took := time.Since(start).Seconds()
	if err != nil {
		t.Fatal(err)
	}
	off := 0.0
	for i, in := range intervals {
		off += (math.Abs(in.Low-want.Low[i]) + math.Abs(in.High-want.High[i])) / 2 / float64(len(intervals))
	}
	t.Logf("%d battles, %d models: ratings compared to 1e-6; the ends of %d rounds' intervals differ by %.2f points on average",
		len(all), len(f.Names), want.Rounds, off)
	t.Logf("arena-rank %.2f s, here %.2f s, %.1f times as fast", want.Seconds, took, want.Seconds/took)
}

func readBattles(t *testing.T, name string) []logged {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []logged
	for s := bufio.NewScanner(file); s.Scan(); {
		field := strings.Split(s.Text(), ",")
		outcome, ok := map[string]Outcome{"model_a": Won, "model_b": Lost, "tie": Tied}[field[2]]
		if !ok {
			continue // the names of the columns
		}
		all = append(all, logged{field[0], field[1], outcome})
	}
	return all
}
