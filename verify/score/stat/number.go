package stat

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
)

// Number is a figure as it was printed. The zero Number is 0, printed as 0.
type Number struct {
	value *big.Rat
	unit  *big.Rat // of the last digit
}

const (
	maxNumber = 64  // characters
	maxPower  = 400 // more than any float64 has
)

var numberForm = regexp.MustCompile(`^[+-]?(?:[0-9]+\.?([0-9]*)|\.([0-9]+))(?:[eE]([+-]?[0-9]+))?$`)

// ParseNumber reads a decimal as people and programs print it: 42.70, -.5, 1.3e-05.
// Its digits say how far it was rounded, so it must be what the table shows: a 42.70
// that went through a float is 42.7, and less is impossible of that.
func ParseNumber(s string) (Number, error) {
	part := numberForm.FindStringSubmatch(s)
	if part == nil || len(s) > maxNumber {
		return Number{}, fmt.Errorf("%.40q is not a decimal number like 42.70 or 1.3e-05", s)
	}
	power := 0
	if part[3] != "" {
		var err error
		if power, err = strconv.Atoi(part[3]); err != nil || power < -maxPower || power > maxPower {
			return Number{}, fmt.Errorf("%.40q: want an exponent of -%d to %d", s, maxPower, maxPower)
		}
	}
	value, ok := new(big.Rat).SetString(s)
	if !ok {
		return Number{}, fmt.Errorf("%.40q is not a decimal number", s)
	}
	return Number{value, tenTo(power - len(part[1]+part[2]))}, nil
}

// Value is the figure as it was printed.
func (x Number) Value() *big.Rat { return new(big.Rat).Set(x.orZero().value) }

// Shows reports whether an exact value is printed so when it is rounded to the
// nearest, a half to either side.
func (x Number) Shows(exact *big.Rat) bool {
	low, high := x.orZero().rounded()
	return low.Cmp(exact) <= 0 && exact.Cmp(high) <= 0
}

// tenTo is 10ᵉ.
func tenTo(e int) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(e, -e))), nil)
	if e < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

// lost is the share of a figure that arithmetic in float64 can have lost before it
// was printed: a mean of a million terms in any order stays well within it.
var lost = big.NewRat(1, 1e12)

// slack is how far a figure printed to all its digits can be off for that.
func (x Number) slack() *big.Rat {
	s := new(big.Rat).Mul(x.value, lost)
	return s.Abs(s)
}

// half is half a unit of the last digit, or the slack if that is more.
func (x Number) half() *big.Rat {
	return larger(new(big.Rat).Mul(x.unit, big.NewRat(1, 2)), x.slack())
}

// rounded is every value that is printed so when it is rounded to the nearest, a half
// to either side.
func (x Number) rounded() (low, high *big.Rat) {
	h := x.half()
	return new(big.Rat).Sub(x.value, h), new(big.Rat).Add(x.value, h)
}

// cut is every value that is printed so when further digits are cut off, of figures
// that are not negative. The far end is in it: 0.29·100 is less than 29 in float64,
// and cut to 28.
func (x Number) cut() (low, high *big.Rat) {
	s := x.slack()
	return new(big.Rat).Sub(x.value, s), new(big.Rat).Add(x.value, larger(x.unit, s))
}

func larger(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// orZero makes the zero Number usable.
func (x Number) orZero() Number {
	if x.value == nil {
		return Number{new(big.Rat), big.NewRat(1, 1)}
	}
	return x
}

// over divides by a scale, where 0 is 1.
func (x Number) over(scale int64) Number {
	s := big.NewRat(1, max(1, scale))
	return Number{times(x.value, s), times(x.unit, s)}
}
