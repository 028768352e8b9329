package verify

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/ledger"
)

// add puts a statement into the pack that no policy has a key for, or that was not
// logged.
func (w *world) add(issuer string, p attest.Predicate) *attest.Entry {
	p.Head().Issuer = issuer
	e := w.signAs(issuer, p)
	w.pack.Entries[e.Statement.ID] = e
	return e
}

func (w *world) resultID() attest.Hash { return w.chains[evaluator][1].Statement.ID }

func (w *world) sums(score string) []attest.Score {
	return []attest.Score{{Label: "sums", Score: score, Decimals: 1, Scale: "100", Result: w.resultID()}}
}

// otherRelease has the lab release a second model, for which it publishes no score.
func otherRelease(w *world) {
	pkg := digest("package")
	w.issue(lab, &attest.Release{
		Name: "tiny-b", Published: []string{"https://hub.example/b"}, Package: &pkg,
		Model: weightsOf(w.t, []attest.RoleDigest{{Role: "weights", Digest: digest("other weights")}}),
	})
}

func secondReport(w *world) {
	again := *w.chains[evaluator][1].Statement.Predicate.(*attest.Result)
	w.issue(evaluator, &again)
}

// Whoever assembles a pack can add what he likes to it. It must not make what is
// honest contradicted, nor change what is said of it.
func TestStrangersRefuteNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hooks hooks
		junk  func(*world)
	}{
		{"a claim of another score", hooks{}, func(w *world) {
			w.add(stranger, &attest.Claim{Text: "tiny is bad at sums", Scores: w.sums("12.3")})
		}},
		{"a claim in the lab's name", hooks{}, func(w *world) {
			e := w.add(lab, &attest.Claim{Header: attest.Header{Seq: 2}, Text: "tiny is bad at sums", Scores: w.sums("12.3")})
			w.keyless(e)
		}},
		{"a claim that names another release", hooks{afterResult: otherRelease}, func(w *world) {
			refs := []attest.Ref{{Role: attest.RoleRelease, ID: w.chains[lab][1].Statement.ID}}
			w.add(stranger, &attest.Claim{Header: attest.Header{Refs: refs}, Text: "tiny-b is good at sums", Scores: w.sums("66.7")})
		}},
		{"a claim of a second result", hooks{afterResult: secondReport}, func(w *world) {
			scores := w.sums("66.7")
			scores[0].Result = w.chains[evaluator][2].Statement.ID
			w.add(stranger, &attest.Claim{Text: "tiny is good at sums", Scores: scores})
		}},
		{"a release that opens the seal wrongly", hooks{sealed: true}, func(w *world) {
			p := *w.releaseOf()
			p.Header = attest.Header{}
			p.Seals = []attest.Seal{{Commitment: p.Seals[0].Commitment}}
			w.add(stranger, &p)
		}},
		{"a run of its own invention", hooks{}, func(w *world) {
			p := *w.chains[evaluator][1].Statement.Predicate.(*attest.Result)
			p.Header = attest.Header{Refs: p.Refs}
			outcome := *p.Outcome
			outcome.Score = "1"
			p.Outcome = &outcome
			e := w.add(stranger, &p)
			scores := w.sums("100")
			scores[0].Result = e.Statement.ID
			w.add(stranger, &attest.Claim{Text: "tiny is perfect", Scores: scores})
		}},
	} {
		honest := newWorld(t, tt.hooks).verify()
		w := newWorld(t, tt.hooks)
		tt.junk(w)
		v := w.verify()
		if v.Headline != NotSupported {
			t.Errorf("%s: headline %s, want %s", tt.name, v.Headline, NotSupported)
		}
		for _, claim := range v.Claims {
			for _, r := range claim.Rows {
				if claim.ID == honest.Claims[0].ID && !reflect.DeepEqual(r, honest.Claims[0].Rows[0]) {
					t.Errorf("%s: the honest row became\n%+v, was\n%+v", tt.name, r, honest.Claims[0].Rows[0])
				}
				for _, c := range r.Checks {
					if c.State == Contradicted {
						t.Errorf("%s: %s is contradicted: %s", tt.name, c.Name, c.Detail)
					}
				}
			}
		}
	}
}

// A release that nobody signed does not stand in for one that the pack leaves out.
func TestUnsignedRelease(t *testing.T) {
	h := hooks{afterResult: func(w *world) {
		w.issue(evaluator, &attest.Claim{Text: "tiny is good at sums", Scores: w.sums("66.7")})
	}, pack: func(w *world) { delete(w.pack.Entries, w.chains[lab][1].Statement.ID) }}
	honest := newWorld(t, h).verify()
	if honest.Headline != SupportedWithGaps {
		t.Errorf("headline %s without a release, want %s", honest.Headline, SupportedWithGaps)
	}
	w := newWorld(t, h)
	p := *w.releaseOf()
	p.Header, p.Scores = attest.Header{}, nil
	w.keyless(w.add(lab, &p))
	if v := w.verify(); !reflect.DeepEqual(v.Claims, honest.Claims) {
		t.Errorf("with an unsigned release the claim is %s, was %s", v.Headline, honest.Headline)
	}
}

// Files alone, without a release to compare them with, show nothing.
func TestPublishedWithoutRelease(t *testing.T) {
	w := newWorld(t, hooks{afterResult: func(w *world) {
		w.issue(evaluator, &attest.Claim{Text: "tiny is good at sums", Scores: w.sums("66.7")})
	}, pack: func(w *world) { delete(w.pack.Entries, w.chains[lab][1].Statement.ID) }})
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: publishedModel("weights")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model/recomputed", "model/uncovered", "model/package"} {
		if c := find(v.Claims[0].Rows[0].Checks, name); c.State != Missing {
			t.Errorf("%s is %s: %s", name, c.State, c.Detail)
		}
	}
}

// A row carries the lab's name for its model.
func TestModelName(t *testing.T) {
	v := newWorld(t, hooks{registration: func(_ *world, p *attest.Registration) { p.ModelName = "huge" }}).verify()
	if got := v.Claims[0].Rows[0].Model; got != "tiny" {
		t.Errorf("the model that the evaluator calls huge is %q, want the lab's name", got)
	}
}

// What is read is bounded, however often a table asks for it.
func TestUnread(t *testing.T) {
	w := newWorld(t, hooks{})
	j := &judge{pack: w.pack, policy: w.policy(), opts: Options{At: judgedAt}, unread: 100}
	if err := j.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := j.claim(t.Context(), j.kinds["release"][0]); err == nil {
		t.Error("a table is judged although it asks for more than may be read")
	}
}

// The rows of a result are read once, however many scores are published of it.
func TestRowsReadOnce(t *testing.T) {
	var read []uint64
	for _, scores := range []int{1, 2} {
		w := newWorld(t, hooks{release: func(_ *world, p *attest.Release) {
			for len(p.Scores) < scores {
				p.Scores = append(p.Scores, p.Scores[0])
			}
		}})
		j := &judge{pack: w.pack, policy: w.policy(), opts: Options{At: judgedAt}, unread: maxRead}
		if err := j.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := j.claim(t.Context(), j.kinds["release"][0])
		if err != nil || len(c.Rows) != scores || !reflect.DeepEqual(c.Rows[0].Checks, c.Rows[scores-1].Checks) {
			t.Fatalf("%d scores: %+v, %v", scores, c, err)
		}
		read = append(read, maxRead-j.unread)
	}
	rows := uint64(len(run.FormatRows(newWorld(t, hooks{}).rows)))
	if again := read[1] - read[0]; again >= rows {
		t.Errorf("a second score reads %d bytes again, more than the rows, %d", again, rows)
	}
}

func (w *world) releaseOf() *attest.Release {
	return w.chains[lab][1].Statement.Predicate.(*attest.Release)
}

// keyless spoils the signature of an entry.
func (w *world) keyless(e *attest.Entry) {
	sig := append([]byte(nil), e.Bundle.Signature...)
	sig[40] ^= 1
	bundle, err := attest.FormatBundle(e.Statement.Payload, sig, "test")
	w.must(err)
	spoilt, err := attest.ParseEntry(bundle)
	w.must(err)
	w.pack.Entries[e.Statement.ID] = spoilt
}

const otherLab = "https://other-lab.example"

func knowsOtherLab(t testing.TB) func(string) string {
	return func(s string) string {
		return s + fmt.Sprintf("\n[[issuer]]\nuri = %q\nroles = [\"lab\"]\n[[issuer.key]]\npem = '''\n%s'''\n", otherLab, publicPEM(t, otherLab))
	}
}

// A row is contradicted by the branches of those whom it relies on, not by those of
// anybody whose two statements somebody put beside it.
func TestOthersBranches(t *testing.T) {
	w := newWorld(t, hooks{policy: knowsOtherLab(t)})
	for _, name := range []string{"a", "b"} {
		w.add(otherLab, &attest.Model{Name: name, Model: weightsOf(t, modelRoles()), Roles: modelRoles()})
	}
	if v := w.verify(); v.Headline != Supported {
		t.Errorf("headline %s after another lab's equivocation, want %s", v.Headline, Supported)
	}
}

// The release of somebody else says nothing about the lab's model.
func TestReleaseByAnotherLab(t *testing.T) {
	w := newWorld(t, hooks{policy: knowsOtherLab(t)})
	pkg := digest("package")
	e := w.add(otherLab, &attest.Release{
		Name: "tiny-clone", Published: []string{"https://hub.example/clone"}, Package: &pkg, Model: w.releaseOf().Model,
	})
	refs := []attest.Ref{{Role: attest.RoleRelease, ID: e.Statement.ID}}
	w.add(otherLab, &attest.Claim{Header: attest.Header{Seq: 1, Prev: e.Statement.ID, Refs: refs}, Text: "tiny-clone", Scores: w.sums("66.7")})
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: publishedModel("weights")})
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range v.Claims {
		if claim.Issuer != otherLab {
			continue
		}
		for _, name := range []string{"model/same-as-released", "model/recomputed", "model/uncovered"} {
			if c := find(claim.Rows[0].Checks, name); c.State != Missing {
				t.Errorf("%s is %s, want missing: %s", name, c.State, c.Detail)
			}
		}
	}
}

// Two seals can hide one model: until they are opened, nothing is known to differ.
func TestSameModel(t *testing.T) {
	ref := func(kind, id string) attest.ModelRef { return attest.ModelRef{Kind: kind, ID: digest(id)} }
	a, b := ref(attest.ModelWeights, "a"), ref(attest.ModelWeights, "b")
	x, y := ref(attest.ModelSealed, "x"), ref(attest.ModelSealed, "y")
	served := ref(attest.ModelEndpoint, "a")
	for _, tt := range []struct {
		models   []attest.ModelRef
		variants bool
		want     State
	}{
		{[]attest.ModelRef{a}, false, Proven},
		{[]attest.ModelRef{x}, false, Proven},
		{[]attest.ModelRef{{}}, false, Missing},
		{[]attest.ModelRef{a, a}, false, Proven},
		{[]attest.ModelRef{x, x}, false, Proven},
		{[]attest.ModelRef{a, b}, false, Contradicted},
		{[]attest.ModelRef{a, b}, true, NotApplicable},
		{[]attest.ModelRef{a, {}}, true, Missing},
		{[]attest.ModelRef{a, x}, false, Missing},
		{[]attest.ModelRef{x, y}, false, Missing},
		{[]attest.ModelRef{x, a, b}, false, Contradicted},
		{[]attest.ModelRef{{}, a, b}, false, Contradicted},
		{[]attest.ModelRef{a, served}, false, Contradicted},
	} {
		signed := &statement{key: new(IssuerKey)}
		var rows []*rowJudge
		for _, m := range tt.models {
			rows = append(rows, &rowJudge{row: new(Row), model: m, registrationSt: signed})
		}
		if got := sameModel(rows, tt.variants); got.State != tt.want {
			t.Errorf("sameModel(%v, %v) = %s, want %s", tt.models, tt.variants, got.State, tt.want)
		}
		for _, r := range rows {
			r.registrationSt = new(statement)
		}
		if got := sameModel(rows, tt.variants); got.State == Contradicted {
			t.Errorf("sameModel(%v, %v) is contradicted by registrations that nobody signed", tt.models, tt.variants)
		}
	}
}

// What a verdict says must not depend on the order of a map.
func TestSameVerdictEveryTime(t *testing.T) {
	h := hooks{policy: func(s string) string {
		return strings.Replace(s, "w1 = \""+operator, "w1 = \""+lab, 1) // attested by several
	}, pack: func(w *world) {
		for _, issuer := range []string{lab, evaluator, owner} { // each equivocates
			e := w.signAs(issuer, &attest.Retraction{Header: attest.Header{Issuer: issuer}, Target: digest(issuer), Reason: "none"})
			w.pack.Entries[e.Statement.ID] = e
		}
	}}
	other := publishedModel("weights")
	other.Roles = []attest.RoleDigest{{Role: "code", Digest: digest("code")}}
	other.ID = digest("other")
	w := newWorld(t, h)
	policy := w.policy()
	var first *Verdict
	for range 32 {
		v, err := Pack(t.Context(), w.pack, policy, Options{At: judgedAt, Published: other})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = v
		}
		if !reflect.DeepEqual(v, first) {
			t.Fatalf("another verdict on the same pack:\n%+v\n%+v", v, first)
		}
	}
}

// A hostile pack ends in an error before it takes all day.
func TestTooManyScores(t *testing.T) {
	w := newWorld(t, hooks{})
	scores := make([]attest.Score, 200)
	for i := range scores {
		scores[i] = w.sums("66.7")[0]
	}
	for i := range maxRows/len(scores) + 1 {
		w.add(stranger, &attest.Claim{Header: attest.Header{Seq: uint64(i)}, Text: "again", Scores: scores})
	}
	if v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt}); err == nil {
		t.Errorf("a pack with more than %d scores is %s, want an error", maxRows, v.Headline)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pack(ctx, newWorld(t, hooks{}).pack, w.policy(), Options{At: judgedAt}); !errors.Is(err, context.Canceled) {
		t.Errorf("Pack under a cancelled context: %v", err)
	}
}

// A lab that logs or packs a copy of what it hides, with a false signature, hides
// nothing: a scan finds the true one.
func TestScanPassesFalseCopies(t *testing.T) {
	logFirst := func(h *hooks) {
		h.beforeLog = func(w *world, e *attest.Entry) {
			if e.Statement.Kind() == "registration" && len(w.chains[evaluator]) == 1 {
				w.keyless(e)
				w.log = append(w.log, w.pack.Entries[e.Statement.ID])
			}
		}
	}
	pack := func(keep func(*world, *attest.Entry)) func(*hooks) {
		return func(h *hooks) {
			inner := h.pack
			h.pack = func(w *world) {
				inner(w)
				keep(w, w.chains[evaluator][0])
			}
		}
	}
	for name, hide := range map[string]func(*hooks){
		"logged": logFirst,
		"packed": pack(func(w *world, e *attest.Entry) { w.keyless(e) }),
		"packed without its proof, under a key with an end": func(h *hooks) {
			pack(func(w *world, e *attest.Entry) {
				bare := *e
				bare.Proof = nil
				w.pack.Entries[e.Statement.ID] = &bare
			})(h)
			policy := h.policy
			h.policy = func(text string) string {
				pem := "pem = '''\n" + publicPEM(t, evaluator) + "'''\n"
				return strings.Replace(policy(text), pem, pem+"until = 2027-01-01T00:00:00Z\n", 1)
			}
		},
	} {
		h := forgeryNamed("hidden-registration").hooks
		hide(&h)
		w := newWorld(t, h)
		if name == "packed without its proof, under a key with an end" && !strings.Contains(w.policyText(), "until") {
			t.Fatal("no key has an end")
		}
		scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
		if err != nil {
			t.Fatal(err)
		}
		v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
		if err != nil {
			t.Fatal(err)
		}
		if c := find(v.Claims[0].Rows[0].Checks, "completeness/registrations"); c.State != Missing || !strings.Contains(c.Detail, "1 of 2") {
			t.Errorf("%s: completeness/registrations is %s: %s", name, c.State, c.Detail)
		}
	}
}

// What somebody withdraws tomorrow stands today.
func TestRetractedLater(t *testing.T) {
	for round, want := range map[time.Time]Headline{judgedAt.AddDate(0, 0, -1): Retracted, judgedAt.AddDate(0, 0, 1): Supported} {
		w := newWorld(t, hooks{})
		target := w.chains[lab][1].Statement.ID
		e := w.sign(lab, &attest.Retraction{
			Header: attest.Header{NotBefore: w.round(round), Refs: []attest.Ref{{Role: attest.RoleTarget, ID: target}}}, Target: target, Reason: "wrong",
		})
		w.pack.Entries[e.Statement.ID] = e
		if v := w.verify(); v.Headline != want {
			t.Errorf("withdrawn after %s: %s, want %s", round, v.Headline, want)
		}
	}
}

func forgeryNamed(name string) forgery {
	all := forgeries()
	return all[slices.IndexFunc(all, func(f forgery) bool { return f.name == name })]
}

// An artifact that is left out takes no contradiction with it that does not need it.
func TestLeavingOutHidesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		out  func(*world) attest.Artifact
	}{
		{"item-dropped", func(w *world) attest.Artifact {
			return w.chains[owner][0].Statement.Predicate.(*attest.Testset).Skeleton
		}},
		{"grade", func(w *world) attest.Artifact { return w.chains[owner][0].Statement.Predicate.(*attest.Testset).Bitmap }},
		{"other-items", func(w *world) attest.Artifact { return w.chains[owner][0].Statement.Predicate.(*attest.Testset).Bitmap }},
	} {
		f := forgeryNamed(tt.name)
		_, check, _ := strings.Cut(f.expect, " ")
		w := newWorld(t, f.hooks)
		w.pack.RemoveArtifact(tt.out(w).SHA256)
		if c := find(w.verify().Claims[0].Rows[0].Checks, check); c.State != Contradicted {
			t.Errorf("%s, with an artifact left out: %s is %s: %s", tt.name, check, c.State, c.Detail)
		}
	}
}

// That a registration is later than its result takes no proof that it was logged.
func TestRegisteredLaterUnlogged(t *testing.T) {
	w := newWorld(t, forgeryNamed("registration-after-result").hooks)
	w.chains[evaluator][0].Proof = nil
	if c := find(w.verify().Claims[0].Rows[0].Checks, "order/registered-before-result"); c.State != Contradicted {
		t.Errorf("%s is %s: %s", c.Name, c.State, c.Detail)
	}
}
