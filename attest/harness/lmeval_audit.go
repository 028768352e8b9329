package harness

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strings"
)

var lmevalResults = Importer{
	Name:   "lm-eval-results",
	Tested: "16 zero-shot result files of Pythia (0.3) and a 0.4.9.2 run with samples of Every Eval Ever's tests; runs of 0.4.12 and 0.4.13, one with groups",
	About: About{
		Files:     "results_*.json of lm-evaluation-harness 0.4, with samples_<task>_<date>.jsonl beside it, and the result files of 0.3",
		Model:     "by a name among model_args, with revision and model_sha; a name that the harness made up is not one",
		Dataset:   "by the task and its version, dataset_path and dataset_name; n-samples says how many items (0.4)",
		Items:     "lines of the samples file, one for each doc and filter; 0.3 has none",
		Aggregate: "\"metric,filter\" of each task, 0.3: \"metric\"; its standard error beside it; of a group the mean of its tasks, by size or each alike, and its error",
		Absent:    "revision of the data set; version of the harness in 0.3 and before 0.4.3; weight_by_size of a group; the draws of bootstrapped errors; the filter of a line before 0.4.5",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAny(head, "results") && lmevalError.Match(head)
	},
	Read: readLMEvalResults,
}

// lmevalError is the name of a standard error, as both versions have it.
var lmevalError = regexp.MustCompile(`"[^"\n]+_stderr(,[^"\n]*)?"\s*:`)

func readLMEvalResults(fsys fs.FS, name string) (*Imported, error) {
	doc, err := readValue(fsys, name)
	if err != nil {
		return nil, err
	}
	l, err := newLMEvalReader(fsys, name, doc)
	if err != nil {
		return nil, err
	}
	for _, m := range doc.get("results").members() {
		if err := l.task(m.name, m.value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	if len(l.runs) == 0 {
		return nil, errors.New("has no results")
	}
	l.groups()
	return &Imported{Runs: l.runs}, nil
}

// lmevalReader reads one results file.
type lmevalReader struct {
	fsys             fs.FS
	file             string
	old              bool // 0.3, where a metric has no filter
	about            Run  // what all runs of the file have in common
	config           foreign
	configs, counts  map[string]foreign // by task
	versions, hashes map[string]foreign
	parts            map[string]foreign // of a group
	lines            lines
	runs             []*Run
	byTask           map[string]*lmevalTask
	rounding         float64 // of the file's numbers
}

// lmevalTask is one task or group of the file.
type lmevalTask struct {
	name                string
	run                 *Run
	original, effective int // 0 where nothing says
}

func newLMEvalReader(fsys fs.FS, name string, doc foreign) (*lmevalReader, error) {
	top := byName(doc)
	l := &lmevalReader{
		fsys: fsys, file: name, config: top["config"], configs: byName(top["configs"]), counts: byName(top["n-samples"]),
		versions: byName(top["versions"]), hashes: byName(top["task_hashes"]), parts: byName(top["group_subtasks"]),
		lines: lines{whole: doc, line: 1}, byTask: map[string]*lmevalTask{},
	}
	l.old = top["configs"] == nil && top["lm_eval_version"] == nil
	r := &l.about
	r.Format, r.Files, r.Absent = LMEval, []File{{Path: name}}, []string{"revision of the data set"}
	if v := top["lm_eval_version"]; v != nil {
		if r.Version, _ = v.text(); !strings.HasPrefix(r.Version, "0.4.") {
			return nil, fmt.Errorf("lm_eval_version is %s, want 0.4.x", v.describe())
		}
	} else {
		r.Absent = append(r.Absent, "version of the harness")
	}
	if !l.old {
		r.Date = runDate(name)
	}
	if !fileDate.MatchString(r.Date) {
		r.Date = ""
	}
	run := &lmevalRun{results: doc}
	r.Model = run.model()
	r.Entry, r.Origin = cmp.Or(r.Model.Name, name), name
	if v := r.Model.Revision; r.Model.Name != "" && v != "" && v != "main" {
		r.Entry += "@" + v
	}
	return l, nil
}

func byName(f foreign) map[string]foreign {
	all := map[string]foreign{}
	for _, m := range f.members() {
		all[m.name] = m.value
	}
	return all
}

// task reads what is published of a task or a group, and its samples.
func (l *lmevalReader) task(name string, published foreign) error {
	r := l.about
	r.Files, r.Absent, r.Board = slices.Clone(r.Files), slices.Clone(r.Absent), name
	r.Dataset = Dataset{Name: name, Version: plainText(l.versions[name])}
	t := &lmevalTask{name: name, run: &r, original: itemCount(l.counts[name].get("original")), effective: itemCount(l.counts[name].get("effective"))}
	l.byTask[name] = t
	for _, m := range published.members() {
		metric, ok := l.metric(name, m.name)
		value, ok2 := lmevalNumber(m.value)
		if !ok || !ok2 || value == notAvailable && metric.Of != "" {
			continue
		}
		r.Metrics = append(r.Metrics, metric)
		r.Aggregates = append(r.Aggregates, Aggregate{Metric: metric, Value: value, Items: t.effective, File: l.file, Line: l.lines.of(m.value)})
	}
	if len(r.Aggregates) == 0 {
		return nil
	}
	for _, m := range r.Metrics {
		if m.Rule == Mean && m.Measure == m.Name {
			r.Measures = append(r.Measures, m.Name)
		}
	}
	l.runs = append(l.runs, &r)
	l.limited(t)
	if l.old || len(r.Measures) == 0 || l.isGroup(name) {
		return nil
	}
	return l.addSamples(t)
}

// notAvailable is what the harness writes for a number that it does not have: in most
// places the error of one item, of a metric whose error it cannot compute, or of all when
// it was told to draw none.
const notAvailable = "N/A"

// lmevalNumber is a number of the results as it is written. Other texts are none: an alias,
// for instance.
func lmevalNumber(f foreign) (string, bool) {
	if text, ok := f.text(); ok {
		return text, text == notAvailable
	}
	return string(f), f.isNumber() || string(f) == "NaN" || strings.HasSuffix(string(f), "Infinity")
}

// limited says that a task has items that were not asked.
func (l *lmevalReader) limited(t *lmevalTask) {
	var detail string
	limit, _ := l.config.get("limit").float()
	switch {
	case l.isGroup(t.name):
	case t.effective < t.original:
		detail = fmt.Sprintf("n-samples says that %d of %d items were run", t.effective, t.original)
	case t.original > 0:
	case limit >= 1:
		detail = fmt.Sprintf("config.limit says that no more than %.0f items were run", math.Floor(limit))
	case limit > 0:
		detail = fmt.Sprintf("config.limit says that %g of the items were run", limit)
	}
	if detail != "" {
		t.run.Notices = append(t.run.Notices, Notice{Finding: "missing-items", Detail: detail, File: l.file, Line: t.run.Aggregates[0].Line})
	}
}
