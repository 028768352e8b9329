package testset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"

	"github.com/proctor-attest/proctor/attest"
)

// Progress is told how many rows, and bytes of the file as it is on disk, a pass
// has read. It is called now and then, and at the end.
type Progress func(rows int, bytes int64)

// Options of Survey. The zero value lets the file decide.
type Options struct {
	Key      string   // the member that holds the key
	Fields   []string // the members to commit to, in declared order
	Progress Progress
}

// Shape is what the first pass finds out about a file.
type Shape struct {
	Key    string   // the key member; empty when rows are known by their number
	Fields []string // in declared order
	Rows   int

	// Passed lists why members that usually hold a key do not in this file: they
	// are absent from a row, or not unique. It is for people.
	Passed []string

	seed     maphash.Seed
	checksum uint64 // of the file's bytes, to notice a change before Commit
}

// keyMembers are tried, in this order, when no key member is named.
var keyMembers = []string{"id", "key", "task_id", "question_id"}

// Survey is the first pass over a file: it settles key, fields and number of
// rows. Without a named key it takes the first of id, key, task_id, question_id
// that is a key of every row and unique, else the row number. Without named
// fields it takes the members of all rows in order of first appearance.
func Survey(ctx context.Context, src Source, opt Options) (Shape, error) {
	if err := checkFields(opt.Fields); err != nil {
		return Shape{}, err
	}
	s := survey{file: src.Name, auto: src.Format == FormatAuto, seen: map[string]bool{}, shape: Shape{Key: opt.Key, Fields: opt.Fields}}
	names := keyMembers
	if opt.Key != "" {
		names = []string{opt.Key}
	}
	for _, n := range names {
		s.keys = append(s.keys, &candidate{name: n, keys: newDigests(0)})
	}
	s.shape.seed = maphash.MakeSeed()
	var err error
	if s.shape.checksum, err = eachRow(ctx, pass[struct{}]{src: src, seed: s.shape.seed, progress: opt.Progress, only: names}, s.add); err == nil {
		err = s.settle(opt)
	}
	if err != nil {
		return Shape{}, err
	}
	return s.shape, nil
}

func checkFields(fields []string) error {
	if len(fields) > MaxFields {
		return fmt.Errorf("%d fields are declared, more than %d", len(fields), MaxFields)
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f] {
			return fmt.Errorf("field %q is declared twice", clip(f))
		}
		if _, err := StringKey(f); err != nil {
			return fmt.Errorf("field %q: want valid UTF-8 of at most %d bytes", clip(f), MaxName)
		}
		seen[f] = true
	}
	return nil
}

type survey struct {
	file  string
	auto  bool
	only  *RowError // what to say if the first row is the only one
	shape Shape
	keys  []*candidate
	seen  map[string]bool // members
	union []string
}

// candidate is a member that may hold the key.
type candidate struct {
	name    string
	keys    *digests
	rows    []place // of each key
	why     error   // not nil: it does not
	present bool
}

type place struct{ row, line uint32 }

func (s *survey) add(row Row) error {
	if uint64(row.Number) >= math.MaxUint32 {
		return rowError(s.file, row, "", "the file has 2^32 rows or more", "split the set")
	}
	for _, m := range row.Members {
		if s.seen[m.Name] {
			continue
		}
		s.seen[m.Name] = true
		s.union = append(s.union, m.Name)
		if len(s.union) > MaxFields && s.shape.Fields == nil {
			return rowError(s.file, row, m.Name, fmt.Sprintf("the rows have more than %d different members", MaxFields), "declare the fields to commit to")
		}
		// Rows with names of their own would fill the memory with names.
		if len(s.union) > 1<<16 {
			return rowError(s.file, row, m.Name, "the rows have more than 65,536 different members", "move what varies into values")
		}
	}
	if row.Number == 0 && s.auto {
		s.only = wrapped(s.file, row)
	}
	for _, c := range s.keys {
		c.present = c.present || row.Get(c.name) != nil
		if c.why != nil {
			continue
		}
		if c.why = c.add(s.file, row); c.why == nil {
			continue
		}
		if s.shape.Key != "" {
			return c.why
		}
		c.keys, c.rows = nil, nil
	}
	s.shape.Rows++
	return nil
}

// wrapped says that a row looks like a whole set: it has a list of objects in it.
// As the only row of a file it would become a benchmark of one item.
func wrapped(file string, row Row) *RowError {
	for _, m := range row.Members {
		if bytes.HasPrefix(m.Value, []byte("[{")) && bytes.Contains(m.Value, []byte("},{")) {
			return &RowError{File: file, Line: row.Line, Row: row.Number, Member: m.Name, Offset: m.offset, Reason: "the only row holds a list of objects",
				Fix: fmt.Sprintf("if the list is the set, write it out alone (jq '.[%s]'); if not, say that the file is JSON Lines", attest.AppendString(nil, m.Name))}
		}
	}
	return nil
}

func (c *candidate) add(file string, row Row) error {
	key, err := rowKey(file, row, c.name)
	if err != nil {
		return err
	}
	if number, known := c.keys.add(digestOf(keyContent(key))); known {
		first := c.rows[number]
		return rowError(file, row, c.name, fmt.Sprintf("key %s is also that of row %d (line %d)", clip(string(key)), first.row, first.line),
			"make keys unique, or name another key member (17 and \"17\" are one key)")
	}
	c.rows = append(c.rows, place{uint32(row.Number), uint32(row.Line)})
	return nil
}

// rowKey is the key of a row by a member, or by its number without one, as canonical
// JSON. It may be a part of the row.
func rowKey(file string, row Row, member string) ([]byte, error) {
	if member == "" {
		return strconv.AppendInt(nil, int64(row.Number), 10), nil
	}
	key := row.Get(member)
	if err := checkKey(key); err != nil {
		return nil, rowError(file, row, member, err.Error(), "give every row a string or an integer there, or name another key member")
	}
	return key, nil
}

func rowError(file string, row Row, member, reason, fix string) error {
	e := &RowError{File: file, Line: row.Line, Row: row.Number, Member: member, Offset: row.Offset, Reason: reason, Fix: fix}
	for _, m := range row.Members {
		if m.Name == member && member != "" {
			e.Offset = m.offset
		}
	}
	return e
}

func (s *survey) settle(opt Options) error {
	if s.shape.Rows == 0 {
		return fmt.Errorf("%s: the file has no rows", s.file)
	}
	if s.only != nil && s.shape.Rows == 1 {
		return s.only
	}
	if opt.Fields == nil {
		s.shape.Fields = s.union
	}
	if len(s.shape.Fields) == 0 {
		return fmt.Errorf("%s: the rows have no members to commit to", s.file)
	}
	for _, f := range s.shape.Fields {
		if !s.seen[f] {
			return fmt.Errorf("%s: no row has a member %q, which is declared as a field", s.file, clip(f))
		}
	}
	if opt.Key != "" {
		return nil
	}
	for _, c := range s.keys {
		if c.why == nil {
			s.shape.Key = c.name
			break
		}
		if c.present {
			s.shape.Passed = append(s.shape.Passed, c.why.Error())
		}
	}
	return nil
}

var errChanged = errors.New("the file changed between the two passes")
