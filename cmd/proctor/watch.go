package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

// watched is what a monitor says of statements, whatever ledgers they are in.
type watched struct {
	dir    string // of evidence
	policy *verify.Policy
	admit  func(context.Context, []byte) (string, error)

	// read returns an entry of a ledger again.
	read func(ctx context.Context, origin string, index uint64) ([]byte, error)

	numbers map[string]map[uint64]numberedAt // by issuer: the first statement of each number
	told    map[string]bool                  // events that were told
	entries []ledgerEntry                    // of registrations, results and retractions
	strange int                              // statements whose signer the policy does not know
	heads   map[string]time.Time             // by issuer: the newest beacon round that a head of its names
	now     func() time.Time
}

func newWatched(dir string, policy *verify.Policy, now func() time.Time) *watched {
	return &watched{dir: dir, policy: policy, admit: admission(policy), now: now,
		numbers: map[string]map[uint64]numberedAt{}, told: map[string]bool{}, heads: map[string]time.Time{}}
}

// take looks at an entry of a ledger. Of issuers whom the policy does not know it says
// nothing: anybody can sign in their names.
func (w *watched) take(ctx context.Context, origin string, index uint64, data []byte) ([]monitored, error) {
	entry, err := attest.ParseEntry(data)
	if err != nil {
		return w.tell(monitored{Ledger: origin, Kind: "malformed", Detail: fmt.Sprintf("entry %d is no statement of this version: %v", index, err), code: exitContradicted}), nil
	}
	if _, err := w.admit(ctx, data); err != nil {
		w.strange++
		return nil, nil
	}
	s := entry.Statement
	switch s.Predicate.(type) {
	case *attest.ChainHead:
		w.head(s)
	case *attest.Registration, *attest.Result, *attest.Retraction:
		w.entries = append(w.entries, ledgerEntry{index: index, entry: &attest.Entry{Statement: &attest.Statement{ID: s.ID, Predicate: s.Predicate}}})
	}
	head := s.Head()
	numbers := w.numbers[head.Issuer]
	if numbers == nil {
		numbers = map[uint64]numberedAt{}
		w.numbers[head.Issuer] = numbers
	}
	first, ok := numbers[head.Seq]
	switch {
	case !ok:
		numbers[head.Seq] = numberedAt{s.ID, origin, index}
	case first.id != s.ID:
		return w.equivocation(ctx, origin, first, entry)
	}
	return nil, nil
}

// numberedAt is where a statement is.
type numberedAt struct {
	id     attest.Hash
	origin string
	index  uint64
}

// equivocation keeps two statements of one issuer that have one number.
func (w *watched) equivocation(ctx context.Context, origin string, a numberedAt, b *attest.Entry) ([]monitored, error) {
	first, err := w.read(ctx, a.origin, a.index)
	if err != nil {
		return nil, err
	}
	head := b.Statement.Head()
	dir := filepath.Join(w.dir, "equivocation-"+a.id.Short()+"-"+b.Statement.ID.Short())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for id, data := range map[attest.Hash][]byte{a.id: first, b.Statement.ID: b.Bytes} {
		if err := durable.WriteFile(filepath.Join(dir, id.String()+".sigstore.json"), data, 0o644); err != nil {
			return nil, err
		}
	}
	return w.tell(monitored{Ledger: origin, Kind: "equivocation", Evidence: dir, code: exitContradicted,
		Detail: fmt.Sprintf("%s has given number %d to two statements, %s and %s", head.Issuer, head.Seq, a.id, b.Statement.ID)}), nil
}

// head remembers when an issuer last said which statement is its newest. A round that
// has not come yet is nobody's.
func (w *watched) head(s *attest.Statement) {
	head := s.Head()
	if head.NotBefore == nil {
		return
	}
	beacon := w.policy.Beacon(head.NotBefore.Chain)
	if beacon == nil {
		return
	}
	at, err := beacon.Time(head.NotBefore.Round)
	if err == nil && !at.After(w.now().Add(w.policy.Skew)) && at.After(w.heads[head.Issuer]) {
		w.heads[head.Issuer] = at
	}
}

// missingHeads are the labs of the policy that have statements in the ledgers that are
// followed, and no head as new as the policy wants it: what they registered last may
// not be there.
func (w *watched) missingHeads(origin string) (events []monitored) {
	for _, i := range w.policy.Issuers {
		if !slices.Contains(i.Roles, verify.RoleLab) || len(w.numbers[i.URI]) == 0 {
			continue
		}
		at, ok := w.heads[i.URI]
		e := monitored{Ledger: origin, Kind: "missing-head", code: exitGaps}
		switch {
		case !ok:
			e.Detail = fmt.Sprintf("%s has not said which of its statements is the newest", i.URI)
		case w.now().Sub(at) > w.policy.Fresh:
			e.Detail = fmt.Sprintf("%s last said at %s or later which of its statements is the newest; the policy wants that within %s", i.URI, at.UTC().Format(time.RFC3339), w.policy.Fresh)
		default:
			continue
		}
		events = append(events, w.tell(e)...)
	}
	return events
}

// overdue are the labs that have not reported what was registered in their names.
func (w *watched) overdue(origin string, now time.Time) (events []monitored) {
	for _, t := range count(w.entries, now) {
		if t.Overdue > 0 {
			events = append(events, w.tell(monitored{Ledger: origin, Kind: "overdue", code: exitGaps,
				Detail: fmt.Sprintf("%s on %s: %d of %d registered runs have no result, and their deadline has passed", t.Lab, t.Set, t.Overdue, t.Registered)})...)
		}
	}
	return events
}

// tell lets an event through once.
func (w *watched) tell(e monitored) []monitored {
	key := e.Kind + "\x00" + e.Detail
	if w.told[key] {
		return nil
	}
	w.told[key] = true
	return []monitored{e}
}
