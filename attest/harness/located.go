package harness

import (
	"bytes"
	"io/fs"
)

// readLocated is readValue with the lines that the value's parts begin on.
func readLocated(fsys fs.FS, name string) (foreign, *lines, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, nil, err
	}
	doc, err := checkForeign(data)
	return doc, &lines{whole: data, line: 1}, err
}

// lines counts the lines of a document as its values are come by.
type lines struct {
	whole    []byte
	at, line int
}

// of is the line that a value begins on. It must be a part of the whole, by which its
// capacity says where it begins, and none before one that was asked for.
func (l *lines) of(part foreign) int {
	if at := cap(l.whole) - cap(part); at > l.at && at <= len(l.whole) {
		l.line += bytes.Count(l.whole[l.at:at], []byte("\n"))
		l.at = at
	}
	return l.line
}
