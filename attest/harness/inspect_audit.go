package harness

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
)

var inspectLogs = Importer{
	Name:   "inspect-logs",
	Tested: "19 logs of Inspect's own tests and 7 of Every Eval Ever's, .eval and .json, versions 2 and 3",
	About: About{
		Files:     "logs of Inspect, .eval and .json",
		Model:     "eval.model, and revision among its model_args",
		Dataset:   "by the task and dataset.name, with task_version; dataset.sample_ids or total_samples say how many items",
		Items:     "samples with their scores; epochs are reduced as each published score says",
		Aggregate: "results.scores: accuracy, mean, stderr, std and var of each scorer, grade and reducer",
		Absent:    "revision of the data set; how other metrics, clustered errors and custom reducers are computed",
	},
	Claims: func(name string, head []byte) bool {
		return (strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".eval")) && isInspect(head)
	},
	Read: readInspectLog,
}

func readInspectLog(fsys fs.FS, name string) (*Imported, error) {
	file, err := openInspectFile(fsys, name)
	if err != nil {
		return nil, err
	}
	a := &inspectAudit{inspectRun: &inspectRun{file: file, eval: file.header["eval"], results: file.header["results"]}}
	if err := a.head(); err != nil {
		return nil, err
	}
	if err := a.read(); err != nil {
		return nil, err
	}
	if len(a.run.Aggregates)+a.run.Items.Len() == 0 {
		return nil, errors.New("has neither scores nor samples")
	}
	return &Imported{Runs: []*Run{&a.run}}, nil
}

// inspectAudit reads one log.
type inspectAudit struct {
	*inspectRun
	run      Run
	all      []inspectScore // published numbers
	measures []inspectScore // those of them that have the items' values, one for each scorer, grade and reducer

	items    []*inspectItem // that wait for more epochs
	byID     map[string]*inspectItem
	binary   []bool // measures of which each value is 0, 1 or none
	values   map[string]*big.Rat
	edited   []string // sentences
	retried  []string // samples
	unscored map[string]int
	reduced  bool           // the items are those of reductions
	unknown  map[string]int // words that mean no grade
}

// inspectItem is the epochs of one item, or one of them where they are not reduced.
type inspectItem struct {
	id            string
	epochs        map[uint64]bool
	grades        [][]inspectGrade // by measure
	input, output Digest
}

func (a *inspectAudit) head() error {
	h := a.file.header
	r := &a.run
	r.Format, r.Files, r.Absent = Inspect, []File{{Path: a.file.name}}, []string{"revision of the data set"}
	switch v := h["version"]; {
	case a.file.cut:
		return errors.New("the run did not end: there is no header.json, only a journal")
	case v == nil:
		r.Absent = append(r.Absent, "version of the log")
	case string(v) != "2" && string(v) != "3":
		return fmt.Errorf("version is %s, want 2 or 3", v.describe())
	}
	text := func(path ...string) string { return plainText(a.eval.get(path...)) }
	r.Version, r.Date = text("packages", "inspect_ai"), text("created")
	r.Board = text("task")
	r.Model = Model{Name: text("model"), Revision: text("model_args", "revision")}
	if r.Board == "" {
		return errors.New("eval.task is missing")
	}
	r.Entry = cmp.Or(r.Model.Name, a.file.name)
	r.Dataset = Dataset{Name: cmp.Or(text("dataset", "name"), r.Board), Version: text("task_version")}
	a.epochs = uint64(max(1, itemCount(a.eval.get("config", "epochs"))))
	a.total = uint64(itemCount(a.results.get("total_samples")))
	items := len(a.eval.get("dataset", "sample_ids").elements())
	planned := int(a.total / a.epochs)
	if a.total > 0 && planned != items {
		items = planned // a log that was cut down keeps the number
	}
	whole := itemCount(a.eval.get("dataset", "samples"))
	if items > 0 && items < whole {
		a.notice("missing-items", fmt.Sprintf("the log says that %d of %d items were run", items, whole))
	}
	if status := plainText(h["status"]); status != "success" {
		a.notice("missing-items", fmt.Sprintf("the status of the run is %s", quote(status)))
	}
	if v := h["invalidated"]; string(v) == "true" {
		a.notice("missing-items", "the log says that samples of it are invalid")
	}
	if a.unreduced() {
		items = int(a.total)
	}
	if a.file.samples+len(h["reductions"].elements()) > 0 {
		r.Dataset.Items = items
	}
	return a.publishedNumbers(items)
}

func (a *inspectAudit) notice(finding, detail string) {
	a.run.Notices = append(a.run.Notices, Notice{Finding: finding, Detail: detail, File: a.file.name})
}

// publishedNumbers reads what is published and how it comes from the items.
func (a *inspectAudit) publishedNumbers(items int) error {
	all, err := a.published()
	if err != nil {
		return err
	}
	a.all = all
	r := &a.run
	for i := range all {
		s := &all[i]
		if !s.value.isNumber() && string(s.value) != "NaN" {
			continue
		}
		m := Metric{Name: s.label() + "," + s.scorer, Measure: s.measure()}
		m.Rule = s.rule()
		if m.Rule == StandardError || m.Rule == StandardDeviation {
			m.OfOne = true
			if j := slices.IndexFunc(all, func(o inspectScore) bool { return o.isMean() && o.measure() == m.Measure }); j >= 0 {
				m.Of = all[j].label() + "," + all[j].scorer
			}
		}
		if s.isMean() && a.file.samples == 0 && a.epochs == 1 && slices.Contains(inspectBinary, s.scorer) {
			m.Steps = 1
		}
		if _, err := reducer(s.reducer); err == nil && m.Rule != Unknown && !slices.Contains(r.Measures, m.Measure) {
			r.Measures = append(r.Measures, m.Measure)
			a.measures = append(a.measures, *s)
		} else if err != nil {
			m.Rule = Unknown
		}
		g := Aggregate{Metric: m, Value: string(s.value), File: a.file.name}
		if g.Items = itemCount(s.scored); g.Items == 0 && uint64(a.file.samples) < a.total {
			g.Items = items
		}
		r.Metrics, r.Aggregates = append(r.Metrics, m), append(r.Aggregates, g)
	}
	return nil
}

// inspectBinary are the scorers that say right or wrong and nothing else.
var inspectBinary = []string{"match", "includes", "exact", "pattern", "answer", "choice"}

// measure is what several metrics of one scorer, grade and reducer are of.
func (s *inspectScore) measure() string {
	name := s.graded()
	if s.reducer != "" && s.reducer != "mean" {
		name += "@" + s.reducer
	}
	return name
}

// graded is the scorer, or one of the grades that it gives.
func (s *inspectScore) graded() string {
	if s.name != s.scorer {
		return s.name + "," + s.scorer
	}
	return s.scorer
}

// rule is how a metric that Inspect has itself comes from the items' values.
func (s *inspectScore) rule() Rule {
	switch {
	case s.clustered:
		return Unknown
	case s.isMean():
		return Mean
	case s.kind == "stderr":
		return StandardError
	case s.kind == "std":
		return StandardDeviation
	case s.kind == "var":
		return Variance
	}
	return Unknown
}
