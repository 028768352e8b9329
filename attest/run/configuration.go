package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
)

// What a configuration may say about how excluded samples count.
const (
	CountedWrong = "counted-wrong"
	LeftOut      = "left-out"
)

// unknown stands where nobody knows any more: only for runs made before they were
// registered.
const unknown = "unknown"

// Configuration is the document that a registration binds by digest. Its members
// are those of the schema "configuration"; the ones that a verdict depends on are
// read out.
type Configuration struct {
	Exclusions  []string `json:"exclusions"`
	Denominator string   `json:"denominator"`
	Relation    string   `json:"relation"`
	Evaluator   string   `json:"evaluator"`

	Private map[string]attest.Hash `json:"-"` // commitments, by member

	Unknown []string `json:"-"` // where the value is "unknown": members and members of members, sorted
}

// ParseConfiguration reads a canonical configuration document.
func ParseConfiguration(doc []byte) (*Configuration, error) {
	if err := attest.CheckCanonical(doc); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if err := schemas.Validate("configuration", doc); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var c Configuration
	if err := json.Unmarshal(doc, &c); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var members map[string]any
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c.Unknown, c.Private = unknowns(members), privates(doc)
	return &c, nil
}

// unknowns finds what nobody knows in an object and in all that is in it, so that
// {"engine":{"version":"unknown"}} says no less than {"engine":"unknown"}.
func unknowns(members map[string]any) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		found = append(found, unknownIn(name, members[name])...)
	}
	return found
}

func unknownIn(name string, value any) []string {
	var found []string
	switch v := value.(type) {
	case string:
		if v == unknown {
			return []string{name}
		}
	case map[string]any:
		for _, inner := range unknowns(v) {
			found = append(found, name+"."+inner)
		}
	case []any:
		for i, element := range v {
			found = append(found, unknownIn(fmt.Sprintf("%s.%d", name, i), element)...)
		}
	}
	return found
}
