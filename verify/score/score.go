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

// Metrics whose score is the mean over items of the mean over samples.
var means = map[string]bool{"mean": true, "accuracy": true, "exact_match": true}

// ErrUnknownMetric marks a metric that this version cannot recompute.
var ErrUnknownMetric = errors.New("metric cannot be recomputed here")

// Known reports whether a metric of that name can be recomputed.
func Known(metric string) bool { return means[metric] }

// Recomputed is a score under both denominators. LeftOut is nil when every row
// is excluded.
type Recomputed struct {
	CountedWrong *big.Rat // an excluded sample has the range's worst grade
	LeftOut      *big.Rat // an excluded sample leaves its item, an item without samples the mean
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
		return nil, errors.New("every row is excluded: no item is left to score")
	}
	return r.LeftOut, nil
}

// Recompute computes the metric over rows in (item, sample) order. Samples are
// reduced within their item first, then items.
func Recompute(rows []run.Row, metric attest.Metric) (*Recomputed, error) {
	if !Known(metric.Name) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownMetric, metric.Name)
	}
	if len(rows) == 0 {
		return nil, errors.New("no rows to score")
	}
	worst, err := attest.ParseDecimal(metric.Worst())
	if err != nil {
		return nil, fmt.Errorf("metric range: %w", err)
	}
	out := &Recomputed{Rows: len(rows)}
	var wrong, left meanOfMeans
	for start := 0; start < len(rows); {
		end := start
		var graded, counted group
		for ; end < len(rows) && rows[end].Item == rows[start].Item; end++ {
			if _, excluded := rows[end].Excluded(); excluded {
				out.Excluded++
				counted.add(worst)
				continue
			}
			grade, err := attest.ParseDecimal(rows[end].Grade)
			if err != nil {
				return nil, fmt.Errorf("item %d sample %d: %w", rows[end].Item, rows[end].Sample, err)
			}
			graded.add(grade)
			counted.add(grade)
		}
		wrong.add(&counted)
		left.add(&graded)
		out.Items++
		start = end
	}
	out.CountedWrong, out.LeftOut = wrong.value(), left.value()
	return out, nil
}

type group struct {
	sum big.Rat
	n   int
}

func (g *group) add(x *big.Rat) {
	g.sum.Add(&g.sum, x)
	g.n++
}

// meanOfMeans sums items by their number of samples and divides once per number,
// because dividing item by item grows denominators for nothing.
type meanOfMeans struct {
	sums  map[int]*big.Rat
	items int64
}

func (m *meanOfMeans) add(g *group) {
	if g.n == 0 {
		return
	}
	if m.sums == nil {
		m.sums = map[int]*big.Rat{}
	}
	if m.sums[g.n] == nil {
		m.sums[g.n] = new(big.Rat)
	}
	m.sums[g.n].Add(m.sums[g.n], &g.sum)
	m.items++
}

func (m *meanOfMeans) value() *big.Rat {
	if m.items == 0 {
		return nil
	}
	total := new(big.Rat)
	for n, sum := range m.sums {
		total.Add(total, new(big.Rat).Quo(sum, big.NewRat(int64(n), 1)))
	}
	return total.Quo(total, big.NewRat(m.items, 1))
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
	lo, hi, err := run.Range(metric)
	if err != nil {
		return false, err
	}
	// A range that no grade of the metric fills would make every score coarse enough.
	if metric.Name != "mean" && (lo.Sign() != 0 || hi.Cmp(big.NewRat(1, 1)) != 0) {
		return false, fmt.Errorf("metric %s with the range [%s, %s]: want [0, 1]", metric.Name, metric.Min, metric.Max)
	}
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.Decimals)), nil))
	point := new(big.Rat).Mul(new(big.Rat).Sub(hi, lo), scale)
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
