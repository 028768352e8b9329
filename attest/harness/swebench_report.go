package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sweStates are the lists of instances that a run's report has, each with its length in
// a member STATE_instances. A report counts the resolved over all instances that there
// are, not over the submitted.
var sweStates = []string{"submitted", "completed", "resolved", "unresolved", "empty_patch", "error", "infra_failure", "ambiguous_failure"}

var sweReport = Importer{
	Name:   "swe-bench-report",
	Tested: "a report of swebench 5.0.2 over made-up logs: resolved, unresolved, without patch, with errors, not submitted",
	About: About{
		Files:     "MODEL.RUN.json, which SWE-bench's harness writes after a run",
		Model:     "by the file's name up to its last dot",
		Dataset:   "by the instances' names; total_instances says how many there are",
		Items:     "the instances in the lists submitted_ids, completed_ids, resolved_ids, unresolved_ids, empty_patch_ids, error_ids, infra_failure_ids and ambiguous_failure_ids",
		Aggregate: "submitted_instances, resolved_instances and so on: the lengths of those lists",
		Absent:    "percentage, revision of the model, name of the data set, patches and test logs",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAny(head, "total_instances") && hasAny(head, "submitted_instances", "resolved_instances")
	},
	Read: readSWEReport,
}

func readSWEReport(fsys fs.FS, name string) (*Imported, error) {
	doc, at, err := readLocated(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &Run{Format: "swe-bench-report", Board: "SWE-bench reports", Files: []File{{Path: name}}, Absent: []string{"revision of the model"}}
	if v := doc.get("schema_version"); v != nil {
		if r.Version = string(v); r.Version != "2" {
			return nil, fmt.Errorf("schema_version is %s, and 2 is known", v.describe())
		}
	}
	r.Entry = strings.TrimSuffix(path.Base(uncompressedName(name)), ".json")
	r.Model.Name = strings.TrimSuffix(r.Entry, path.Ext(r.Entry))
	if r.Dataset.Items, err = doc.get("total_instances").size(); err != nil {
		return nil, fmt.Errorf("total_instances %w", err)
	}
	if err := sweReportItems(r, doc); err != nil {
		return nil, err
	}
	sweReportTells(r, name)
	for _, m := range doc.members() {
		state, ok := strings.CutSuffix(m.name, "_instances")
		if i := slices.Index(r.Measures, state); ok && i >= 0 {
			if _, err := m.value.size(); err != nil {
				return nil, fmt.Errorf("%s %w", m.name, err)
			}
			r.Aggregates = append(r.Aggregates, Aggregate{
				Metric: Metric{Name: m.name, Rule: Sum, Measure: state},
				Value:  string(m.value), Items: r.Dataset.Items, File: name, Line: at.of(m.value),
			})
		}
	}
	return &Imported{Runs: []*Run{r}}, nil
}

// sweReportItems makes an item of every instance that some list names. A list that
// names one twice has it twice in its number too.
func sweReportItems(r *Run, doc foreign) error {
	var order []string
	values := map[string][]float64{}
	for _, state := range sweStates {
		list := doc.get(state + "_ids")
		if list == nil {
			continue // the first reports have no lists but some
		}
		if !list.isArray() {
			return fmt.Errorf("%s_ids is %s, want an array", state, list.describe())
		}
		r.Measures = append(r.Measures, state)
		for i, e := range list.elements() {
			id, ok := e.text()
			if !ok {
				return fmt.Errorf("%s_ids: element %d is %s, want a text", state, i+1, e.describe())
			}
			if values[id] == nil {
				order, values[id] = append(order, id), make([]float64, len(sweStates))
			}
			values[id][len(r.Measures)-1]++
		}
	}
	if len(r.Measures) == 0 {
		return fmt.Errorf("has none of the lists %s_ids", strings.Join(sweStates, "_ids, "))
	}
	for _, id := range order {
		if err := r.Items.Add(Item{ID: id, Values: values[id][:len(r.Measures)]}); err != nil {
			return err
		}
	}
	if slices.Index(r.Measures, "resolved") >= 0 {
		r.Metrics = []Metric{{Name: "resolved", Rule: MeanOfStated, Measure: "resolved", Scale: 100, Steps: 1}}
	}
	return nil
}

// sweReportTells compares the lists with each other. The harness takes an instance for
// completed when a report says whether it is resolved, and every list is of submitted
// ones.
func sweReportTells(r *Run, name string) {
	at := func(state string) int { return slices.Index(r.Measures, state) }
	resolved, unresolved, ambiguous, completed, submitted := at("resolved"), at("unresolved"), at("ambiguous_failure"), at("completed"), at("submitted")
	var ungraded, strange []string
	in := 0
	for _, it := range r.Items.All() {
		has := func(i int) bool { return i >= 0 && it.Values[i] > 0 }
		if has(submitted) {
			in++
		}
		graded := has(resolved) || has(unresolved) || has(ambiguous)
		switch {
		case unresolved >= 0 && has(completed) && !graded:
			ungraded = append(ungraded, it.ID)
		case completed >= 0 && (has(resolved) || has(unresolved)) && !has(completed), submitted >= 0 && !has(submitted) && (graded || has(completed)):
			strange = append(strange, it.ID)
		}
	}
	notice := func(finding, format string, args ...any) {
		r.Notices = append(r.Notices, Notice{Finding: finding, Detail: fmt.Sprintf(format, args...), File: name})
	}
	if len(ungraded) > 0 {
		notice("missing-items", "%d completed instances are neither resolved nor unresolved: %s", len(ungraded), some(ungraded))
	}
	if len(strange) > 0 {
		notice("aggregate-differs", "%d instances are graded, and not in the list of those that were completed or submitted: %s", len(strange), some(strange))
	}
	if in > r.Dataset.Items {
		notice("impossible-score", "%d instances were submitted, of total_instances %d", in, r.Dataset.Items)
	}
}

var sizeText = regexp.MustCompile(`^(0|[1-9]\d{0,8})$`)

// size is a number of things.
func (f foreign) size() (int, error) {
	if !sizeText.Match(f) {
		return 0, fmt.Errorf("is %s, want a whole number below 1,000,000,000", f.describe())
	}
	return strconv.Atoi(string(f))
}
