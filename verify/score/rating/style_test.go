package rating

import (
	"fmt"
	"math"
	"testing"
)

// battle is one of 2,000 that anyone can make again.
type battle struct {
	a, b           string
	outcome        Outcome
	tokens, header [2]float64
}

// made draws from the linear congruential generator of the C standard's example.
func made() []battle {
	state := uint64(12345)
	next := func(n int) int {
		state = (state*1103515245 + 12345) % (1 << 31)
		return int(state/65536) % n
	}
	var all []battle
	for range 2000 {
		a := next(6)
		b := (a + 1 + next(5)) % 6
		ta, tb := next(500)+1, next(500)+1
		ha, hb := next(4), next(4)
		u := next(1000)
		outcome := Lost
		if edge := 500 + 40*(b-a) + int(200*float64(ta-tb)/float64(ta+tb)); u < edge {
			outcome = Won
		}
		if u%7 == 0 {
			outcome = Tied
		}
		all = append(all, battle{fmt.Sprint("m", a), fmt.Sprint("m", b), outcome, [2]float64{float64(ta), float64(tb)}, [2]float64{float64(ha), float64(hb)}})
	}
	return all
}

func styled(t *testing.T, c Convention, battles int) *Battles {
	t.Helper()
	s, err := WithFeatures("tokens", "headers")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made()[:battles] {
		if err := s.Add(m.a, m.b, m.outcome, c.Difference(m.tokens[0], m.tokens[1]), c.Difference(m.header[0], m.header[1])); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Of arena-rank 0.1.1's ContextualBradleyTerry with ftol=0, gtol=1e-14.
func TestStyleArenaRank(t *testing.T) {
	for _, c := range []struct {
		battles, reweight     int
		ratings, style, width []float64
	}{
		{2000, 50,
			[]float64{1080.5696509481186, 1057.5842901425226, 989.3630286844032, 977.9273283147157, 958.3292111632938, 936.2264907469461},
			[]float64{0.06390305199443427, -0.0021245188818687917},
			[]float64{21.156396138955643, 21.11680074026117, 20.578171606796445, 21.276983774537143, 20.530490692485728, 20.745225687925426}},
		{60, 50,
			[]float64{1049.2916927457, 982.1722909414598, 997.32314541091, 1145.0328168077106, 925.0297240457517, 901.150330048468},
			[]float64{0.046470102674978676, 0.06789519507856222},
			[]float64{157.5344610224804, 146.4146754250894, 114.42548354529299, 140.49778213686727, 107.10554698042392, 132.6507553836691}},
		{2000, 0,
			[]float64{1079.879807768685, 1058.743405545424, 989.4861659943039, 977.6174035329327, 958.2646075028471, 936.0086096558075},
			[]float64{0.0647943482758005, -0.002387230879418644},
			[]float64{21.089916074625762, 21.062804684924686, 20.519183481919413, 21.26226455410415, 20.48106922426075, 20.730766480316106}},
	} {
		f, err := New(styled(t, ArenaRank, c.battles), Config{Reweight: c.reweight})
		if err != nil {
			t.Fatal(err)
		}
		agree(t, "ratings", f.Ratings, c.ratings, 1e-6)
		agree(t, "style", f.Style, c.style, 1e-9)
		agree(t, "half-widths", halfWidths(t, f), c.width, 1e-6)
	}
}

// Of FastChat's loss for style control (reg 0.5, base 10), minimised by SciPy 1.17.1's
// BFGS and then Newton's method to a gradient of 1e-14.
func TestStyleFastChat(t *testing.T) {
	f, err := New(styled(t, FastChat, 2000), Config{Convention: FastChat})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "ratings", f.Ratings, []float64{1084.137522835728, 1055.5850475721159, 988.5935351001767, 980.0023023288188, 957.2650538064586, 934.4165383567182}, 1e-6)
	agree(t, "style", f.Style, []float64{0.34707858936927233, -0.017739846610300928}, 1e-9)
	intervals, err := f.Bootstrap(20, 1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range intervals {
		if in.Low > f.Ratings[i] || in.High < f.Ratings[i] || in.High-in.Low < 10 || in.High-in.Low > 80 {
			t.Errorf("%s: %v around %v", f.Names[i], in, f.Ratings[i])
		}
	}
}

func TestStyleErrors(t *testing.T) {
	s := styled(t, ArenaRank, 2000)
	if err := s.AddCount("m1", "m2", Won, 3); err == nil {
		t.Error("a count of battles with features: no error")
	}
	for _, x := range [][]float64{nil, {1}, {1, 2, 3}, {math.NaN(), 0}, {0, math.Inf(1)}} {
		if err := s.Add("m1", "m2", Won, x...); err == nil {
			t.Errorf("features %v: no error", x)
		}
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct{ a, b, arena, fast float64 }{{3, 1, 0.5, 0.4}, {0, 0, 0, 0}, {0, 4, -1, -0.8}} {
		if got := ArenaRank.Difference(c.a, c.b); got != c.arena {
			t.Errorf("ArenaRank.Difference(%v, %v) = %v, want %v", c.a, c.b, got, c.arena)
		}
		if got := FastChat.Difference(c.a, c.b); got != c.fast {
			t.Errorf("FastChat.Difference(%v, %v) = %v, want %v", c.a, c.b, got, c.fast)
		}
	}
}
