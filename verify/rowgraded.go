package verify

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// enoughMiss is the probability with which a challenge may miss an inflation of 2 % of
// the range (PROTOCOL §7, V2).
var enoughMiss = big.NewRat(5, 100)

// judgeGraded looks for audits of the opened answers. The worst that counts decides.
func (r *rowJudge) judgeGraded(a answer, rows []run.Row) Check {
	worst := Check{Detail: "nobody independent says that the opened answers were graded right"}
	if l := r.leftOut("audit", "", r.resultSt.Statement.ID, noLimit); l != nil {
		return Check{Detail: l.String()}
	}
	good := false
	for _, s := range ofKind[*attest.Audit](r.judge) {
		p := s.Statement.Predicate.(*attest.Audit)
		if p.What != attest.AuditChallenge || p.Result != r.resultSt.Statement.ID {
			continue
		}
		why := r.gradedDiscounted(s)
		if why == "" && p.Challenge.Opening != a.opening {
			why = "it is of another opening than the one that answers the challenge"
		}
		if why != "" {
			if !good {
				worst.Detail = "one by " + s.issuer() + " does not count: " + why
			}
			continue
		}
		c := r.judgeGrades(s, p.Challenge, a.plan, rows)
		if c.State != Attested {
			return c
		}
		worst, good = c, true
	}
	return worst
}

// gradedDiscounted says why an audit of a challenge does not count.
func (r *rowJudge) gradedDiscounted(s *statement) string {
	issuer := s.issuer()
	switch {
	case s.key == nil:
		return s.unsigned
	case s.verified == nil:
		return s.unlogged
	case r.withdrawn(s):
		return "it was withdrawn"
	case r.wrongRole(s) != "":
		return r.wrongRole(s)
	case !r.policy.Independent(issuer, r.registration.Lab, r.registration.Evaluator):
		return "its issuer is not known to be independent of lab and evaluator"
	case !r.mayRegrade(issuer):
		return "it is by neither an auditor nor the set's owner"
	}
	return ""
}

// judgeGrades holds an auditor's grades against those of the result.
func (r *rowJudge) judgeGrades(s *statement, p *attest.Challenged, plan *challenge.Plan, rows []run.Row) Check {
	by := s.issuer()
	anew, err := r.rows(p.Rows)
	switch {
	case err != nil:
		return Check{Detail: fmt.Sprintf("that by %s does not count: %s", by, err)}
	case anew == nil:
		return Check{Detail: fmt.Sprintf("the grades that %s gave are not in the pack", by)}
	}
	if !slices.EqualFunc(anew, plan.Open, func(row run.Row, at uint64) bool { return row.Item == rows[at].Item && row.Sample == rows[at].Sample }) {
		return Check{Detail: fmt.Sprintf("that by %s does not count: it grades other leaves than were drawn", by)}
	}
	changed := 0
	for i, at := range plan.Open {
		if anew[i].Grade != rows[at].Grade {
			changed++
		}
	}
	switch {
	case uint64(len(anew)) != p.Checked || uint64(changed) != p.Changed:
		return Check{Detail: fmt.Sprintf("that by %s does not count: it says that %d of %d grades changed, and its rows change %d of %d", by, p.Changed, p.Checked, changed, len(anew))}
	case changed > 0:
		return Check{Evidence: []attest.Hash{s.Statement.ID}, Detail: fmt.Sprintf("%s gave other grades to %d of the %d answers that were drawn", by, changed, len(anew))}
	}
	words, why := r.wouldHaveCaught(plan, rows)
	if why != "" {
		return Check{Detail: fmt.Sprintf("%s graded %d answers alike; %s", by, len(anew), why)}
	}
	return Check{State: Attested, By: by, Evidence: []attest.Hash{s.Statement.ID},
		Detail: fmt.Sprintf("%d answers that nobody chose were graded alike: %s", len(anew), words)}
}

// wouldHaveCaught says what the challenge is worth, or why it is not enough.
func (r *rowJudge) wouldHaveCaught(plan *challenge.Plan, rows []run.Row) (words, why string) {
	metric := r.registration.Metric
	switch {
	case !challenge.IsMean(metric):
		return "", "how much that would have caught is not known of this metric"
	case r.config == nil:
		return "", "nothing says how exclusions count"
	case r.config.Denominator == run.LeftOut && r.result.Excluded > 0:
		return "", "the score leaves excluded answers out, and what was drawn says nothing of that"
	}
	credited := plan.Strata[slices.IndexFunc(plan.Strata, func(s challenge.Stratified) bool { return s.Name == challenge.Credited })]
	k := uint64(len(credited.Drawn))
	words, miss, err := challenge.Worth(metric, uint64(len(rows)), credited.Leaves, k, 0)
	switch {
	case err != nil:
		return "", err.Error()
	case miss.Cmp(enoughMiss) > 0:
		return "", words + ", which is less than 95 %"
	}
	return words, ""
}
