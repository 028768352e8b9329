package verify

import (
	"bytes"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// MergeInto adds to a pack what another holds. Of two copies of one statement the
// pack keeps the one that counts under the policy, and of two that do the one that
// was logged earlier. Packs come from anybody: whoever would hide a statement can
// hand on a copy of it with a false signature or no proof, a beacon round that is
// none, an artifact with other bytes.
func MergeInto(p, other *attest.Pack, policy *Policy, at time.Time) {
	at = at.Add(policy.Skew)
	for id, e := range other.Entries {
		if have := p.Entries[id]; have != nil && policy.standing(e, at).above(policy.standing(have, at)) {
			p.Entries[id] = e
		}
	}
	for round, data := range other.Beacons {
		have, ok := p.Beacons[round]
		beacon := policy.Beacon(round.Chain)
		if !ok || beacon == nil || bytes.Equal(have, data) {
			continue
		}
		if _, err := beacon.Check(have); err != nil {
			p.Beacons[round] = data
		}
	}
	p.Merge(other)
}

// standing is what a policy makes of one copy of a statement.
type standing struct {
	signed, proven bool
	logged         time.Time // by then, for certain; zero: no witness says
}

// counts reports whether the copy is as good as any, but for its date: without a
// proof, a key that is valid for a limited time does not count.
func (s standing) counts() bool { return s.signed && s.proven }

func (s standing) above(t standing) bool {
	if s.counts() && t.counts() {
		return s.logged.Before(t.logged)
	}
	return s.counts() || s.signed && !t.signed
}

func (p *Policy) standing(e *attest.Entry, at time.Time) standing {
	s := standing{signed: p.signs(e)}
	if v, err := p.Ledger.Verify(e.Bytes, e.Proof, at); err == nil {
		s.proven, s.logged = true, v.NotAfter
	}
	return s
}

// signs reports whether a key that the policy gives to the issuer verifies the entry.
// Whoever would hide a statement can log or pack a copy of it with a false signature.
func (p *Policy) signs(e *attest.Entry) bool {
	issuer := p.Issuer(e.Statement.Head().Issuer)
	return issuer != nil && slices.ContainsFunc(issuer.Keys, func(k IssuerKey) bool { return e.Bundle.SignedBy(k.Key) })
}
