package attest

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
)

// maxDigits is how many a decimal can have on either side of the point.
const maxDigits = 18

// CheckDecimal reports whether s is a decimal in its only spelling: no sign on zero,
// no trailing zeros, no exponent, at most 18 digits on either side of the point. A
// decimal that is signed travels so (PROTOCOL §0): statements hold no floats.
func CheckDecimal(s string) error {
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	switch {
	case s == "-0", !isDigits(whole), len(whole) > 1 && whole[0] == '0',
		point && (!isDigits(frac) || frac[len(frac)-1] == '0'):
		return fmt.Errorf("%q is not a decimal (want like 0, -1.5, 0.25)", clip(s))
	}
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxDigits
}

// ParseDecimal reads a decimal that CheckDecimal accepts.
func ParseDecimal(s string) (*big.Rat, error) {
	if err := CheckDecimal(s); err != nil {
		return nil, err
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is not a decimal", s)
	}
	return r, nil
}

// CompareDecimals compares decimals that CheckDecimal accepts, as cmp.Compare does
// numbers. It does so in their text: a result can have millions of grades.
func CompareDecimals(a, b string) int {
	x, below := strings.CutPrefix(a, "-")
	y, alsoBelow := strings.CutPrefix(b, "-")
	switch {
	case below && alsoBelow:
		return compareDigits(y, x)
	case below:
		return -1
	case alsoBelow:
		return 1
	}
	return compareDigits(x, y)
}

func compareDigits(a, b string) int {
	x, fracX, _ := strings.Cut(a, ".")
	y, fracY, _ := strings.Cut(b, ".")
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y), strings.Compare(fracX, fracY))
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
