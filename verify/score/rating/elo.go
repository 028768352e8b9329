package rating

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

// Elo is online Elo ratings, as the first tables of chatbots had them: each battle, in
// the order in which they came, moves k points times how unexpected it was. The zero
// value starts everybody at 1000 with k = 4. Ratings depend on the order.
type Elo struct {
	K       float64 // 0 is 4
	ratings map[string]float64
}

// Add is the next battle.
func (e *Elo) Add(a, b string, outcome Outcome) error {
	if outcome < Lost || outcome > Won {
		return fmt.Errorf("outcome %d: want %d, %d or %d", outcome, Lost, Tied, Won)
	}
	if a == b {
		return fmt.Errorf("%q against itself", a)
	}
	if e.ratings == nil {
		e.ratings = map[string]float64{}
	}
	k := e.K
	if k == 0 {
		k = 4
	}
	ra, rb := e.Rating(a), e.Rating(b)
	up := k * (float64(outcome)/2 - 1/(1+math.Pow(10, (rb-ra)/400)))
	e.ratings[a], e.ratings[b] = ra+up, rb-up
	return nil
}

// Rating is 1000 for a competitor without battles.
func (e *Elo) Rating(name string) float64 {
	if r, ok := e.ratings[name]; ok {
		return r
	}
	return average
}

// EvenSE is the standard error, in points, of a Bradley–Terry rating from so many
// battles against opponents of about the same rating, of which a share was tied:
//
//	400/ln 10 · 2/√n · √(1−ties)
//
// Times stat.ExpectedMax of N variants it bounds by how much luck lifts the best of
// them.
func EvenSE(battles int, ties float64) (float64, error) {
	if battles < 1 {
		return 0, errors.New("no battles")
	}
	if !(ties >= 0 && ties <= 1) {
		return 0, fmt.Errorf("share of ties %v: want 0 to 1", ties)
	}
	return points * 2 / math.Sqrt(float64(battles)) * math.Sqrt(1-ties), nil
}

// Ranks is LMArena's ranks: 1 and how many have their interval wholly above.
func Ranks(intervals []stat.Interval) []int {
	lows := make([]float64, len(intervals))
	for i := range intervals {
		lows[i] = intervals[i].Low
	}
	slices.Sort(lows)
	ranks := make([]int, len(intervals))
	for i := range intervals {
		above, _ := slices.BinarySearchFunc(lows, intervals[i].High, func(low, high float64) int {
			if low > high {
				return 1
			}
			return -1
		})
		ranks[i] = 1 + len(lows) - above
	}
	return ranks
}
