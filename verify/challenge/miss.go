package challenge

import (
	"fmt"
	"math/big"

	"github.com/proctor-attest/proctor/attest"
)

// Forged returns how many credited leaves must be forged to inflate a mean over so many
// leaves by delta, on the metric's own scale: m = ⌈Δ·n/(max−min)⌉ (PROTOCOL §6).
func Forged(delta *big.Rat, leaves uint64, lo, hi *big.Rat) (uint64, error) {
	width := new(big.Rat).Sub(hi, lo)
	if width.Sign() <= 0 || delta.Sign() <= 0 {
		return 0, fmt.Errorf("an inflation of %s on a range of %s", delta.RatString(), width.RatString())
	}
	m := new(big.Rat).Mul(delta, new(big.Rat).SetInt(new(big.Int).SetUint64(leaves)))
	m.Quo(m, width)
	up := new(big.Int).Add(m.Num(), m.Denom())
	up.Sub(up, big.NewInt(1)).Quo(up, m.Denom())
	if !up.IsUint64() {
		return 0, fmt.Errorf("an inflation of %s is more than the range holds", delta.RatString())
	}
	return up.Uint64(), nil
}

// Miss is the exact probability that of k leaves drawn from a stratum of n, of which m
// are forged, no more than t are: Σ_{x≤t} C(m,x)·C(n−m,k−x)/C(n,k). More forged leaves
// than the stratum has cannot be: then it is zero.
func Miss(n, m, k, t uint64) *big.Rat {
	k = min(k, n)
	if m > n {
		return new(big.Rat)
	}
	found := new(big.Int)
	for x := uint64(0); x <= min(t, m, k); x++ {
		if k-x > n-m {
			continue
		}
		term := binomial(m, x)
		found.Add(found, term.Mul(term, binomial(n-m, k-x)))
	}
	return new(big.Rat).SetFrac(found, binomial(n, k))
}

func binomial(n, k uint64) *big.Int { return new(big.Int).Binomial(int64(n), int64(k)) }

// maxChallenge bounds how many leaves Enough looks at: the numbers of the exact
// probability grow with them.
const maxChallenge = 1 << 16

// Enough returns the smallest k that misses m forged leaves of n with probability miss at
// most when none may be wrong; n where 65,536 do not.
func Enough(n, m uint64, miss *big.Rat) uint64 {
	if m == 0 || m > n {
		return n
	}
	enough := func(k uint64) bool { return Miss(n, m, k, 0).Cmp(miss) <= 0 }
	hi := uint64(1)
	for hi < n && !enough(hi) {
		if hi *= 2; hi > maxChallenge {
			return n
		}
	}
	lo := hi/2 + 1
	for hi = min(hi, n); lo < hi; {
		if k := lo + (hi-lo)/2; enough(k) {
			hi = k
		} else {
			lo = k + 1
		}
	}
	return lo
}

// Worth says what a challenge of k out of so many credited leaves, of a result of so many
// leaves in all, would have caught: an inflation by 2 % of the metric's range. miss is the
// probability with which it would not.
func Worth(metric attest.Metric, leaves, credited, k, tolerated uint64) (words string, miss *big.Rat, err error) {
	lo, hi, err := rangeOf(metric)
	if err != nil {
		return "", nil, err
	}
	width := new(big.Rat).Sub(hi, lo)
	delta := new(big.Rat).Mul(width, big.NewRat(2, 100))
	m, err := Forged(delta, leaves, lo, hi)
	if err != nil {
		return "", nil, err
	}
	what := delta.RatString()
	if width.Cmp(big.NewRat(1, 1)) == 0 {
		what = "2 points"
	}
	if m > credited {
		return fmt.Sprintf("an inflation of ≥ %s would take more credited answers than there are", what), new(big.Rat), nil
	}
	miss = Miss(credited, m, k, tolerated)
	caught := new(big.Rat).Sub(big.NewRat(1, 1), miss)
	return fmt.Sprintf("would have caught an inflation of ≥ %s with probability %s %%", what, Percent(caught)), miss, nil
}

func rangeOf(m attest.Metric) (lo, hi *big.Rat, err error) {
	if lo, err = attest.ParseDecimal(m.Min); err != nil {
		return nil, nil, err
	}
	hi, err = attest.ParseDecimal(m.Max)
	return lo, hi, err
}

// Percent writes a probability with one decimal, rounded down so that it never says more
// than is so, and 100 only for certainty.
func Percent(p *big.Rat) string {
	tenths := new(big.Int).Mul(p.Num(), big.NewInt(1000))
	tenths.Quo(tenths, p.Denom())
	n := tenths.Int64()
	return fmt.Sprintf("%d.%d", n/10, n%10)
}
