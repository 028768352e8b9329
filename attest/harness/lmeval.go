package harness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// LMEval is the name of lm-evaluation-harness in Log.Format and configurations.
const LMEval = "lm-evaluation-harness"

// Selection says which scores of a log are meant. An empty member stands for the
// only one that the log has.
type Selection struct {
	Task, Metric, Filter string

	// Reducer prefers, of several scores that differ in how an item's samples were
	// reduced, the one that was reduced so, as Inspect spells it: pass_at_5.
	Reducer string

	// Exclude names items, by the canonical JSON of their keys, that may have
	// samples without a score. Such a sample yields no row. Of any other item it is an
	// error. Only Inspect logs know such samples.
	Exclude []string
}

// OpenLMEval opens a log of lm-evaluation-harness 0.4.3 or later, made with
// --log_samples: a results_*.json and the samples_*.jsonl of the selected task,
// each plain or compressed with gzip or Zstandard. Further files of the same kinds
// may be among the names. With several tasks, metrics or filters to choose from
// and none selected, the error lists them.
//
// A row's key is the doc_id. Its response is the model's own output, the member
// resps, not what the filters made of it: a text where there was one request and
// one answer, else the list as logged (for multiple choice one pair of
// log-likelihood and greediness for each choice). With repeats, the list is one
// sample, unless the log grades every repeat; then each is a sample.
//
// Rows refuses a log unless doc_hash, prompt_hash and target_hash of every row
// come out, task_hashes agrees if the log has it, the selected filter has exactly
// the docs that n-samples declares, each once, and the published aggregate is
// their mean. The aggregations of other metrics (perplexity, bleu and such)
// cannot be recomputed here.
func OpenLMEval(fsys fs.FS, names []string, want Selection) (*Log, error) {
	run, err := findRun(fsys, names, want.Task)
	if err != nil {
		return nil, err
	}
	log, err := run.log(want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", run.resultsName, err)
	}
	log.rows = func(yield func(Row) error) error {
		f, err := fsys.Open(run.samplesName)
		if err != nil {
			return err
		}
		defer f.Close()
		return run.rows(f, log, yield)
	}
	return log, nil
}

// lmevalRun is one task of one results file with the samples that go with it.
type lmevalRun struct {
	resultsName, samplesName string
	task                     string
	results                  foreign
	filters                  int // that the selected metric was published for
}

// findRun picks the task, and the two files that hold it.
func findRun(fsys fs.FS, names []string, task string) (*lmevalRun, error) {
	var runs []*lmevalRun
	var samples, tasks []string
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "samples_") && strings.HasSuffix(plainName(name), ".jsonl") {
			samples = append(samples, name)
		}
	}
	for _, name := range names {
		switch plain := plainName(name); {
		case slices.Contains(samples, name):
		case !strings.HasSuffix(plain, ".json"):
			return nil, fmt.Errorf("%s is neither a results_*.json nor a samples_*.jsonl", name)
		default:
			results, err := readResults(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, m := range results.get("configs").members() {
				runs = append(runs, &lmevalRun{resultsName: name, task: m.name, results: results})
				tasks = append(tasks, m.name)
			}
		}
	}
	switch {
	case len(runs) == 0:
		return nil, errors.New("no results file with tasks: want a results_*.json and its samples_*.jsonl")
	case len(samples) == 0:
		return nil, errors.New("no samples_*.jsonl: a log without items (made without --log_samples) cannot be committed")
	case task != "" && !slices.Contains(tasks, task):
		return nil, fmt.Errorf("no task %q in the log (a group is read task by task): want one of %s", task, list(tasks))
	}
	return chooseRun(runs, samples, task)
}

// chooseRun pairs results with samples by the date in their names, or, when only
// one pair is possible, whatever their names: task_hashes then tells.
func chooseRun(runs []*lmevalRun, samples []string, task string) (*lmevalRun, error) {
	var found []*lmevalRun
	var tasks []string
	for _, run := range runs {
		for _, name := range samples {
			if plainName(name) == "samples_"+run.task+"_"+runDate(run.resultsName)+".jsonl" && (task == "" || task == run.task) {
				pair := *run
				pair.samplesName = name
				found = append(found, &pair)
				tasks = append(tasks, run.task)
			}
		}
	}
	if len(found) == 0 && len(samples) == 1 {
		for _, run := range runs {
			if task == "" && len(runs) == 1 || task == run.task {
				run.samplesName = samples[0]
				found = append(found, run)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return nil, errors.New("no samples_*.jsonl has the task and the date of a results file")
	case slices.ContainsFunc(found, func(r *lmevalRun) bool { return r.task != found[0].task }):
		return nil, fmt.Errorf("the log has several tasks, select one of %s", list(tasks))
	}
	return nil, fmt.Errorf("task %s is in several runs: %s and %s", found[0].task, found[0].resultsName, found[1].resultsName)
}

// plainName is the last part of a name, without the suffix of a compression.
func plainName(name string) string {
	base := path.Base(name)
	for _, suffix := range []string{".gz", ".zst", ".zstd"} {
		base = strings.TrimSuffix(base, suffix)
	}
	return base
}

// runDate is the part that the file names of a run share, its starting time.
func runDate(name string) string {
	stem := strings.TrimSuffix(plainName(name), ".json")
	return stem[strings.LastIndex(stem, "_")+1:]
}

func readResults(fsys fs.FS, name string) (foreign, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := decompress(f)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	data, err := io.ReadAll(io.LimitReader(plain, MaxResults+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxResults {
		return nil, fmt.Errorf("results file is larger than %d bytes", MaxResults)
	}
	return checkForeign(data)
}

// log reads what the results file says of the run, and settles metric and filter.
func (run *lmevalRun) log(want Selection) (*Log, error) {
	version, _ := run.results.get("lm_eval_version").text()
	if !strings.HasPrefix(version, "0.4.") {
		return nil, fmt.Errorf("lm_eval_version is %q, want 0.4.x", version)
	}
	log := &Log{Format: LMEval, Version: version, Task: run.task}
	if err := run.score(log, want); err != nil {
		return nil, err
	}
	var err error
	if log.Original, err = run.count("original"); err != nil {
		return nil, err
	}
	if log.Effective, err = run.count("effective"); err != nil {
		return nil, err
	}
	if log.Effective == 0 || log.Effective > log.Original {
		return nil, fmt.Errorf("n-samples says that %d of %d items were run", log.Effective, log.Original)
	}
	switch string(run.results.get("higher_is_better", run.task, log.Metric)) {
	case "true":
		log.HigherIsBetter = new(true)
	case "false":
		log.HigherIsBetter = new(false)
	}
	log.Config, err = run.config(log)
	return log, err
}

func (run *lmevalRun) count(which string) (uint64, error) {
	v := run.results.get("n-samples", run.task, which)
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("n-samples.%s.%s is %s, want a number of items", run.task, which, v.describe())
	}
	return n, nil
}

// score finds the one published number that is meant: the member
// "<metric>,<filter>" of the task's results.
func (run *lmevalRun) score(log *Log, want Selection) error {
	type published struct {
		metric, filter string
		value          foreign
	}
	var found []published
	var choices []string
	filters := map[string]int{}
	for _, m := range run.results.get("results", run.task).members() {
		comma := strings.LastIndexByte(m.name, ',')
		if comma < 0 || strings.HasSuffix(m.name[:comma], "_stderr") {
			continue
		}
		p := published{m.name[:comma], m.name[comma+1:], m.value}
		filters[p.metric]++
		choices = append(choices, m.name)
		if (want.Metric == "" || want.Metric == p.metric) && (want.Filter == "" || want.Filter == p.filter) {
			found = append(found, p)
		}
	}
	switch {
	case len(choices) == 0:
		return fmt.Errorf("task %s has no published score", run.task)
	case len(found) == 0:
		return fmt.Errorf("no score of metric %q and filter %q: want one of %s (metric,filter)", want.Metric, want.Filter, list(choices))
	case len(found) > 1:
		return fmt.Errorf("task %s has several scores, select one of %s (metric,filter)", run.task, list(choices))
	}
	log.Metric, log.Filter = found[0].metric, found[0].filter
	run.filters = filters[log.Metric]
	if log.Metric == "bypass" {
		return errors.New("the run was made with --predict_only and has no grades")
	}
	if !found[0].value.isNumber() {
		return fmt.Errorf("%s,%s is %s, want a number", log.Metric, log.Filter, found[0].value.describe())
	}
	log.Aggregate = string(found[0].value)
	if v := run.metricConfig(log.Metric).get("aggregation"); v != nil && !v.isNull() {
		if log.Aggregation, _ = v.text(); log.Aggregation != "mean" {
			return fmt.Errorf("metric %s is not recomputable here: its aggregation is %s, want mean", log.Metric, v.describe())
		}
	}
	return nil
}

func (run *lmevalRun) taskConfig(path ...string) foreign {
	return run.results.get(append([]string{"configs", run.task}, path...)...)
}

// metricConfig is what the task's configuration says of a metric, nil if nothing.
func (run *lmevalRun) metricConfig(metric string) foreign {
	return metricIn(run.taskConfig("metric_list"), metric)
}

func metricIn(list foreign, metric string) foreign {
	for _, m := range list.elements() {
		if name, _ := m.get("metric").text(); name == metric {
			return m
		}
	}
	return nil
}

// rows yields the rows of the selected filter and checks all of them.
func (run *lmevalRun) rows(samples io.Reader, log *Log, yield func(Row) error) error {
	seen := map[uint64]bool{}
	var grades mean
	task := sha256.New()
	err := eachLine(run.samplesName, samples, func(where string, line []byte) error {
		sample, err := parseSample(line)
		if err != nil {
			return err
		}
		io.WriteString(task, sample.hashes)
		if sample.filter == nil && run.filters != 1 {
			return fmt.Errorf("doc %d names no filter, and the results have %d", sample.id, run.filters)
		}
		if sample.filter != nil && *sample.filter != log.Filter {
			return nil
		}
		if seen[sample.id] {
			return fmt.Errorf("doc %d is there twice for filter %q", sample.id, log.Filter)
		}
		if seen[sample.id] = true; sample.id >= log.Original {
			return fmt.Errorf("doc %d is outside a task of %d", sample.id, log.Original)
		}
		rows, err := sample.rows(log.Metric)
		if err != nil {
			return fmt.Errorf("doc %d: %w", sample.id, err)
		}
		grades.add(rows)
		for _, row := range rows {
			row.Where = where
			if err := yield(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Ids are below Original and none repeats, so that a complete run has each.
	if n := uint64(len(seen)); n != log.Effective {
		return fmt.Errorf("%s: got %d docs for filter %q, want the %d of n-samples.effective", run.samplesName, n, log.Filter, log.Effective)
	}
	if h := run.results.get("task_hashes", run.task); h != nil {
		if got, _ := h.text(); got != attest.Hash(task.Sum(nil)).String() {
			return fmt.Errorf("%s: samples hash to %x, but task_hashes says %s: they are of another run", run.samplesName, task.Sum(nil), h.describe())
		}
	}
	if err := grades.check(log.Aggregate); err != nil {
		if log.Aggregation == "" {
			err = fmt.Errorf("%w (the log states no aggregation; others than the mean are not recomputable here)", err)
		}
		return fmt.Errorf("%s: %s,%s: %w", run.resultsName, log.Metric, log.Filter, err)
	}
	return nil
}

func list(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return strings.Join(names, ", ")
}
