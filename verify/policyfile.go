package verify

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

const maxPolicy = 1 << 20

// PolicyFile is a policy as it is written down, in TOML. ParsePolicy gives it its
// meaning.
type PolicyFile struct {
	Version     int               `toml:"version"`
	Independent [][]string        `toml:"independent,omitempty"`
	Pinned      []string          `toml:"pinned,omitempty"` // setIDs of which no other set of the same items is expected
	Require     RequireFile       `toml:"require"`
	Time        TimeFile          `toml:"time"`
	Ledger      LedgerFile        `toml:"ledger"`
	Operators   map[string]string `toml:"operators,omitempty"` // witness name or log origin → URI
	Issuers     []IssuerFile      `toml:"issuer"`
	Beacons     []BeaconFile      `toml:"beacon,omitempty"`
	TSAs        []TSAFile         `toml:"tsa,omitempty"`
	Deny        DenyFile          `toml:"deny,omitempty"`
}

// RequireFile is what a claim must reach.
type RequireFile struct {
	Level  string   `toml:"level"`
	Facets []string `toml:"facets,omitempty"`

	MaxUndisclosed int `toml:"max_undisclosed,omitzero"`

	// A sample of published weights is enough if altered tensors with this share of all
	// bytes are missed with this probability at most.
	SampledShare float64 `toml:"sampled_share,omitzero"`
	SampledMiss  float64 `toml:"sampled_miss,omitzero"`
}

// TimeFile holds durations such as "10m".
type TimeFile struct {
	Margin    string `toml:"margin"`
	Skew      string `toml:"skew"`
	Freshness string `toml:"freshness"`

	// Operators of timestamp authorities that must have dated something.
	TSAThreshold int `toml:"tsa_threshold,omitzero"`
}

// LedgerFile holds a C2SP tlog-policy.
type LedgerFile struct {
	Policy string `toml:"policy,multiline"`
}

// IssuerFile is a party with exactly its keys.
type IssuerFile struct {
	URI     string    `toml:"uri"`
	Roles   []string  `toml:"roles"`
	Aliases []string  `toml:"aliases,omitempty"`
	Keys    []KeyFile `toml:"key"`
}

// KeyFile is a public key in PEM and when it counts.
type KeyFile struct {
	PEM   string    `toml:"pem,multiline"`
	From  time.Time `toml:"from,omitempty"`
	Until time.Time `toml:"until,omitempty"`
}

// BeaconFile is a randomness beacon.
type BeaconFile struct {
	Name    string   `toml:"name"`
	Scheme  string   `toml:"scheme"`
	Chain   string   `toml:"chain"`
	Key     string   `toml:"key"`
	Period  uint32   `toml:"period"`
	Genesis int64    `toml:"genesis"`
	URL     string   `toml:"url,omitempty"` // one more of the URLs
	URLs    []string `toml:"urls,omitempty"`
}

// TSAFile is a timestamp authority with its certificates in PEM: the roots, what is
// between, and perhaps what signs tokens.
type TSAFile struct {
	Name     string    `toml:"name"`
	Operator string    `toml:"operator"`
	Chain    string    `toml:"chain,multiline"`
	OID      string    `toml:"oid,omitempty"`
	From     time.Time `toml:"from,omitempty"`
	Until    time.Time `toml:"until,omitempty"`
}

// DenyFile lists what does not count, whoever signed it.
type DenyFile struct {
	Keys       []string `toml:"keys,omitempty"`
	Statements []string `toml:"statements,omitempty"`
	Sets       []string `toml:"sets,omitempty"`
}

// ParsePolicyFile reads the written form. Members that it does not know are
// errors: a typing mistake must not loosen what is required.
func ParsePolicyFile(text []byte) (*PolicyFile, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("policy: %d bytes, at most %d are read", len(text), maxPolicy)
	}
	var file PolicyFile
	meta, err := toml.Decode(string(text), &file)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("policy: unknown member %q", unknown[0].String())
	}
	if name := twice(meta); name != "" {
		return nil, fmt.Errorf("policy: %s is written twice in one table", name)
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("policy: version is %d, want 1", file.Version)
	}
	return &file, nil
}

// twice finds a list that is written twice, which the TOML library lets pass: the second
// takes the place of the first, and a reader sees either.
func twice(meta toml.MetaData) string {
	seen := map[string]bool{}
	for _, key := range meta.Keys() {
		name := key.String()
		switch meta.Type(key...) {
		case "ArrayHash": // another table of an array: its members begin anew
			for old := range seen {
				if strings.HasPrefix(old, name+".") {
					delete(seen, old)
				}
			}
		case "Array":
			if seen[name] {
				return name
			}
			seen[name] = true
		}
	}
	return ""
}

// Format writes the policy down.
func (f *PolicyFile) Format() ([]byte, error) {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("writing policy: %w", err)
	}
	return b.Bytes(), nil
}
