// Package export writes what an evidence pack states in the formats of others. It
// verifies nothing, and adds no number that the pack does not state.
package export

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Row is one score of a pack with the registration that it was scored under.
type Row struct {
	Label        string
	Published    string // as published, trailing zeros included; empty where only a result states it
	Scale        string // what the metric was multiplied by in Published
	Exact        string // p/q: of the result, or of the audit whose grades count in its place
	Regraded     bool
	Leaves       uint64
	Excluded     uint64
	Items        string
	Result       attest.Hash
	Registration *attest.Registration
	Announced    []byte // the registration's statement
	Harness      Harness
	Relation     string // of the evaluator to the lab, as the configuration has it; "" where the pack does not hold it
}

const unknown = "unknown"

// Rows returns the scores of a pack's claims, else of its releases, else of its
// results.
func Rows(p *attest.Pack) ([]Row, error) {
	byKind := map[string][]attest.Score{}
	var results []attest.Score
	for _, id := range p.IDs() {
		switch s := p.Entries[id].Statement.Predicate.(type) {
		case *attest.Claim:
			byKind["claim"] = append(byKind["claim"], s.Scores...)
		case *attest.Release:
			byKind["release"] = append(byKind["release"], s.Scores...)
		case *attest.Result:
			if s.Outcome != nil {
				results = append(results, attest.Score{Result: id})
			}
		}
	}
	scores := byKind["claim"]
	if len(scores) == 0 {
		scores = byKind["release"]
	}
	if len(scores) == 0 {
		scores = results
	}
	if len(scores) == 0 {
		return nil, errors.New("the pack states no score: want one of a claim, a release with scores, or a result")
	}
	rows := make([]Row, len(scores))
	for i, s := range scores {
		var err error
		if rows[i], err = row(p, s); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func row(p *attest.Pack, s attest.Score) (Row, error) {
	result, ok := predicate[*attest.Result](p, s.Result)
	if !ok || result.Outcome == nil {
		return Row{}, fmt.Errorf("row %q: the pack leaves out the result %s", s.Label, s.Result.Short())
	}
	id, _ := result.Ref(attest.RoleRegistration)
	registration, ok := predicate[*attest.Registration](p, id)
	if !ok {
		return Row{}, fmt.Errorf("row %q: the pack leaves out the registration of the result %s", s.Label, s.Result.Short())
	}
	r := Row{
		Label: s.Label, Published: padded(s), Scale: s.Scale, Exact: result.Score, Leaves: result.Leaves, Excluded: result.Excluded,
		Items: s.Items, Result: s.Result, Registration: registration, Announced: p.Entries[id].Statement.Payload,
	}
	if doc, err := p.Artifact(registration.Configuration); err == nil {
		r.Harness, r.Relation = readHarness(doc)
	}
	if r.Label == "" {
		r.Label = registration.TestsetName
	}
	if s.Regrade != nil {
		audit, ok := predicate[*attest.Audit](p, *s.Regrade)
		if !ok || audit.Regrade == nil {
			return Row{}, fmt.Errorf("row %q: the pack leaves out the regrade %s", s.Label, s.Regrade.Short())
		}
		r.Exact, r.Regraded = audit.Regrade.Score, true
	}
	return r, nil
}

func predicate[P attest.Predicate](p *attest.Pack, id attest.Hash) (P, bool) {
	var none P
	e, ok := p.Entries[id]
	if !ok {
		return none, false
	}
	said, ok := e.Statement.Predicate.(P)
	return said, ok
}

// padded is a score with the decimals that it was published with.
func padded(s attest.Score) string {
	if s.Score == "" {
		return ""
	}
	whole, fraction, _ := strings.Cut(s.Score, ".")
	if missing := s.Decimals - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// resultDecimals is how far a result's fraction is written out where nothing was
// published: the fraction itself goes beside it.
const resultDecimals = 6

// Value is the row's number in the metric's own unit, as a decimal: the published one
// where there is one, with its digits.
func (r Row) Value() (string, error) {
	if r.Published == "" {
		v, ok := new(big.Rat).SetString(r.Exact)
		if !ok {
			return "", fmt.Errorf("row %q: %q is no fraction", r.Label, r.Exact)
		}
		return v.FloatString(resultDecimals), nil
	}
	v, ok := new(big.Rat).SetString(r.Published)
	scale, fine := new(big.Rat).SetString(r.Scale)
	if !ok || !fine || scale.Sign() <= 0 {
		return "", fmt.Errorf("row %q: %q over %q is no number", r.Label, r.Published, r.Scale)
	}
	_, fraction, _ := strings.Cut(r.Published, ".")
	return v.Quo(v, scale).FloatString(len(fraction) + len(r.Scale) - 1), nil
}

// Note says, for a format's free text, what the row rests on.
func (r Row) Note(packDigest attest.Hash) string {
	note := fmt.Sprintf("Exact score %s from %d samples, of which the result excludes %d; Proctor result %s in the evidence pack with SHA-256 %s; not verified by this export: check it with \"proctor verify\".",
		r.Exact, r.Leaves, r.Excluded, r.Result, packDigest)
	if r.Items != "" {
		note = fmt.Sprintf("Over %s items, chosen by the registrant. %s", r.Items, note)
	}
	if r.Regraded {
		note = "Counts the grades of a later audit. " + note
	}
	if r.Registration.Retroactive {
		note = "Registered after the run. " + note
	}
	return note
}
