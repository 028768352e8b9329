package stat

import (
	"math/big"
	"strings"
	"testing"
)

func number(t testing.TB, s string) Number {
	t.Helper()
	x, err := ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string][2]string{ // value, unit
		"42.70":    {"427/10", "1/100"},
		"42.":      {"42", "1"},
		".5":       {"1/2", "1/10"},
		"-0.25":    {"-1/4", "1/100"},
		"+7":       {"7", "1"},
		"007":      {"7", "1"},
		"1.30e-05": {"13/1000000", "1/10000000"},
		"1E3":      {"1000", "1000"},
	} {
		if x := number(t, s); x.value.RatString() != want[0] || x.unit.RatString() != want[1] {
			t.Errorf("ParseNumber(%q) = %s in units of %s, want %s and %s", s, x.value.RatString(), x.unit.RatString(), want[0], want[1])
		}
	}
	for _, s := range []string{"", ".", "-", "+-1", "--1", "1.2.3", "1,2", "42.7%", " 1", "1e", "e5", "1e401", "1e-401", "1e1e1", "0x10", "1/3", "1_000", "NaN", "inf", "٣", strings.Repeat("1", 65)} {
		if x, err := ParseNumber(s); err == nil {
			t.Errorf("ParseNumber(%q) = %v, want an error", s, x)
		}
	}
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		printed  string
		num, den int64
		want     bool
	}{
		{"0.667", 2, 3, true},
		{"0.666", 2, 3, false},
		{"0.12", 1, 8, true}, // to even
		{"0.13", 1, 8, true},
		{"0.14", 1, 8, false},
		{"-0.667", -2, 3, true},
		{"0.6666666666666666", 2, 3, true}, // what a float64 has of it
		{"0.6666666666", 2, 3, false},
	} {
		if got := number(t, c.printed).Shows(big.NewRat(c.num, c.den)); got != c.want {
			t.Errorf("%s shows %d/%d: %v, want %v", c.printed, c.num, c.den, got, c.want)
		}
	}
	if x := (Number{}); x.Value().Sign() != 0 || !x.Shows(new(big.Rat)) {
		t.Error("the zero Number is not 0")
	}
}

func FuzzParseNumber(f *testing.F) {
	f.Add("42.70")
	f.Add("-1.3e-05")
	f.Add(".5E+2")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := ParseNumber(s)
		if err != nil {
			return
		}
		if !x.Shows(x.Value()) || !new(big.Rat).Quo(x.value, x.unit).IsInt() {
			t.Errorf("ParseNumber(%q) = %v in units of %v", s, x.value, x.unit)
		}
	})
}
