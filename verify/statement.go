package verify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// statement is an entry of the pack with what the policy makes of it.
type statement struct {
	*attest.Entry
	key       *IssuerKey // the policy's key that verifies it, or nil
	unsigned  string     // why key is nil
	verified  *ledger.Verified
	unlogged  string    // why verified is nil
	notBefore time.Time // of the beacon round that it carries, zero if none counts
	noRound   string    // why notBefore is zero although it carries one
}

func (s *statement) issuer() string { return s.Statement.Head().Issuer }

func (s *statement) ref(role string) attest.Hash {
	id, _ := s.Statement.Head().Ref(role)
	return id
}

// judge holds one verification.
type judge struct {
	pack   *attest.Pack
	policy *Policy
	opts   Options
	all    map[attest.Hash]*statement
	broken error // what makes the whole pack unreadable
}

func (j *judge) load() {
	j.all = map[attest.Hash]*statement{}
	for id, e := range j.pack.Entries {
		s := &statement{Entry: e}
		j.checkLogged(s)
		j.checkSigned(s)
		j.checkRound(s)
		j.all[id] = s
	}
}

// checkSigned looks for the key in the policy, by the issuer that the statement
// names. The bundle's hint is never asked: it is outside the signature.
func (j *judge) checkSigned(s *statement) {
	issuer := j.policy.Issuer(s.issuer())
	switch {
	case issuer == nil:
		s.unsigned = fmt.Sprintf("the policy does not know %s", s.issuer())
		return
	case j.policy.Denied(s.Statement.ID) != "":
		s.unsigned = "the policy denies this statement"
		return
	case s.Bundle.Certificate:
		s.unsigned = "signed under a certificate, which this build cannot check"
		return
	}
	s.unsigned = fmt.Sprintf("no key that the policy gives to %s verifies its signature", s.issuer())
	for i := range issuer.Keys {
		k := &issuer.Keys[i]
		if !s.Bundle.SignedBy(k.Key) {
			continue
		}
		if j.policy.Denied(k.Key.Fingerprint()) != "" {
			s.unsigned = "the policy denies its key"
			return
		}
		if why := j.outsideWindow(s, k); why != "" {
			s.unsigned = why
			return
		}
		s.key, s.unsigned = k, ""
		return
	}
}

// outsideWindow says why a key's validity does not cover the statement. Only the
// upper time bound decides: a statement without one could be of any time.
func (j *judge) outsideWindow(s *statement, k *IssuerKey) string {
	if k.From.IsZero() && k.Until.IsZero() {
		return ""
	}
	if s.verified == nil || s.verified.NotAfter.IsZero() {
		return "its key is valid for a limited time, and nothing shows when it was signed"
	}
	at := s.verified.NotAfter
	if !k.Until.IsZero() && at.After(k.Until) || !k.From.IsZero() && at.Before(k.From) {
		return fmt.Sprintf("logged by %s, outside the time for which the policy trusts its key", stamp(at))
	}
	return ""
}

func (j *judge) checkLogged(s *statement) {
	if len(s.Proof) == 0 {
		s.unlogged = "no proof that it was logged"
		return
	}
	v, err := j.policy.Ledger.Verify(s.Bytes, s.Proof, j.opts.At.Add(j.policy.Skew))
	if err != nil {
		s.unlogged = err.Error()
		var quorum *ledger.QuorumError
		if !errors.As(err, &quorum) {
			s.unlogged = "its proof does not verify: " + err.Error()
		}
		return
	}
	if v.NotAfter.IsZero() {
		s.unlogged = "the policy's quorum asks for no witness, which gives no time"
		return
	}
	s.verified = v
}

func (j *judge) checkRound(s *statement) {
	round := s.Statement.Head().NotBefore
	if round == nil {
		return
	}
	beacon := j.policy.Beacon(round.Chain)
	data, ok := j.pack.Beacons[*round]
	switch {
	case beacon == nil:
		s.noRound = fmt.Sprintf("the policy trusts no beacon with chain %s", round.Chain.Short())
		return
	case !ok:
		s.noRound = fmt.Sprintf("round %d of %s is not in the pack", round.Round, beacon.Name)
		return
	}
	checked, err := beacon.Check(data)
	if err == nil && checked.Number != round.Round {
		err = fmt.Errorf("file holds round %d, want %d", checked.Number, round.Round)
	}
	if err != nil {
		s.noRound = err.Error()
		return
	}
	s.notBefore = checked.Time
}

// bound is the statement's upper time bound for a row with these parties:
// proven where a witness run by somebody independent of all of them cosigned,
// attested otherwise.
func (j *judge) bound(s *statement, parties []string) (time.Time, State) {
	if s == nil || s.verified == nil {
		return time.Time{}, Missing
	}
	at, ok := s.verified.NotAfterWith(func(witness string) bool {
		return j.policy.Independent(j.policy.Operator(witness), parties...)
	})
	if ok {
		return at, Proven
	}
	return s.verified.NotAfter, Attested
}

// branch checks what every statement of the pack says of its issuer's numbering.
// Two different payloads validly signed for one number are evidence by themselves,
// whoever collected them.
func (j *judge) branch() Check {
	c := Check{Name: "statement/one-branch", State: Attested, Detail: "in this pack; that there is no other branch is not checked"}
	byIssuer := map[string][]*statement{}
	for _, id := range j.pack.IDs() {
		if s := j.all[id]; s.key != nil {
			byIssuer[s.issuer()] = append(byIssuer[s.issuer()], s)
		}
	}
	for issuer, list := range byIssuer {
		for i := 1; i < len(list); i++ {
			before, after := list[i-1].Statement, list[i].Statement
			switch {
			case after.Head().Seq == before.Head().Seq:
				c.State, c.Evidence = Contradicted, []attest.Hash{before.ID, after.ID}
				c.Detail = fmt.Sprintf("%s signed two different statements numbered %d", issuer, after.Head().Seq)
			case after.Head().Seq == before.Head().Seq+1 && after.Head().Prev != before.ID:
				c.State, c.Evidence = Contradicted, []attest.Hash{before.ID, after.ID}
				c.Detail = fmt.Sprintf("statement %d of %s does not follow the statement %d shown", after.Head().Seq, issuer, before.Head().Seq)
				c.Want, c.Got = before.ID.String(), after.Head().Prev.String()
			case after.Head().Prev == before.ID && after.Head().Seq != before.Head().Seq+1:
				c.State, c.Evidence = Contradicted, []attest.Hash{before.ID, after.ID}
				c.Detail = fmt.Sprintf("%s numbers its statement %d and the one after it %d", issuer, before.Head().Seq, after.Head().Seq)
			}
		}
	}
	if c.State == Attested {
		c.By = "the issuers' own numbering"
	}
	return c
}

// ofKind returns the pack's statements of one predicate type, signed ones first,
// then by issuer and number.
func ofKind[P attest.Predicate](j *judge) []*statement {
	var list []*statement
	for _, id := range j.pack.IDs() {
		if _, ok := j.pack.Entries[id].Statement.Predicate.(P); ok {
			list = append(list, j.all[id])
		}
	}
	slices.SortStableFunc(list, func(a, b *statement) int {
		return cmp.Compare(bit(a.key == nil), bit(b.key == nil))
	})
	return list
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
