// Package score recomputes published numbers from graded rows, in exact
// rationals: nothing is rounded before it is compared with what was published
// (PROTOCOL §5).
package score

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// Recomputed is a score under both denominators. LeftOut is nil when it is
// undefined, which WhyNot explains.
type Recomputed struct {
	CountedWrong *big.Rat // an excluded sample has the range's worst grade
	LeftOut      *big.Rat // an excluded sample leaves its item, an item without samples the mean
	WhyNot       string
	Rows         int
	Items        int
	Excluded     int // rows
}

// With returns the score under the denominator that a configuration names.
func (r *Recomputed) With(denominator string) (*big.Rat, error) {
	switch {
	case denominator == run.CountedWrong:
		return r.CountedWrong, nil
	case denominator != run.LeftOut:
		return nil, fmt.Errorf("denominator %q: want %s or %s", denominator, run.CountedWrong, run.LeftOut)
	case r.LeftOut == nil:
		return nil, errors.New(r.WhyNot)
	}
	return r.LeftOut, nil
}

// Recompute computes the metric over rows in (item, sample) order. Samples are
// reduced within their item first, then items. Where left-out exclusions leave an
// item fewer samples than the metric takes, nothing says what it would have come to,
// and the score is undefined: leaving the item out would reward excluding its failures.
func Recompute(rows []run.Row, metric attest.Metric) (*Recomputed, error) {
	r, err := parseMetric(metric)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("no rows to score")
	}
	sums := newTally(r)
	for start, end := 0, 0; start < len(rows); start = end {
		for end < len(rows) && rows[end].Item == rows[start].Item {
			end++
		}
		if err := sums.add(rows[start:end]); err != nil {
			return nil, err
		}
	}
	sums.fold()
	out := &Recomputed{Rows: len(rows), Items: sums.items, Excluded: sums.excluded, CountedWrong: sums.wrong.value(), WhyNot: sums.whyNot}
	if out.WhyNot != "" {
		return out, nil
	}
	if out.LeftOut = sums.left.value(); out.LeftOut == nil {
		out.WhyNot = "every row is excluded: no item is left to score"
	}
	return out, nil
}

// ErrTooCoarse marks a published score whose rounding hides more than one point
// of the metric's range: it can neither be confirmed nor refuted.
var ErrTooCoarse = errors.New("published too coarsely to be checked")

// maxDecimals is how many a decimal can have (PROTOCOL §0).
const maxDecimals = 18

// Holds reports whether a published score is the exact one, rounded to its own
// decimals: |exact·scale − published| ≤ ½·10⁻ᵈ.
func Holds(exact *big.Rat, s attest.Score, metric attest.Metric) (bool, error) {
	published, err := attest.ParseDecimal(s.Score)
	if err != nil {
		return false, fmt.Errorf("published score: %w", err)
	}
	// A score that shows more decimals than it is signed to have would pass off
	// what they say as rounding.
	if _, shown, _ := strings.Cut(s.Score, "."); s.Decimals < len(shown) || s.Decimals > maxDecimals {
		return false, fmt.Errorf("published score %s to %d decimals: want %d to %d", s.Score, s.Decimals, len(shown), maxDecimals)
	}
	scale := big.NewRat(1, 1)
	switch s.Scale {
	case "1":
	case "100":
		scale.SetInt64(100)
	default:
		return false, fmt.Errorf("scale %q: want 1 or 100", s.Scale)
	}
	r, err := parseMetric(metric)
	if err != nil {
		return false, err
	}
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.Decimals)), nil))
	point := new(big.Rat).Mul(new(big.Rat).Sub(r.best, r.worst), scale)
	point.Abs(point)
	point.Quo(point, big.NewRat(100, 1))
	if unit.Cmp(point) > 0 {
		return false, fmt.Errorf("%w: %d decimals on a range of [%s, %s] times %s", ErrTooCoarse, s.Decimals, metric.Min, metric.Max, s.Scale)
	}
	off := new(big.Rat).Mul(exact, scale)
	off.Sub(off, published).Abs(off)
	return off.Mul(off, big.NewRat(2, 1)).Cmp(unit) <= 0, nil
}

// Decimal writes x with d decimals, a half rounded away from zero; for people,
// never for comparing.
func Decimal(x *big.Rat, d int) string { return x.FloatString(d) }

// Over reports n where x is n/items with a whole number n.
func Over(x *big.Rat, items int) (n string, ok bool) {
	r := new(big.Rat).Mul(x, big.NewRat(int64(items), 1))
	return r.Num().String(), r.IsInt()
}
