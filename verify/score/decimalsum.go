package score

import (
	"math/big"
	"math/bits"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// decimal is one without big numbers: a result can have a million different grades.
type decimal struct {
	below        bool   // zero
	whole, parts uint64 // parts are of 10⁻¹⁸
}

// parseDecimal reads a decimal in its only spelling.
func parseDecimal(text string) (d decimal, err error) {
	if err := attest.CheckDecimal(text); err != nil {
		return d, err
	}
	text, d.below = strings.CutPrefix(text, "-")
	whole, parts, _ := strings.Cut(text, ".")
	d.whole, d.parts = digits(whole), digits(parts)
	for range maxDecimals - len(parts) {
		d.parts *= 10
	}
	return d, nil
}

func digits(text string) (x uint64) {
	for i := range len(text) {
		x = 10*x + uint64(text[i]-'0')
	}
	return x
}

// decimalSum adds up decimals exactly: what is before the point and what is behind it
// apart, and those below zero apart from the others.
type decimalSum struct {
	whole, parts [2]uint128 // above zero, below zero
	worst        int        // how many times the range's worst grade comes on top
}

func (s *decimalSum) add(d decimal) {
	side := 0
	if d.below {
		side = 1
	}
	s.whole[side].add(d.whole)
	s.parts[side].add(d.parts)
}

func (s *decimalSum) value(worst *big.Rat) *big.Rat {
	whole := new(big.Int).Sub(s.whole[0].big(), s.whole[1].big())
	parts := new(big.Int).Sub(s.parts[0].big(), s.parts[1].big())
	sum := new(big.Rat).SetFrac(parts, new(big.Int).Exp(big.NewInt(10), big.NewInt(maxDecimals), nil))
	sum.Add(sum, new(big.Rat).SetInt(whole))
	return sum.Add(sum, new(big.Rat).Mul(worst, big.NewRat(int64(s.worst), 1)))
}

// uint128 holds the sum of more numbers of 18 digits than there can be.
type uint128 struct{ high, low uint64 }

func (u *uint128) add(x uint64) {
	var carry uint64
	u.low, carry = bits.Add64(u.low, x, 0)
	u.high += carry
}

func (u uint128) big() *big.Int {
	x := new(big.Int).SetUint64(u.high)
	return x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(u.low))
}
