package verify

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// Taken is an inventory of one ledger, for a monitor to sign: it has no header yet.
type Taken struct {
	Inventory *attest.Inventory // with Found, however long that is
	AsOf      time.Time         // the oldest cosignature of the ledger's tree
	Evidence  []*attest.Entry   // both statements of each equivocation
}

// TakeInventories reads whole ledgers once and answers queries, each for all ledgers: a
// run's registration can be in one and its result in another. Statements count under
// the policy's keys. The answers come query by query, in the order of the ledgers. A
// ledger whose tree has no quorum is an error: nobody could take an inventory of it for
// one of the ledger that everybody sees.
func TakeInventories(ctx context.Context, policy *Policy, at time.Time, queries []attest.Query, ledgers ...ledger.Reader) ([]Taken, error) {
	all := make([]*asked, len(queries))
	for i, q := range queries {
		if q.Issuer != "" && policy.Issuer(q.Issuer) == nil {
			return nil, fmt.Errorf("the policy does not know %s: which statements are its own cannot be told", q.Issuer)
		}
		all[i] = newAsked(q)
	}
	scans := make([]Scan, len(ledgers))
	for i, r := range ledgers {
		if err := policy.ask(ctx, r, at, i, &scans[i], all); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(scans[:i], func(s Scan) bool { return s.Origin == scans[i].Origin }) {
			return nil, fmt.Errorf("two copies of the ledger %s: give one", scans[i].Origin)
		}
	}
	var out []Taken
	for _, a := range all {
		a.settle()
		for i, r := range ledgers {
			taken, err := scans[i].taken(ctx, r, a, i)
			if err != nil {
				return nil, err
			}
			out = append(out, taken)
		}
	}
	return out, nil
}

// ask has queries look at each statement of a ledger.
func (p *Policy) ask(ctx context.Context, r ledger.Reader, at time.Time, number int, scan *Scan, all []*asked) error {
	err := p.walk(ctx, r, at.Add(p.Skew), scan, func(index uint64, e *attest.Entry) error {
		var signed, looked bool
		for _, a := range all {
			a.take(number, index, e.Statement, func() bool {
				if !looked {
					signed, looked = p.signs(e), true
				}
				return signed
			})
		}
		return nil
	})
	if err == nil && scan.Why != "" {
		err = fmt.Errorf("an inventory of %s would count nowhere: %s", scan.Origin, scan.Why)
	}
	return err
}

// taken makes an inventory of what was found in one ledger.
func (s *Scan) taken(ctx context.Context, r ledger.Reader, a *asked, number int) (Taken, error) {
	found, unknown := a.in(number)
	cp := s.checkpoint
	t := Taken{AsOf: s.AsOf, Inventory: &attest.Inventory{
		Ledger: cp.Origin, Size: cp.Size, Root: cp.Root, Checkpoint: string(cp.Signed),
		Query: a.query, Found: found, Equivocations: attest.Equivocations(found), Unknown: unknown,
	}}
	for _, pair := range t.Inventory.Equivocations {
		for _, id := range pair.IDs {
			e, err := entryAt(ctx, r, a.found[copyAt{id, number}].Index, cp.Size)
			if err != nil {
				return t, err
			}
			t.Evidence = append(t.Evidence, e)
		}
	}
	return t, nil
}

// entryAt reads one entry again.
func entryAt(ctx context.Context, r ledger.Reader, index, size uint64) (*attest.Entry, error) {
	for data, err := range ledger.Entries(ctx, r, index, size) {
		if err != nil {
			return nil, err
		}
		return attest.ParseEntry(bytes.Clone(data))
	}
	return nil, fmt.Errorf("entry %d is outside a tree of %d", index, size)
}

// Queries are those whose answers bear on the scores that a pack publishes: of every
// party's statements, of the lab's runs on each test set, and of audits of releases.
func Queries(p *attest.Pack) []attest.Query {
	var queries []attest.Query
	add := func(q attest.Query) {
		if !slices.Contains(queries, q) {
			queries = append(queries, q)
		}
	}
	for _, id := range p.IDs() {
		s := p.Entries[id].Statement
		switch p := s.Predicate.(type) {
		case *attest.Registration:
			add(attest.Query{SetID: p.Testset.SetID, Lab: p.Lab})
		case *attest.Release:
			add(attest.Query{Target: s.ID}) // audits of what it published
		case *attest.Testset, *attest.Model, *attest.Result, *attest.Claim, *attest.Audit:
		default:
			continue
		}
		add(attest.Query{Issuer: s.Head().Issuer})
	}
	slices.SortStableFunc(queries, func(a, b attest.Query) int { return cmp.Compare(a.String(), b.String()) })
	return queries
}
