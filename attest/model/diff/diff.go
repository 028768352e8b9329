// Package diff says whether two models are the same, and if not, what differs: which
// roles, which tensors and how, which members of which JSON file, which lines of the
// chat template.
//
// It compares what two parties say or have: a directory, a manifest, a model
// statement, a listing of files. What one of them does not tell is never taken for
// equal: it is listed in Unknown, and where no role decides, the answer is Undecided.
// Nothing is verified here: who says what, and whether it is so, is for others.
package diff

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

// Side is one of the two models, as far as it is known.
type Side struct {
	Name string // for people
	Kind string // what it was read from: "directory", "manifest", "model statement", …

	ID      *attest.Hash   // modelID; nil when it cannot be known
	Package *attest.Hash   // nil when it cannot be known
	Roles   []model.Role   // nil when they are not known
	Tensors []model.Tensor // sorted by name; nil when they are not known
	Files   []hub.File     // sorted by path; nil when they are not known
	KV      []model.KV     // of a GGUF
	Partial string         // why there may be other files; empty when there are none

	Uncovered []string // weight files outside the modelID

	// Read returns a file's bytes, and Metadata the values behind KV; nil when only
	// digests are known.
	Read     func(path string) ([]byte, error)
	Metadata func() (map[string]any, error)

	// Tensor opens a tensor's bytes; nil when only digests are known.
	Tensor func(name string) (io.ReadCloser, error)
}

// FromModel is the side of a model that was digested, or whose manifest was read.
func FromModel(name, kind string, m *model.Model) *Side {
	s := &Side{Name: name, Kind: kind, ID: &m.ID, Package: &m.Package, Roles: m.Roles,
		Tensors: allTensors(m), KV: m.KV, Uncovered: m.Uncovered, Files: make([]hub.File, len(m.Files))}
	for i := range m.Files {
		f := &m.Files[i]
		s.Files[i] = hub.File{Path: f.Path, Size: &f.Size, SHA256: &f.SHA256, Blob: &f.GitBlob}
	}
	return s
}

// allTensors are those of the weights, and of the adapters behind their roles' names.
func allTensors(m *model.Model) []model.Tensor {
	if len(m.Adapters) == 0 {
		return m.Tensors
	}
	all := slices.Clone(m.Tensors)
	for i, a := range m.Adapters {
		for _, t := range a.Tensors {
			t.Name = fmt.Sprintf("adapter/%d %s", i, t.Name)
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b model.Tensor) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// FromListing is the side of a model of which only a list of files is known.
func FromListing(name string, l *hub.Listing) *Side {
	return &Side{Name: name, Kind: l.Kind, Files: l.Files, Partial: l.Partial}
}

// Answer is to "are they the same model?".
type Answer string

const (
	Undecided Answer = "undecided" // what is known of both does not decide
	Same      Answer = "same"      // the modelIDs are equal
	Different Answer = "different"
)

// State is what became of one thing that two models have.
type State string

const (
	Equal   State = "same"
	Changed State = "different"
	Added   State = "only in the second"
	Removed State = "only in the first"
	Unknown State = "unknown"

	// EqualSHA1 is of files that were compared by git's SHA-1 alone: whoever made
	// them could have made two of one SHA-1.
	EqualSHA1 State = "same by SHA-1"
)

// Report is what differs between two models. Slices are empty, never nil.
type Report struct {
	Answer  Answer   `json:"answer"`
	First   Subject  `json:"first"`
	Second  Subject  `json:"second"`
	Roles   []Role   `json:"roles"`
	Weights *Weights `json:"weights,omitempty"` // absent when one side does not list its tensors
	Files   []File   `json:"files"`             // those that are not surely the same, sorted by path
	JSON    []JSON   `json:"json"`              // of files that differ, sorted by path, and of a GGUF's metadata
	// Template is the difference of the chat templates' texts, in unified format.
	Template string   `json:"template,omitempty"`
	Unknown  []string `json:"unknown"` // what could not be compared, in words
}

// Subject names a side in a report.
type Subject struct {
	Name      string       `json:"name"`
	Kind      string       `json:"kind"`
	ModelID   *attest.Hash `json:"modelID,omitempty"`
	Package   *attest.Hash `json:"package,omitempty"`
	Uncovered []string     `json:"uncovered"` // weight files outside the modelID
}

// Role compares one role's digests.
type Role struct {
	Role   string       `json:"role"`
	State  State        `json:"state"`
	First  *attest.Hash `json:"first,omitempty"`
	Second *attest.Hash `json:"second,omitempty"`
}

// Models compares two models. It reads only small files, and only through Read. An
// error says that a file could not be read, or is not as it was when it was hashed.
func Models(a, b *Side) (*Report, error) {
	r := &Report{First: subject(a), Second: subject(b), Roles: []Role{}, Files: []File{}, JSON: []JSON{}, Unknown: []string{}}
	if a.Files != nil && b.Files != nil {
		r.Files = files(a, b)
	}
	r.Roles = roles(a, b, r.Files)
	r.answer(a, b)
	if a.Tensors != nil && b.Tensors != nil {
		r.Weights = weights(a.Tensors, b.Tensors)
	} else if r.Answer != Same && r.role(roleWeights).State != Equal {
		r.unknown("which tensors differ", notListing(a, b, func(s *Side) bool { return s.Tensors != nil }))
	}
	if a.Files == nil || b.Files == nil {
		if r.Answer != Same || a.Package != nil && b.Package != nil && *a.Package != *b.Package {
			r.unknown("which files differ", notListing(a, b, func(s *Side) bool { return s.Files != nil }))
		}
		return r, nil
	}
	r.noteSHA1()
	for _, s := range []*Side{a, b} {
		if s.Partial != "" {
			r.unknown("files that "+s.Name+" does not list", s.Partial)
		}
	}
	return r, r.contents(a, b)
}

func (r *Report) noteSHA1() {
	n := 0
	for _, f := range r.Files {
		if f.State == EqualSHA1 {
			n++
		}
	}
	if n > 0 {
		r.unknown(fmt.Sprintf("the SHA-256 of %d files", n), "they are listed under git's SHA-1 alone, and whoever made them could have made two of one SHA-1")
	}
}

func subject(s *Side) Subject {
	return Subject{s.Name, s.Kind, s.ID, s.Package, append([]string{}, s.Uncovered...)}
}

func (r *Report) unknown(what, because string) {
	r.Unknown = append(r.Unknown, what+": "+because)
}

// notListing says which side lacks something.
func notListing(a, b *Side, has func(*Side) bool) string {
	missing := a
	if has(a) {
		missing = b
	}
	return fmt.Sprintf("the %s %s does not list them", missing.Kind, missing.Name)
}

// role is the comparison of one role; Unknown when neither side has it.
func (r *Report) role(name string) Role {
	if i := slices.IndexFunc(r.Roles, func(o Role) bool { return o.Role == name }); i >= 0 {
		return r.Roles[i]
	}
	return Role{Role: name, State: Unknown}
}

// answer decides by the modelIDs. Without both of them, one role that is known to
// differ still says that the models do; that all are the same says it only where
// they were compared by SHA-256.
func (r *Report) answer(a, b *Side) {
	is := func(states ...State) func(Role) bool {
		return func(o Role) bool { return slices.Contains(states, o.State) }
	}
	r.Answer = Undecided
	switch {
	case a.ID != nil && b.ID != nil:
		r.Answer = Different
		if *a.ID == *b.ID {
			r.Answer = Same
			for i := range r.Roles {
				r.Roles[i].State = Equal // the modelID is over the roles
			}
		}
	case slices.ContainsFunc(r.Roles, is(Changed, Added, Removed)):
		r.Answer = Different
	case a.Partial == "" && b.Partial == "" && len(r.Roles) > 0 && !slices.ContainsFunc(r.Roles, is(Unknown, EqualSHA1)):
		r.Answer = Same
	}
}
