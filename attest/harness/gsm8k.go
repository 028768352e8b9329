package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// gsm8kSize is how many items GSM8K's test set has, which the file does not say.
const (
	gsm8kSize     = 1319
	gsm8kSizeFrom = "the GSM8K paper"
)

var gsm8kSolutions = Importer{
	Name:   "gsm8k-solutions",
	Tested: "example_model_solutions.jsonl of grade-school-math at 3101c7d: 1,319 items and four systems",
	About: About{
		Files:     "JSON lines with question, ground_truth and for each system an object with solution and is_correct",
		Model:     "by the members' names: 6b_finetuning and the like",
		Dataset:   "by the members; how many items there are is not in the file and taken from " + gsm8kSizeFrom,
		Items:     "is_correct of each; besides, the number on the last line of the solution that begins with \"A:\" is compared with that of ground_truth",
		Aggregate: "none; accuracy in percent is computed",
		Absent:    "revision of the model, date",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".jsonl") && hasAll(firstLine(head), "question", "ground_truth") && hasAny(head, "is_correct")
	},
	Read: readGSM8K,
}

func readGSM8K(fsys fs.FS, name string) (*Imported, error) {
	g := &gsm8kReader{file: name}
	if err := eachLineOf(fsys, name, g.item); err != nil {
		return nil, err
	}
	if len(g.runs) == 0 {
		return nil, errors.New("has no solutions")
	}
	return &Imported{Runs: g.runs}, nil
}

// gsm8kReader reads one file, which has several systems beside each item.
type gsm8kReader struct {
	file string
	runs []*Run
}

func (g *gsm8kReader) item(line int, doc foreign) error {
	question, ok := doc.get("question").text()
	truth, ok2 := doc.get("ground_truth").text()
	if !ok || !ok2 {
		return errors.New("question or ground_truth is not a text")
	}
	want, known := gsm8kAnswer(truth)
	for _, m := range doc.members() {
		if !m.value.isObject() {
			continue
		}
		solution, ok := m.value.get("solution").text()
		if !ok {
			return fmt.Errorf("%s: solution is %s, want a text", m.name, m.value.get("solution").describe())
		}
		x, err := m.value.get("is_correct").outcome()
		if err != nil {
			return fmt.Errorf("%s: is_correct %w", m.name, err)
		}
		r, err := g.run(m.name)
		if err != nil {
			return err
		}
		it := Item{ID: TextDigest([]byte(question)).String(), Values: []float64{x}, Input: TextDigest([]byte(question)), Output: TextDigest([]byte(solution))}
		if err := r.Items.Add(it); err != nil {
			return err
		}
		got, answered := gsm8kAnswer(solution)
		if right := answered && got == want; known && x == x && right != (x == 1) && len(r.Notices) < maxNotices {
			if !answered {
				got = "nothing"
			}
			r.Notices = append(r.Notices, Notice{
				Finding: "grade-differs", File: g.file, Line: line,
				Detail: fmt.Sprintf("is_correct is %v; the solution's answer is %s, and the right one %s", x == 1, got, want),
			})
		}
	}
	return nil
}

// maxSystems is how many systems stand beside an item.
const maxSystems = 1000

func (g *gsm8kReader) run(system string) (*Run, error) {
	if i := slices.IndexFunc(g.runs, func(r *Run) bool { return r.Entry == system }); i >= 0 {
		return g.runs[i], nil
	}
	if len(g.runs) >= maxSystems {
		return nil, fmt.Errorf("more than %d systems", maxSystems)
	}
	r := &Run{
		Format: "gsm8k", Files: []File{{Path: g.file}}, Board: "GSM8K", Entry: system, Model: Model{Name: system},
		Dataset:  Dataset{Name: "GSM8K", Split: "test", Items: gsm8kSize, ItemsFrom: gsm8kSizeFrom},
		Measures: []string{"is_correct"}, Absent: []string{"revision of the model"},
		Metrics: []Metric{
			{Name: "accuracy", Rule: Mean, Measure: "is_correct", Scale: 100, Steps: 1},
			{Name: "correct", Rule: Sum, Measure: "is_correct"},
		},
	}
	g.runs = append(g.runs, r)
	return r, nil
}

var gsm8kNumber = regexp.MustCompile(`(?m)^A: *\$?(-?[0-9][0-9.,]*)`)

// gsm8kAnswer is the number that a solution gives as its answer, on its last line that
// begins with "A:", in one spelling.
func gsm8kAnswer(solution string) (string, bool) {
	all := gsm8kNumber.FindAllStringSubmatch(solution, -1)
	if len(all) == 0 {
		return "", false
	}
	text := strings.TrimRight(strings.ReplaceAll(all[len(all)-1][1], ",", ""), ".")
	if d, err := attest.NumberToDecimal(text); err == nil {
		return d, true
	}
	return text, true
}
