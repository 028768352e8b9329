package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// checkBranch checks what the statements of every issuer relied on say of its
// numbering. Two different payloads validly signed for one number are evidence by
// themselves, whoever collected them; those of others say nothing of this row.
func (r *rowJudge) checkBranch() {
	const name = "statement/one-branch"
	for _, issuer := range slices.Sorted(maps.Keys(r.spans())) {
		if c := r.forkOf(issuer); c != nil {
			c.Name, c.State = name, Contradicted
			r.add(*c)
			return
		}
	}
	if c := r.otherBranch(); c != nil {
		c.Name = name
		r.add(*c)
		return
	}
	if k := r.everywhere(statementsOf(r.issuers()...), r.issuers()...); k.why == "" {
		r.say(name, k, "no other branch in any ledger of the policy")
		return
	}
	r.add(Check{Name: name, State: Attested, By: "the issuers' own numbering",
		Detail: "in this pack; that there is no other branch is not checked"})
}

// forkOf is fork, which is asked for once.
func (j *judge) forkOf(issuer string) *Check {
	c, ok := j.forks[issuer]
	if !ok {
		c = j.fork(issuer)
		j.forks[issuer] = c
	}
	return c
}

// otherBranch is what monitors say of another branch of an issuer relied on.
func (r *rowJudge) otherBranch() *Check {
	for _, issuer := range slices.Sorted(maps.Keys(r.spans())) {
		if c := r.left.forks[issuer]; c != nil {
			other := *c
			return &other
		}
	}
	return nil
}

// fork finds where an issuer's signed statements are not one chain.
func (j *judge) fork(issuer string) *Check {
	var last *statement
	for _, s := range j.signed[issuer] {
		head := s.Statement.Head()
		if last != nil && last.Statement.Head().Seq == head.Seq {
			return &Check{
				Detail:   fmt.Sprintf("%s signed two different statements numbered %d", issuer, head.Seq),
				Evidence: []attest.Hash{last.Statement.ID, s.Statement.ID},
			}
		}
		if last != nil && last.Statement.Head().Seq+1 == head.Seq && head.Prev != last.Statement.ID {
			return &Check{
				Detail: fmt.Sprintf("statement %d of %s does not follow the statement %d shown", head.Seq, issuer, last.Statement.Head().Seq),
				Want:   last.Statement.ID.String(), Got: head.Prev.String(),
				Evidence: []attest.Hash{last.Statement.ID, s.Statement.ID},
			}
		}
		if before := j.all[head.Prev]; before != nil && !isNext(before, s) {
			return &Check{
				Detail: fmt.Sprintf("statement %d of %s names as the one before it the statement %d of %s",
					head.Seq, issuer, before.Statement.Head().Seq, before.issuer()),
				Evidence: []attest.Hash{before.Statement.ID, s.Statement.ID},
			}
		}
		if head.Seq == 0 != head.Prev.IsZero() {
			return &Check{
				Detail:   fmt.Sprintf("statement %d of %s says that the one before it is %s: only the first has none", head.Seq, issuer, head.Prev),
				Evidence: []attest.Hash{s.Statement.ID},
			}
		}
		if p, ok := s.Statement.Predicate.(*attest.ChainHead); ok && p.Newest+1 != p.Seq {
			return &Check{
				Detail:   fmt.Sprintf("%s numbers its head %d and the newest statement before it %d", issuer, p.Seq, p.Newest),
				Evidence: []attest.Hash{s.Statement.ID},
			}
		}
		last = s
	}
	return nil
}

// isNext reports whether s is the statement after before, of one issuer.
func isNext(before, s *statement) bool {
	head := s.Statement.Head()
	return head.Prev == before.Statement.ID && head.Issuer == before.issuer() && head.Seq == before.Statement.Head().Seq+1
}

// checkChains asks whether the numbering of every issuer relied on runs without a
// gap from the first statement used here to a fresh head. It shows that nothing
// was withdrawn on the branch shown; that there is no other branch takes a scan.
func (r *rowJudge) checkChains() {
	const name = "completeness/chains"
	c := Check{Name: name, State: Proven, Detail: "each issuer's statements follow each other to a fresh head"}
	var gaps []string
	if lacks := r.lacks(); lacks != "" {
		gaps = append(gaps, lacks)
	}
	if other := r.otherBranch(); other != nil {
		gaps = append(gaps, other.Detail)
	}
	r.row.Stale = len(gaps) > 0
	spans := r.spans()
	for _, issuer := range slices.Sorted(maps.Keys(spans)) {
		head, why := r.followChain(issuer, spans[issuer])
		if why != "" {
			gaps = append(gaps, why)
			if len(r.everywhere(statementsOf(issuer), r.issuers()...).by) == 0 {
				r.row.Stale = true // no fresh inventory either
			}
			continue
		}
		if _, state := r.bound(head, r.parties(head)); state != Proven {
			c.State, c.By = Attested, issuer
			c.Detail = "each issuer's statements follow each other to a fresh head; no independent witness saw it"
		}
	}
	if len(gaps) > 0 {
		r.missing(name, "%s", strings.Join(gaps, "; "))
		return
	}
	r.add(c)
}

// span is the part of an issuer's chain that a row rests on.
type span struct {
	first *statement
	last  uint64
}

func (r *rowJudge) spans() map[string]span {
	spans := map[string]span{}
	for _, s := range r.relied() {
		seq := s.Statement.Head().Seq
		at, ok := spans[s.issuer()]
		if !ok {
			at = span{s, seq}
		}
		if seq < at.first.Statement.Head().Seq {
			at.first = s
		}
		spans[s.issuer()] = span{at.first, max(at.last, seq)}
	}
	return spans
}

// followChain walks an issuer's signed statements by their prev from the first one
// relied on to a head beyond the last, and returns that head or why there is none.
func (j *judge) followChain(issuer string, used span) (*statement, string) {
	why := fmt.Sprintf("no head of %s after its statement %d", issuer, used.last)
	var fresh *statement
	for s := used.first; s != nil && s.key != nil; s = j.after[s.Statement.ID] {
		_, isHead := s.Statement.Predicate.(*attest.ChainHead)
		if !isHead || s.Statement.Head().Seq <= used.last {
			continue
		}
		if stale := j.notFresh(s); stale != "" {
			why = stale
		} else {
			fresh = s
		}
	}
	if fresh != nil {
		return fresh, ""
	}
	return nil, why
}

// notFresh says why a head or an inventory does not count as fresh. Its lower bound decides: an
// upper bound would let an old head be logged late.
func (j *judge) notFresh(s *statement) string {
	kind, who := s.Statement.Kind(), s.issuer()
	switch {
	case s.verified == nil:
		return fmt.Sprintf("%s of %s: %s", kind, who, s.unlogged)
	case s.notBefore.IsZero():
		return fmt.Sprintf("%s of %s: %s", kind, who, s.noRound)
	case s.notBefore.After(j.opts.At.Add(j.policy.Skew)):
		return fmt.Sprintf("%s of %s carries a beacon round of %s, which is to come", kind, who, stamp(s.notBefore))
	case j.opts.At.Sub(s.notBefore) > j.policy.Fresh:
		return fmt.Sprintf("%s of %s is from %s or earlier; the policy wants one within %s", kind, who, stamp(s.notBefore), j.policy.Fresh)
	}
	return ""
}

// checkRetractions looks for withdrawals of what the row rests on. A retraction
// counts once it is signed: a lab cannot hold one back by not logging it, or by logging
// it later than what it withdraws is judged.
func (r *rowJudge) checkRetractions() {
	const name = "retraction/none"
	for _, target := range r.relied() {
		s := r.retraction(target)
		if s == nil {
			continue
		}
		r.retracted = true
		p := s.Statement.Predicate.(*attest.Retraction)
		r.add(Check{Name: name, State: Missing, Evidence: []attest.Hash{s.Statement.ID},
			Detail: fmt.Sprintf("%s withdrew its %s: %q", s.issuer(), target.Statement.Kind(), p.Reason)})
		return
	}
	for _, target := range r.relied() {
		if l := r.leftOut("retraction", target.issuer(), target.Statement.ID, noLimit); l != nil {
			r.outdated = true
			r.missing(name, "of the %s: %s", target.Statement.Kind(), l)
			return
		}
	}
	if r.row.Stale {
		r.missing(name, "none in this pack; without fresh heads later ones are not excluded")
		return
	}
	if k := r.everywhere(statementsOf(r.issuers()...), r.issuers()...); k.why == "" {
		r.say(name, k, "none in any ledger of the policy")
		return
	}
	r.add(Check{Name: name, State: Attested, By: "the issuers' own numbering",
		Detail: "none up to the heads shown; other branches are not checked"})
}

// retraction is the one that withdraws a statement at the verification time, or nil.
func (j *judge) retraction(target *statement) *statement {
	for _, s := range ofKind[*attest.Retraction](j) {
		p := s.Statement.Predicate.(*attest.Retraction)
		if s.key == nil || p.Target != target.Statement.ID || s.issuer() != target.issuer() {
			continue
		}
		if s.notBefore.After(j.opts.At.Add(j.policy.Skew)) {
			continue // nobody had made it yet, whatever a ledger says by now
		}
		return s
	}
	return nil
}

func (j *judge) withdrawn(target *statement) bool { return j.retraction(target) != nil }
