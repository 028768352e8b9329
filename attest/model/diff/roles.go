package diff

import (
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

// roles pairs the roles of two sides in the order of the protocol, which both have.
// Where one side has none because only its files are known, the files decide.
func roles(a, b *Side, differ []File) []Role {
	if a.Roles == nil || b.Roles == nil {
		return rolesByFiles(a, b, differ)
	}
	out := []Role{}
	for _, name := range merge(names(a.Roles), names(b.Roles)) {
		o := Role{Role: name, First: digestOf(a.Roles, name), Second: digestOf(b.Roles, name)}
		switch {
		case o.First == nil:
			o.State = Added
		case o.Second == nil:
			o.State = Removed
		case *o.First == *o.Second:
			o.State = Equal
		default:
			o.State = Changed
		}
		out = append(out, o)
	}
	return out
}

// rolesByFiles compares the roles that the files have by their names. Files of weights
// that differ say nothing of the tensors in them: they can be cut in other ways. A chat
// template can be inside a file of another role, so its own file going or coming does
// not decide either.
func rolesByFiles(a, b *Side, differ []File) []Role {
	if a.Files == nil || b.Files == nil {
		out := []Role{}
		for _, name := range merge(names(a.Roles), names(b.Roles)) {
			out = append(out, Role{Role: name, First: digestOf(a.Roles, name), Second: digestOf(b.Roles, name), State: Unknown})
		}
		return out
	}
	state := map[string]State{}
	for _, files := range [][]hub.File{a.Files, b.Files} {
		for _, f := range files {
			state[model.PartOf(f.Path)] = Equal
		}
	}
	for _, f := range differ {
		role := model.PartOf(f.Path)
		switch {
		case state[role] == Changed:
		case f.State == EqualSHA1 && state[role] == Equal:
			state[role] = EqualSHA1
		case f.State == EqualSHA1:
		case f.State == Unknown || role == roleWeights || role == roleTemplate && f.State != Changed:
			state[role] = Unknown
		default:
			state[role] = Changed
		}
	}
	out := []Role{}
	for _, name := range model.RoleOrder {
		if s, ok := state[name]; ok {
			out = append(out, Role{Role: name, First: digestOf(a.Roles, name), Second: digestOf(b.Roles, name), State: s})
		}
	}
	return out
}

const (
	roleWeights  = "weights"
	roleTemplate = "chat-template"
	roleKV       = "gguf-kv"
)

func names(roles []model.Role) (out []string) {
	for _, r := range roles {
		out = append(out, r.Role)
	}
	return out
}

func digestOf(roles []model.Role, name string) *attest.Hash {
	if i := slices.IndexFunc(roles, func(r model.Role) bool { return r.Role == name }); i >= 0 {
		return &roles[i].Digest
	}
	return nil
}

// merge joins two lists of roles, each in the protocol's order, into one.
func merge(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return model.CompareRoles(a, b) })
	return out
}
