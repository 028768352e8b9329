package rating

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

// hessianRidge is what arena-rank adds to the diagonal of the curvature: that for each
// battle, unless battles are reweighted and have no features, then that once.
const hessianRidge = 1e-5

// Sandwich is the ratings with the standard errors of arena-rank, which do not rest on
// the model being right: the roots of the diagonal of H⁻¹·G·H⁻¹, in points, with
//
//	H = Σ w·p(1−p)·vvᵀ + ridge,  G = Σ w²(o−p)²·vvᵀ − ββᵀ
//
// over battles of weight w and outcome o (0, ½, 1), where v is +1 for the first
// competitor, −1 for the second, and the features. They are about a mean of 0, and an
// anchor moves them along. Normal makes intervals of them.
func (f *Fit) Sandwich() ([]stat.Estimate, error) {
	if f.config.Convention != ArenaRank {
		return nil, errors.New("FastChat's convention has no standard errors: use Bootstrap")
	}
	p := &f.p
	ridge := hessianRidge
	if f.config.Reweight == 0 || p.k > 0 {
		ridge *= float64(f.total)
	}
	c, err := p.factor(f.at, ridge, ridge)
	if err != nil {
		return nil, err
	}
	var inverse mat.SymDense
	if c.InverseTo(&inverse) != nil {
		return nil, errUndetermined
	}
	var half mat.Dense
	half.Mul(p.scatter(f.at), &inverse)
	out := make([]stat.Estimate, p.n)
	for i := range out {
		variance := 0.0
		for j := range p.n + p.k {
			variance += inverse.At(i, j) * half.At(j, i)
		}
		if !(variance >= 0) {
			return nil, errUndetermined
		}
		out[i] = stat.Estimate{Mean: f.Ratings[i], SE: points * math.Sqrt(variance), N: f.battles[i]}
	}
	return out, nil
}

// scatter is G.
func (p *problem) scatter(at []float64) *mat.SymDense {
	g := p.sumRows(func(i int) float64 {
		r, q := &p.rows[i], 1/(1+math.Exp(-p.d(i, at)))
		lost, tied, won := float64(r.count[Lost]), float64(r.count[Tied]), float64(r.count[Won])
		return r.weight * r.weight * (won*(1-q)*(1-q) + tied*(0.5-q)*(0.5-q) + lost*q*q)
	})
	for i := p.n; i < p.n+p.k; i++ {
		for j := i; j < p.n+p.k; j++ {
			g.SetSym(i, j, g.At(i, j)-at[i]*at[j])
		}
	}
	return g
}
