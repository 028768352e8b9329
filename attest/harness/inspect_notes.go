package harness

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// inspectNotes gathers what is to be told of the samples of a log: what happened
// to a single one, and what happened to many.
type inspectNotes struct {
	single []string
	many   map[string][]string // what happened to which samples
}

func (n *inspectNotes) add(format string, args ...any) {
	n.single = append(n.single, fmt.Sprintf(format, args...))
}

func (n *inspectNotes) addTo(what string, s *inspectSample) {
	if n.many == nil {
		n.many = map[string][]string{}
	}
	if all := n.many[what]; len(all) == 0 || all[len(all)-1] != s.String() {
		n.many[what] = append(all, s.String())
	}
}

func (n *inspectNotes) sentences() []string {
	all := n.single
	for _, what := range slices.Sorted(maps.Keys(n.many)) {
		samples := n.many[what]
		if len(samples) == 1 {
			all = append(all, samples[0]+" "+what)
		} else {
			all = append(all, fmt.Sprintf("%d samples %s: %s", len(samples), what, some(samples)))
		}
	}
	return all
}

// some joins the first of many names.
func some(names []string) string {
	const most = 5
	s := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		s += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return s
}

// sample notes how a sample with a grade came to its end.
func (n *inspectNotes) sample(s *inspectSample) {
	if s.failure() != "" {
		n.add("%s %s, and was scored all the same", s, s.failure())
	}
	if limit := s.limit(); limit != "" {
		n.addTo(fmt.Sprintf("reached the limit %s", quote(limit)), s)
	}
	if len(s.member["error_retries"].elements()) > 0 {
		n.addTo("failed and ran again", s)
	}
	for _, f := range s.member["model_fallbacks"].elements() {
		asked, _ := f.get("model").text()
		answered, _ := f.get("fallback_model").text()
		n.addTo(fmt.Sprintf("got an answer of %s, in place of %s", quote(answered), quote(asked)), s)
	}
}

// edits notes that a score was changed after the run, by whom. A history that
// does not end in the score is a contradiction.
func (n *inspectNotes) edits(s *inspectSample, score foreign) error {
	history := score.get("history").elements()
	if len(history) == 0 {
		return nil
	}
	first, last := history[0], history[len(history)-1]
	// Inspect puts the score as it was before the first edit, which nobody signs.
	edits, before := len(history), ""
	if p := first.get("provenance"); (p == nil || p.isNull()) && len(history) > 1 {
		edits--
		before = first.get("value").describe()
	}
	var value foreign
	for _, edit := range history {
		if v := edit.get("value"); v != nil && string(v) != `"UNCHANGED"` {
			value = v
		}
	}
	if value == nil {
		return errors.New("its history has no value")
	}
	now := score.get("value")
	if !bytes.Equal(value.canonicalOrRaw(), now.canonicalOrRaw()) {
		return fmt.Errorf("is %s, but its history ends with %s", now.describe(), value.describe())
	}
	var what string
	switch before {
	case "":
		what = "added by hand as " + quoteWord(now.describe())
	case now.describe():
		what = "with its value unchanged"
	default:
		what = fmt.Sprintf("from %s to %s", quoteWord(before), quoteWord(now.describe()))
	}
	n.add("%s: score edited %s, %s, %s", s, times(edits), what, lastBy(last))
	return nil
}

// quoteWord leaves short JSON as it is and quotes what could upset a terminal.
func quoteWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return quote(s)
	}
	return s
}
