package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

const maxDeadline = 90 * 24 * time.Hour

// rowJudge follows one published score back to what it rests on.
type rowJudge struct {
	*judge
	row     *Row
	score   attest.Score
	carrier *statement

	resultSt, registrationSt, testsetSt, modelSt, releaseSt *statement

	result       *attest.Result
	registration *attest.Registration
	testset      *attest.Testset
	config       *run.Configuration

	model       attest.ModelRef // resolved: a sealed model that was opened is its weights
	variants    bool            // the table declares that its rows are of different models
	retroactive bool
	cannot      bool // a check could not be carried out
	retracted   bool
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
	r.checkTestset()
	r.checkHistory()
	r.checkResult()
	r.checkModel()
	r.checkPublished()
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
	r.testsetSt, r.testset = lookup[*attest.Testset](r.judge, r.registrationSt.ref(attest.RoleTestset))
	if r.testset != nil {
		r.row.Owner = r.testsetSt.issuer()
	}
	var model *attest.Model
	r.modelSt, model = lookup[*attest.Model](r.judge, r.registrationSt.ref(attest.RoleModel))
	if model != nil && r.modelSt.key != nil && r.modelSt.issuer() == r.registration.Lab {
		r.row.Model = model.Name // the lab's own word for it, not the registrant's
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

// relied lists the statements that the row rests on, as far as they are there.
func (r *rowJudge) relied() []*statement {
	var list []*statement
	for _, s := range []*statement{r.testsetSt, r.modelSt, r.registrationSt, r.resultSt, r.releaseSt, r.carrier} {
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

func (r *rowJudge) checkIdentity() {
	const signed, role = "identity/signed", "identity/role"
	switch {
	case r.result == nil:
		r.missing(signed, "the result %s that it names is not in the pack", r.score.Result.Short())
	case r.registration == nil:
		r.missing(signed, "the registration of the result is not in the pack")
	case r.testset == nil:
		r.missing(signed, "the test set of the registration is not in the pack")
	default:
		r.checkSigned(signed)
	}
	for _, s := range r.relied() {
		if why := r.wrongRole(s); why != "" {
			r.missing(role, "%s", why)
			return
		}
	}
	r.pass(role, "each issuer speaks in a role that the policy gives to it")
}

func (r *rowJudge) checkSigned(name string) {
	for _, s := range r.relied() {
		if s.key == nil {
			r.missing(name, "%s %s: %s", s.Statement.Kind(), s.Statement.ID.Short(), s.unsigned)
			return
		}
	}
	r.pass(name, "%d statements, each under a key that the policy gives to its issuer", len(r.relied()))
}

// rolesFor says which roles may issue a kind of statement; nil: any issuer that
// the policy knows.
var rolesFor = map[string][]string{
	"testset":      {RoleOwner},
	"model":        {RoleLab},
	"release":      {RoleLab},
	"registration": {RoleLab, RoleEvaluator},
	"result":       {RoleEvaluator},
}

func (r *rowJudge) wrongRole(s *statement) string {
	issuer := r.policy.Issuer(s.issuer())
	if issuer == nil {
		return fmt.Sprintf("the policy does not know %s", s.issuer())
	}
	want := rolesFor[s.Statement.Kind()]
	if want == nil {
		return ""
	}
	for _, role := range want {
		if slices.Contains(issuer.Roles, role) {
			return ""
		}
	}
	return fmt.Sprintf("the policy does not let %s issue a %s (role %s)", s.issuer(), s.Statement.Kind(), strings.Join(want, " or "))
}

// artifact returns bulk data. A pack that holds other bytes than a digest names
// is damaged and cannot be judged at all.
func (j *judge) artifact(a attest.Artifact) []byte {
	if j.pack.HasArtifact(a.SHA256) && a.Size > j.unread {
		j.broken = errors.New("evidence pack: its scores ask for more to be read than anybody publishes")
		return nil
	}
	data, err := j.pack.Artifact(a)
	j.unread -= uint64(len(data))
	if err != nil && !errors.Is(err, attest.ErrNoArtifact) {
		j.broken = fmt.Errorf("evidence pack: %w", err)
	}
	return data
}

func (r *rowJudge) checkConfiguration() {
	const name = "identity/configuration"
	if r.registration == nil {
		r.missing(name, "no registration")
		return
	}
	doc := r.artifact(r.registration.Configuration)
	if doc == nil {
		r.missing(name, "the configuration is not in the pack, its digest alone")
		return
	}
	config, err := run.ParseConfiguration(doc)
	if err != nil {
		r.refute(name, "", "", "%s", err)
		return
	}
	r.config = config
	if config.Evaluator != r.registration.Evaluator {
		r.refute(name, r.registration.Evaluator, config.Evaluator, "configuration and registration name different evaluators")
		return
	}
	if config.Relation != "first-party" && config.Evaluator == r.registration.Lab {
		r.refute(name, "first-party", config.Relation, "the evaluator is the lab")
		return
	}
	if len(config.Unknown) > 0 {
		r.missing(name, "nobody knows any more: %s", strings.Join(config.Unknown, ", "))
		return
	}
	r.pass(name, "every member is bound; that the run kept to them is what %s says", r.registration.Evaluator)
}

func (r *rowJudge) checkTerms() {
	const name = "registration/terms"
	if r.registration == nil {
		r.missing(name, "no registration")
		return
	}
	if issuer := r.registrationSt.issuer(); issuer != r.registration.Evaluator && issuer != r.registration.Lab {
		r.refute(name, r.registration.Lab+" or "+r.registration.Evaluator, issuer, "the registration is by neither lab nor evaluator")
		return
	}
	deadline, err := time.Parse(time.RFC3339, r.registration.Deadline)
	if err != nil {
		r.refute(name, "", r.registration.Deadline, "the deadline is not a time")
		return
	}
	bound, state := r.bound(r.registrationSt, r.parties(r.registrationSt))
	switch {
	case state == Missing:
		r.missing(name, "the deadline is %s; nothing shows when the run was registered", stamp(deadline))
	case deadline.Sub(bound) > maxDeadline+r.policy.Skew:
		r.refute(name, "at most 90 days", deadline.Sub(bound).Round(time.Hour).String(), "the deadline is too late")
	default:
		r.pass(name, "deadline %s", stamp(deadline))
	}
}

func (r *rowJudge) checkOrder() {
	r.checkLoggedAll()
	const name = "order/registered-before-result"
	if r.registration == nil {
		r.missing(name, "no registration")
		return
	}
	if r.result.RunID != r.registrationSt.Statement.ID {
		r.refute(name, r.registrationSt.Statement.ID.String(), r.result.RunID.String(), "the result is of another run than the registration it names")
		return
	}
	registered, a := r.bound(r.registrationSt, r.parties(r.registrationSt))
	reported, b := r.bound(r.resultSt, r.parties(r.resultSt))
	switch {
	case b != Missing && r.registrationSt.notBefore.After(reported.Add(r.policy.Skew)):
		r.refute(name, "before "+stamp(reported), "not before "+stamp(r.registrationSt.notBefore),
			"the registration was made after its result had been logged")
	case a == Missing || b == Missing:
		r.missing(name, "the result names the registration; nothing shows when they were logged")
	case registered.After(reported.Add(r.policy.Skew)):
		r.missing(name, "the registration was logged by %s, later than the result, by %s", stamp(registered), stamp(reported))
	case r.retroactive:
		r.pass(name, "registered by %s, after the run: the registration says so itself", stamp(registered))
	default:
		r.pass(name, "registered by %s, reported by %s", stamp(registered), stamp(reported))
	}
}

func (r *rowJudge) checkLoggedAll() {
	const name = "order/logged"
	c := Check{Name: name, State: Proven, Detail: "every statement, with a witness that is independent of the parties"}
	for _, s := range r.relied() {
		if s.verified == nil {
			r.missing(name, "%s %s: %s", s.Statement.Kind(), s.Statement.ID.Short(), s.unlogged)
			return
		}
		if _, state := r.bound(s, r.parties(s)); state == Attested {
			c.State, c.By = Attested, s.issuer()
			c.Detail = "no witness of the quorum is run by somebody independent of issuer, lab and evaluator: they witness themselves"
		}
	}
	r.add(c)
}

func (r *rowJudge) checkTestset() {
	const committed, skeleton, active = "testset/committed", "testset/skeleton", "testset/active"
	if r.testset == nil {
		for _, name := range []string{committed, skeleton, active} {
			r.missing(name, "no test set")
		}
		return
	}
	want := attest.TestsetRef{SetID: r.testset.SetID, Version: r.testset.Version}
	switch id := testset.ID(r.testsetSt.issuer(), r.testset.Name); {
	case r.policy.Denied(id) == "set":
		r.missing(committed, "the policy denies this test set")
	case r.registration.TestsetName != r.testset.Name:
		r.refute(committed, r.testset.Name, r.registration.TestsetName, "the run was registered under another name than the set's")
	case id != r.testset.SetID:
		r.refute(committed, id.String(), r.testset.SetID.String(), "the set's id does not follow from its owner and name")
	default:
		r.compare(committed, versionText(want), versionText(r.registration.Testset),
			fmt.Sprintf("%d items of %q, committed to in the name of %s", r.testset.Version.Size, r.testset.Name, r.testsetSt.issuer()),
			"the run was registered on another version than the one committed to")
	}
	if data := r.artifact(r.testset.Skeleton); data == nil {
		r.missing(skeleton, "the leaf hashes are not in the pack")
	} else if leaves, err := testset.ParseSkeleton(data); err != nil {
		r.refute(skeleton, "", "", "%s", err)
	} else {
		got := attest.Version{Size: uint64(len(leaves)), Root: attest.Root(leaves)}
		r.compare(skeleton, treeText(r.testset.Version), treeText(got),
			"the leaf hashes have the committed root", "the leaf hashes are not those committed to")
	}
	if data := r.artifact(r.testset.Bitmap); data == nil {
		r.missing(active, "the list of active items is not in the pack")
	} else if digest, err := testset.Active(r.testset.Version.Size, data); err != nil {
		r.refute(active, "", "", "%s", err)
	} else {
		r.compare(active, r.testset.Version.Active.String(), digest.String(),
			"the list of active items is the committed one", "the list of active items is not the one committed to")
	}
}

func versionText(t attest.TestsetRef) string {
	return fmt.Sprintf("set %s, %s, active %s", t.SetID, treeText(t.Version), t.Active)
}

func treeText(v attest.Version) string { return fmt.Sprintf("%d items with root %s", v.Size, v.Root) }

// skeleton returns the leaf hashes of the test set, or nil unless they are as many
// as the registration says.
func (r *rowJudge) skeleton() []attest.Hash {
	if r.testset == nil {
		return nil
	}
	leaves, err := testset.ParseSkeleton(r.artifact(r.testset.Skeleton))
	if err != nil || uint64(len(leaves)) != r.registration.Testset.Size {
		return nil
	}
	return leaves
}

// active returns the active items, or nil unless their list is one of the registered
// version's items.
func (r *rowJudge) active() []uint64 {
	if r.testset == nil || r.registration.Testset.Size > run.MaxRows {
		return nil
	}
	bitmap := r.artifact(r.testset.Bitmap)
	if _, err := testset.Active(r.registration.Testset.Size, bitmap); err != nil {
		return nil
	}
	var active []uint64
	for i := range r.registration.Testset.Size {
		if testset.IsActive(bitmap, i) {
			active = append(active, i)
		}
	}
	return active
}

// restsOn lists the statements that a check compares. All of them must count for it
// to contradict: a stranger can put anything under a name, and beside it.
func (r *rowJudge) restsOn(check string) []*statement {
	switch check {
	case "identity/configuration", "registration/terms":
		return []*statement{r.registrationSt}
	case "testset/skeleton", "testset/active", "testset/history":
		return []*statement{r.testsetSt}
	case "testset/committed":
		return []*statement{r.testsetSt, r.registrationSt}
	case "result/items", "result/root":
		return []*statement{r.testsetSt, r.registrationSt, r.resultSt}
	case "order/registered-before-result", "result/evaluator", "result/first", "result/grades", "result/score", "score/recomputed":
		return []*statement{r.registrationSt, r.resultSt}
	case "model/committed":
		return []*statement{r.modelSt, r.registrationSt}
	case "model/seal", "model/same-as-released", "model/recomputed":
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
	slices.SortStableFunc(r.row.Checks, func(a, b Check) int { return place(a.Name) - place(b.Name) })
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
	for _, s := range r.relied() {
		at, state := r.bound(s, r.parties(s))
		r.row.Timeline = append(r.row.Timeline, Event{
			ID: s.Statement.ID, Kind: s.Statement.Kind(), Issuer: s.issuer(),
			NotBefore: s.notBefore, NotAfter: at, Bound: state,
		})
	}
	slices.SortStableFunc(r.row.Timeline, func(a, b Event) int {
		return a.NotAfter.Compare(b.NotAfter)
	})
}
