package verify

import (
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

// counted is what a scan makes of a run that was announced before the one that is
// judged, on the same set, and reported in this way.
func counted(t *testing.T, other hooks, report func(w *world, set, model *attest.Entry)) Runs {
	t.Helper()
	h := other
	h.early = func(w *world, set, model *attest.Entry) {
		outer := w.hooks
		report(w, set, model)
		w.hooks = outer
	}
	v, _ := newWorld(t, h).scanned(t)
	runs := v.Claims[0].Rows[0].Runs
	if runs == nil {
		t.Fatalf("no runs counted: %s", find(v.Claims[0].Rows[0].Checks, "completeness/registrations").Detail)
	}
	return *runs
}

// A run is reported when everybody can see that it was, item by item.
func TestReported(t *testing.T) {
	whole := func(w *world, set, model *attest.Entry) { w.report(w.register(set, model)) }
	change := func(change func(*world, *attest.Result)) func(w *world, set, model *attest.Entry) {
		return func(w *world, set, model *attest.Entry) {
			w.hooks.result = change
			whole(w, set, model)
		}
	}
	for _, tt := range []struct {
		name     string
		report   func(w *world, set, model *attest.Entry)
		reported bool
	}{
		{"with all its rows", whole, true},
		{"with another score", change(func(_ *world, p *attest.Result) { p.Score = "1/6" }), false},
		{"with another number of exclusions", change(func(_ *world, p *attest.Result) { p.Excluded = 1 }), false},
		{"with another root", change(func(_ *world, p *attest.Result) { p.Root = digest("another") }), false},
		{"without its rows", change(func(_ *world, p *attest.Result) { p.Rows.SHA256 = digest("rows") }), false},
		{"without its configuration", func(w *world, set, model *attest.Entry) {
			w.hooks.registration = func(_ *world, p *attest.Registration) { p.Configuration.SHA256 = digest("configuration") }
			whole(w, set, model)
		}, false},
		{"as abandoned", change(func(_ *world, p *attest.Result) { p.Outcome, p.Abandoned = nil, "too slow" }), false},
		{"of a metric that is not known", func(w *world, set, model *attest.Entry) {
			w.hooks.registration = func(_ *world, p *attest.Registration) { p.Metric.Name = "brilliance" }
			whole(w, set, model)
		}, true},
		{"on a version that a stranger made up in the owner's name", func(w *world, set, model *attest.Entry) {
			v := w.commitItems(sums(1))
			p := &attest.Testset{
				SetID: v.ID, Name: "sums", Fields: v.Fields, KeyMember: v.Key, Access: "private",
				Version:  attest.Version{Size: v.Size, Root: v.Root, Active: v.Active},
				Skeleton: w.pack.AddArtifact(testset.FormatSkeleton(v.Leaves), "application/vnd.proctor.skeleton", "skeleton"),
				Bitmap:   w.pack.AddArtifact(v.Bitmap, "application/vnd.proctor.bitmap", "bitmap"),
			}
			w.hooks.keyFor = func(string, string) string { return stranger }
			forged := w.add(owner, p)
			w.hooks.keyFor = nil
			w.log = append(w.log, forged)
			leaves := w.version
			w.version, w.hooks.grades = v, []string{"1"}
			whole(w, forged, model)
			w.version = leaves
		}, false},
	} {
		runs := counted(t, hooks{}, tt.report)
		if runs.Registered != 2 || runs.Reported != 1+bit(tt.reported) || runs.Undisclosed != 1-bit(tt.reported) {
			t.Errorf("a run that is reported %s: %+v", tt.name, runs)
		}
	}
}

// Somebody whom the policy knows, and who is no party, announces nothing in a lab's
// name. The lab's evaluator does, whoever it is.
func TestRegisteredByWhom(t *testing.T) {
	for issuer, want := range map[string]Runs{
		owner:    {Registered: 1, Reported: 1, Unknown: 1, Rank: 1, Compared: 1},
		otherLab: {Registered: 2, Reported: 1, Undisclosed: 1, Open: 1, Rank: 1, Compared: 1},
	} {
		got := counted(t, hooks{policy: knowsOtherLab(t)}, func(w *world, set, model *attest.Entry) {
			w.hooks.registration = func(w *world, p *attest.Registration) {
				q := *p
				if q.Refs = append([]attest.Ref(nil), p.Refs...); issuer == otherLab {
					q.Evaluator = otherLab
				}
				w.issue(issuer, &q)
			}
			w.register(set, model)
			last := len(w.log) - 1 // what register itself logged is not of interest
			delete(w.pack.Entries, w.log[last].Statement.ID)
			w.log, w.chains[evaluator] = w.log[:last], nil
		})
		if got != want {
			t.Errorf("registered by %s: %+v, want %+v", issuer, got, want)
		}
	}
}

// What withdraws the result of somebody whom the pack does not mention is found, also
// in a ledger that is read before the one with the run.
func TestWithdrawnByAnother(t *testing.T) {
	for _, withdrawn := range []bool{false, true} {
		w := newWorld(t, hooks{policy: func(s string) string { return twoLedgers(knowsOtherLab(t)(s)) }, early: func(w *world, set, model *attest.Entry) {
			outer := w.hooks
			w.hooks.registration = func(_ *world, p *attest.Registration) { p.Evaluator = otherLab }
			w.hooks.configure = func(c map[string]any) { c["evaluator"] = otherLab }
			w.hooks.reporter = otherLab
			id := w.report(w.register(set, model)).Statement.ID
			if withdrawn {
				w.issue(otherLab, &attest.Retraction{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: id}}}, Target: id, Reason: "bad"})
			}
			w.hooks = outer
		}})
		chain := w.chains[otherLab]
		w.elsewhere(chain[0])
		w.elsewhere(chain[1])
		second := (&world{t: t, origin: secondOrigin, log: chain[:2]}).ledger()
		first := w.ledger()
		for _, e := range chain {
			delete(w.pack.Entries, e.Statement.ID)
		}
		if c := w.scan(t, first, second)["completeness/registrations"]; (c.State == Proven) == withdrawn {
			t.Errorf("withdrawn %v: %s is %s: %s", withdrawn, c.Name, c.State, c.Detail)
		}
	}
}

// What is not there is said of every check that rests on it.
func TestLacks(t *testing.T) {
	for i, kind := range []string{"testset", "model", "registration", "result"} {
		w := newWorld(t, hooks{})
		delete(w.pack.Entries, w.log[i].Statement.ID)
		v := w.verify()
		got := states(v)
		for _, name := range []string{"identity/signed", "identity/role", "order/logged", "completeness/chains"} {
			if got[name] != Missing {
				t.Errorf("without the %s %s is %s", kind, name, got[name])
			}
		}
		if !v.Stale {
			t.Errorf("without the %s the verdict is not stale", kind)
		}
	}
}

// A key counts from when the policy trusts it, whoever dates a statement later.
func TestKeyFrom(t *testing.T) {
	for from, want := range map[time.Time]State{started: Proven, started.AddDate(0, 0, 1): Missing} {
		w := newWorld(t, hooks{policy: func(s string) string {
			pem := "pem = '''\n" + publicPEM(t, evaluator) + "'''\n"
			return inText(pem, pem+"from = "+from.Format(time.RFC3339)+"\n")(s)
		}})
		if got := states(w.verify())["identity/signed"]; got != want {
			t.Errorf("with a key from %s identity/signed is %s, want %s", from, got, want)
		}
	}
}

// A version has the fields of the one before, each of them.
func TestBeginsWithFields(t *testing.T) {
	q := &attest.Testset{Fields: []string{"question", "right answer"}, Version: attest.Version{Size: 1}}
	p := &attest.Testset{Fields: []string{"question right", "answer"}, Version: attest.Version{Size: 1}}
	if err := beginsWith(q, p); err == nil {
		t.Errorf("fields %q follow %q", p.Fields, q.Fields)
	}
	p.Fields = q.Fields
	if err := beginsWith(q, p); err != nil {
		t.Error(err)
	}
}
