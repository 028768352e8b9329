package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

const bbhFormat = "bbh"

// bbhSizes is how many items the tasks of BIG-Bench-Hard have that have not 250.
var bbhSizes = map[string]int{"causal_judgement": 187, "penguins_in_a_table": 146, "snarks": 178}

const (
	bbhSize      = 250
	bbhSizesFrom = "the BIG-Bench-Hard paper"
)

var bbhAccuracy = Metric{Name: "accuracy", Rule: Mean, Measure: "correct", Scale: 100, Steps: 1}

var bbhOutputs = Importer{
	Name:   "bbh-outputs",
	Tested: "BIG-Bench-Hard's code-davinci-002 outputs at 9ee07bd: 54 tasks, two ways of prompting",
	About: About{
		Files:     "MODEL/TASK_few_shot_template_N-STEP.json with a list outputs, or .jsonl with an output on each line, and beside it the same name with _eval_metrics.jsonl",
		Model:     "by the folder's name",
		Dataset:   "by the task in the file's name; how many items it has is not in the file and taken from " + bbhSizesFrom,
		Items:     "prediction and target of each; right is what equals the target after the last \"answer is \", without the full stop at its end",
		Aggregate: "accuracy in percent; the means over all tasks of a folder are computed, with variants of a task averaged first and without",
		Absent:    "revision of the model, what was asked, date; accuracy_with_calc needs a calculator and is not recomputed",
	},
	Claims: func(name string, head []byte) bool {
		return bbhName.MatchString(path.Base(name)) && bytes.HasPrefix(head, []byte("{")) && hasAny(head, "outputs", "canary", "input", "prediction")
	},
	Read: readBBH,
}

var (
	bbhName    = regexp.MustCompile(`^([a-z0-9_]+)_few_shot_template_\d+-\d+\.jsonl?$`)
	bbhVariant = regexp.MustCompile(`^(.+)_((?:three|five|seven)_objects)$`)
)

func readBBH(fsys fs.FS, name string) (*Imported, error) {
	plain := uncompressedName(name)
	task := bbhName.FindStringSubmatch(path.Base(plain))[1]
	model := folderOf(name)
	r := &Run{
		Format: bbhFormat, Files: []File{{Path: name}}, Board: strings.TrimSpace("BIG-Bench-Hard " + model), Entry: task, Model: Model{Name: model},
		Dataset:  Dataset{Name: "BIG-Bench-Hard " + task, Items: bbhSize, ItemsFrom: bbhSizesFrom},
		Measures: []string{"correct"}, Metrics: []Metric{bbhAccuracy}, Absent: []string{"revision of the model", "what was asked"},
	}
	if n := bbhSizes[task]; n > 0 {
		r.Dataset.Items = n
	}
	if path.Ext(plain) == ".jsonl" {
		if err := eachLineOf(fsys, name, func(_ int, out foreign) error { return r.addBBH(task, out) }); err != nil {
			return nil, err
		}
	} else {
		doc, err := readValue(fsys, name)
		if err != nil {
			return nil, err
		}
		for _, out := range doc.get("outputs").elements() {
			if err := r.addBBH(task, out); err != nil {
				return nil, err
			}
		}
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("has no outputs")
	}
	if err := r.addBBHMetrics(fsys, strings.TrimSuffix(plain, path.Ext(plain))+"_eval_metrics.jsonl"); err != nil {
		return nil, err
	}
	return &Imported{Runs: []*Run{r}}, nil
}

func (r *Run) addBBH(task string, out foreign) error {
	prediction, ok := out.get("prediction").text()
	target, ok2 := out.get("target").text()
	if !ok || !ok2 {
		return fmt.Errorf("output %d: prediction or target is not a text", r.Items.Len()+1)
	}
	it := Item{ID: fmt.Sprintf("%s/%d", task, r.Items.Len()), Group: bbhGroup(task), Values: []float64{0}}
	if bbhAnswer(prediction) == target {
		it.Values[0] = 1
	}
	return r.Items.Add(it)
}

// folderOf is the name of the folder that a file lies in, "" where there is none.
func folderOf(name string) string { return strings.Trim(path.Base(path.Dir(name)), "./") }

func bbhAnswer(prediction string) string {
	if i := strings.LastIndex(prediction, "answer is "); i >= 0 {
		return strings.TrimSuffix(strings.TrimSpace(prediction[i+len("answer is "):]), ".")
	}
	return prediction
}

// bbhGroup puts the variants of one task below it.
func bbhGroup(task string) string {
	if v := bbhVariant.FindStringSubmatch(task); v != nil {
		return v[1] + "/" + v[2]
	}
	return task
}

// addBBHMetrics reads what is stated of a task, if it lies there.
func (r *Run) addBBHMetrics(fsys fs.FS, name string) error {
	for _, name := range []string{name, name + ".gz", name + ".zst"} {
		if _, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		r.Files = append(r.Files, File{Path: name})
		err := eachLineOf(fsys, name, func(line int, doc foreign) error {
			x := doc.get("accuracy")
			if !x.isNumber() {
				return fmt.Errorf("accuracy is %s, want a number", x.describe())
			}
			r.Aggregates = append(r.Aggregates, Aggregate{Metric: bbhAccuracy, Value: string(x), File: name, Line: line})
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", path.Base(name), err)
		}
		return nil
	}
	return nil
}

// joinBBH adds a run of all tasks of a folder: what is published of BIG-Bench-Hard is
// their mean, and it matters whether three variants of a task count as three.
func joinBBH(in *Imported) error {
	var order []string
	folders := map[string][]*Run{}
	for _, r := range in.Runs {
		if r.Format != bbhFormat {
			continue
		}
		dir := path.Dir(r.Files[0].Path)
		if folders[dir] == nil {
			order = append(order, dir)
		}
		folders[dir] = append(folders[dir], r)
	}
	for _, dir := range order {
		if tasks := folders[dir]; len(tasks) > 1 {
			r, err := allBBH(tasks)
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			in.Runs = append(in.Runs, r)
		}
	}
	return nil
}

func allBBH(tasks []*Run) (*Run, error) {
	first := tasks[0]
	all := &Run{Format: bbhFormat, Board: first.Board, Model: first.Model, Dataset: Dataset{Name: "BIG-Bench-Hard"}, Measures: first.Measures}
	files, families := map[string]bool{}, map[string]bool{}
	for _, r := range tasks {
		all.Files = append(all.Files, r.Files[0])
		for _, it := range r.Items.All() {
			family, _, _ := strings.Cut(it.Group, "/")
			files[it.Group], families[family] = true, true
			if err := all.Items.Add(it); err != nil {
				return nil, err
			}
		}
	}
	tree := Metric{Name: fmt.Sprintf("mean of %d tasks", len(families)), Rule: MacroTree, Scale: 100}
	flat := Metric{Name: fmt.Sprintf("mean of %d tasks, variants as tasks of their own", len(files)), Rule: MacroMean, Scale: 100}
	if all.Metrics = []Metric{tree}; len(files) > len(families) {
		all.Metrics = append(all.Metrics, flat)
	}
	return all, nil
}
