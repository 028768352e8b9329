package attest

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// A decimal that is signed travels as a string with one spelling per value
// (PROTOCOL §0): statements hold no floats.
var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?$`)

// ParseDecimal reads a decimal in its only spelling: no sign on zero, no
// trailing zeros, no exponent, at most 18 digits on either side of the point.
func ParseDecimal(s string) (*big.Rat, error) {
	if !decimalForm.MatchString(s) || s == "-0" {
		return nil, fmt.Errorf("%q is not a decimal (want like 0, -1.5, 0.25)", clip(s))
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is not a decimal", s)
	}
	return r, nil
}

// NumberToDecimal respells a JSON number (1.50, 1e2) as the decimal of the same
// value, or says that it has none of the permitted length.
func NumberToDecimal(number string) (string, error) {
	digits, exp := decimalParts(number)
	sign := ""
	if rest, ok := strings.CutPrefix(digits, "-"); ok {
		sign, digits = "-", rest
	}
	switch {
	case exp > 18 || exp < -36 || digits == "":
		return "", fmt.Errorf("number %s does not fit a decimal of 18 digits", clip(number))
	case exp >= 0:
		digits += strings.Repeat("0", exp)
	case len(digits) > -exp:
		digits = digits[:len(digits)+exp] + "." + digits[len(digits)+exp:]
	default:
		digits = "0." + strings.Repeat("0", -exp-len(digits)) + digits
	}
	s := sign + digits
	if _, err := ParseDecimal(s); err != nil {
		return "", fmt.Errorf("number %s does not fit a decimal of 18 digits", clip(number))
	}
	return s, nil
}
