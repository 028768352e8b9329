package testset

import (
	"fmt"
	"io"
	"iter"
	"strings"
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
		p := parser{file: in.file, most: in.most}
		for {
			raw, text, err := in.nextRow(nil)
			if err == io.EOF {
				return
			}
			var row Row
			if err == nil {
				row, err = p.row(raw, text, new(rowMemory))
			}
			if !yield(row, err) || err != nil {
				return
			}
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
