package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/proctor-attest/proctor/attest"
)

// privateMember is how a configuration holds a member that only its commitment shows.
type privateMember struct {
	Commitment *attest.Hash `json:"commitment"`
}

// Seal makes members of a configuration private: each becomes a commitment to its
// value under a salt of its own, drawn from random. It returns the document that a
// registration binds, and what opens the members.
func Seal(doc []byte, names []string, random io.Reader) (sealed []byte, opens map[string]attest.OpenedValue, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	opens = map[string]attest.OpenedValue{}
	for _, name := range names {
		value, ok := members[name]
		if !ok {
			return nil, nil, fmt.Errorf("configuration: no member %q", name)
		}
		canonical, err := attest.Canonicalize(value)
		if err != nil {
			return nil, nil, fmt.Errorf("configuration: member %s: %w", name, err)
		}
		open := attest.OpenedValue{Bytes: canonical}
		if _, err := io.ReadFull(random, open.Salt[:]); err != nil {
			return nil, nil, err
		}
		commitment := attest.CommitField(open.Salt, name, canonical)
		if members[name], err = json.Marshal(privateMember{&commitment}); err != nil {
			return nil, nil, err
		}
		opens[name] = open
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return nil, nil, err
	}
	sealed, err = attest.Canonicalize(raw)
	return sealed, opens, err
}

// privates finds the commitments among a configuration's members.
func privates(doc []byte) map[string]attest.Hash {
	var members map[string]json.RawMessage
	if json.Unmarshal(doc, &members) != nil {
		return nil
	}
	found := map[string]attest.Hash{}
	for name, value := range members {
		var p privateMember
		if json.Unmarshal(value, &p) == nil && p.Commitment != nil {
			found[name] = *p.Commitment
		}
	}
	return found
}

// CheckOpened reports whether a value is the one that a private member commits to.
func (c *Configuration) CheckOpened(name string, value attest.OpenedValue) error {
	commitment, private := c.Private[name]
	switch {
	case !private:
		return fmt.Errorf("member %q of the configuration is not private", name)
	case attest.CommitField(value.Salt, name, value.Bytes) != commitment:
		return fmt.Errorf("member %s was opened as something else than was committed to", name)
	}
	// One value, one spelling: what is compared below must be all that it can say.
	if err := attest.CheckCanonical(value.Bytes); err != nil {
		return fmt.Errorf("member %s: committed bytes: %w", name, err)
	}
	if string(value.Bytes) == `"unknown"` || string(value.Bytes) == `"?"` {
		return fmt.Errorf("member %s: %w", name, errOpenQuestion)
	}
	return nil
}

var errOpenQuestion = errors.New("what was committed to is that nobody knows")
