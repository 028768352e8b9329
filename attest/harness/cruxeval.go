package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// cruxItems is how many items CRUXEval has, which its files do not say.
const (
	cruxItems     = 800
	cruxItemsFrom = "the CRUXEval paper"
)

var cruxEval = Importer{
	Name:   "cruxeval",
	Tested: "CRUXEval's codellama-7b samples at 190faf1: input and output prediction, 800 items with 10 samples each",
	About: About{
		Files:     "sample_scored_MODEL_tempT_input.json or _output.json, a JSON object with raw_generations and raw_scored_generations",
		Model:     "by the file's name",
		Dataset:   "by the file's name, which ends in input or output; how many items there are is not in the file and taken from " + cruxItemsFrom,
		Items:     "true or false for each sample of each item; the code that was generated is not run",
		Aggregate: "pass_at_K in percent, each item 1 − C(n−c,k)/C(n,k); only if every item has k samples",
		Absent:    "revision of the model, version of the data set, date",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAny(head, "raw_generations", "raw_scored_generations")
	},
	Read: readCRUXEval,
}

var cruxName = regexp.MustCompile(`^(?:sample_scored_)?(.+?)(_temp[0-9.]+)?_(input|output)$`)

func readCRUXEval(fsys fs.FS, name string) (*Imported, error) {
	doc, err := readValue(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &Run{
		Format: "cruxeval", Files: []File{{Path: name}}, Board: "CRUXEval", Entry: strings.TrimSuffix(path.Base(uncompressedName(name)), ".json"),
		Dataset:  Dataset{Name: "CRUXEval", Items: cruxItems, ItemsFrom: cruxItemsFrom},
		Measures: []string{"passed"}, Absent: []string{"revision of the model"},
	}
	if m := cruxName.FindStringSubmatch(r.Entry); m != nil {
		r.Entry, r.Model.Name = m[1]+m[2], m[1]
		r.Board += " " + m[3]
		r.Dataset.Name = r.Board
	}
	if err := r.addCRUXEvalItems(doc); err != nil {
		return nil, err
	}
	for _, m := range doc.members() {
		k := passAt.FindStringSubmatch(m.name)
		if k == nil {
			continue
		}
		if !m.value.isNumber() {
			return nil, fmt.Errorf("%s is %s, want a number", m.name, m.value.describe())
		}
		metric := Metric{Name: m.name, Rule: PassAtK, Measure: "passed", Scale: 100}
		metric.K, _ = strconv.Atoi(k[1])
		r.Metrics = append(r.Metrics, metric)
		r.Aggregates = append(r.Aggregates, Aggregate{Metric: metric, Value: string(m.value), File: name})
	}
	if len(r.Metrics) == 0 {
		r.Metrics = []Metric{{Name: "pass_at_1", Rule: PassAtK, Measure: "passed", Scale: 100, K: 1}}
	}
	return &Imported{Runs: []*Run{r}}, nil
}

func (r *Run) addCRUXEvalItems(doc foreign) error {
	answers := map[string]foreign{}
	for _, m := range doc.get("raw_generations").members() {
		answers[m.name] = m.value
	}
	scored := map[string]bool{}
	for _, m := range doc.get("raw_scored_generations").members() {
		it := Item{ID: m.name}
		scored[m.name] = true
		for i, sample := range m.value.elements() {
			x, err := sample.outcome()
			if err != nil {
				return fmt.Errorf("%s: sample %d %w", m.name, i+1, err)
			}
			it.Values = append(it.Values, x)
		}
		answer := answers[m.name]
		if n := len(answer.elements()); answer != nil && n != len(it.Values) {
			return fmt.Errorf("%s has %d generations and %d scores", m.name, n, len(it.Values))
		}
		if err := r.Items.Add(it); err != nil {
			return err
		}
	}
	if r.Items.Len() == 0 {
		return errors.New("raw_scored_generations has no items")
	}
	for _, m := range doc.get("raw_generations").members() {
		if scored[m.name] {
			continue
		}
		if err := r.Items.Add(Item{ID: m.name, Values: []float64{NoValue}}); err != nil {
			return err
		}
	}
	return nil
}
