package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/verify/report"
)

// mostExplored is how many statements a page lists.
const mostExplored = 200

// explorer shows a ledger to people. It remembers of each statement where it is and
// whose, and reads the rest when it is asked for.
type explorer struct {
	reader    ledger.Reader
	key       ledger.LogKey
	witnesses func() []ledger.WitnessKey
	now       func() time.Time
	log       *slog.Logger

	mu     sync.Mutex
	read   ledger.Checkpoint
	listed []explored
	byID   map[attest.Hash]int // into listed
	issuer map[string][]int
	set    map[attest.Hash][]int
	setOf  map[attest.Hash]attest.Hash // run → set
	runs   map[attest.Hash][]ledgerEntry
}

// explored is a statement in a list.
type explored struct {
	index  uint64
	id     attest.Hash
	kind   string
	issuer string
	seq    uint64
	name   string
	set    attest.Hash
}

func newExplorer(r ledger.Reader, key ledger.LogKey, witnesses func() []ledger.WitnessKey, now func() time.Time, log *slog.Logger) *explorer {
	return &explorer{reader: r, key: key, witnesses: witnesses, now: now, log: log,
		byID: map[attest.Hash]int{}, issuer: map[string][]int{}, set: map[attest.Hash][]int{},
		setOf: map[attest.Hash]attest.Hash{}, runs: map[attest.Hash][]ledgerEntry{}}
}

// register adds the explorer's pages.
func (x *explorer) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", x.page(x.newest))
	mux.HandleFunc("GET /issuer", x.page(x.byIssuer))
	mux.HandleFunc("GET /statement/{id}", x.page(x.statement))
	mux.HandleFunc("GET /testset/{id}", x.page(x.testset))
}

// page brings the index up to date and answers with a page, or 404 for nil.
func (x *explorer) page(make func(*http.Request) (*report.ExplorerPage, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		defer x.mu.Unlock()
		var body bytes.Buffer
		var p *report.ExplorerPage
		err := x.update(r.Context())
		if err == nil {
			p, err = make(r)
		}
		if err == nil && p != nil {
			p.Ledger = x.ledger()
			err = report.Explorer(&body, p)
		}
		switch {
		case err != nil:
			x.log.Error("explorer", "path", r.URL.Path, "why", err.Error())
			http.Error(rw, "the ledger cannot be read now", http.StatusInternalServerError)
		case p == nil:
			http.Error(rw, "not in this ledger", http.StatusNotFound)
		default:
			h := rw.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "max-age=5")
			rw.Write(body.Bytes())
		}
	}
}

// update reads what was added since the last time.
func (x *explorer) update(ctx context.Context) error {
	signed, err := x.reader.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	cp, err := x.key.Open(signed)
	if err != nil {
		return err
	}
	index := x.read.Size
	for data, err := range ledger.Entries(ctx, x.reader, index, cp.Size) {
		if err != nil {
			return err
		}
		x.add(index, data)
		index++
		x.read.Size = index
	}
	x.read = cp
	return nil
}

// add lists a statement; anything else that is in the ledger is passed over.
func (x *explorer) add(index uint64, data []byte) {
	entry, err := attest.ParseEntry(bytes.Clone(data))
	if err != nil {
		return
	}
	s := entry.Statement
	if _, again := x.byID[s.ID]; again {
		return // a copy
	}
	head := s.Head()
	e := explored{index: index, id: s.ID, kind: s.Kind(), issuer: head.Issuer, seq: head.Seq}
	if subjects := s.Predicate.Subjects(); len(subjects) > 0 {
		e.name = subjects[0].Name
	}
	e.set = x.setOfStatement(s)
	at := len(x.listed)
	x.listed = append(x.listed, e)
	x.byID[s.ID] = at
	x.issuer[e.issuer] = append(x.issuer[e.issuer], at)
	if e.set != (attest.Hash{}) {
		x.set[e.set] = append(x.set[e.set], at)
		if l := light(s); l != nil {
			x.runs[e.set] = append(x.runs[e.set], ledgerEntry{index: index, entry: l})
		}
	}
}

// setOfStatement finds the set that a statement is about, zeros for none.
func (x *explorer) setOfStatement(s *attest.Statement) attest.Hash {
	switch p := s.Predicate.(type) {
	case *attest.Testset:
		return p.SetID
	case *attest.Grant:
		return p.SetID
	case *attest.Registration:
		x.setOf[s.ID] = p.Testset.SetID
		return p.Testset.SetID
	case *attest.Result:
		return x.setOf[p.RunID]
	case *attest.Retraction:
		if at, ok := x.byID[p.Target]; ok {
			return x.listed[at].set
		}
	}
	return attest.Hash{}
}

func (x *explorer) ledger() report.ExplorerLedger {
	l := report.ExplorerLedger{Origin: x.read.Origin, Size: x.read.Size, Root: attest.Hash(x.read.Root).String()}
	for _, w := range x.witnesses() {
		if at, err := w.Cosigned(x.read.Signed); err == nil {
			l.Cosigned = append(l.Cosigned, report.ExplorerCosignature{Witness: w.Name, Age: fmt.Sprintf("%s ago", x.now().Sub(at).Truncate(time.Second))})
		}
	}
	return l
}

// list shows the newest of some statements, newest first.
func (x *explorer) list(at []int) (entries []report.ExplorerEntry, more int) {
	for _, i := range slices.Backward(at) {
		if len(entries) == mostExplored {
			return entries, len(at) - mostExplored
		}
		entries = append(entries, x.entry(x.listed[i]))
	}
	return entries, 0
}

func (x *explorer) entry(e explored) report.ExplorerEntry {
	out := report.ExplorerEntry{Index: e.index, ID: e.id.String(), Kind: e.kind, Issuer: e.issuer, Seq: e.seq, Name: e.name}
	if e.set != (attest.Hash{}) {
		out.SetID = e.set.String()
	}
	return out
}

func (x *explorer) newest(*http.Request) (*report.ExplorerPage, error) {
	all := make([]int, 0, mostExplored)
	for i := max(0, len(x.listed)-mostExplored); i < len(x.listed); i++ {
		all = append(all, i)
	}
	l := &report.ExplorerList{More: len(x.listed) - len(all)}
	l.Statements, _ = x.list(all)
	return &report.ExplorerPage{Title: x.read.Origin, Newest: l}, nil
}

func (x *explorer) byIssuer(r *http.Request) (*report.ExplorerPage, error) {
	uri := r.URL.Query().Get("uri")
	at := x.issuer[uri]
	if len(at) == 0 {
		return nil, nil
	}
	l := &report.ExplorerList{Issuer: uri}
	l.Statements, l.More = x.list(at)
	seen := map[uint64]bool{}
	for _, i := range at {
		if n := x.listed[i].seq; seen[n] && !slices.Contains(l.Twice, n) {
			l.Twice = append(l.Twice, n)
		} else {
			seen[n] = true
		}
	}
	return &report.ExplorerPage{Title: uri, Issuer: l}, nil
}

func (x *explorer) statement(r *http.Request) (*report.ExplorerPage, error) {
	id, err := attest.ParseHash(r.PathValue("id"))
	if err != nil {
		return nil, nil
	}
	at, ok := x.byID[id]
	if !ok {
		return nil, nil
	}
	e := x.listed[at]
	for data, err := range ledger.Entries(r.Context(), x.reader, e.index, x.read.Size) {
		if err != nil {
			return nil, err
		}
		entry, err := attest.ParseEntry(bytes.Clone(data))
		if err != nil {
			return nil, err
		}
		return x.statementPage(e, entry.Statement)
	}
	return nil, fmt.Errorf("entry %d is gone", e.index)
}

func (x *explorer) statementPage(e explored, s *attest.Statement) (*report.ExplorerPage, error) {
	text, err := json.MarshalIndent(s.Predicate, "", "  ")
	if err != nil {
		return nil, err
	}
	p := &report.ExplorerStatement{ExplorerEntry: x.entry(e), JSON: printable(string(text))}
	head := s.Head()
	if head.Prev != (attest.Hash{}) {
		p.Prev = head.Prev.String()
	}
	for _, ref := range head.Refs {
		p.Refs = append(p.Refs, report.ExplorerRef{Role: ref.Role, ID: ref.ID.String()})
	}
	title := e.kind
	if e.name != "" {
		title += " " + e.name
	}
	return &report.ExplorerPage{Title: title, Statement: p}, nil
}

func (x *explorer) testset(r *http.Request) (*report.ExplorerPage, error) {
	id, err := attest.ParseHash(r.PathValue("id"))
	if err != nil || len(x.set[id]) == 0 {
		return nil, nil
	}
	p := &report.ExplorerTestset{SetID: id.String(), Name: x.listed[x.set[id][0]].name}
	p.Statements, p.More = x.list(x.set[id])
	counts := count(x.runs[id], x.now())
	greatest := 0
	for _, t := range counts {
		greatest = max(greatest, t.Registered)
	}
	for _, t := range counts {
		p.Labs = append(p.Labs, report.ExplorerLab{Lab: t.Lab, Registered: t.Registered, Reported: t.Reported,
			Abandoned: t.Abandoned, Open: t.Open, Overdue: t.Overdue, Undisclosed: t.Undisclosed, Greatest: greatest})
	}
	return &report.ExplorerPage{Title: "test set " + p.Name, Testset: p}, nil
}
