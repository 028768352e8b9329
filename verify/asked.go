package verify

import (
	"slices"
	"sort"

	"github.com/proctor-attest/proctor/attest"
)

// asked gathers what answers to a query, from one ledger or several.
type asked struct {
	query attest.Query
	found map[copyAt]attest.Found
	known map[attest.Hash]attest.Found // those found, in whatever ledger
	not   map[copyAt]bool              // that nobody known has signed
	later []finding                    // that answer if what they are about does
}

// copyAt is a statement in one of the ledgers.
type copyAt struct {
	id     attest.Hash
	ledger int
}

// finding is a statement that may answer to a query.
type finding struct {
	attest.Found
	ledger int
	signed bool
}

func newAsked(q attest.Query) *asked {
	return &asked{query: q, found: map[copyAt]attest.Found{}, known: map[attest.Hash]attest.Found{}, not: map[copyAt]bool{}}
}

// take looks at a statement, which counts where a key of its issuer's has signed it.
func (a *asked) take(ledger int, index uint64, s *attest.Statement, signed func() bool) {
	f := finding{Found: attest.Found{ID: s.ID, Index: index, Issuer: s.Head().Issuer, Kind: s.Kind(), Of: about(s), Seq: s.Head().Seq}, ledger: ledger}
	switch {
	case a.answers(s):
		f.signed = signed()
		a.add(f)
	case a.query.Lab != "" && !f.Of.IsZero():
		f.signed = signed()
		a.later = append(a.later, f)
	}
}

// add keeps the first copy of each statement in each ledger.
func (a *asked) add(f finding) {
	at := copyAt{f.ID, f.ledger}
	if !f.signed {
		a.not[at] = true
		return
	}
	if have, ok := a.found[at]; !ok || f.Index < have.Index {
		a.found[at] = f.Found
	}
	a.known[f.ID] = f.Found
}

// answers reports whether a statement answers to the query by itself.
func (a *asked) answers(s *attest.Statement) bool {
	q := a.query
	if q.Issuer != "" {
		return s.Head().Issuer == q.Issuer
	}
	if q.Lab != "" {
		p, ok := s.Predicate.(*attest.Registration)
		return ok && p.Testset.SetID == q.SetID && p.Lab == q.Lab && (p.Issuer == p.Lab || p.Issuer == p.Evaluator)
	}
	return about(s) == q.Target || slices.ContainsFunc(s.Head().Refs, func(r attest.Ref) bool { return r.ID == q.Target })
}

// about is the run, the result, the release or the statement that a statement is about.
func about(s *attest.Statement) attest.Hash {
	switch p := s.Predicate.(type) {
	case *attest.Result:
		return p.RunID
	case *attest.Audit:
		if p.Result.IsZero() {
			return p.Release
		}
		return p.Result
	case *attest.Retraction:
		return p.Target
	}
	return attest.Hash{}
}

// settle follows results to their runs, audits to their results, and retractions to
// what they withdraw: what is logged first can be about what is logged later.
func (a *asked) settle() {
	of := map[string][]string{"result": {"registration"}, "audit": {"result"}, "retraction": {"registration", "result", "audit"}}
	for _, kind := range []string{"result", "audit", "retraction"} {
		for _, f := range a.later {
			what, ok := a.known[f.Of]
			if ok && f.Kind == kind && slices.Contains(of[kind], what.Kind) && (kind != "retraction" || f.Issuer == what.Issuer) {
				a.add(f)
			}
		}
	}
	a.later = nil
}

// in lists what was found in one of the ledgers, and counts what else is there that
// nobody known has signed. A copy with a false signature hides nothing, and adds nothing.
func (a *asked) in(ledger int) (list []attest.Found, unknown uint64) {
	list = []attest.Found{}
	for at, f := range a.found {
		if at.ledger == ledger {
			list = append(list, f)
		}
	}
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	sort.Slice(list, func(i, j int) bool { return list[i].Index < list[j].Index })
	for at := range a.not {
		if _, ok := a.known[at.id]; !ok && at.ledger == ledger {
			unknown++
		}
	}
	return list, unknown
}
