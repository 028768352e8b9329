package testset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/proctor-attest/proctor/attest"
)

// parser turns rows as they are in a file into members. It is for one goroutine.
type parser struct {
	file  string
	most  int      // bytes of a row's values
	only  []string // members whose values are wanted; nil if all are
	spans []span
	names nameTable
}

// rowMemory is where parsed rows are.
type rowMemory struct {
	members []Member
	values  []byte
}

// row parses a row that is in text.
func (p *parser) row(raw rawRow, text []byte, m *rowMemory) (Row, error) {
	row := Row{Number: raw.number, Line: raw.line, Offset: raw.offset}
	first := len(m.members)
	if raw.cells != nil {
		for _, c := range raw.cells {
			m.members = append(m.members, Member{Name: c.name, Value: text[c.lo:c.hi], offset: c.offset})
		}
		row.Members = m.members[first:]
		return row, nil
	}
	text = text[raw.lo:raw.hi]
	var err error
	if p.spans, err = splitObject(text, p.spans[:0], &p.names); err != nil {
		return Row{}, p.refuse(row, "", 0, err)
	}
	size := 0
	for _, s := range p.spans {
		start := len(m.values)
		if p.only != nil && raw.number > 0 && !slices.Contains(p.only, s.name) {
			err = attest.CheckJSON(text[s.lo:s.hi])
		} else {
			m.values, err = attest.AppendCanonical(m.values, text[s.lo:s.hi])
		}
		if err != nil {
			return Row{}, p.refuse(row, s.name, s.lo, err)
		}
		if len(s.name) > MaxName {
			return Row{}, p.refuse(row, s.name, s.lo, fmt.Errorf("the name has %d bytes, more than %d; shorten it", len(s.name), MaxName))
		}
		// Canonical strings can be longer than what was read: a control character
		// of a CSV cell becomes six bytes.
		value := m.values[start:len(m.values):len(m.values)]
		if size += len(value); size > p.most {
			return Row{}, p.refuse(row, s.name, s.lo, fmt.Errorf("the row's values have more than %d bytes; split the item", p.most))
		}
		m.members = append(m.members, Member{Name: s.name, Value: value, offset: raw.offset + int64(s.lo)})
	}
	row.Members = m.members[first:len(m.members):len(m.members)]
	return row, nil
}

// refuse places an error about the value at lo of a row in the file.
func (p *parser) refuse(row Row, member string, lo int, err error) error {
	e := &RowError{File: p.file, Line: row.Line, Row: row.Number, Member: member, Offset: row.Offset + int64(lo), Reason: err.Error()}
	if bad, ok := errors.AsType[*attest.JSONError](err); ok {
		e.Offset += int64(bad.Offset)
		e.Reason = bad.Reason
		e.Fix = fix(bad.Reason)
	}
	return e
}

func fix(reason string) string {
	for _, f := range []struct{ start, fix string }{
		{"duplicate name", "remove one of the two members"},
		{"invalid UTF-8", "convert the file to UTF-8"},
		{"lone surrogate", "replace the broken character"},
		{"nested deeper", "flatten the value or store it as a string"},
		{"number ", ""}, // attest says it
	} {
		if strings.HasPrefix(reason, f.start) {
			return f.fix
		}
	}
	return "give one JSON object a row, or a JSON array of objects"
}

// span is a member of a row: its name, and where its value is in a buffer.
type span struct {
	name   string
	lo, hi int
	offset int64 // of a CSV cell: in the file
}

// splitObject appends the members of the object that data holds, in their order,
// and refuses duplicate names. It finds the ends of values only: each is for
// attest.Canonicalize to judge, by itself, because nesting is counted from the
// value that is committed and not from the row around it.
func splitObject(data []byte, spans []span, names *nameTable) ([]span, error) {
	at := skipSpace(data, 0)
	if at == len(data) || data[at] != '{' {
		return nil, &attest.JSONError{Offset: at, Reason: "a row must be a JSON object"}
	}
	names.begin()
	at = skipSpace(data, at+1)
	if at < len(data) && data[at] == '}' {
		return spans, onlySpace(data, at+1)
	}
	for {
		name, end, err := names.read(data, at)
		if err != nil {
			return nil, err
		}
		if at = skipSpace(data, end); at == len(data) || data[at] != ':' {
			return nil, &attest.JSONError{Offset: at, Reason: "want a colon after a member name"}
		}
		lo := skipSpace(data, at+1)
		hi := skipValue(data, lo)
		spans = append(spans, span{name: name, lo: lo, hi: hi})
		at = skipSpace(data, hi)
		switch {
		case at < len(data) && data[at] == ',':
			at = skipSpace(data, at+1)
		case at < len(data) && data[at] == '}':
			return spans, onlySpace(data, at+1)
		default:
			return nil, &attest.JSONError{Offset: at, Reason: "the row ends inside a JSON object, or a comma is missing"}
		}
	}
}

func onlySpace(data []byte, at int) error {
	if at = skipSpace(data, at); at < len(data) {
		return &attest.JSONError{Offset: at, Reason: "data after the JSON value"}
	}
	return nil
}

func skipSpace(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

// skipString returns where the string that starts at a quote ends.
func skipString(data []byte, at int) int {
	for at++; ; {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return len(data)
		}
		// A quote ends the string unless the backslashes before it are odd in number.
		slashes := 0
		for slashes < n && data[at+n-1-slashes] == '\\' {
			slashes++
		}
		if at += n + 1; slashes%2 == 0 {
			return at
		}
	}
}

func skipValue(data []byte, at int) int {
	for depth := 0; at < len(data); {
		switch c := data[at]; {
		case c == '"':
			at = skipString(data, at)
		case c == '{' || c == '[':
			depth++
			at++
			continue
		case (c == '}' || c == ']') && depth > 0:
			depth--
			at++
		case depth == 0:
			// A scalar ends where something else begins.
			for at < len(data) && strings.IndexByte(",:{}[]\" \t\r\n", data[at]) < 0 {
				at++
			}
			return at
		default:
			at++
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

// unquote returns the content of a JSON string that has been checked.
func unquote(literal []byte) string {
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1])
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		panic("testset: unquoting a string that was not checked")
	}
	return s
}

// canonicalOrder lists the positions of names in the order in which RFC 8785
// §3.2.3 writes them: "sorted […] as arrays of UTF-16 code units".
func canonicalOrder(names []string) []int {
	units := make([][]uint16, len(names))
	order := make([]int, len(names))
	for i, n := range names {
		units[i] = utf16.Encode([]rune(n))
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(units[a], units[b]) })
	return order
}
