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

const (
	unknown    = "unknown" // nobody knows any more: only for runs made before they were registered
	unanswered = "?"       // a person must still fill this in
)

// Configuration is the document that a registration binds by digest. Its members
// are those of the schema "configuration"; the ones that a verdict depends on are
// read out.
type Configuration struct {
	Exclusions  []string `json:"exclusions"`
	Denominator string   `json:"denominator"`
	Relation    string   `json:"relation"`
	Evaluator   string   `json:"evaluator"`
	Variant     string   `json:"variant"`

	Unknown []string `json:"-"` // members of value "unknown", sorted
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
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] == unknown {
			c.Unknown = append(c.Unknown, name)
		}
	}
	return &c, nil
}
