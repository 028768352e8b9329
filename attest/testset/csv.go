package testset

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// csvRow reads the next row of a CSV file (RFC 4180). encoding/csv would not do:
// it turns CR LF inside quotes into LF, and what is committed must be what the
// file says.
func (in *input) csvRow(buf []byte) (rawRow, []byte, error) {
	if !in.begun {
		if err := in.csvHeader(); err != nil {
			return rawRow{}, buf, err
		}
	}
	row, err := in.record()
	if err != nil {
		return rawRow{}, buf, err
	}
	if len(row.cells) != len(in.header) {
		return rawRow{}, buf, &RowError{File: in.file, Line: row.line, Row: in.row, Offset: row.offset,
			Reason: fmt.Sprintf("the row has %d cells, the header %d", len(row.cells), len(in.header)), Fix: "quote cells that contain commas or line breaks"}
	}
	start := len(buf)
	for i := range row.cells {
		c := &row.cells[i]
		text := in.buf[c.lo:c.hi]
		c.name, c.lo = in.header[i], len(buf)
		buf = attest.AppendString(buf, text)
		if c.hi = len(buf); c.hi-start > in.most {
			return rawRow{}, buf, in.tooLong()
		}
	}
	return row, buf, nil
}

func (in *input) csvHeader() error {
	row, err := in.record()
	if err != nil {
		return err
	}
	cells := row.cells
	refuse := func(at int64, fix, reason string, args ...any) error {
		return &RowError{File: in.file, Line: row.line, Row: -1, Offset: at, Reason: fmt.Sprintf(reason, args...), Fix: fix}
	}
	seen := map[string]bool{}
	for i, c := range cells {
		name := string(in.buf[c.lo:c.hi])
		switch {
		case name == "":
			return refuse(c.offset, "give every column a name", "column %d of the header has no name", i+1)
		case len(name) > MaxName:
			return refuse(c.offset, "shorten it; is the first line a header?", "column %d has a name of %d bytes, more than %d", i+1, len(name), MaxName)
		case seen[name]:
			return refuse(c.offset, "rename one of them; is the first line a header?", "the header names %q twice", clip(name))
		}
		seen[name] = true
		in.header = append(in.header, name)
	}
	if len(cells) > MaxFields {
		return refuse(row.offset, "drop columns", "the header has %d columns, more than %d", len(cells), MaxFields)
	}
	if len(cells) == 1 && strings.ContainsAny(in.header[0], ";\t|") {
		return refuse(row.offset, "separate the cells by commas", "the only column is %q", clip(in.header[0]))
	}
	in.begun = true
	return nil
}

// record reads the cells of one record into in.buf.
func (in *input) record() (rawRow, error) {
	for {
		c, err := in.next()
		if err != nil {
			return rawRow{}, err
		}
		if c == '\n' {
			continue // an empty line; an empty only cell is written ""
		}
		if c == '\r' {
			if err := in.lineFeed(); err != nil {
				return rawRow{}, err
			}
			continue
		}
		in.unread()
		break
	}
	row := rawRow{line: in.lines, offset: in.offset, cells: make([]span, 0, len(in.header))}
	in.buf = in.buf[:0]
	for more := true; more; {
		cell := span{lo: len(in.buf), offset: in.offset}
		var err error
		if more, err = in.cell(); err != nil {
			return rawRow{}, err
		}
		cell.hi = len(in.buf)
		if !utf8.Valid(in.buf[cell.lo:]) {
			return rawRow{}, &RowError{File: in.file, Line: row.line, Row: in.csvNumber(), Member: in.column(len(row.cells)), Offset: cell.offset, Reason: "invalid UTF-8", Fix: "convert the file to UTF-8"}
		}
		if row.cells = append(row.cells, cell); len(row.cells) > 1<<16 {
			return rawRow{}, in.refuse("the row has more than 65,536 cells", "drop columns")
		}
	}
	return row, nil
}

// cell appends the content of one cell to in.buf and reads the comma or line
// break behind it; more is true after a comma.
func (in *input) cell() (more bool, err error) {
	c, err := in.next()
	if err == nil && c == '"' {
		if err := in.quoted(); err != nil {
			return false, err
		}
		switch c, err = in.next(); {
		case err == nil && c != ',' && c != '\n' && c != '\r':
			in.unread()
			return false, in.refuse(fmt.Sprintf("%q follows a closing quote", c), "double quotes inside a quoted cell")
		}
	}
	for ; err == nil; c, err = in.next() {
		switch c {
		case ',':
			return true, nil
		case '\n':
			return false, nil
		case '\r':
			return false, in.lineFeed()
		case '"':
			in.unread()
			return false, in.refuse("a quote inside a cell that does not start with one", "quote the whole cell and double the quotes inside")
		}
		in.unread()
		if err := in.text(",\n\r\""); err != nil {
			return false, err
		}
	}
	if err == io.EOF {
		err = nil
	}
	return false, err
}

// text appends to in.buf what comes before the first of the bytes of stop, or before
// the end of the file.
func (in *input) text(stop string) error {
	for {
		// What is wrong with the file is told by who reads on.
		if _, err := in.r.Peek(1); err != nil {
			return nil
		}
		part, _ := in.r.Peek(min(in.r.Buffered(), in.most+1-len(in.buf)))
		n := bytes.IndexAny(part, stop)
		if n < 0 {
			n = len(part)
		}
		in.buf = append(in.buf, part[:n]...)
		in.lines += bytes.Count(part[:n], []byte("\n"))
		whole := n == len(part)
		in.skip(n)
		if len(in.buf) > in.most {
			return in.tooLong()
		}
		if !whole {
			return nil
		}
	}
}

func (in *input) quoted() error {
	line, at := in.lines, in.offset-1
	for {
		c, err := in.next()
		if err == io.EOF {
			return &RowError{File: in.file, Line: line, Row: in.csvNumber(), Offset: at, Reason: "the quoted cell has no end", Fix: "close the quote"}
		}
		if err != nil {
			return err
		}
		if c == '"' {
			if c, err := in.next(); err != nil || c != '"' {
				if err == nil {
					in.back(c)
				}
				if err == io.EOF {
					err = nil
				}
				return err
			}
		}
		if in.buf = append(in.buf, c); len(in.buf) > in.most {
			return in.tooLong()
		}
		if err := in.text(`"`); err != nil {
			return err
		}
	}
}

// back undoes next for a byte that may have been a line break.
func (in *input) back(c byte) {
	in.unread()
	if c == '\n' {
		in.lines--
	}
}

// lineFeed reads what must follow a carriage return.
func (in *input) lineFeed() error {
	if c, err := in.r.Peek(1); err != nil || c[0] != '\n' {
		return &RowError{File: in.file, Line: in.lines, Row: in.csvNumber(), Offset: in.offset - 1, Reason: "a carriage return without a line feed", Fix: "end lines with LF or CR LF"}
	}
	_, err := in.next()
	return err
}

func (in *input) csvNumber() int {
	if !in.begun {
		return -1
	}
	return in.row
}

func (in *input) column(i int) string {
	if i < len(in.header) {
		return in.header[i]
	}
	return ""
}
