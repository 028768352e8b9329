package rating

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// problem is the logistic regression behind ratings: minimise over r and β
//
//	Σ over rows, of weighted counts, of log(1+exp(−d)) where a won, log(1+exp(d)) where
//	b did, their mean where they tied  +  ½·ridges·squares,  d = r_a − r_b + x·β
type problem struct {
	n, k int // competitors, features
	rows []row
	x    []float64

	ridgeRating, ridgeStyle float64
}

func newProblem(n int, rows []row, x []float64, k int, c Config) problem {
	p := problem{n: n, k: k, rows: rows, x: x}
	p.weigh(c.Reweight, k > 0 && c.Convention == ArenaRank)
	switch {
	case k == 0:
	case c.Convention == ArenaRank: // ½·|β|² of the mean over battles
		for i := range rows {
			p.ridgeStyle += float64(rows[i].total())
		}
	case c.Convention == FastChat: // ¼·(|r|²+|β|²), with odds of 10^r
		p.ridgeStyle = 0.5
		p.ridgeRating = 0.5 / (math.Ln10 * math.Ln10)
	}
	return p
}

// weigh sets the weight of each row's battles: 1, or 1 over how often their competitors
// met, or over least if that is more; so that their mean is 1, if it is to be.
func (p *problem) weigh(least int, meanOne bool) {
	met := map[[2]int32]int{}
	pair := func(r *row) [2]int32 { return [2]int32{min(r.a, r.b), max(r.a, r.b)} }
	if least > 0 {
		for i := range p.rows {
			met[pair(&p.rows[i])] += p.rows[i].total()
		}
	}
	sum, battles := 0.0, 0.0
	for i := range p.rows {
		r := &p.rows[i]
		r.weight = 1
		if least > 0 {
			r.weight = 1 / float64(max(least, met[pair(r)]))
		}
		sum += r.weight * float64(r.total())
		battles += float64(r.total())
	}
	for i := range p.rows {
		if meanOne {
			p.rows[i].weight *= battles / sum
		}
	}
}

// d is the log-odds that the first wins.
func (p *problem) d(i int, at []float64) float64 {
	r := &p.rows[i]
	d := at[r.a] - at[r.b]
	for j, x := range p.x[i*p.k : (i+1)*p.k] {
		d += x * at[p.n+j]
	}
	return d
}

// slope is minus the gradient.
func (p *problem) slope(at, out []float64) {
	for j := range out {
		out[j] = -p.ridge(j) * at[j]
	}
	for i := range p.rows {
		r := &p.rows[i]
		lost, tied, won := float64(r.count[Lost]), float64(r.count[Tied]), float64(r.count[Won])
		s := r.weight * (won + tied/2 - (lost+tied+won)/(1+math.Exp(-p.d(i, at))))
		out[r.a] += s
		out[r.b] -= s
		for j, x := range p.x[i*p.k : (i+1)*p.k] {
			out[p.n+j] += x * s
		}
	}
}

func (p *problem) ridge(j int) float64 {
	if j < p.n {
		return p.ridgeRating
	}
	return p.ridgeStyle
}

// sumRows adds up f(i)·vvᵀ over the rows, of which v = e_a − e_b + x.
func (p *problem) sumRows(f func(i int) float64) *mat.SymDense {
	m := p.n + p.k
	out := mat.NewSymDense(m, nil)
	data, stride := out.RawSymmetric().Data, out.RawSymmetric().Stride
	for i := range p.rows {
		r, h := &p.rows[i], f(i)
		lo, hi := int(min(r.a, r.b)), int(max(r.a, r.b))
		data[lo*stride+lo] += h
		data[hi*stride+hi] += h
		data[lo*stride+hi] -= h
		for j, x := range p.x[i*p.k : (i+1)*p.k] {
			data[int(r.a)*stride+p.n+j] += h * x
			data[int(r.b)*stride+p.n+j] -= h * x
			for l := j; l < p.k; l++ {
				data[(p.n+j)*stride+p.n+l] += h * x * p.x[i*p.k+l]
			}
		}
	}
	return out
}

// curvature is the matrix of second derivatives, but for the ridges.
func (p *problem) curvature(at []float64) *mat.SymDense {
	return p.sumRows(func(i int) float64 {
		q := 1 / (1 + math.Exp(-p.d(i, at)))
		return p.rows[i].weight * float64(p.rows[i].total()) * q * (1 - q)
	})
}

// factor is of the curvature with so much added on the diagonal.
//
// Adding one number to all ratings changes nothing: along that direction the matrix is
// nearly singular or wholly. As slopes and scatter have nothing in it, a term there
// changes no result; it keeps rounding small, and the ratings' mean where it is.
func (p *problem) factor(at []float64, rating, style float64) (*mat.Cholesky, error) {
	h := p.curvature(at)
	hold := 0.0
	for i := range p.n {
		hold += h.At(i, i) / float64(p.n) / float64(p.n)
	}
	for i := range p.n + p.k {
		for j := i; j < p.n; j++ {
			h.SetSym(i, j, h.At(i, j)+hold)
		}
		if i < p.n {
			h.SetSym(i, i, h.At(i, i)+rating)
		} else {
			h.SetSym(i, i, h.At(i, i)+style)
		}
	}
	c := new(mat.Cholesky)
	if !c.Factorize(h) {
		return nil, errUndetermined
	}
	return c, nil
}

var errUndetermined = errors.New("the battles do not determine the ratings: features that say the same, or competitors too far apart")

const (
	maxSteps = 500
	exact    = 1e-10 // in natural units: 2e-8 points
)

// solve moves at to the minimum, by Newton's method. A factor of a nearby problem can
// be given: it, as well as each that is made, is kept as long as it brings the
// minimum nearer by half each time. The last one is returned.
//
// A step by which log-odds change by up to c is shortened to log(1+c)/c of itself: so
// Newton's method cannot overshoot (Sun and Tran-Dinh, Mathematical Programming 178,
// 2019).
func (p *problem) solve(at []float64, c *mat.Cholesky) (*mat.Cholesky, error) {
	step := mat.NewVecDense(len(at), nil)
	slope := mat.NewVecDense(len(at), nil)
	before := math.Inf(1)
	for range maxSteps {
		p.slope(at, slope.RawVector().Data)
		fresh := c == nil
		if fresh {
			var err error
			if c, err = p.factor(at, p.ridgeRating, p.ridgeStyle); err != nil {
				return nil, err
			}
		}
		if err := c.SolveVecTo(step, slope); err != nil {
			return nil, errUndetermined
		}
		change := p.change(step.RawVector().Data)
		if !fresh && change > before/2 {
			c, before = nil, math.Inf(1)
			continue
		}
		short := 1.0
		if change > exact {
			short = math.Log1p(change) / change
		}
		for i, s := range step.RawVector().Data {
			at[i] += short * s
		}
		if change <= exact {
			return c, nil
		}
		before = change
		if fresh && change > 0.1 {
			c = nil
		}
	}
	return nil, errors.New("the ratings do not settle")
}

// change is the most that a step changes the log-odds of a row.
func (p *problem) change(step []float64) float64 {
	most := 0.0
	for i := range p.rows {
		most = max(most, math.Abs(p.d(i, step)))
	}
	return most
}
