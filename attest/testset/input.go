package testset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// input is a place in a file of rows.
type input struct {
	r       *bufio.Reader
	closers []func() error
	file    string
	format  Format
	offset  int64 // of the next byte
	lines   int   // line of the next byte, from one
	row     int
	most    int  // bytes of a row
	begun   bool // the array's bracket or the CSV header is read

	// CSV
	header []string
	buf    []byte // the cells of one row
}

// rawRow is a row that was cut out of a file and is to be parsed.
type rawRow struct {
	number, line int
	offset       int64  // in the file
	lo, hi       int    // in the buffer that nextRow appended to
	cells        []span // of CSV, in the buffer: canonical JSON
}

// nextRow appends the next row to buf. The error is io.EOF after the last one.
func (in *input) nextRow(buf []byte) (row rawRow, _ []byte, err error) {
	lo := len(buf)
	switch in.format {
	case FormatArray:
		row, buf, err = in.element(buf)
	case FormatCSV:
		row, buf, err = in.csvRow(buf)
	default:
		row, buf, err = in.jsonLine(buf)
	}
	row.number, row.lo, row.hi = in.row, lo, len(buf)
	if err == nil {
		in.row++
	}
	return row, buf, err
}

func (in *input) close() {
	for _, c := range in.closers {
		c()
	}
}

func open(src Source) (*input, error) {
	f, err := src.Open()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", src.Name, err)
	}
	in := &input{r: bufio.NewReaderSize(f, 1<<16), file: src.Name, lines: 1, most: MaxItem, format: src.Format, closers: []func() error{f.Close}}
	if err := in.begin(); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// begin unpacks the file and finds out how its rows are written.
func (in *input) begin() error {
	if err := in.decompress(); err != nil {
		return in.failed(err)
	}
	head, err := in.r.Peek(512)
	if err != nil && err != io.EOF {
		return in.failed(err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		in.skip(3)
		head = head[3:]
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return in.refuse("the file is UTF-16", "convert it to UTF-8")
	case bytes.HasPrefix(head, []byte("PAR1")):
		return in.refuse("the file is Parquet", "export it as JSON Lines")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return in.refuse("the file is a zip archive", "unpack it and name one file of it")
	case bytes.IndexByte(head, 0) >= 0:
		return in.refuse("the file is not text", "give JSON Lines, a JSON array or CSV, plain or compressed once with gzip or zstd")
	}
	if in.format == FormatAuto {
		switch first := bytes.TrimLeft(head, " \t\r\n"); {
		case bytes.HasPrefix(first, []byte("{")):
			in.format = FormatJSONL
		case bytes.HasPrefix(first, []byte("[")):
			in.format = FormatArray
		default:
			in.format = FormatCSV
		}
	}
	return nil
}

func (in *input) decompress() error {
	head, err := in.r.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in.r)
		if err != nil {
			return err
		}
		in.r = bufio.NewReaderSize(z, 1<<16)
	case isZstd(head):
		z, err := newZstd(in.r)
		if err != nil {
			return err
		}
		in.closers = append(in.closers, z.Close)
		in.r = bufio.NewReaderSize(z, 1<<16)
	}
	return nil
}

// isZstd knows a frame and a skippable frame, which some writers put first.
func isZstd(head []byte) bool {
	return len(head) == 4 && (bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		head[0]&0xf0 == 0x50 && bytes.Equal(head[1:], []byte{0x2a, 0x4d, 0x18}))
}

func (in *input) refuse(reason, fix string) error {
	row := in.row
	if !in.begun && in.format != FormatJSONL {
		row = -1
	}
	return &RowError{File: in.file, Line: in.lines, Row: row, Offset: in.offset, Reason: reason, Fix: fix}
}

// failed turns an error of the reader into a sentence.
func (in *input) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading %s: the compressed file ends too early: %w", in.file, err)
	}
	return fmt.Errorf("reading %s: byte %d: %w", in.file, in.offset, err)
}

func (in *input) tooLong() error {
	return in.refuse(fmt.Sprintf("the row is longer than %d bytes", in.most), "split the item, or keep large data outside and commit to its digest")
}

func (in *input) skip(n int) {
	n, _ = in.r.Discard(n)
	in.offset += int64(n)
}

func (in *input) next() (byte, error) {
	c, err := in.r.ReadByte()
	if err != nil {
		if err != io.EOF {
			err = in.failed(err)
		}
		return 0, err
	}
	in.offset++
	if c == '\n' {
		in.lines++
	}
	return c, nil
}

func (in *input) unread() {
	in.r.UnreadByte()
	in.offset--
}
