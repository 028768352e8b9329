package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

const otherOwner = "https://other-owner.example"

// alias has the policy know another name of an issuer.
func alias(issuer, name string) func(string) string {
	return inText(fmt.Sprintf("uri = %q\n", issuer), fmt.Sprintf("uri = %q\naliases = [%q]\n", issuer, name))
}

// ownerIsNotApart has the policy say of everybody but owner and lab that they are
// independent of each other.
func ownerIsNotApart(text string) string {
	return strings.Replace(text, fmt.Sprintf("[[%q, %q, %q, %q]]", owner, lab, evaluator, operator),
		fmt.Sprintf("[[%q, %q, %q], [%q, %q, %q]]", owner, evaluator, operator, lab, evaluator, operator), 1)
}

// knows is a policy that knows one more issuer, independent of everybody.
func knows(issuer, role string) func(string) string {
	return func(s string) string {
		s = strings.Replace(s, "independent = [[", fmt.Sprintf("independent = [[%q, ", issuer), 1)
		return s + fmt.Sprintf("\n[[issuer]]\nuri = %q\nroles = [%q]\n[[issuer.key]]\npem = '''\n%s'''\n", issuer, role, publicPEM(panicTB{}, issuer))
	}
}

// setOf has another issuer commit to a set of the same name, and the run be
// registered on it.
func setOf(issuer string, change func(ours attest.Hash, p *attest.Registration)) func(*world, *attest.Registration) {
	return func(w *world, p *attest.Registration) {
		set := w.testset()
		set.SetID = testset.ID(issuer, set.Name)
		e := w.issue(issuer, set)
		ours := p.Testset.SetID
		p.Refs[1].ID, p.Testset.SetID = e.Statement.ID, set.SetID
		change(ours, p)
	}
}

// clones has the owner commit to the set under 26 more names, and the lab announce a
// run on each. The pack shows nothing of it.
func clones(w *world, _, model *attest.Entry) {
	for i := range 26 {
		set := w.testset()
		set.Name = fmt.Sprint("sums ", i+2)
		set.SetID = testset.ID(owner, set.Name)
		e := w.issue(owner, set)
		w.register(e, model)
	}
}

// setForgeries are about which set a score is on, and who had it.
func setForgeries() []forgery {
	afterHead := func(change func(*hooks)) hooks {
		return later(func(h *hooks) {
			h.early = func(w *world, _, _ *attest.Entry) { w.head(owner, headTime) }
			h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(330 * time.Minute)) }
			change(h)
		})
	}
	grantFirst := func(holder string, change func(*hooks)) hooks {
		return later(func(h *hooks) {
			h.testset = func(w *world, p *attest.Testset) {
				w.issue(owner, &attest.Grant{SetID: p.SetID, Name: p.Name, Version: p.Version, Holder: holder, Fields: p.Fields})
			}
			h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(210 * time.Minute)) }
			change(h)
		})
	}
	secondVersion := func(change func(*hooks)) hooks {
		return later(func(h *hooks) {
			h.next = unchanged
			h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(210 * time.Minute)) }
			change(h)
		})
	}
	return []forgery{
		{
			name: "other-fields", what: "a later version of the set calls its answers questions",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(_ *world, p *attest.Testset) { p.Fields = []string{"id", "answer", "question"} }},
		},
		{
			name: "other-list", what: "the list of active items of the version before is not the one committed to",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: unchanged, testset: func(w *world, p *attest.Testset) {
				p.Bitmap = w.pack.AddArtifact([]byte{0b11111000}, p.Bitmap.MediaType, p.Bitmap.Name)
			}},
		},
		{
			name: "set-of-another-owner", what: "the run is registered on a well known set, and made on another owner's of the same name",
			expect: "contradicted testset/committed",
			base:   hooks{policy: knows(otherOwner, "owner")},
			hooks: hooks{policy: knows(otherOwner, "owner"), afterResult: func(w *world) { w.head(otherOwner, headTime) },
				registration: setOf(otherOwner, func(ours attest.Hash, p *attest.Registration) { p.Testset.SetID = ours })},
		},
		{
			name: "set-of-a-stranger", what: "the run is on a set of the same name, whose owner the reader does not know",
			expect: "missing identity/signed",
			also:   []string{"identity/role", "order/logged", "completeness/chains", "retraction/none"},
			hooks:  hooks{registration: setOf(stranger, func(attest.Hash, *attest.Registration) {})},
		},
		{
			name: "cloned-set", what: "the set exists under 27 names, by an owner who is not independent of the lab: each shows one run",
			expect: "missing completeness/registrations", scanned: true,
			base: hooks{policy: requireC2},
			hooks: hooks{
				policy: func(text string) string { return ownerIsNotApart(requireC2(text)) },
				early:  clones,
				pack: func(w *world) {
					for _, e := range w.log[2:54] {
						delete(w.pack.Entries, e.Statement.ID)
					}
				},
			},
		},
		{
			name: "two-predecessors", what: "a later version of the set names two versions before it, and so follows from neither",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(_ *world, p *attest.Testset) {
				p.Refs = append(p.Refs, attest.Ref{Role: attest.RoleTestset, ID: digest("another version")})
				p.Edits, p.Consistency = nil, nil
			}},
		},
		{
			name: "no-predecessor", what: "a version of the set retires items and passes for the first",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(w *world, p *attest.Testset) {
				p.Refs, p.Consistency = nil, nil
				delete(w.pack.Entries, w.chains[owner][0].Statement.ID)
			}},
		},
		{
			name: "empty-skeleton", what: "the leaf hashes are an empty file",
			expect: "contradicted testset/skeleton", also: []string{"result/root"},
			hooks: hooks{testset: func(w *world, p *attest.Testset) {
				p.Skeleton = w.pack.AddArtifact(nil, p.Skeleton.MediaType, p.Skeleton.Name)
			}},
		},
		{
			name: "empty-bitmap", what: "the list of active items is an empty file",
			expect: "contradicted testset/active", also: []string{"result/items"},
			hooks: hooks{testset: func(w *world, p *attest.Testset) {
				p.Bitmap = w.pack.AddArtifact(nil, p.Bitmap.MediaType, p.Bitmap.Name)
			}},
		},
		{
			name: "held-by-alias", what: "another name of the lab held the items before the run was announced",
			expect: "missing order/run-later", base: later(func(*hooks) {}),
			hooks: later(func(h *hooks) {
				policy := h.policy
				h.policy = func(text string) string { return alias(lab, "https://research.lab.example")(policy(text)) }
				h.early = func(w *world, set, _ *attest.Entry) { w.grant(set, nil, "https://research.lab.example") }
			}),
		},
		{
			name: "held-first", what: "the very first statement of the owner is a grant, which is left out",
			expect: "missing order/run-later",
			base:   grantFirst("https://other-lab.example", func(*hooks) {}),
			hooks: grantFirst(evaluator, func(h *hooks) {
				h.pack = func(w *world) { delete(w.pack.Entries, w.chains[owner][0].Statement.ID) }
			}),
		},
		{
			name: "held-in-between", what: "the owner's first grant is left out; its head comes before, and the grant that is shown after",
			expect: "missing order/run-later",
			base:   afterHead(func(*hooks) {}),
			hooks: afterHead(func(h *hooks) {
				head := h.early
				h.early = func(w *world, set, model *attest.Entry) {
					head(w, set, model)
					w.grant(set, nil, evaluator)
				}
				h.pack = func(w *world) { delete(w.pack.Entries, w.chains[owner][2].Statement.ID) }
			}),
		},
		{
			name: "was-public", what: "the set is private now; its first version was public",
			expect: "missing order/run-later", base: secondVersion(func(*hooks) {}),
			hooks: secondVersion(func(h *hooks) {
				h.testset = func(_ *world, p *attest.Testset) { p.Access = "public" }
			}),
		},
	}
}

// configurationForgeries are about what a run was bound to.
func configurationForgeries() []forgery {
	unread := []string{"result/grades", "result/score", "score/recomputed"}
	related := func(relation string) hooks {
		return hooks{policy: alias(lab, evaluator), configure: func(c map[string]any) { c["relation"] = relation }}
	}
	return []forgery{
		{
			name: "not-applicable", what: "the harness is said to be n/a, as if a run had none",
			expect: "contradicted identity/configuration", also: unread,
			hooks: hooks{configure: func(c map[string]any) { c["harness"] = "n/a" }},
		},
		{
			name: "configuration-twice", what: "the configuration says twice how excluded items count",
			expect: "contradicted identity/configuration", also: unread,
			hooks: hooks{registration: func(w *world, p *attest.Registration) {
				doc, err := w.pack.Artifact(p.Configuration)
				w.must(err)
				doc = inBytes(`"denominator":"counted-wrong"`, `"denominator":"left-out","denominator":"counted-wrong"`)(doc)
				p.Configuration = w.pack.AddArtifact(doc, p.Configuration.MediaType, p.Configuration.Name)
			}},
		},
		{
			name: "empty-configuration", what: "the configuration is an empty file",
			expect: "contradicted identity/configuration", also: unread,
			hooks: hooks{registration: func(w *world, p *attest.Registration) {
				p.Configuration = w.pack.AddArtifact(nil, p.Configuration.MediaType, p.Configuration.Name)
			}},
		},
		{
			name: "relation-by-alias", what: "a lab that evaluates itself under another name calls the evaluator independent",
			expect: "contradicted identity/configuration", base: related("first-party"), hooks: related("independent"),
		},
	}
}
