package rating

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Outcome is of the first of two competitors.
type Outcome int

const (
	Lost Outcome = iota
	Tied         // also where both were bad
	Won
)

// Battles counts battles, or keeps them one by one where each has features of its own.
// The zero value counts.
type Battles struct {
	features []string
	names    []string
	index    map[string]int32
	pairs    map[[2]int32]int32 // the row of two competitors, the smaller index first
	rows     []row
	x        []float64 // the rows' features
	total    int64
}

// row is battles of two competitors with the same features.
type row struct {
	a, b   int32
	count  [3]uint32 // by the outcome for a
	weight float64   // of a battle
}

func (r *row) total() int { return int(r.count[Lost]) + int(r.count[Tied]) + int(r.count[Won]) }

const (
	maxCompetitors = 2000
	maxFeatures    = 64
	maxBattles     = 1 << 28
	maxKept        = 1 << 26 // one by one, times their features and one
)

// WithFeatures keeps battles one by one, each with these features.
func WithFeatures(names ...string) (*Battles, error) {
	if len(names) == 0 || len(names) > maxFeatures {
		return nil, fmt.Errorf("%d features: want 1 to %d", len(names), maxFeatures)
	}
	return &Battles{features: slices.Clone(names)}, nil
}

// Add counts a battle of a and b. Its features are those of a's answer against b's;
// Difference makes them.
func (s *Battles) Add(a, b string, outcome Outcome, features ...float64) error {
	if len(features) != len(s.features) {
		return fmt.Errorf("%d features: want %d", len(features), len(s.features))
	}
	if len(features) == 0 {
		return s.AddCount(a, b, outcome, 1)
	}
	for i, f := range features {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("feature %q is %v", s.features[i], f)
		}
	}
	if len(s.rows) >= maxKept/(1+len(features)) {
		return fmt.Errorf("more than %d battles with %d features", len(s.rows), len(features))
	}
	i, j, err := s.competitors(a, b, outcome)
	if err != nil {
		return err
	}
	r := row{a: i, b: j}
	r.count[outcome] = 1
	s.rows, s.x = append(s.rows, r), append(s.x, features...)
	s.total++
	return nil
}

// AddCount counts so many battles with one outcome.
func (s *Battles) AddCount(a, b string, outcome Outcome, count int64) error {
	if len(s.features) > 0 {
		return errors.New("battles with features are added one by one")
	}
	if count < 0 || count > maxBattles-s.total {
		return fmt.Errorf("%d battles after %d: want 0 or more, and %d at most", count, s.total, maxBattles)
	}
	i, j, err := s.competitors(a, b, outcome)
	if err != nil {
		return err
	}
	if i > j {
		i, j, outcome = j, i, Won-outcome
	}
	if s.pairs == nil {
		s.pairs = map[[2]int32]int32{}
	}
	at, ok := s.pairs[[2]int32{i, j}]
	if !ok {
		at = int32(len(s.rows))
		s.pairs[[2]int32{i, j}] = at
		s.rows = append(s.rows, row{a: i, b: j})
	}
	s.rows[at].count[outcome] += uint32(count)
	s.total += count
	return nil
}

// competitors is the indices of a and b, in order of appearance.
func (s *Battles) competitors(a, b string, outcome Outcome) (i, j int32, err error) {
	if outcome < Lost || outcome > Won {
		return 0, 0, fmt.Errorf("outcome %d: want %d, %d or %d", outcome, Lost, Tied, Won)
	}
	if a == b {
		return 0, 0, fmt.Errorf("%q against itself", a)
	}
	if i, err = s.competitor(a); err != nil {
		return 0, 0, err
	}
	j, err = s.competitor(b)
	return i, j, err
}

func (s *Battles) competitor(name string) (int32, error) {
	if i, ok := s.index[name]; ok {
		return i, nil
	}
	if len(s.names) == maxCompetitors {
		return 0, fmt.Errorf("more than %d competitors", maxCompetitors)
	}
	if s.index == nil {
		s.index = map[string]int32{}
	}
	i := int32(len(s.names))
	name = strings.Clone(name)
	s.index[name] = i
	s.names = append(s.names, name)
	return i, nil
}

// sorted is the names in order, and rows that index them, in order of their
// competitors unless each has features: the order in which battles came decides
// nothing.
func (s *Battles) sorted() ([]string, []row) {
	names := slices.Clone(s.names)
	slices.Sort(names)
	to := make([]int32, len(names))
	for i, name := range names {
		to[s.index[name]] = int32(i)
	}
	rows := slices.Clone(s.rows)
	for i := range rows {
		r := &rows[i]
		if r.a, r.b = to[r.a], to[r.b]; r.a > r.b && len(s.features) == 0 {
			r.a, r.b = r.b, r.a
			r.count[Lost], r.count[Won] = r.count[Won], r.count[Lost]
		}
	}
	if len(s.features) == 0 {
		slices.SortFunc(rows, func(x, y row) int {
			if x.a != y.a {
				return int(x.a - y.a)
			}
			return int(x.b - y.b)
		})
	}
	return names, rows
}
