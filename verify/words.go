package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// unshown lists what the reader might take the verdict to say and it does not.
func (j *judge) unshown(v *Verdict) []string {
	lines := []string{}
	if len(v.Claims) == 0 {
		if len(v.Openings) > 0 {
			return []string{"anything about a model: the pack publishes no score, it opens items"}
		}
		return []string{"anything: the pack publishes no score"}
	}
	if v.Level <= CAL1R {
		lines = append(lines, "how or when the run was made: it was registered afterwards or not bound to a registration at all")
	}
	if v.Declared != "" {
		lines = append(lines, "how the model does on the items that were left out: the registrant chose which ones to run")
	}
	lines = append(lines,
		invented(v),
		otherRuns(v),
		"that the model had not seen the items: a fixed set can be in the training data (unseen: missing)",
		"that the words beside a score are true: only the scores were checked, not the text and labels of who publishes them",
		"that the grader is right, or that the items measure what their name says",
		"that what is served today behaves like the model that was run")
	lines = append(lines, slices.Compact(slices.Sorted(slices.Values(j.notShownByRows)))...)
	for _, inv := range j.inventories {
		if inv.false != "" {
			lines = append(lines, fmt.Sprintf("what the inventory %s of %s says, which does not count: %s", inv.Statement.ID.Short(), inv.issuer(), inv.false))
		}
	}
	if kinds := j.unknownKinds(); len(kinds) > 0 {
		lines = append(lines, "what statements say of a kind that this version does not know: "+strings.Join(kinds, ", "))
	}
	if v.Facets[Deployment] < 2 {
		lines = append(lines, "that the published files are the released model: nobody whose word counts here recomputed it from them")
	}
	if v.Facets[Order] < 2 && v.Level > CAL1R {
		lines = append(lines, "that the run began after it was registered: the order shown is announced before reported")
	}
	return lines
}

// invented says what is not shown of where the answers come from.
func invented(v *Verdict) string {
	if v.Facets[Result] >= 2 {
		return "that the answers are the model's: those that a beacon drew were graded right, and nobody made them again"
	}
	return "that the answers are the model's: evaluators can invent answers, and no leaf was challenged here"
}

func otherRuns(v *Verdict) string {
	for _, c := range v.Claims {
		if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Runs == nil }) {
			return "that no other runs were made: selected runs are found by scanning the ledgers (completeness beyond this pack: not checked)"
		}
	}
	return "that no runs were made without being announced in a ledger of the policy, by somebody whose key the policy knows"
}

// unknownKinds lists the kinds of statements that were read no further than their
// place in a chain.
func (j *judge) unknownKinds() []string {
	kinds := map[string]bool{}
	for _, s := range j.all {
		if p, ok := s.Statement.Predicate.(*attest.Opaque); ok {
			kinds[p.Kind()] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// trusting lists whose word the verdict rests on.
func (j *judge) trusting() []string {
	var lines []string
	for _, issuer := range j.policy.Issuers {
		if len(j.signed[issuer.URI]) > 0 {
			lines = append(lines, fmt.Sprintf("%s (%s), to hold its key and to mean what it signs", issuer.URI, strings.Join(issuer.Roles, ", ")))
		}
	}
	witnesses := map[string]bool{}
	beacons := map[string]bool{}
	stamps := map[string]bool{}
	for _, s := range j.all {
		if s.verified != nil {
			for _, c := range s.verified.Cosignatures {
				witnesses[c.Witness] = true
			}
		}
		for _, t := range s.tokens {
			stamps[t.Authority] = stamps[t.Authority] || t.Idle == "" && s.verified != nil
		}
		if round := s.Statement.Head().NotBefore; round != nil && !s.notBefore.IsZero() {
			beacons[j.policy.Beacon(round.Chain).Name] = true
		}
	}
	for _, w := range j.policy.Ledger.Witnesses() {
		if witnesses[w.Name] {
			operator := j.policy.Operator(w.Name)
			if operator == "" {
				operator = "an operator that the policy does not name"
			}
			lines = append(lines, fmt.Sprintf("witness %s, run by %s, to keep an honest clock and to cosign one history", w.Name, operator))
		}
	}
	for _, t := range j.policy.TSAs {
		if stamps[t.Name] {
			lines = append(lines, fmt.Sprintf("timestamp authority %s, run by %s, to keep an honest clock and its key", t.Name, t.Operator))
		}
	}
	for _, b := range j.policy.Beacons {
		if beacons[b.Name] {
			lines = append(lines, fmt.Sprintf("beacon %s, not to be known ahead of its rounds", b.Name))
		}
	}
	for _, who := range slices.Sorted(maps.Keys(j.monitors)) {
		lines = append(lines, fmt.Sprintf("monitor %s, to have read whole ledgers and to list all that it found", who))
	}
	return append(lines, "your own policy, "+j.policy.Hash.String())
}
