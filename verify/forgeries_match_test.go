package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/ledger"
)

const (
	auditor2   = "https://auditor2.example"
	someCommit = "0123456789012345678901234567890123456789"
	atCommit   = "hf:lab/tiny@" + someCommit
	atBranch   = "hf:lab/tiny"
)

// audited is a release of which an auditor found the model where it says, and a reader
// who wants to know that.
func audited(change func(*world, *attest.Audit)) hooks {
	return hooks{
		policy:  needsAuditors(""),
		release: func(_ *world, p *attest.Release) { p.Published = append(p.Published, atCommit) },
		released: func(w *world, release *attest.Entry) {
			w.audit(auditor, release, change)
		},
	}
}

// needsAuditors knows two auditors, who are independent, and requires D2.
func needsAuditors(sampled string) func(string) string {
	return func(s string) string {
		s = strings.Replace(s, `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"D2\"]\n"+sampled, 1)
		return knows(auditor2, "auditor")(knows(auditor, "auditor")(s))
	}
}

const sampledTwoPercent = "sampled_share = 0.02\nsampled_miss = 0.05\n"

// audit has an issuer read every byte of what was released; change says otherwise.
func (w *world) audit(issuer string, release *attest.Entry, change func(*world, *attest.Audit)) *attest.Entry {
	w.t.Helper()
	e := w.issue(issuer, w.matchOf(release, change))
	w.head(issuer, headTime)
	return e
}

func (w *world) matchOf(release *attest.Entry, change func(*world, *attest.Audit)) *attest.Audit {
	p := release.Statement.Predicate.(*attest.Release)
	id, pkg := p.Model.ID, *p.Package
	roles := w.chains[lab][0].Statement.Predicate.(*attest.Model).Roles
	audit := &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRelease, ID: release.Statement.ID}}},
		What:   attest.AuditModelMatch, Method: "fetched and read once", Release: release.Statement.ID,
		Match: &attest.ModelMatch{
			Outcome: attest.OutcomeMatch, Tier: 4, Released: id, ModelID: &id, Package: &pkg,
			Source: attest.MatchSource{URI: atCommit, Commit: someCommit, Server: "https://hub.example", Fetched: started.Format(time.RFC3339)},
			Roles:  model.MatchRoles(roles, roles), Uncovered: &attest.Names{First: []string{}},
		},
	}
	if change != nil {
		change(w, audit)
	}
	return audit
}

// sampledBy makes an audit one of a sample.
func sampledBy(drawnBy string, draws int) func(*world, *attest.Audit) {
	return func(w *world, p *attest.Audit) {
		missed, err := model.MissedAtMost("0.02", draws)
		w.must(err)
		p.Match.Tier, p.Match.Package = 3, nil
		p.Match.Sample = &attest.MatchSample{
			Draws: draws, Seed: digest("seed"), DrawnBy: drawnBy, Tensors: 2, OfTensors: 9, Bytes: 20, OfBytes: 90, Share: "0.02", Missed: missed,
		}
	}
}

// sampledUnder is a sample of which the reader's policy says what it may miss.
func sampledUnder(policy string, change func(*world, *attest.Audit)) hooks {
	h := audited(change)
	h.policy = needsAuditors(policy)
	return h
}

// foundOther makes an audit one that found other weights.
func foundOther(w *world, p *attest.Audit) {
	other := modelRoles()
	other[0].Digest = digest("weights with a flipped bit")
	id := weightsOf(w.t, other).ID
	m := p.Match
	m.Outcome, m.ModelID, m.Package, m.Roles = attest.OutcomeMismatch, &id, nil, model.MatchRoles(modelRoles(), other)
	m.Differs = &attest.Names{Count: 1, First: []string{`tensor "bias" differs`}}
}

// listed makes an audit one of a listing.
func listed(tier int, config string) func(*world, *attest.Audit) {
	return func(_ *world, p *attest.Audit) {
		m := p.Match
		m.Tier, m.ModelID, m.Package, m.Outcome = tier, nil, nil, attest.OutcomeIncomplete
		m.Roles = []attest.MatchedRole{{Role: "weights", State: attest.RoleSame}, {Role: "config", State: config}}
		if config == attest.RoleDiffers {
			m.Outcome = attest.OutcomeMismatch
		}
	}
}

// matchForgeries lie about what is published, or about who found it there.
func matchForgeries() []forgery {
	edit := func(change func(*attest.Audit)) hooks {
		return audited(func(_ *world, p *attest.Audit) { change(p) })
	}
	honest := audited(nil)
	sampled := sampledUnder(sampledTwoPercent, sampledBy(auditor, 149))
	moved := with(honest, func(h *hooks) {
		h.release = func(_ *world, p *attest.Release) { p.Published = append(p.Published, atCommit, atBranch) }
	})
	both := func(second func(*world, *attest.Audit)) hooks {
		return with(honest, func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				w.audit(auditor, release, nil)
				w.audit(auditor2, release, second)
			}
		})
	}
	signedBy := func(issuer string, policy func(string) string) hooks {
		return with(honest, func(h *hooks) {
			h.policy = func(s string) string { return policy(needsAuditors("")(s)) }
			h.released = func(w *world, release *attest.Entry) { w.audit(issuer, release, nil) }
		})
	}
	same := func(s string) string { return s }
	none := []string{"audit/model-match", "model/package", "model/uncovered"}
	sampledNone := []string{"audit/model-match", "model/uncovered"}
	missing := func(name, what string, forged hooks) forgery {
		return forgery{name: name, what: what, expect: "missing model/recomputed", also: none, base: honest, hooks: forged}
	}
	ofSample := func(name, what string, forged hooks) forgery {
		return forgery{name: name, what: what, expect: "missing model/recomputed", also: sampledNone, base: sampled, hooks: forged}
	}
	otherModel := func(name, what string, base, forged hooks) forgery {
		return forgery{name: name, what: what, expect: "contradicted audit/model-match", also: []string{"model/package", "model/recomputed", "model/uncovered"}, base: base, hooks: forged}
	}
	return []forgery{
		otherModel("other-model-found", "an auditor found other weights at the commit that the release names", honest, audited(foundOther)),
		otherModel("other-model-found-by-one", "of two auditors one found other weights: the lab shows both and points at the other", both(nil), both(foundOther)),
		otherModel("other-listing-found", "an auditor found another config.json among git's objects of the commit", honest, audited(listed(2, attest.RoleDiffers))),
		with2(otherModel("other-model-hidden", "the lab's pack leaves out the auditor that found other weights", both(nil), with(both(foundOther), func(h *hooks) {
			h.pack = func(w *world) {
				for _, e := range w.chains[auditor2] {
					delete(w.pack.Entries, e.Statement.ID)
				}
			}
		})), func(f *forgery) { f.scanned = true }),
		missing("other-model-on-a-branch", "of two auditors one found other weights later, where anybody can put others", with(moved, func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				w.audit(auditor, release, nil)
				w.audit(auditor2, release, func(w *world, p *attest.Audit) {
					foundOther(w, p)
					p.Match.Source.URI = atBranch
				})
			}
		})),
		missing("match-by-the-lab", "the lab audits its own release", signedBy(lab, func(s string) string { return strings.Replace(s, `roles = ["lab"]`, `roles = ["lab", "auditor"]`, 1) })),
		missing("match-by-a-friend", "the auditor is not known to be independent of the lab", with(honest, func(h *hooks) {
			h.policy = func(s string) string {
				return strings.Replace(needsAuditors("")(s), `"`+auditor+`", `, "", 1)
			}
		})),
		missing("match-by-no-auditor", "the evaluator, who may not audit, says that the release is right", signedBy(evaluator, same)),
		missing("match-by-a-stranger", "a stranger signs in the auditor's name", with(honest, func(h *hooks) { h.keyFor = strangerSigns("audit") })),
		missing("match-not-logged", "the auditor's statement is in no ledger", with(edit(func(p *attest.Audit) { p.Match.Source.Fetched = "" }), func(h *hooks) {
			h.pack = func(w *world) { w.chains[auditor][0].Proof = nil }
		})),
		missing("match-withdrawn", "the auditor withdrew what it had found", with(honest, func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				e := w.issue(auditor, w.matchOf(release, nil))
				w.issue(auditor, &attest.Retraction{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: e.Statement.ID}}}, Target: e.Statement.ID, Reason: "of another directory",
				})
				w.head(auditor, headTime)
			}
		})),
		missing("match-maybe-withdrawn", "the pack leaves out what the auditor said afterwards", with(honest, func(h *hooks) {
			h.pack = func(w *world) { delete(w.pack.Entries, w.chains[auditor][1].Statement.ID) }
		})),
		missing("match-equivocal", "the auditor signed two statements with one number", with(honest, func(h *hooks) {
			h.pack = func(w *world) {
				other := *w.chains[auditor][0].Statement.Predicate.(*attest.Audit)
				other.Method = "another way"
				e := w.signAs(auditor, &other)
				w.pack.Entries[e.Statement.ID] = e
			}
		})),
		missing("match-of-another-release", "the auditor looked at an earlier release of the same model", with(honest, func(h *hooks) {
			h.afterResult = func(w *world) {
				pkg := digest("package")
				w.audit(auditor, w.issue(lab, &attest.Release{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: w.chains[lab][0].Statement.ID}}},
					Name:   "tiny", Model: weightsOf(w.t, modelRoles()), Published: []string{atCommit}, Package: &pkg,
				}), nil)
			}
			h.released = nil
		})),
		missing("match-of-another-model", "the auditor found the model of another release", audited(func(w *world, p *attest.Audit) {
			other := []attest.RoleDigest{{Role: "weights", Digest: digest("other weights")}}
			id := weightsOf(w.t, other).ID
			p.Match.Released, p.Match.ModelID, p.Match.Roles = id, &id, model.MatchRoles(other, other)
		})),
		missing("match-elsewhere", "the auditor looked at a copy that the release does not name", edit(func(p *attest.Audit) {
			p.Match.Source.URI = "hf:mirror/tiny@" + someCommit
		})),
		missing("match-at-another-commit", "the auditor looked at another commit than the one that the place names", edit(func(p *attest.Audit) {
			p.Match.Source.Commit = strings.Repeat("ab", 20)
		})),
		missing("match-from-the-future", "the auditor says that it fetched after it had logged what it found", edit(func(p *attest.Audit) {
			p.Match.Source.Fetched = started.AddDate(0, 0, 9).Format(time.RFC3339)
		})),
		missing("match-in-words", "the auditor says match, and its own roles give another model", edit(func(p *attest.Audit) {
			other := digest("weights with a flipped bit")
			p.Match.Roles[0].Digest = &other
		})),
		missing("match-although-different", "the auditor says match, and that a role differs", edit(func(p *attest.Audit) {
			p.Match.Roles[1].State = attest.RoleDiffers
		})),
		missing("match-of-a-listing", "the auditor read a listing alone", audited(listed(1, attest.RoleSame))),
		{
			name: "match-uncovered", what: "the auditor found the model, and more weights beside it",
			expect: "missing model/uncovered", base: honest, hooks: edit(func(p *attest.Audit) {
				p.Match.Uncovered = &attest.Names{Count: 1, First: []string{"consolidated.pth"}}
			}),
		},
		{
			name: "match-uncovered-by-another", what: "of two auditors one lists more weights beside the model",
			expect: "missing model/uncovered", base: both(nil), hooks: both(func(w *world, p *attest.Audit) {
				listed(2, attest.RoleSame)(w, p)
				p.Match.Uncovered = &attest.Names{Count: 1, First: []string{"consolidated.pth"}}
			}),
		},
		ofSample("sample-too-small", "the auditor's sample misses more than the reader's policy allows", sampledUnder(sampledTwoPercent, sampledBy(auditor, 20))),
		ofSample("sample-not-wanted", "the reader's policy does not say that a sample is enough", sampledUnder("", sampledBy(auditor, 149))),
		ofSample("sample-drawn-by-the-lab", "the lab drew the auditor's sample, perhaps until it suited", sampledUnder(sampledTwoPercent, sampledBy(lab, 149))),
		ofSample("sample-praised", "the auditor says that its sample misses less than it does", sampledUnder(sampledTwoPercent, func(w *world, p *attest.Audit) {
			sampledBy(auditor, 149)(w, p)
			p.Match.Sample.Missed = "0.001"
		})),
		{
			name: "match-for-a-regrade", what: "a score names as its regrade an audit of something else",
			expect: "contradicted score/recomputed", base: claimed(nil), hooks: claimed(func(w *world, s *attest.Score) {
				id := w.chains[auditor][0].Statement.ID
				s.Regrade = &id
			}),
		},
	}
}

func with2(f forgery, change func(*forgery)) forgery {
	change(&f)
	return f
}

// claimed has the lab claim the released score again, after the audit.
func claimed(change func(*world, *attest.Score)) hooks {
	h := audited(nil)
	audit := h.released
	h.released = func(w *world, release *attest.Entry) {
		audit(w, release)
		s := release.Statement.Predicate.(*attest.Release).Scores[0]
		if change != nil {
			change(w, &s)
		}
		w.issue(lab, &attest.Claim{
			Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: s.Result}, {Role: attest.RoleRelease, ID: release.Statement.ID}}},
			Text:   "tiny is good at sums", Scores: []attest.Score{s},
		})
	}
	return h
}

// Every audit that is not enough is named with its reason.
func TestMatchReasons(t *testing.T) {
	says := map[string]string{
		"match-although-different":   "one by " + auditor + " does not count: its roles are said to be the same, and its modelID is another, or the other way round",
		"match-at-another-commit":    `it looked at commit "abababababababababababababababababababab" of ` + atCommit,
		"match-by-a-friend":          "its issuer is not known to be independent of the lab",
		"match-by-a-stranger":        "no key that the policy gives to " + auditor + " verifies its signature",
		"match-by-no-auditor":        "the policy does not let its issuer audit (role auditor)",
		"match-by-the-lab":           "one by " + lab + " does not count: its issuer is not known to be independent of the lab",
		"match-elsewhere":            "it looked at hf:mirror/tiny@" + someCommit + ", which the release does not name",
		"match-equivocal":            "its issuer's statements are not one chain: " + auditor + " signed two different statements numbered 0",
		"match-from-the-future":      "it says that it fetched at 2026-02-10T00:00:00Z, and was logged before",
		"match-in-words":             "its modelID is another than its roles give",
		"match-maybe-withdrawn":      "that by " + auditor + " is not enough: nothing shows that it was not withdrawn: no head of " + auditor + " after its statement 0",
		"match-not-logged":           "no proof that it was logged",
		"match-of-a-listing":         "is not enough: T1, listing: no byte of the weights was read",
		"match-of-another-model":     "and the release of another",
		"match-of-another-release":   "which is not the one that is judged",
		"match-uncovered":            "",
		"match-uncovered-by-another": "",
		"match-for-a-regrade":        "",
		"match-withdrawn":            "it was withdrawn",
		"other-listing-found":        auditor + " found another model at " + atCommit + " (T2, git objects, fetched 2026-02-01T00:00:00Z): config differs",
		"other-model-found":          auditor + " found another model at " + atCommit + ` (T4, every byte, fetched 2026-02-01T00:00:00Z): weights differs, tensor "bias" differs`,
		"other-model-found-by-one":   auditor2 + " found another model",
		"other-model-hidden":         auditor2 + " found another model",
		"other-model-on-a-branch":    auditor2 + " found another model at hf:lab/tiny, commit " + someCommit,
		"sample-drawn-by-the-lab":    "its sample was drawn by " + lab + ", who is not known to be independent of the lab",
		"sample-not-wanted":          "your policy does not say that one is enough (sampled_share, sampled_miss)",
		"sample-praised":             "miss a share of 0.02 with probability 0.001, which is 0.049282",
		"sample-too-small":           "altered tensors with 0.02 of all bytes are missed by its sample with probability 0.668, your policy allows 0.05",
	}
	for _, f := range matchForgeries() {
		t.Run(f.name, func(t *testing.T) {
			want, ok := says[f.name]
			if !ok {
				t.Fatal("no reason is expected")
			}
			w := newWorld(t, f.hooks)
			v := w.verify()
			if f.scanned {
				v, _ = w.scanned(t)
			}
			if c := checkOf(t, v, matchCheck); !strings.Contains(c.Detail, want) {
				t.Errorf("%s: %s, want %q", c.State, c.Detail, want)
			}
		})
	}
	named := newWorld(t, claimed(func(w *world, s *attest.Score) {
		id := w.chains[auditor][0].Statement.ID
		s.Regrade = &id
	})).verify()
	if c := find(named.Claims[0].Rows[0].Checks, "score/recomputed"); c.Detail != "what the score names as its regrade is another audit" || c.Got != attest.AuditModelMatch {
		t.Errorf("score/recomputed: %s, got %s", c.Detail, c.Got)
	}
	regraded := newWorld(t, hooks{policy: knows(auditor, "auditor"), afterResult: func(w *world) { w.regrade(auditor, 0, "1", "2/3") }}).verify()
	if c := checkOf(t, regraded, matchCheck); c.State != NotApplicable {
		t.Errorf("a regrade is taken for a look at the model: %s", c.Detail)
	}
}

func checkOf(t *testing.T, v *Verdict, name string) Check {
	t.Helper()
	c := find(v.Claims[0].Rows[0].Checks, name)
	if c == nil {
		t.Fatalf("no check %s", name)
	}
	return *c
}

// What an auditor's word does for a reader who has no weights.
func TestMatch(t *testing.T) {
	for name, tt := range map[string]struct {
		hooks  hooks
		detail string // of model/recomputed
	}{
		"every byte": {audited(nil), "recomputed from " + atCommit + " (T4, every byte, fetched 2026-02-01T00:00:00Z)"},
		"a sample": {sampledUnder(sampledTwoPercent, sampledBy(auditor, 149)),
			"(T3, sample, fetched 2026-02-01T00:00:00Z): 2 of 9 tensors (20 of 90 bytes) read, in 149 draws by " + auditor + "; altered tensors with 0.02 of all bytes are missed with probability 0.0493"},
		"drawn by another": {sampledUnder(sampledTwoPercent, sampledBy(owner, 149)), "in 149 draws by " + owner},
		"all tensors drawn": {sampledUnder("", func(w *world, p *attest.Audit) {
			sampledBy(auditor, 2)(w, p)
			p.Match.Sample.Bytes = 90
		}), "(90 of 90 bytes) read"},
		"every byte counts for more than a sample": {with(sampledUnder(sampledTwoPercent, nil), func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				w.audit(auditor, release, sampledBy(auditor, 149))
				w.audit(auditor2, release, nil)
			}
		}), "T4"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newWorld(t, tt.hooks).verify()
			checkWords(t, v)
			c := checkOf(t, v, "model/recomputed")
			if c.State != Attested || c.By == lab || !strings.Contains(c.Detail, tt.detail) || v.Facets[Deployment] != 2 || v.Headline != Supported {
				t.Errorf("%s %s, model/recomputed %s by %s: %s; want it attested with %q", v.Headline, v.Facets, c.State, c.By, c.Detail, tt.detail)
			}
			if !slices.ContainsFunc(v.NotShown, func(s string) bool { return strings.HasPrefix(s, "that you get the files that "+c.By) }) {
				t.Errorf("not said that the reader may get other files: %q", v.NotShown)
			}
			if events := v.Claims[0].Rows[0].Timeline; !slices.ContainsFunc(events, func(e Event) bool { return e.Kind == "audit" && e.ID == c.Evidence[0] }) {
				t.Error("the audit is not in the timeline")
			}
		})
	}
}

// What the verifier looked at itself counts before what others say.
func TestMatchBesideOwnLook(t *testing.T) {
	listing := func(change func(*Comparison)) *Published {
		return &Published{From: "listing", Compare: func(*model.Model) (*Comparison, error) {
			c := &Comparison{Tier: 1, Kind: "hub listing", Same: 2}
			change(c)
			return c, nil
		}}
	}
	m, real := realModel(t)
	h := audited(nil)
	h.model = real.model
	h.release = func(w *world, p *attest.Release) {
		real.release(w, p)
		p.Published = append(p.Published, atCommit)
	}
	files := func(id attest.Hash, uncovered ...string) *Published {
		return &Published{ID: id, Package: m.Package, Roles: m.Roles, Uncovered: uncovered, From: "model"}
	}
	for name, tt := range map[string]struct {
		published             *Published
		recomputed, uncovered State
	}{
		"nothing":                 {nil, Attested, Attested},
		"every byte":              {files(m.ID), Proven, Proven},
		"another model":           {files(digest("other weights")), Contradicted, Proven},
		"more weights":            {files(m.ID, "consolidated.pth"), Proven, Missing},
		"a listing":               {listing(func(*Comparison) {}), Attested, Proven},
		"another listing":         {listing(func(c *Comparison) { c.Differs = []string{"config.json differs"} }), Missing, Proven},
		"a listing with weights":  {listing(func(c *Comparison) { c.Uncovered = []string{"consolidated.pth"} }), Missing, Missing},
		"a part of a listing":     {listing(func(c *Comparison) { c.Partial = "one file" }), Attested, Attested},
		"a sample of other bytes": {listing(func(c *Comparison) { c.Tier, c.Sample = 3, &Sample{Repo: "lab/tiny", ID: digest("another")} }), Missing, Proven},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, h)
			v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: tt.published})
			if err != nil {
				t.Fatal(err)
			}
			a, b := checkOf(t, v, "model/recomputed"), checkOf(t, v, "model/uncovered")
			if a.State != tt.recomputed || b.State != tt.uncovered {
				t.Errorf("recomputed %s (%s), uncovered %s (%s); want %s, %s", a.State, a.Detail, b.State, b.Detail, tt.recomputed, tt.uncovered)
			}
		})
	}
}

// Whoever finds another model and does not count contradicts nothing.
func TestMismatchThatDoesNotCount(t *testing.T) {
	for name, change := range map[string]func(*hooks){
		"nobody knows who": func(h *hooks) { h.keyFor = strangerSigns("audit") },
		"not independent": func(h *hooks) {
			h.policy = func(s string) string { return strings.Replace(needsAuditors("")(s), `"`+auditor+`", `, "", 1) }
		},
		"not logged": func(h *hooks) { h.pack = func(w *world) { w.chains[auditor][0].Proof = nil } },
		"withdrawn": func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				e := w.issue(auditor, w.matchOf(release, foundOther))
				w.issue(auditor, &attest.Retraction{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: e.Statement.ID}}}, Target: e.Statement.ID, Reason: "my disk was broken",
				})
			}
		},
		"elsewhere": func(h *hooks) {
			h.released = func(w *world, release *attest.Entry) {
				w.audit(auditor, release, func(w *world, p *attest.Audit) {
					foundOther(w, p)
					p.Match.Source.URI = "hf:mirror/tiny@" + someCommit
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newWorld(t, with(audited(foundOther), change)).verify()
			if c := checkOf(t, v, matchCheck); v.Headline != SupportedWithGaps || c.State != Missing || c.Detail == "" {
				t.Errorf("%s, %s: %s", v.Headline, c.State, c.Detail)
			}
		})
	}
	// Nor does one of a release that is not the lab's, or that no key of the policy signs,
	// or of another variant than the one that was run.
	asIf := func(change func(*world, *attest.Release), issuer string) func(*world) {
		return func(w *world) {
			first := w.chains[evaluator][1]
			pkg := digest("package")
			p := &attest.Release{
				Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: w.chains[lab][0].Statement.ID}}},
				Name:   "tiny", Model: weightsOf(w.t, modelRoles()), Published: []string{atCommit}, Package: &pkg,
			}
			change(w, p)
			release := w.issue(issuer, p)
			w.issue(auditor, w.matchOf(release, foundOther))
			w.issue(lab, &attest.Claim{
				Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: first.Statement.ID}, {Role: attest.RoleRelease, ID: release.Statement.ID}}},
				Text:   "tiny is good at sums", Scores: []attest.Score{{Label: "sums", Score: "66.7", Decimals: 1, Scale: "100", Result: first.Statement.ID}},
			})
		}
	}
	plain := func(*world, *attest.Release) {}
	for name, h := range map[string]hooks{
		"another lab's": {policy: func(s string) string { return knowsOtherLab(t)(needsAuditors("")(s)) }, afterResult: asIf(plain, otherLab)},
		"nobody's": {policy: needsAuditors(""), afterResult: func(w *world) {
			w.hooks.keyFor = strangerSigns("release")
			asIf(plain, lab)(w)
			w.hooks.keyFor = nil
		}},
	} {
		v := newWorld(t, h).verify()
		if c := checkOf(t, v, matchCheck); v.Claims[0].Kind != "claim" || c.State != Missing {
			t.Errorf("%s: %s of a %s, %s: %s", name, v.Headline, v.Claims[0].Kind, c.State, c.Detail)
		}
	}
	// Of two who found another model, the one that contradicts decides, in either order.
	for _, branch := range []string{auditor, auditor2} {
		h := audited(nil)
		h.release = func(_ *world, p *attest.Release) { p.Published = append(p.Published, atCommit, atBranch) }
		h.released = func(w *world, release *attest.Entry) {
			for _, issuer := range []string{auditor, auditor2} {
				w.audit(issuer, release, func(w *world, p *attest.Audit) {
					foundOther(w, p)
					if issuer == branch {
						p.Match.Source.URI = atBranch
					}
				})
			}
		}
		if v := newWorld(t, h).verify(); v.Headline != ContradictedClaim {
			t.Errorf("%s looked at a branch: %s", branch, v.Headline)
		}
	}
	// Without the head that a match needs, a mismatch counts: it lowers what is claimed.
	late := with(audited(nil), func(h *hooks) {
		h.released = func(w *world, release *attest.Entry) { w.issue(auditor, w.matchOf(release, foundOther)) }
	})
	if v := newWorld(t, late).verify(); v.Headline != ContradictedClaim {
		t.Errorf("%s, want %s", v.Headline, ContradictedClaim)
	}
}

// A scan of the ledgers shows that nothing was withdrawn, and finds audits that a pack
// leaves out; the auditor need not have made a head.
func TestMatchScanned(t *testing.T) {
	h := audited(nil)
	h.released = func(w *world, release *attest.Entry) { w.issue(auditor, w.matchOf(release, nil)) }
	h.pack = func(w *world) { delete(w.pack.Entries, w.chains[auditor][0].Statement.ID) }
	w := newWorld(t, h)
	if v := w.verify(); v.Facets[Deployment] != 1 {
		t.Errorf("%s without the audit", v.Facets)
	}
	v, _ := w.scanned(t)
	if v.Facets[Deployment] != 2 {
		t.Errorf("%s: %s", v.Facets, checkOf(t, v, matchCheck).Detail)
	}
	// A scan that ends before the audit shows nothing of what came after.
	w = newWorld(t, audited(nil))
	head := w.chains[auditor][1]
	delete(w.pack.Entries, head.Statement.ID)
	scans, err := ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
	if err != nil {
		t.Fatal(err)
	}
	delete(w.pack.Entries, head.Statement.ID)
	for i := range scans {
		scans[i].Size = 5
	}
	v, err = Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Scans: scans})
	if err != nil {
		t.Fatal(err)
	}
	if v.Facets[Deployment] != 1 {
		t.Errorf("%s after a scan that ends before the audit", v.Facets)
	}
}

// What lies beside the model is no part of it.
func TestMatchOtherPackage(t *testing.T) {
	v := newWorld(t, audited(func(_ *world, p *attest.Audit) { *p.Match.Package = digest("with a README") })).verify()
	if c := checkOf(t, v, "model/package"); c.State != Missing || v.Facets[Deployment] != 2 || v.Headline != Supported {
		t.Errorf("%s %s, model/package %s: %s", v.Headline, v.Facets, c.State, c.Detail)
	}
}

// A table of variants names a release that is not of all its rows. What was found there
// is nothing to the others.
func TestMatchOfVariants(t *testing.T) {
	v := newWorld(t, hooks{policy: needsAuditors(""), afterResult: func(w *world) {
		twoModels(true, false)(w)
		var release *attest.Entry
		for _, e := range w.chains[lab] {
			if _, ok := e.Statement.Predicate.(*attest.Release); ok {
				release = e
			}
		}
		w.audit(auditor, release, func(_ *world, p *attest.Audit) {
			p.Match.Source = attest.MatchSource{URI: "https://hub.example/tiny"}
		})
	}}).verify()
	for i, want := range []State{Attested, Missing} {
		if c := find(v.Claims[0].Rows[i].Checks, "model/recomputed"); c.State != want || v.Claims[0].Kind != "claim" {
			t.Errorf("row %d of a %s: %s, want %s: %s", i, v.Claims[0].Kind, c.State, want, c.Detail)
		}
	}
}

// A monitor's word that nothing was withdrawn stands in for the auditor's head, if the
// monitor read the ledger after the audit; what it lists and the pack leaves out matters
// where it is by an auditor.
func TestMatchTold(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world, *attest.Inventory)
		other  string // who looked as well, and is left out
		want   State  // of model/recomputed
		policy func(string) string
	}{
		"nothing withdrawn":       {nil, "", Attested, nil},
		"of others' statements":   {func(_ *world, p *attest.Inventory) { p.Query = otherQuery(p.Query, auditor) }, "", Missing, nil},
		"before the audit":        {func(w *world, p *attest.Inventory) { upTo(w, p, 5) }, "", Missing, nil},
		"another auditor's":       {nil, auditor2, Missing, nil},
		"the evaluator's opinion": {nil, evaluator, Attested, nil},
		"the lab's opinion":       {nil, lab, Attested, inText(`roles = ["lab"]`, `roles = ["lab", "auditor"]`)},
		"by the auditor's friend": {nil, "", Missing, func(s string) string {
			apart := fmt.Sprintf("%q, %q, %q, %q", owner, lab, evaluator, operator)
			return strings.Replace(s, fmt.Sprintf("%s, %q]]", apart, monitor), fmt.Sprintf("%s], [%q, %s]]", apart, monitor, apart), 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			know := thenMonitored(func(s string) string { return knows(auditor2, "auditor")(knows(auditor, "auditor")(s)) })
			h := hooks{policy: know, release: audited(nil).release}
			if tt.policy != nil {
				h.policy = func(s string) string { return tt.policy(know(s)) }
			}
			h.released = func(w *world, release *attest.Entry) {
				w.issue(auditor, w.matchOf(release, nil))
			}
			h.pack = func(w *world) {
				var hidden *attest.Entry
				if tt.other != "" {
					hidden = w.issue(tt.other, w.matchOf(w.chains[lab][1], foundOther))
				}
				tells(tt.change)(w)
				if hidden != nil {
					delete(w.pack.Entries, hidden.Statement.ID)
				}
			}
			_, checks := newWorld(t, h).judged(t, Options{})
			if c := checks["model/recomputed"]; c.State != tt.want {
				t.Errorf("model/recomputed %s, want %s; %s: %s", c.State, tt.want, checks[matchCheck].State, checks[matchCheck].Detail)
			}
		})
	}
}

// otherQuery makes a query about an issuer one about nobody.
func otherQuery(q attest.Query, issuer string) attest.Query {
	if q.Issuer == issuer {
		return attest.Query{Issuer: stranger}
	}
	return q
}

// upTo makes an inventory one of the ledger's first entries.
func upTo(w *world, p *attest.Inventory, size uint64) {
	if p.Query.Issuer != auditor {
		return
	}
	var leaves []attest.Hash
	for _, e := range w.log[:size] {
		leaves = append(leaves, attest.LeafHash(e.Bytes))
	}
	p.Size, p.Root = size, attest.Root(leaves)
	without(p, func(f attest.Found) bool { return f.Index >= size })
	noted(w, p, p.Size, p.Root, map[string]time.Time{witName: headTime})
}
