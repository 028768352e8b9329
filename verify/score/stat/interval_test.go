package stat

import (
	"math"
	"testing"
)

// near is whether two figures agree to so many parts of the larger.
func near(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b))
}

func nearInterval(a, b Interval, tolerance float64) bool {
	return near(a.Low, b.Low, tolerance) && near(a.High, b.High, tolerance)
}

// Of scipy.stats.binomtest(k, n).proportion_ci(level, "wilson"), beta.ppf and beta.isf,
// SciPy 1.17.1. (The method "exact" is off by 1e-12, which is much of a small share.)
func TestProportionIntervals(t *testing.T) {
	for _, c := range []struct {
		k, n    int
		level   float64
		wilson  Interval
		clopper Interval
	}{
		{240, 562, 0.95, Interval{0.3867819317838092, 0.4683011507267913}, Interval{0.38573785923014314, 0.46912552969383303}},
		{319, 730, 0.95, Interval{0.4014273798924906, 0.4732049417157123}, Interval{0.4006371686155863, 0.4738465819245984}},
		{0, 50, 0.95, Interval{0, 0.07134759913335872}, Interval{0, 0.07112173646420458}},
		{50, 50, 0.95, Interval{0.9286524008666412, 1}, Interval{0.9288782635357954, 1}},
		{8, 10, 0.95, Interval{0.4901624715366418, 0.9433178485456248}, Interval{0.4439045376923585, 0.9747892736731665}},
		{1, 10, 0.95, Interval{0.017876213095072896, 0.4041500267952385}, Interval{0.0025285785444625728, 0.44501611702819543}},
		{1, 1, 0.95, Interval{0.20654931437723745, 1}, Interval{0.025000000000000022, 1}},
		{0, 1, 0.95, Interval{0, 0.7934506856227626}, Interval{0, 0.975}},
		{37, 80, 0.9, Interval{0.37353946852167574, 0.5539140037678786}, Interval{0.3668470820017062, 0.5602941752264123}},
		{12031, 12032, 0.99, Interval{0.999292492416051, 0.9999902421568317}, Interval{0.9993826342739589, 0.999999583399204}},
		{500000, 1000000, 0.95, Interval{0.4990200198900048, 0.5009799801099952}, Interval{0.4990195191953118, 0.5009804808046883}},
		{3, 1000000, 0.999, Interval{5.530106998902888e-07, 1.627437327115922e-05}, Interval{1.4970398842157268e-07, 1.3933947024448672e-05}},
	} {
		if got, err := Wilson(c.k, c.n, c.level); err != nil || !nearInterval(got, c.wilson, 1e-9) {
			t.Errorf("Wilson(%d, %d, %v) = %v, %v, want %v", c.k, c.n, c.level, got, err, c.wilson)
		}
		if got, err := ClopperPearson(c.k, c.n, c.level); err != nil || !nearInterval(got, c.clopper, 1e-9) {
			t.Errorf("ClopperPearson(%d, %d, %v) = %v, %v, want %v", c.k, c.n, c.level, got, err, c.clopper)
		}
	}
}

// Of scipy.stats.norm.ppf and t.ppf, SciPy 1.17.1.
func TestQuantiles(t *testing.T) {
	levels := []float64{0.90, 0.95, 0.99, 0.999}
	for df, want := range map[int][]float64{
		0:       {1.6448536269514722, 1.959963984540054, 2.5758293035489004, 3.2905267314919255}, // normal
		1:       {6.313751514675037, 12.706204736174694, 63.656741162871526, 636.6192487687897},
		2:       {2.9199855803537242, 4.302652729749462, 9.924843200918287, 31.599054576445365},
		3:       {2.3533634348018233, 3.1824463052837078, 5.840909309733355, 12.923978636687961},
		9:       {1.833112932656237, 2.262157162798205, 3.249835541592126, 4.780912585931217},
		49:      {1.6765508926168535, 2.0095752371292392, 2.679951973631552, 3.5004428913674035},
		12031:   {1.6449802903376967, 1.9601611839291417, 2.5762380211962843, 3.2913356337586532},
		1000000: {1.6448551507220404, 1.959966356814107, 2.5758342201053344, 3.2905364612487222},
	} {
		for i, level := range levels {
			got := normal(level)
			if df > 0 {
				got = studentT(level, df)
			}
			if !near(got, want[i], 1e-9) {
				t.Errorf("quantile of %v at %d degrees of freedom = %v, want %v", level, df, got, want[i])
			}
		}
	}
}

func TestIntervalErrors(t *testing.T) {
	for _, c := range []struct {
		k, n  int
		level float64
	}{{0, 0, 0.95}, {-1, 5, 0.95}, {6, 5, 0.95}, {1, 5, 0}, {1, 5, 1}, {1, 5, 95}, {1, 5, math.NaN()}, {1, maxCount + 1, 0.95}} {
		if got, err := Wilson(c.k, c.n, c.level); err == nil {
			t.Errorf("Wilson(%d, %d, %v) = %v, want an error", c.k, c.n, c.level, got)
		}
		if got, err := ClopperPearson(c.k, c.n, c.level); err == nil {
			t.Errorf("ClopperPearson(%d, %d, %v) = %v, want an error", c.k, c.n, c.level, got)
		}
	}
}

func FuzzIntervals(f *testing.F) {
	f.Add(uint32(240), uint32(562), 0.95)
	f.Add(uint32(1), uint32(1), 0.5)
	f.Add(uint32(7), uint32(4000000000), 0.999999)
	f.Fuzz(func(t *testing.T, k, n uint32, level float64) {
		if !(level >= 1e-6 && level <= 1-1e-9) {
			return
		}
		wilson, err := Wilson(int(k), int(n), level)
		if (err == nil) != (n > 0 && k <= n) {
			t.Fatalf("Wilson(%d, %d, %v): %v", k, n, level, err)
		}
		if err != nil {
			return
		}
		exact, err := ClopperPearson(int(k), int(n), level)
		if err != nil {
			t.Fatal(err)
		}
		p := float64(k) / float64(n)
		for name, i := range map[string]Interval{"Wilson": wilson, "ClopperPearson": exact} {
			if !(0 <= i.Low && i.Low <= p+1e-12 && p-1e-12 <= i.High && i.High <= 1) {
				t.Errorf("%s(%d, %d, %v) = %v, want one within [0, 1] around %v", name, k, n, level, i, p)
			}
		}
	})
}
