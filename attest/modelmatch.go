package attest

// Outcomes of a ModelMatch.
const (
	OutcomeMatch      = "match"      // all that was read is the released model's
	OutcomeMismatch   = "mismatch"   // some of it is not
	OutcomeIncomplete = "incomplete" // no byte of the weights was read, and nothing else differs
)

// States of a MatchedRole.
const (
	RoleSame    = "same"
	RoleDiffers = "differs"
	RoleAbsent  = "absent"  // the release has it, and it was not found
	RoleAdded   = "added"   // it was found, and the release has none
	RoleUnknown = "unknown" // what was looked at does not tell
)

// ModelMatch is what an auditor found where a release says that its model is: facet D
// can rest on it (PROTOCOL §3, hub checks; §7, D2). It is the auditor's word for what
// came over its wires; package model's CheckMatch says whether it agrees with itself.
type ModelMatch struct {
	Outcome  string        `json:"outcome"`
	Tier     int           `json:"tier"`              // 1 listing, 2 git objects, 3 sample, 4 every byte
	Released Hash          `json:"released"`          // the modelID that the release names
	ModelID  *Hash         `json:"modelID,omitempty"` // recomputed; of a sample as if what was not read were released
	Package  *Hash         `json:"package,omitempty"` // root over all files, recomputed from every byte
	Source   MatchSource   `json:"source"`
	Roles    []MatchedRole `json:"roles"` // in the order of PROTOCOL §3

	Differs   *Names       `json:"differs,omitempty"`   // tensors, or of tiers 1 and 2 files
	Uncovered *Names       `json:"uncovered,omitempty"` // weight files outside the modelID; nil: not known
	Sample    *MatchSample `json:"sample,omitempty"`
}

// MatchSource is where an auditor looked, and when.
type MatchSource struct {
	URI     string `json:"uri"`               // as the release spells it among the places where it was published
	Commit  string `json:"commit,omitempty"`  // that was looked at
	Server  string `json:"server,omitempty"`  // that answered, where the program that fetched wrote it down
	Fetched string `json:"fetched,omitempty"` // RFC 3339, UTC
}

// MatchedRole is one part of the model (PROTOCOL §3).
type MatchedRole struct {
	Role   string `json:"role"`
	State  string `json:"state"`
	Digest *Hash  `json:"digest,omitempty"` // what was found; nil of a listing, and of what is absent
}

// MaxNames is how many Names lists.
const MaxNames = 32

// Names says how many there are and lists the first: an entry is of bounded size.
type Names struct {
	Count uint64   `json:"count"`
	First []string `json:"first"`
}

// MatchSample says which tensors were read, and what such a sample misses.
type MatchSample struct {
	Draws     int    `json:"draws"`
	Seed      Hash   `json:"seed"`
	DrawnBy   string `json:"drawnBy"` // issuer; whoever draws could draw until it suits
	Tensors   uint64 `json:"tensors"` // read
	OfTensors uint64 `json:"ofTensors"`
	Bytes     uint64 `json:"bytes"` // of those
	OfBytes   uint64 `json:"ofBytes"`
	Share     string `json:"share"`  // decimal: altered tensors with this share of all bytes
	Missed    string `json:"missed"` // are missed with this probability: decimal, rounded up
}
