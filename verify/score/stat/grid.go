package stat

import (
	"fmt"
	"math/big"
)

// Grid is where a mean over items can lie: the multiples of Scale/(Items·Steps) from
// 0 to Scale. That a published mean must be one of them, rounded, is the GRIM test:
// Brown and Heathers, Social Psychological and Personality Science 8 (2017).
type Grid struct {
	Items int64
	Steps int64 // of one item: m for m parts or n samples, each right or wrong; 0 is 1
	Scale int64 // the best score: 1, 100; 0 is 1
}

// Fit is how a published score lies on a grid.
type Fit struct {
	Nearest bool // some point is printed so when rounded to the nearest, halves either way
	Cut     bool // some point is printed so when further digits are cut off

	// Low to High are the points that explain the score, by Nearest if that holds. If
	// none does they are the two around it, or both the grid's end.
	Low, High int64

	// Chance is min(1, points·unit/scale), of the unit of the last printed digit: the
	// share of all such figures that some point rounds to. A score that is possible
	// says little where Chance is near 1. With Cut up to twice as many would pass.
	Chance float64
}

// Possible reports whether some point explains the score.
func (f Fit) Possible() bool { return f.Nearest || f.Cut }

// Points is how many there are besides 0.
func (g Grid) Points() int64 { return g.Items * max(1, g.Steps) }

// Score is that of so many points.
func (g Grid) Score(points int64) *big.Rat {
	r := big.NewRat(points, g.Points())
	return r.Mul(r, big.NewRat(max(1, g.Scale), 1))
}

// Fit says whether a published score can be one of the grid.
func (g Grid) Fit(x Number) (Fit, error) {
	if err := g.check(); err != nil {
		return Fit{}, err
	}
	x = x.orZero()
	f := Fit{Chance: g.chance(x)}
	if x.value.Sign() < 0 {
		return f, nil
	}
	if f.Low, f.High, f.Nearest = g.within(x.rounded()); f.Nearest {
		low, high := x.cut()
		_, _, f.Cut = g.within(low, high)
	} else if f.Low, f.High, f.Cut = g.within(x.cut()); !f.Cut {
		f.Low, f.High = g.floor(x.value), g.ceil(x.value)
	}
	return f, nil
}

// Near returns the grids of other numbers of items, at most so many fewer or more, on
// which a published score is possible, the nearest numbers first.
func (g Grid) Near(x Number, within int64) ([]Grid, error) {
	if within < 0 || within > maxNear {
		return nil, fmt.Errorf("looking within %d items: want 0 to %d", within, maxNear)
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	var all []Grid
	for d := int64(1); d <= within; d++ {
		for _, items := range []int64{g.Items - d, g.Items + d} {
			other := Grid{items, g.Steps, g.Scale}
			if items < 1 {
				continue
			}
			f, err := other.Fit(x)
			if err != nil {
				return nil, err
			}
			if f.Possible() {
				all = append(all, other)
			}
		}
	}
	return all, nil
}

const (
	maxNear   = 1 << 16
	maxPoints = 1 << 40
	maxScale  = 1 << 20
)

func (g Grid) check() error {
	if g.Items < 1 || g.Steps < 0 || g.Items > maxPoints || g.Steps > maxPoints || g.Steps > 0 && g.Items > maxPoints/g.Steps {
		return fmt.Errorf("%d items of %d steps: want one or more, and at most 2^40 points", g.Items, g.Steps)
	}
	if g.Scale < 0 || g.Scale > maxScale {
		return fmt.Errorf("scale %d: want 1 to %d", g.Scale, maxScale)
	}
	return nil
}

// within is the points whose scores are from low to high.
func (g Grid) within(low, high *big.Rat) (first, last int64, any bool) {
	first, last = g.ceil(low), g.floor(high)
	if first > last || g.Score(first).Cmp(low) < 0 || g.Score(last).Cmp(high) > 0 {
		return first, last, false
	}
	return first, last, true
}

// floor is the largest number of points that score at most x, but 0 if none do.
func (g Grid) floor(x *big.Rat) int64 {
	return g.clip(new(big.Int).Div(g.scaled(x)))
}

// ceil is the smallest number of points that score at least x, but all if none do.
func (g Grid) ceil(x *big.Rat) int64 {
	num, den := g.scaled(x)
	k := new(big.Int).Div(num.Neg(num), den)
	return g.clip(k.Neg(k))
}

// scaled is x in points: the quotient of two whole numbers.
func (g Grid) scaled(x *big.Rat) (num, den *big.Int) {
	num = new(big.Int).Mul(x.Num(), big.NewInt(g.Points()))
	return num, new(big.Int).Mul(x.Denom(), big.NewInt(max(1, g.Scale)))
}

func (g Grid) clip(k *big.Int) int64 {
	if k.Sign() < 0 {
		return 0
	}
	if all := g.Points(); !k.IsInt64() || k.Int64() > all {
		return all
	}
	return k.Int64()
}

func (g Grid) chance(x Number) float64 {
	share, _ := new(big.Rat).Mul(x.unit, big.NewRat(g.Points(), max(1, g.Scale))).Float64()
	return min(1, share)
}
