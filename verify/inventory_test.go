package verify

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// judged is the first row of the pack's first claim.
func (w *world) judged(t *testing.T, opts Options) (*Verdict, map[string]Check) {
	t.Helper()
	opts.At = judgedAt
	v, err := Pack(t.Context(), w.pack, w.policy(), opts)
	if err != nil {
		t.Fatal(err)
	}
	checkWords(t, v)
	checks := map[string]Check{}
	for _, c := range v.Claims[0].Rows[0].Checks {
		checks[c.Name] = c
	}
	return v, checks
}

// What a monitor says takes the place of a scan, as its word.
func TestInventoriesAttest(t *testing.T) {
	w := newWorld(t, told(nil))
	v, checks := w.judged(t, Options{})
	if v.Headline != Supported || v.Facets[Completeness] != 2 {
		t.Errorf("the verdict is %s %s", v.Headline, v.Facets)
	}
	for _, name := range []string{"completeness/registrations", "statement/one-branch", "retraction/none", "result/first"} {
		c := checks[name]
		if c.State != Attested || c.By != monitor || !strings.Contains(c.Detail, monitor+" (ledger.example/log at size 8)") || len(c.Evidence) == 0 {
			t.Errorf("%s is %s by %q: %s", name, c.State, c.By, c.Detail)
		}
	}
	if !slices.ContainsFunc(v.Trusting, func(s string) bool { return strings.HasPrefix(s, "monitor "+monitor) }) {
		t.Errorf("the verdict does not say that the monitor is trusted: %q", v.Trusting)
	}
	if want := (Runs{Registered: 1, Reported: 1, Rank: 1, Compared: 1}); *v.Claims[0].Rows[0].Runs != want {
		t.Errorf("runs are %+v", *v.Claims[0].Rows[0].Runs)
	}
}

// "r of n reported", without a copy of any ledger.
func TestToldOfRuns(t *testing.T) {
	f := forgeryNamed("told-of-run")
	v, checks := newWorld(t, f.hooks).judged(t, Options{})
	if got, want := *v.Claims[0].Rows[0].Runs, (Runs{Registered: 2, Reported: 1, Left: 1, Undisclosed: 1, Rank: 1, Compared: 1}); got != want {
		t.Errorf("runs are %+v, want %+v", got, want)
	}
	if c := checks["completeness/registrations"]; !strings.HasPrefix(c.Detail, "1 of 2 runs") || !strings.Contains(c.Detail, monitor+" lists statement 0 of "+evaluator) {
		t.Errorf("%s: %s", c.Name, c.Detail)
	}
	// Who permits one run that is not reported is content.
	permits := f.hooks
	permits.policy = thenMonitored(inText(`level = "CAL-1"`, "level = \"CAL-1\"\nmax_undisclosed = 1"))
	if _, checks := newWorld(t, permits).judged(t, Options{}); checks["completeness/registrations"].State != Attested {
		t.Errorf("with one permitted: %v", checks["completeness/registrations"])
	}
}

// A scan is better than anybody's word, and finds out who told something else.
func TestScanBeatsInventory(t *testing.T) {
	made := attest.Found{ID: digest("made up"), Index: 0, Issuer: evaluator, Kind: "registration", Seq: 77}
	for name, change := range map[string]func(*world, *attest.Inventory){
		"lists the registration": func(_ *world, p *attest.Inventory) {
			if p.Query.Lab != "" {
				p.Found = append([]attest.Found{made}, p.Found...)
			}
		},
		"leaves out the registration": func(_ *world, p *attest.Inventory) {
			without(p, func(f attest.Found) bool { return f.Kind == "registration" })
		},
	} {
		w := newWorld(t, told(change))
		scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
		if err != nil {
			t.Fatal(err)
		}
		v, checks := w.judged(t, Options{Scans: scans})
		if c := checks["completeness/registrations"]; c.State != Proven {
			t.Errorf("%s: %s is %s: %s", name, c.Name, c.State, c.Detail)
		}
		if !slices.ContainsFunc(v.NotShown, func(s string) bool { return strings.Contains(s, "does not count: it "+name) }) {
			t.Errorf("%s: nobody is told: %q", name, v.NotShown)
		}
	}
}

// Every ledger of the policy is known, by a scan or by an inventory.
func TestInventoryOfEachLedger(t *testing.T) {
	w := newWorld(t, hooks{policy: thenMonitored(twoLedgers)})
	i := slices.IndexFunc(w.log, func(e *attest.Entry) bool { return e.Statement.Kind() == "testset" })
	set := w.log[i]
	second := w.elsewhere(set)
	w.pack.Entries[set.Statement.ID] = set
	first := w.ledger()
	tell := func(ledgers ...fstest.MapFS) {
		for _, e := range w.chains[monitor] {
			delete(w.pack.Entries, e.Statement.ID)
		}
		w.chains[monitor], w.log = nil, w.log[:7]
		var readers []ledger.Reader
		for _, l := range ledgers {
			readers = append(readers, ledger.FS(l))
		}
		taken, err := TakeInventories(t.Context(), w.policy(), judgedAt, Queries(w.pack), readers...)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range taken {
			x.Inventory.NotBefore = w.round(headTime)
			w.issue(monitor, x.Inventory)
		}
		w.prove()
		set.Proof = (&world{t: t, origin: secondOrigin, log: []*attest.Entry{set}}).proof(0, 1, started)
	}
	tell(first)
	if _, checks := w.judged(t, Options{}); checks["completeness/registrations"].State != Missing || !strings.Contains(checks["completeness/registrations"].Detail, "no inventory says what "+secondOrigin) {
		t.Errorf("with an inventory of one of two: %v", checks["completeness/registrations"])
	}
	tell(first, second)
	if _, checks := w.judged(t, Options{}); checks["completeness/registrations"].State != Attested {
		t.Errorf("with inventories of both: %v", checks["completeness/registrations"])
	}
	other := w.signAs(stranger, &attest.Claim{Header: attest.Header{Issuer: stranger}, Text: "nothing", Scores: w.sums("0")})
	other.Proof = (&world{t: t, origin: secondOrigin, log: []*attest.Entry{other}}).proof(0, 1, started)
	w.pack.Entries[other.Statement.ID] = other
	if _, checks := w.judged(t, Options{}); !strings.Contains(checks["completeness/registrations"].Detail, "has two histories") {
		t.Errorf("where one of the ledgers has two histories: %v", checks["completeness/registrations"])
	}
	delete(w.pack.Entries, other.Statement.ID)
	tell(first)
	scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(second))
	if err != nil {
		t.Fatal(err)
	}
	if _, checks := w.judged(t, Options{Scans: scans}); checks["completeness/registrations"].State != Attested {
		t.Errorf("with an inventory of one and a scan of the other: %v", checks["completeness/registrations"])
	}
}

// A lab's runs under its other names are asked for too.
func TestInventoriesOfAliases(t *testing.T) {
	const alias = "https://alias.example"
	aliased := thenMonitored(inText(`roles = ["lab"]`, "roles = [\"lab\"]\naliases = [\""+alias+"\"]"))
	w := newWorld(t, hooks{policy: aliased, pack: tells(nil)})
	if _, checks := w.judged(t, Options{}); checks["completeness/registrations"].State != Missing || !strings.Contains(checks["completeness/registrations"].Detail, "runs of "+alias) {
		t.Errorf("without the alias's runs: %v", checks["completeness/registrations"])
	}
	w = newWorld(t, hooks{policy: aliased, pack: func(w *world) {
		tells(nil)(w)
		tells(func(_ *world, p *attest.Inventory) {
			if p.Query.Lab != "" {
				p.Query.Lab, p.Found = alias, []attest.Found{}
			}
		})(w)
	}})
	if _, checks := w.judged(t, Options{}); checks["completeness/registrations"].State != Attested {
		t.Errorf("with the alias's runs: %v", checks["completeness/registrations"])
	}
}

// Why an inventory does not count is said where it is missed.
func TestInventoryReasons(t *testing.T) {
	for name, want := range map[string]string{
		"inventory-no-quorum":  "quorum not met",
		"inventory-no-list":    "its list is not in the pack",
		"inventory-old":        "inventory of " + monitor + " is from",
		"inventory-other-tree": "its checkpoint is of another tree than it says",
		"inventory-early":      "its tree, of 4 entries, ends before the release that is judged",
		"monitor-of-the-lab":   "its issuer is not known to be independent of the parties",
		"no-monitor":           "the policy does not let " + monitor + " issue inventory statements (role monitor)",
		"inventory-of-another": "no inventory says what ledger.example/log holds of runs of " + lab,
	} {
		_, checks := newWorld(t, forgeryNamed(name).hooks).judged(t, Options{})
		if c := checks["completeness/registrations"]; !strings.Contains(c.Detail, want) {
			t.Errorf("%s: %q, want %q", name, c.Detail, want)
		}
	}
}

// A list beside the statement is read as one inside it.
func TestInventoryList(t *testing.T) {
	f := forgeryNamed("told-of-run")
	h := f.hooks
	h.pack = func(w *world) {
		tells(func(w *world, p *attest.Inventory) {
			list, err := attest.FormatFound(p.Found)
			if err != nil {
				t.Fatal(err)
			}
			a := w.pack.AddArtifact(list, attest.InventoryType, "inventory.jsonl")
			p.Found, p.List = nil, &a
		})(w)
		delete(w.pack.Entries, w.chains[evaluator][0].Statement.ID)
	}
	v, _ := newWorld(t, h).judged(t, Options{})
	if runs := v.Claims[0].Rows[0].Runs; runs == nil || runs.Left != 1 {
		t.Errorf("runs are %+v", runs)
	}
}

// A fresh inventory shows as well as a head that nothing was withdrawn, though the chain
// ends.
func TestInventoryInPlaceOfHead(t *testing.T) {
	for _, with := range []bool{true, false} {
		h := hooks{policy: monitored, pack: func(w *world) {
			if with {
				tells(nil)(w)
			}
			last := w.chains[lab][len(w.chains[lab])-1]
			delete(w.pack.Entries, last.Statement.ID)
		}}
		v, checks := newWorld(t, h).judged(t, Options{})
		if v.Stale == with || checks["completeness/chains"].State != Missing || (checks["retraction/none"].State == Attested) != with {
			t.Errorf("inventory %v: stale %v, chains %s, retractions %s", with, v.Stale, checks["completeness/chains"].State, checks["retraction/none"].State)
		}
	}
}

// A ledger that is scanned must be the one that monitors were shown: its witnesses have
// cosigned both.
func TestScanOfAnotherHistory(t *testing.T) {
	for _, forked := range []bool{false, true} {
		w := newWorld(t, hooks{policy: monitored, pack: func(w *world) {
			say := func(text string) *attest.Entry {
				return w.signAs(stranger, &attest.Claim{Header: attest.Header{Issuer: stranger}, Text: text, Scores: w.sums("0")})
			}
			n := len(w.log)
			w.log = append(w.log, say("shown to the monitor"))
			w.tell(w.pack, nil)
			if forked {
				w.log[n] = say("shown to who scans")
			}
			w.prove()
		}})
		scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
		if err != nil {
			t.Fatal(err)
		}
		_, checks := w.judged(t, Options{Scans: scans})
		if c := checks["completeness/registrations"]; (c.State == Proven) == forked {
			t.Errorf("forked %v: %s is %s: %s", forked, c.Name, c.State, c.Detail)
		}
	}
}
