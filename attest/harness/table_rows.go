package harness

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

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
	b.model = slices.IndexFunc(cells, isModelColumn)
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
