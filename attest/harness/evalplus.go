package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var evalPlus = Importer{
	Name:   "evalplus",
	Tested: "results of evalplus 0.3.1 on problems made up, three samples each",
	About: About{
		Files:     "eval_results.json or NAME_eval_results.json of EvalPlus, with the members eval and hash",
		Model:     "only by the file's name or its folder",
		Dataset:   "by hash, the MD5 of the problems",
		Items:     "base_status and plus_status of each solution of each task; it passes plus only if it passes both",
		Aggregate: "pass_at_k, where the file has it",
		Absent:    "model and its revision, name of the data set, how answers were sampled",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(path.Base(name), "eval_results.json") && bytes.HasPrefix(head, []byte("{")) && hasAll(head, "hash", "eval")
	},
	Read: readEvalPlus,
}

// evalPlusMeasures are the two sets of tests: those of the benchmark, and those with
// EvalPlus's own.
var evalPlusMeasures = []string{"base", "plus"}

func readEvalPlus(fsys fs.FS, name string) (*Imported, error) {
	doc, at, err := readLocated(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &Run{Format: "evalplus", Board: "EvalPlus", Files: []File{{Path: name}}, Measures: evalPlusMeasures, Absent: []string{"model", "revision of the model"}}
	r.Entry = strings.Trim(strings.TrimSuffix(strings.TrimSuffix(path.Base(uncompressedName(name)), ".json"), "eval_results"), "_.")
	if r.Entry == "" {
		r.Entry = folderOf(name)
	}
	r.Dataset.Version, _ = doc.get("hash").text()
	r.Date, _ = doc.get("date").text()
	fewest, err := evalPlusTasks(r, doc.get("eval"))
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	for _, of := range doc.get("pass_at_k").members() {
		for _, m := range of.value.members() {
			metric, err := passMetric(of.name, m.name)
			if err != nil {
				return nil, fmt.Errorf("pass_at_k: %s: %w", of.name, err)
			}
			if !m.value.isNumber() {
				return nil, fmt.Errorf("pass_at_k: %s: %s is %s, want a number", of.name, m.name, m.value.describe())
			}
			r.Aggregates = append(r.Aggregates, Aggregate{Metric: metric, Value: string(m.value), File: name, Line: at.of(m.value)})
		}
	}
	for _, measure := range evalPlusMeasures {
		r.Metrics = append(r.Metrics, passMetrics(measure, fewest)...)
	}
	return &Imported{Runs: []*Run{r}}, nil
}

// evalPlusTasks returns how many solutions the task with the fewest has.
func evalPlusTasks(r *Run, doc foreign) (fewest int, err error) {
	if !doc.isObject() {
		return 0, fmt.Errorf("is %s, want an object", doc.describe())
	}
	for _, task := range doc.members() {
		if !task.value.isArray() {
			return 0, fmt.Errorf("%s is %s, want an array: files of EvalPlus before 0.2 are not known", task.name, task.value.describe())
		}
		it := Item{ID: task.name}
		for i, solution := range task.value.elements() {
			base, err := evalPlusStatus(solution.get("base_status"))
			if err != nil {
				return 0, fmt.Errorf("%s: solution %d: base_status %w", task.name, i+1, err)
			}
			plus, err := evalPlusStatus(solution.get("plus_status"))
			if err != nil {
				return 0, fmt.Errorf("%s: solution %d: plus_status %w", task.name, i+1, err)
			}
			it.Values = append(it.Values, base, base*plus) // no value times anything is none
		}
		if n := len(it.Values) / 2; r.Items.Len() == 0 || n < fewest {
			fewest = n
		}
		if err := r.Items.Add(it); err != nil {
			return 0, err
		}
	}
	if r.Items.Len() == 0 {
		return 0, errors.New("has no tasks")
	}
	return fewest, nil
}

// evalPlusStatus is 1 for "pass". Runs of the base tests alone have null for plus.
func evalPlusStatus(v foreign) (float64, error) {
	text, ok := v.text()
	switch {
	case v == nil || v.isNull():
		return NoValue, nil
	case ok && text == "pass":
		return 1, nil
	case ok && (text == "fail" || text == "timeout"):
		return 0, nil
	}
	return NoValue, fmt.Errorf("is %s, want pass, fail or timeout", v.describe())
}
