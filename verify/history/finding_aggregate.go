package history

import (
	"fmt"
	"slices"
	"strings"
)

// aggregateDiffers finds rows with numbers that do not come out of their results.
func aggregateDiffers(a *audit) []Finding {
	var all []Finding
	said := map[string]*statements{}
	for _, row := range a.results {
		if !differs(row) {
			continue
		}
		if said[row.Row] == nil {
			said[row.Row] = &statements{at: len(all), byReason: map[string][]string{}}
			all = append(all, Finding{Name: "aggregate-differs", Row: row.Row})
		}
		s := said[row.Row]
		all[s.at].Files = append(all[s.at].Files, row.Files...)
		s.add(row)
	}
	for _, s := range said {
		all[s.at].Files = dedupe(all[s.at].Files)
		all[s.at].Detail = s.String()
	}
	return all
}

// statements are what is said of the numbers of one row, those together that have the
// same reason.
type statements struct {
	at       int
	reasons  []string
	byReason map[string][]string
}

func (s *statements) add(row Row) {
	_, why, _ := strings.Cut(row.Detail, "differs by ")
	_, reason, _ := strings.Cut(why, "; ") // the two numbers show by how much
	text := fmt.Sprintf("%s is published as %s and comes to %s", row.Metric, row.Published, row.Recomputed)
	if s.byReason[reason] == nil {
		s.reasons = append(s.reasons, reason)
	}
	if !slices.Contains(s.byReason[reason], text) { // two tables can have the same number
		s.byReason[reason] = append(s.byReason[reason], text)
	}
}

func (s *statements) String() string {
	var all []string
	for _, reason := range s.reasons {
		text := strings.Join(s.byReason[reason], "; ")
		if reason != "" {
			text += " (" + reason + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// differs reports whether a number was recomputed and is another. What is impossible can
// differ besides.
func differs(row Row) bool {
	if row.Status != Impossible || row.Recomputed == "" {
		return row.Status == Differs
	}
	p, err := parsePublished(row.Published)
	got, err2 := parsePublished(row.Recomputed)
	return err == nil && err2 == nil && !p.shows(got.value)
}

// noticed are what importers saw.
func noticed(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		for _, n := range r.Notices {
			files := places(r)
			for i := range files {
				if files[i].Path == n.File {
					files = []Place{{Path: files[i].Path, SHA256: files[i].SHA256, Line: n.Line}}
					break
				}
			}
			found.add(Finding{Name: n.Finding, Row: rowOf(r), Files: files, Detail: n.Detail})
		}
	}
	for _, t := range a.in.Tables {
		for _, n := range t.Notices {
			found.add(Finding{Name: n.Finding, Row: t.Board, Files: []Place{placeOf(t.File, n.Line)}, Detail: n.Detail})
		}
	}
	return found.list()
}
