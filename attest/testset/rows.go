package testset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Limits on what is committed. A reader of openings has limits of its own.
const (
	MaxItem   = 64 << 20 // bytes of one row, and of one item's committed bytes
	MaxFields = 1024     // declared fields; the format has room for 65,535
	MaxName   = 1024     // bytes of a member name
	MaxKey    = 1024     // bytes of a key
)

// Format says how the rows of a file are written.
type Format int

const (
	FormatAuto  Format = iota // by the first character: { JSON Lines, [ array, else CSV
	FormatJSONL               // one JSON object a line; empty lines are skipped
	FormatArray               // one JSON array of objects
	FormatCSV                 // RFC 4180 with a header row; every value is a JSON string
)

// Source is a file of rows. Open is called once for every pass over it and must
// give the same bytes each time. They may be compressed with gzip or zstd, which
// is told by their magic bytes.
type Source struct {
	Name   string // for messages
	Format Format
	Open   func() (io.ReadCloser, error)
}

// Row is one row of a file. It shares no memory with the next one.
type Row struct {
	Number  int      // from zero
	Line    int      // where it begins, from one
	Offset  int64    // where it begins in the decompressed file
	Members []Member // in the order of the file
}

// Member is a member of a row. Value is canonical JSON (RFC 8785).
type Member struct {
	Name  string
	Value []byte

	offset int64
}

// Get returns the value of the member with that name, nil if there is none.
func (r Row) Get(name string) []byte {
	for _, m := range r.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// RowError says which row of which file is refused, why, and what helps.
type RowError struct {
	File   string
	Line   int    // from one
	Row    int    // from zero; -1 before the first row
	Member string // empty when the whole row is meant
	Offset int64  // in the decompressed file, from zero
	Reason string
	Fix    string // what to do; may be empty when the reason says it
}

func (e *RowError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: line %d", e.File, e.Line)
	if e.Row >= 0 {
		fmt.Fprintf(&b, " (row %d)", e.Row)
	}
	if e.Member != "" {
		fmt.Fprintf(&b, ", member %q", clip(e.Member))
	}
	fmt.Fprintf(&b, ", byte %d: %s", e.Offset, e.Reason)
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

// Rows reads the rows of src in one pass, holding one at a time. The first error
// is the last thing it yields; what the file's content caused is a *RowError.
func Rows(src Source) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		in, err := open(src)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer in.close()
		for {
			row, err := in.nextRow()
			if err == io.EOF {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
			in.row++
		}
	}
}

func (in *input) nextRow() (Row, error) {
	switch in.format {
	case FormatArray:
		return in.element()
	case FormatCSV:
		return in.csvRow()
	}
	return in.jsonLine()
}

// input is a place in a file of rows.
type input struct {
	r       *bufio.Reader
	closers []func() error
	file    string
	format  Format
	offset  int64 // of the next byte
	lines   int   // line of the next byte, from one
	row     int
	most    int      // bytes of a row
	buf     []byte   // one row
	header  []string // CSV
	begun   bool     // the array's bracket or the CSV header is read
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
		// The window is what a frame makes us allocate: 128 MiB is the most that
		// the format asks a decoder to support.
		z, err := zstd.NewReader(in.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return err
		}
		in.closers = append(in.closers, func() error { z.Close(); return nil })
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

// jsonLine reads the next row of JSON Lines.
func (in *input) jsonLine() (Row, error) {
	start := in.offset
	for {
		line, err := readLine(in.r, in.buf[:0], in.most)
		in.buf = line
		switch {
		case err == errLineTooLong:
			return Row{}, in.tooLong()
		case err != nil && err != io.EOF:
			return Row{}, in.failed(err)
		}
		if len(bytes.TrimLeft(line, " \t\r\n")) > 0 {
			at, number := in.offset, in.lines
			in.offset += int64(len(line))
			in.lines++
			return in.object(line, number, at)
		}
		if err == io.EOF {
			return Row{}, io.EOF
		}
		in.offset += int64(len(line))
		in.lines++
		// A small compressed file can hold empty lines for a day.
		if in.offset-start > int64(in.most) {
			return Row{}, in.refuse(fmt.Sprintf("more than %d bytes of empty lines", in.most), "remove them")
		}
	}
}

// element reads the next row of a JSON array.
func (in *input) element() (Row, error) {
	c, err := in.solid()
	switch {
	case err == io.EOF:
		return Row{}, in.refuse("the JSON array has no end", "complete the file")
	case err != nil:
		return Row{}, err
	case !in.begun && c != '[':
		in.unread()
		return Row{}, in.refuse("the file is not a JSON array", "")
	case c == ']' && in.begun:
		return Row{}, in.end()
	case in.begun && c != ',':
		in.unread()
		return Row{}, in.refuse("want a comma or ']' between rows", "")
	}
	first := !in.begun
	in.begun = true
	if c, err = in.solid(); err == nil {
		in.unread()
	}
	switch {
	case err == nil && c == ']' && first:
		in.skip(1)
		return Row{}, in.end()
	case err != nil && err != io.EOF:
		return Row{}, err
	case c != '{':
		return Row{}, in.refuse("every element of the array must be a JSON object", "")
	}
	at, number := in.offset, in.lines
	if err := in.braces(); err != nil {
		return Row{}, err
	}
	return in.object(in.buf, number, at)
}

// braces reads an object up to its closing brace, trusting no more of its syntax
// than strings and brackets.
func (in *input) braces() error {
	in.buf = in.buf[:0]
	depth, quoted, escaped := 0, false, false
	for {
		c, err := in.next()
		if err == io.EOF {
			return in.refuse("the JSON array ends inside a row", "complete the file")
		}
		if err != nil {
			return err
		}
		if in.buf = append(in.buf, c); len(in.buf) > in.most {
			return in.tooLong()
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return nil
			}
		}
	}
}

// solid is the next byte that is no white space.
func (in *input) solid() (byte, error) {
	for start := in.offset; ; {
		c, err := in.next()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
		if in.offset-start > int64(in.most) {
			return 0, in.refuse(fmt.Sprintf("more than %d bytes of white space", in.most), "remove it")
		}
	}
}

// end requires that nothing follows the array.
func (in *input) end() error {
	_, err := in.solid()
	if err == nil {
		in.unread()
		return in.refuse("data after the JSON array", "remove it")
	}
	return err
}

var errLineTooLong = errors.New("line too long")

// readLine appends the next line with its newline to buf. The last line may lack
// one: then the error is io.EOF beside the bytes.
func readLine(r *bufio.Reader, buf []byte, most int) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > most {
			return buf, errLineTooLong
		}
		buf = append(buf, part...)
		if err != bufio.ErrBufferFull {
			return buf, err
		}
	}
}

// clip shortens foreign text that goes into an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
