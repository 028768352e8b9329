package verify

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/score"
)

// checkResult recomputes everything that a result says from its rows.
func (r *rowJudge) checkResult() {
	if r.registration == nil {
		r.without("no registered result", "result/evaluator", "result/first", "result/items", "result/grades", "result/root", "result/score", "score/recomputed", "audit/regrade", "challenge/answered", "audit/challenge")
		return
	}
	r.compare("result/evaluator", r.registration.Evaluator, r.resultSt.issuer(),
		"the result is by the registered evaluator", "the result is by somebody else than the registered evaluator")
	r.checkFirst()
	if r.result.Outcome == nil {
		r.without("the evaluator abandoned the run: "+r.result.Abandoned, "result/items", "result/grades", "result/root", "result/score", "score/recomputed")
		for _, name := range []string{"audit/regrade", "challenge/answered", "audit/challenge"} {
			r.add(Check{Name: name, State: NotApplicable, Detail: "the run has no answers"})
		}
		return
	}
	r.checkRegrade()
	of := r.ofRows()
	r.row.Checks = slices.Concat(r.row.Checks, of.checks, of.opened)
	r.cannot = r.cannot || of.cannot
	if of.score == nil {
		r.without(of.noScore, "result/score", "score/recomputed")
		return
	}
	r.checkScore(of.score)
}

// ofRows is what the rows of a result come to.
type ofRows struct {
	checks  []Check
	opened  []Check // of leaves that were challenged
	score   *score.Recomputed
	noScore string // why there is none
	cannot  bool   // a check could not be carried out
}

// ofRows judges the rows of a result, once for all scores that are published of it:
// all that they are held against follows from the result.
func (r *rowJudge) ofRows() *ofRows {
	done := r.results[r.resultSt]
	if done == nil {
		alone := *r
		alone.row = &Row{}
		rows, err := r.rows(r.result.Rows)
		done = alone.judgeRows(rows, err)
		done.checks, done.opened = alone.row.Checks, r.checkChallenge(rows)
		r.results[r.resultSt] = done
	}
	return done
}

func (r *rowJudge) judgeRows(rows []run.Row, err error) *ofRows {
	if err != nil {
		r.refute("result/root", "", "", "%s", err)
		r.without("the rows cannot be read", "result/items", "result/grades")
		return &ofRows{noScore: "the rows cannot be read"}
	}
	if len(rows) == 0 {
		r.without("the rows are not in the pack", "result/items", "result/grades", "result/root")
		return &ofRows{noScore: "the rows are not in the pack"}
	}
	r.checkRows(rows)
	if r.config == nil {
		return &ofRows{noScore: "without a readable configuration nothing says how exclusions count"}
	}
	if err := score.CheckMetric(r.registration.Metric, r.registration.Samples); err != nil {
		return &ofRows{noScore: err.Error(), cannot: true}
	}
	got, err := score.Recompute(rows, r.registration.Metric)
	if err != nil {
		return &ofRows{noScore: err.Error()}
	}
	return &ofRows{score: got}
}

// outcome says in words what a result reports.
func outcome(p *attest.Result) string {
	if p.Outcome == nil {
		return "as abandoned"
	}
	return "with score " + p.Score
}

func (r *rowJudge) without(why string, names ...string) {
	for _, name := range names {
		r.missing(name, "%s", why)
	}
}

// checkFirst compares the result with others of the same run in the pack: only
// the evaluator's lowest-numbered result counts.
func (r *rowJudge) checkFirst() {
	seq := r.resultSt.Statement.Head().Seq
	for _, other := range r.resultsOf[r.result.RunID] {
		head := other.Statement.Head()
		if head.Issuer == r.resultSt.issuer() && head.Seq < seq {
			r.refute("result/first", fmt.Sprintf("statement %d", head.Seq), fmt.Sprintf("statement %d", seq),
				"the evaluator had reported this run before, %s", outcome(other.Statement.Predicate.(*attest.Result)))
			return
		}
	}
	if l := r.leftOut("result", r.resultSt.issuer(), r.result.RunID, seq); l != nil {
		r.missing("result/first", "%s", l)
		return
	}
	anyOf := need{{SetID: r.registration.Testset.SetID, Lab: r.registration.Lab}, {Issuer: r.resultSt.issuer()}, {Target: r.result.RunID}}
	if k := r.everywhere([]need{anyOf}); k.why == "" {
		r.say("result/first", k, "no earlier one in any ledger of the policy")
		return
	}
	r.add(Check{Name: "result/first", State: Attested, By: r.resultSt.issuer(),
		Detail: "no earlier one in this pack; beyond it, not checked"})
}

func (r *rowJudge) checkRows(rows []run.Row) {
	if items := r.registeredItems(); items == nil {
		r.missing("result/items", "which items are to be run is not known")
	} else if err := run.CheckItems(rows, items, r.registration.Samples); err != nil {
		r.refute("result/items", "", "", "%s", err)
	} else {
		r.pass("result/items", "%d rows: %d sample(s) of each of %d registered items", len(rows), r.registration.Samples, len(items))
	}
	if leaves := r.leaves(); leaves == nil {
		r.missing("result/root", "the leaf hashes are missing or not as many as registered")
	} else {
		r.checkRoot(rows, leaves)
	}
	r.checkGrades(rows)
}

func (r *rowJudge) checkRoot(rows []run.Row, leaves []attest.Hash) {
	const name = "result/root"
	root, err := run.Root(r.result.RunID, rows, leaves)
	switch {
	case err != nil:
		r.refute(name, "", "", "%s", err)
	case uint64(len(rows)) != r.result.Leaves:
		r.refute(name, fmt.Sprint(r.result.Leaves), fmt.Sprint(len(rows)), "the number of rows is not the signed one")
	default:
		r.compare(name, r.result.Root.String(), root.String(),
			"responses and grades are those that the result commits to", "the rows are not those that the result commits to: the rebuilt tree has another root")
	}
}

func (r *rowJudge) checkGrades(rows []run.Row) {
	const name = "result/grades"
	if r.config == nil {
		r.missing(name, "without a readable configuration nothing says which exclusions are allowed")
		return
	}
	if i, err := run.CheckGrades(rows, r.registration.Metric, r.config.Exclusions); err != nil {
		r.refute(name, "", rows[i].Grade, "row %d, item %d sample %d: %s", i, rows[i].Item, rows[i].Sample, err)
		return
	}
	r.pass(name, "each in [%s, %s], or excluded for a registered reason", r.registration.Metric.Min, r.registration.Metric.Max)
}

func (r *rowJudge) checkScore(got *score.Recomputed) {
	exact, err := got.With(r.config.Denominator)
	if err != nil {
		r.without(err.Error(), "result/score", "score/recomputed")
		return
	}
	r.row.Exact, r.row.Items = exact.RatString(), got.Items
	if got.Excluded > 0 {
		r.row.Other = other(got, r.config.Denominator)
	}
	if uint64(got.Excluded) != r.result.Excluded {
		r.refute("result/score", fmt.Sprint(r.result.Excluded), fmt.Sprint(got.Excluded), "the number of excluded rows is not the signed one")
	} else {
		r.compare("result/score", exact.RatString(), r.result.Score,
			"the score that the result states follows from the rows", "the score that the result states does not follow from the rows")
	}
	r.checkPublishedScore(exact)
}

// checkPublishedScore compares what was published with the result's score or, where
// it says that grades were corrected, with the score after the correction.
func (r *rowJudge) checkPublishedScore(exact *big.Rat) {
	const name = "score/recomputed"
	corrected := Check{Name: name, State: Proven}
	if r.score.Regrade != nil {
		if r.audit == nil {
			r.missing(name, "the regrade that the score rests on is not in the pack")
			return
		}
		if r.audit.What != attest.AuditRegrade {
			r.refute(name, attest.AuditRegrade, r.audit.What, "what the score names as its regrade is another audit")
			return
		}
		if r.audit.Result != r.score.Result {
			r.refute(name, r.score.Result.String(), r.audit.Result.String(), "the regrade that the score names is of another result")
			return
		}
		if why := r.regradeDiscounted(r.auditSt); why != "" {
			r.missing(name, "the regrade that the score rests on does not count: %s", why)
			return
		}
		var err error
		if exact, err = r.regrade(r.audit); err != nil {
			r.missing(name, "the regrade that the score rests on does not count: %s", err)
			return
		}
		corrected.State, corrected.By = Attested, r.auditSt.issuer()
		r.notShown = append(r.notShown, "that corrected grades are right: they are the word of "+r.auditSt.issuer())
		corrected.Detail = fmt.Sprintf("with %d grades corrected: ", r.audit.Regrade.Changed)
		r.row.Exact = exact.RatString()
	}
	switch holds, err := score.Holds(exact, r.score, r.registration.Metric); {
	case err != nil:
		r.cannot = true
		r.missing(name, "%s", err)
	case !holds:
		r.refute(name, exactText(exact, r.score), r.row.Published, "the published score does not follow from the rows")
	default:
		corrected.Detail += fmt.Sprintf("%s = %s", exact.RatString(), exactText(exact, r.score))
		r.add(corrected)
	}
}

func other(got *score.Recomputed, denominator string) string {
	if denominator == run.LeftOut {
		return fmt.Sprintf("%s with %d excluded rows counted wrong", got.CountedWrong.RatString(), got.Excluded)
	}
	if got.LeftOut == nil {
		return fmt.Sprintf("undefined with %d excluded rows left out: %s", got.Excluded, got.WhyNot)
	}
	return fmt.Sprintf("%s with %d excluded rows left out", got.LeftOut.RatString(), got.Excluded)
}
