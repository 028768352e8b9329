package stat

import (
	"math"
	"testing"
)

// Of scipy.integrate.quad over norm.logpdf and norm.logcdf, SciPy 1.17.1; 1/√π and
// 3/(2√π) are known.
func TestExpectedMax(t *testing.T) {
	for n, want := range map[int]float64{
		1:    0,
		2:    1 / math.Sqrt(math.Pi),
		3:    1.5 / math.Sqrt(math.Pi),
		5:    1.1629644736405198,
		10:   1.5387527308351734,
		20:   1.867475059798321,
		27:   1.998269302006579,
		50:   2.249073629389851,
		1000: 3.241435769133443,
		1e6:  4.8628974861964736,
		1e9:  6.0876845844459675,
	} {
		if got, err := ExpectedMax(n); err != nil || math.Abs(got-want) > 1e-11 {
			t.Errorf("ExpectedMax(%d) = %v, %v, want %v", n, got, err, want)
		}
	}
	if got, err := ExpectedMax(0); err == nil {
		t.Errorf("ExpectedMax(0) = %v, want an error", got)
	}
}

// Roots of the same equation found with mpmath, to 40 digits.
func TestGivenSelected(t *testing.T) {
	for _, c := range []struct{ x, y, se, want float64 }{
		{1416.58, 1404, 6.34, 1416.1676276331087},
		{1416.58, 1300, 6.34, 1416.58},
		{1.5, 1, 1, -0.13115040762429807},
		{10, 9.9, 1, 0.098092593799437128},
		{3, 0, 1, 2.9955018236202292},
	} {
		if got, err := GivenSelected(c.x, c.y, c.se); err != nil || !near(got, c.want, 1e-9) {
			t.Errorf("GivenSelected(%v, %v, %v) = %v, %v, want %v", c.x, c.y, c.se, got, err, c.want)
		}
	}
	for _, c := range []struct{ x, y, se float64 }{{1, 1, 1}, {1, 2, 1}, {2, 1, 0}, {2, 1, -1}, {1, 2, -1}, {1.01, 1, 1}, {math.NaN(), 1, 1}, {2, math.Inf(-1), 1}, {math.Inf(1), 1, 1}} {
		if got, err := GivenSelected(c.x, c.y, c.se); err == nil {
			t.Errorf("GivenSelected(%v, %v, %v) = %v, want an error", c.x, c.y, c.se, got)
		}
	}
}

func TestMultiplicity(t *testing.T) {
	for _, c := range []struct {
		p    float64
		n    int
		want float64
	}{{0.05, 1, 0.05}, {0.05, 14, 1 - math.Pow(0.95, 14)}, {0, 9, 0}, {1, 3, 1}, {1e-18, 27, 27e-18}} {
		if got, err := Multiplicity(c.p, c.n); err != nil || !near(got, c.want, 1e-12) {
			t.Errorf("Multiplicity(%v, %d) = %v, %v, want %v", c.p, c.n, got, err, c.want)
		}
	}
	for _, c := range []struct {
		p float64
		n int
	}{{-0.1, 1}, {1.1, 1}, {math.NaN(), 1}, {0.5, 0}} {
		if got, err := Multiplicity(c.p, c.n); err == nil {
			t.Errorf("Multiplicity(%v, %d) = %v, want an error", c.p, c.n, got)
		}
	}
}
