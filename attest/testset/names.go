package testset

import (
	"errors"
	"fmt"

	"github.com/proctor-attest/proctor/attest"
)

// nameTable reads the member names of rows. Most rows have the names of the row
// before, which are neither checked nor allocated again. Its zero value is ready.
type nameTable struct {
	written map[string]*memberName // by the JSON string, of which a name has many
	names   map[string]*memberName
	row     uint64 // counts
}

type memberName struct {
	text string
	row  uint64 // that had it last
}

// begin begins a row.
func (t *nameTable) begin() {
	// Rows with names of their own would fill the memory with names.
	const most = 1 << 12
	if t.written == nil || len(t.written) > most {
		t.written, t.names = map[string]*memberName{}, map[string]*memberName{}
	}
	t.row++
}

// read reads the name that starts at a place of data, and refuses one that the row
// has already.
func (t *nameTable) read(data []byte, at int) (name string, end int, err error) {
	if at == len(data) || data[at] != '"' {
		return "", at, &attest.JSONError{Offset: at, Reason: "want a member name"}
	}
	end = skipString(data, at)
	known := t.written[string(data[at:end])]
	if known == nil {
		if known, err = t.add(data[at:end]); err != nil {
			if bad, ok := errors.AsType[*attest.JSONError](err); ok {
				err = &attest.JSONError{Offset: at + bad.Offset, Reason: bad.Reason}
			}
			return "", end, err
		}
	}
	if known.row == t.row {
		return "", end, &attest.JSONError{Offset: at, Reason: fmt.Sprintf("duplicate name %q", clip(known.text))}
	}
	known.row = t.row
	return known.text, end, nil
}

func (t *nameTable) add(literal []byte) (*memberName, error) {
	if err := attest.CheckJSON(literal); err != nil {
		return nil, err
	}
	text := unquote(literal)
	known := t.names[text]
	if known == nil {
		known = &memberName{text: text}
		t.names[text] = known
	}
	t.written[string(literal)] = known
	return known, nil
}
