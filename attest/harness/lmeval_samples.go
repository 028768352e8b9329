package harness

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var lmevalSamples = Importer{
	Name:   "lm-eval-samples",
	Tested: "the samples of a 0.4.9.2 run of Every Eval Ever's tests",
	About: About{
		Files:     "samples_<task>_<date>.jsonl of lm-evaluation-harness 0.4; its results file is looked for beside it",
		Model:     "by the folder, where there is no results file",
		Dataset:   "by the task in the file's name",
		Items:     "doc_id; a value for each metric and filter",
		Aggregate: "none: it is in the results file",
		Absent:    "everything that the results file says",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasPrefix(path.Base(name), "samples_") && strings.HasSuffix(name, ".jsonl") && hasAll(head, "doc_id", "resps")
	},
	Read: readLMEvalSamples,
}

// readLMEvalSamples reads items that no results file goes with.
func readLMEvalSamples(fsys fs.FS, name string) (*Imported, error) {
	task, date, ok := cutLast(strings.TrimSuffix(strings.TrimPrefix(plainName(name), "samples_"), ".jsonl"), "_")
	if ok {
		for _, ending := range []string{"", ".gz", ".zst"} {
			if _, err := fs.Stat(fsys, path.Join(path.Dir(name), "results_"+date+".json"+ending)); err == nil {
				return &Imported{}, nil // which reads this
			}
		}
	}
	r := &Run{Format: LMEval, Files: []File{{Path: name}}, Board: task, Entry: name, Dataset: Dataset{Name: task}, Absent: []string{"results file"}}
	if fileDate.MatchString(date) {
		r.Date = date
	}
	s := &lmevalItems{run: r, file: name, anyMetric: true}
	if err := s.read(fsys); err != nil {
		return nil, err
	}
	return &Imported{Runs: []*Run{r}}, s.finish(nil, 0)
}

// addSamples reads the items of a task, if they are there.
func (l *lmevalReader) addSamples(t *lmevalTask) error {
	name := l.samplesName(t.name)
	if name == "" {
		return nil
	}
	t.run.Files = append(t.run.Files, File{Path: name})
	t.run.Dataset.Items = t.effective
	s := &lmevalItems{run: t.run, file: name}
	err := s.read(l.fsys)
	if err == nil {
		err = s.finish(l.hashes[t.name], t.effective)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path.Base(name), err)
	}
	return nil
}

// samplesName is where the harness writes a task's items; "" when nothing is there.
func (l *lmevalReader) samplesName(task string) string {
	if strings.ContainsAny(task, "/\\") || runDate(l.file) == "" {
		return ""
	}
	for _, ending := range []string{"", ".gz", ".zst"} {
		name := path.Join(path.Dir(l.file), "samples_"+task+"_"+runDate(l.file)+".jsonl"+ending)
		if info, err := fs.Stat(l.fsys, name); err == nil && info.Mode().IsRegular() {
			return name
		}
	}
	return ""
}
