package stat

import (
	"errors"
	"fmt"
	"math/big"
)

// Bounds are the least and the most that a score can be.
type Bounds struct{ Low, High *big.Rat }

// Missing bounds the score of a grid's items when only some were seen, with so many
// points between them: every other item could be wrong, or right. With one step and
// c right of N items, m of them missing, that is c/N to (c+m)/N, times the scale.
func (g Grid) Missing(points, seen int64) (Bounds, error) {
	if err := g.checkSeen(points, seen); err != nil {
		return Bounds{}, err
	}
	left := (g.Items - seen) * max(1, g.Steps)
	return Bounds{g.Score(points), g.Score(points + left)}, nil
}

// Needed is what share of the missing items' points explains a published score, by its
// rounding from Low to High: less than 0 or more than 1 where nothing could. Possible
// is whether a whole number of points does.
type Needed struct {
	Bounds
	Possible bool
}

// Needed is for a score that was published of all the grid's items, when only some
// were seen, with so many points between them.
func (g Grid) Needed(x Number, points, seen int64) (Needed, error) {
	if err := g.checkSeen(points, seen); err != nil {
		return Needed{}, err
	}
	if seen == g.Items {
		return Needed{}, errors.New("no item is missing")
	}
	x = x.orZero()
	left := (g.Items - seen) * max(1, g.Steps)
	low, high := x.rounded()
	share := func(score *big.Rat) *big.Rat {
		p := new(big.Rat).SetFrac(g.scaled(score))
		p.Sub(p, big.NewRat(points, 1))
		return p.Quo(p, big.NewRat(left, 1))
	}
	need := Needed{Bounds: Bounds{share(low), share(high)}}
	f, err := g.Fit(x)
	if err != nil {
		return Needed{}, err
	}
	need.Possible = f.Possible() && f.High >= points && f.Low <= points+left
	return need, nil
}

func (g Grid) checkSeen(points, seen int64) error {
	if err := g.check(); err != nil {
		return err
	}
	if seen < 0 || seen > g.Items {
		return fmt.Errorf("%d of %d items seen", seen, g.Items)
	}
	if most := seen * max(1, g.Steps); points < 0 || points > most {
		return fmt.Errorf("%d points on the items seen: want 0 to %d", points, most)
	}
	return nil
}
