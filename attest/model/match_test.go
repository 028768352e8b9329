package model

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
)

// Known answers from Python's fractions: math.ceil(Fraction(98, 100)**149 * 10**6).
func TestMissedAtMost(t *testing.T) {
	for _, tt := range []struct {
		share string
		draws int
		want  string
	}{
		{"0.02", 149, "0.049282"},
		{"0.01", 1, "0.99"},
		{"0.5", 3, "0.125"},
		{"0.5", 20, "0.000001"},
		{"0.999", 65536, "0.000001"},
		{"0.001", 65536, "0.000001"},
		{"0.001", 1000, "0.367696"},
	} {
		if got, err := MissedAtMost(tt.share, tt.draws); got != tt.want || err != nil {
			t.Errorf("MissedAtMost(%q, %d) = %q, %v; want %q", tt.share, tt.draws, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		share string
		draws int
	}{{"0", 1}, {"1", 1}, {"0.0001", 1}, {"0.10", 1}, {"0.0", 1}, {"-0.1", 1}, {"0.1", 0}, {"0.1", 65537}} {
		if got, err := MissedAtMost(tt.share, tt.draws); err == nil {
			t.Errorf("MissedAtMost(%q, %d) = %q, want an error", tt.share, tt.draws, got)
		}
	}
}

func TestMatchRoles(t *testing.T) {
	a, b := attest.Hash{1}, attest.Hash{2}
	got := MatchRoles(
		[]Role{{Role: "weights", Digest: a}, {Role: "config", Digest: a}, {Role: "code", Digest: a}},
		[]Role{{Role: "weights", Digest: a}, {Role: "config", Digest: b}, {Role: "tokenizer", Digest: b}, {Role: "adapter/0", Digest: b}})
	want := []attest.MatchedRole{
		{Role: "weights", State: "same", Digest: &a}, {Role: "config", State: "differs", Digest: &b},
		{Role: "tokenizer", State: "added", Digest: &b}, {Role: "code", State: "absent"}, {Role: "adapter/0", State: "added", Digest: &b},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const someCommit = "0123456789012345678901234567890123456789"

// matched is an audit that agrees with itself.
func matched(t *testing.T) *attest.Audit {
	t.Helper()
	roles := []Role{{Role: "weights", Digest: attest.Hash{1}}, {Role: "config", Digest: attest.Hash{2}}}
	id, err := ID(roles)
	if err != nil {
		t.Fatal(err)
	}
	release := attest.Hash{7}
	return &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRelease, ID: release}}},
		What:   attest.AuditModelMatch, Release: release,
		Match: &attest.ModelMatch{
			Outcome: attest.OutcomeMatch, Tier: 3, Released: id, ModelID: &id,
			Source: attest.MatchSource{URI: "hf:lab/tiny@" + someCommit, Commit: someCommit, Fetched: "2026-02-03T00:00:00Z"},
			Roles:  MatchRoles(roles, roles), Uncovered: &attest.Names{First: []string{}},
			Sample: &attest.MatchSample{Draws: 149, Tensors: 2, OfTensors: 3, Bytes: 8, OfBytes: 9, Share: "0.02", Missed: "0.049282"},
		},
	}
}

func TestCheckMatch(t *testing.T) {
	if err := CheckMatch(matched(t)); err != nil {
		t.Fatal(err)
	}
	listed := func(change func(*attest.ModelMatch)) func(*attest.Audit) {
		return func(p *attest.Audit) {
			m := p.Match
			m.Tier, m.Outcome, m.ModelID, m.Sample = 1, attest.OutcomeIncomplete, nil, nil
			for i := range m.Roles {
				m.Roles[i].Digest = nil
			}
			change(m)
		}
	}
	ok := matched(t)
	listed(func(*attest.ModelMatch) {})(ok)
	if err := CheckMatch(ok); err != nil {
		t.Fatal(err)
	}
	other := attest.Hash{9}
	for name, tt := range map[string]struct {
		change func(*attest.Audit)
		want   string
	}{
		"no match":        {func(p *attest.Audit) { p.Match = nil }, "no model-match"},
		"other release":   {func(p *attest.Audit) { p.Release[0]++ }, "not the one that it refers to"},
		"two releases":    {func(p *attest.Audit) { p.Refs = append(p.Refs, p.Refs[0]) }, "not the one that it refers to"},
		"other commit":    {func(p *attest.Audit) { p.Match.Source.Commit = strings.Repeat("ab", 20) }, "it looked at commit"},
		"no commit":       {func(p *attest.Audit) { p.Match.Source.Commit = "" }, "it looked at commit"},
		"no such day":     {func(p *attest.Audit) { p.Match.Source.Fetched = "2026-02-30T00:00:00Z" }, "no time"},
		"names hidden":    {func(p *attest.Audit) { p.Match.Uncovered.Count = 1 }, "it counts 1 names and lists 0"},
		"out of order":    {func(p *attest.Audit) { r := p.Match.Roles; r[0], r[1] = r[1], r[0] }, "out of order"},
		"twice":           {func(p *attest.Audit) { p.Match.Roles[1].Role = "weights" }, "repeated"},
		"no digest":       {func(p *attest.Audit) { p.Match.Roles[0].Digest = nil }, "reads every role"},
		"not known":       {func(p *attest.Audit) { p.Match.Roles[0].State = "unknown" }, "reads every role"},
		"all absent":      {func(p *attest.Audit) { p.Match.Roles = p.Match.Roles[:0] }, "at least one role"},
		"another digest":  {func(p *attest.Audit) { p.Match.Roles[0].Digest = &other }, "its roles give"},
		"no modelID":      {func(p *attest.Audit) { p.Match.ModelID = nil }, "its roles give"},
		"another modelID": {func(p *attest.Audit) { p.Match.ModelID = &other }, "its roles give"},
		"another model":   {func(p *attest.Audit) { p.Match.Released = other }, "or the other way round"},
		"role differs":    {func(p *attest.Audit) { p.Match.Roles[0].State = "differs" }, "or the other way round"},
		"mismatch":        {func(p *attest.Audit) { p.Match.Outcome = "mismatch" }, "does not follow from its modelID"},
		"more tensors":    {func(p *attest.Audit) { p.Match.Sample.Tensors = 4 }, "it read 4 of 3 tensors"},
		"more bytes":      {func(p *attest.Audit) { p.Match.Sample.Bytes = 10 }, "10 of 9 bytes"},
		"missed less":     {func(p *attest.Audit) { p.Match.Sample.Missed = "0.001" }, "which is 0.049282"},
		"listed digest":   {listed(func(m *attest.ModelMatch) { m.Roles[0].Digest = &other }), "read a listing"},
		"listed weights":  {listed(func(m *attest.ModelMatch) { m.Roles[0].State, m.Outcome = "differs", "mismatch" }), "which a listing does not show"},
		"listed mismatch": {listed(func(m *attest.ModelMatch) { m.Outcome = "mismatch" }), `follows "incomplete"`},
		"listed config":   {listed(func(m *attest.ModelMatch) { m.Roles[1].State = "differs" }), `follows "mismatch"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := matched(t)
			tt.change(p)
			if err := CheckMatch(p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CheckMatch = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// The example on the page of audits is one that counts.
func TestCheckMatchExample(t *testing.T) {
	page, err := schemas.Page("audit")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	var p attest.Audit
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if err := CheckMatch(&p); err != nil {
		t.Error(err)
	}
	s, err := attest.NewStatement(&p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&p, s.Predicate); diff != "" {
		t.Error(diff)
	}
}

// Whatever an audit says, checking it ends, and what counts is what its schema permits.
func FuzzCheckMatch(f *testing.F) {
	page, err := schemas.Page("audit")
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	f.Add([]byte(text))
	f.Add([]byte(`{"refs":[],"modelMatch":{"tier":4,"roles":[{"role":"adapter/99999999999999999999","state":"same"}],"source":{"uri":"@"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p attest.Audit
		if json.Unmarshal(data, &p) != nil {
			return
		}
		err := CheckMatch(&p)
		if _, invalid := attest.NewStatement(&p); err == nil && invalid == nil && p.Match.Tier > 2 && (p.Match.Outcome == "match") != (*p.Match.ModelID == p.Match.Released) {
			t.Errorf("%s: outcome %s", data, p.Match.Outcome)
		}
	})
}
