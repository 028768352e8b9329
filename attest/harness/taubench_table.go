package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

var tauReadme = Importer{
	Name:   "tau-bench-readme",
	Tested: "README.md of tau-bench at 59a200c: two tables of seven rows",
	About: About{
		Files:     "a Markdown page with tables of the columns Strategy and Pass^1, Pass^2, …",
		Model:     "by the name in brackets in the column Strategy",
		Dataset:   "by the heading above the table",
		Items:     "none; they are in the trajectories",
		Aggregate: "Pass^1, Pass^2, … from 0 to 1; question marks are no number",
		Absent:    "number of tasks and of trials, revision of the model, date",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".md") && bytes.Contains(head, []byte("| Strategy")) && bytes.Contains(head, []byte("Pass^1"))
	},
	Tables: true,
	Read:   readTauReadme,
}

var (
	tauColumn  = regexp.MustCompile(`^Pass\^([1-9]\d?)$`)
	tauHeading = regexp.MustCompile(`^#+ +(\w+) *$`)
	tauModel   = regexp.MustCompile(`^(.*) \(([^()]+)\)$`)
)

func readTauReadme(fsys fs.FS, name string) (*Imported, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	in := &Imported{}
	var t *Table
	heading := ""
	for i, line := range strings.Split(string(data), "\n") {
		cells := markdownCells(line)
		switch m := tauHeading.FindStringSubmatch(line); {
		case m != nil:
			heading = strings.ToLower(m[1])
		case cells == nil:
			t = nil
		case t != nil:
			if err := t.addTauRow(cells, i+1); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case cells[0] == "Strategy":
			t = &Table{Format: tauFormat, File: File{Path: name}, Board: "tau-bench " + heading}
			for _, c := range cells[1:] {
				column := Column{Name: c}
				if k := tauColumn.FindStringSubmatch(c); k != nil {
					n, _ := strconv.Atoi(k[1])
					metric := tauMetric(n)
					column.Metric = &metric
				}
				t.Columns = append(t.Columns, column)
			}
			in.Tables = append(in.Tables, t)
		}
	}
	if len(in.Tables) == 0 {
		return nil, errors.New("has no table with the column Strategy")
	}
	return in, nil
}

func (t *Table) addTauRow(cells []string, line int) error {
	switch {
	case len(cells) != len(t.Columns)+1:
		return fmt.Errorf("row has %d cells, and the header %d", len(cells), len(t.Columns)+1)
	case strings.Trim(cells[0], "-: ") == "":
		return nil // the line below the header
	}
	t.Rows = append(t.Rows, TableRow{Entry: cells[0], Line: line, Values: cells[1:]})
	return nil
}

// joinTau finds the README's row of each run: that of its model, and where there are
// several strategies that of the run's, if its messages show it.
func joinTau(in *Imported) {
	for _, r := range in.Runs {
		if r.Format != tauFormat || r.Model.Name == "" {
			continue
		}
		strategy := ""
		if len(r.Names) > 0 {
			strategy = r.Names[0].Name
		}
		var rows []string
		for _, t := range in.Tables {
			for _, row := range t.Rows {
				m := tauModel.FindStringSubmatch(row.Entry)
				if t.Format == tauFormat && t.Board == r.Board && m != nil && m[2] == r.Model.Name && m[1] == strategy {
					rows = append(rows, row.Entry)
				}
			}
		}
		if len(rows) == 1 {
			r.Entry = rows[0]
			r.Joined = "the file's name says the model, and that messages have tool_calls says the strategy"
		}
	}
}
