package verify

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// Runs counts what a lab announced on a test set, over all versions, models and
// evaluators, and what became of it.
type Runs struct {
	Registered  int `json:"registered"`
	Reported    int `json:"reported"`    // with rows that are at hand
	Abandoned   int `json:"abandoned"`   // and the evaluator said why
	Open        int `json:"open"`        // not reported, and not due yet
	Overdue     int `json:"overdue"`     // not reported, or not with its rows, after the deadline
	Undisclosed int `json:"undisclosed"` // all that are not reported
	Unknown     int `json:"unknown"`     // registrations besides, under no key of the policy: they count as nothing
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
	asOf, why := r.everywhere()
	if why != "" {
		r.missing(name, "%s", why)
		return
	}
	if !r.policy.Pinned(r.testset.SetID) && !r.policy.Independent(r.testsetSt.issuer(), r.registration.Lab) {
		// A lab could clone a set under many names and register each run on another.
		r.missing(name, "the set's owner %s is not known to be independent of %s: another set may hold other runs", r.testsetSt.issuer(), r.registration.Lab)
		return
	}
	runs := r.countRuns()
	r.row.Runs = &runs
	text := fmt.Sprintf("%d of %d runs of %s on this set are reported, as of %s; this is rank %d of %d comparable", runs.Reported, runs.Registered, r.registration.Lab, stamp(asOf), runs.Rank, runs.Compared)
	if runs.Unknown > 0 {
		text += fmt.Sprintf("; %d more, under no key of the policy, are not counted", runs.Unknown)
	}
	if limit := r.policy.Require.MaxUndisclosed; runs.Undisclosed > limit {
		r.missing(name, "%s; %d are undisclosed (%d abandoned, %d open, %d overdue), and the policy permits %d", text, runs.Undisclosed, runs.Abandoned, runs.Open, runs.Overdue, limit)
		return
	}
	r.pass(name, "%s", text)
}

func (r *rowJudge) countRuns() Runs {
	runs := Runs{Rank: 1, Compared: 1}
	published, _ := r.bound(r.carrier, nil)
	for _, s := range ofKind[*attest.Registration](r.judge) {
		p := s.Statement.Predicate.(*attest.Registration)
		if p.Testset.SetID != r.registration.Testset.SetID || !r.policy.sameParty(p.Lab, r.registration.Lab) {
			continue
		}
		if s.key == nil {
			runs.Unknown++
			continue
		}
		if !published.IsZero() && s.notBefore.After(published.Add(r.policy.Skew)) {
			continue // proven to be later than what is judged
		}
		runs.Registered++
		result := r.firstResult(s, p)
		if !r.disclosed(result) {
			runs.Undisclosed++
			switch {
			case result != nil && result.Outcome == nil:
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
		if better(result.Score, r.result.Score, p.Metric) {
			runs.Rank++
		}
	}
	return runs
}

// firstResult returns a run's first result: by its evaluator, logged and not
// withdrawn.
func (r *rowJudge) firstResult(registration *statement, p *attest.Registration) *attest.Result {
	var first *statement
	for _, s := range ofKind[*attest.Result](r.judge) {
		q := s.Statement.Predicate.(*attest.Result)
		if s.key == nil || s.verified == nil || q.RunID != registration.Statement.ID || s.issuer() != p.Evaluator || r.withdrawn(s) {
			continue
		}
		if first == nil || s.Statement.Head().Seq < first.Statement.Head().Seq {
			first = s
		}
	}
	if first == nil {
		return nil
	}
	return first.Statement.Predicate.(*attest.Result)
}

// disclosed reports whether a result has an outcome whose rows are at hand.
func (r *rowJudge) disclosed(p *attest.Result) bool {
	return p != nil && p.Outcome != nil && r.pack.HasArtifact(p.Rows.SHA256)
}

func (r *rowJudge) withdrawn(target *statement) bool {
	return slices.ContainsFunc(ofKind[*attest.Retraction](r.judge), func(s *statement) bool {
		return s.key != nil && s.issuer() == target.issuer() && s.Statement.Predicate.(*attest.Retraction).Target == target.Statement.ID
	})
}

// compares reports whether a rank compares the row's run with another: of its metric
// and, unless the row's items were chosen, on all items as well. A list of items can
// be chosen among runs, as runs can: it has to stand beside all of them.
func (r *rowJudge) compares(p *attest.Registration) bool {
	return sameMetric(p.Metric, r.registration.Metric) && (p.Items == nil || r.registration.Items != nil)
}

func sameMetric(a, b attest.Metric) bool {
	return a.Name == b.Name && a.Better == b.Better && a.Min == b.Min && a.Max == b.Max && fmt.Sprint(a.Parameters) == fmt.Sprint(b.Parameters)
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
