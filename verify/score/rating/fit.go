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
	// not decide everything. Arena-rank has 50, FastChat does not.
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

// New fits ratings to battles. Those that give no finite ratings are an UnratedError.
func New(battles *Battles, config Config) (*Fit, error) {
	names, rows := battles.sorted()
	if len(names) < 2 || battles.total == 0 {
		return nil, errors.New("no battles")
	}
	f := &Fit{Names: names, Features: slices.Clone(battles.features), config: config, total: battles.total}
	if err := f.configure(); err != nil {
		return nil, err
	}
	f.p = newProblem(len(names), rows, standardised(battles.x, len(f.Features)), len(f.Features), config)
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

// configure checks the configuration, and finds the anchor.
func (f *Fit) configure() error {
	c := f.config
	if c.Convention != ArenaRank && c.Convention != FastChat {
		return fmt.Errorf("convention %d: want %d or %d", c.Convention, ArenaRank, FastChat)
	}
	if c.Reweight < 0 || c.Reweight > 0 && c.Convention != ArenaRank {
		return fmt.Errorf("reweighting by %d: want 0 or more, and 0 in FastChat's convention", c.Reweight)
	}
	f.anchor = -1
	if c.Anchor == "" {
		return nil
	}
	at, ok := slices.BinarySearch(f.Names, c.Anchor)
	if !ok || math.IsNaN(c.AnchorAt) || math.IsInf(c.AnchorAt, 0) {
		return fmt.Errorf("%q cannot have the rating %v: it has no battle, or that is no number", c.Anchor, c.AnchorAt)
	}
	f.anchor = at
	return nil
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
