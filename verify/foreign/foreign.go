// Package foreign recognises evidence that is not Proctor's, checks it against the
// rules of its own format, and says what a verdict would need that it lacks: PRML
// manifests (https://spec.falsify.dev), in-toto statements, above all eval-result
// (https://github.com/in-toto/attestation/pull/575), bare, in DSSE envelopes and in
// Sigstore bundles.
//
// It promises that a rule that a file breaks is said, and that what is said to be
// recomputed was. It fetches nothing. Of signatures it checks those of keys that its
// caller names; certificates, log entries and timestamps it only mentions.
package foreign

import (
	"bytes"
	"strings"
)

// MaxSize is the size of the largest file that is read.
const MaxSize = 1 << 20

// Reading is what a file says of itself, what was found out about it, and what it
// lacks. All of it is for a person.
type Reading struct {
	Kind   string   // with its article: "a PRML manifest"
	Broken error    // the rule of its format that it breaks, or nil
	Says   []Member // in order; nothing vouches for them
	Found  []string // sentences on what was recomputed or checked, and what was not
	Lacks  []string // what a verdict would need
	Hash   string   // by which the format names the file, recomputed; "" if none
	// Trusting are those whose keys Found rests on.
	Trusting []string
}

// Member is a value as the file has it.
type Member struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (r *Reading) say(name, value string) {
	if value != "" {
		r.Says = append(r.Says, Member{name, value})
	}
}

// String is the reading in a sentence or some.
func (r *Reading) String() string {
	if r.Broken != nil {
		return strings.Join(append([]string{r.Kind + " that breaks the rules of its format: " + r.Broken.Error()}, r.Found...), ". ")
	}
	return strings.Join(append([]string{r.Kind + ", well formed, and no evidence pack"}, r.Found...), ". ")
}

// Read recognises a file by what it holds. It returns nil where the file is none of
// those that it knows. Signatures are checked under the keys.
func Read(data []byte, keys []Key) *Reading {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > MaxSize {
		return nil
	}
	if prmlManifest.Match(data) {
		if r := readPRML(data); r != nil {
			return r
		}
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return nil
	}
	return readSigned(data, keys)
}
