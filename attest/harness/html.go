package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// page is what of an HTML page is read: its tables and its text, as they were written
// and not as a program in the page would show them.
type page struct {
	tables []pageTable
	text   string
}

// pageTable is a table, its first row the header.
type pageTable struct {
	line int
	rows []pageRow
}

type pageRow struct {
	line  int
	cells []string
}

// maxNested is how deep tables can lie in each other.
const maxNested = 50

// readPage never executes anything. It reads token by token, with no tree: the depth
// of a page costs nothing.
func readPage(data []byte) (*page, error) {
	b := &pageReader{line: 1}
	z := html.NewTokenizer(bytes.NewReader(data))
	for {
		kind := z.Next()
		newlines := bytes.Count(z.Raw(), []byte("\n"))
		switch kind {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return nil, err
			}
			return &page{b.done, strings.Join(strings.Fields(b.text.String()), " ")}, nil
		case html.TextToken:
			if b.skip == "" {
				b.add(string(z.Text()))
			}
		case html.StartTagToken, html.EndTagToken:
			tag, _ := z.TagName()
			if err := b.tag(string(tag), kind == html.StartTagToken); err != nil {
				return nil, fmt.Errorf("line %d: %w", b.line, err)
			}
		}
		b.line += newlines
	}
}

type pageReader struct {
	line, cells int
	skip        string // the element whose text is none
	text        strings.Builder
	open        []*openTable
	done        []pageTable
}

type openTable struct {
	pageTable
	inCell bool
	cell   strings.Builder
}

func (t *openTable) endCell() {
	if t.inCell {
		row := &t.rows[len(t.rows)-1]
		row.cells = append(row.cells, strings.Join(strings.Fields(t.cell.String()), " "))
		t.cell.Reset()
		t.inCell = false
	}
}

func (b *pageReader) add(text string) {
	b.text.WriteString(text)
	if n := len(b.open); n > 0 && b.open[n-1].inCell {
		b.open[n-1].cell.WriteString(text)
	}
}

func (b *pageReader) tag(name string, start bool) error {
	switch {
	case b.skip != "":
		if name == b.skip && !start {
			b.skip = ""
		}
		return nil
	case start && (name == "script" || name == "style" || name == "template"):
		b.skip = name
		return nil
	case name == "table" && start:
		if len(b.open) == maxNested {
			return fmt.Errorf("tables are nested more than %d deep", maxNested)
		}
		b.open = append(b.open, &openTable{pageTable: pageTable{line: b.line}})
		return nil
	case len(b.open) == 0:
		return nil
	}
	b.add(" ") // elements keep words apart
	t := b.open[len(b.open)-1]
	switch name {
	case "table":
		t.endCell()
		b.done = append(b.done, t.pageTable)
		b.open = b.open[:len(b.open)-1]
	case "tr":
		t.endCell()
		if start {
			t.rows = append(t.rows, pageRow{line: b.line})
		}
	case "td", "th":
		t.endCell()
		if t.inCell = start && len(t.rows) > 0; t.inCell {
			if b.cells++; b.cells > maxCells {
				return fmt.Errorf("has more than %d cells", maxCells)
			}
		}
	}
	return nil
}
