package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// Scan says that every entry of a ledger was read, up to a checkpoint.
type Scan struct {
	Origin string
	Size   uint64
	AsOf   time.Time // the oldest cosignature of the checkpoint; zero if it has no quorum
	Why    string    // why AsOf is zero
	Added  int       // statements that the pack left out

	checkpoint ledger.Checkpoint
}

// ScanInto reads whole ledgers, or copies of them, and adds to the pack what they
// hold that bears on it and that it leaves out: statements of its issuers,
// registrations on its test sets, and what became of those. What is added counts as
// the pack's own statements do, under keys and a quorum of the policy. A copy in the
// pack that does not count gives way to the ledger's.
func ScanInto(ctx context.Context, p *attest.Pack, policy *Policy, at time.Time, ledgers ...ledger.Reader) ([]Scan, error) {
	s := &scanner{pack: p, policy: policy, at: at.Add(policy.Skew), added: map[attest.Hash]bool{}, shown: map[string]ledger.Checkpoint{}}
	for _, e := range p.Entries {
		s.note(e)
		if v, err := policy.Ledger.Verify(e.Bytes, e.Proof, s.at); err == nil {
			c := ledger.Checkpoint{Origin: v.Origin, Size: v.Size, Root: v.Root}
			s.shown[c.String()] = c
		}
		if p, ok := e.Statement.Predicate.(*attest.Inventory); ok {
			if _, err := policy.Ledger.VerifyCheckpoint([]byte(p.Checkpoint), s.at); err == nil {
				c := ledger.Checkpoint{Origin: p.Ledger, Size: p.Size, Root: p.Root}
				s.shown[c.String()] = c
			}
		}
	}
	scans := make([]Scan, len(ledgers))
	// Registrations first: a result may be in another ledger than its registration, and
	// what audits or withdraws it in another again.
	for _, wanted := range []func(*attest.Entry) bool{s.ofIssuersOrSets, s.ofRuns, s.audits, s.withdrawals} {
		for i, r := range ledgers {
			if err := s.scan(ctx, r, &scans[i], wanted); err != nil {
				return nil, err
			}
		}
	}
	for i := range scans {
		if slices.ContainsFunc(scans[:i], func(other Scan) bool { return other.Origin == scans[i].Origin }) {
			return nil, fmt.Errorf("two copies of the ledger %s: give one", scans[i].Origin)
		}
		if err := s.compare(ctx, ledgers[i], &scans[i]); err != nil {
			return nil, err
		}
	}
	return scans, nil
}

type scanner struct {
	pack    *attest.Pack
	policy  *Policy
	at      time.Time
	shown   map[string]ledger.Checkpoint // those under which the pack's own proofs are, by what they say
	issuers map[string]bool
	sets    map[attest.Hash]bool
	runs    map[attest.Hash]bool
	added   map[attest.Hash]bool
}

// note remembers what a statement of the pack is about.
func (s *scanner) note(e *attest.Entry) {
	if s.issuers == nil {
		s.issuers, s.sets, s.runs = map[string]bool{}, map[attest.Hash]bool{}, map[attest.Hash]bool{}
	}
	if _, ok := e.Statement.Predicate.(*attest.Inventory); ok {
		return // a monitor's many statements are about others
	}
	s.issuers[e.Statement.Head().Issuer] = true
	switch p := e.Statement.Predicate.(type) {
	case *attest.Testset:
		s.sets[p.SetID] = true
	case *attest.Registration:
		s.sets[p.Testset.SetID] = true
		s.runs[e.Statement.ID] = true
	}
}

func (s *scanner) ofIssuersOrSets(e *attest.Entry) bool {
	p, ok := e.Statement.Predicate.(*attest.Registration)
	return s.issuers[e.Statement.Head().Issuer] || ok && s.sets[p.Testset.SetID]
}

// ofRuns wants what became of runs.
func (s *scanner) ofRuns(e *attest.Entry) bool {
	p, ok := e.Statement.Predicate.(*attest.Result)
	return ok && s.runs[p.RunID]
}

func (s *scanner) audits(e *attest.Entry) bool {
	p, ok := e.Statement.Predicate.(*attest.Audit)
	return ok && (s.pack.Entries[p.Result] != nil || s.pack.Entries[p.Release] != nil)
}

func (s *scanner) withdrawals(e *attest.Entry) bool {
	p, ok := e.Statement.Predicate.(*attest.Retraction)
	return ok && s.pack.Entries[p.Target] != nil
}

// compare holds the ledger that was scanned against the checkpoints under which the
// pack's proofs are. A ledger that has shown two histories has hidden something in one
// of them, and its witnesses did not notice, or did not tell.
func (s *scanner) compare(ctx context.Context, r ledger.Reader, scan *Scan) error {
	for _, said := range slices.Sorted(maps.Keys(s.shown)) {
		c := s.shown[said]
		if c.Origin != scan.Origin || c.Size > scan.Size {
			continue
		}
		err := ledger.CheckConsistent(ctx, r, c, scan.checkpoint)
		if errors.Is(err, ledger.ErrRollback) {
			scan.AsOf, scan.Why = time.Time{}, "the pack's proofs are under another history: "+err.Error()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) scan(ctx context.Context, r ledger.Reader, into *Scan, wanted func(*attest.Entry) bool) error {
	return s.policy.walk(ctx, r, s.at, into, func(index uint64, entry *attest.Entry) error {
		id := entry.Statement.ID
		if s.added[id] || !wanted(entry) || !s.policy.signs(entry) {
			return nil
		}
		if have := s.pack.Entries[id]; have != nil && s.policy.standing(have, s.at).counts() {
			return nil
		}
		cp := into.checkpoint
		hashes, err := ledger.ProveInclusion(ctx, r, cp.Size, index)
		if err != nil {
			return err
		}
		entry.Proof = ledger.FormatProof(ledger.Proof{Index: index, Hashes: hashes, Checkpoint: cp.Signed})
		if s.pack.Entries[id] == nil {
			into.Added++
		}
		s.pack.Entries[id], s.added[id] = entry, true
		s.note(entry)
		return nil
	})
}

// issuers are those on whose statements the row rests.
func (r *rowJudge) issuers() []string {
	var list []string
	for _, s := range r.relied() {
		list = append(list, s.issuer())
	}
	return list
}

func (j *judge) scanOf(origin string) *Scan {
	for i := range j.opts.Scans {
		if j.opts.Scans[i].Origin == origin {
			return &j.opts.Scans[i]
		}
	}
	return nil
}
