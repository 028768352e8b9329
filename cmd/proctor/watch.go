package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unique"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

// watched is what a monitor says of statements, whatever ledgers they are in.
type watched struct {
	dir    string // of evidence
	policy *verify.Policy

	// read returns an entry of a ledger again.
	read func(ctx context.Context, origin string, index uint64) ([]byte, error)

	pending []seen                           // in a ledger whose entries are not proven yet to be those of its checkpoint
	numbers map[string]map[uint64]numberedAt // by issuer: the first statement of each number
	told    map[string]bool                  // events that were told
	entries []ledgerEntry                    // of registrations, results and retractions
	strange int                              // statements whose signer the policy does not know
	heads   map[string]time.Time             // by issuer: the newest beacon round that a head of its names
	now     func() time.Time
}

func newWatched(dir string, policy *verify.Policy, now func() time.Time) *watched {
	return &watched{dir: dir, policy: policy, now: now,
		numbers: map[string]map[uint64]numberedAt{}, told: map[string]bool{}, heads: map[string]time.Time{}}
}

// seen is what there is to remember of an entry.
type seen struct {
	numberedAt
	issuer    string // "": the entry is no statement, or one of somebody who is not known
	seq       uint64
	round     *attest.Round // of a head
	counted   *attest.Entry // what runs are counted by
	malformed string        // why it is no statement
}

// take looks at an entry of a ledger. Of issuers whom the policy does not know it says
// nothing: anybody can sign in their names. Nothing is made of it before settle: what a
// ledger serves accuses nobody until it is proven to be what the ledger signed.
func (w *watched) take(origin string, index uint64, data []byte) {
	s := seen{numberedAt: numberedAt{origin: origin, index: index}}
	if entry, err := attest.ParseEntry(data); err != nil {
		s.malformed = err.Error()
	} else if _, err := admit(w.policy, entry); err == nil {
		head := entry.Statement.Head()
		s.id, s.issuer, s.seq, s.counted = entry.Statement.ID, unique.Make(head.Issuer).Value(), head.Seq, light(entry.Statement)
		if _, ok := entry.Statement.Predicate.(*attest.ChainHead); ok {
			s.round = head.NotBefore
		}
	}
	w.pending = append(w.pending, s)
}

// drop forgets what was taken. It will be read again.
func (w *watched) drop() { w.pending = nil }

// settle remembers what was taken, and says what follows from it.
func (w *watched) settle(ctx context.Context) (events []monitored) {
	defer w.drop()
	for _, s := range w.pending {
		switch {
		case s.malformed != "":
			events = append(events, w.tell(monitored{Ledger: s.origin, Kind: "malformed", Detail: fmt.Sprintf("entry %d is no statement of this version: %s", s.index, s.malformed), code: exitContradicted})...)
			continue
		case s.issuer == "":
			w.strange++
			continue
		case s.round != nil:
			w.head(s.issuer, *s.round)
		case s.counted != nil:
			w.entries = append(w.entries, ledgerEntry{index: s.index, entry: s.counted})
		}
		numbers := w.numbers[s.issuer]
		if numbers == nil {
			numbers = map[uint64]numberedAt{}
			w.numbers[s.issuer] = numbers
		}
		first, ok := numbers[s.seq]
		if !ok {
			numbers[s.seq] = s.numberedAt
		} else if first.id != s.id {
			events = append(events, w.equivocation(ctx, first, s)...)
		}
	}
	return events
}

// numberedAt is where a statement is.
type numberedAt struct {
	id     attest.Hash
	origin string
	index  uint64
}

// equivocation tells of two statements of one issuer that have one number, and keeps
// them.
func (w *watched) equivocation(ctx context.Context, a numberedAt, b seen) []monitored {
	e := monitored{Ledger: b.origin, Kind: "equivocation", code: exitContradicted,
		Detail:   fmt.Sprintf("%s has given number %d to two statements, %s and %s", b.issuer, b.seq, a.id, b.id),
		Evidence: filepath.Join(w.dir, "equivocation-"+a.id.Short()+"-"+b.id.Short())}
	err := os.MkdirAll(e.Evidence, 0o755)
	for _, at := range []numberedAt{a, b.numberedAt} {
		var data []byte
		if err == nil {
			data, err = w.read(ctx, at.origin, at.index)
		}
		if err == nil {
			err = durable.WriteFile(filepath.Join(e.Evidence, at.id.String()+".sigstore.json"), data, 0o644)
		}
	}
	if err != nil {
		e.Detail, e.Evidence = fmt.Sprintf("%s; they could not be kept: %v", e.Detail, err), ""
	}
	return w.tell(e)
}

// head remembers when an issuer last said which statement is its newest. A round that
// has not come yet is nobody's.
func (w *watched) head(issuer string, round attest.Round) {
	beacon := w.policy.Beacon(round.Chain)
	if beacon == nil {
		return
	}
	at, err := beacon.Time(round.Round)
	if err == nil && !at.After(w.now().Add(w.policy.Skew)) && at.After(w.heads[issuer]) {
		w.heads[issuer] = at
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
