package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

var arenaTable = Importer{
	Name: "arena-leaderboard-table",
	About: About{
		Files:     "leaderboard_table_DATE.csv beside Chatbot Arena: the columns Model and MT-bench (score), and since 2024 key",
		Model:     "by key, or by Model where there is none",
		Dataset:   "the column MT-bench (score) is of MT-bench; the date in the file's name says which version of the table it is",
		Items:     "none",
		Aggregate: "MT-bench (score), the average over both turns; - is no number",
		Absent:    "the judgments and their number, revision of the judge, how MMLU and the rest come about, which are not judged",
	},
	Claims: func(name string, head []byte) bool {
		line := string(firstLine(head))
		return arenaTableName.MatchString(path.Base(name)) && strings.Contains(line, "Model,") && strings.Contains(line, mtBenchColumn)
	},
	Tables: true,
	Read:   readArenaTable,
}

var arenaTableName = regexp.MustCompile(`^leaderboard_table_(\d{4})(\d\d)(\d\d)\.csv$`)

const mtBenchColumn = "MT-bench (score)"

func readArenaTable(fsys fs.FS, name string) (*Imported, error) {
	date := arenaTableName.FindStringSubmatch(path.Base(uncompressedName(name)))
	t := &Table{Format: MTBench, File: File{Path: name}, Board: mtBenchBoard, Date: strings.Join(date[1:], "-")}
	entry := -1
	header := func(fields []string) error {
		for _, f := range fields {
			f = strings.TrimSpace(f)
			if slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == f }) {
				return fmt.Errorf("column %q is there twice", f)
			}
			c := Column{Name: f}
			if f == mtBenchColumn {
				c.Metric = &Metric{Name: f, Rule: Mean, Measure: "score"}
			}
			t.Columns = append(t.Columns, c)
		}
		for _, by := range []string{"Model", "key"} {
			if i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == by }); i >= 0 {
				entry = i
			}
		}
		if entry < 0 {
			return errors.New("no column Model or key")
		}
		return nil
	}
	err := readCSV(fsys, name, header, func(line int, fields []string) error {
		row := TableRow{Entry: strings.TrimSpace(fields[entry]), Line: line}
		if row.Entry == "" {
			return errors.New("row has no model")
		}
		for _, f := range fields {
			if f = strings.TrimSpace(f); f == "-" {
				f = ""
			}
			row.Values = append(row.Values, strings.Clone(f))
		}
		row.Entry = strings.Clone(row.Entry)
		t.Rows = append(t.Rows, row)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(t.Rows) == 0:
		return nil, errors.New("has no rows")
	}
	return &Imported{Tables: []*Table{t}}, nil
}
