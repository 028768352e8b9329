package attest

import (
	"regexp"
	"testing"
)

// CheckDecimal is PROTOCOL §0's expression, written out.
func TestCheckDecimal(t *testing.T) {
	form := regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?$`)
	check := func(s string) {
		if want := form.MatchString(s) && s != "-0"; (CheckDecimal(s) == nil) != want {
			t.Errorf("CheckDecimal(%q) = %v, want %v", s, CheckDecimal(s), want)
		}
	}
	var all func(s string, more int)
	all = func(s string, more int) {
		check(s)
		if more > 0 {
			for _, c := range "-.019x" {
				all(s+string(c), more-1)
			}
		}
	}
	all("", 6)
	for _, s := range []string{
		"123456789012345678", "1234567890123456789", "-0.123456789012345678", "0.1234567890123456789",
		"123456789012345678.123456789012345678", "1\n", "1\x00", "１",
	} {
		check(s)
	}
}

func TestCompareDecimals(t *testing.T) {
	decimals := []string{"0", "1", "-1", "9", "10", "-10", "99", "100", "0.5", "-0.5", "0.49", "0.51", "0.501", "1.5", "1.25", "10.1", "-10.01",
		"0.000000000000000001", "-0.000000000000000001", "999999999999999999.999999999999999999", "-999999999999999999"}
	for _, a := range decimals {
		x, err := ParseDecimal(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range decimals {
			y, err := ParseDecimal(b)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := CompareDecimals(a, b), x.Cmp(y); got != want {
				t.Errorf("CompareDecimals(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}
