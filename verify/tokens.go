package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// TSA is a timestamp authority (RFC 3161) that the policy believes.
type TSA struct {
	Name        string
	Operator    string
	Chain       string    // certificates in PEM, which Options.CheckToken reads
	OID         string    // the policy that tokens must be made under; empty: any
	From, Until time.Time // of tokens that count; zero: unbounded
}

// ErrOtherBytes is what Options.CheckToken returns for a token that is over another
// message than the one asked about.
var ErrOtherBytes = errors.New("the token is over other bytes")

const (
	maxTSAs    = 16
	notChecked = "not checked: this build cannot check tokens of timestamp authorities"
)

func (p *Policy) readTSAs(file *PolicyFile) error {
	names, operators := map[string]bool{}, map[string]bool{}
	for _, f := range file.TSAs {
		switch {
		case f.Name == "":
			return errors.New("tsa: no name")
		case names[f.Name]:
			return fmt.Errorf("tsa %q: listed twice", f.Name)
		case f.Operator == "":
			return fmt.Errorf("tsa %q: no operator: the threshold counts operators", f.Name)
		case !strings.Contains(f.Chain, "-----BEGIN CERTIFICATE-----"):
			return fmt.Errorf("tsa %q: no certificate in PEM", f.Name)
		}
		names[f.Name], operators[p.party(f.Operator)] = true, true
		p.TSAs = append(p.TSAs, TSA(f))
	}
	if len(p.TSAs) > maxTSAs {
		return fmt.Errorf("tsa: %d, at most %d are read", len(p.TSAs), maxTSAs)
	}
	p.TSAThreshold = file.Time.TSAThreshold
	switch {
	case len(p.TSAs) == 0 && p.TSAThreshold != 0:
		return errors.New("time: tsa_threshold, and there is no tsa")
	case len(p.TSAs) > 0 && (p.TSAThreshold < 1 || p.TSAThreshold > len(operators)):
		return fmt.Errorf("time: tsa_threshold is %d, want from 1 to the %d operators of timestamp authorities", p.TSAThreshold, len(operators))
	}
	return nil
}

// Token is a token of a timestamp authority that lies beside a statement.
type Token struct {
	Authority string    `json:"authority,omitempty"` // as the policy names it; empty: nobody that it believes
	Operator  string    `json:"operator,omitempty"`
	Over      string    `json:"over,omitempty"` // what was shown to the authority, in words
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Idle      string    `json:"idle,omitempty"` // why it dates nothing
}

// seenToken is one as the judge has it.
type seenToken struct {
	Token
	payload bool // that is what it is over
}

func idle(why string) *seenToken { return &seenToken{Token: Token{Idle: why}} }

// A token over the payload alone says nothing of when the statement was logged. It can
// be had for a thousand statements, of which the best is logged; so it dates only what
// nobody picks among when the outcome is known.
func datedByPayload(p attest.Predicate) bool {
	switch p.(type) {
	case *attest.Testset, *attest.Model:
		return true
	}
	return false
}

// shown is what a timeline says of them.
func (s *statement) shown() []Token {
	var list []Token
	for _, t := range s.tokens {
		list = append(list, t.Token)
	}
	return list
}

// needsTokens reports whether no independent witness dates a statement.
func (r *rowJudge) needsTokens(s *statement) bool {
	_, witnessed := s.verified.NotAfterWith(func(witness string) bool {
		return r.policy.Independent(r.policy.Operator(witness), r.parties(s)...)
	})
	return !witnessed
}

// selfDated says why a bound of a statement is no better than attested.
func (r *rowJudge) selfDated(s *statement) string {
	apart := func(t *seenToken) bool { return t.Idle == "" && r.policy.Independent(t.Operator, r.parties(s)...) }
	switch {
	case slices.ContainsFunc(s.tokens, apart):
		return "an independent timestamp authority dated a checkpoint that nobody independent of issuer, lab and evaluator signed: they can have others"
	case s.verified.NotAfter.IsZero():
		return "no timestamp authority that dated it is run by somebody independent of issuer, lab and evaluator"
	}
	return "no witness of the quorum is run by somebody independent of issuer, lab and evaluator: they witness themselves"
}
