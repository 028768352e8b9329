package harness

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"path"
	"slices"
)

// PlainTable is the format of tables that no format is known of.
const PlainTable = "table"

// plainTable reads tables that no format is known of. What a column means is taken from
// its name, and from names that leave no doubt alone: other columns are not judged.
var plainTable = Importer{
	Name: "table",
	About: About{
		Files:     "a table in CSV, Markdown, HTML, JSON or YAML with a column of models, one of scores and one of how many items or of the scores' standard errors, by their names, that begins in the first 4 KiB, or of Markdown and HTML in the first 256. In JSON and YAML it is an array of flat objects, an object of flat objects by name, or an object with the lists columns and rows",
		Model:     "by the column model, model_name, name, system or submission; else by the objects' names",
		Dataset:   "by the file's name",
		Items:     "none",
		Aggregate: "columns named accuracy, exact_match, resolved, pass_rate or pass@1, and beside a column model also acc or em, as percentages if the name has %, pct or percent or a number is above 1; not where a number without such a mark is no share, and not resolved in whole numbers, which may be counts; of a column of which most are no shares of their numbers of items none is called impossible; their standard error in a column NAME_stderr, NAME_se or NAME_standard_error",
		Absent:    "what other columns mean, whether a standard error is with n or n−1, revision of the model, date",
	},
	Claims: claimsTable,
	Tables: true,
	Read:   readTable,
}

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
	case ".json":
		if scoreWord.Match(head) {
			_ = b.json(closedJSON(head))
		}
	case ".yaml", ".yml":
		if scoreWord.Match(head) {
			b.peekYAML(head)
		}
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

func readTable(fsys fs.FS, name string) (*Imported, error) {
	b := &tableBuilder{file: name}
	var err error
	switch path.Ext(uncompressedName(name)) {
	case ".csv":
		err = readCSV(fsys, name, func(fields []string) error { return b.header(slices.Clone(fields)) }, func(line int, fields []string) error { return b.row(line, slices.Clone(fields)) })
	case ".md":
		err = b.plain(fsys, b.markdown)
	case ".json":
		err = b.plain(fsys, b.json)
	case ".yaml", ".yml":
		err = b.plain(fsys, b.yaml)
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
