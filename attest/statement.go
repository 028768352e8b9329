package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/proctor-attest/proctor/schemas"
)

const (
	// StatementType is the _type of every in-toto Statement v1.
	StatementType = "https://in-toto.io/Statement/v1"
	// PayloadType is the DSSE payload type of in-toto statements.
	PayloadType = "application/vnd.in-toto+json"
	// MaxEntry is the size in bytes of the largest ledger entry, a signed bundle.
	MaxEntry = 65535
)

// Header is what every predicate begins with (PROTOCOL §1).
type Header struct {
	Issuer    string `json:"issuer"`              // URI, compared byte by byte
	Seq       uint64 `json:"seq"`                 // numbers all statements of one issuer from 0
	Prev      Hash   `json:"prev"`                // id of the issuer's statement seq−1, zeros at 0
	Refs      []Ref  `json:"refs"`                // what this statement rests on
	NotBefore *Round `json:"notBefore,omitempty"` // a beacon round that this statement follows
}

// Ref names another statement by id.
type Ref struct {
	Role string `json:"role"`
	ID   Hash   `json:"id"`
}

// Round names a beacon round. Its randomness is recomputed from the beacon's
// verified signature and never read from a statement.
type Round struct {
	Chain Hash   `json:"chain"`
	Round uint64 `json:"round"`
}

// Ref returns the id that h gives the role, and whether it has exactly one.
func (h *Header) Ref(role string) (Hash, bool) {
	var id Hash
	n := 0
	for _, r := range h.Refs {
		if r.Role == role {
			id = r.ID
			n++
		}
	}
	return id, n == 1
}

// Predicate is one of the predicate types of this package.
type Predicate interface {
	// Kind is the type's name in its predicateType, such as "testset".
	Kind() string
	// Head gives access to the common members.
	Head() *Header
	// Subjects is what the statement is about; it follows from the predicate.
	Subjects() []Subject
}

// Subject is an in-toto subject: a name and its digests.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Statement is a parsed statement together with the very bytes it was parsed
// from. Nothing in it is authenticated until its envelope was verified.
type Statement struct {
	ID        Hash
	Payload   []byte // JCS
	Predicate Predicate
}

// wireStatement and wireSubject have their members in the order of JCS, which most
// often makes what encoding/json writes canonical.
type wireStatement struct {
	Type          string          `json:"_type"`
	Predicate     json.RawMessage `json:"predicate"`
	PredicateType string          `json:"predicateType"`
	Subject       []wireSubject   `json:"subject"`
}

type wireSubject struct {
	Digest map[string]string `json:"digest"`
	Name   string            `json:"name"`
}

func wireSubjects(subjects []Subject) []wireSubject {
	wire := make([]wireSubject, len(subjects))
	for i, s := range subjects {
		wire[i] = wireSubject{s.Digest, s.Name}
	}
	return wire
}

// StatementID is the id of a payload (PROTOCOL §1).
func StatementID(payload []byte) Hash {
	return TaggedHash("statement", AppendLP(nil, payload))
}

// NewStatement encodes a predicate as a statement and checks it as
// ParseStatement would.
func NewStatement(p Predicate) (*Statement, error) {
	if p.Head().Refs == nil {
		p.Head().Refs = []Ref{}
	}
	predicate, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", p.Kind(), err)
	}
	payload, err := encodeCanonical(wireStatement{StatementType, predicate, schemas.PredicateType(p.Kind()), wireSubjects(p.Subjects())})
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", p.Kind(), err)
	}
	return ParseStatement(payload)
}

func encodeCanonical(wire wireStatement) ([]byte, error) {
	raw, err := json.Marshal(wire)
	if err != nil {
		return nil, err
	}
	return Canonicalize(raw)
}

// ErrUnknownPredicate marks a statement whose type is none of Proctor's.
var ErrUnknownPredicate = errors.New("unknown predicate type")

// ParseStatement reads a payload strictly: canonical JSON, the schema of its
// type, no member that the type does not have, subjects that agree with the
// predicate. A type of ours that this version does not know gives an Opaque.
func ParseStatement(payload []byte) (*Statement, error) {
	if err := CheckCanonical(payload); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	var wire wireStatement
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	// encoding/json folds case, and ſ to s, and passes over what it does not know:
	// written again, the members are those that were meant, and no others.
	if again, err := encodeCanonical(wire); err != nil || !bytes.Equal(again, payload) {
		return nil, errors.New("statement: want the members _type, predicate, predicateType and subject, with digest and name, and no others")
	}
	if wire.Type != StatementType {
		return nil, fmt.Errorf("statement: _type is %q, want %q", clip(wire.Type), StatementType)
	}
	kind, known := schemas.KindOf(wire.PredicateType)
	if !known {
		p, err := newOpaque(wire)
		if err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
		return &Statement{ID: StatementID(payload), Payload: payload, Predicate: p}, nil
	}
	p := newPredicate(kind)
	if err := schemas.Validate(kind, wire.Predicate); err != nil {
		return nil, fmt.Errorf("%s statement: %w", kind, err)
	}
	if err := decodeStrict(wire.Predicate, p); err != nil {
		return nil, fmt.Errorf("%s statement: %w", kind, err)
	}
	if !reflect.DeepEqual(wire.Subject, wireSubjects(p.Subjects())) {
		return nil, fmt.Errorf("%s statement: subject does not agree with the predicate", kind)
	}
	return &Statement{ID: StatementID(payload), Payload: payload, Predicate: p}, nil
}

// Kind is the name of the statement's type.
func (s *Statement) Kind() string { return s.Predicate.Kind() }

// Head is the common part of the statement's predicate.
func (s *Statement) Head() *Header { return s.Predicate.Head() }

// decodeStrict is for bytes that CheckJSON has accepted.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
