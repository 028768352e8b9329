package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

const maxDeadline = 90 * 24 * time.Hour

func (r *rowJudge) checkIdentity() {
	const signed, role = "identity/signed", "identity/role"
	if lacks := r.lacks(); lacks != "" {
		r.without(lacks, signed, role)
		return
	}
	r.checkSigned(signed)
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
	"audit":        {RoleAuditor, RoleOwner, RoleEvaluator},
	"inventory":    {RoleMonitor},
}

func (j *judge) wrongRole(s *statement) string {
	issuer := j.policy.Issuer(s.issuer())
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
	return fmt.Sprintf("the policy does not let %s issue %s statements (role %s)", s.issuer(), s.Statement.Kind(), strings.Join(want, " or "))
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
	config, err := r.configuration(doc)
	if err != nil {
		r.refute(name, "", "", "%s", err)
		return
	}
	r.config = config
	if config.Evaluator != r.registration.Evaluator {
		r.refute(name, r.registration.Evaluator, config.Evaluator, "configuration and registration name different evaluators")
		return
	}
	if config.Relation != "first-party" && r.policy.sameParty(config.Evaluator, r.registration.Lab) {
		r.refute(name, "first-party", config.Relation, "the evaluator is the lab")
		return
	}
	if len(config.Unknown) > 0 {
		r.missing(name, "nobody knows any more: %s", strings.Join(config.Unknown, ", "))
		return
	}
	private, err := r.privateMembers()
	if err != nil {
		r.refute(name, "", "", "%s", err)
		return
	}
	r.pass(name, "every member is bound%s; that the run kept to them is what %s says", private, r.registration.Evaluator)
}

// privateMembers says which members of the configuration are private, and which of
// them were opened since by who registered the run.
func (r *rowJudge) privateMembers() (string, error) {
	opened := map[string]bool{}
	for _, s := range ofKind[*attest.Opening](r.judge) {
		p := s.Statement.Predicate.(*attest.Opening).Configuration
		if p == nil || s.key == nil || p.RunID != r.registrationSt.Statement.ID || s.issuer() != r.registrationSt.issuer() {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(p.Members)) {
			if err := r.config.CheckOpened(name, p.Members[name]); err != nil {
				return "", err
			}
			opened[name] = true
		}
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(r.config.Private)) {
		if opened[name] {
			words = append(words, name+" (opened since)")
			continue
		}
		words = append(words, name)
		r.notShown = append(r.notShown, fmt.Sprintf("what the run's %s was: it is committed to, and private still", name))
	}
	if len(words) == 0 {
		return "", nil
	}
	return ", these privately: " + strings.Join(words, ", "), nil
}

func (j *judge) configuration(doc []byte) (*run.Configuration, error) {
	type parsed struct {
		config *run.Configuration
		err    error
	}
	p := recall(j.memo, "configuration", 2*len(doc), func() (p parsed) {
		p.config, p.err = run.ParseConfiguration(doc)
		return p
	}, doc)
	return p.config, p.err
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
	// A proof that was fetched late makes the wait look shorter than it was. It buys
	// nothing: the run is taken to have been announced by then, and no sooner, wherever
	// that matters. A lower bound would refute those who registered after the beacon
	// round that they carry.
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
