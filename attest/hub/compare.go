package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/model"
)

// State is what became of one file.
type State string

// States of a file.
const (
	Same      State = "same"
	Differs   State = "differs"
	Absent    State = "absent"    // in the model's package, and not listed
	Uncovered State = "uncovered" // listed, and not in the model's package
	Unknown   State = "unknown"   // in both, without a hash that both state
	NotListed State = "not listed"
)

// Match is one file of a comparison.
type Match struct {
	Path   string `json:"path"`
	State  State  `json:"state"`
	Part   string `json:"part,omitempty"`   // role, "weights" or "uncovered weights"; empty for a file beside the model
	By     string `json:"by,omitempty"`     // what a sameness rests on: SHA-256 or SHA-1
	Detail string `json:"detail,omitempty"` // what differs
}

// Compare compares a model's files with a listing. The matches are in the order of
// paths. A file is Absent only where the listing is of all files.
func Compare(m *model.Model, l *Listing) []Match {
	var out []Match
	uncovered := func(path string) bool { return slices.Contains(m.Uncovered, path) }
	i := 0
	for _, f := range m.Files {
		for ; i < len(l.Files) && l.Files[i].Path < f.Path; i++ {
			out = append(out, Match{Path: l.Files[i].Path, State: Uncovered, Part: partOf(l.Files[i].Path, true)})
		}
		part := partOf(f.Path, uncovered(f.Path))
		switch {
		case i < len(l.Files) && l.Files[i].Path == f.Path:
			match := compare(f, l.Files[i])
			match.Part = part
			out = append(out, match)
			i++
		case l.Partial != "":
			out = append(out, Match{Path: f.Path, State: NotListed, Part: part})
		default:
			out = append(out, Match{Path: f.Path, State: Absent, Part: part})
		}
	}
	for ; i < len(l.Files); i++ {
		out = append(out, Match{Path: l.Files[i].Path, State: Uncovered, Part: partOf(l.Files[i].Path, true)})
	}
	return out
}

// compare compares one file. Different sizes are enough to differ; one size is not
// enough to be the same.
func compare(want model.File, got File) Match {
	out := Match{Path: want.Path, State: Unknown}
	zero := model.GitBlob{}
	switch {
	case got.Size != nil && *got.Size != want.Size:
		out.State, out.Detail = Differs, fmt.Sprintf("%d bytes, the model's has %d", *got.Size, want.Size)
	case got.SHA256 != nil && *got.SHA256 != want.SHA256:
		out.State, out.Detail = Differs, fmt.Sprintf("SHA-256 %s, the model's has %s", got.SHA256, want.SHA256)
	case got.Blob != nil && *got.Blob != zero && want.GitBlob != zero && *got.Blob != want.GitBlob:
		out.State, out.Detail = Differs, fmt.Sprintf("git blob %s, the model's has %s", got.Blob, want.GitBlob)
	case got.SHA256 != nil:
		out.State, out.By = Same, "SHA-256"
	case got.Blob != nil && want.GitBlob != zero:
		out.State, out.By = Same, "SHA-1"
	case got.Blob != nil:
		out.Detail = fmt.Sprintf("listed under a git blob alone, which a model states up to %d bytes", model.MaxBlob)
	default:
		out.Detail = "listed without a hash"
	}
	return out
}

// partOf says what part of a model a path is.
func partOf(path string, uncovered bool) string {
	part := model.PartOf(path)
	if part == "weights" && uncovered {
		return "uncovered weights"
	}
	return part
}

// Summary counts a comparison.
type Summary struct {
	Same    int `json:"same"`
	BySHA1  int `json:"bySHA1"` // of those that are the same
	Differs int `json:"differs"`

	Absent    int `json:"absent"`
	Uncovered int `json:"uncovered"`
	Unknown   int `json:"unknown"`
	NotListed int `json:"notListed"`

	// Model counts the files that differ, are absent, or are weights that the model
	// does not cover, among those that a modelID depends on. Beside counts the others
	// that differ, are absent or uncovered: a README is no part of a model.
	Model  int `json:"parts"`
	Beside int `json:"beside"`
}

// Summarize counts the matches.
func Summarize(matches []Match) Summary {
	var s Summary
	for _, m := range matches {
		switch m.State {
		case Same:
			s.Same++
			if m.By == "SHA-1" {
				s.BySHA1++
			}
			continue
		case Differs:
			s.Differs++
		case Absent:
			s.Absent++
		case Uncovered:
			s.Uncovered++
		case NotListed:
			s.NotListed++
			continue
		default:
			s.Unknown++
			continue
		}
		if m.Part != "" {
			s.Model++
		} else {
			s.Beside++
		}
	}
	return s
}

// Names lists the paths of the matches in a state, at most some of them.
func Names(matches []Match, state State) string {
	const most = 5
	var names []string
	left := 0
	for _, m := range matches {
		switch {
		case m.State != state:
		case len(names) < most:
			names = append(names, m.Path)
		default:
			left++
		}
	}
	text := strings.Join(names, ", ")
	if left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return text
}
