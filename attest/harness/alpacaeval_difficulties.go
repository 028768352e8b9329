package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

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
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAny(head, "instruction_difficulty")
	},
	Read: readAlpacaDifficulties,
}

func readAlpacaDifficulties(fsys fs.FS, name string) (*Imported, error) {
	doc, err := readValue(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &Run{Format: AlpacaDifficulties, Files: []File{{Path: name}}, Measures: []string{"difficulty"}}
	for i, v := range doc.get("instruction_difficulty").elements() {
		x, ok := v.float()
		if !ok {
			return nil, fmt.Errorf("instruction_difficulty: element %d is %s, want a number", i, v.describe())
		}
		if err := r.Items.Add(Item{ID: strconv.Itoa(i), Values: []float64{x}}); err != nil {
			return nil, err
		}
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("instruction_difficulty is no list of numbers")
	}
	return &Imported{Runs: []*Run{r}}, nil
}

// alpacaGamed is the data set that AlpacaEval fits its regression with, which repeats
// the difficulty of each instruction for each model in it.
var alpacaGamed = Importer{
	Name: "alpacaeval-gamed",
	About: About{
		Files:     "a .csv with the columns index and instruction_difficulty, as the data set df_gamed.csv",
		Model:     "none",
		Dataset:   "not named",
		Items:     "the difficulty of each instruction, by its number from 0",
		Aggregate: "none",
		Absent:    "the instructions themselves, and where the difficulties come from",
	},
	Claims: func(name string, head []byte) bool {
		columns := strings.Split(strings.TrimSpace(string(firstLine(head))), ",")
		return strings.HasSuffix(name, ".csv") && slices.Contains(columns, "index") && slices.Contains(columns, "instruction_difficulty")
	},
	Read: readAlpacaGamed,
}

func readAlpacaGamed(fsys fs.FS, name string) (*Imported, error) {
	index, difficulty := -1, -1
	all := map[int]float64{}
	err := readCSV(fsys, name, func(fields []string) error {
		index, difficulty = slices.Index(fields, "index"), slices.Index(fields, "instruction_difficulty")
		if index < 0 || difficulty < 0 {
			return errors.New("column index or instruction_difficulty is missing")
		}
		return nil
	}, func(_ int, fields []string) error {
		i, err := strconv.Atoi(fields[index])
		if err != nil || i < 0 {
			return fmt.Errorf("index %q is no number from 0", fields[index])
		}
		x, ok := foreign(fields[difficulty]).float()
		if !ok {
			return fmt.Errorf("difficulty %q is no number", fields[difficulty])
		}
		if old, again := all[i]; again && old != x {
			return fmt.Errorf("instruction %d has two difficulties", i)
		}
		all[i] = x
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := &Run{Format: AlpacaDifficulties, Files: []File{{Path: name}}, Measures: []string{"difficulty"}}
	for i := range len(all) {
		x, ok := all[i]
		if !ok {
			return nil, fmt.Errorf("instruction %d has no difficulty", i)
		}
		if err := r.Items.Add(Item{ID: strconv.Itoa(i), Values: []float64{x}}); err != nil {
			return nil, err
		}
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("has no instructions")
	}
	return &Imported{Runs: []*Run{r}}, nil
}
