package harness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// finish completes the items, and tells of the hashes.
func (s *lmevalItems) finish(taskHash foreign, effective int) error {
	s.hashes.tell(s)
	if detail, line := s.likely.detail(); detail != "" {
		s.run.Notices = append(s.run.Notices, Notice{Finding: "grade-differs", Detail: detail, File: s.file, Line: line})
	}
	if logged, ok := taskHash.text(); ok && s.docs.complete(effective) && logged != s.hashes.ofTask() {
		s.notice(0, "task_hashes of the results file is not the hash of these samples, of which there are as many as it says")
	}
	if s.ambiguous() {
		return nil
	}
	if err := s.run.Items.addSamples(len(s.run.Measures), s.repeats); err != nil {
		return err
	}
	if len(s.repeats) > 0 {
		noErrors(s.run)
	} else {
		s.steps()
	}
	s.repeats = nil
	return nil
}

// ambiguous gives up the items where lines do not say which of several filters they are
// of, as before 0.4.5.
func (s *lmevalItems) ambiguous() bool {
	filters := map[string]bool{}
	for _, measure := range s.run.Measures {
		_, filter, _ := cutLast(measure, ",")
		filters[filter] = true
	}
	if s.unnamed == 0 || len(filters) < 2 {
		return false
	}
	r := s.run
	r.Items, r.Measures, r.Dataset.Items = Items{}, nil, 0
	for i := range r.Metrics {
		m := &r.Metrics[i]
		m.Why = cmp.Or(m.Why, fmt.Sprintf("the lines of the samples do not say of which of %d filters they are", len(filters)))
		if i < len(r.Aggregates) {
			r.Aggregates[i].Metric = *m
		}
	}
	return true
}

func (s *lmevalItems) notice(line int, detail string) {
	s.run.Notices = append(s.run.Notices, Notice{Finding: "edited-scores", Detail: detail, File: s.file, Line: line})
}

// steps says of the means whether all of their items are right or wrong.
func (s *lmevalItems) steps() {
	for i := range s.run.Metrics {
		m := &s.run.Metrics[i]
		j := slices.Index(s.run.Measures, m.Measure)
		if m.Rule != Mean || j < 0 || s.run.Items.Len() == 0 {
			continue
		}
		m.Steps = 1
		for k := range s.run.Items.Len() {
			if v := s.run.Items.Values(k); j < len(v) && v[j] != 0 && v[j] != 1 && !math.IsNaN(v[j]) {
				m.Steps = 0
			}
		}
		if i < len(s.run.Aggregates) {
			s.run.Aggregates[i].Metric = *m
		}
	}
}

// noErrors takes back how standard errors are computed and how many steps a value has:
// where repeats are graded each for itself, nothing says.
func noErrors(r *Run) {
	for i := range r.Metrics {
		if r.Metrics[i].Rule == StandardError {
			r.Metrics[i].Rule = Unknown
		}
		r.Metrics[i].Steps = 0
	}
	for i := range r.Aggregates {
		r.Aggregates[i].Metric = r.Metrics[i]
	}
}
