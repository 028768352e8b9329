package rating

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

const maxRounds = 100_000

// Bootstrap is intervals of the ratings from fits to as many battles drawn from all of
// them, with replacement, in each round: their quantiles, between which is interpolated
// as NumPy does. The seed decides the draws, whatever the number of processors.
// Weights stay those of the battles that were fitted. It is an error if the battles of
// a round give no ratings: some competitor has too few.
func (f *Fit) Bootstrap(rounds int, seed uint64, level float64) ([]stat.Interval, error) {
	if rounds < 2 || rounds > maxRounds {
		return nil, fmt.Errorf("%d rounds: want 2 to %d", rounds, maxRounds)
	}
	if !(level > 0 && level < 1) {
		return nil, fmt.Errorf("confidence level %v: want one between 0 and 1, like 0.95", level)
	}
	ratings, err := f.rounds(rounds, seed)
	if err != nil {
		return nil, err
	}
	out := make([]stat.Interval, f.p.n)
	one := make([]float64, rounds)
	for i := range out {
		for j := range ratings {
			one[j] = ratings[j][i]
		}
		slices.Sort(one)
		out[i] = stat.Interval{Low: quantile(one, (1-level)/2), High: quantile(one, (1+level)/2)}
	}
	return out, nil
}

// rounds is the ratings of each round.
func (f *Fit) rounds(rounds int, seed uint64) ([][]float64, error) {
	near, err := f.p.factor(f.at, f.p.ridgeRating, f.p.ridgeStyle)
	if err != nil {
		return nil, err
	}
	ratings, errs := make([][]float64, rounds), make([]error, rounds)
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(rounds, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			again := f.p
			again.rows = slices.Clone(f.p.rows)
			all := newUrn(f.p.rows)
			reach := newGraph(f.p.n, f.p.rows)
			for i := range next {
				all.draw(again.rows, rand.NewPCG(seed, uint64(i)))
				if again.ridgeRating == 0 {
					if errs[i] = reach.check(f.Names, again.rows); errs[i] != nil {
						continue
					}
				}
				at := slices.Clone(f.at)
				_, errs[i] = again.solve(at, near)
				ratings[i] = f.scaled(at)
			}
		})
	}
	for i := range rounds {
		next <- i
	}
	close(next)
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("round %d of the bootstrap: %w", i, err)
		}
	}
	return ratings, nil
}

// urn is what a round draws battles from.
type urn struct {
	counts []uint32 // of each row and outcome: 3·row + outcome
	up     []uint32 // their sum to there
	total  int
	drawn  []uint32
}

func newUrn(rows []row) *urn {
	u := &urn{}
	for _, r := range rows {
		for _, n := range r.count {
			u.total += int(n)
			u.counts, u.up = append(u.counts, n), append(u.up, uint32(u.total))
		}
	}
	u.drawn = make([]uint32, len(u.counts))
	return u
}

// draw makes the rows' counts those of as many battles, each drawn from all.
//
// Given their sum, independent Poisson counts are distributed as that many draws,
// whatever the rate. At a rate a little below 1 they are nearly always a few thousand
// short of millions, and only those are drawn one by one.
func (u *urn) draw(rows []row, source rand.Source) {
	few := math.Sqrt(float64(u.total))
	rate := max(0, 1-6/few)
	left := -1
	for left < 0 {
		left = u.total
		for i, n := range u.counts {
			u.drawn[i] = 0
			if n > 0 && rate > 0 {
				u.drawn[i] = uint32(distuv.Poisson{Lambda: rate * float64(n), Src: source}.Rand())
			}
			left -= int(u.drawn[i])
		}
	}
	r := rand.New(source)
	for range left {
		i, _ := slices.BinarySearch(u.up, uint32(1+r.IntN(u.total)))
		u.drawn[i]++
	}
	for i := range rows {
		rows[i].count = [3]uint32(u.drawn[3*i:])
	}
}

// quantile is of sorted values, linear between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(math.Floor(at)), len(sorted)-2)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
