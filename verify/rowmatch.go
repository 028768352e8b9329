package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const matchCheck = "audit/model-match"

// checkMatches looks for what auditors found where the release says that its model is.
// "D2: nothing uncovered, and modelID recomputed from the published bytes, T4 or T3 at the
// policy's coverage, by the verifier or an independent model-match" (PROTOCOL §7).
//
// The worst that counts decides, as it does for audits of a result (§6): who publishes a
// pack would else keep the auditor that it likes. But two auditors who disagree may both
// be right of a place that can be changed, so that only what a commit names contradicts.
func (r *rowJudge) checkMatches() {
	if r.registration == nil {
		r.missing(matchCheck, "no registration")
		return
	}
	found := r.matches()
	left := r.matchLeftOut()
	switch {
	case found.worst.Name != "":
		r.add(found.worst)
	case left != nil:
		r.outdated = true
		r.missing(matchCheck, "%s", left)
	case found.best != nil:
		r.addMatch(found)
	case len(found.others) > 0:
		r.missing(matchCheck, "%s", strings.Join(found.others, "; "))
	default:
		r.add(Check{Name: matchCheck, State: NotApplicable, Detail: "the pack holds none"})
	}
}

// matchLeftOut is an audit of the release that a monitor lists and the pack leaves out,
// by somebody whose audits count: what others say would change nothing.
func (r *rowJudge) matchLeftOut() *listing {
	if r.releaseSt == nil {
		return nil
	}
	for _, l := range r.left.about[r.releaseSt.Statement.ID] {
		if l.Kind == "audit" && r.audits(l.Issuer) && r.policy.Independent(l.Issuer, r.registration.Lab) {
			return &l
		}
	}
	return nil
}

// audits reports whether the policy lets an issuer audit.
func (r *rowJudge) audits(issuer string) bool {
	known := r.policy.Issuer(issuer)
	return known != nil && slices.Contains(known.Roles, RoleAuditor)
}

// matches are what the pack's audits of kind model-match come to.
type matches struct {
	best      *statement // that shows most of those that are enough for D2
	uncovered *statement // that found weights outside the modelID
	worst     Check      // of one that found another model; without a name there is none
	others    []string   // why others are not enough, the first of them
}

// other keeps why an audit is not enough. Anybody can put any number of them into a pack.
func (m *matches) other(format string, args ...any) {
	if len(m.others) < 5 {
		m.others = append(m.others, fmt.Sprintf(format, args...))
	}
}

func (r *rowJudge) matches() matches {
	var found matches
	for _, s := range ofKind[*attest.Audit](r.judge) {
		p := s.Statement.Predicate.(*attest.Audit)
		if p.What != attest.AuditModelMatch {
			continue
		}
		why := r.matchDiscounted(s, p)
		if why == "" && p.Match.Uncovered != nil && p.Match.Uncovered.Count > 0 {
			found.uncovered = s
		}
		switch {
		case why != "":
			found.other("one by %s does not count: %s", s.issuer(), why)
		case p.Match.Outcome == attest.OutcomeMismatch:
			if c := r.mismatch(s, p.Match); found.worst.State != Contradicted {
				found.worst = c
			}
		default:
			if why := r.matchFalls(s, p.Match); why != "" {
				found.other("that by %s is not enough: %s", s.issuer(), why)
			} else if found.best == nil || found.best.match().Tier < p.Match.Tier {
				found.best = s
			}
		}
	}
	return found
}

func (s *statement) match() *attest.ModelMatch {
	return s.Statement.Predicate.(*attest.Audit).Match
}

// matchDiscounted says why an audit counts for nothing, whatever it found.
func (r *rowJudge) matchDiscounted(s *statement, p *attest.Audit) string {
	if r.releaseSt == nil || p.Release != r.releaseSt.Statement.ID {
		return fmt.Sprintf("it is of the release %s, which is not the one that is judged", p.Release.Short())
	}
	release := r.releaseSt.Statement.Predicate.(*attest.Release)
	if r.releaseSt.issuer() != r.registration.Lab || r.variants && r.model != release.Model {
		return "the release is not one of the model that was run, by the registered lab"
	}
	gone, other := r.leftOut("retraction", s.issuer(), s.Statement.ID, noLimit), r.left.forks[s.issuer()]
	switch {
	case s.key == nil:
		return s.unsigned
	case s.verified == nil:
		return s.unlogged
	case r.withdrawn(s):
		return "it was withdrawn"
	case gone != nil:
		return gone.String()
	case !r.audits(s.issuer()):
		return "the policy does not let its issuer audit (role auditor)"
	case !r.policy.Independent(s.issuer(), r.registration.Lab):
		return "its issuer is not known to be independent of the lab"
	case r.forkOf(s.issuer()) != nil:
		return "its issuer's statements are not one chain: " + r.forkOf(s.issuer()).Detail
	case other != nil:
		return "its issuer's statements are not one chain: " + other.Detail
	}
	if err := model.CheckMatch(p); err != nil {
		return err.Error()
	}
	switch m := p.Match; {
	case release.Model.Kind != attest.ModelWeights || m.Released != release.Model.ID:
		return fmt.Sprintf("it is of model %s, and the release of another", m.Released.Short())
	case !slices.Contains(release.Published, m.Source.URI):
		return fmt.Sprintf("it looked at %s, which the release does not name", m.Source.URI)
	case r.fetchedLater(s):
		return fmt.Sprintf("it says that it fetched at %s, and was logged before", m.Source.Fetched)
	}
	return ""
}

// fetchedLater reports whether an audit is of what nobody could have fetched yet.
func (r *rowJudge) fetchedLater(s *statement) bool {
	fetched, err := time.Parse(time.RFC3339, s.match().Source.Fetched)
	by, _ := r.bound(s, r.parties(s))
	return err == nil && fetched.After(by.Add(r.policy.Skew))
}

// matchFalls says why an audit that found nothing else than the released model is less
// than D2 needs.
func (r *rowJudge) matchFalls(s *statement, m *attest.ModelMatch) string {
	need := r.policy.Require
	if sample := m.Sample; sample != nil {
		missed := missedBy(sample, need.SampledShare)
		switch {
		case sample.DrawnBy != s.issuer() && !r.policy.Independent(sample.DrawnBy, r.registration.Lab):
			return fmt.Sprintf("its sample was drawn by %s, who is not known to be independent of the lab", sample.DrawnBy)
		case sample.Bytes == sample.OfBytes:
		case need.SampledMiss == 0:
			return "it read a sample, and your policy does not say that one is enough (sampled_share, sampled_miss)"
		case missed > need.SampledMiss:
			return fmt.Sprintf("altered tensors with %.3g of all bytes are missed by its sample with probability %.3g, your policy allows %.3g",
				need.SampledShare, missed, need.SampledMiss)
		}
	}
	if m.Outcome == attest.OutcomeIncomplete {
		return fmt.Sprintf("%s: no byte of the weights was read", howLooked(m))
	}
	return r.mayBeWithdrawn(s)
}

// missedBy is computed from the draws; the probability that the audit states is for
// another share.
func missedBy(s *attest.MatchSample, share float64) float64 {
	return math.Pow(1-share, float64(s.Draws))
}

// mayBeWithdrawn says why a withdrawal is not excluded. What raises a facet must stand
// still; whoever shows an audit could leave out what came after it.
func (r *rowJudge) mayBeWithdrawn(s *statement) string {
	if r.knownSince(s) {
		return ""
	}
	_, why := r.followChain(s.issuer(), span{s, s.Statement.Head().Seq})
	if why != "" {
		why = "nothing shows that it was not withdrawn: " + why
	}
	return why
}

// knownSince reports whether it is known, by scans or by monitors, what an issuer signed
// after a statement.
func (r *rowJudge) knownSince(s *statement) bool {
	k := r.everywhere(statementsOf(s.issuer()), s.issuer())
	if k.why != "" {
		return false
	}
	for _, inv := range k.by {
		if inv.said.Ledger == s.verified.Origin {
			return s.verified.Index < inv.said.Size
		}
	}
	return s.verified.Index < r.scanOf(s.verified.Origin).Size
}

// mismatch is the check that follows from an audit which found another model.
func (r *rowJudge) mismatch(s *statement, m *attest.ModelMatch) Check {
	c := Check{Name: matchCheck, State: Contradicted, By: s.issuer(), Evidence: []attest.Hash{s.Statement.ID}}
	c.Detail = fmt.Sprintf("%s found another model at %s: %s", s.issuer(), placeOf(m), strings.Join(otherParts(m), ", "))
	if m.ModelID != nil {
		c.Want, c.Got = m.Released.String(), m.ModelID.String()
	}
	if model.CommitIn(m.Source.URI) == "" {
		c.State, c.By, c.Want, c.Got = Missing, "", "", ""
		c.Detail += "; the release names no commit there, so that it may have been put there since"
	}
	return c
}

// otherParts names the roles that are not the released ones, and what differs in them.
func otherParts(m *attest.ModelMatch) []string {
	var parts []string
	for _, role := range m.Roles {
		if role.State != attest.RoleSame && role.State != attest.RoleUnknown {
			parts = append(parts, role.Role+" "+role.State)
		}
	}
	if m.Differs != nil && m.Differs.Count > 0 {
		parts = append(parts, namesOf(m.Differs))
	}
	return parts
}

func namesOf(n *attest.Names) string {
	const most = 5
	shown := n.First[:min(len(n.First), most)]
	text := strings.Join(shown, ", ")
	if more := n.Count - uint64(len(shown)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// placeOf says where and when an auditor looked.
func placeOf(m *attest.ModelMatch) string {
	text := m.Source.URI
	if m.Source.Commit != "" && model.CommitIn(text) == "" {
		text += ", commit " + m.Source.Commit
	}
	text += " (" + howLooked(m)
	if m.Source.Fetched != "" {
		text += ", fetched " + m.Source.Fetched
	}
	return text + ")"
}

func howLooked(m *attest.ModelMatch) string {
	return fmt.Sprintf("T%d, %s", m.Tier, map[int]string{1: "listing", 2: "git objects", 3: "sample", 4: "every byte"}[m.Tier])
}

// addMatch lets an audit stand in for what the verifier did not look at itself. What it
// did see is not outdone by anybody's word.
func (r *rowJudge) addMatch(found matches) {
	s, m := found.best, found.best.match()
	c := Check{State: Attested, By: s.issuer(), Evidence: []attest.Hash{s.Statement.ID}}
	c.Name, c.Detail = matchCheck, fmt.Sprintf("the released model was found at %s", placeOf(m))
	r.add(c)
	r.matchSt = s
	if r.sawOther {
		return
	}
	c.Name, c.Detail = "model/recomputed", fmt.Sprintf("recomputed from %s%s", placeOf(m), coverage(m.Sample, r.policy.Require.SampledShare))
	r.attest(c)
	c.Name, c.Detail = "model/uncovered", fmt.Sprintf("every weight file at %s is part of the modelID", placeOf(m))
	if u := found.uncovered; u != nil {
		c.State, c.By, c.Evidence = Missing, "", []attest.Hash{u.Statement.ID}
		c.Detail = fmt.Sprintf("%s found outside the modelID, at %s: %s", u.issuer(), placeOf(u.match()), namesOf(u.match().Uncovered))
	}
	r.attest(c)
	r.attestPackage(s)
	r.notShown = append(r.notShown, fmt.Sprintf("that you get the files that %s got at %s: what is served can be another to each", s.issuer(), m.Source.URI))
	if m.Sample != nil && m.Sample.Bytes < m.Sample.OfBytes {
		r.notShown = append(r.notShown, fmt.Sprintf("that tensors which %s did not draw are the released ones", m.Sample.DrawnBy))
	}
}

// attestPackage is for an audit that read every byte. Another package contradicts
// nothing: what lies beside a model in an auditor's directory is no part of it.
func (r *rowJudge) attestPackage(s *statement) {
	pkg, m := r.releaseSt.Statement.Predicate.(*attest.Release).Package, s.match()
	if pkg == nil || m.Package == nil {
		return
	}
	c := Check{Name: "model/package", State: Attested, By: s.issuer(), Evidence: []attest.Hash{s.Statement.ID},
		Detail: fmt.Sprintf("all files at %s are those that were released", placeOf(m))}
	if *m.Package != *pkg {
		c.State, c.By = Missing, ""
		c.Detail = fmt.Sprintf("%s found the released model at %s among other files: one beside it is another, or there are more or less", s.issuer(), placeOf(m))
	}
	r.attest(c)
}

func coverage(s *attest.MatchSample, share float64) string {
	if s == nil {
		return ""
	}
	text := fmt.Sprintf(": %d of %d tensors (%d of %d bytes) read, in %d draws by %s", s.Tensors, s.OfTensors, s.Bytes, s.OfBytes, s.Draws, s.DrawnBy)
	if s.Bytes < s.OfBytes {
		text += fmt.Sprintf("; altered tensors with %.3g of all bytes are missed with probability %.3g", share, missedBy(s, share))
	}
	return text
}

// attest puts somebody's word in the place of a check that is missing.
func (r *rowJudge) attest(c Check) {
	if old := find(r.row.Checks, c.Name); old != nil && old.State == Missing {
		*old = c
	}
}
