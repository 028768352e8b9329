package main

import (
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// matchWords says what an audit of kind model-match says, and what it does not.
func matchWords(m *attest.ModelMatch) []string {
	looked := m.Source.URI
	if c := m.Source.Commit; c != "" && !strings.HasSuffix(looked, c) {
		looked += ", commit " + c
	}
	if m.Source.Fetched != "" {
		looked += ", fetched " + m.Source.Fetched
	}
	if m.Source.Server != "" {
		looked += " from " + m.Source.Server
	}
	lines := []string{
		"looked at " + looked,
		"read      " + readWords(m),
		"found     " + foundWords(m),
		"released  " + m.Released.String(),
	}
	if m.ModelID != nil {
		lines = append(lines, "modelID   "+m.ModelID.String())
	}
	if m.Differs != nil && m.Differs.Count > 0 {
		lines = append(lines, "differs   "+namesWords(m.Differs))
	}
	switch u := m.Uncovered; {
	case u == nil:
		lines = append(lines, "uncovered not known")
	case u.Count == 0:
		lines = append(lines, "uncovered none")
	default:
		lines = append(lines, "uncovered "+namesWords(u))
	}
	return append(lines, "not shown "+notShownWords(m))
}

func readWords(m *attest.ModelMatch) string {
	switch m.Tier {
	case 1:
		return "the hub's listing (T1)"
	case 2:
		return "git's objects of the commit (T2)"
	case 4:
		return "every byte (T4)"
	}
	s := m.Sample
	return fmt.Sprintf("%d of %d tensors, %s of %s, in %d draws by %s (T3); altered ones with %s of all bytes are missed with probability %s",
		s.Tensors, s.OfTensors, size(int64(s.Bytes)), size(int64(s.OfBytes)), s.Draws, s.DrawnBy, s.Share, s.Missed)
}

func foundWords(m *attest.ModelMatch) string {
	var parts []string
	for _, r := range m.Roles {
		if r.State != attest.RoleSame && (r.State != attest.RoleUnknown || m.Outcome == attest.OutcomeIncomplete) {
			parts = append(parts, r.Role+" "+r.State)
		}
	}
	switch m.Outcome {
	case attest.OutcomeMatch:
		if m.Sample != nil {
			return "the released model, as far as it was read"
		}
		return "the released model"
	case attest.OutcomeMismatch:
		return "another model: " + strings.Join(parts, ", ")
	}
	if len(parts) == 0 {
		return "nothing that differs in the listing"
	}
	return "nothing that is known to differ: " + strings.Join(parts, ", ")
}

func namesWords(n *attest.Names) string {
	text := strings.Join(n.First, ", ")
	if more := n.Count - min(n.Count, uint64(len(n.First))); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func notShownWords(m *attest.ModelMatch) string {
	switch {
	case m.Tier < 3:
		return "that the bytes which are served are those that are listed: none of the weights was read"
	case m.Tier == 3:
		return "that tensors which were not drawn are the released ones, or that others are sent the same bytes"
	}
	return "that others are sent the same bytes"
}
