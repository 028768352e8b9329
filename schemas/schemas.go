// Package schemas says what statements and the documents around them hold: for
// each a JSON Schema (draft 2020-12, https://json-schema.org), a page of
// specification and an example, all embedded. The schemas are the source of the
// lists of members; PROTOCOL §1 names the types.
package schemas

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Base begins the identifier of every statement type and schema.
const Base = "https://proctor-attest.github.io/schemas/"

const version = "/v1"

// statements are the predicate types of version 1.
var statements = []string{
	"audit",
	"claim",
	"grant",
	"head",
	"inventory",
	"model",
	"opening",
	"registration",
	"release",
	"result",
	"retraction",
	"testset",
}

// documents have schemas and are no statements.
var documents = []string{
	"configuration", // an artifact of a registration
	"diff",          // what comparing two models prints
	"draw",          // what a beacon decides about a run
	"model-match",   // what comparing a model with what is published prints
	"scores",        // what auditing published scores prints
	"signature",     // what verifying a signature of a model's files prints
	"verdict",       // what verifying prints
}

// PredicateType is the in-toto predicateType of a kind of statement.
func PredicateType(kind string) string { return Base + kind + version }

// KindOf is the inverse of PredicateType. It reports whether the type is one of
// this version.
func KindOf(predicateType string) (kind string, ok bool) {
	kind, found := strings.CutPrefix(predicateType, Base)
	kind, versioned := strings.CutSuffix(kind, version)
	return kind, found && versioned && slices.Contains(statements, kind)
}

// Ours reports whether a predicateType is in this project's name, of this version
// or of another.
func Ours(predicateType string) bool {
	return typeForm.MatchString(predicateType)
}

var typeForm = regexp.MustCompile("^" + regexp.QuoteMeta(Base) + "[a-z-]{1,64}/v[0-9]{1,4}$")

// Names lists everything that has a schema.
func Names() []string { return slices.Sorted(slices.Values(slices.Concat(documents, statements))) }

// Schema returns the JSON Schema of a name. The error wraps fs.ErrNotExist when
// there is none.
func Schema(name string) ([]byte, error) { return read(files, name, ".schema.json") }

// Example returns a document that the schema accepts.
func Example(name string) ([]byte, error) { return read(pages, name, ".example.json") }

// Page returns the specification, in Markdown.
func Page(name string) ([]byte, error) { return read(pages, name, ".md") }

func read(files embed.FS, name, ext string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("schema %q: %w", name, fs.ErrNotExist)
	}
	return files.ReadFile(name + ext)
}

// Members lists the members that a document of that name must have, in the order
// of its specification.
func Members(name string) ([]string, error) {
	data, err := Schema(name)
	if err != nil {
		return nil, err
	}
	var s struct{ Required []string }
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return s.Required, nil
}

// Missing lists the required members that a JSON object does not have, so that
// they can be named one by one. Of anything else it lists them all.
func Missing(name string, doc []byte) []string {
	var have map[string]json.RawMessage
	if json.Unmarshal(doc, &have) != nil {
		have = nil
	}
	members, err := Members(name)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(members, func(m string) bool {
		_, ok := have[m]
		return ok
	})
}
