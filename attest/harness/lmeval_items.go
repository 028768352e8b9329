package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
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

// lmevalItems gathers the lines of a samples file, one for each doc and filter.
type lmevalItems struct {
	run       *Run
	file      string
	anyMetric bool // the run has not been told which metrics there are

	items   []lmevalItem
	at      map[lmevalPlace]int // where in items
	seen    map[string]map[uint64]int
	task    hash.Hash // over the hashes of all lines
	wrong   map[string]*lmevalWrong
	unsaid  map[string]int // hashes that could not be looked at
	repeats bool
	likely  likeliest
	lines   int
}

type lmevalItem struct {
	id            uint64
	samples       [][]float64
	input, output Digest
}

// lmevalPlace is the nth line about a doc and a filter.
type lmevalPlace struct {
	id    uint64
	again int
}

type lmevalWrong struct{ lines, first int }

func (s *lmevalItems) read(fsys fs.FS) error {
	s.task = sha256.New()
	s.at, s.seen = map[lmevalPlace]int{}, map[string]map[uint64]int{}
	s.wrong, s.unsaid = map[string]*lmevalWrong{}, map[string]int{}
	return eachLineOf(fsys, s.file, s.add)
}

func (s *lmevalItems) add(line int, element foreign) error {
	sample, err := sampleOf(element)
	if err != nil {
		return err
	}
	s.lines++
	s.checkHashes(line, &sample)
	s.likely.add(line, &sample)
	filter := ""
	if sample.filter != nil {
		filter = *sample.filter
	}
	if s.anyMetric {
		s.learn(&sample, filter)
	}
	if s.seen[filter] == nil {
		s.seen[filter] = map[uint64]int{}
	}
	place := lmevalPlace{sample.id, s.seen[filter][sample.id]}
	s.seen[filter][sample.id]++
	i, ok := s.at[place]
	if !ok {
		if len(s.items) >= MaxItems {
			return errTooMany
		}
		i = len(s.items)
		s.at[place] = i
		it := lmevalItem{id: sample.id}
		if prompt, ok := sample.prompt(); ok {
			it.input = TextDigest([]byte(prompt))
		}
		if resps := sample.get("resps"); resps != nil {
			it.output = TextDigest(resps.canonicalOrRaw())
		}
		s.items = append(s.items, it)
	}
	return s.values(&s.items[i], &sample)
}

// learn takes the metrics that a line names.
func (s *lmevalItems) learn(sample *lmevalSample, filter string) {
	for _, m := range sample.get("metrics").elements() {
		metric, _ := m.text()
		if steps, known := lmevalMeans[metric]; known {
			name := metric + "," + filter
			if len(s.run.Measures) < 100 && !slices.Contains(s.run.Measures, name) {
				s.run.Measures = append(s.run.Measures, name)
				s.run.Metrics = append(s.run.Metrics, Metric{Name: name, Rule: Mean, Measure: name, Steps: steps})
			}
		}
	}
}

// values takes the values that a line has for the run's measures. A list has one for
// each repeat.
func (s *lmevalItems) values(it *lmevalItem, sample *lmevalSample) error {
	for j, measure := range s.run.Measures {
		metric, filter, _ := cutLast(measure, ",")
		if sample.filter != nil && *sample.filter != filter {
			continue
		}
		value := sample.get(metric)
		all := []foreign{value}
		if value.isArray() {
			all = value.elements()
			s.repeats = s.repeats || len(all) > 1
		}
		for k, v := range all {
			for len(it.samples) <= k {
				it.samples = append(it.samples, nil)
			}
			for len(it.samples[k]) <= j {
				it.samples[k] = append(it.samples[k], NoValue)
			}
			x, ok := v.float()
			if !ok {
				var err error
				if x, err = v.outcome(); err != nil && string(v) != "NaN" {
					return fmt.Errorf("doc %d: %s %w", it.id, metric, err)
				}
			}
			it.samples[k][j] = x
		}
	}
	return nil
}

// checkHashes compares the hashes that a line has with what it is a hash of.
func (s *lmevalItems) checkHashes(line int, sample *lmevalSample) {
	for _, name := range lmevalHashes {
		logged, _ := sample.get(name).text()
		s.task.Write([]byte(logged))
		over, err := sample.over(name)
		switch {
		case logged == "" || err != nil:
			s.unsaid[name]++
		case digest(over) != logged:
			if s.wrong[name] == nil {
				s.wrong[name] = &lmevalWrong{first: line}
			}
			s.wrong[name].lines++
		}
	}
}

// finish puts the items into the run, and tells of the hashes.
func (s *lmevalItems) finish(taskHash foreign, effective int) error {
	for _, it := range s.items {
		item := Item{ID: strconv.FormatUint(it.id, 10), Input: it.input, Output: it.output}
		for _, values := range it.samples {
			for len(values) < len(s.run.Measures) {
				values = append(values, NoValue)
			}
			item.Values = append(item.Values, values...)
		}
		if err := s.run.Items.Add(item); err != nil {
			return err
		}
	}
	for _, name := range lmevalHashes {
		if w := s.wrong[name]; w != nil {
			s.notice(w.first, fmt.Sprintf("in %d of %d lines the stored %s is not the hash of what is stored", w.lines, s.lines, name))
		}
		if n := s.unsaid[name]; n > 0 {
			s.run.Absent = append(s.run.Absent, fmt.Sprintf("%s in %d of %d lines", name, n, s.lines))
		}
	}
	if detail, line := s.likely.detail(); detail != "" {
		s.run.Notices = append(s.run.Notices, Notice{Finding: "grade-differs", Detail: detail, File: s.file, Line: line})
	}
	complete := effective > 0 && len(s.seen) > 0
	for _, docs := range s.seen {
		complete = complete && len(docs) == effective
	}
	if logged, ok := taskHash.text(); ok && complete && logged != hex.EncodeToString(s.task.Sum(nil)) {
		s.notice(0, "task_hashes of the results file is not the hash of these samples, of which there are as many as it says")
	}
	if s.repeats {
		noErrors(s.run)
	} else {
		s.steps()
	}
	return nil
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
