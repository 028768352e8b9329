package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// MaxDepth is the deepest nesting that committed JSON may have; the outermost
// container counts as one.
const MaxDepth = 64

// JSONError says why bytes are not JSON that can be committed, and where.
type JSONError struct {
	Offset int // byte offset, from zero
	Reason string
}

func (e *JSONError) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Canonicalize returns the RFC 8785 (JCS) form of data. It first refuses, with a
// *JSONError, every document that could be read in two ways (PROTOCOL §0):
// duplicate names, invalid UTF-8, lone surrogates, nesting beyond MaxDepth,
// trailing data, and numbers whose canonical form is another number.
func Canonicalize(data []byte) ([]byte, error) { return AppendCanonical(nil, data) }

// AppendCanonical is Canonicalize that appends to dst. After an error dst is as it was.
func AppendCanonical(dst, data []byte) ([]byte, error) {
	s := scanner{data: data, exact: true}
	if err := s.document(); err != nil {
		return dst, err
	}
	if !s.rewritten && !s.spaced {
		return append(dst, data...), nil
	}
	if !s.rewritten {
		b := bytes.NewBuffer(dst)
		err := json.Compact(b, data)
		return b.Bytes(), err
	}
	if s.text != "" {
		return AppendString(dst, s.text), nil
	}
	out, err := jcs.Transform(data)
	if err != nil {
		return dst, fmt.Errorf("canonicalizing JSON: %w", err)
	}
	return append(dst, out...), nil
}

// CheckCanonical reports an error unless data is its own canonical form.
func CheckCanonical(data []byte) error {
	canonical, err := Canonicalize(data)
	if err != nil {
		return err
	}
	if !bytes.Equal(canonical, data) {
		return fmt.Errorf("not canonical JSON (RFC 8785): differs from byte %d on", firstDifference(canonical, data))
	}
	return nil
}

// CheckJSON reports whether data is one JSON value that can be committed.
func CheckJSON(data []byte) error { return (&scanner{data: data, exact: true}).document() }

// CheckForeignJSON is CheckJSON for files that are hashed as they are
// (config.json, harness logs): their numbers may have any value, their
// duplicate names are refused all the same.
func CheckForeignJSON(data []byte) error { return (&scanner{data: data}).document() }

// scanner walks a JSON document once. encoding/json cannot serve here: it
// replaces invalid UTF-8 and lone surrogates, lets the last of two equal names
// win, and rounds numbers, all without a word.
type scanner struct {
	data  []byte
	at    int
	exact bool

	// What RFC 8785 writes in another way, or may: white space and the rest. A
	// document without either is canonical, and most of a test set is.
	spaced, rewritten bool
	text              string // of a document that is one string with other escapes
}

func (s *scanner) document() error {
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.at < len(s.data) {
		return s.fail("data after the JSON value")
	}
	return nil
}

func (s *scanner) fail(format string, args ...any) error {
	return &JSONError{Offset: s.at, Reason: fmt.Sprintf(format, args...)}
}

func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
			s.spaced = true
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth + 1)
	case c == '[':
		return s.array(depth + 1)
	case c == '"':
		if s.skipString() {
			return nil
		}
		s.rewritten = true
		text, err := s.string()
		if depth == 0 {
			s.text = text
		}
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.at:], []byte(word)) {
			s.at += len(word)
			return nil
		}
	}
	if s.at == len(s.data) {
		return s.fail("JSON ends where a value should be")
	}
	return s.fail("%q is not the start of a JSON value", rune(s.peek()))
}

func (s *scanner) object(depth int) error {
	if depth > MaxDepth {
		return s.fail("nested deeper than %d", MaxDepth)
	}
	start := s.at
	s.at++
	s.space()
	if s.peek() == '}' {
		s.at++
		return nil
	}
	names, last := map[string]bool{}, ""
	var hashes []uint64 // instead of names, when there are many
	for {
		at, name, err := s.member()
		if err != nil {
			return err
		}
		switch {
		case hashes != nil:
			hashes = append(hashes, maphash.String(nameSeed, name))
		case names[name]:
			return twiceError(at, name)
		default:
			names[name] = true
			if len(names) == fewNames {
				hashes = hashNames(names)
				names = nil
			}
		}
		s.rewritten = s.rewritten || name < last
		last = name
		if err := s.value(depth); err != nil {
			return err
		}
		if done, err := s.next('}'); err != nil {
			return err
		} else if done {
			break
		}
	}
	if twice := repeated(hashes); twice != nil {
		again := *s
		again.at = start
		return again.checkTwice(depth, twice)
	}
	return nil
}

// member reads the name of a member, and where it is, up to the value.
func (s *scanner) member() (at int, name string, err error) {
	s.space()
	at = s.at
	if s.peek() != '"' {
		return at, "", s.fail("want a member name")
	}
	if name, err = s.name(); err != nil {
		return at, "", err
	}
	s.space()
	if s.peek() != ':' {
		return at, "", s.fail("want a colon after a member name")
	}
	s.at++
	s.space()
	return at, name, nil
}

func (s *scanner) array(depth int) error {
	if depth > MaxDepth {
		return s.fail("nested deeper than %d", MaxDepth)
	}
	s.at++
	s.space()
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		if done, err := s.next(']'); done || err != nil {
			return err
		}
	}
}

// next steps over a comma, or over the closing bracket of a container.
func (s *scanner) next(closing byte) (done bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		return false, nil
	case closing:
		s.at++
		return true, nil
	}
	return false, s.fail("want a comma or %q", rune(closing))
}

// name reads a member name. Only names of plain ASCII count as canonical here: RFC
// 8785 sorts by UTF-16 units, where others are not in the order of their bytes.
func (s *scanner) name() (string, error) {
	start := s.at
	if s.skipString() {
		name := s.data[start+1 : s.at-1]
		if !slices.ContainsFunc(name, func(c byte) bool { return c == '\\' || c >= utf8.RuneSelf }) {
			return string(name), nil
		}
		s.at = start
	}
	s.rewritten = true
	return s.string()
}

// decodeMembers decodes those members of an object that are asked for, by their very
// names; it may have others. It refuses one that encoding/json would read as a member
// asked for although it is spelled in another way: it folds case, and ſ to s. Another
// reader would see another document.
func decodeMembers(object []byte, into map[string]any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return err
	}
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if to := into[member]; to != nil {
			if err := json.Unmarshal(members[member], to); err != nil {
				return fmt.Errorf("member %s: %w", member, err)
			}
			continue
		}
		for name := range into {
			if strings.EqualFold(member, name) {
				return fmt.Errorf("member %q is not spelled %q", clip(member), name)
			}
		}
	}
	return nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
