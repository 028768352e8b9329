package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// alpacaColumns are the columns of AlpacaEval's leaderboards that come from items. The
// value of an item is its preference less one: 1 is won, ½ a draw.
var alpacaColumns = []Metric{
	{Name: "win_rate", Rule: Mean, Measure: "win", Scale: 100},
	{Name: "standard_error", Rule: StandardError, Measure: "win", Scale: 100, Of: "win_rate"},
	{Name: "n_wins", Rule: Wins, Measure: "win"},
	{Name: "n_wins_base", Rule: Losses, Measure: "win"},
	{Name: "n_draws", Rule: Draws, Measure: "win"},
	{Name: "n_total", Rule: Count, Measure: "win"},
	{Name: "discrete_win_rate", Rule: Decided, Measure: "win", Scale: 100, Steps: 2},
	{Name: "avg_length", Rule: Mean, Measure: "length", Cut: true},
	{Name: "length_controlled_winrate", Rule: LengthAdjusted},
	{Name: "lc_standard_error", Rule: LengthError, Of: "length_controlled_winrate"},
}

var alpacaTable = Importer{
	Name:   "alpacaeval-leaderboard",
	Tested: "the four leaderboards of alpaca_eval at cd543a1",
	About: About{
		Files:     "ANNOTATOR_leaderboard.csv",
		Model:     "by the name in the first column",
		Dataset:   "not named; n_total says how many items",
		Items:     "none; they are in the annotations of the same annotator and model",
		Aggregate: "win_rate, standard_error (n−1), n_wins, n_wins_base, n_draws, n_total, discrete_win_rate, avg_length (cut off), length_controlled_winrate",
		Absent:    "revision of the model, date, digest of the annotations",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, "_leaderboard.csv") && bytes.HasPrefix(head, []byte(",")) && bytes.Contains(firstLine(head), []byte("win_rate,"))
	},
	Read: readAlpacaTable,
}

func firstLine(head []byte) []byte {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line
}

func readAlpacaTable(fsys fs.FS, name string) (*Imported, error) {
	t := &Table{
		Format: "alpacaeval",
		File:   File{Path: name},
		Board:  strings.TrimSuffix(path.Base(uncompressedName(name)), "_leaderboard.csv"),
	}
	err := readCSV(fsys, name, func(fields []string) error {
		for _, f := range fields[1:] {
			if slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == f }) {
				return fmt.Errorf("column %q is there twice", f)
			}
			c := Column{Name: f}
			if i := slices.IndexFunc(alpacaColumns, func(m Metric) bool { return m.Name == f }); i >= 0 {
				c.Metric = &alpacaColumns[i]
			}
			t.Columns = append(t.Columns, c)
		}
		return nil
	}, func(line int, fields []string) error {
		t.Rows = append(t.Rows, TableRow{Entry: strings.Clone(fields[0]), Line: line, Values: cloneAll(fields[1:])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Imported{Tables: []*Table{t}}, nil
}

// cloneAll lets go of the line that the fields are part of.
func cloneAll(fields []string) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = strings.Clone(f)
	}
	return all
}
