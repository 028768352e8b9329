package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// The result is logged after three hours, its answer after four.
var (
	challengeTime = started.Add(3*time.Hour + 30*time.Minute)
	answerBy      = started.AddDate(0, 0, 14)
)

// challenged is a run whose evaluator opens the leaves that a beacon draws, and whose
// answers an independent auditor graded alike. Each part may be changed.
type challenged struct {
	at     time.Time
	k      uint64
	by     time.Time
	open   func(*world, *challenge.Plan, []run.OpenedLeaf) []run.OpenedLeaf
	answer func(*world, *attest.OpenedAnswers)
	file   func([]byte) []byte // of the opening
	grades func([]run.Row) []run.Row
	audit  func(*world, *attest.Audit)
	who    string // audits
	after  func(w *world, answer, audit *attest.Entry)
	silent bool // nobody answers
	alone  bool // nobody audits
}

func (c challenged) hooks() hooks {
	return hooks{
		result: func(w *world, p *attest.Result) {
			r := w.round(c.at)
			p.Challenge = &attest.Challenge{Chain: r.Chain, Round: r.Round, K: c.k, AnswerBy: c.by.Format(time.RFC3339)}
		},
		afterResult: func(w *world) {
			if !c.silent {
				c.respond(w)
			}
		},
		policy: func(text string) string {
			text = strings.Replace(text, `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"V2\"]", 1)
			text = strings.Replace(text, `"`+operator+`"]]`, `"`+operator+`", "`+auditor+`"]]`, 1)
			return strings.Replace(text, "[[beacon]]", fmt.Sprintf("[[issuer]]\nuri = %q\nroles = [\"auditor\"]\n[[issuer.key]]\npem = '''\n%s'''\n\n[[beacon]]", auditor, auditorPEM()), 1)
		},
	}
}

func auditorPEM() string { return publicPEM(&testing.T{}, auditor) }

// plan is what the beacon draws of the result that was reported.
func (w *world) plan(c challenged) (*attest.Entry, *challenge.Plan) {
	chain := w.chains[evaluator]
	e := chain[slices.IndexFunc(chain, func(e *attest.Entry) bool { return e.Statement.Kind() == "result" })]
	round := w.round(c.at)
	data, err := w.beacon.Round(round.Round)
	w.must(err)
	checked, err := w.beacon.Public().Check(data)
	w.must(err)
	var metric attest.Metric
	for _, other := range chain {
		if p, ok := other.Statement.Predicate.(*attest.Registration); ok {
			metric = p.Metric
		}
	}
	plan, err := challenge.NewPlan(e.Statement.ID, round.Chain, checked, w.rows, metric, c.k)
	w.must(err)
	return e, plan
}

func (c challenged) respond(w *world) {
	e, plan := w.plan(c)
	result := e.Statement.Predicate.(*attest.Result)
	var hashes []attest.Hash
	for _, row := range w.rows {
		hashes = append(hashes, row.Leaf(result.RunID, w.version.Leaves[row.Item]))
	}
	var leaves []run.OpenedLeaf
	for _, at := range plan.Open {
		row := w.rows[at]
		leaf := run.OpenedLeaf{Index: at, Row: row, ItemLeaf: w.version.Leaves[row.Item], Fields: map[string][]byte{}}
		if !row.Response.IsZero() {
			leaf.Fields[run.FieldResponse] = fmt.Appendf(nil, `"answer %d"`, row.Item)
		}
		leaves = append(leaves, leaf)
	}
	if c.open != nil {
		leaves = c.open(w, plan, leaves)
	}
	var file bytes.Buffer
	tree := run.Tree{RunID: result.RunID, Size: result.Leaves, Root: result.Root}
	w.must(run.Secret{4, 5, 6}.Open(&file, tree, attest.NewTree(hashes), leaves))
	data := file.Bytes()
	if c.file != nil {
		data = c.file(data)
	}
	p := &attest.OpenedAnswers{Result: e.Statement.ID, RunID: result.RunID, Leaves: result.Leaves, Root: result.Root, Opened: uint64(len(leaves)),
		Opening: w.pack.AddArtifact(data, run.OpeningMediaType, "opening.jsonl")}
	if c.answer != nil {
		c.answer(w, p)
	}
	answer := w.issue(evaluator, &attest.Opening{Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: e.Statement.ID}}}, Answers: p})
	if !c.alone {
		c.grade(w, e, answer, plan)
	}
}

func (c challenged) grade(w *world, result, answer *attest.Entry, plan *challenge.Plan) {
	var rows []run.Row
	for _, at := range plan.Open {
		rows = append(rows, run.Row{Item: w.rows[at].Item, Sample: w.rows[at].Sample, Grade: w.rows[at].Grade})
	}
	if c.grades != nil {
		rows = c.grades(rows)
	}
	changed := 0
	for _, row := range rows {
		for _, old := range w.rows {
			if old.Item == row.Item && old.Sample == row.Sample && old.Grade != row.Grade {
				changed++
			}
		}
	}
	p := &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: result.Statement.ID}}},
		What:   attest.AuditChallenge, Method: "read by two people", Result: result.Statement.ID,
		Challenge: &attest.Challenged{Opening: answer.Statement.ID, Checked: uint64(len(rows)), Changed: uint64(changed),
			Rows: w.pack.AddArtifact(run.FormatRows(rows), "application/vnd.proctor.regrades+jsonl", "regrades.jsonl")},
	}
	if c.audit != nil {
		c.audit(w, p)
	}
	who := auditor
	if c.who != "" {
		who = c.who
	}
	audit := w.issue(who, p)
	if c.after != nil {
		c.after(w, answer, audit)
	}
}

func withdraws(issuer string, target *attest.Entry) func(*world) {
	return func(w *world) {
		w.issue(issuer, &attest.Retraction{
			Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: target.Statement.ID}}},
			Target: target.Statement.ID, Reason: "a mistake",
		})
	}
}

func honestChallenge() challenged {
	return challenged{at: challengeTime, k: 5, by: answerBy}
}

// A challenge that was answered and graded gives V2, and says what it would have caught.
func TestChallenge(t *testing.T) {
	v := newWorld(t, honestChallenge().hooks()).verify()
	row := v.Claims[0].Rows[0]
	if v.Headline != Supported || row.Facets[Result] != 2 {
		t.Errorf("%s %s\n%+v", v.Headline, row.Facets, row.Checks)
	}
	if got := find(row.Checks, "audit/challenge"); got.State != Attested || got.By != auditor || !strings.Contains(got.Detail, "would have caught an inflation of ≥ 2 points with probability 100.0 %") {
		t.Errorf("%+v", got)
	}
	checkWords(t, v)
}

// Nobody has to answer before the deadline, and none is proven missing by a pack.
func TestChallengeOpen(t *testing.T) {
	c := honestChallenge()
	c.silent = true
	v := newWorld(t, c.hooks()).verify()
	if got := states(v)["challenge/answered"]; got != Missing {
		t.Errorf("unanswered, in a pack: %s", got)
	}
	c.by = judgedAt.AddDate(0, 0, 1)
	v, _ = newWorld(t, c.hooks()).scanned(t)
	if got := states(v)["challenge/answered"]; got != Missing {
		t.Errorf("not due: %s", got)
	}
}

// What a challenge would have caught is known of means over all answers alone.
func TestChallengeOfOtherScores(t *testing.T) {
	reduced := honestChallenge().hooks()
	reduced.registration = func(_ *world, p *attest.Registration) { p.Metric.Parameters = map[string]string{"reduce": "max"} }
	leftOut := honestChallenge().hooks()
	leftOut.configure = func(c map[string]any) { c["denominator"] = "left-out" }
	leftOut.grades = []string{"1", "1", "1", "0", "1", "excluded:timeout"}
	report := leftOut.result
	leftOut.result = func(w *world, p *attest.Result) {
		report(w, p)
		p.Score = "4/5"
	}
	leftOut.release = func(_ *world, p *attest.Release) { p.Scores[0].Score = "80" }
	for name, h := range map[string]hooks{"the best of each item's samples": reduced, "excluded answers are left out": leftOut} {
		v := newWorld(t, h).verify()
		got := states(v)
		if got["challenge/answered"] != Proven || got["audit/challenge"] != Missing || got["score/recomputed"] != Proven || v.Claims[0].Rows[0].Facets[Result] != 1 {
			t.Errorf("%s: answered %s, audited %s, score %s", name, got["challenge/answered"], got["audit/challenge"], got["score/recomputed"])
		}
	}
}

// Two auditors who disagree: the worst of them counts, whoever comes first.
func TestChallengeGradedTwice(t *testing.T) {
	for _, first := range []bool{true, false} {
		c := honestChallenge()
		if first {
			c.grades = flipFirst
		}
		c.after = func(w *world, answer, _ *attest.Entry) {
			e, plan := w.plan(c)
			other := honestChallenge()
			if !first {
				other.grades = flipFirst
			}
			other.grade(w, e, answer, plan)
		}
		if got := states(newWorld(t, c.hooks()).verify())["audit/challenge"]; got != Missing {
			t.Errorf("wrong grades found first: %t: %s", first, got)
		}
	}
}

// An answer that only its holders can read is an answer: it has not failed.
func TestChallengeEncrypted(t *testing.T) {
	c := honestChallenge()
	c.alone = true
	c.answer = func(w *world, p *attest.OpenedAnswers) {
		w.pack.RemoveArtifact(p.Opening.SHA256)
		p.Encrypted = &attest.Encrypted{File: w.pack.AddArtifact([]byte("age"), "application/age", "opening.age"), Holders: []attest.Holder{{Holder: auditor, Recipient: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}}}
	}
	v, _ := newWorld(t, c.hooks()).scanned(t)
	if got := states(v)["challenge/answered"]; got != Missing {
		t.Errorf("encrypted: %s", got)
	}
}

func flipFirst(rows []run.Row) []run.Row {
	rows = slices.Clone(rows)
	rows[0].Grade = map[string]string{"0": "1", "1": "0"}[rows[0].Grade]
	return rows
}

func challengeForgeries() []forgery {
	honest := honestChallenge().hooks()
	changed := func(change func(*challenged)) hooks {
		c := honestChallenge()
		change(&c)
		return c.hooks()
	}
	both := []string{"audit/challenge"}
	return []forgery{
		{
			name: "challenge-known", what: "the round that draws the leaves was due when the result was logged",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) { c.at = started.Add(3*time.Hour + 5*time.Minute) }),
		},
		{
			name: "challenge-late-round", what: "the round that draws the leaves is one of the evaluator's choice, eight days later",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: with(changed(func(c *challenged) { c.at = started.AddDate(0, 0, 8) }), func(h *hooks) { h.logged = answeredLater }),
		},
		{
			name: "challenge-deadline", what: "the evaluator gives itself ninety days to answer",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) { c.by = started.AddDate(0, 0, 90) }),
		},
		{
			name: "challenge-left", what: "a leaf that was drawn stays closed",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) {
				c.open = func(_ *world, _ *challenge.Plan, l []run.OpenedLeaf) []run.OpenedLeaf { return l[1:] }
			}),
		},
		{
			name: "challenge-closed", what: "a leaf that was drawn is shown without its answer",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) {
				c.open = func(_ *world, _ *challenge.Plan, l []run.OpenedLeaf) []run.OpenedLeaf {
					l[0].Fields = nil
					return l
				}
			}),
		},
		{
			name: "challenge-answer", what: "an opened answer is another than was committed to",
			expect: "contradicted challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) {
				c.file = func(data []byte) []byte {
					return bytes.Replace(data, []byte(`"bytes":"ImFuc3dlciAw`), []byte(`"bytes":"ImFuc3dlciAx`), 1)
				}
			}),
		},
		{
			name: "challenge-index", what: "an answer is opened at the index of another",
			expect: "contradicted challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) {
				c.file = func(data []byte) []byte { return bytes.Replace(data, []byte(`"item":0`), []byte(`"item":1`), 1) }
			}),
		},
		{
			name: "challenge-late", what: "the answer was logged after it was due",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: with(honestChallenge().hooks(), func(h *hooks) {
				h.logged = func(i int) time.Time {
					if i >= 4 && i <= 6 {
						return answerBy.AddDate(0, 0, 1)
					}
					return time.Time{}
				}
			}),
		},
		{
			name: "challenge-unanswered", what: "nobody answers a challenge, as a scan shows",
			expect: "contradicted challenge/answered", also: both, base: honest, scanned: true,
			hooks: changed(func(c *challenged) { c.silent = true }),
		},
		{
			name: "challenge-ungraded", what: "the answers were opened, and nobody graded them",
			expect: "missing audit/challenge", base: honest, hooks: changed(func(c *challenged) { c.alone = true }),
		},
		{
			name: "challenge-graded-otherwise", what: "the auditor found a wrong grade among those drawn",
			expect: "missing audit/challenge", base: honest, hooks: changed(func(c *challenged) { c.grades = flipFirst }),
		},
		{
			name: "challenge-grades-hidden", what: "an audit says that no grade changed, and its rows change one",
			expect: "missing audit/challenge", base: honest,
			hooks: changed(func(c *challenged) {
				c.grades = flipFirst
				c.audit = func(_ *world, p *attest.Audit) { p.Challenge.Changed = 0 }
			}),
		},
		{
			name: "challenge-graded-fewer", what: "the auditor graded all but one of the answers that were drawn",
			expect: "missing audit/challenge", base: honest,
			hooks: changed(func(c *challenged) { c.grades = func(rows []run.Row) []run.Row { return rows[1:] } }),
		},
		{
			name: "challenge-graded-by-evaluator", what: "the evaluator graded its own answers again",
			expect: "missing audit/challenge", base: honest, hooks: changed(func(c *challenged) { c.who = evaluator }),
		},
		{
			name: "challenge-graded-by-stranger", what: "somebody whom the policy does not know graded the answers",
			expect: "missing audit/challenge", base: honest, hooks: changed(func(c *challenged) { c.who = stranger }),
		},
		{
			name: "challenge-other-opening", what: "an audit is of another opening than the one that answers",
			expect: "missing audit/challenge", base: honest,
			hooks: changed(func(c *challenged) {
				c.audit = func(_ *world, p *attest.Audit) { p.Challenge.Opening = digest("another") }
			}),
		},
		{
			name: "challenge-withdrawn", what: "the evaluator withdraws its answer",
			expect: "missing challenge/answered", also: both, base: honest,
			hooks: changed(func(c *challenged) {
				c.after = func(w *world, answer, _ *attest.Entry) { withdraws(evaluator, answer)(w) }
			}),
		},
		{
			name: "challenge-audit-withdrawn", what: "the auditor withdraws what it found",
			expect: "missing audit/challenge", base: honest,
			hooks: changed(func(c *challenged) {
				c.after = func(w *world, _, audit *attest.Entry) { withdraws(auditor, audit)(w) }
			}),
		},
		{
			name: "challenge-few", what: "too few leaves were drawn to catch much",
			expect: "missing audit/challenge", base: honest, hooks: changed(func(c *challenged) { c.k = 1 }),
		},
	}
}

// answeredLater logs result's answer and audit, and what follows, nine days later.
func answeredLater(i int) time.Time {
	if i >= 4 && i <= 6 {
		return started.AddDate(0, 0, 9)
	}
	return time.Time{}
}
