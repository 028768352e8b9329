package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
)

var helmRun = Importer{
	Name:   "helm-run",
	Tested: "three run directories among the fixtures of Every Eval Ever: HellaSwag, MMLU and NarrativeQA",
	About: About{
		Files:     "per_instance_stats.json of a HELM run, with stats.json and run_spec.json beside it",
		Model:     "by adapter_spec.model of run_spec.json",
		Dataset:   "by the run's name without its model, and the split of each number",
		Items:     "the statistics of each instance and trial; of perturbed instances they are not read",
		Aggregate: "mean of each statistic of stats.json that instances have; its count is of trials, not of instances",
		Absent:    "number of instances of the whole set, its version, revision of the model; numbers under perturbation, variance and stddev, and those that are computed of sums (perplexity, bits_per_byte, logprob_per_byte) are not looked at",
	},
	Claims: func(name string, head []byte) bool {
		return path.Base(name) == "per_instance_stats.json" && bytes.HasPrefix(head, []byte("[")) && hasAll(head, "instance_id", "stats")
	},
	Read: readHELM,
}

// helmOfSums are statistics that HELM never computes from those of instances.
var helmOfSums = map[string]bool{"perplexity": true, "bits_per_byte": true, "logprob_per_byte": true}

// helmSplit is one split of a run: a data set has several, and each its own numbers.
type helmSplit struct {
	run    *Run
	column map[string]int // of measures
	order  []string
	values map[string][]float64 // of each instance, trial after trial
	trials map[helmTrial]bool
	stated foreign // number of instances
}

// helmTrial is what has statistics once in a split.
type helmTrial struct{ instance, trial string }

// helmReader reads one run.
type helmReader struct {
	template Run // what the run's splits share
	splits   []*helmSplit
	bySplit  map[string]*helmSplit
}

func readHELM(fsys fs.FS, name string) (*Imported, error) {
	h := &helmReader{
		template: Run{Format: "helm", Files: []File{{Path: name}}, Absent: []string{"revision of the model"}},
		bySplit:  map[string]*helmSplit{},
	}
	spec, err := h.beside(fsys, name, "run_spec.json")
	if err != nil {
		return nil, err
	}
	if err := h.identify(spec); err != nil {
		return nil, fmt.Errorf("run_spec.json: %w", err)
	}
	stats, err := h.beside(fsys, name, "stats.json")
	if err != nil {
		return nil, err
	}
	if err := h.aggregates(stats, path.Join(path.Dir(name), "stats.json")); err != nil {
		return nil, fmt.Errorf("stats.json: %w", err)
	}
	instances := 0
	err = eachElement(fsys, name, func(_ int, instance foreign) error {
		instances++
		return h.instance(instance)
	})
	switch {
	case err != nil:
		return nil, err
	case instances == 0:
		return nil, errors.New("has no instances")
	}
	for _, other := range []string{"scenario.json", "scenario_state.json"} {
		if f, err := fsys.Open(path.Join(path.Dir(name), other)); err == nil { // known as the run's, and not needed
			if err := f.Close(); err != nil {
				return nil, fmt.Errorf("%s: %w", other, err)
			}
		}
	}
	in := &Imported{}
	for _, s := range h.splits {
		if err := s.finish(); err != nil {
			return nil, err
		}
		in.Runs = append(in.Runs, s.run)
	}
	return in, nil
}

func (h *helmReader) beside(fsys fs.FS, name, other string) (foreign, error) {
	file := path.Join(path.Dir(name), other)
	doc, err := readValue(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", other, reason(file, err))
	}
	h.template.Files = append(h.template.Files, File{Path: file})
	return doc, nil
}

func (h *helmReader) identify(spec foreign) error {
	name, ok := spec.get("name").text()
	model, ok2 := spec.get("adapter_spec", "model").text()
	if !ok || !ok2 || name == "" || model == "" {
		return errors.New("names no run or no model")
	}
	h.template.Model.Name, h.template.Entry = model, model
	scenario, arguments, _ := strings.Cut(name, ":")
	kept := slices.DeleteFunc(strings.Split(arguments, ","), func(a string) bool { return a == "" || strings.HasPrefix(a, "model=") })
	h.template.Board = "HELM " + scenario
	if len(kept) > 0 {
		h.template.Board += ":" + strings.Join(kept, ",")
	}
	h.template.Dataset.Name = h.template.Board
	return nil
}

func (h *helmReader) split(name string) *helmSplit {
	s := h.bySplit[name]
	if s == nil {
		run := h.template
		run.Files = slices.Clone(run.Files)
		if run.Dataset.Split = name; name != "" {
			run.Board += " (" + name + ")"
		}
		s = &helmSplit{run: &run, column: map[string]int{}, values: map[string][]float64{}, trials: map[helmTrial]bool{}}
		h.splits, h.bySplit[name] = append(h.splits, s), s
	}
	return s
}

// helmName is what a statistic is of. Of one under perturbation, or of a part of a
// split, there is none.
func helmName(stat foreign) (name, split string, err error) {
	of := stat.get("name")
	name, ok := of.get("name").text()
	if !ok || name == "" {
		return "", "", fmt.Errorf("a statistic's name is %s, want a text", of.get("name").describe())
	}
	for _, part := range []string{"perturbation", "sub_split"} {
		if v := of.get(part); v != nil && !v.isNull() {
			return "", "", nil
		}
	}
	split, _ = of.get("split").text()
	return name, split, nil
}

func (h *helmReader) aggregates(stats foreign, file string) error {
	if !stats.isArray() {
		return fmt.Errorf("is %s, want an array", stats.describe())
	}
	at := lines{whole: stats, line: 1}
	for _, stat := range stats.elements() {
		name, split, err := helmName(stat)
		if err != nil {
			return err
		}
		mean := stat.get("mean")
		if name == "" || mean == nil || mean.isNull() || helmOfSums[name] {
			continue // a number of nothing has no mean
		}
		s := h.split(split)
		if name == "num_instances" {
			s.stated = mean
			continue
		}
		if _, ok := s.column[name]; ok {
			return fmt.Errorf("%s (%s) is there twice", name, split)
		}
		value := string(mean)
		if !mean.isNumber() {
			value = mean.describe()
		}
		s.column[name] = len(s.run.Measures)
		s.run.Measures = append(s.run.Measures, name)
		s.run.Aggregates = append(s.run.Aggregates, Aggregate{
			Metric: Metric{Name: name, Rule: Mean, Measure: name}, Value: value, File: file, Line: at.of(mean),
		})
	}
	h.splits = slices.DeleteFunc(h.splits, func(s *helmSplit) bool { return len(s.run.Measures) == 0 })
	maps.DeleteFunc(h.bySplit, func(_ string, s *helmSplit) bool { return len(s.run.Measures) == 0 })
	if len(h.splits) == 0 {
		return errors.New("has no means")
	}
	return nil
}

// instance adds one trial of an instance to the split that its statistics are of.
func (h *helmReader) instance(instance foreign) error {
	id, ok := instance.get("instance_id").text()
	if !ok || id == "" {
		return fmt.Errorf("instance_id is %s, want a text", instance.get("instance_id").describe())
	}
	if p := instance.get("perturbation"); p != nil && !p.isNull() {
		return nil
	}
	trial := map[*helmSplit][]float64{}
	for _, stat := range instance.get("stats").elements() {
		name, split, err := helmName(stat)
		if err != nil {
			return err
		}
		s := h.bySplit[split]
		if name == "" || s == nil {
			continue
		}
		if trial[s] == nil {
			trial[s] = slices.Repeat([]float64{NoValue}, len(s.run.Measures))
		}
		i, ok := s.column[name]
		if x, number := stat.get("mean").float(); ok && number {
			trial[s][i] = x
		}
	}
	for s, values := range trial {
		of := helmTrial{id, string(instance.get("train_trial_index").canonicalOrRaw())}
		if s.trials[of] {
			return fmt.Errorf("%s has trial %s twice", id, of.trial)
		}
		s.trials[of] = true
		if s.values[id] == nil {
			s.order = append(s.order, id)
		}
		if s.values[id] = append(s.values[id], values...); len(s.values[id]) > MaxItems {
			return errTooMany
		}
	}
	return nil
}

// finish adds the instances. Numbers that none of them has stay, and are not
// recomputable.
func (s *helmSplit) finish() error {
	order := s.fullest()
	for _, id := range s.order {
		values := make([]float64, 0, len(s.values[id]))
		for trial := range slices.Chunk(s.values[id], len(s.run.Measures)) {
			for _, i := range order {
				values = append(values, trial[i])
			}
		}
		if err := s.run.Items.Add(Item{ID: id, Values: values}); err != nil {
			return err
		}
	}
	measures := make([]string, len(order))
	for to, from := range order {
		measures[to] = s.run.Measures[from]
	}
	s.run.Measures = measures
	if n, ok := s.stated.float(); ok && float64(len(s.order)) != n {
		s.run.Notices = append(s.run.Notices, Notice{
			Finding: "missing-items", File: s.run.Files[0].Path,
			Detail: fmt.Sprintf("%d instances have statistics, and num_instances of stats.json is %s", len(s.order), s.stated),
		})
	}
	return nil
}

// fullest orders the measures so that the one that most instances have is first: by it
// is judged whether an instance has a result.
func (s *helmSplit) fullest() []int {
	count, order := make([]int, len(s.run.Measures)), make([]int, len(s.run.Measures))
	for i := range order {
		order[i] = i
	}
	for _, values := range s.values {
		for i, x := range values {
			if !math.IsNaN(x) {
				count[i%len(count)]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return count[b] - count[a] })
	return order
}
