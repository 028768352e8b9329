package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
)

// tally counts what a lab announced on a set.
type tally struct {
	Set        string `json:"testset"`
	SetID      string `json:"setID"`
	Lab        string `json:"lab"`
	Registered int    `json:"registered"`
	Reported   int    `json:"reported"`
	Abandoned  int    `json:"abandoned"`
	Open       int    `json:"open"`
	Overdue    int    `json:"overdue"`

	Undisclosed int `json:"undisclosed"` // all that are not reported
}

func (e *env) runLedgerCount(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	entries, _, err := h.readLedger(e.ctx)
	if err != nil {
		return err
	}
	counts := count(entries, e.now())
	if c.Bool("json") {
		return e.printJSON(map[string]any{"counts": counts})
	}
	for _, t := range counts {
		fmt.Fprintf(e.stdout, "%s, %s: %d registered, %d reported, %d undisclosed (%d abandoned, %d open, %d overdue)\n",
			t.Set, t.Lab, t.Registered, t.Reported, t.Undisclosed, t.Abandoned, t.Open, t.Overdue)
	}
	if len(counts) == 0 {
		fmt.Fprintln(e.stdout, "no registrations")
	}
	return nil
}

// count goes by statements: copies of one count once. Of a run's results the first of
// its evaluator counts, and one that was withdrawn reports nothing.
func count(entries []ledgerEntry, now time.Time) []tally {
	runs := map[attest.Hash]*attest.Registration{}
	var results []*attest.Statement
	withdrawn := map[attest.Hash]string{} // by whom
	for _, le := range entries {
		if le.entry == nil {
			continue
		}
		switch p := le.entry.Statement.Predicate.(type) {
		case *attest.Registration:
			runs[le.entry.Statement.ID] = p
		case *attest.Result:
			results = append(results, le.entry.Statement)
		case *attest.Retraction:
			withdrawn[p.Target] = p.Issuer
		}
	}
	first := firstResults(runs, results)
	by := map[string]*tally{}
	for id, reg := range runs {
		key := reg.Testset.SetID.String() + " " + reg.Lab
		t := by[key]
		if t == nil {
			t = &tally{Set: reg.TestsetName, SetID: reg.Testset.SetID.String(), Lab: reg.Lab}
			by[key] = t
		}
		t.add(reg, first[id], withdrawn, now)
	}
	list := []tally{}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		list = append(list, *by[key])
	}
	return list
}

// firstResults finds each run's result with the lowest number, by its evaluator.
func firstResults(runs map[attest.Hash]*attest.Registration, results []*attest.Statement) map[attest.Hash]*attest.Statement {
	first := map[attest.Hash]*attest.Statement{}
	for _, s := range results {
		id := s.Predicate.(*attest.Result).RunID
		reg := runs[id]
		if reg == nil || s.Head().Issuer != reg.Evaluator {
			continue
		}
		if have := first[id]; have == nil || s.Head().Seq < have.Head().Seq {
			first[id] = s
		}
	}
	return first
}

// add counts a run by what became of it.
func (t *tally) add(reg *attest.Registration, s *attest.Statement, withdrawn map[attest.Hash]string, now time.Time) {
	t.Registered++
	var result *attest.Result
	if s != nil && withdrawn[s.ID] != reg.Evaluator {
		result = s.Predicate.(*attest.Result)
	}
	if result != nil && result.Outcome != nil {
		t.Reported++
		return
	}
	t.Undisclosed++
	switch {
	case result != nil:
		t.Abandoned++
	case reg.Deadline < now.UTC().Format(time.RFC3339):
		t.Overdue++
	default:
		t.Open++
	}
}
