package rating

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Convention is whose fit is followed where the two differ.
type Convention int

const (
	// ArenaRank is LMArena's since July 2025. The coefficients of features are pulled
	// to 0 by ½·|β|² per battle, ratings are not. Intervals are from Sandwich.
	ArenaRank Convention = iota

	// FastChat is LMArena's before that. With features, ratings and coefficients are
	// pulled to 0 by ¼·|·|² in all, ratings in powers of ten; without, nothing is.
	// Intervals are from Bootstrap.
	FastChat
)

// Config says how to fit. Its zero value is arena-rank's Bradley–Terry without
// weights.
type Config struct {
	Convention Convention

	// Reweight, unless 0, makes each battle count for 1 over the number of battles of
	// its two competitors, or over Reweight if that is more: pairs that met often do
	// not decide everything. Arena-rank has 50.
	Reweight int

	// Anchor, unless "", is the competitor whose rating is AnchorAt, and all others
	// are shifted with it. FastChat has mixtral-8x7b-instruct-v0.1 at 1114.
	Anchor   string
	AnchorAt float64
}

// Fit is ratings that maximise the likelihood of battles.
type Fit struct {
	Names   []string // sorted
	Ratings []float64

	Features []string
	Style    []float64 // log-odds for a win, per standard deviation of each feature

	config  Config
	anchor  int // or -1
	p       problem
	at      []float64 // natural ratings and coefficients
	battles []int     // of each competitor
	total   int64
}

const (
	points  = 400 / math.Ln10 // of a unit of log-odds
	average = 1000
)

// New fits ratings to battles.
func New(battles *Battles, config Config) (*Fit, error) {
	names, rows := battles.sorted()
	if len(names) < 2 || battles.total == 0 {
		return nil, errors.New("no battles")
	}
	anchor := -1
	if config.Anchor != "" {
		var ok bool
		if anchor, ok = slices.BinarySearch(names, config.Anchor); !ok {
			return nil, fmt.Errorf("no battle of %q, whose rating is to be %v", config.Anchor, config.AnchorAt)
		}
	}
	if config.Convention != ArenaRank && config.Convention != FastChat || config.Reweight < 0 {
		return nil, fmt.Errorf("convention %d, reweight %d", config.Convention, config.Reweight)
	}
	f := &Fit{Names: names, Features: battles.features, config: config, anchor: anchor, total: battles.total}
	f.p = problem{n: len(names), k: len(battles.features), rows: rows, x: standardised(battles.x, len(battles.features))}
	f.p.weigh(config.Reweight, len(f.Features) > 0 && config.Convention == ArenaRank)
	if f.p.k > 0 {
		switch config.Convention {
		case ArenaRank:
			f.p.ridgeStyle = float64(battles.total)
		case FastChat:
			f.p.ridgeStyle = 0.5
			f.p.ridgeRating = 0.5 / (math.Ln10 * math.Ln10)
		}
	}
	if f.p.ridgeRating == 0 {
		if err := newGraph(len(names), rows).check(names, rows); err != nil {
			return nil, err
		}
	}
	f.at = make([]float64, f.p.n+f.p.k)
	if _, err := f.p.solve(f.at, nil); err != nil {
		return nil, err
	}
	f.Ratings = f.scaled(f.at)
	f.Style = slices.Clone(f.at[f.p.n:])
	f.battles = make([]int, f.p.n)
	for _, r := range rows {
		f.battles[r.a] += r.total()
		f.battles[r.b] += r.total()
	}
	return f, nil
}

// scaled is natural ratings in points.
func (f *Fit) scaled(at []float64) []float64 {
	shift := float64(average)
	if f.anchor >= 0 {
		shift = f.config.AnchorAt - points*at[f.anchor]
	}
	out := make([]float64, f.p.n)
	for i := range out {
		out[i] = points*at[i] + shift
	}
	return out
}

func (r *row) total() int { return int(r.count[Lost]) + int(r.count[Tied]) + int(r.count[Won]) }

// standardised is columns less their mean, over their standard deviation (ddof 0).
func standardised(x []float64, k int) []float64 {
	out := slices.Clone(x)
	for j := range k {
		mean, squares, n := 0.0, 0.0, float64(len(x)/k)
		for i := j; i < len(x); i += k {
			mean += x[i] / n
		}
		for i := j; i < len(x); i += k {
			squares += (x[i] - mean) * (x[i] - mean) / n
		}
		sd := math.Sqrt(squares)
		if sd == 0 {
			sd = 1
		}
		for i := j; i < len(x); i += k {
			out[i] = (x[i] - mean) / sd
		}
	}
	return out
}

// Difference is how a style differs between two answers, of counts such as their
// tokens, headers, lists and bold words: (a−b)/(a+b), from −1 to 1. FastChat adds 1
// to the divisor, arena-rank makes it 1 where it is 0.
func (c Convention) Difference(a, b float64) float64 {
	sum := a + b
	switch {
	case c == FastChat:
		sum++
	case sum == 0:
		sum = 1
	}
	return (a - b) / sum
}
