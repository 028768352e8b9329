package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// eachElement calls yield for every element of the array that a file is, with the line
// that the element begins on: of a large file only one element is held at a time. The
// element is only valid during the call. Errors say where.
func eachElement(fsys fs.FS, name string, yield func(line int, element foreign) error) (err error) {
	f, err := openPlain(fsys, name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	s := &elements{r: bufio.NewReaderSize(f, 64<<10), line: 1}
	if c, err := s.next(); err != nil || c != '[' {
		return errors.Join(errors.New("is not a JSON array"), err)
	}
	for n := 0; ; n++ {
		c, err := s.next()
		switch {
		case err != nil:
			return s.fail(err)
		case c == ']' && n == 0:
			return s.end()
		}
		line := s.line
		raw, end, err := s.element(c)
		if err != nil {
			return s.fail(err)
		}
		element, err := checkForeign(raw)
		if err == nil {
			err = yield(line, element)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if end {
			return s.end()
		}
	}
}

// elements splits an array without judging what is in it.
type elements struct {
	r    *bufio.Reader
	line int
	buf  []byte
}

func (s *elements) fail(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("line %d: %w", s.line, err)
}

func (s *elements) read() (byte, error) {
	c, err := s.r.ReadByte()
	if c == '\n' && err == nil {
		s.line++
	}
	return c, err
}

// next returns the next byte that is no space.
func (s *elements) next() (byte, error) {
	for {
		c, err := s.read()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

// element returns what begins with c and stands before the next comma of the array or
// its end.
func (s *elements) element(c byte) (raw []byte, end bool, err error) { return s.until(c, ']') }

// until returns what begins with c and stands before the next comma or closing byte
// that is in no value of it.
func (s *elements) until(c, closing byte) (raw []byte, end bool, err error) {
	s.buf = s.buf[:0]
	for depth, quoted := 0, false; ; {
		switch {
		case quoted && c == '\\':
			s.buf = append(s.buf, c)
			if c, err = s.read(); err != nil {
				return nil, false, err
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == closing):
			return s.buf, c == closing, nil
		case c == '}' || c == ']':
			depth--
		}
		if s.buf = append(s.buf, c); len(s.buf) > MaxLine {
			return nil, false, fmt.Errorf("element is longer than %d bytes", MaxLine)
		}
		if quoted {
			if err := s.plain(); err != nil {
				return nil, false, err
			}
		}
		if c, err = s.read(); err != nil {
			return nil, false, err
		}
	}
}

// plain takes what it can of a string at once, which most of a log is.
func (s *elements) plain() error {
	waiting, err := s.r.Peek(max(1, s.r.Buffered()))
	if err != nil {
		return err
	}
	n := bytes.IndexAny(waiting, "\"\\\n")
	if n < 0 {
		n = len(waiting)
	}
	s.buf = append(s.buf, waiting[:n]...)
	if len(s.buf) > MaxLine {
		return fmt.Errorf("element is longer than %d bytes", MaxLine)
	}
	_, err = s.r.Discard(n)
	return err
}

// end wants nothing after the array.
func (s *elements) end() error {
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: %w", s.line, errors.Join(errors.New("data after the JSON array"), err))
	}
	return nil
}
