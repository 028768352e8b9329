package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/schemas"
)

// What --json prints is what its schema says.
func TestModelMatchSchema(t *testing.T) {
	all := modelMatch{
		Model: "tiny", Source: "tiny.sample.zip", Kind: sampleKind, Tier: 3, Repo: "lab/tiny", Revision: "main", Partial: "a part",
		Summary: hub.Summary{Same: 1, NotListed: 1},
		Files: []hub.Match{
			{Path: "a", State: hub.Same, Part: "weights", By: "SHA-256", Detail: "none"}, {Path: "b", State: hub.Differs}, {Path: "c", State: hub.Absent},
			{Path: "d", State: hub.Uncovered}, {Path: "e", State: hub.Unknown}, {Path: "f", State: hub.NotListed, By: "SHA-1"},
		},
		Sample: &sampleMatch{Differs: []string{}, Missed1: 0.5},
	}
	for _, m := range []modelMatch{all, {Files: []hub.Match{}}} {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas.Validate("model-match", data); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	}
}

const aCommit, bCommit = "0123456789012345678901234567890123456789", "abcdefabcdefabcdefabcdefabcdefabcdefabcd"

// A place is one that the release names, at the commit that it names if it does.
func TestFits(t *testing.T) {
	for _, tt := range []struct {
		uri, said, commit string
		ok                bool
	}{
		{"hf:lab/tiny", "", "", true},
		{"hf:lab/tiny@" + aCommit, "", aCommit, true},
		{"https://lab.example/tiny", "https://lab.example/tiny", "", true},
		{"https://lab.example/tiny", "https://lab.example/tiny@" + aCommit, aCommit, true},
		{"https://lab.example/tree/" + aCommit, "https://lab.example/tree/" + aCommit, aCommit, true},
		{"https://lab.example/tree/" + aCommit, aCommit, aCommit, true},
		{"https://lab.example/tree/" + aCommit, bCommit, bCommit, false},
		{"https://lab.example/tiny", bCommit, bCommit, true},
		{"hf:lab/tiny", "hf:lab/tiny@" + aCommit, aCommit, true},
		{"hf:lab/tiny@main", "hf:lab/tiny@" + aCommit, aCommit, true},
		{"hf:lab/tiny@" + aCommit, "hf:lab/tiny@" + aCommit, aCommit, true},
		{"hf:lab/tiny@" + aCommit, "hf:lab/tiny@" + bCommit, bCommit, false},
		{"hf:lab/tiny@" + aCommit, "hf:lab/tiny", "", false},
		{"hf:lab/tiny", "hf:lab/other@" + aCommit, aCommit, false},
		{"https://hf.example/lab/tiny", "hf:lab/tiny@" + aCommit, aCommit, false},
	} {
		if commit, ok := fits(tt.uri, tt.said); ok != tt.ok || ok && commit != tt.commit {
			t.Errorf("fits(%q, %q) = %q, %v; want %q, %v", tt.uri, tt.said, commit, ok, tt.commit, tt.ok)
		}
	}
}

// A listing never says that the weights of a model differ: they may be in other files.
func TestListedRoles(t *testing.T) {
	released := &model.Model{Roles: []model.Role{{Role: "weights"}, {Role: "config"}, {Role: "tokenizer"}, {Role: "chat-template"}}}
	file := func(path, part string, state hub.State) hub.Match {
		return hub.Match{Path: path, Part: part, State: state}
	}
	for name, tt := range map[string]struct {
		files []hub.Match
		want  string
	}{
		"all the same":   {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Same), file("c", "tokenizer", hub.Same)}, "weights same, config same, tokenizer same, chat-template same"},
		"a README":       {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Same), file("c", "tokenizer", hub.Same), file("r", "", hub.Differs)}, "weights same, config same, tokenizer same, chat-template same"},
		"other weights":  {[]hub.Match{file("a", "weights", hub.Differs), file("b", "config", hub.Same), file("c", "tokenizer", hub.Same)}, "weights unknown, config same, tokenizer same, chat-template unknown"},
		"weights gone":   {[]hub.Match{file("a", "weights", hub.Absent), file("b", "config", hub.Same)}, "weights unknown, config same, tokenizer unknown, chat-template unknown"},
		"another config": {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Differs), file("c", "tokenizer", hub.Same)}, "weights same, config differs, tokenizer same, chat-template unknown"},
		"no config":      {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Absent), file("c", "tokenizer", hub.Same)}, "weights same, config absent, tokenizer same, chat-template unknown"},
		"a tokenizer less": {[]hub.Match{file("a", "weights", hub.Same), file("c", "tokenizer", hub.Same), file("d", "tokenizer", hub.Absent)},
			"weights same, config unknown, tokenizer differs, chat-template unknown"},
		"code besides":    {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Same), file("c", "tokenizer", hub.Same), file("x.py", "code", hub.Uncovered)}, "weights same, config same, tokenizer same, chat-template unknown, code added"},
		"not comparable":  {[]hub.Match{file("a", "weights", hub.Unknown), file("b", "config", hub.NotListed)}, "weights unknown, config unknown, tokenizer unknown, chat-template unknown"},
		"weights besides": {[]hub.Match{file("a", "weights", hub.Same), file("b", "config", hub.Same), file("c", "tokenizer", hub.Same), file("z.pth", "uncovered weights", hub.Uncovered)}, "weights same, config same, tokenizer same, chat-template same"},
	} {
		t.Run(name, func(t *testing.T) {
			roles := listedRoles(released, tt.files)
			var got []string
			for _, r := range roles {
				got = append(got, r.Role+" "+r.State)
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
			m := &attest.ModelMatch{Tier: 1, Outcome: attest.OutcomeIncomplete, Roles: roles}
			if slices.ContainsFunc(roles, func(r attest.MatchedRole) bool { return r.State != "same" && r.State != "unknown" }) {
				m.Outcome = attest.OutcomeMismatch
			}
			p := &attest.Audit{Match: m, Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRelease}}}}
			if err := model.CheckMatch(p); err != nil {
				t.Error(err)
			}
		})
	}
}
