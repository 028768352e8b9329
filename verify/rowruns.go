package verify

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// Runs counts what a lab announced on a test set, over all versions, models and
// evaluators, and what became of it.
type Runs struct {
	Registered  int `json:"registered"`
	Reported    int `json:"reported"`    // with rows that are at hand and give the score
	Abandoned   int `json:"abandoned"`   // and the evaluator said why
	Open        int `json:"open"`        // not reported, and not due yet
	Overdue     int `json:"overdue"`     // not reported, or not with its rows, after the deadline
	Left        int `json:"left"`        // announced, or reported, in what a monitor lists and the pack leaves out
	Undisclosed int `json:"undisclosed"` // all that are not reported
	Unknown     int `json:"unknown"`     // registrations besides, by nobody whom the policy knows as lab or evaluator of the run: they count as nothing
	Rank        int `json:"rank"`        // of this result's score among those it is compared with, from 1
	Compared    int `json:"compared"`    // of those reported, this one included
}

// checkRegistrations counts the runs of the row's lab on its test set. Showing the
// best of many is what this project began with.
func (r *rowJudge) checkRegistrations() {
	const name = "completeness/registrations"
	if r.registration == nil || r.testset == nil {
		r.missing(name, "no registered result on a test set")
		return
	}
	k := r.everywhere(r.runsOf(r.registration.Lab, r.testset.SetID))
	left := r.runsLeftOut()
	if k.why != "" {
		for _, l := range left {
			k.why += "; " + l.String()
		}
		r.missing(name, "%s", k.why)
		return
	}
	if !r.policy.Pinned(r.testset.SetID) && !r.policy.Independent(r.testsetSt.issuer(), r.registration.Lab) {
		// A lab could clone a set under many names and register each run on another.
		r.missing(name, "the set's owner %s is not known to be independent of %s: another set may hold other runs", r.testsetSt.issuer(), r.registration.Lab)
		return
	}
	runs := r.countRuns(left)
	r.row.Runs = &runs
	text := fmt.Sprintf("%d of %d runs of %s on this set are reported, and this is rank %d of %d comparable", runs.Reported, runs.Registered, r.registration.Lab, runs.Rank, runs.Compared)
	if runs.Unknown > 0 {
		text += fmt.Sprintf("; %d more, by neither lab nor evaluator under a key of the policy, are not counted", runs.Unknown)
	}
	if limit := r.policy.Require.MaxUndisclosed; runs.Undisclosed > limit {
		text += fmt.Sprintf("%s; %d are undisclosed (%d abandoned, %d open, %d overdue, %d left out), and the policy permits %d", k, runs.Undisclosed, runs.Abandoned, runs.Open, runs.Overdue, runs.Left, limit)
		for _, l := range left[:min(len(left), 3)] {
			text += "; " + l.String()
		}
		r.missing(name, "%s", text)
		return
	}
	r.say(name, k, "%s", text)
}

// runsLeftOut are the registrations of the row's lab on its set that monitors list and
// the pack leaves out.
func (r *rowJudge) runsLeftOut() (left []listing) {
	for _, n := range r.runsOf(r.registration.Lab, r.testset.SetID) {
		left = append(left, r.left.runs[n[0]]...)
	}
	return left
}

func (r *rowJudge) countRuns(left []listing) Runs {
	runs := Runs{Rank: 1, Compared: 1, Registered: len(left), Undisclosed: len(left), Left: len(left)}
	published, state := r.bound(r.carrier, r.parties(r.carrier))
	for _, s := range ofKind[*attest.Registration](r.judge) {
		p := s.Statement.Predicate.(*attest.Registration)
		if p.Testset.SetID != r.registration.Testset.SetID || !r.policy.sameParty(p.Lab, r.registration.Lab) {
			continue
		}
		// Anybody can announce runs in a lab's name.
		if s.key == nil || s.issuer() != p.Lab && s.issuer() != p.Evaluator {
			runs.Unknown++
			continue
		}
		if state == Proven && s.notBefore.After(published.Add(r.policy.Skew)) {
			continue // proven to be later than what is judged
		}
		runs.Registered++
		result := r.firstResult(s, p)
		if r.resultLeftOut(s, p, result) || !r.reported(s, result) {
			runs.Undisclosed++
			switch {
			case r.resultLeftOut(s, p, result):
				runs.Left++
			case result != nil && result.Statement.Predicate.(*attest.Result).Outcome == nil:
				runs.Abandoned++
			case p.Deadline < r.opts.At.UTC().Format(time.RFC3339): // both in UTC and of one form
				runs.Overdue++
			default:
				runs.Open++
			}
			continue
		}
		runs.Reported++
		if r.result.Outcome == nil || s == r.registrationSt || !r.compares(p) {
			continue
		}
		runs.Compared++
		if better(result.Statement.Predicate.(*attest.Result).Score, r.result.Score, p.Metric) {
			runs.Rank++
		}
	}
	return runs
}

// firstResult returns a run's first result: by its evaluator, and logged. One that was
// withdrawn has not made way for the next.
func (r *rowJudge) firstResult(registration *statement, p *attest.Registration) *statement {
	var first *statement
	for _, s := range r.resultsOf[registration.Statement.ID] {
		if s.verified != nil && s.issuer() == p.Evaluator && (first == nil || s.Statement.Head().Seq < first.Statement.Head().Seq) {
			first = s
		}
	}
	return first
}

// resultLeftOut reports whether a monitor lists a result of a run that comes before the
// one shown, or what withdraws that, and the pack leaves it out.
func (r *rowJudge) resultLeftOut(registration *statement, p *attest.Registration, result *statement) bool {
	before := uint64(noLimit)
	if result != nil {
		before = result.Statement.Head().Seq
	}
	return r.leftOut("result", p.Evaluator, registration.Statement.ID, before) != nil ||
		result != nil && r.leftOut("retraction", p.Evaluator, result.Statement.ID, noLimit) != nil
}

// reported reports whether a run's result stands and discloses it: its rows are at
// hand, are those that it commits to, of exactly the registered items of the set, and
// give the score that it states. A result of a row or two would hide the others.
func (r *rowJudge) reported(registration, result *statement) bool {
	if result == nil || result.Statement.Predicate.(*attest.Result).Outcome == nil ||
		r.withdrawals[withdrawal{result.issuer(), result.Statement.ID}] {
		return false
	}
	disclosed, ok := r.disclosed[result]
	if !ok {
		disclosed = r.discloses(registration, result)
		r.disclosed[result] = disclosed
	}
	return disclosed
}

func (r *rowJudge) discloses(registration, result *statement) bool {
	other := &rowJudge{judge: r.judge, score: attest.Score{Result: result.Statement.ID}, carrier: r.carrier, row: &Row{}}
	other.trace()
	if other.registrationSt != registration || other.testset == nil || other.testsetSt.key == nil {
		return false
	}
	other.checkTestset()
	checks := other.row.Checks
	other.checkConfiguration()
	of := other.ofRows()
	if slices.ContainsFunc(append(checks, of.checks...), func(c Check) bool { return c.State != Proven }) {
		return false
	}
	if of.cannot {
		return true // of a metric that nobody here knows, and compares
	}
	if of.score == nil {
		return false
	}
	exact, err := of.score.With(other.config.Denominator)
	return err == nil && exact.RatString() == other.result.Score && uint64(of.score.Excluded) == other.result.Excluded
}

// compares reports whether a rank compares the row's run with another: of its metric
// and, unless the row's items were chosen, on all items as well. A list of items can
// be chosen among runs, as runs can: it has to stand beside all of them.
func (r *rowJudge) compares(p *attest.Registration) bool {
	return sameMetric(p.Metric, r.registration.Metric) && (p.Items == nil || r.registration.Items != nil)
}

func sameMetric(a, b attest.Metric) bool {
	return a.Name == b.Name && a.Better == b.Better && a.Min == b.Min && a.Max == b.Max && maps.Equal(a.Parameters, b.Parameters)
}

// better compares exact scores as results state them.
func better(a, b string, metric attest.Metric) bool {
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	if !ok || !ok2 {
		return false
	}
	if metric.Better == "lower" {
		x, y = y, x
	}
	return x.Cmp(y) > 0
}
