package challenge

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// Plan says which leaves of a result are to be opened. Everybody who has the result's
// rows and the round makes the same (PROTOCOL §6).
type Plan struct {
	Challenge attest.Hash
	Strata    []Stratified // excluded, credited, uncredited
	Open      []uint64     // positions in the result's tree, ascending
}

// Stratified is one stratum of a result, and what was drawn of it.
type Stratified struct {
	Name   string
	Leaves uint64   // that it has
	Drawn  []uint64 // positions in the result's tree, in the order drawn
}

// NewPlan draws min(k, leaves) of each stratum of the rows. Where the metric is not a
// mean over leaves, all leaves of the drawn items are opened.
func NewPlan(result, chain attest.Hash, round Round, rows []run.Row, metric attest.Metric, k uint64) (*Plan, error) {
	if k == 0 {
		return nil, errors.New("a challenge of no leaves shows nothing")
	}
	strata, err := stratify(rows, metric)
	if err != nil {
		return nil, err
	}
	p := &Plan{Challenge: Seed(result, chain, round)}
	for _, name := range strataNames {
		leaves := strata[name]
		s := Stratified{Name: name, Leaves: uint64(len(leaves))}
		for _, at := range Sample(Stratum(p.Challenge, name), s.Leaves, k) {
			s.Drawn = append(s.Drawn, leaves[at])
		}
		p.Strata = append(p.Strata, s)
		p.Open = append(p.Open, s.Drawn...)
	}
	slices.Sort(p.Open)
	if !IsMean(metric) {
		p.Open = wholeItems(rows, p.Open)
	}
	return p, nil
}

// IsMean reports whether a metric is a mean over the leaves of a result, each of which
// counts the same.
func IsMean(m attest.Metric) bool { return !m.Binary() && m.Parameters["reduce"] == "" }

// stratify returns the positions of the rows of each stratum, in tree order.
func stratify(rows []run.Row, metric attest.Metric) (map[string][]uint64, error) {
	worst, err := attest.ParseDecimal(metric.Worst())
	if err != nil {
		return nil, fmt.Errorf("the metric's worst grade: %w", err)
	}
	var positions [3][]uint64
	var last string // grade, and its stratum: neighbours are often alike
	stratum := -1
	known := map[string]int{}
	for i := range rows {
		if g := rows[i].Grade; stratum < 0 || g != last {
			var ok bool
			if stratum, ok = known[g]; !ok {
				if stratum, err = stratumOf(g, worst, metric.Better == "lower"); err != nil {
					return nil, fmt.Errorf("row %d: %w", i, err)
				}
				if len(known) < 1<<12 { // most metrics have two grades
					known[g] = stratum
				}
			}
			last = g
		}
		if positions[stratum] == nil {
			positions[stratum] = make([]uint64, 0, len(rows)-i)
		}
		positions[stratum] = append(positions[stratum], uint64(i))
	}
	strata := map[string][]uint64{}
	for i, name := range strataNames {
		strata[name] = positions[i]
	}
	return strata, nil
}

// strataNames are in the order in which plans list them.
var strataNames = []string{Excluded, Credited, Uncredited}

func stratumOf(grade string, worst *big.Rat, lower bool) (int, error) {
	if attest.CheckDecimal(grade) != nil {
		return slices.Index(strataNames, Excluded), nil
	}
	g, err := attest.ParseDecimal(grade)
	if err != nil {
		return 0, err
	}
	if c := g.Cmp(worst); lower && c < 0 || !lower && c > 0 {
		return slices.Index(strataNames, Credited), nil
	}
	return slices.Index(strataNames, Uncredited), nil
}

// wholeItems adds to the positions those of all other samples of the same items. Rows
// are in the order of their items.
func wholeItems(rows []run.Row, open []uint64) (all []uint64) {
	next := uint64(0) // position that is not decided
	for _, at := range open {
		if at < next {
			continue
		}
		first := at
		for first > next && rows[first-1].Item == rows[at].Item {
			first--
		}
		for next = first; next < uint64(len(rows)) && rows[next].Item == rows[at].Item; next++ {
			all = append(all, next)
		}
	}
	return all
}
