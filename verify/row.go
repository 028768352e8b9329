package verify

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/score"
)

// rowJudge follows one published score back to what it rests on.
type rowJudge struct {
	*judge
	row     *Row
	score   attest.Score
	carrier *statement

	resultSt, registrationSt, testsetSt, modelSt, releaseSt, auditSt *statement
	matchSt                                                          *statement // the audit that D2 rests on

	result       *attest.Result
	registration *attest.Registration
	testset      *attest.Testset
	audit        *attest.Audit // that the score says it rests on
	config       *run.Configuration

	model       attest.ModelRef // resolved: a sealed model that was opened is its weights
	variants    bool            // the table declares that its rows are of different models
	retroactive bool
	cannot      bool // a check could not be carried out
	retracted   bool
	sawOther    bool // the verifier found published files that are not the released ones
	outdated    bool // a monitor lists what bears on it and the pack leaves out

	notShown []string // by this row, besides what no row shows
}

// row runs every check of one score but those that compare rows.
func (j *judge) row(carrier *statement, s attest.Score, variants bool) *rowJudge {
	r := &rowJudge{judge: j, score: s, carrier: carrier, variants: variants, row: &Row{Label: s.Label, Published: published(s)}}
	r.trace()
	r.checkBranch()
	r.checkIdentity()
	r.checkConfiguration()
	r.checkTerms()
	r.checkOrder()
	r.checkRunLater()
	r.checkDrawnBetween()
	r.checkTestset()
	r.checkHistory()
	r.checkOpenings()
	r.checkDraw()
	r.checkItems()
	r.checkResult()
	r.checkModel()
	r.checkPublished()
	r.checkMatches()
	r.checkChains()
	r.checkRegistrations()
	r.checkRetractions()
	r.timeline()
	return r
}

// published writes a score as it was printed.
func published(s attest.Score) string {
	text := s.Score
	whole, frac, _ := strings.Cut(text, ".")
	if len(frac) < s.Decimals {
		text = whole + "." + frac + strings.Repeat("0", s.Decimals-len(frac))
	}
	if s.Scale == "100" {
		text += " %"
	}
	return text
}

func (r *rowJudge) add(c Check) { r.row.Checks = append(r.row.Checks, c) }

// pass adds a proven check.
func (r *rowJudge) pass(name, format string, args ...any) {
	r.add(Check{Name: name, State: Proven, Detail: fmt.Sprintf(format, args...)})
}

func (r *rowJudge) missing(name, format string, args ...any) {
	r.add(Check{Name: name, State: Missing, Detail: fmt.Sprintf(format, args...)})
}

// refute adds a contradiction with what was expected and what was found.
func (r *rowJudge) refute(name, want, got, format string, args ...any) {
	r.add(Check{Name: name, State: Contradicted, Want: want, Got: got, Detail: fmt.Sprintf(format, args...)})
}

// compare adds a check that two values are one.
func (r *rowJudge) compare(name, want, got, same, differ string) {
	if want == got {
		r.pass(name, "%s", same)
	} else {
		r.refute(name, want, got, "%s", differ)
	}
}

// lookup returns the pack's statement of an id if it is of the wanted type.
func lookup[P attest.Predicate](j *judge, id attest.Hash) (*statement, P) {
	var none P
	s := j.all[id]
	if s == nil {
		return nil, none
	}
	p, ok := s.Statement.Predicate.(P)
	if !ok {
		return nil, none
	}
	return s, p
}

func (r *rowJudge) trace() {
	r.resultSt, r.result = lookup[*attest.Result](r.judge, r.score.Result)
	if r.result == nil {
		return
	}
	r.row.Evaluator = r.resultSt.issuer()
	r.registrationSt, r.registration = lookup[*attest.Registration](r.judge, r.resultSt.ref(attest.RoleRegistration))
	if r.registration == nil {
		return
	}
	r.retroactive = r.registration.Retroactive
	r.model = r.registration.Model
	r.row.Lab, r.row.Model, r.row.Testset = r.registration.Lab, r.registration.ModelName, r.registration.TestsetName
	r.row.Metric = score.Describe(r.registration.Metric, r.registration.Samples)
	r.testsetSt, r.testset = lookup[*attest.Testset](r.judge, r.registrationSt.ref(attest.RoleTestset))
	if r.testset != nil {
		r.row.Owner = r.testsetSt.issuer()
	}
	var model *attest.Model
	r.modelSt, model = lookup[*attest.Model](r.judge, r.registrationSt.ref(attest.RoleModel))
	if model != nil && r.modelSt.key != nil && r.modelSt.issuer() == r.registration.Lab {
		r.row.Model = model.Name // the lab's own word for it, not the registrant's
	}
	if r.score.Regrade != nil {
		r.auditSt, r.audit = lookup[*attest.Audit](r.judge, *r.score.Regrade)
	}
	r.releaseSt = r.findRelease()
}

// findRelease returns the release that the row is judged against: the carrier, the
// one that it names, or one of the model that was run. Where a table declares
// variants, what it names need not be the release of every row.
func (r *rowJudge) findRelease() *statement {
	named := r.namedRelease()
	if named != nil && (!r.variants || r.isOfModel(named)) {
		return named
	}
	for _, s := range ofKind[*attest.Release](r.judge) {
		if s.key != nil && s.issuer() == r.registration.Lab && r.isOfModel(s) {
			return s
		}
	}
	return named
}

func (r *rowJudge) namedRelease() *statement {
	if _, ok := r.carrier.Statement.Predicate.(*attest.Release); ok {
		return r.carrier
	}
	if id, ok := r.carrier.Statement.Head().Ref(attest.RoleRelease); ok {
		s, _ := lookup[*attest.Release](r.judge, id)
		return s
	}
	return nil
}

// isOfModel reports whether a release says that it is of the model that was run.
func (r *rowJudge) isOfModel(s *statement) bool {
	p, m := s.Statement.Predicate.(*attest.Release), r.registration.Model
	return p.Model == m || m.Kind == attest.ModelSealed &&
		slices.ContainsFunc(p.Seals, func(s attest.Seal) bool { return s.Commitment == m.ID })
}

// lacks says what the row rests on that the pack leaves out. Of the statements that
// are there nothing is said then as if they were all.
func (r *rowJudge) lacks() string {
	switch {
	case r.result == nil:
		return fmt.Sprintf("the result %s that it names is not in the pack", r.score.Result.Short())
	case r.registration == nil:
		return "the registration of the result is not in the pack"
	case r.testset == nil:
		return "the test set of the registration is not in the pack"
	case r.modelSt == nil:
		return "the model of the registration is not in the pack"
	}
	return ""
}

// relied lists the statements that the row rests on, as far as they are there.
func (r *rowJudge) relied() []*statement {
	var list []*statement
	for _, s := range []*statement{r.testsetSt, r.modelSt, r.registrationSt, r.resultSt, r.auditSt, r.releaseSt, r.carrier} {
		if s != nil && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// parties are those whose own witness convinces nobody.
func (r *rowJudge) parties(s *statement) []string {
	list := []string{s.issuer()}
	if r.registration != nil {
		list = append(list, r.registration.Lab, r.registration.Evaluator)
	}
	return list
}

// restsOn lists the statements that a check compares. All of them must count for it
// to contradict: a stranger can put anything under a name, and beside it.
func (r *rowJudge) restsOn(check string) []*statement {
	switch check {
	case "identity/configuration", "registration/terms":
		return []*statement{r.registrationSt}
	case "testset/skeleton", "testset/active", "testset/history", "testset/openings":
		return []*statement{r.testsetSt}
	case "testset/committed", "registration/items", "score/items":
		return []*statement{r.testsetSt, r.registrationSt}
	case "result/items", "result/root":
		return []*statement{r.testsetSt, r.registrationSt, r.resultSt}
	case "order/registered-before-result", "result/evaluator", "result/first", "result/grades", "result/score", "score/recomputed", "audit/regrade", "challenge/answered":
		return []*statement{r.registrationSt, r.resultSt}
	case "model/committed":
		return []*statement{r.modelSt, r.registrationSt}
	case "model/seal", "model/same-as-released", "model/recomputed", "model/package", "audit/model-match":
		return []*statement{r.releaseSt, r.registrationSt}
	}
	return nil
}

// discount takes back the contradictions that rest on a statement without a key of
// the policy. What publishes the score chose all that is compared, so it is one of
// them always.
func (r *rowJudge) discount() {
	for i := range r.row.Checks {
		c := &r.row.Checks[i]
		for _, s := range append(r.restsOn(c.Name), r.carrier) {
			if c.State == Contradicted && s != nil && s.key == nil {
				c.State = Missing
				c.Detail = fmt.Sprintf("%s; but %s %s does not count: %s", c.Detail, s.Statement.Kind(), s.Statement.ID.Short(), s.unsigned)
			}
		}
	}
}

func (r *rowJudge) finish() {
	r.discount()
	r.row.Stale = r.row.Stale || r.outdated
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	checks := r.row.Checks
	sort.SliceStable(checks, func(i, j int) bool { return place(checks[i].Name) < place(checks[j].Name) })
	if r.retracted {
		r.row.Headline = Retracted
	}
	lab := ""
	if r.registration != nil {
		lab = r.registration.Lab
	}
	r.row.settle(r.policy.Require, r.retroactive, func(by string) bool { return r.policy.Independent(by, lab) })
	if r.cannot && r.row.Headline > CannotCheck {
		r.row.Headline = CannotCheck
	}
}

func place(name string) int {
	return slices.IndexFunc(Catalogue, func(c CheckInfo) bool { return c.Name == name })
}

func (r *rowJudge) timeline() {
	list := r.relied()
	if r.matchSt != nil {
		list = append(list, r.matchSt)
	}
	for _, s := range list {
		at, state := r.bound(s, r.parties(s))
		r.row.Timeline = append(r.row.Timeline, Event{
			ID: s.Statement.ID, Kind: s.Statement.Kind(), Issuer: s.issuer(),
			NotBefore: s.notBefore, NotAfter: at, Bound: state, Tokens: s.shown(),
		})
	}
	events := r.row.Timeline
	sort.SliceStable(events, func(i, j int) bool { return events[i].NotAfter.Before(events[j].NotAfter) })
}
