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

// object reads a row out of data, which began at a line and a byte of the file.
func (in *input) object(data []byte, line int, at int64) (Row, error) {
	row := Row{Number: in.row, Line: line, Offset: at}
	spans, err := splitObject(data)
	if err != nil {
		return Row{}, in.refuseJSON(row, "", 0, err)
	}
	size := 0
	row.Members = make([]Member, len(spans))
	for i, s := range spans {
		value, err := attest.Canonicalize(data[s.lo:s.hi])
		if err != nil {
			return Row{}, in.refuseJSON(row, s.name, s.lo, err)
		}
		if len(s.name) > MaxName {
			return Row{}, in.refuseJSON(row, s.name, s.lo, fmt.Errorf("the name has %d bytes, more than %d; shorten it", len(s.name), MaxName))
		}
		// Canonical strings can be longer than what was read: a control character
		// of a CSV cell becomes six bytes.
		if size += len(value); size > in.most {
			return Row{}, in.refuseJSON(row, s.name, s.lo, fmt.Errorf("the row's values have more than %d bytes; split the item", in.most))
		}
		row.Members[i] = Member{Name: s.name, Value: value, offset: at + int64(s.lo)}
	}
	return row, nil
}

// refuseJSON places an error about the value at lo of a row in the file.
func (in *input) refuseJSON(row Row, member string, lo int, err error) error {
	e := &RowError{File: in.file, Line: row.Line, Row: row.Number, Member: member, Offset: row.Offset + int64(lo), Reason: err.Error()}
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

// span is a member of a JSON object: its name, and where its value is.
type span struct {
	name   string
	lo, hi int
}

// splitObject finds the members of the object that data holds, in their order,
// and refuses duplicate names. It finds the ends of values only: each is for
// attest.Canonicalize to judge, by itself, because nesting is counted from the
// value that is committed and not from the row around it.
func splitObject(data []byte) ([]span, error) {
	at := skipSpace(data, 0)
	if at == len(data) || data[at] != '{' {
		return nil, &attest.JSONError{Offset: at, Reason: "a row must be a JSON object"}
	}
	var spans []span
	seen := map[string]bool{}
	at = skipSpace(data, at+1)
	if at < len(data) && data[at] == '}' {
		return nil, onlySpace(data, at+1)
	}
	for {
		name, end, err := memberName(data, at)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, &attest.JSONError{Offset: at, Reason: fmt.Sprintf("duplicate name %q", clip(name))}
		}
		seen[name] = true
		if at = skipSpace(data, end); at == len(data) || data[at] != ':' {
			return nil, &attest.JSONError{Offset: at, Reason: "want a colon after a member name"}
		}
		lo := skipSpace(data, at+1)
		hi := skipValue(data, lo)
		spans = append(spans, span{name, lo, hi})
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

func memberName(data []byte, at int) (name string, end int, err error) {
	if at == len(data) || data[at] != '"' {
		return "", at, &attest.JSONError{Offset: at, Reason: "want a member name"}
	}
	end = skipString(data, at)
	if err := attest.CheckJSON(data[at:end]); err != nil {
		if bad, ok := errors.AsType[*attest.JSONError](err); ok {
			err = &attest.JSONError{Offset: at + bad.Offset, Reason: bad.Reason}
		}
		return "", end, err
	}
	return unquote(data[at:end]), end, nil
}

func skipSpace(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

// skipString returns where the string that starts at a quote ends.
func skipString(data []byte, at int) int {
	for at++; at < len(data); at++ {
		switch data[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(data)
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
			for at < len(data) && !bytes.ContainsRune([]byte(",:{}[]\" \t\r\n"), rune(data[at])) {
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
