package stat

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Interval is a two-sided confidence interval.
type Interval struct{ Low, High float64 }

// Wilson is the score interval of k successes in n trials, as a share:
//
//	(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n),  p = k/n
//
// Wilson, Journal of the American Statistical Association 22 (1927). It is close to
// its level on average over p, and stays within [0, 1].
func Wilson(k, n int, level float64) (Interval, error) {
	if err := errors.Join(checkCount(k, n), checkLevel(level)); err != nil {
		return Interval{}, err
	}
	z, p, N := normal(level), float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*N)) / (1 + z*z/N)
	half := z * math.Sqrt(p*(1-p)/N+z*z/(4*N*N)) / (1 + z*z/N)
	i := Interval{max(0, middle-half), min(1, middle+half)}
	if k == 0 { // what cancels, but for rounding
		i.Low = 0
	}
	if k == n {
		i.High = 1
	}
	return i, nil
}

// ClopperPearson is the exact interval of k successes in n trials, as a share: the
// α/2 and 1−α/2 quantiles of Beta(k, n−k+1) and Beta(k+1, n−k). Clopper and Pearson,
// Biometrika 26 (1934). It is never below its level, and wide for small n.
func ClopperPearson(k, n int, level float64) (Interval, error) {
	if err := errors.Join(checkCount(k, n), checkLevel(level)); err != nil {
		return Interval{}, err
	}
	K, N, tail := float64(k), float64(n), (1-level)/2
	i := Interval{0, 1}
	if k > 0 {
		i.Low = mathext.InvRegIncBeta(K, N-K+1, tail)
	}
	if k < n {
		i.High = mathext.InvRegIncBeta(K+1, N-K, 1-tail)
	}
	return i, nil
}

// normal is z such that a standard normal lies within ±z at the level.
func normal(level float64) float64 { return math.Sqrt2 * math.Erfinv(level) }

// studentT is the same for Student's t: if T has df degrees of freedom, then
// df/(df+T²) has the distribution Beta(df/2, 1/2).
func studentT(level float64, df int) float64 {
	n := float64(df)
	x := mathext.InvRegIncBeta(n/2, 0.5, 1-level)
	return math.Sqrt(n * (1 - x) / x)
}

// upperTail is the probability that a standard normal exceeds z.
func upperTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// density is the standard normal's.
func density(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// maxCount keeps counts exact in float64, with room for their squares in the
// quantiles of the beta distribution.
const maxCount = 1 << 40

func checkCount(k, n int) error {
	if n < 1 || n > maxCount || k < 0 || k > n {
		return fmt.Errorf("%d of %d: want 0 to N of N, and N from 1 to 2^40", k, n)
	}
	return nil
}

func checkLevel(level float64) error {
	if !(level > 0 && level < 1) {
		return fmt.Errorf("confidence level %v: want one between 0 and 1, like 0.95", level)
	}
	return nil
}
