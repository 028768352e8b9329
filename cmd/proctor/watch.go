package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
}

func newWatched(dir string, policy *verify.Policy) *watched {
	return &watched{dir: dir, policy: policy, admit: admission(policy),
		numbers: map[string]map[uint64]numberedAt{}, told: map[string]bool{}}
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
