package harness

import (
	"bytes"
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
