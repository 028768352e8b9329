package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// monitored is a policy that asks for completeness and names a monitor.
func monitored(text string) string {
	text = strings.Replace(requireC2(text), fmt.Sprintf("%q]]", operator), fmt.Sprintf("%q, %q]]", operator, monitor), 1)
	return strings.Replace(text, "[[beacon]]", fmt.Sprintf("[[issuer]]\nuri = %q\nroles = [\"monitor\"]\n[[issuer.key]]\npem = '''\n%s'''\n\n[[beacon]]", monitor, publicPEM(panicTB{}, monitor)), 1)
}

func thenMonitored(change func(string) string) func(string) string {
	return func(text string) string { return change(monitored(text)) }
}

// tells has the monitor read the whole ledger and answer what the pack's verdict asks.
// Each inventory may be changed before it is signed.
func tells(change func(*world, *attest.Inventory)) func(*world) {
	return func(w *world) {
		w.tell(w.pack, change)
		w.prove()
	}
}

func (w *world) tell(about *attest.Pack, change func(*world, *attest.Inventory)) {
	taken, err := TakeInventories(w.t.Context(), w.policy(), judgedAt, Queries(about), ledger.FS(w.ledger()))
	w.must(err)
	for _, t := range taken {
		t.Inventory.NotBefore = w.round(headTime)
		if change != nil {
			change(w, t.Inventory)
		}
		w.issue(monitor, t.Inventory)
	}
}

func told(change func(*world, *attest.Inventory)) hooks {
	return hooks{policy: monitored, pack: tells(change)}
}

// toldOf has the monitor tell of the ledger after something was added to it that is not
// in the pack.
func toldOf(add func(*world) *attest.Entry) func(*world) {
	return func(w *world) {
		hidden := add(w)
		tells(nil)(w)
		delete(w.pack.Entries, hidden.Statement.ID)
	}
}

// inventories does something to each of those in the pack.
func inventories(w *world, do func(*attest.Entry)) {
	for _, e := range w.chains[monitor] {
		do(e)
	}
}

// without takes statements out of an inventory.
func without(p *attest.Inventory, drop func(attest.Found) bool) {
	p.Found = slices.DeleteFunc(slices.Clone(p.Found), drop)
}

// noted puts another note of the ledger's into the inventories.
func noted(w *world, p *attest.Inventory, size uint64, root attest.Hash, witnesses map[string]time.Time) {
	proof, err := ledger.ParseProof(w.proofOf(0, size, root, nil, witnesses))
	w.must(err)
	p.Checkpoint = string(proof.Checkpoint)
}

func (w *world) withdraw(issuer string, e *attest.Entry) *attest.Entry {
	id := e.Statement.ID
	return w.issue(issuer, &attest.Retraction{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: id}}}, Target: id, Reason: "bad"})
}

// inventoryForgeries are about what monitors say of ledgers that nobody scans here.
func inventoryForgeries() []forgery {
	honest := told(nil)
	uncounted := func(name, what string, hooks hooks) forgery {
		return forgery{name: name, what: what, expect: "missing completeness/registrations", base: honest, hooks: hooks}
	}
	twice := hooks{policy: monitored, pack: tells(nil), early: func(w *world, set, model *attest.Entry) { w.report(w.register(set, model)) }}
	runLater := later(func(h *hooks) {
		h.policy, h.pack = thenMonitored(inText(`facets = ["C2"]`, `facets = ["C2", "O2"]`)), tells(nil)
	})
	matched := hooks{policy: thenMonitored(knows(auditor, "auditor")), pack: tells(nil), release: func(_ *world, p *attest.Release) { p.Published = append(p.Published, atCommit) }}
	withMatch := with(matched, func(h *hooks) {
		h.policy = thenMonitored(func(s string) string {
			return inText(`facets = ["C2"]`, `facets = ["C2", "D2"]`)(knows(auditor, "auditor")(s))
		})
		h.released = func(w *world, release *attest.Entry) { w.audit(auditor, release, nil) }
	})
	return []forgery{
		uncounted("told-of-run", "a run that was announced before is kept back, and a monitor lists it", hooks{policy: monitored, early: anotherRun,
			pack: func(w *world) {
				tells(nil)(w)
				delete(w.pack.Entries, w.chains[evaluator][0].Statement.ID)
			}}),
		uncounted("monitor-of-the-lab", "the monitor is not independent of the lab", hooks{
			policy: thenMonitored(func(s string) string { return strings.Replace(s, fmt.Sprintf(", %q]]", monitor), "]]", 1) }), pack: tells(nil)}),
		uncounted("no-monitor", "whoever took the inventories is an auditor to the policy, not a monitor", hooks{
			policy: thenMonitored(inText(`roles = ["monitor"]`, `roles = ["auditor"]`)), pack: tells(nil)}),
		uncounted("inventory-unlogged", "nothing shows that the inventories were logged", hooks{policy: monitored, pack: func(w *world) {
			tells(nil)(w)
			inventories(w, func(e *attest.Entry) { e.Proof = nil })
		}}),
		uncounted("inventory-old", "the inventories carry a beacon round of two months ago", told(func(w *world, p *attest.Inventory) {
			p.NotBefore = w.round(genesis.AddDate(0, 0, 1))
		})),
		uncounted("inventory-to-come", "the inventories carry a beacon round that is to come", told(func(w *world, p *attest.Inventory) {
			p.NotBefore = w.round(judgedAt.AddDate(0, 0, 1))
		})),
		uncounted("inventory-old-tree", "the inventories are new, and the tree that was read is one that witnesses saw two months ago", told(func(w *world, p *attest.Inventory) {
			noted(w, p, p.Size, p.Root, map[string]time.Time{witName: genesis.AddDate(0, 0, 1)})
		})),
		uncounted("inventory-no-quorum", "the tree that was read is one that no witness saw", told(func(w *world, p *attest.Inventory) {
			noted(w, p, p.Size, p.Root, nil)
		})),
		uncounted("inventory-other-tree", "the inventories come with a note of another tree than they name", told(func(w *world, p *attest.Inventory) {
			p.Root = digest("another tree")
		})),
		uncounted("inventory-early", "the ledger was read before the score was published", hooks{policy: monitored,
			release: func(w *world, _ *attest.Release) {
				w.tell(w.pack, nil)
				w.issue(lab, &attest.ChainHead{Header: attest.Header{NotBefore: w.round(headTime)}, Newest: uint64(len(w.chains[lab]) - 1)})
			}}),
		uncounted("inventory-withdrawn", "the monitor withdrew what it said", hooks{policy: monitored, pack: func(w *world) {
			tells(nil)(w)
			for _, e := range w.chains[monitor] {
				w.withdraw(monitor, e)
			}
			w.prove()
		}}),
		uncounted("inventory-branch", "the monitor gave one number to two statements", hooks{policy: monitored, pack: func(w *world) {
			tells(nil)(w)
			other := *w.chains[monitor][0].Statement.Predicate.(*attest.Inventory)
			other.Unknown++
			e := w.signAs(monitor, &other)
			w.pack.Entries[e.Statement.ID] = e
		}}),
		uncounted("inventory-of-another", "the inventories are of another lab's runs", told(func(_ *world, p *attest.Inventory) {
			if p.Query.Lab != "" {
				p.Query.Lab = stranger
				without(p, func(attest.Found) bool { return true })
			}
		})),
		uncounted("inventory-no-list", "the list of what was found is kept back", told(func(w *world, p *attest.Inventory) {
			list, err := attest.FormatFound(p.Found)
			w.must(err)
			a := attest.NewPack().AddArtifact(list, attest.InventoryType, "inventory.jsonl")
			p.Found, p.List = nil, &a
		})),
		{
			name: "inventory-false", what: "the inventories leave out another run that the pack shows, and its result",
			expect: "missing completeness/registrations", base: twice,
			hooks: with(twice, func(h *hooks) {
				h.pack = tells(func(w *world, p *attest.Inventory) {
					if p.Query.Lab != "" {
						without(p, func(f attest.Found) bool { return f.Seq < 2 })
					}
				})
			}),
		},
		{
			name: "told-of-result", what: "the evaluator reported the run before, and keeps that back; a monitor lists it",
			expect: "missing completeness/registrations", also: []string{"result/first", "completeness/chains"}, base: honest,
			hooks: hooks{policy: monitored, pack: toldOf(func(w *world) *attest.Entry { return w.chains[evaluator][1] }),
				afterResult: func(w *world) {
					again := *w.chains[evaluator][1].Statement.Predicate.(*attest.Result)
					w.issue(evaluator, &again)
				},
				release: func(w *world, p *attest.Release) {
					p.Scores[0].Result = w.chains[evaluator][2].Statement.ID
					p.Refs[1].ID = p.Scores[0].Result
				}},
		},
		{
			name: "told-of-retraction", what: "the lab withdrew the release, and keeps that back; a monitor lists it",
			expect: "missing retraction/none", base: honest,
			hooks: hooks{policy: monitored, pack: toldOf(func(w *world) *attest.Entry { return w.withdraw(lab, w.chains[lab][1]) })},
		},
		{
			name: "told-of-withdrawn-result", what: "the evaluator withdrew the result, and keeps that back; a monitor lists it",
			expect: "missing retraction/none", also: []string{"completeness/registrations"}, base: honest,
			hooks: hooks{policy: monitored, pack: toldOf(func(w *world) *attest.Entry { return w.withdraw(evaluator, w.chains[evaluator][1]) })},
		},
		{
			name: "told-of-branch", what: "the lab has given one number to two statements, of which the pack shows one; a monitor lists both",
			expect: "missing statement/one-branch", also: []string{"completeness/chains", "retraction/none"}, base: honest,
			hooks: hooks{policy: monitored, pack: toldOf(func(w *world) *attest.Entry {
				other := *w.chains[lab][0].Statement.Predicate.(*attest.Model)
				other.Name = "tiny-2"
				e := w.signAs(lab, &other)
				w.log = append(w.log, e)
				return e
			})},
		},
		{
			name: "told-of-grant", what: "the owner granted the items before, on another branch of its numbering than the pack shows; a monitor lists it",
			expect: "missing order/run-later", also: []string{"statement/one-branch", "completeness/chains", "retraction/none"}, base: runLater,
			hooks: with(runLater, func(h *hooks) {
				h.pack = toldOf(func(w *world) *attest.Entry {
					other := *w.chains[owner][1].Statement.Predicate.(*attest.Grant)
					other.RunID, other.Refs = nil, other.Refs[:1]
					e := w.signAs(owner, &other)
					w.log = append(w.log, e)
					return e
				})
			}),
		},
		{
			name: "told-of-audit", what: "the owner graded the answers anew, and the pack leaves that out; a monitor lists it",
			expect: "missing audit/regrade", base: honest,
			hooks: hooks{policy: monitored, pack: toldOf(func(w *world) *attest.Entry {
				id := w.chains[evaluator][1].Statement.ID
				return w.issue(owner, &attest.Audit{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: id}}}, What: attest.AuditRegrade, Result: id, Method: "by hand",
					Regrade: &attest.Regrade{Rows: attest.NewPack().AddArtifact([]byte("{}\n"), "application/vnd.proctor.results+jsonl", "rows"), Checked: 1, Changed: 1, Score: "1/2"},
				})
			})},
		},
		{
			name: "told-of-match", what: "an auditor found another model where the release says that its own is, and the pack leaves that out; a monitor lists it",
			expect: "missing audit/model-match", base: matched,
			hooks: with(matched, func(h *hooks) {
				h.pack = toldOf(func(w *world) *attest.Entry { return w.issue(auditor, w.matchOf(w.chains[lab][1], foundOther)) })
			}),
		},
		{
			name: "told-of-withdrawn-match", what: "the auditor withdrew what it had found, after its head, and the pack leaves that out; a monitor lists it",
			expect: "missing model/recomputed", also: []string{"audit/model-match", "model/package", "model/uncovered"}, base: withMatch,
			hooks: with(withMatch, func(h *hooks) {
				h.pack = toldOf(func(w *world) *attest.Entry { return w.withdraw(auditor, w.chains[auditor][0]) })
			}),
		},
		{
			name: "told-of-auditors-branch", what: "the auditor has given one number to two statements, of which the pack shows one; a monitor lists both",
			expect: "missing model/recomputed", also: []string{"audit/model-match", "model/package", "model/uncovered"}, base: withMatch,
			hooks: with(withMatch, func(h *hooks) {
				h.pack = toldOf(func(w *world) *attest.Entry {
					other := digest("something else")
					e := w.signAs(auditor, &attest.Retraction{
						Header: attest.Header{Issuer: auditor, Refs: []attest.Ref{{Role: attest.RoleTarget, ID: other}}}, Target: other, Reason: "bad",
					})
					w.log = append(w.log, e)
					return e
				})
			}),
		},
		{
			name: "inventory-two-trees", what: "a monitor was shown another tree than the pack, of one size, and the witness cosigned both",
			expect: "missing order/logged", base: honest,
			also: []string{"order/registered-before-result", "completeness/chains", "completeness/registrations", "retraction/none", "registration/terms"},
			hooks: told(func(w *world, p *attest.Inventory) {
				p.Size, p.Root, p.Found = 4, digest("another tree"), []attest.Found{}
				noted(w, p, p.Size, p.Root, map[string]time.Time{witName: headTime})
			}),
		},
	}
}
