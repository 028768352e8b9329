package verify

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// State is how a check ended. The zero value is Missing.
type State int

const (
	Missing       State = iota // no evidence, or none that counts
	Attested                   // somebody that the policy knows says so; nothing shows it
	Proven                     // shown by a hash, a signature or an order that the policy's trust carries
	Contradicted               // what the pack holds says otherwise
	NotApplicable              // the question does not arise
)

var stateNames = []string{"missing", "attested", "proven", "contradicted", "n/a"}

func (s State) String() string { return stateNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Headline is the verdict in a word. The zero value is CannotCheck.
type Headline int

// In the order in which they apply: of several rows the first wins.
const (
	CannotCheck Headline = iota
	ContradictedClaim
	Retracted
	NotSupported
	SupportedWithGaps
	Supported
)

var headlineNames = []string{"CANNOT CHECK", "CONTRADICTED", "RETRACTED", "NOT SUPPORTED", "SUPPORTED WITH GAPS", "SUPPORTED"}

func (h Headline) String() string { return headlineNames[h] }

// MarshalText implements encoding.TextMarshaler.
func (h Headline) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Level is a Claim Assurance Level (PROTOCOL §7).
type Level int

const (
	CAL0  Level = iota // asserted
	CAL1R              // bound, registered after the run
	CAL1               // bound
	CAL2               // pre-registered
	CAL3               // audited
	CAL4               // fresh
)

var levelNames = []string{"CAL-0", "CAL-1-R", "CAL-1", "CAL-2", "CAL-3", "CAL-4"}

func (l Level) String() string { return levelNames[l] }

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// ParseLevel reads a level's name.
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames, s); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("level %q: want one of %v", s, levelNames)
}

// Facet is one of the six questions asked of a score.
type Facet int

const (
	Identity     Facet = iota // I
	Order                     // O
	Completeness              // C
	Result                    // V
	Deployment                // D
	Unseen                    // U
	facetCount
)

const facetLetters = "IOCVDU"

func (f Facet) String() string { return facetLetters[f : f+1] }

// Facets holds how far each facet is reached, from 0 to 3.
type Facets [facetCount]int

func (f Facets) String() string {
	text := ""
	for i, n := range f {
		if i > 0 {
			text += " "
		}
		text += Facet(i).String() + strconv.Itoa(n)
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (f Facets) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

func parseFacet(s string) (Facet, int, error) {
	if len(s) == 2 && s[1] >= '1' && s[1] <= '3' {
		for i := range facetCount {
			if i.String() == s[:1] {
				return i, int(s[1] - '0'), nil
			}
		}
	}
	return 0, 0, fmt.Errorf("facet %q: want one of I O C V D U with 1 to 3, such as \"D2\"", s)
}

// Check is one question with its answer. Its name is stable: it appears in JSON,
// errors, tests and documentation.
type Check struct {
	Name     string        `json:"name"`
	State    State         `json:"state"`
	Detail   string        `json:"detail"`
	By       string        `json:"by,omitempty"`   // who attests it
	Want     string        `json:"want,omitempty"` // where something differs
	Got      string        `json:"got,omitempty"`
	Evidence []attest.Hash `json:"evidence,omitempty"` // ids of the statements it rests on
}

// Row is one published score and what stands behind it.
type Row struct {
	Label     string   `json:"label"`
	Published string   `json:"published"`
	Exact     string   `json:"exact,omitempty"`    // recomputed, with the registered denominator
	Other     string   `json:"other,omitempty"`    // the other denominator's, where rows are excluded
	Items     int      `json:"items,omitempty"`    // scored items
	Declared  string   `json:"declared,omitempty"` // of how many, where the registrant chose them
	Drawn     string   `json:"drawn,omitempty"`    // of how many, where a beacon chose them
	Headline  Headline `json:"headline"`
	Level     Level    `json:"level"`
	Facets    Facets   `json:"facets"`
	Stale     bool     `json:"stale"`
	Checks    []Check  `json:"checks"`

	Metric    string `json:"metric,omitempty"` // the registered one, and what it makes of an item's samples
	Model     string `json:"model,omitempty"`
	Testset   string `json:"testset,omitempty"`
	Lab       string `json:"lab,omitempty"`
	Evaluator string `json:"evaluator,omitempty"`
	Owner     string `json:"owner,omitempty"`

	Runs     *Runs   `json:"runs,omitempty"` // of the lab on the set, where the ledgers were scanned
	Timeline []Event `json:"timeline"`
}

// Event is a statement's place in time. A zero bound is unknown.
type Event struct {
	ID        attest.Hash `json:"id"`
	Kind      string      `json:"kind"`
	Issuer    string      `json:"issuer"`
	NotBefore time.Time   `json:"notBefore,omitzero"`
	NotAfter  time.Time   `json:"notAfter,omitzero"`
	Bound     State       `json:"bound"` // of NotAfter: proven or attested
	Tokens    []Token     `json:"tokens,omitempty"`
}

// Claim is a statement that publishes scores.
type Claim struct {
	ID     attest.Hash `json:"id"`
	Kind   string      `json:"kind"` // claim or release
	Issuer string      `json:"issuer"`
	Text   string      `json:"text"`
	// Replaced: its issuer withdrew it and published something else since, which the
	// pack holds too. It is judged, and does not count for the pack's headline.
	Replaced bool  `json:"replaced,omitempty"`
	Rows     []Row `json:"rows"`
}

// Verdict is the outcome for a whole pack. The zero Verdict is CANNOT CHECK.
type Verdict struct {
	Pack     string      `json:"pack,omitempty"` // as the caller names it
	Headline Headline    `json:"headline"`
	Reason   string      `json:"reason,omitempty"`   // why it could not be checked
	Level    Level       `json:"level"`              // the least of the rows
	Facets   Facets      `json:"facets"`             // the least of the rows, facet by facet
	Declared string      `json:"declared,omitempty"` // what of it is on items that the registrant chose
	Stale    bool        `json:"stale"`
	Required Level       `json:"required"`
	Policy   attest.Hash `json:"policy"`
	At       time.Time   `json:"at"`
	Claims   []Claim     `json:"claims"`
	Openings []Opened    `json:"openings,omitempty"` // of test sets, each checked by itself
	NotShown []string    `json:"notShown"`
	Trusting []string    `json:"trusting"`
}

// OK reports whether the claim is supported at the level that the policy
// requires, without a gap.
func (v *Verdict) OK() bool { return v.Headline == Supported && !v.Stale }
