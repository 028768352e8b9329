package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/proctor-attest/proctor/schemas"
)

// Opaque is a statement of a type that this version does not know. Of what it says
// only its place in its issuer's chain is read: without that, a chain would end
// for every reader at the first statement of a newer kind.
type Opaque struct {
	Header
	Type string // the predicateType

	subjects  []Subject
	predicate json.RawMessage
}

// Kind is what follows the base of all types: "inventory/v2".
func (p *Opaque) Kind() string { return strings.TrimPrefix(p.Type, schemas.Base) }

// Subjects are those of the statement; nothing says that they follow from it.
func (p *Opaque) Subjects() []Subject { return p.subjects }

// MarshalJSON returns the predicate as it was read.
func (p *Opaque) MarshalJSON() ([]byte, error) { return p.predicate, nil }

var uriForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,500}$`)

// newOpaque reads the header that every predicate of ours begins with.
func newOpaque(wire wireStatement) (*Opaque, error) {
	if !schemas.Ours(wire.PredicateType) {
		return nil, fmt.Errorf("%w %q", ErrUnknownPredicate, clip(wire.PredicateType))
	}
	p := &Opaque{Type: wire.PredicateType, predicate: wire.Predicate}
	for _, s := range wire.Subject {
		p.subjects = append(p.subjects, Subject{s.Name, s.Digest})
	}
	var issuer *string
	var seq *uint64
	var prev *Hash
	err := decodeMembers(wire.Predicate, map[string]any{"issuer": &issuer, "seq": &seq, "prev": &prev, "refs": &p.Refs, "notBefore": &p.NotBefore})
	switch {
	case err != nil:
		return nil, err
	case issuer == nil || seq == nil || prev == nil || p.Refs == nil:
		return nil, errors.New("want issuer, seq, prev and refs in its predicate")
	case !uriForm.MatchString(*issuer):
		return nil, fmt.Errorf("issuer %q is not a URI", clip(*issuer))
	}
	p.Issuer, p.Seq, p.Prev = *issuer, *seq, *prev
	return p, nil
}
