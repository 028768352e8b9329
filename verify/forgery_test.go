package verify

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/schemas"
)

var update = flag.Bool("update", false, "write testdata/forgeries anew")

// forgery is a pack that lies in one way. Where it expects a check, no other check
// may end in another state than in the honest pack, but those listed in also: what
// the check guards is guarded by nothing else.
type forgery struct {
	name      string
	what      string
	expect    string // contradicted NAME, missing NAME, uncheckable NAME, retracted NAME, unsupported, malformed
	also      []string
	hooks     hooks
	base      hooks                           // of the honest pack to compare with
	published *Published                      // what --model found
	scanned   bool                            // the verifier has the ledger too
	says      string                          // why a malformed pack is not read
	stored    func(*world, map[string][]byte) // changes the pack's files
}

func forgeries() []forgery {
	swap := func(i, j int) func(*world, []run.Row) []run.Row {
		return func(_ *world, rows []run.Row) []run.Row {
			rows = slices.Clone(rows)
			rows[i], rows[j] = rows[j], rows[i]
			return rows
		}
	}
	rewrite := func(change func([]run.Row)) func(*world, *attest.Result) {
		return func(w *world, p *attest.Result) {
			rows := slices.Clone(w.rows)
			change(rows)
			p.Rows = w.pack.AddArtifact(run.FormatRows(rows), p.Rows.MediaType, p.Rows.Name)
		}
	}
	runLater := later(func(*hooks) {})
	keepBackFirst := func(w *world) { delete(w.pack.Entries, w.chains[evaluator][0].Statement.ID) }
	lateChain := []string{"completeness/chains", "retraction/none"}
	list := slices.Concat(
		resultForgeries(),
		rowForgeries(),
		modelForgeries(),
		setForgeries(),
		configurationForgeries(),
		ledgerForgeries(),
		inventoryForgeries(),
		packForgeries(),
		reductionForgeries(),
		declaredForgeries(),
		tokenForgeries(),
		drawForgeries(),
		challengeForgeries(),
	)
	return append(list, []forgery{
		{
			name: "score", what: "the lab publishes more than the result says",
			expect: "contradicted score/recomputed", hooks: hooks{release: printed("83.3")},
		},
		{
			name: "signed-score", what: "the evaluator signs a score that its rows do not give",
			expect: "contradicted result/score", hooks: hooks{result: func(_ *world, p *attest.Result) { p.Score = "5/6" }},
		},
		{
			name: "grade", what: "two grades change places after signing",
			expect: "contradicted result/root",
			hooks:  hooks{result: rewrite(func(r []run.Row) { r[2].Grade, r[3].Grade = r[3].Grade, r[2].Grade })},
		},
		{
			name: "response", what: "a response is exchanged after signing",
			expect: "contradicted result/root",
			hooks:  hooks{result: rewrite(func(r []run.Row) { r[0].Response[0] ^= 1 })},
		},
		{
			name: "item-dropped", what: "the evaluator leaves out an item that was answered wrong",
			expect: "contradicted result/items",
			hooks: hooks{
				rows:    func(_ *world, r []run.Row) []run.Row { return slices.Delete(slices.Clone(r), 3, 4) },
				release: printed("80"),
			},
		},
		{
			name: "item-added", what: "the evaluator counts a second sample of an item",
			expect: "contradicted result/items",
			hooks: hooks{rows: func(_ *world, r []run.Row) []run.Row {
				more := r[0]
				more.Sample = 1
				return slices.Insert(slices.Clone(r), 1, more)
			}, result: func(_ *world, p *attest.Result) { p.Score = "2/3" }},
		},
		{
			name: "item-swapped", what: "the rows are out of order",
			expect: "contradicted result/items", hooks: hooks{rows: swap(0, 1)},
		},
		{
			name: "item-index", what: "an item's row is filed under the index of another",
			expect: "contradicted result/items",
			hooks: hooks{rows: func(_ *world, r []run.Row) []run.Row {
				r = slices.Clone(r)
				r[3].Item = 2
				r[3].Sample = 1
				return r
			}, result: func(_ *world, p *attest.Result) { p.Score = "7/10" }, release: printed("70")},
		},
		{
			name: "set-version", what: "the run was registered on another version of the set",
			expect: "contradicted testset/committed",
			hooks:  hooks{registration: func(_ *world, p *attest.Registration) { p.Testset.Root = digest("another version") }},
		},
		{
			name: "item-unretired", what: "a later version of the set scores an item again that was retired",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: unchanged, testset: func(w *world, p *attest.Testset) {
				bitmap := testset.AllActive(p.Version.Size)
				bitmap[0] &^= 0x80 >> 5
				active, err := testset.Active(p.Version.Size, bitmap)
				w.must(err)
				p.Version.Active, p.Bitmap = active, w.pack.AddArtifact(bitmap, p.Bitmap.MediaType, p.Bitmap.Name)
			}},
		},
		{
			name: "silent-retirement", what: "a later version of the set drops items without saying so",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(_ *world, p *attest.Testset) { p.Edits = nil }},
		},
		{
			name: "two-successors", what: "the owner signs two versions that follow the same one, and shows each to whom it suits",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(w *world, p *attest.Testset) {
				other := *p
				other.Edits = slices.Clone(p.Edits)
				other.Edits[0].Reason = "another reason"
				w.issue(owner, &other)
			}},
		},
		{
			name: "other-items", what: "a later version of the set has other items in the place of the first",
			expect: "contradicted testset/history", base: hooks{next: unchanged},
			hooks: hooks{next: func(_ *world, p *attest.Testset) { p.Consistency[0][0] ^= 1 }},
		},
		{
			name: "set-renamed", what: "the evaluator registers the run under the name of a better known set",
			expect: "contradicted testset/committed",
			hooks:  hooks{registration: func(_ *world, p *attest.Registration) { p.TestsetName = "hard sums" }},
		},
		{
			name: "hidden-registration", what: "a run that was announced before is kept back: the best of two is shown",
			expect: "missing completeness/registrations", scanned: true,
			base: hooks{policy: requireC2}, hooks: hooks{policy: requireC2, early: anotherRun, pack: keepBackFirst},
		},
		{
			name: "unreported-run", what: "an announced run is shown and was never reported",
			expect: "missing completeness/registrations", scanned: true,
			base: hooks{policy: requireC2}, hooks: hooks{policy: requireC2, early: anotherRun},
		},
		{
			name: "set-of-the-lab", what: "the set is owned by somebody who is not independent of the lab, and can be cloned at will",
			expect: "missing completeness/registrations", scanned: true,
			base:  hooks{policy: requireC2},
			hooks: hooks{policy: func(text string) string { return ownerIsNotApart(requireC2(text)) }},
		},
		{
			name: "held-before", what: "the evaluator held the items before the run was announced",
			expect: "missing order/run-later", base: runLater,
			hooks: with(runLater, func(h *hooks) {
				h.early = func(w *world, set, _ *attest.Entry) { w.grant(set, nil, evaluator) }
			}),
		},
		{
			name: "no-grant", what: "nothing says when the evaluator got the items",
			expect: "missing order/run-later", base: runLater,
			hooks: with(runLater, func(h *hooks) { h.registered = nil }),
		},
		{
			name: "early-round", what: "the result's beacon round was known before the run was announced",
			expect: "missing order/run-later", base: runLater,
			hooks: with(runLater, func(h *hooks) {
				h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(started) }
			}),
		},
		{
			name: "false-start", what: "an issuer's first statement names one before it, which is kept back",
			expect: "contradicted statement/one-branch",
			hooks:  hooks{testset: func(_ *world, p *attest.Testset) { p.Prev = digest("what came before") }},
		},
		{
			name: "set-name", what: "the set's id is that of another set",
			expect: "contradicted testset/committed",
			hooks:  hooks{testset: func(_ *world, p *attest.Testset) { p.SetID = testset.ID(owner, "another") }},
		},
		{
			name: "skeleton", what: "an item's leaf was exchanged after the set was committed",
			expect: "contradicted testset/skeleton",
			hooks: hooks{testset: func(w *world, p *attest.Testset) {
				w.version.Leaves = slices.Clone(w.version.Leaves)
				w.version.Leaves[1] = digest("another item")
				p.Skeleton = w.pack.AddArtifact(testset.FormatSkeleton(w.version.Leaves), p.Skeleton.MediaType, p.Skeleton.Name)
			}},
		},
		{
			name: "bitmap", what: "an item was retired after the set was committed",
			expect: "contradicted testset/active",
			hooks: hooks{
				testset: func(w *world, p *attest.Testset) {
					p.Bitmap = w.pack.AddArtifact([]byte{0b11101100}, p.Bitmap.MediaType, p.Bitmap.Name)
				},
				rows:    func(_ *world, r []run.Row) []run.Row { return slices.Delete(slices.Clone(r), 3, 4) },
				release: printed("80"),
			},
		},
		{
			name: "flipped-bit", what: "one bit of the published weights is another",
			expect: "contradicted model/recomputed", also: []string{"model/package"},
			published: publishedModel("weights with a flipped bit"),
		},
		{
			name: "uncovered", what: "there are more weights beside those of the modelID",
			expect:    "missing model/uncovered",
			published: &Published{ID: publishedModel("weights").ID, Package: digest("package"), Roles: modelRoles(), Uncovered: []string{"consolidated.pth"}, From: "model"},
		},
		{
			name: "other-model-released", what: "the model that was released is not the one that was run",
			expect: "contradicted model/same-as-released",
			hooks: hooks{release: func(w *world, p *attest.Release) {
				p.Model = weightsOf(w.t, []attest.RoleDigest{{Role: "weights", Digest: digest("other weights")}})
			}},
		},
		{
			name: "endpoint", what: "the release names another endpoint than the one whose id it gives",
			expect: "contradicted model/same-as-released", base: hooks{model: behindEndpoint, release: servedAt("https://api.lab.example")},
			hooks: hooks{model: behindEndpoint, release: servedAt("https://bigger.lab.example")},
		},
		{
			name: "model-parts", what: "the model's id does not follow from its parts",
			expect: "contradicted model/committed",
			hooks:  hooks{model: func(_ *world, p *attest.Model) { p.Roles[0].Digest = digest("other weights") }},
		},
		{
			name: "seal", what: "the release opens the seal with another model's secret",
			expect: "contradicted model/seal", also: []string{"model/same-as-released"},
			base:  hooks{sealed: true},
			hooks: hooks{sealed: true, release: func(_ *world, p *attest.Release) { p.Seals[0].Secret[5] ^= 1 }},
		},
		{
			name: "two-models", what: "a table shows two models under one name",
			expect: "contradicted model/same-in-all-rows", hooks: hooks{afterResult: twoModels(false, true)}, base: hooks{afterResult: twoModels(true, true)},
		},
		{
			name: "variant-kept-back", what: "a table shows a variant that was never released beside one that was",
			expect: "missing model/same-as-released", hooks: hooks{afterResult: twoModels(true, false)}, base: hooks{afterResult: twoModels(true, true)},
		},
		{
			name: "registration-after-result", what: "the registration carries a beacon round from after its result",
			expect: "contradicted order/registered-before-result",
			hooks:  hooks{registration: func(w *world, p *attest.Registration) { p.NotBefore = w.round(started.AddDate(0, 0, 10)) }},
		},
		{
			name: "registered-late", what: "the registration was logged days after its result",
			expect: "missing order/registered-before-result",
			hooks: hooks{logged: func(i int) (t time.Time) {
				if i == 2 {
					t = started.AddDate(0, 0, 5)
				}
				return t
			}},
		},
		{
			name: "unknown-key", what: "a stranger signs the release in the lab's name",
			expect: "missing identity/signed", also: lateChain, hooks: hooks{keyFor: strangerSigns("release")},
		},
		{
			name: "key-in-pack", what: "the stranger's key lies in the bundle",
			expect: "missing identity/signed", also: lateChain,
			hooks: hooks{keyFor: strangerSigns("release"), beforeLog: func(w *world, e *attest.Entry) {
				if e.Statement.Kind() == "release" {
					w.rebundle(e, `{"publicKey":{"hint":"lab","rawBytes":"`+base64.StdEncoding.EncodeToString([]byte(publicPEM(w.t, stranger)))+`"}}`)
				}
			}},
		},
		{
			name: "denied-statement", what: "the reader's policy denies the result",
			expect: "missing identity/signed", also: lateChain,
			hooks: hooks{policy: func(s string) string { return s + denyResult }},
		},
		{
			name: "wrong-role", what: "the policy knows the evaluator as an auditor alone",
			expect: "missing identity/role",
			hooks:  hooks{policy: func(s string) string { return strings.Replace(s, `roles = ["evaluator"]`, `roles = ["auditor"]`, 1) }},
		},
		{
			name: "configuration", what: "the configuration is another evaluator's",
			expect: "contradicted identity/configuration",
			hooks:  hooks{configure: func(c map[string]any) { c["evaluator"] = stranger }},
		},
		{
			name: "relation", what: "a lab that evaluates itself calls the evaluator independent",
			expect: "contradicted identity/configuration", base: selfEvaluated("first-party"), hooks: selfEvaluated("independent"),
		},
		{
			name: "unknown-member", what: "a registration before the run leaves a member unknown",
			expect: "missing identity/configuration",
			hooks:  hooks{configure: func(c map[string]any) { c["sampling"] = "unknown" }},
		},
		{
			name: "deadline", what: "the evaluator gives itself four months",
			expect: "contradicted registration/terms",
			hooks: hooks{registration: func(_ *world, p *attest.Registration) {
				p.Deadline = started.AddDate(0, 4, 0).Format(time.RFC3339)
			}},
		},
		{
			name: "other-evaluator", what: "the lab reports the run itself",
			expect: "contradicted result/evaluator",
			hooks:  hooks{reporter: lab, policy: labEvaluates}, base: hooks{policy: labEvaluates},
		},
		{
			name: "second-result", what: "the evaluator reports the run again, better",
			expect: "contradicted result/first",
			hooks: hooks{afterResult: func(w *world) {
				first := w.chains[evaluator][1].Statement.Predicate.(*attest.Result)
				again := *first
				w.issue(evaluator, &again)
			}, release: func(w *world, p *attest.Release) {
				p.Scores[0].Result = w.chains[evaluator][2].Statement.ID
				p.Refs[1].ID = p.Scores[0].Result
			}},
		},
		{
			name: "grade-range", what: "a grade is outside the metric's range",
			expect: "contradicted result/grades",
			hooks: hooks{
				grades: []string{"1", "1", "1", "0", "1.5", "0"},
				result: func(_ *world, p *attest.Result) { p.Score = "3/4" }, release: printed("75"),
			},
		},
		{
			name: "exclusion", what: "an item is excluded for a reason that was not registered",
			expect: "contradicted result/grades", hooks: hooks{grades: []string{"1", "1", "1", "excluded:hard", "1", "0"}},
		},
		{
			name: "no-quorum", what: "no witness cosigned the result",
			expect: "missing order/logged", also: []string{"order/registered-before-result"},
			hooks: hooks{pack: func(w *world) { w.log[3].Proof = w.proofBy(3, 4, nil) }},
		},
		{
			name: "witness-twice", what: "one witness cosigned twice where two are needed",
			expect: "missing order/logged", also: []string{"order/registered-before-result"},
			base: hooks{policy: twoWitnesses, pack: bothWitnesses},
			hooks: hooks{policy: twoWitnesses, pack: func(w *world) {
				bothWitnesses(w)
				at := w.loggedAt(3)
				once := w.proofBy(3, 4, map[string]time.Time{witName: at})
				text, _ := checkpointOf(once)
				w.log[3].Proof = append(once, cosign(witName, text, at.Add(time.Minute))...)
			}},
		},
		{
			name: "other-index", what: "the result's proof is that of another entry",
			expect: "missing order/logged", also: []string{"order/registered-before-result"},
			hooks: hooks{pack: func(w *world) { w.log[3].Proof = w.proof(2, 4, w.loggedAt(3)) }},
		},
		{
			name: "old-heads", what: "nobody has issued a head for two months",
			expect: "missing completeness/chains", also: []string{"retraction/none"},
			hooks: hooks{policy: func(s string) string { return strings.Replace(s, `freshness = "720h"`, `freshness = "24h"`, 1) }},
		},
		{
			name: "equivocation", what: "the lab signed two statements with one number",
			expect: "contradicted statement/one-branch",
			hooks: hooks{pack: func(w *world) {
				first := w.chains[lab][0].Statement.Predicate.(*attest.Model)
				other := *first
				other.Name = "tiny-2"
				e := w.signAs(lab, &other)
				w.pack.Entries[e.Statement.ID] = e
			}},
		},
		{
			name: "forked-head", what: "the lab leaves a retraction out and hangs its head on an older statement",
			expect: "contradicted statement/one-branch", also: lateChain,
			hooks: hooks{pack: newHead(func(w *world, p *attest.ChainHead) {
				p.Seq, p.Prev, p.Newest = 3, w.chains[lab][0].Statement.ID, 2
			})},
		},
		{
			name: "head-number", what: "the lab's head names a statement as its newest that is newer than the head",
			expect: "contradicted statement/one-branch",
			hooks:  hooks{pack: newHead(func(_ *world, p *attest.ChainHead) { p.Newest = 7 })},
		},
		{
			name: "retracted", what: "the lab withdrew the release",
			expect: "retracted retraction/none",
			hooks: hooks{pack: func(w *world) {
				target := w.chains[lab][1].Statement.ID
				e := w.sign(lab, &attest.Retraction{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: target}}}, Target: target, Reason: "the table was wrong",
				})
				w.pack.Entries[e.Statement.ID] = e
			}},
		},
		{
			name: "artifact", what: "a grade was changed inside the pack",
			expect: "malformed", says: "holds other bytes",
			hooks: hooks{pack: func(w *world) {
				rows := slices.Clone(w.rows)
				rows[3].Grade = "1"
				p := w.chains[evaluator][1].Statement.Predicate.(*attest.Result)
				w.must(w.pack.ReplaceArtifact(p.Rows.SHA256, run.FormatRows(rows)))
			}},
		},
	}...)
}

func unchanged(*world, *attest.Testset) {}

func requireC2(text string) string {
	return strings.Replace(text, `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"C2\"]", 1)
}

// later is a run that began after it was registered, as far as an owner can say.
func later(change func(*hooks)) hooks {
	h := hooks{
		policy: func(text string) string {
			return strings.Replace(text, `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"O2\"]", 1)
		},
		registered: func(w *world, set, registration *attest.Entry) { w.grant(set, registration, evaluator) },
		result:     func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(150 * time.Minute)) },
	}
	change(&h)
	return h
}

func anotherRun(w *world, set, model *attest.Entry) { w.register(set, model) }

func with(h hooks, change func(*hooks)) hooks {
	change(&h)
	return h
}

// newHead has the lab sign another head in the place of its last statement.
func newHead(change func(*world, *attest.ChainHead)) func(*world) {
	return func(w *world) {
		last := len(w.log) - 1
		old := w.log[last]
		p := *old.Statement.Predicate.(*attest.ChainHead)
		change(w, &p)
		delete(w.pack.Entries, old.Statement.ID)
		w.log[last] = w.signAs(lab, &p)
		w.pack.Entries[w.log[last].Statement.ID] = w.log[last]
		w.prove()
	}
}

// behindEndpoint is a model that the lab serves and does not publish.
func behindEndpoint(_ *world, p *attest.Model) {
	e := &attest.Endpoint{Provider: "lab", URL: "https://api.lab.example", Model: "tiny"}
	p.Model = attest.ModelRef{Kind: attest.ModelEndpoint, ID: model.EndpointID(e.Provider, e.URL, e.Model)}
	p.Endpoint, p.Roles, p.Package = e, nil, nil
}

func servedAt(url string) func(*world, *attest.Release) {
	return func(w *world, p *attest.Release) {
		p.Model, p.Package = w.chains[lab][0].Statement.Predicate.(*attest.Model).Model, nil
		p.Endpoint = &attest.Endpoint{Provider: "lab", URL: url, Model: "tiny"}
	}
}

// selfEvaluated is a lab that registers and reports its own run.
func selfEvaluated(relation string) hooks {
	return hooks{
		policy: labEvaluates, reporter: lab,
		registration: func(_ *world, p *attest.Registration) { p.Evaluator = lab },
		configure:    func(c map[string]any) { c["evaluator"], c["relation"] = lab, relation },
	}
}

// denyResult is filled in when the honest result's id is known.
var denyResult string

func publishedModel(weights string) *Published {
	roles := modelRoles()
	roles[0].Digest = digest(weights)
	return &Published{ID: weightsOf(panicTB{}, roles).ID, Package: digest("package"), Roles: roles, From: "model"}
}

// panicTB lets fixtures be made outside a test.
type panicTB struct{ testing.TB }

func (panicTB) Helper()           {}
func (panicTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func strangerSigns(kind string) func(string, string) string {
	return func(k, issuer string) string {
		if k == kind {
			return stranger
		}
		return issuer
	}
}

func labEvaluates(s string) string {
	return strings.Replace(s, `roles = ["lab"]`, `roles = ["lab", "evaluator"]`, 1)
}

func twoWitnesses(s string) string {
	s = strings.Replace(s, "quorum w1\n", "witness w2 "+vkey("witness.example/w2", 4)+"\ngroup both all w1 w2\nquorum both\n", 1)
	return strings.Replace(s, "w1 = ", "w2 = \""+operator+"\"\nw1 = ", 1)
}

func bothWitnesses(w *world) {
	for i := range w.log {
		at := w.loggedAt(i)
		w.log[i].Proof = w.proofBy(i, uint64(i+1), map[string]time.Time{witName: at, "witness.example/w2": at})
	}
}

// checkpointOf is the signed text of a proof's checkpoint.
func checkpointOf(proof []byte) (text string, rest string) {
	_, note, _ := strings.Cut(string(proof), "\n\n")
	text, rest, _ = strings.Cut(note, "\n\n")
	return text + "\n", rest
}

// twoModels adds a second model with its run, and a claim over both. Where the second is
// not released, the claim names the release of the first.
func twoModels(declared, released bool) func(*world) {
	return func(w *world) {
		hooks := w.hooks
		w.hooks.model = func(w *world, p *attest.Model) {
			p.Name, p.Roles = "tiny-b", []attest.RoleDigest{{Role: "weights", Digest: digest("other weights")}}
			p.Model = weightsOf(w.t, p.Roles)
		}
		first := w.chains[evaluator][1]
		m := w.commitModel()
		second := w.report(w.register(w.chains[owner][0], m))
		pkg := digest("package")
		if released {
			w.issue(lab, &attest.Release{
				Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: m.Statement.ID}}},
				Name:   "tiny-b", Model: m.Statement.Predicate.(*attest.Model).Model, Published: []string{"https://hub.example/b"}, Package: &pkg,
			})
		}
		refs := []attest.Ref{{Role: attest.RoleResult, ID: first.Statement.ID}, {Role: attest.RoleResult, ID: second.Statement.ID}}
		if !released {
			tiny := w.chains[lab][0]
			refs = append(refs, attest.Ref{Role: attest.RoleRelease, ID: w.issue(lab, &attest.Release{
				Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: tiny.Statement.ID}}},
				Name:   "tiny", Model: tiny.Statement.Predicate.(*attest.Model).Model, Published: []string{"https://hub.example/tiny"}, Package: &pkg,
			}).Statement.ID})
		}
		score := func(label string, e *attest.Entry) attest.Score {
			return attest.Score{Label: label, Score: "66.7", Decimals: 1, Scale: "100", Result: e.Statement.ID}
		}
		w.issue(lab, &attest.Claim{
			Header: attest.Header{Refs: refs},
			Text:   "tiny is good at sums, twice", Variants: declared,
			Scores: []attest.Score{score("first", first), score("second", second)},
		})
		w.hooks = hooks
	}
}

// rebundle puts other verification material around a statement.
func (w *world) rebundle(e *attest.Entry, material string) {
	var b map[string]json.RawMessage
	w.must(json.Unmarshal(e.Bytes, &b))
	b["verificationMaterial"] = json.RawMessage(material)
	raw, err := json.Marshal(b)
	w.must(err)
	e.Bytes, err = attest.Canonicalize(raw)
	w.must(err)
	e.Bundle, err = attest.ParseBundle(e.Bytes)
	w.must(err)
}

const forgeryDir = "testdata/forgeries"

// TestForgeries judges every forged pack from its file.
func TestForgeries(t *testing.T) {
	honest := newWorld(t, hooks{})
	denyResult = fmt.Sprintf("\n[deny]\nstatements = [\"%s\"]\n", honest.chains[evaluator][1].Statement.ID)
	covered := map[string]bool{}
	for _, f := range slices.Concat(forgeries(), disclosureForgeries(), matchForgeries()) {
		t.Run(f.name, func(t *testing.T) {
			name := filepath.Join(forgeryDir, f.name+".txtar")
			if *update {
				writeForgery(t, name, f)
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(data)
			if want := header(f); string(a.Comment) != want {
				t.Fatalf("%s begins with %q, want %q; run with -update", name, a.Comment, want)
			}
			v, err := judgeArchive(t, a, f.published)
			if f.expect == "malformed" {
				if err == nil || f.says == "" || !strings.Contains(err.Error(), f.says) {
					t.Errorf("verdict %v, error %v, want one that says %q", v, err, f.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkWords(t, v)
			if f.expect == "unsupported" {
				if v.Headline != NotSupported || len(v.Claims) > 0 {
					t.Errorf("headline %s with %d claims, want %s with none", v.Headline, len(v.Claims), NotSupported)
				}
				return
			}
			compareVerdict(t, f, v)
		})
		_, check, _ := strings.Cut(f.expect, " ")
		covered[check] = true
	}
	for _, c := range Catalogue {
		if !covered[c.Name] {
			t.Errorf("no forgery shows that %s catches anything", c.Name)
		}
	}
}

// checkWords holds a verdict's JSON against its schema, and its words against what
// no verdict may say.
func checkWords(t *testing.T, v *Verdict) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Validate("verdict", data); err != nil {
		t.Errorf("the verdict's JSON: %v", err)
	}
	for _, word := range []string{"uncontaminated", "trustworthy"} {
		if strings.Contains(strings.ToLower(string(data)), word) {
			t.Errorf("the verdict says %q", word)
		}
	}
	if len(v.NotShown) == 0 || len(v.Trusting) == 0 {
		t.Errorf("the verdict hides what it does not show, or whom the reader trusts: %q, %q", v.NotShown, v.Trusting)
	}
}

func header(f forgery) string {
	return fmt.Sprintf("expect: %s\nat: %s\n\n%s\n\n", f.expect, judgedAt.Format(time.RFC3339), f.what)
}

func writeForgery(t *testing.T, name string, f forgery) {
	w := newWorld(t, f.hooks)
	a := &txtar.Archive{Comment: []byte(header(f))}
	a.Files = append(a.Files, txtar.File{Name: "policy.toml", Data: []byte(w.policyText())})
	files := w.files()
	if f.scanned {
		for path, file := range w.ledger() {
			files["ledger/"+path] = file.Data
		}
	}
	if f.stored != nil {
		f.stored(w, files)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		data := files[path]
		if strings.HasPrefix(path, "artifacts/") || strings.HasPrefix(path, "ledger/tile/") || !bytes.HasSuffix(data, []byte("\n")) {
			path, data = path+".b64", append([]byte(base64.StdEncoding.EncodeToString(data)), '\n')
		}
		a.Files = append(a.Files, txtar.File{Name: path, Data: data})
	}
	if err := os.MkdirAll(forgeryDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// files is the pack as it is stored, by path.
func (w *world) files() map[string][]byte {
	var b bytes.Buffer
	w.must(w.pack.WriteZip(&b))
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	w.must(err)
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		w.must(err)
		data, err := io.ReadAll(r)
		w.must(err)
		files[f.Name] = data
	}
	return files
}

func judgeArchive(t *testing.T, a *txtar.Archive, published *Published) (*Verdict, error) {
	t.Helper()
	return readArchive(t, a).judge(t, New, published)
}

// archived is what an archive holds.
type archived struct {
	policy        []byte
	pack, scanned fstest.MapFS
}

func readArchive(t *testing.T, a *txtar.Archive) archived {
	t.Helper()
	out := archived{pack: fstest.MapFS{}, scanned: fstest.MapFS{}}
	for _, f := range a.Files {
		if f.Name == "policy.toml" {
			out.policy = f.Data
			continue
		}
		name, data := f.Name, f.Data
		if cut, ok := strings.CutSuffix(name, ".b64"); ok {
			decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
			if err != nil {
				t.Fatal(err)
			}
			name, data = cut, decoded
		}
		if below, ok := strings.CutPrefix(name, "ledger/"); ok {
			out.scanned[below] = &fstest.MapFile{Data: data, Mode: 0o644}
			continue
		}
		out.pack[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	return out
}

// judge has the archive's pack judged by the verifier that there is for its policy.
func (a archived) judge(t *testing.T, verifier func(*Policy) *Verifier, published *Published) (*Verdict, error) {
	t.Helper()
	p, err := ParsePolicy(a.policy)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(p)
	pack, err := v.Reader().Dir(a.pack)
	if err != nil {
		return nil, err
	}
	opts := Options{At: judgedAt, Published: published, CheckToken: checkToken}
	if len(a.scanned) > 0 {
		if opts.Scans, err = ScanInto(t.Context(), pack, p, judgedAt, ledger.FS(a.scanned)); err != nil {
			return nil, err
		}
	}
	return v.Pack(t.Context(), pack, opts)
}

// compareVerdict holds the forged pack's checks against the honest pack's.
func compareVerdict(t *testing.T, f forgery, v *Verdict) {
	state, check, _ := strings.Cut(f.expect, " ")
	wantHeadline := map[string][]Headline{
		"contradicted": {ContradictedClaim},
		"retracted":    {Retracted},
		"missing":      {NotSupported, SupportedWithGaps},
		"uncheckable":  {CannotCheck},
	}[state]
	if f.name == "uncovered" {
		wantHeadline = []Headline{Supported} // D2 is not required at CAL-1
	}
	if !slices.Contains(wantHeadline, v.Headline) {
		t.Errorf("headline %s, want one of %v", v.Headline, wantHeadline)
	}
	base := f.base
	w := newWorld(t, base)
	opts := Options{At: judgedAt, CheckToken: checkToken}
	if f.published != nil {
		opts.Published = publishedModel("weights")
	}
	var err error
	if f.scanned {
		opts.Scans, err = ScanInto(t.Context(), w.pack, w.policy(), judgedAt, ledger.FS(w.ledger()))
		w.must(err)
	}
	honest, err := Pack(t.Context(), w.pack, w.policy(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if honest.Headline != Supported {
		t.Errorf("the honest pack is %s", honest.Headline)
	}
	was, is := states(honest), states(v)
	var changed []string
	for name := range is {
		if was[name] != is[name] {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	want := append([]string{check}, f.also...)
	if state == "retracted" {
		want = []string{check}
	}
	slices.Sort(want)
	if !slices.Equal(changed, want) {
		t.Errorf("checks that differ from the honest pack: %v, want %v", changed, want)
		for _, name := range changed {
			t.Logf("%s: %s, was %s", name, is[name], was[name])
		}
	}
	wantState := map[string]State{"contradicted": Contradicted, "missing": Missing, "uncheckable": Missing, "retracted": Missing}[state]
	if is[check] != wantState {
		t.Errorf("%s is %s, want %s", check, is[check], wantState)
	}
}

// states is the worst state of each check over all rows.
func states(v *Verdict) map[string]State {
	rank := []State{NotApplicable, Proven, Attested, Missing, Contradicted}
	out := map[string]State{}
	for _, c := range v.Claims {
		for _, r := range c.Rows {
			for _, check := range r.Checks {
				old, ok := out[check.Name]
				if !ok || slices.Index(rank, check.State) > slices.Index(rank, old) {
					out[check.Name] = check.State
				}
			}
		}
	}
	return out
}
