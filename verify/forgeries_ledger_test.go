package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// datedAt has the result cosigned at one time alone.
func datedAt(at time.Time) func(*world) {
	return func(w *world) { w.log[3].Proof = w.proofBy(3, 4, map[string]time.Time{witName: at}) }
}

// unlogged takes an entry's proof away and puts this in its place.
func unlogged(i int, token []byte) func(*world) {
	return func(w *world) { w.log[i].Proof, w.log[i].Timestamp = nil, token }
}

// anyWitness is a quorum that each of two witnesses meets by itself.
func anyWitness(s string) string {
	return strings.Replace(requireC2(twoWitnesses(s)), "group both all", "group both any", 1)
}

// ownWitness is a quorum that one of two witnesses meets, of whom one is a party's.
func ownWitness(party string, change func(string) string) func(string) string {
	return func(s string) string {
		s = strings.Replace(twoWitnesses(s), "group both all", "group both any", 1)
		return change(strings.Replace(s, fmt.Sprintf("w2 = %q", operator), fmt.Sprintf("w2 = %q", party), 1))
	}
}

// seenLate has the independent witness see an entry at that time alone. What it is
// dated by the other witness stays.
func seenLate(i int, at time.Time) func(*world) {
	return func(w *world) {
		bothWitnesses(w)
		w.log[i].Proof = w.proofBy(i, uint64(i+1), map[string]time.Time{witName: at, "witness.example/w2": w.loggedAt(i)})
	}
}

// endOfKey has the policy trust an issuer's key until then.
func endOfKey(issuer string, until time.Time) func(string) string {
	pem := "pem = '''\n" + publicPEM(panicTB{}, issuer) + "'''\n"
	return inText(pem, pem+"until = "+until.Format(time.RFC3339)+"\n")
}

// splitView is a ledger that shows one history to its friends, with one witness, and
// another to whoever scans it, with the other: there the first run is not announced.
func splitView() hooks {
	return hooks{
		policy: anyWitness, early: anotherRun,
		pack: func(w *world) {
			for i := range w.log {
				w.log[i].Proof = w.proofBy(i, uint64(i+1), map[string]time.Time{witName: w.loggedAt(i)})
			}
			delete(w.pack.Entries, w.chains[evaluator][0].Statement.ID)
		},
		shown: func(w *world) []byte {
			w.log[2] = w.signAs(stranger, &attest.Claim{Header: attest.Header{Issuer: stranger}, Text: "nothing to see here", Scores: w.sums("0")})
			return w.proofBy(0, uint64(len(w.log)), map[string]time.Time{"witness.example/w2": headTime.Add(time.Hour)})
		},
	}
}

// twoHistories is a ledger like splitView's, whose one witness cosigned both.
func twoHistories() hooks {
	h := splitView()
	h.policy = requireC2
	shown := h.shown
	h.shown = func(w *world) []byte {
		shown(w)
		return w.proof(0, uint64(len(w.log)), headTime.Add(time.Hour))
	}
	return h
}

// alsoReported has a run on the set announced before, and reported as result says.
func alsoReported(report func(w *world, registration *attest.Entry)) hooks {
	return hooks{policy: requireC2, early: func(w *world, set, model *attest.Entry) { report(w, w.register(set, model)) }}
}

// ledgerForgeries are about time, and about what was logged.
func ledgerForgeries() []forgery {
	undated := []string{"order/registered-before-result"}
	lateChain := []string{"completeness/chains", "retraction/none"}
	return []forgery{
		{
			name: "timestamp-zero", what: "the witness's cosignature on the result vouches for no time",
			expect: "missing order/logged", also: undated, hooks: hooks{pack: datedAt(time.Unix(0, 0))},
		},
		{
			name: "future-cosignature", what: "the result is cosigned tomorrow",
			expect: "missing order/logged", also: undated, hooks: hooks{pack: datedAt(judgedAt.AddDate(0, 0, 1))},
		},
		{
			name: "quorum-of-none", what: "the policy's quorum is met by nobody",
			expect: "missing order/logged", also: append(undated, append(lateChain, "registration/terms")...),
			hooks: hooks{policy: func(s string) string { return strings.Replace(s, "quorum w1\n", "quorum none\n", 1) }},
		},
		{
			name: "backdated", what: "the evaluator's own witness dates the registration back; the independent one saw it after the result",
			expect: "missing order/registered-before-result",
			base:   hooks{policy: ownWitness(evaluator, inText("", "")), pack: bothWitnesses},
			hooks:  hooks{policy: ownWitness(evaluator, inText("", "")), pack: seenLate(2, started.AddDate(0, 0, 5))},
		},
		{
			name: "expired-key", what: "the lab's old key signs a release, which the lab's own witness dates back to when the key was trusted",
			expect: "missing identity/signed", also: lateChain,
			base:  hooks{policy: ownWitness(lab, endOfKey(lab, headTime.AddDate(0, 0, 1))), pack: bothWitnesses},
			hooks: hooks{policy: ownWitness(lab, endOfKey(lab, headTime.AddDate(0, 0, 1))), pack: seenLate(4, headTime.AddDate(0, 0, 5))},
		},
		{
			name: "token", what: "the registration has a token of a timestamp authority in the place of a ledger's proof",
			expect: "missing order/logged", also: append(undated, "registration/terms"),
			hooks: hooks{pack: unlogged(2, []byte("0\x82 a token over its payload"))},
		},
		{
			name: "empty-proof", what: "the result's proof is an empty file",
			expect: "missing order/logged", also: undated,
			hooks: hooks{pack: unlogged(3, nil)},
			stored: func(w *world, files map[string][]byte) {
				files["entries/"+w.log[3].Statement.ID.String()+".tlog-proof"] = nil
			},
		},
		{
			name: "proof-of-another", what: "the result has the proof of the registration, all of it",
			expect: "missing order/logged", also: undated,
			hooks: hooks{pack: func(w *world) { w.log[3].Proof = w.log[2].Proof }},
		},
		{
			name: "split-view", what: "a ledger with two histories shows the one without the first run; either witness is a quorum",
			expect: "missing completeness/registrations", scanned: true,
			also: []string{"statement/one-branch", "retraction/none", "result/first"},
			base: hooks{policy: func(s string) string { return requireC2(twoWitnesses(s)) }, pack: bothWitnesses, shown: func(w *world) []byte {
				at := headTime.Add(time.Hour)
				return w.proofBy(0, uint64(len(w.log)), map[string]time.Time{witName: at, "witness.example/w2": at})
			}},
			hooks: splitView(),
		},
		{
			name: "two-histories", what: "a ledger and its witness sign two histories, and show the one without the first run to whoever scans",
			expect: "missing completeness/registrations", scanned: true,
			also: []string{"statement/one-branch", "retraction/none", "result/first"},
			base: hooks{policy: requireC2}, hooks: twoHistories(),
		},
		{
			name: "two-trees", what: "the result is proven to be in another tree than the rest, of the same size, under the same witness",
			expect: "missing order/logged", also: append(undated, append(lateChain, "registration/terms")...),
			hooks: hooks{pack: func(w *world) {
				for i := range w.log[:4] {
					w.log[i].Proof = w.proof(i, 4, w.loggedAt(3))
				}
				w.log = slices.Clone(w.log)
				w.log[1] = w.signAs(stranger, &attest.Claim{Header: attest.Header{Issuer: stranger}, Text: "nothing", Scores: w.sums("0")})
				w.log[3].Proof = w.proof(3, 4, w.loggedAt(3))
			}},
		},
		{
			name: "own-witness", what: "the ledger's only witness is the lab's: it could cosign another history",
			expect: "missing completeness/registrations", scanned: true,
			also: []string{"order/logged", "completeness/chains", "statement/one-branch", "retraction/none", "result/first"},
			base: hooks{policy: requireC2},
			hooks: hooks{policy: func(s string) string {
				return strings.Replace(requireC2(s), fmt.Sprintf("w1 = %q", operator), fmt.Sprintf("w1 = %q", lab), 1)
			}},
		},
		{
			name: "report-withdrawn", what: "the evaluator withdraws the bad result of a run and reports it again, better",
			expect: "missing completeness/registrations", scanned: true,
			base: alsoReported(func(w *world, run *attest.Entry) { w.report(run) }),
			hooks: alsoReported(func(w *world, run *attest.Entry) {
				bad := w.report(run).Statement.ID
				w.issue(evaluator, &attest.Retraction{
					Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: bad}}}, Target: bad, Reason: "a better one was found",
				})
				w.report(run)
			}),
		},
		{
			name: "report-of-one-row", what: "another announced run is reported with one row of six",
			expect: "missing completeness/registrations", scanned: true,
			base: alsoReported(func(w *world, run *attest.Entry) { w.report(run) }),
			hooks: alsoReported(func(w *world, run *attest.Entry) {
				w.report(run)
				p := w.result(run.Statement.ID, w.rows[3:4])
				last := len(w.log) - 1
				delete(w.pack.Entries, w.log[last].Statement.ID)
				w.log, w.chains[evaluator] = w.log[:last], w.chains[evaluator][:1]
				w.issue(evaluator, p)
			}),
		},
		{
			name: "report-of-another-score", what: "another announced run states a lower score than its rows give, so that this one is the best",
			expect: "missing completeness/registrations", scanned: true,
			base: alsoReported(func(w *world, run *attest.Entry) { w.report(run) }),
			hooks: alsoReported(func(w *world, run *attest.Entry) {
				w.hooks.result = func(_ *world, p *attest.Result) { p.Score = "1/6" }
				w.report(run)
				w.hooks.result = nil
			}),
		},
		{
			name: "old-round", what: "the lab's head was logged this week, and carries a beacon round of two months ago",
			expect: "missing completeness/chains", also: []string{"retraction/none"},
			hooks: hooks{pack: newHead(func(w *world, p *attest.ChainHead) { p.NotBefore = w.round(genesis.AddDate(0, 0, 1)) })},
		},
		{
			name: "future-round", what: "the lab's head carries a beacon round that is to come",
			expect: "missing completeness/chains", also: []string{"retraction/none"},
			hooks: hooks{pack: newHead(func(w *world, p *attest.ChainHead) { p.NotBefore = w.round(judgedAt.AddDate(0, 0, 1)) })},
		},
		{
			name: "skipped-statement", what: "the lab withdrew something, keeps that back, and issues a head over the gap",
			expect: "missing completeness/chains", also: []string{"retraction/none"},
			hooks: hooks{pack: newHead(func(_ *world, p *attest.ChainHead) {
				p.Seq, p.Newest, p.Prev = 3, 2, digest("the retraction that is kept back")
			})},
		},
	}
}

// rewrite changes how an entry is stored, and keeps its name.
func rewrite(of func(*world) *attest.Entry, change func([]byte) []byte) func(*world, map[string][]byte) {
	return func(w *world, files map[string][]byte) {
		name := "entries/" + of(w).Statement.ID.String() + ".sigstore.json"
		files[name] = change(files[name])
	}
}

func theRelease(w *world) *attest.Entry { return w.chains[lab][1] }

// repay puts another payload around the release, under its new id.
func repay(change func(payload string) string) func(*world, map[string][]byte) {
	return func(w *world, files map[string][]byte) {
		old := theRelease(w)
		payload := []byte(change(string(old.Statement.Payload)))
		bundle, err := attest.FormatBundle(payload, nil, "test")
		w.must(err)
		delete(files, "entries/"+old.Statement.ID.String()+".sigstore.json")
		delete(files, "entries/"+old.Statement.ID.String()+".tlog-proof")
		files["entries/"+attest.StatementID(payload).String()+".sigstore.json"] = bundle
	}
}

func inText(old, now string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, now, 1) }
}

func inBytes(old, now string) func([]byte) []byte {
	return func(data []byte) []byte { return []byte(strings.Replace(string(data), old, now, 1)) }
}

// packForgeries are packs that two readers could read differently, or that do not
// hold what they name: they are not read at all.
func packForgeries() []forgery {
	return []forgery{
		{
			name: "non-canonical", what: "the release's payload is spelled in another way",
			expect: "malformed", says: "not canonical", stored: repay(inText("{", "{ ")),
		},
		{
			name: "name-twice", what: "the release has two names: each reader takes the one that it likes",
			expect: "malformed", says: `duplicate name "name"`, stored: repay(inText(`"name":"tiny"`, `"name":"tiny","name":"huge"`)),
		},
		{
			name: "payload-twice", what: "the release's bundle has two payloads",
			expect: "malformed", says: `duplicate name "payload"`,
			stored: rewrite(theRelease, inBytes(`"payload":"`, `"payload":"e30=","payload":"`)),
		},
		{
			name: "no-scores", what: "a claim has an empty table",
			expect: "malformed", says: "/scores", stored: repay(func(payload string) string {
				from := strings.Index(payload, `"scores":[`) + len(`"scores":[`)
				return payload[:from] + payload[strings.Index(payload, `],"seq"`):]
			}),
		},
		{
			name: "no-artifact", what: "the release says n/a where its package should be",
			expect: "malformed", says: "/package", stored: repay(func(payload string) string {
				return strings.Replace(payload, `"package":"`+digest("package").String()+`"`, `"package":"n/a"`, 1)
			}),
		},
		{
			name: "artifact-size", what: "the result says that its rows have no bytes",
			expect: "malformed", says: "want 0", hooks: hooks{result: func(_ *world, p *attest.Result) { p.Rows.Size = 0 }},
		},
		{
			name: "artifact-larger", what: "the result says that its rows, an empty file, have many bytes",
			expect: "malformed", says: "has 0 bytes", hooks: hooks{result: func(w *world, p *attest.Result) {
				p.Rows = w.pack.AddArtifact(nil, p.Rows.MediaType, p.Rows.Name)
				p.Rows.Size = 1000
			}},
		},
		{
			name: "proof-alone", what: "a proof is there, and what it proves is left out",
			expect: "malformed", says: "without its statement", stored: func(w *world, files map[string][]byte) {
				delete(files, "entries/"+w.log[2].Statement.ID.String()+".sigstore.json")
			},
		},
		{
			name: "false-name", what: "the result is stored under the name of another statement",
			expect: "malformed", says: "holds the statement", stored: func(w *world, files map[string][]byte) {
				stem := func(i int) string { return "entries/" + w.log[i].Statement.ID.String() + ".sigstore.json" }
				files[stem(2)] = files[stem(3)]
			},
		},
		{
			name: "policy-inside", what: "the pack brings the policy that it wants to be judged by",
			expect: "malformed", says: "want only entries/", stored: func(w *world, files map[string][]byte) {
				files["policy/policy.toml"] = fmt.Appendf(nil, "%s", w.policyText())
			},
		},
	}
}
