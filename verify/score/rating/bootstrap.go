package rating

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

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
	cells := f.cells()
	ratings, errs := make([][]float64, rounds), make([]error, rounds)
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(rounds, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			again := f.p
			again.rows = slices.Clone(f.p.rows)
			counts := make([]uint32, 3*len(f.p.rows))
			reach := newGraph(f.p.n, f.p.rows)
			for i := range next {
				again.draw(cells, counts, rand.NewPCG(seed, uint64(i)))
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

// cells is the row and outcome of each battle: 3·row + outcome.
func (f *Fit) cells() []uint32 {
	var cells []uint32
	for i := range f.p.rows {
		for outcome, n := range f.p.rows[i].count {
			cells = append(cells, slices.Repeat([]uint32{uint32(3*i + outcome)}, int(n))...)
		}
	}
	return cells
}

// draw makes the rows' counts those of as many battles, each drawn from all. It uses
// counts, one for each row and outcome, to count in.
func (p *problem) draw(cells, counts []uint32, source rand.Source) {
	clear(counts)
	r := rand.New(source)
	for range cells {
		counts[cells[r.IntN(len(cells))]]++
	}
	for i := range p.rows {
		p.rows[i].count = [3]uint32(counts[3*i:])
	}
}

// quantile is of sorted values, linear between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(math.Floor(at)), len(sorted)-2)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
