package verify

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

const secondOrigin = "ledger-2.example/log"

func twoLedgers(s string) string {
	return strings.Replace(s, "\nlog ", "\nlog "+vkey(secondOrigin, 1)+"\nlog ", 1)
}

// elsewhere takes an entry out of the ledger, and the pack, and puts it into another.
func (w *world) elsewhere(e *attest.Entry) fstest.MapFS {
	w.log = slices.DeleteFunc(w.log, func(other *attest.Entry) bool { return other == e })
	w.prove()
	delete(w.pack.Entries, e.Statement.ID)
	return (&world{t: w.t, origin: secondOrigin, log: []*attest.Entry{e}}).ledger()
}

func (w *world) scan(t *testing.T, ledgers ...fstest.MapFS) map[string]Check {
	t.Helper()
	var readers []ledger.Reader
	for _, l := range ledgers {
		readers = append(readers, ledger.FS(l))
	}
	scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, readers...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]Check{}
	for _, c := range v.Claims[0].Rows[0].Checks {
		checks[c.Name] = c
	}
	return checks
}

// An evaluator can log its first result where nobody looks: all ledgers of the policy
// are looked at, or nothing is said of what is not found.
func TestFirstResultElsewhere(t *testing.T) {
	h := forgeryNamed("withheld-result").hooks
	h.policy = twoLedgers
	w := newWorld(t, h)
	second := w.elsewhere(w.chains[evaluator][1])
	c := w.scan(t, w.ledger())["result/first"]
	if c.State != Attested {
		t.Errorf("one of two ledgers scanned: %s is %s: %s", c.Name, c.State, c.Detail)
	}
	if c := w.scan(t, w.ledger(), second)["result/first"]; c.State != Contradicted {
		t.Errorf("both ledgers scanned: %s is %s: %s", c.Name, c.State, c.Detail)
	}
}

// What withdraws a result can be in a ledger that was read before the result's.
func TestWithdrawnElsewhere(t *testing.T) {
	for _, withdrawn := range []bool{false, true} {
		var result *attest.Entry
		h := alsoReported(func(w *world, run *attest.Entry) {
			result = w.report(run)
			if withdrawn {
				id := result.Statement.ID
				w.issue(evaluator, &attest.Retraction{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: id}}}, Target: id, Reason: "bad"})
			}
		})
		policy := h.policy
		h.policy = func(s string) string { return twoLedgers(policy(s)) }
		w := newWorld(t, h)
		second := w.elsewhere(result)
		first := w.ledger()
		for _, e := range w.chains[evaluator] {
			if e.Statement.Kind() == "retraction" {
				delete(w.pack.Entries, e.Statement.ID)
			}
		}
		if c := w.scan(t, first, second)["completeness/registrations"]; (c.State == Proven) == withdrawn {
			t.Errorf("withdrawn %v: %s is %s: %s", withdrawn, c.Name, c.State, c.Detail)
		}
	}
}

// Of two copies of one ledger nobody could say which was scanned.
func TestOneLedgerTwice(t *testing.T) {
	w := newWorld(t, hooks{})
	one := ledger.FS(w.ledger())
	if _, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, one, one); err == nil || !strings.Contains(err.Error(), "two copies") {
		t.Errorf("ScanInto of a ledger and itself: %v", err)
	}
}

// An owner's earlier grants can be in a ledger that the policy does not know: its
// numbering tells.
func TestGrantsElsewhere(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		w := newWorld(t, later(func(h *hooks) {
			h.early = func(w *world, set, _ *attest.Entry) {
				if elsewhere {
					w.grant(set, nil, evaluator)
				} else {
					w.head(owner, headTime)
				}
			}
			h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(330 * time.Minute)) }
		}))
		if elsewhere {
			w.elsewhere(w.chains[owner][1])
		}
		if c := w.scan(t, w.ledger())["order/run-later"]; (c.State == Attested) == elsewhere {
			t.Errorf("an earlier grant elsewhere %v: %s is %s: %s", elsewhere, c.Name, c.State, c.Detail)
		}
	}
}

// A proof that was fetched late makes a deadline look closer, and the announcement
// later.
func TestDeadlineByLateProof(t *testing.T) {
	w := newWorld(t, hooks{registration: func(_ *world, p *attest.Registration) {
		p.Deadline = started.AddDate(0, 0, 100).Format(time.RFC3339)
	}})
	checks := func() map[string]State { return states(w.verify()) }
	if got := checks()["registration/terms"]; got != Contradicted {
		t.Errorf("registration/terms is %s, want contradicted", got)
	}
	w.log[2].Proof = w.proof(2, uint64(len(w.log)), headTime)
	if got := checks(); got["registration/terms"] != Proven || got["order/registered-before-result"] != Missing {
		t.Errorf("with a later proof registration/terms is %s and order/registered-before-result %s", got["registration/terms"], got["order/registered-before-result"])
	}
}

// A copy from before the score was published shows nothing of the runs until then.
func TestScannedTooEarly(t *testing.T) {
	w := newWorld(t, hooks{})
	early := &world{t: t, log: w.log[:4]}
	if c := w.scan(t, early.ledger())["completeness/registrations"]; c.State != Missing || !strings.Contains(c.Detail, "ends before the release") {
		t.Errorf("%s is %s: %s", c.Name, c.State, c.Detail)
	}
	w = newWorld(t, hooks{policy: twoLedgers})
	for at, want := range map[time.Time]State{started: Missing, headTime: Proven} {
		other := &world{t: t, origin: secondOrigin, log: w.log[:1], hooks: hooks{shown: func(w *world) []byte {
			return w.proofBy(0, 1, map[string]time.Time{witName: at})
		}}}
		if c := w.scan(t, w.ledger(), other.ledger())["completeness/registrations"]; c.State != want {
			t.Errorf("another ledger scanned as of %s: %s is %s: %s", at, c.Name, c.State, c.Detail)
		}
	}
}
