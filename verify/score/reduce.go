package score

import (
	"fmt"
	"math/big"
	"slices"
)

// reduction makes one number of the grades of an item's samples.
type reduction struct {
	name        string
	k           int // 0 where it takes none
	best, worst *big.Rat

	binomials map[int]*big.Int // C(n, k) by n
}

func (r *reduction) takesK() bool {
	return r.name == reduceAtLeast || r.name == reducePassAt || r.name == reducePassK
}

func (r *reduction) String() string {
	if r.k == 0 {
		return r.name
	}
	return fmt.Sprintf("%s_%d", r.name, r.k)
}

// addTo adds an item's number, times the weight of so many samples, to a sum. The
// grades are in the order of their samples, at least one and at least k. A mean needs
// no such number: its grades are added as they come.
func (r *reduction) addTo(sum *big.Rat, grades []*big.Rat) error {
	switch r.name {
	case "median":
		sum.Add(sum, median(grades))
	case "mode":
		sum.Add(sum, mode(grades))
	case "max":
		sum.Add(sum, slices.MaxFunc(grades, (*big.Rat).Cmp))
	default:
		return r.addCount(sum, grades)
	}
	return nil
}

// addCount is addTo for what counts the samples that pass: those with the best
// grade of the range.
func (r *reduction) addCount(sum *big.Rat, grades []*big.Rat) error {
	n, passed := len(grades), 0
	for _, g := range grades {
		switch {
		case g.Cmp(r.best) == 0:
			passed++
		case g.Cmp(r.worst) != 0 && r.name != reduceAtLeast:
			return fmt.Errorf("grade %s: a sample passes with %s or fails with %s", g.RatString(), r.best.RatString(), r.worst.RatString())
		}
	}
	switch {
	case r.name == reducePassAt:
		all := new(big.Int).Sub(r.choose(n), r.choose(n-passed))
		sum.Add(sum, new(big.Rat).SetInt(all))
	case r.name == reducePassK:
		sum.Add(sum, new(big.Rat).SetInt(r.choose(passed)))
	case passed >= r.k:
		sum.Add(sum, r.best)
	default:
		sum.Add(sum, r.worst)
	}
	return nil
}

// weight is what addTo multiplied by: dividing item by item would grow
// denominators for nothing.
func (r *reduction) weight(n int) *big.Int {
	switch r.name {
	case reduceMean:
		return big.NewInt(int64(n))
	case reducePassAt, reducePassK:
		return r.choose(n)
	}
	return big.NewInt(1)
}

// choose is how many ways there are to draw k of n.
func (r *reduction) choose(n int) *big.Int {
	if r.binomials == nil {
		r.binomials = map[int]*big.Int{}
	}
	if r.binomials[n] == nil {
		r.binomials[n] = new(big.Int).Binomial(int64(n), int64(r.k))
	}
	return r.binomials[n]
}

// median of an even number is the mean of the two in the middle.
func median(grades []*big.Rat) *big.Rat {
	sorted := slices.Clone(grades)
	slices.SortFunc(sorted, (*big.Rat).Cmp)
	n := len(sorted)
	both := new(big.Rat).Add(sorted[(n-1)/2], sorted[n/2])
	return both.Quo(both, big.NewRat(2, 1))
}

// mode is the grade that is there most often, of several the one that came first.
func mode(grades []*big.Rat) *big.Rat {
	times := map[string]int{}
	for _, g := range grades {
		times[g.RatString()]++
	}
	best := grades[0]
	for _, g := range grades {
		if times[g.RatString()] > times[best.RatString()] {
			best = g
		}
	}
	return best
}

// itemMean is the mean over items of their reduced grades. Items are kept apart by
// their number of samples.
type itemMean struct {
	*reduction
	grades map[int]*decimalSum // where they need only be added
	sums   map[int]*big.Rat
	items  int64
}

func newItemMean(r *reduction) itemMean {
	return itemMean{reduction: r, grades: map[int]*decimalSum{}, sums: map[int]*big.Rat{}}
}

// item counts an item, unless it has no samples, and returns the sum that their grades
// are to be added to.
func (m *itemMean) item(samples int) *decimalSum {
	if samples > 0 {
		m.items++
	}
	if m.grades[samples] == nil {
		m.grades[samples] = new(decimalSum)
	}
	return m.grades[samples]
}

// reduced is what reduce makes of an item's samples: their number, times the weight
// of so many.
type reduced struct {
	samples int
	number  big.Rat
}

// reduce is of any number of grades. Of none there is nothing to reduce.
func (r *reduction) reduce(grades []*big.Rat) (x reduced, err error) {
	x.samples = len(grades)
	switch {
	case x.samples == 0:
		return x, nil
	case x.samples < r.k:
		return x, fmt.Errorf("%d sample(s), and %s needs %d", x.samples, r, r.k)
	}
	return x, r.addTo(&x.number, grades)
}

// add adds so many equal items; those without samples leave the mean.
func (m *itemMean) add(x *reduced, items int64) {
	if x.samples == 0 {
		return
	}
	m.items += items
	m.addSum(x.samples, new(big.Rat).Mul(&x.number, big.NewRat(items, 1)))
}

func (m *itemMean) addSum(samples int, sum *big.Rat) {
	if m.sums[samples] == nil {
		m.sums[samples] = new(big.Rat)
	}
	m.sums[samples].Add(m.sums[samples], sum)
}

// value is nil if there was no item.
func (m *itemMean) value() *big.Rat {
	if m.items == 0 {
		return nil
	}
	for n, grades := range m.grades {
		if n > 0 {
			m.addSum(n, grades.value(m.worst))
		}
	}
	clear(m.grades)
	total := new(big.Rat)
	for n, sum := range m.sums {
		total.Add(total, new(big.Rat).Quo(sum, new(big.Rat).SetInt(m.weight(n))))
	}
	return total.Quo(total, big.NewRat(m.items, 1))
}
