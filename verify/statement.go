package verify

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// statement is an entry of the pack with what the policy makes of it.
type statement struct {
	*attest.Entry
	key       *IssuerKey // the policy's key that verifies it, or nil
	unsigned  string     // why key is nil
	verified  *ledger.Verified
	unlogged  string       // why verified is nil
	tokens    []*seenToken // of timestamp authorities, those that count in the order of time
	notBefore time.Time    // of the beacon round that it carries, zero if none counts
	noRound   string       // why notBefore is zero although it carries one
}

func (s *statement) issuer() string { return s.Statement.Head().Issuer }

// ref is the one statement that s names in a role; of two it names none.
func (s *statement) ref(role string) attest.Hash {
	id, ok := s.Statement.Head().Ref(role)
	if !ok {
		return attest.Hash{}
	}
	return id
}

// judge holds one verification.
type judge struct {
	pack   *attest.Pack
	policy *Policy
	opts   Options
	all    map[attest.Hash]*statement
	kinds  map[string][]*statement // see ofKind
	signed map[string][]*statement // those that count, by issuer and by number
	memo   *memo
	unread uint64 // bytes of artifacts that may still be read
	broken error  // what makes the whole pack unreadable

	lastSkeleton   *skeleton
	compared       map[attest.Hash]compared // by the manifest
	results        map[*statement]*ofRows
	disclosed      map[*statement]bool          // results, as reported finds them
	histories      map[*statement]Check         // of versions of test sets
	forks          map[string]*Check            // by issuer
	after          map[attest.Hash]*statement   // signed by one issuer, by the id of the one before
	resultsOf      map[attest.Hash][]*statement // those that count, by run
	withdrawals    map[withdrawal]bool
	lists          map[*statement]*itemList // of registrations
	draws          map[*statement]*drawing  // of registrations
	openings       []openedSet
	inventories    []*inventory
	left           listings          // what inventories list, and the pack leaves out
	split          map[string]string // ledgers with two histories, and what to say of each
	monitors       map[string]bool   // on whose word a check rests
	notShownByRows []string          // by single rows, besides what no row shows
}

// checkedRound is a beacon round, or why there is none.
type checkedRound struct {
	challenge.Round
	why string
}

// withdrawal names what an issuer withdrew.
type withdrawal struct {
	issuer string
	target attest.Hash
}

func (j *judge) load(ctx context.Context) error {
	j.all, j.kinds, j.signed = map[attest.Hash]*statement{}, map[string][]*statement{}, map[string][]*statement{}
	j.results, j.lists, j.draws = map[*statement]*ofRows{}, map[*statement]*itemList{}, map[*statement]*drawing{}
	j.disclosed, j.histories = map[*statement]bool{}, map[*statement]Check{}
	j.forks, j.after = map[string]*Check{}, map[attest.Hash]*statement{}
	j.monitors = map[string]bool{}
	j.resultsOf, j.withdrawals = map[attest.Hash][]*statement{}, map[withdrawal]bool{}
	for _, id := range j.pack.IDs() {
		if err := ctx.Err(); err != nil {
			return err
		}
		j.all[id] = &statement{Entry: j.pack.Entries[id]}
		j.checkLogged(j.all[id])
	}
	j.checkTrees()
	for _, id := range j.pack.IDs() {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := j.all[id]
		j.checkRound(s)
		j.checkTokens(s)
		j.checkDated(s)
		j.checkSigned(s)
		j.kinds[s.Statement.Kind()] = append(j.kinds[s.Statement.Kind()], s)
		if s.key != nil {
			j.count(s)
		}
	}
	for _, list := range j.kinds {
		slices.SortStableFunc(list, func(a, b *statement) int { return cmp.Compare(bit(a.key == nil), bit(b.key == nil)) })
	}
	j.loadInventories()
	return nil
}

// count files a statement that counts under what is asked for, so that a pack with many
// statements and many scores does not ask for their product.
func (j *judge) count(s *statement) {
	j.signed[s.issuer()] = append(j.signed[s.issuer()], s)
	// A statement that skips numbers leaves out what has them.
	if before := j.all[s.Statement.Head().Prev]; before != nil && isNext(before, s) {
		j.after[before.Statement.ID] = s
	}
	switch p := s.Statement.Predicate.(type) {
	case *attest.Result:
		j.resultsOf[p.RunID] = append(j.resultsOf[p.RunID], s)
	case *attest.Retraction:
		j.withdrawals[withdrawal{s.issuer(), p.Target}] = true
	}
}

// checkTrees looks for ledgers that have shown two trees of one size, each with a
// quorum. What such a ledger holds shows nothing: there is another history of it.
func (j *judge) checkTrees() {
	type tree struct {
		origin string
		size   uint64
	}
	roots := map[tree][32]byte{}
	j.split = map[string]string{}
	seen := func(v *ledger.Verified) {
		t := tree{v.Origin, v.Size}
		if root, ok := roots[t]; ok && root != v.Root {
			j.split[t.origin] = fmt.Sprintf("the ledger %s has shown two trees, each with a quorum: it has two histories", t.origin)
		}
		roots[t] = v.Root
	}
	for _, s := range j.all {
		if s.verified != nil {
			seen(s.verified)
		}
		// The checkpoint is the ledger's and its witnesses' word, whoever hands it on.
		if p, ok := s.Statement.Predicate.(*attest.Inventory); ok {
			if v, err := j.policy.Ledger.VerifyCheckpoint([]byte(p.Checkpoint), j.opts.At.Add(j.policy.Skew)); err == nil && !v.NotAfter.IsZero() {
				seen(v)
			}
		}
	}
	for _, s := range j.all {
		if s.verified != nil && j.split[s.verified.Origin] != "" {
			s.unlogged, s.verified = j.split[s.verified.Origin], nil
		}
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
	at := j.signedBy(s, issuer)
	if at < 0 {
		s.unsigned = fmt.Sprintf("no key that the policy gives to %s verifies its signature", s.issuer())
		return
	}
	k := &issuer.Keys[at]
	if j.policy.Denied(k.Key.Fingerprint()) != "" {
		s.unsigned = "the policy denies its key"
		return
	}
	if s.unsigned = j.outsideWindow(s, k); s.unsigned == "" {
		s.key = k
	}
}

// signedBy is the place of the issuer's key that verifies the statement, or −1.
func (j *judge) signedBy(s *statement, issuer *Issuer) int {
	return recall(j.memo, "signed", 0, func() int {
		return slices.IndexFunc(issuer.Keys, func(k IssuerKey) bool { return s.Bundle.SignedBy(k.Key) })
	}, []byte(issuer.URI), s.Bundle.Payload, s.Bundle.Signature)
}

// outsideWindow says why a key's validity does not cover the statement. Only the
// upper time bound decides: a statement without one could be of any time.
func (j *judge) outsideWindow(s *statement, k *IssuerKey) string {
	if k.From.IsZero() && k.Until.IsZero() {
		return ""
	}
	// A token over the payload says nothing of when that was signed.
	at, state := j.boundBy(s, []string{s.issuer()}, false)
	if state == Missing {
		return "its key is valid for a limited time, and nothing shows when it was signed"
	}
	// Who has an old key of somebody's may run a witness of theirs, and date it back.
	if !k.Until.IsZero() && at.After(k.Until) || !k.From.IsZero() && j.earliest(s, false).Before(k.From) {
		return fmt.Sprintf("logged by %s, outside the time for which the policy trusts its key", stamp(at))
	}
	return ""
}

func (j *judge) checkLogged(s *statement) {
	if len(s.Proof) == 0 {
		s.unlogged = "no proof that it was logged"
		return
	}
	at := j.opts.At.Add(j.policy.Skew)
	checked := recall(j.memo, "logged", len(s.Proof), func() checkedProof {
		return j.checkProof(s, at)
	}, s.Bytes, s.Proof, binary.AppendVarint(nil, at.Unix()))
	s.verified, s.unlogged = checked.verified, checked.why
}

// checkedProof is what a proof shows, or why it shows nothing.
type checkedProof struct {
	verified *ledger.Verified
	why      string
}

func (j *judge) checkProof(s *statement, at time.Time) checkedProof {
	v, err := j.policy.Ledger.Verify(s.Bytes, s.Proof, at)
	var quorum *ledger.QuorumError
	switch {
	case errors.As(err, &quorum):
		return checkedProof{why: err.Error()}
	case err != nil:
		return checkedProof{why: "its proof does not verify: " + err.Error()}
	}
	return checkedProof{verified: v}
}

// checkDated sets aside what is in a ledger and nobody dates: the quorum asks for no
// witness, and there is no token that counts.
func (j *judge) checkDated(s *statement) {
	if s.verified == nil || !j.earliest(s, true).IsZero() {
		return
	}
	s.verified, s.unlogged = nil, "the policy's quorum asks for no witness, which gives no time"
	for _, t := range s.tokens {
		if t.Idle != "" {
			s.unlogged += "; of its token: " + t.Idle
		}
	}
}

func (j *judge) checkRound(s *statement) {
	if round := s.Statement.Head().NotBefore; round != nil {
		checked := j.beaconRound(*round)
		s.notBefore, s.noRound = checked.Time, checked.why
	}
}

// beaconRound finds a round and checks it. Many statements can name one round, and each
// check is a pairing.
func (j *judge) beaconRound(round attest.Round) checkedRound {
	beacon := j.policy.Beacon(round.Chain)
	if beacon == nil {
		return checkedRound{why: fmt.Sprintf("the policy trusts no beacon with chain %s", round.Chain.Short())}
	}
	data, ok := j.pack.Beacons[round]
	if !ok {
		return checkedRound{why: fmt.Sprintf("round %d of %s is not in the pack", round.Round, beacon.Name)}
	}
	return recall(j.memo, "round", 0, func() checkedRound {
		checked, err := beacon.Check(data)
		if err == nil && checked.Number != round.Round {
			err = fmt.Errorf("file holds round %d, want %d", checked.Number, round.Round)
		}
		if err != nil {
			return checkedRound{why: err.Error()}
		}
		return checkedRound{Round: checked}
	}, round.Chain[:], binary.AppendUvarint(nil, round.Round), data)
}

// bound is the statement's upper time bound for a row with these parties: proven where
// a witness run by somebody independent of all of them cosigned, or such a timestamp
// authority dated it; attested otherwise.
func (j *judge) bound(s *statement, parties []string) (time.Time, State) {
	return j.boundBy(s, parties, true)
}

// boundBy is bound, with tokens over the payload or without.
func (j *judge) boundBy(s *statement, parties []string, payloads bool) (time.Time, State) {
	if s == nil || s.verified == nil {
		return time.Time{}, Missing
	}
	apart := func(operator string) bool { return j.policy.Independent(operator, parties...) }
	at, ok := s.verified.NotAfterWith(func(witness string) bool { return apart(j.policy.Operator(witness)) })
	if t, stamped := j.stamped(s, payloads, apart); stamped && (!ok || t.Before(at)) {
		at, ok = t, true
	}
	if ok {
		return at, Proven
	}
	if at = j.earliest(s, payloads); at.IsZero() {
		return at, Missing
	}
	return at, Attested
}

// LoggedBy is the time by which an entry was logged, whoever gives it; zero if nobody
// does that the policy believes.
func (p *Policy) LoggedBy(e *attest.Entry, opts Options) time.Time {
	j := &judge{pack: attest.NewPack(), policy: p, opts: opts}
	s := &statement{Entry: e}
	if j.checkLogged(s); s.verified == nil {
		return time.Time{}
	}
	j.checkRound(s)
	j.checkTokens(s)
	return j.earliest(s, true)
}

// earliest is the upper bound of a logged statement, whoever gives it; zero if nobody
// does.
func (j *judge) earliest(s *statement, payloads bool) time.Time {
	at := s.verified.NotAfter
	if t, ok := j.stamped(s, payloads, func(string) bool { return true }); ok && (at.IsZero() || t.Before(at)) {
		at = t
	}
	return at
}

// ofKind returns the pack's statements of one predicate type, signed ones first,
// then by issuer and number.
func ofKind[P attest.Predicate](j *judge) []*statement {
	var none P
	return j.kinds[none.Kind()]
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
