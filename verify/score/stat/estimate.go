package stat

import (
	"errors"
	"fmt"
	"math"
)

// Estimate is a mean of N independent observations and its standard error. DDof is
// the number by which the variance's divisor is less than N.
type Estimate struct {
	Mean, SE float64
	N, DDof  int
}

// Mean is the mean of x and √(Σ(x−mean)²/(n−ddof)/n). With ddof 1 that is the standard
// error of the central limit theorem, as lm-evaluation-harness, Inspect and AlpacaEval
// print it; with 0 that of the bootstrap, and of NumPy's std.
func Mean(x []float64, ddof int) (Estimate, error) {
	if err := checkDDof(len(x), ddof); err != nil {
		return Estimate{}, err
	}
	mean, squares, err := moments(x)
	if err != nil {
		return Estimate{}, err
	}
	n := float64(len(x))
	return Estimate{mean, math.Sqrt(squares / (n - float64(ddof)) / n), len(x), ddof}, nil
}

// Proportion is k/n and √(p(1−p)/(n−ddof)): Mean of k ones and n−k zeros.
func Proportion(k, n, ddof int) (Estimate, error) {
	if err := errors.Join(checkCount(k, n), checkDDof(n, ddof)); err != nil {
		return Estimate{}, err
	}
	p := float64(k) / float64(n)
	return Estimate{p, math.Sqrt(p * (1 - p) / float64(n-ddof)), n, ddof}, nil
}

// Variance is Σ(x−mean)²/(n−ddof); with ddof 0, of a population, as HELM prints it.
func Variance(x []float64, ddof int) (float64, error) {
	if err := checkDDof(len(x), ddof); err != nil {
		return 0, err
	}
	_, squares, err := moments(x)
	return squares / float64(len(x)-ddof), err
}

// Normal is mean ± z·SE.
func (e Estimate) Normal(level float64) (Interval, error) {
	if err := checkLevel(level); err != nil {
		return Interval{}, err
	}
	return e.around(normal(level)), nil
}

// StudentT is mean ± t·SE with N−1 degrees of freedom: for few observations.
func (e Estimate) StudentT(level float64) (Interval, error) {
	if err := checkLevel(level); err != nil {
		return Interval{}, err
	}
	if e.N < 2 {
		return Interval{}, fmt.Errorf("%d observation(s): Student's t needs two", e.N)
	}
	return e.around(studentT(level, e.N-1)), nil
}

func (e Estimate) around(z float64) Interval { return Interval{e.Mean - z*e.SE, e.Mean + z*e.SE} }

// Clustered is a mean of observations that come in clusters (questions about one
// text, trials of one task), and its standard error under each convention in use.
// With r the sum over a cluster of x−mean:
//
//	Plain      √(Σ r²) / n
//	Corrected  Plain·√(C/(C−1)): Inspect's stderr(cluster=…)
//	Miller     √(SE² + (1/n²)·Σ over pairs i≠j of a cluster of (xᵢ−mean)(xⱼ−mean)),
//	           SE with ddof 1: Miller, arXiv 2411.00640, equation 4
//
// Plain is Miller with n² for n(n−1) under the squares.
type Clustered struct {
	Mean                     float64
	N, Clusters              int
	Plain, Corrected, Miller float64
}

// ClusteredMean is of x, where cluster[i] names the cluster of x[i].
func ClusteredMean[C comparable](x []float64, cluster []C) (Clustered, error) {
	if len(x) != len(cluster) {
		return Clustered{}, fmt.Errorf("%d observations and %d clusters: want one for each", len(x), len(cluster))
	}
	if err := checkDDof(len(x), 1); err != nil {
		return Clustered{}, err
	}
	mean, squares, err := moments(x)
	if err != nil {
		return Clustered{}, err
	}
	index, rests := map[C]int{}, []float64{} // in order: sums of floats depend on it
	for i, c := range cluster {
		j, ok := index[c]
		if !ok {
			j = len(rests)
			index[c], rests = j, append(rests, 0)
		}
		rests[j] += x[i] - mean
	}
	if len(rests) < 2 {
		return Clustered{}, errors.New("one cluster: nothing says how much clusters differ")
	}
	sum, n, clusters := 0.0, float64(len(x)), float64(len(rests))
	for _, r := range rests {
		sum += r * r
	}
	return Clustered{
		Mean: mean, N: len(x), Clusters: len(rests),
		Plain:     math.Sqrt(sum) / n,
		Corrected: math.Sqrt(sum*clusters/(clusters-1)) / n,
		// The pairs are what is in the sum besides the squares: squares/n(n−1) + (sum−squares)/n².
		Miller: math.Sqrt(sum+squares/(n-1)) / n,
	}, nil
}

// PooledSE is the standard error of the mean over all items of several tasks, from
// each task's own (ddof 1) and its number of items, as lm-evaluation-harness pools
// those of a group: √(Σ (nᵢ−1)·nᵢ·seᵢ² / (Σnᵢ − tasks) / Σnᵢ). It takes all items to
// have one variance about their task's mean.
func PooledSE(se []float64, items []int) (float64, error) {
	if len(se) != len(items) || len(se) == 0 {
		return 0, fmt.Errorf("%d standard errors and %d numbers of items: want one of each per task", len(se), len(items))
	}
	squares, total := 0.0, 0.0
	for i, n := range items {
		if n < 1 || !(se[i] >= 0) || math.IsInf(se[i], 1) {
			return 0, fmt.Errorf("task %d: %d items and standard error %v", i, n, se[i])
		}
		squares += float64(n-1) * float64(n) * se[i] * se[i]
		total += float64(n)
	}
	tasks := float64(len(items))
	if total <= tasks {
		return 0, errors.New("one item per task: nothing says how much items differ")
	}
	return math.Sqrt(squares / (total - tasks) / total), nil
}

// moments is the mean and the sum of squares about it.
func moments(x []float64) (mean, squares float64, err error) {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, 0, fmt.Errorf("observation %d is %v", i, v)
		}
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	if math.IsInf(squares, 1) {
		return 0, 0, errors.New("observations are too large to square")
	}
	return mean, squares, nil
}

func checkDDof(n, ddof int) error {
	if ddof != 0 && ddof != 1 {
		return fmt.Errorf("ddof %d: want 0 or 1", ddof)
	}
	if n <= ddof {
		return fmt.Errorf("%d observation(s): want %d or more", n, ddof+1)
	}
	return nil
}
