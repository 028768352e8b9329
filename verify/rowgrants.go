package verify

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// checkRunLater asks whether the run can have begun before it was registered. Either it
// depends on a draw that came later, or two things exclude it together: the result carries a beacon round that nobody knew
// when the registration was logged, and an independent owner first handed items to
// the lab or its evaluator after the registration, whose id its grant names.
func (r *rowJudge) checkRunLater() {
	const name = "order/run-later"
	if r.registration == nil || r.testset == nil {
		r.missing(name, "no registered result on a test set")
		return
	}
	lab, evaluator, owner := r.registration.Lab, r.registration.Evaluator, r.testsetSt.issuer()
	registered, state := r.bound(r.registrationSt, r.parties(r.registrationSt))
	switch {
	case r.retroactive:
		r.missing(name, "the registration says that the run was made before")
		return
	case state != Proven:
		r.missing(name, "nothing independent shows when the run was registered")
		return
	}
	if c, ok := r.dependsOnDraw(); ok {
		c.Name, c.Evidence = name, []attest.Hash{r.registrationSt.Statement.ID}
		r.add(c)
		return
	}
	switch {
	case r.resultSt.notBefore.IsZero():
		r.missing(name, "the result carries no beacon round%s", because(r.resultSt.noRound))
		return
	case !r.resultSt.notBefore.After(registered.Add(r.policy.Skew)):
		r.missing(name, "the result's beacon round is of %s, and the run was registered by %s: clocks may differ by %s", stamp(r.resultSt.notBefore), stamp(registered), r.policy.Skew)
		return
	case r.wasPublic():
		r.missing(name, "the items are public, or were in another version: answers may have existed before")
		return
	case !r.policy.Independent(owner, lab, evaluator):
		r.missing(name, "the owner %s is not known to be independent of lab and evaluator: it may have handed items over unseen", owner)
		return
	}
	grant, why := r.firstGrant(owner, lab, evaluator)
	if why != "" {
		r.missing(name, "%s", why)
		return
	}
	// The order of the statements is proven; that nothing was handed over before is
	// what the owner says.
	r.add(Check{Name: name, State: Attested, By: owner, Evidence: []attest.Hash{r.registrationSt.Statement.ID},
		Detail: fmt.Sprintf("items were first granted to %s for this registration; the result follows %s", grant.Holder, stamp(r.resultSt.notBefore))})
}

// wasPublic reports whether any version of the set is open to everybody. What was in
// one stays known, whatever a later one says.
func (r *rowJudge) wasPublic() bool {
	return slices.ContainsFunc(ofKind[*attest.Testset](r.judge), func(s *statement) bool {
		p := s.Statement.Predicate.(*attest.Testset)
		return p.Access == "public" && p.SetID == r.testset.SetID && (s.key != nil || s == r.testsetSt)
	})
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " that counts: " + why
}

// firstGrant returns the owner's first grant of the set to the lab or the evaluator,
// if it is for this registration. That there was none before takes all of the
// owner's statements: a scan, or a chain from its very first to a fresh head.
func (r *rowJudge) firstGrant(owner, lab, evaluator string) (*attest.Grant, string) {
	var found *statement
	for _, s := range ofKind[*attest.Grant](r.judge) {
		p := s.Statement.Predicate.(*attest.Grant)
		ours := r.policy.sameParty(p.Holder, lab) || r.policy.sameParty(p.Holder, evaluator)
		if s.key == nil || s.issuer() != owner || p.SetID != r.registration.Testset.SetID || !ours {
			continue
		}
		if found == nil || s.Statement.Head().Seq < found.Statement.Head().Seq {
			found = s
		}
	}
	if found == nil {
		return nil, fmt.Sprintf("no grant of %s hands items to %s or %s", owner, lab, evaluator)
	}
	grant := found.Statement.Predicate.(*attest.Grant)
	switch {
	case found.verified == nil:
		return nil, "the grant: " + found.unlogged
	case r.earlierUnknown(owner, found) != "":
		return nil, "earlier grants are not excluded: " + r.earlierUnknown(owner, found)
	case found.ref(attest.RoleRegistration) != r.registrationSt.Statement.ID || grant.RunID == nil || *grant.RunID != r.registrationSt.Statement.ID:
		return nil, fmt.Sprintf("%s held items before: its first grant is not for this registration", grant.Holder)
	}
	if err := r.heldByOpening(found, lab, evaluator); err != nil {
		return nil, err.Error()
	}
	return grant, ""
}

// earlierUnknown says why the owner can have made statements before one that are not
// here. Its numbering must have no gap from the very first on; and there is no other
// branch of it as far as scans show, or a fresh head.
func (r *rowJudge) earlierUnknown(owner string, last *statement) string {
	first := r.signed[owner][0]
	if first.Statement.Head().Seq != 0 {
		return fmt.Sprintf("the first statement of %s here is its %d", owner, first.Statement.Head().Seq)
	}
	if c := r.left.forks[owner]; c != nil {
		return c.Detail
	}
	if r.everywhere(nil, owner).why != "" {
		_, gap := r.followChain(owner, span{first, last.Statement.Head().Seq})
		return gap
	}
	for i, s := range r.signed[owner] {
		if s.Statement.Head().Seq != uint64(i) {
			return fmt.Sprintf("statement %d of %s is in none of the ledgers that were scanned", i, owner)
		}
		if s == last {
			break
		}
	}
	return ""
}
