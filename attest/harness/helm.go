package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

var helmRun = Importer{
	Name:   "helm-run",
	Tested: "three run directories among the fixtures of Every Eval Ever: HellaSwag, MMLU and NarrativeQA; runs of crfm-helm 0.5.16 with its mock model, one and three trials, with and without perturbations",
	About: About{
		Files:     "per_instance_stats.json of a HELM run, with stats.json and run_spec.json beside it",
		Model:     "by adapter_spec.model of run_spec.json",
		Dataset:   "by the run's name without its model, and the split of each number",
		Items:     "the statistics of each instance and trial, as it is and under perturbations",
		Aggregate: "mean of each statistic of stats.json, which is the mean of the trials' means, and where there are several trials their variance and stddev; of those that no instance has only whether mean, sum, count, sum_squared, variance and stddev agree",
		Absent:    "number of instances of the whole set, its version, revision of the model; how statistics come about that no instance has, such as perplexity and F1 of classes; statistics of a part of a split (sub_split) are not looked at",
	},
	Claims: func(name string, head []byte) bool {
		return path.Base(name) == "per_instance_stats.json" && bytes.HasPrefix(head, []byte("[")) && hasAll(head, "instance_id", "stats")
	},
	Read: readHELM,
}

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
