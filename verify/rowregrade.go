package verify

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/score"
)

// checkRegrade looks for grades that were given anew to the row's answers. A score
// that does not follow once they are corrected is contradicted by whoever corrected
// them: the word of a party that the policy knows for it, which is why a regrade of
// which the pack holds no rows counts all the same.
func (r *rowJudge) checkRegrade() {
	const name = "audit/regrade"
	c := Check{Name: name, State: NotApplicable, Detail: "the pack holds none"}
	for _, s := range ofKind[*attest.Audit](r.judge) {
		p := s.Statement.Predicate.(*attest.Audit)
		if p.What != attest.AuditRegrade || p.Result != r.score.Result {
			continue
		}
		if why := r.regradeDiscounted(s); why != "" {
			if c.State != Attested {
				c.State, c.Detail = Missing, "one by "+s.issuer()+" does not count: "+why
			}
			continue
		}
		exact, err := r.regradedScore(p)
		if err != nil {
			if c.State != Attested {
				c.State, c.Detail = Missing, "that by "+s.issuer()+" does not count: "+err.Error()
			}
			continue
		}
		if holds, err := score.Holds(exact, r.score, r.registration.Metric); err == nil && !holds {
			r.add(Check{Name: name, State: Contradicted, By: s.issuer(), Evidence: []attest.Hash{s.Statement.ID},
				Want: exactText(exact, r.score), Got: r.row.Published,
				Detail: fmt.Sprintf("%s graded %d answers anew and changed %d grades: %q", s.issuer(), p.Regrade.Checked, p.Regrade.Changed, p.Method)})
			return
		}
		c.State, c.By, c.Evidence = Attested, s.issuer(), []attest.Hash{s.Statement.ID}
		c.Detail = fmt.Sprintf("%d answers graded anew, %d grades changed; the published score stands", p.Regrade.Checked, p.Regrade.Changed)
	}
	if l := r.leftOut("audit", "", r.score.Result, noLimit); l != nil {
		c = Check{Name: name, State: Missing, Detail: l.String()}
		r.outdated = true
	}
	r.add(c)
}

// regradeDiscounted says why a regrade does not count.
func (r *rowJudge) regradeDiscounted(s *statement) string {
	issuer, lab, evaluator := s.issuer(), r.registration.Lab, r.registration.Evaluator
	switch {
	case s.key == nil:
		return s.unsigned
	case s.verified == nil:
		return s.unlogged
	case r.withdrawn(s):
		return "it was withdrawn"
	case r.wrongRole(s) != "":
		return r.wrongRole(s)
	case issuer != evaluator && !r.policy.Independent(issuer, lab, evaluator):
		return "its issuer is not known to be independent of lab and evaluator"
	case issuer != evaluator && !r.mayRegrade(issuer):
		return "it is by neither an auditor nor the set's owner"
	}
	return ""
}

func (r *rowJudge) mayRegrade(issuer string) bool {
	known := r.policy.Issuer(issuer)
	return known != nil && slices.Contains(known.Roles, RoleAuditor) || r.testsetSt != nil && issuer == r.testsetSt.issuer()
}

// regradedScore is the score that a regrade states, which must follow from its rows
// where they are in the pack.
func (r *rowJudge) regradedScore(p *attest.Audit) (*big.Rat, error) {
	said, ok := new(big.Rat).SetString(p.Regrade.Score)
	if !ok {
		return nil, fmt.Errorf("its score is %q", p.Regrade.Score)
	}
	if !r.pack.HasArtifact(r.result.Rows.SHA256) || !r.pack.HasArtifact(p.Regrade.Rows.SHA256) {
		return said, nil
	}
	exact, err := r.regrade(p)
	if err == nil && exact.Cmp(said) != 0 {
		err = fmt.Errorf("it states the score %s, and its rows give %s", said.RatString(), exact.RatString())
	}
	return said, err
}

// regrade applies a regrade to the result's rows and recomputes the score.
func (r *rowJudge) regrade(p *attest.Audit) (*big.Rat, error) {
	rows, err := r.rows(r.result.Rows)
	if err != nil {
		return nil, err
	}
	anew, err := r.rows(p.Regrade.Rows)
	if err != nil {
		return nil, err
	}
	regraded, changed, err := run.Regrade(rows, anew)
	if err != nil {
		return nil, err
	}
	if uint64(len(anew)) != p.Regrade.Checked || uint64(changed) != p.Regrade.Changed {
		return nil, fmt.Errorf("it says that %d of %d grades changed, and its rows change %d of %d", p.Regrade.Changed, p.Regrade.Checked, changed, len(anew))
	}
	if r.config == nil {
		return nil, fmt.Errorf("without a readable configuration nothing says how exclusions count")
	}
	if i, err := run.CheckGrades(regraded, r.registration.Metric, r.config.Exclusions); err != nil {
		return nil, fmt.Errorf("item %d sample %d: %w", regraded[i].Item, regraded[i].Sample, err)
	}
	got, err := score.Recompute(regraded, r.registration.Metric)
	if err != nil {
		return nil, err
	}
	return got.With(r.config.Denominator)
}
