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

// What the columns of AlpacaEval 2's weights are called: the weight of the difference in
// length, of the instruction's difficulty, and of the model.
const (
	AlpacaLength     = "np.tanh(std_delta_len)"
	AlpacaDifficulty = "instruction_difficulty"
	AlpacaModel      = "not_gamed_baseline.astype(float)"
)

var alpacaWeights = Importer{
	Name:   "alpacaeval-weights",
	Tested: "alpaca_eval at cd543a1: three files, 206 models",
	About: About{
		Files:     "weights/ANNOTATOR/length_controlled_v1/baseline_MODEL.csv, or any .csv with its columns",
		Model:     "by the name in the first column",
		Dataset:   "not named",
		Items:     "none: three weights for each model, of the regression behind length_controlled_winrate",
		Aggregate: "none; with the difficulty of each instruction they give length_controlled_winrate",
		Absent:    "annotator, unless the path names it; items and settings that the weights were fitted on",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".csv") && bytes.HasPrefix(head, []byte(",")) && bytes.Contains(firstLine(head), []byte(AlpacaModel))
	},
	Read: readAlpacaWeights,
}

func readAlpacaWeights(fsys fs.FS, name string) (*Imported, error) {
	w := &Weights{Format: "alpacaeval", File: File{Path: name}}
	if dir := path.Dir(name); path.Base(dir) == "length_controlled_v1" {
		w.Board = path.Base(path.Dir(dir))
	}
	err := readCSV(fsys, name, func(fields []string) error {
		w.Columns = cloneAll(fields[1:])
		for _, c := range []string{AlpacaLength, AlpacaDifficulty, AlpacaModel} {
			if !slices.Contains(w.Columns, c) {
				return fmt.Errorf("column %q is missing", c)
			}
		}
		return nil
	}, func(line int, fields []string) error {
		w.Rows = append(w.Rows, TableRow{Entry: strings.Clone(fields[0]), Line: line, Values: cloneAll(fields[1:])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Imported{Weights: []*Weights{w}}, nil
}

// AlpacaDifficulties is the format of a run whose items are AlpacaEval's instructions,
// in their order, and whose only measure is how difficult each is.
const AlpacaDifficulties = "alpacaeval-difficulties"

var alpacaDifficulties = Importer{
	Name:   AlpacaDifficulties,
	Tested: "one list of 805 difficulties that was recovered from glm_preference in two files of annotations",
	About: About{
		Files:     `a JSON object with a member instruction_difficulty, a list in the order of the instructions`,
		Model:     "none",
		Dataset:   "not named",
		Items:     "the difficulty of each instruction, as the regression behind length_controlled_winrate takes it",
		Aggregate: "none",
		Absent:    "the instructions themselves, and where the difficulties come from",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasMember(head, "instruction_difficulty")
	},
	Read: readAlpacaDifficulties,
}

func readAlpacaDifficulties(fsys fs.FS, name string) (*Imported, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	doc, err := checkForeign(data)
	if err != nil {
		return nil, err
	}
	r := &Run{Format: AlpacaDifficulties, Files: []File{{Path: name}}, Measures: []string{"difficulty"}}
	for i, v := range doc.get("instruction_difficulty").elements() {
		x, ok := v.float()
		if !ok {
			return nil, fmt.Errorf("instruction_difficulty: element %d is %s, want a number", i, v.describe())
		}
		if err := r.Items.Add(Item{ID: fmt.Sprint(i), Values: []float64{x}}); err != nil {
			return nil, err
		}
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("instruction_difficulty is no list of numbers")
	}
	return &Imported{Runs: []*Run{r}}, nil
}
