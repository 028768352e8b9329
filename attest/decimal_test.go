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
