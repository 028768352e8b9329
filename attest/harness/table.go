package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// plainTable reads tables that no format is known of. What a column means is taken from
// its name, and from names that leave no doubt alone: other columns are not judged.
var plainTable = Importer{
	Name: "table",
	About: About{
		Files:     "a table in CSV, Markdown or HTML with a column of models, one of scores and one of how many items, by their names",
		Model:     "by the column model, name, system or submission",
		Dataset:   "by the file's name",
		Items:     "none",
		Aggregate: "columns named accuracy, acc, exact_match, em, resolved, pass_rate or pass@1, as percentages if the name has %, pct or percent or a number is above 1; their standard error in a column NAME_stderr, NAME_se or NAME_standard_error",
		Absent:    "what other columns mean, revision of the model, date",
	},
	Claims: func(name string, head []byte) bool {
		kind := tableKind(name)
		return kind != nil && kind(head)
	},
	Read: readTable,
}

// The names that columns must have, in small letters and without what stands in brackets.
var (
	tableModels = []string{"model", "name", "system", "submission", "model_name"}
	tableCounts = []string{"n", "n_total", "items", "n_items", "num_items", "samples", "n_samples", "num_samples", "test_cases", "total"}
	tableScore  = regexp.MustCompile(`^(accuracy|acc|exact_match|em|resolved|pass_rate|pass@1)$`)
	tableError  = regexp.MustCompile(`^(.+)_(stderr|se|standard_error)$`)
	tablePart   = regexp.MustCompile(`\([^)]*\)|%|\b(pct|percent)\b`)
)

// tableKind is what tells whether the head of a file of the name's kind is a table.
func tableKind(name string) func(head []byte) bool {
	switch path.Ext(name) {
	case ".csv":
		return func(head []byte) bool { return isTable(strings.Split(string(firstLine(head)), ",")) }
	case ".md":
		return func(head []byte) bool {
			return slices.ContainsFunc(strings.Split(string(head), "\n"), func(l string) bool { return isTable(tauCells(l)) })
		}
	case ".html", ".htm":
		return func(head []byte) bool {
			p, err := readPage(bytes.ToValidUTF8(head, nil))
			return err == nil && slices.ContainsFunc(p.tables, func(t pageTable) bool { return len(t.rows) > 0 && isTable(t.rows[0].cells) })
		}
	}
	return nil
}

func columnName(column string) string {
	name := strings.ToLower(strings.Trim(column, " \t\r\"\ufeff#"))
	return strings.Trim(strings.ReplaceAll(strings.TrimSpace(tablePart.ReplaceAllString(name, "")), " ", "_"), "_")
}

// isTable reports whether the names are those of models, items and scores.
func isTable(header []string) bool {
	var models, counts, scores bool
	for _, column := range header {
		name := columnName(column)
		models = models || slices.Contains(tableModels, name)
		counts = counts || slices.Contains(tableCounts, name)
		scores = scores || tableScore.MatchString(name)
	}
	return models && counts && scores
}

func readTable(fsys fs.FS, name string) (*Imported, error) {
	b := &tableBuilder{file: name}
	var err error
	switch path.Ext(uncompressedName(name)) {
	case ".csv":
		err = readCSV(fsys, name, func(fields []string) error { return b.header(slices.Clone(fields)) }, func(line int, fields []string) error { return b.row(line, slices.Clone(fields)) })
	case ".md":
		err = b.markdown(fsys)
	default:
		err = b.html(fsys)
	}
	if err != nil {
		return nil, err
	}
	if len(b.tables) == 0 || len(b.tables[0].Rows) == 0 {
		return nil, errors.New("has no table with models, scores and numbers of items, or no rows in it")
	}
	for _, t := range b.tables {
		t.scale()
	}
	return &Imported{Tables: b.tables}, nil
}

// tableBuilder makes tables of rows of cells.
type tableBuilder struct {
	file   string
	tables []*Table
	model  int // the column of the table that is read
}

func (b *tableBuilder) header(cells []string) error {
	base, _, _ := strings.Cut(path.Base(uncompressedName(b.file)), ".")
	t := &Table{Format: "table", File: File{Path: b.file}, Board: base, Date: fileDate.FindString(path.Base(b.file))}
	if len(b.tables) > 0 {
		t.Board = fmt.Sprintf("%s, table %d", base, len(b.tables)+1)
	}
	b.model = slices.IndexFunc(cells, func(c string) bool { return slices.Contains(tableModels, columnName(c)) })
	seen := map[string]bool{}
	for i, cell := range cells {
		name := columnName(cell)
		if seen[name] && name != "" {
			return fmt.Errorf("column %q is there twice", cell)
		}
		seen[name] = true
		if i != b.model {
			t.Columns = append(t.Columns, Column{Name: strings.TrimSpace(cell), Metric: tableMetric(cells, cell)})
		}
	}
	b.tables = append(b.tables, t)
	return nil
}

// tableMetric is what a column is by its name, if that is known.
func tableMetric(header []string, column string) *Metric {
	name := columnName(column)
	switch of := tableError.FindStringSubmatch(name); {
	case slices.Contains(tableCounts, name):
		return &Metric{Name: column, Rule: Count}
	case tableScore.MatchString(name):
		return &Metric{Name: column, Rule: Mean, Scale: tableScale(column), Steps: 1}
	case of != nil && tableScore.MatchString(of[1]):
		for _, c := range header {
			if columnName(c) == of[1] {
				return &Metric{Name: column, Rule: StandardError, Scale: tableScale(c), Of: c}
			}
		}
	}
	return nil
}

func tableScale(column string) float64 {
	if tablePart.MatchString(strings.ToLower(column)) && !strings.Contains(column, "(") || strings.Contains(column, "%") {
		return 100
	}
	return 1
}

func (b *tableBuilder) row(line int, cells []string) error {
	t := b.tables[len(b.tables)-1]
	if len(cells) != len(t.Columns)+1 {
		return fmt.Errorf("line %d: row has %d cells, and the header %d", line, len(cells), len(t.Columns)+1)
	}
	entry := strings.TrimSpace(cells[b.model])
	if entry == "" {
		return fmt.Errorf("line %d: row has no model", line)
	}
	values := slices.Delete(slices.Clone(cells), b.model, b.model+1)
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	t.Rows = append(t.Rows, TableRow{Entry: entry, Line: line, Values: values})
	return nil
}

// scale makes percentages of scores of which one is above 1.
func (t *Table) scale() {
	for i, c := range t.Columns {
		if c.Metric == nil || c.Metric.Rule != Mean || c.Metric.Scale != 1 {
			continue
		}
		if slices.ContainsFunc(t.Rows, func(r TableRow) bool { return aboveOne(r.Values[i]) }) {
			c.Metric.Scale = 100
			for _, other := range t.Columns {
				if other.Metric != nil && other.Metric.Of == c.Name {
					other.Metric.Scale = 100
				}
			}
		}
	}
}

var oneOrLess = regexp.MustCompile(`^(0*(\.\d*)?|0*1(\.0*)?)$`)

func aboveOne(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == "" && !oneOrLess.MatchString(text)
}

func (b *tableBuilder) markdown(fsys fs.FS) error {
	data, err := readPlain(fsys, b.file)
	if err != nil {
		return err
	}
	inside := false
	for i, line := range strings.Split(string(data), "\n") {
		cells := tauCells(line)
		switch {
		case cells == nil:
			inside = false
		case inside && strings.Trim(strings.Join(cells, ""), "-: ") == "":
		case inside:
			err = b.row(i+1, cells)
		case isTable(cells):
			inside, err = true, b.header(cells)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *tableBuilder) html(fsys fs.FS) error {
	data, err := readPlain(fsys, b.file)
	if err != nil {
		return err
	}
	p, err := readPage(data)
	if err != nil {
		return err
	}
	for _, table := range p.tables {
		if len(table.rows) == 0 || !isTable(table.rows[0].cells) {
			continue
		}
		if err := b.header(table.rows[0].cells); err != nil {
			return err
		}
		for _, row := range table.rows[1:] {
			if err := b.row(row.line, row.cells); err != nil {
				return err
			}
		}
	}
	return nil
}
