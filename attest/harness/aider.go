package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var aiderTable = Importer{
	Name:   "aider-leaderboard",
	Tested: "five leaderboards of Aider-AI/aider at 5dc9490",
	About: About{
		Files:     "aider's leaderboards: a YAML list of runs with test_cases and pass_rate_1",
		Model:     "by the member model; runs of one model are told apart by dirname",
		Dataset:   "by the file's name; test_cases says how many cases a run had",
		Items:     "none",
		Aggregate: "pass_rate_1 and pass_rate_2 (percent), percent_cases_well_formed, and for some rows how many cases they are",
		Absent:    "which cases passed, revision of the model, version of the cases",
	},
	Claims: func(name string, head []byte) bool {
		return (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) && hasText(head, "\n  test_cases:", "\n  pass_rate_1:")
	},
	Tables: true,
	Read:   readAider,
}

// aiderColumns: a pass rate is the share of cases that passed by that try.
var aiderColumns = []Metric{
	{Name: "test_cases", Rule: Count},
	{Name: "pass_rate_1", Rule: Mean, Measure: "passed at the first try", Scale: 100, Steps: 1},
	{Name: "pass_num_1", Rule: Wins, Measure: "passed at the first try"},
	{Name: "pass_rate_2", Rule: Mean, Measure: "passed", Scale: 100, Steps: 1},
	{Name: "pass_num_2", Rule: Wins, Measure: "passed"},
	{Name: "percent_cases_well_formed", Rule: Mean, Measure: "well formed", Scale: 100, Steps: 1},
	{Name: "num_with_malformed_responses", Rule: Losses, Measure: "well formed"},
}

func hasText(head []byte, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(string(head), part) {
			return false
		}
	}
	return true
}

func readAider(fsys fs.FS, name string) (*Imported, error) {
	names := []string{"dirname", "model", "date"} // one file has another name twice
	for _, c := range aiderColumns {
		names = append(names, c.Name)
	}
	doc, err := readYAML(fsys, name, names...)
	if err != nil {
		return nil, err
	}
	if !doc.isList() {
		return nil, errors.New("is no list")
	}
	base, _, _ := strings.Cut(path.Base(uncompressedName(name)), ".")
	t := &Table{Format: "aider", File: File{Path: name}, Board: "aider " + base}
	for i := range aiderColumns {
		t.Columns = append(t.Columns, Column{Name: aiderColumns[i].Name, Metric: &aiderColumns[i]})
	}
	models := map[string]int{}
	for _, run := range doc.elements() {
		models[run.get("model").text()]++
	}
	for _, run := range doc.elements() {
		row := TableRow{Entry: run.get("model").text(), Line: run.line(), Date: run.get("date").text()}
		dir := run.get("dirname").text()
		switch {
		case row.Entry == "":
			return nil, fmt.Errorf("line %d: run has no model", row.Line)
		case models[row.Entry] > 1 && dir != "":
			row.Entry += " (" + dir + ")"
		}
		for _, c := range t.Columns {
			v := run.get(c.Name)
			text, ok := v.number()
			if !ok && v.text() != "" {
				return nil, fmt.Errorf("line %d: %s is %q, want a number", v.line(), c.Name, v.text())
			}
			row.Values = append(row.Values, text)
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		return nil, errors.New("has no runs")
	}
	return &Imported{Tables: []*Table{t}}, nil
}
