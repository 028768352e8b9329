package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

var openaiEvals = Importer{
	Name:   "openai-evals",
	Tested: "logs of evals 3.0.1 with an own completion function: match, includes and fuzzy match, and one that failed",
	About: About{
		Files:     "JSON lines of OpenAI's evals: first a spec, then events, at last a final_report",
		Model:     "by completion_fns of the spec",
		Dataset:   "by eval_name and split of the spec",
		Items:     "correct of each event of the type match, by its sample_id; an item with several events counts as often, as in the report",
		Aggregate: "accuracy of the final_report; its other numbers are listed and not recomputed",
		Absent:    "revision of the model, version and number of the items; boostrap_std, which is drawn at random",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".jsonl") && hasAll(firstLine(head), "spec", "completion_fns", "eval_name")
	},
	Read: readOpenAIEvals,
}

func readOpenAIEvals(fsys fs.FS, name string) (*Imported, error) {
	e := &openaiReader{run: &Run{
		Format: "openai-evals", Files: []File{{Path: name}}, Measures: []string{"correct"}, Absent: []string{"revision of the model"},
		Metrics: []Metric{{Name: "accuracy", Rule: Mean, Measure: "correct", Steps: 1}},
	}}
	if err := eachLineOf(fsys, name, e.line); err != nil {
		return nil, err
	}
	if !e.ended && e.run.Items.Len() == 0 {
		return nil, errors.New("has neither matches nor a final_report: the run did not end, or its file does not")
	}
	if !e.ended {
		e.run.Absent = append(e.run.Absent, "the final report: the run did not end, or its file does not")
	}
	return &Imported{Runs: []*Run{e.run}}, nil
}

// openaiReader reads one file, which is of one run.
type openaiReader struct {
	run   *Run
	id    string // of the run
	begun bool
	ended bool
}

func (e *openaiReader) line(line int, doc foreign) error {
	spec, report := doc.get("spec"), doc.get("final_report")
	id, _ := doc.get("run_id").text()
	switch {
	case spec != nil && e.begun:
		return errors.New("a second spec, as if of two runs")
	case spec != nil:
		e.begun = true
		return e.spec(spec)
	case !e.begun:
		return errors.New("an event before the spec")
	case e.id != "" && id != "" && id != e.id:
		return fmt.Errorf("run_id is %q, and the spec's %q", id, e.id)
	case report != nil && e.ended:
		return errors.New("a second final_report")
	case report != nil:
		e.ended = true
		return e.report(line, report)
	}
	if kind, _ := doc.get("type").text(); kind != "match" {
		return nil
	}
	sample, ok := doc.get("sample_id").text()
	if !ok || sample == "" {
		return fmt.Errorf("sample_id is %s, want a text", doc.get("sample_id").describe())
	}
	x, err := doc.get("data", "correct").outcome()
	if err != nil {
		return fmt.Errorf("correct %w", err)
	}
	return e.run.Items.Add(Item{ID: sample, Values: []float64{x}})
}

func (e *openaiReader) spec(spec foreign) error {
	e.id, _ = spec.get("run_id").text()
	name, ok := spec.get("eval_name").text()
	if !ok || name == "" {
		return fmt.Errorf("eval_name is %s, want a text", spec.get("eval_name").describe())
	}
	var models []string
	for _, m := range spec.get("completion_fns").elements() {
		if text, ok := m.text(); ok {
			models = append(models, text)
		}
	}
	r := e.run
	r.Model.Name = strings.Join(models, ", ")
	r.Board, r.Entry, r.Dataset.Name = "OpenAI evals "+name, r.Model.Name, name
	r.Dataset.Split, _ = spec.get("split").text()
	date, _ := spec.get("created_at").text()
	r.Date = fileDate.FindString(date)
	return nil
}

// report has accuracy, or numbers that nothing says the rule of.
func (e *openaiReader) report(line int, report foreign) error {
	if !report.isObject() {
		return fmt.Errorf("final_report is %s, want an object", report.describe())
	}
	add := func(m Metric, value foreign) {
		e.run.Aggregates = append(e.run.Aggregates, Aggregate{Metric: m, Value: string(value), File: e.run.Files[0].Path, Line: line})
	}
	accuracy := report.get("accuracy")
	if accuracy != nil {
		if !accuracy.isNumber() && string(accuracy) != "NaN" { // which is that of no events
			return fmt.Errorf("accuracy is %s, want a number", accuracy.describe())
		}
		add(e.run.Metrics[0], accuracy)
	}
	for _, m := range report.members() {
		if m.value.isNumber() && m.name != "accuracy" {
			add(Metric{Name: m.name}, m.value)
		}
	}
	return nil
}
