package stat

import (
	"errors"
	"fmt"
	"math"
)

// ExpectedMax is the mean of the largest of n independent standard normals:
//
//	∫ z·n·φ(z)·Φ(z)ⁿ⁻¹ dz
//
// Times the standard error of one try it bounds what choosing the best of n tries of
// equal skill adds to a score (the winner's curse): tries that differ in skill, share
// items or were not all measured so well gain less by luck.
func ExpectedMax(n int) (float64, error) {
	if n < 1 {
		return 0, fmt.Errorf("the largest of %d: want one or more", n)
	}
	// For a smooth function that vanishes at both ends the trapezoidal rule is exact
	// to all digits at a step well below the function's width, here 0.1 or more.
	const step, end = 1.0 / 64, 12
	sum := 0.0
	for z := -float64(end); z <= end; z += step {
		sum += z * math.Exp(math.Log(float64(n))-z*z/2+float64(n-1)*logBelow(z))
	}
	return sum * step / math.Sqrt(2*math.Pi), nil
}

// logBelow is the logarithm of the probability that a standard normal is below z.
func logBelow(z float64) float64 {
	if z < 0 {
		return math.Log(upperTail(-z))
	}
	return math.Log1p(-upperTail(z))
}

// GivenSelected corrects a score x with a normal standard error for having been
// shown because it exceeded another's, y: the skill θ of which x is the mean, given
// that it is more than y. It solves
//
//	θ + se·φ(z)/(1−Φ(z)) = x,  z = (y−θ)/se
//
// taking y as it is. Far ahead of y it is x; close to y it falls without bound.
func GivenSelected(x, y, se float64) (float64, error) {
	ahead := (x - y) / se
	if !(se > 0) || !(ahead >= nearest) || math.IsInf(ahead, 0) || math.IsInf(y, 0) {
		return 0, fmt.Errorf("%v against %v, standard error %v: want it ahead by 1/32 of a standard error or more", x, y, se)
	}
	// The left side less y, in standard errors, falls from there to 1/36 as z rises.
	low, high := -ahead, 36.0
	for range 200 {
		if z := (low + high) / 2; density(z)/upperTail(z)-z > ahead {
			low = z
		} else {
			high = z
		}
	}
	return y - se*(low+high)/2, nil
}

// nearest is how many standard errors ahead of the next a score must be for anything
// to be said of it.
const nearest = 1.0 / 32

// Multiplicity is the probability that at least one of n independent tests gives a
// result that each gives by chance with probability p: 1−(1−p)ⁿ.
func Multiplicity(p float64, n int) (float64, error) {
	if !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("probability %v: want 0 to 1", p)
	}
	if n < 1 {
		return 0, errors.New("no test: want one or more")
	}
	return -math.Expm1(float64(n) * math.Log1p(-p)), nil
}
