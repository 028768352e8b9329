package harness

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// PlainTable is the format of tables that no format is known of.
const PlainTable = "table"

// plainTable reads tables that no format is known of. What a column means is taken from
// its name, and from names that leave no doubt alone: other columns are not judged.
var plainTable = Importer{
	Name: "table",
	About: About{
		Files:     "a table in CSV, Markdown or HTML with a column of models, one of scores and one of how many items or of the scores' standard errors, by their names, that begins in the first 4 KiB, or of Markdown and HTML in the first 256",
		Model:     "by the column model, model_name, name, system or submission",
		Dataset:   "by the file's name",
		Items:     "none",
		Aggregate: "columns named accuracy, exact_match, resolved, pass_rate or pass@1, and beside a column model also acc or em, as percentages if the name has %, pct or percent or a number is above 1; not where a number without such a mark is no share, and not resolved in whole numbers, which may be counts; of a column of which most are no shares of their numbers of items none is called impossible; their standard error in a column NAME_stderr, NAME_se or NAME_standard_error",
		Absent:    "what other columns mean, whether a standard error is with n or n−1, revision of the model, date",
	},
	Claims: claimsTable,
	Tables: true,
	Read:   readTable,
}

// The names that columns must have, in small letters and without what stands in brackets.
var (
	tableModels = []string{"model", "name", "system", "submission", "model_name"}
	tableCounts = []string{"n", "n_total", "items", "n_items", "num_items", "samples", "n_samples", "num_samples", "test_cases", "total"}
	tableShort  = []string{"acc", "em"} // which mean other things where no column says model
	tableScore  = regexp.MustCompile(`^(accuracy|acc|exact_match|em|resolved|pass_rate|pass@1)$`)
	tableError  = regexp.MustCompile(`^(.+)_(stderr|se|standard_error)$`)
	tablePart   = regexp.MustCompile(`\([^)]*\)|%|\b(pct|percent)\b`)
)

// claimsTable reads as far as the head goes: names alone may be those of any data.
func claimsTable(name string, head []byte) bool {
	b := &tableBuilder{file: name}
	// An error is for whoever reads the file, and may be where the head ends.
	switch path.Ext(name) {
	case ".csv":
		b.peekCSV(head)
	case ".md":
		_ = b.markdown(head)
	case ".html", ".htm":
		_ = b.html(append(bytes.ToValidUTF8(head, nil), "</table>"...))
	}
	return slices.ContainsFunc(b.tables, (*Table).settle)
}

func (b *tableBuilder) peekCSV(head []byte) {
	r := csv.NewReader(bytes.NewReader(head))
	header, err := r.Read()
	if err != nil || !isTable(header) || b.header(header) != nil {
		return
	}
	for line := 2; ; line++ {
		cells, err := r.Read()
		if err != nil || b.row(line, cells) != nil {
			return
		}
	}
}

func columnName(column string) string {
	name := strings.ToLower(strings.Trim(column, " \t\r\"\ufeff#"))
	return strings.Trim(strings.ReplaceAll(strings.TrimSpace(tablePart.ReplaceAllString(name, "")), " ", "_"), "_")
}

// isTable reports whether the names are those of models, items and scores.
func isTable(header []string) bool {
	has := func(is func(name string) bool) bool {
		return slices.ContainsFunc(header, func(column string) bool { return is(columnName(column)) })
	}
	return has(func(name string) bool { return slices.Contains(tableModels, name) }) &&
		has(func(name string) bool { return slices.Contains(tableCounts, name) || isError(header, name) }) &&
		has(func(name string) bool { return isScore(header, name) })
}

func isScore(header []string, name string) bool {
	if slices.Contains(tableShort, name) && !slices.ContainsFunc(header, func(c string) bool { return strings.HasPrefix(columnName(c), "model") }) {
		return false
	}
	return tableScore.MatchString(name)
}

// isError reports whether a column is the standard error of a score beside it.
func isError(header []string, name string) bool {
	of := tableError.FindStringSubmatch(name)
	return of != nil && isScore(header, of[1]) && slices.ContainsFunc(header, func(c string) bool { return columnName(c) == of[1] })
}

func readTable(fsys fs.FS, name string) (*Imported, error) {
	b := &tableBuilder{file: name}
	var err error
	switch path.Ext(uncompressedName(name)) {
	case ".csv":
		err = readCSV(fsys, name, func(fields []string) error { return b.header(slices.Clone(fields)) }, func(line int, fields []string) error { return b.row(line, slices.Clone(fields)) })
	case ".md":
		err = b.plain(fsys, b.markdown)
	default:
		err = b.plain(fsys, b.html)
	}
	if err != nil {
		return nil, err
	}
	if len(b.tables) == 0 || len(b.tables[0].Rows) == 0 {
		return nil, errors.New("has no table with models, scores and numbers of items or standard errors, or no rows in it")
	}
	b.tables = slices.DeleteFunc(b.tables, func(t *Table) bool { return !t.settle() })
	if len(b.tables) == 0 {
		return nil, errors.New("has no column of scores whose numbers are surely shares")
	}
	return &Imported{Tables: b.tables}, nil
}

func (b *tableBuilder) plain(fsys fs.FS, read func(data []byte) error) error {
	data, err := readPlain(fsys, b.file)
	if err != nil {
		return err
	}
	return read(data)
}

// tableBuilder makes tables of rows of cells.
type tableBuilder struct {
	file   string
	tables []*Table
	model  int // the column of the table that is read
}

func (b *tableBuilder) header(cells []string) (err error) {
	base, _, _ := strings.Cut(path.Base(uncompressedName(b.file)), ".")
	t := &Table{Format: PlainTable, File: File{Path: b.file}, Board: base, Date: fileDate.FindString(path.Base(b.file))}
	if len(b.tables) > 0 {
		t.Board = fmt.Sprintf("%s, table %d", base, len(b.tables)+1)
	}
	b.model = slices.IndexFunc(cells, func(c string) bool { return slices.Contains(tableModels, columnName(c)) })
	seen := map[string]bool{}
	for i, cell := range cells {
		name := columnName(cell)
		if seen[name] && name != "" {
			err = fmt.Errorf("column %q is there twice", cell)
		}
		seen[name] = true
		if i != b.model {
			t.Columns = append(t.Columns, Column{Name: strings.TrimSpace(cell), Metric: tableMetric(cells, cell)})
		}
	}
	b.tables = append(b.tables, t)
	return err
}

// tableMetric is what a column is by its name, if that is known.
func tableMetric(header []string, column string) *Metric {
	name := columnName(column)
	switch of := tableError.FindStringSubmatch(name); {
	case slices.Contains(tableCounts, name):
		return &Metric{Name: column, Rule: Count}
	case isScore(header, name):
		return &Metric{Name: column, Rule: Mean, Scale: tableScale(column), Steps: 1}
	case of != nil && isScore(header, of[1]):
		for _, c := range header {
			if columnName(c) == of[1] {
				return &Metric{Name: column, Rule: StandardError, Scale: tableScale(c), Of: strings.TrimSpace(c), EitherN: true}
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

// settle decides what the numbers of score columns are, and reports whether any is left:
// one that may be something else than a share of items is not judged.
func (t *Table) settle() bool {
	left := false
	for i, c := range t.Columns {
		if c.Metric == nil || c.Metric.Rule != Mean {
			continue
		}
		scale := t.shares(i)
		left = left || scale > 0
		for j, other := range t.Columns {
			if m := other.Metric; m == nil || j != i && m.Of != c.Name {
				continue
			}
			if other.Metric.Scale = scale; scale == 0 {
				t.Columns[j].Metric = nil
			}
		}
	}
	return left
}

// shares is the scale of a column of scores: 1, 100, or 0 where they may be no shares.
func (t *Table) shares(i int) float64 {
	m := t.Columns[i].Metric
	marked, above, whole := m.Scale == 100, false, true
	for _, r := range t.Rows {
		text, percent := strings.CutSuffix(r.Values[i], "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			continue
		}
		if !marked && !percent && (v < 0 || v > 100) {
			return 0
		}
		marked, above, whole = marked || percent, above || v > 1, whole && !strings.Contains(text, ".")
	}
	switch {
	case !marked && whole && len(t.Rows) > 0 && columnName(m.Name) == "resolved":
		return 0
	case marked || above:
		return 100
	}
	return 1
}

func (b *tableBuilder) markdown(data []byte) (err error) {
	inside := false
	for i, line := range strings.Split(string(data), "\n") {
		cells := markdownCells(line)
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

func (b *tableBuilder) html(data []byte) error {
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
