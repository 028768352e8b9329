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
	Tested: "the nine leaderboards of alpaca_eval at cd543a1, and the nine of its site",
	About: About{
		Files:     "ANNOTATOR_leaderboard.csv, of the package or of the site",
		Model:     "by the name in the first column; on the site by the folder that samples links to, if any",
		Dataset:   "not named; n_total says how many items",
		Items:     "none; they are in the annotations of the same annotator and model",
		Aggregate: "win_rate, standard_error (n−1), n_wins, n_wins_base, n_draws, n_total, discrete_win_rate, avg_length (cut off), length_controlled_winrate",
		Absent:    "revision of the model, date, digest of the annotations",
	},
	Claims: func(name string, head []byte) bool {
		first := firstLine(head)
		return strings.HasSuffix(name, "_leaderboard.csv") && (bytes.HasPrefix(first, []byte(",")) || bytes.HasPrefix(first, []byte("name,"))) &&
			bytes.Contains(first, []byte("win_rate,"))
	},
	Tables: true,
	Read:   readAlpacaTable,
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
	samples := -1
	err := readCSV(fsys, name, func(fields []string) error {
		if fields[0] == "name" {
			samples = slices.Index(fields, "samples")
		}
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
		entry := fields[0]
		if samples >= 0 {
			entry = alpacaEntry(entry, fields[samples])
		}
		t.Rows = append(t.Rows, TableRow{Entry: strings.Clone(entry), Line: line, Values: cloneAll(fields[1:])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Imported{Tables: []*Table{t}}, nil
}

// alpacaEntry is what the package calls a row of the site, which has names for people
// and links to the answers.
func alpacaEntry(name, samples string) string {
	dir, file := path.Split(samples)
	if before, entry, ok := strings.Cut(dir, "/results/"); ok && file == "model_outputs.json" && before != "" {
		if entry = strings.TrimSuffix(entry, "/"); entry != "" && !strings.Contains(entry, "/") {
			return entry
		}
	}
	return name
}

// cloneAll lets go of the line that the fields are part of.
func cloneAll(fields []string) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = strings.Clone(f)
	}
	return all
}
