package stat

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// Implied is how many items an accuracy and its standard error say there were.
type Implied struct {
	Best      float64 // of the figures as printed; +Inf where the error is 0
	Low, High int64   // what their digits allow; Low is more than High if no whole number does

	// Items are those from Low to High at which some whole number of right answers has
	// both figures, so rounded. Where the digits leave too many to try, Tried is false.
	Items []int64
	Tried bool
}

// maxTried bounds how many pairs of right answers and items are tried.
const maxTried = 1 << 14

// ImpliedItems solves s² = a(1−a)/(N−ddof) for N, from an accuracy a (the share of
// items that are right, each right or wrong) and its standard error s as they were
// printed on a scale of 1 or 100. With ddof 1 the error is lm-evaluation-harness's and
// Inspect's stderr, with 0 a bootstrap's or population's. Digits are taken to be
// rounded to the nearest. High is math.MaxInt64 where they set no limit.
func ImpliedItems(accuracy, stderr Number, scale int64, ddof int) (Implied, error) {
	if err := (Grid{Items: 1, Scale: scale}).check(); err != nil {
		return Implied{}, err
	}
	if ddof != 0 && ddof != 1 {
		return Implied{}, fmt.Errorf("ddof %d: want 0 or 1", ddof)
	}
	accuracy, stderr = accuracy.orZero().over(scale), stderr.orZero().over(scale)
	one := big.NewRat(1, 1)
	switch a, s := accuracy.value, stderr.value; {
	case a.Sign() < 0 || a.Cmp(one) > 0:
		return Implied{}, fmt.Errorf("accuracy %s of 1: want 0 to 1", a.FloatString(4))
	case s.Sign() == 0 && (a.Sign() == 0 || a.Cmp(one) == 0):
		return Implied{}, errors.New("all or none are right: the standard error is 0 for every number of items")
	case s.Sign() < 0:
		return Implied{}, fmt.Errorf("standard error %s is negative", s.FloatString(4))
	}
	least, most := spread(accuracy.rounded())
	low, high := stderr.rounded()
	out := Implied{Best: math.Inf(1), High: math.MaxInt64}
	if a, s := accuracy.value, stderr.value; s.Sign() > 0 {
		out.Best, _ = quotient(times(a, new(big.Rat).Sub(one, a)), s, ddof).Float64()
	}
	out.Low = max(ceiling(quotient(least, high, ddof)), int64(ddof)+1)
	if low.Sign() > 0 {
		most := quotient(most, low, ddof)
		out.High = -ceiling(most.Neg(most))
	}
	out.Items, out.Tried = both(accuracy, low, high, out.Low, out.High, ddof)
	return out, nil
}

// both is the numbers of items, from first to last, that have an accuracy which is
// printed as it was and whose standard error is from low to high.
func both(accuracy Number, low, high *big.Rat, first, last int64, ddof int) (items []int64, tried bool) {
	if last > maxPoints || last-first > maxTried {
		return nil, false
	}
	from, to := accuracy.rounded()
	lowest, _ := low.Float64()
	highest, _ := high.Float64()
	tries := int64(0)
	for n := first; n <= last; n++ {
		g := Grid{Items: n}
		k, end, any := g.within(from, to)
		if tries += 1 + end - k; any && tries > maxTried {
			return nil, false
		}
		for ; any && k <= end; k++ {
			p := float64(k) / float64(n)
			if s := math.Sqrt(p * (1 - p) / float64(n-int64(ddof))); s < lowest-1e-9 || s > highest+1e-9 {
				continue // far off: rationals decide the rest
			}
			square := times(g.Score(k), g.Score(n-k))
			square.Quo(square, big.NewRat(n-int64(ddof), 1))
			if square.Cmp(times(high, high)) <= 0 && (low.Sign() <= 0 || square.Cmp(times(low, low)) >= 0) {
				items = append(items, n)
				break
			}
		}
	}
	return items, true
}

// spread is the least and the most that a(1−a) can be, for a from low to high.
func spread(low, high *big.Rat) (least, most *big.Rat) {
	one, half := big.NewRat(1, 1), big.NewRat(1, 2)
	at := func(a *big.Rat) *big.Rat { return times(a, new(big.Rat).Sub(one, a)) }
	if low.Sign() < 0 {
		low = new(big.Rat)
	}
	if high.Cmp(one) > 0 {
		high = one
	}
	least, most = at(low), at(high)
	if least.Cmp(most) > 0 {
		least, most = most, least
	}
	if low.Cmp(half) <= 0 && half.Cmp(high) <= 0 {
		most = big.NewRat(1, 4)
	}
	return least, most
}

// quotient is x/s² + ddof.
func quotient(x, s *big.Rat, ddof int) *big.Rat {
	q := new(big.Rat).Quo(x, times(s, s))
	return q.Add(q, big.NewRat(int64(ddof), 1))
}

func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

// ceiling is the least whole number that is not below x, within int64.
func ceiling(x *big.Rat) int64 {
	n := new(big.Int).Neg(x.Num())
	n.Div(n, x.Denom()).Neg(n)
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64 + 1
	}
	return math.MaxInt64
}
