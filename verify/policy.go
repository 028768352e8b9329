package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// Roles that a policy can give to an issuer.
const (
	RoleOwner     = "owner"
	RoleLab       = "lab"
	RoleEvaluator = "evaluator"
	RoleAuditor   = "auditor"
	RoleMonitor   = "monitor"
)

var roles = []string{RoleOwner, RoleLab, RoleEvaluator, RoleAuditor, RoleMonitor}

// Policy is what a verifier trusts, and what it demands. It is the verifier's
// own: nothing in an evidence pack adds to it.
type Policy struct {
	Hash    attest.Hash // SHA-256 of the policy's text
	Require Requirement
	Margin  time.Duration // between an announcement and a beacon round that follows it
	Skew    time.Duration // by which honest clocks may differ
	Fresh   time.Duration // how old the newest head may be
	Ledger  *ledger.Policy
	Issuers []Issuer
	Beacons []challenge.Beacon
	TSAs    []TSA

	TSAThreshold int // operators of timestamp authorities that must have dated something

	independent [][]string
	pinned      map[attest.Hash]bool
	operators   map[string]string // witness name or log origin → operator's URI
	denied      map[string]string // fingerprint or id → why
}

// Requirement is what a verdict must reach to read SUPPORTED.
type Requirement struct {
	Level  Level
	Facets Facets // at least these, whatever the level

	// A sample of published weights counts if altered tensors with SampledShare of all
	// bytes are missed with probability SampledMiss at most. Zero: no sample counts.
	SampledShare, SampledMiss float64

	MaxUndisclosed int // announced runs of a lab on a set that need not be reported
}

// Issuer is a party that the policy knows, with exactly its keys.
type Issuer struct {
	URI     string
	Roles   []string
	Aliases []string
	Keys    []IssuerKey
}

// IssuerKey is a key and the time during which statements under it count.
type IssuerKey struct {
	Key         *attest.PublicKey
	From, Until time.Time // zero: unbounded
}

// ParsePolicy reads a policy. Members that it does not know are errors: a typing
// mistake must not loosen what is required.
func ParsePolicy(text []byte) (*Policy, error) {
	file, err := ParsePolicyFile(text)
	if err != nil {
		return nil, err
	}
	p := &Policy{Hash: sha256.Sum256(text), independent: file.Independent, operators: file.Operators}
	for _, step := range []func(*PolicyFile) error{
		p.readRequirement, p.readTimes, p.readLedger, p.readIssuers, p.readTSAs, p.readBeacons, p.readPins, p.readDenials,
	} {
		if err := step(file); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
	}
	return p, nil
}

func (p *Policy) readRequirement(file *PolicyFile) (err error) {
	if p.Require.Level, err = ParseLevel(file.Require.Level); err != nil {
		return fmt.Errorf("require: %w", err)
	}
	if p.Require.MaxUndisclosed = file.Require.MaxUndisclosed; p.Require.MaxUndisclosed < 0 {
		return fmt.Errorf("require: max_undisclosed is %d", p.Require.MaxUndisclosed)
	}
	p.Require.SampledShare, p.Require.SampledMiss = file.Require.SampledShare, file.Require.SampledMiss
	if x, y := p.Require.SampledShare, p.Require.SampledMiss; (x != 0 || y != 0) && !(x > 0 && x < 1 && y > 0 && y < 1) {
		return fmt.Errorf("require: sampled_share is %v and sampled_miss %v, want both, between 0 and 1", x, y)
	}
	for _, text := range file.Require.Facets {
		f, n, err := parseFacet(text)
		if err != nil {
			return fmt.Errorf("require: %w", err)
		}
		p.Require.Facets[f] = max(p.Require.Facets[f], n)
	}
	return nil
}

func (p *Policy) readTimes(file *PolicyFile) error {
	for _, t := range []struct {
		name, text string
		into       *time.Duration
	}{
		{"margin", file.Time.Margin, &p.Margin},
		{"skew", file.Time.Skew, &p.Skew},
		{"freshness", file.Time.Freshness, &p.Fresh},
	} {
		d, err := time.ParseDuration(t.text)
		if err != nil || d < 0 {
			return fmt.Errorf("time: %s is %q, want a duration such as \"10m\"", t.name, t.text)
		}
		*t.into = d
	}
	return nil
}

func (p *Policy) readLedger(file *PolicyFile) (err error) {
	if p.Ledger, err = ledger.ParsePolicy([]byte(file.Ledger.Policy)); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	known := map[string]bool{}
	for _, l := range p.Ledger.Logs() {
		known[l.Origin] = true
	}
	for _, w := range p.Ledger.Witnesses() {
		known[w.Name] = true
	}
	for name := range file.Operators {
		if !known[name] {
			return fmt.Errorf("operators: %q is neither a witness nor a log of the ledger policy", name)
		}
	}
	return nil
}

func (p *Policy) readIssuers(file *PolicyFile) error {
	owner := map[attest.Hash]string{}
	for _, f := range file.Issuers {
		issuer, err := f.parse()
		if err != nil {
			return fmt.Errorf("issuer %q: %w", f.URI, err)
		}
		if p.Issuer(issuer.URI) != nil {
			return fmt.Errorf("issuer %q: listed twice", f.URI)
		}
		for _, k := range issuer.Keys {
			// One key under two names would let one party sign as its own auditor.
			if other, dup := owner[k.Key.Fingerprint()]; dup {
				return fmt.Errorf("issuer %q: has the key of %q", f.URI, other)
			}
			owner[k.Key.Fingerprint()] = f.URI
		}
		p.Issuers = append(p.Issuers, issuer)
	}
	for _, group := range p.independent {
		if len(group) < 2 {
			return errors.New("independent: a group needs at least two parties")
		}
	}
	return nil
}

func (f IssuerFile) parse() (Issuer, error) {
	issuer := Issuer{URI: f.URI, Roles: f.Roles, Aliases: f.Aliases}
	switch {
	case f.URI == "":
		return issuer, errors.New("no uri")
	case len(f.Roles) == 0:
		return issuer, fmt.Errorf("no roles; want some of %s", strings.Join(roles, ", "))
	case len(f.Keys) == 0:
		return issuer, errors.New("no key")
	}
	for _, r := range f.Roles {
		if !slices.Contains(roles, r) {
			return issuer, fmt.Errorf("unknown role %q; want some of %s", r, strings.Join(roles, ", "))
		}
	}
	for i, k := range f.Keys {
		key, err := attest.ParsePublicKey([]byte(k.PEM))
		if err != nil {
			return issuer, fmt.Errorf("key %d: %w", i+1, err)
		}
		issuer.Keys = append(issuer.Keys, IssuerKey{key, k.From, k.Until})
	}
	return issuer, nil
}

func (p *Policy) readBeacons(file *PolicyFile) error {
	for _, f := range file.Beacons {
		chain, err := attest.ParseHash(f.Chain)
		if err != nil {
			return fmt.Errorf("beacon %q: chain: %w", f.Name, err)
		}
		b := challenge.Beacon{Name: f.Name, Scheme: f.Scheme, Chain: chain, Key: f.Key, Period: f.Period, Genesis: f.Genesis, URLs: f.URLs}
		if f.URL != "" {
			b.URLs = append([]string{f.URL}, b.URLs...)
		}
		if err := b.Valid(); err != nil {
			return fmt.Errorf("beacon %q: %w", f.Name, err)
		}
		if p.Beacon(chain) != nil {
			return fmt.Errorf("beacon %q: chain %s is listed twice", f.Name, chain.Short())
		}
		p.Beacons = append(p.Beacons, b)
	}
	return nil
}

func (p *Policy) readPins(file *PolicyFile) error {
	p.pinned = map[attest.Hash]bool{}
	for _, text := range file.Pinned {
		h, err := attest.ParseHash(text)
		if err != nil {
			return fmt.Errorf("pinned: %w", err)
		}
		p.pinned[h] = true
	}
	return nil
}

// Pinned reports whether the policy names this very test set, so that runs on a
// clone of it under another name are no runs on it.
func (p *Policy) Pinned(setID attest.Hash) bool { return p.pinned[setID] }

// PinnedSets lists them.
func (p *Policy) PinnedSets() []attest.Hash {
	return slices.SortedFunc(maps.Keys(p.pinned), func(a, b attest.Hash) int { return bytes.Compare(a[:], b[:]) })
}

func (p *Policy) readDenials(file *PolicyFile) error {
	p.denied = map[string]string{}
	for what, list := range map[string][]string{"key": file.Deny.Keys, "statement": file.Deny.Statements, "set": file.Deny.Sets} {
		for _, text := range list {
			h, err := attest.ParseHash(text)
			if err != nil {
				return fmt.Errorf("deny: %s: %w", what, err)
			}
			p.denied[h.String()] = what
		}
	}
	return nil
}

// Issuer returns the issuer of that very URI, or nil. Aliases name parties for
// questions of independence; they sign nothing.
func (p *Policy) Issuer(uri string) *Issuer {
	for i := range p.Issuers {
		if p.Issuers[i].URI == uri {
			return &p.Issuers[i]
		}
	}
	return nil
}

// Beacon returns the beacon of a chain, or nil.
func (p *Policy) Beacon(chain attest.Hash) *challenge.Beacon {
	for i := range p.Beacons {
		if p.Beacons[i].Chain == chain {
			return &p.Beacons[i]
		}
	}
	return nil
}

// Operator is the party that runs a witness or a log; empty if the policy does
// not say.
func (p *Policy) Operator(name string) string { return p.operators[name] }

// IndependentGroups returns the groups of parties that the policy takes to be
// pairwise independent.
func (p *Policy) IndependentGroups() [][]string { return p.independent }

// Independent reports whether the policy says that a is independent of every one
// of the others. What it does not say is not so; nobody is independent of itself.
func (p *Policy) Independent(a string, others ...string) bool {
	if a == "" {
		return false
	}
	for _, b := range others {
		if b == "" || p.sameParty(a, b) || !p.listedApart(a, b) {
			return false
		}
	}
	return true
}

func (p *Policy) sameParty(a, b string) bool { return p.party(a) == p.party(b) }

// party resolves an alias to the issuer that it belongs to.
func (p *Policy) party(uri string) string {
	for _, i := range p.Issuers {
		if slices.Contains(i.Aliases, uri) {
			return i.URI
		}
	}
	return uri
}

// names are a party's issuer and its aliases.
func (p *Policy) names(uri string) []string {
	if i := p.Issuer(p.party(uri)); i != nil {
		return append([]string{i.URI}, i.Aliases...)
	}
	return []string{uri}
}

func (p *Policy) listedApart(a, b string) bool {
	a, b = p.party(a), p.party(b)
	for _, group := range p.independent {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

// Denied says what of the policy's denials h is: "key", "statement", "set", or "".
func (p *Policy) Denied(h attest.Hash) string { return p.denied[h.String()] }
