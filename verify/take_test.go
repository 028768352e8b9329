package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// kindsOf says of a list what kinds it has, by index.
func kindsOf(list []attest.Found) string {
	var kinds []string
	for _, f := range list {
		kinds = append(kinds, f.Kind)
	}
	return strings.Join(kinds, " ")
}

func take(t *testing.T, w *world, queries ...attest.Query) []Taken {
	t.Helper()
	taken, err := TakeInventories(t.Context(), w.policy(), judgedAt, queries, ledger.FS(w.ledger()))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range taken {
		if _, err := x.Inventory.Listed(nil); err != nil {
			t.Errorf("%s: %v", x.Inventory.Query, err)
		}
	}
	return taken
}

// Each question is answered with what bears on it, and with nothing else.
func TestTakeInventories(t *testing.T) {
	w := newWorld(t, hooks{early: func(w *world, set, model *attest.Entry) {
		w.hooks.keyFor = func(string, string) string { return stranger }
		w.log = append(w.log, w.signAs(evaluator, &attest.ChainHead{Header: attest.Header{Issuer: evaluator, Prev: digest("x"), Seq: 9, NotBefore: w.round(started)}, Newest: 8}))
		w.hooks.keyFor = nil
	}})
	result := w.chains[evaluator][1].Statement
	withdraw := w.issue(evaluator, &attest.Retraction{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: result.ID}}}, Target: result.ID, Reason: "bad"})
	w.log = append(w.log, w.log[0]) // a copy
	taken := take(t, w,
		attest.Query{Issuer: evaluator},
		attest.Query{SetID: w.version.ID, Lab: lab},
		attest.Query{SetID: w.version.ID, Lab: owner},
		attest.Query{Target: result.ID},
		attest.Query{Issuer: owner},
	)
	for i, want := range []string{"registration result head retraction", "registration result retraction", "", "release retraction", "testset head"} {
		if got := kindsOf(taken[i].Inventory.Found); got != want {
			t.Errorf("%s: found %q, want %q", taken[i].Inventory.Query, got, want)
		}
	}
	if n := taken[0].Inventory.Unknown; n != 1 {
		t.Errorf("%d statements are of unknown signers, want 1", n)
	}
	last := taken[1].Inventory.Found[2]
	if want := (attest.Found{ID: withdraw.Statement.ID, Index: last.Index, Issuer: evaluator, Kind: "retraction", Of: result.ID, Seq: 3}); last != want {
		t.Errorf("the retraction is listed as %s", cmp.Diff(want, last))
	}
}

// What follows from a statement is found wherever it is, and whatever comes first.
func TestTakeInventoriesOfTwo(t *testing.T) {
	w := newWorld(t, hooks{policy: twoLedgers})
	i := slices.IndexFunc(w.log, func(e *attest.Entry) bool { return e.Statement.Kind() == "registration" })
	second := w.elsewhere(w.log[i])
	q := attest.Query{SetID: w.version.ID, Lab: lab}
	taken, err := TakeInventories(t.Context(), w.policy(), judgedAt, []attest.Query{q}, ledger.FS(w.ledger()), ledger.FS(second))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := kindsOf(taken[0].Inventory.Found), kindsOf(taken[1].Inventory.Found); a != "result" || b != "registration" {
		t.Errorf("found %q and %q, want a result and a registration", a, b)
	}
}

// Two statements with one number are evidence, which the monitor hands on.
func TestTakeEquivocation(t *testing.T) {
	w := newWorld(t, hooks{})
	other := *w.chains[lab][0].Statement.Predicate.(*attest.Model)
	other.Name = "tiny-2"
	e := w.signAs(lab, &other)
	w.log = append(w.log, e)
	taken := take(t, w, attest.Query{Issuer: lab})[0]
	want := []attest.Equivocation{{Issuer: lab, Seq: 0, IDs: [2]attest.Hash{w.chains[lab][0].Statement.ID, e.Statement.ID}}}
	if diff := cmp.Diff(want, taken.Inventory.Equivocations); diff != "" {
		t.Errorf("equivocations: %s", diff)
	}
	if len(taken.Evidence) != 2 || taken.Evidence[1].Statement.ID != e.Statement.ID {
		t.Errorf("evidence: %d statements", len(taken.Evidence))
	}
}

func TestTakeRefuses(t *testing.T) {
	w := newWorld(t, hooks{})
	one := ledger.FS(w.ledger())
	none := newWorld(t, hooks{shown: func(w *world) []byte { return w.proofBy(0, uint64(len(w.log)), nil) }})
	for _, tt := range []struct {
		name    string
		query   attest.Query
		ledgers []ledger.Reader
		want    string
	}{
		{"an issuer who is not known", attest.Query{Issuer: stranger}, []ledger.Reader{one}, "does not know"},
		{"one ledger twice", attest.Query{Issuer: lab}, []ledger.Reader{one, one}, "two copies"},
		{"a tree without a quorum", attest.Query{Issuer: lab}, []ledger.Reader{ledger.FS(none.ledger())}, "would count nowhere"},
	} {
		if _, err := TakeInventories(t.Context(), w.policy(), judgedAt, []attest.Query{tt.query}, tt.ledgers...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("TakeInventories of %s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestQueries(t *testing.T) {
	w := newWorld(t, hooks{})
	want := []attest.Query{{SetID: w.version.ID, Lab: lab}, {Target: w.chains[lab][1].Statement.ID}, {Issuer: evaluator}, {Issuer: lab}, {Issuer: owner}}
	if diff := cmp.Diff(want, Queries(w.pack)); diff != "" {
		t.Errorf("Queries: %s", diff)
	}
}
