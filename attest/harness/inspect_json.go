package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// openInspectJSON opens a log in one piece. It is read through for its header and the
// number of samples, and again for these: of a large log one sample at a time is held.
func openInspectJSON(fsys fs.FS, name string) (*inspectFile, error) {
	file := &inspectFile{name: name}
	header, err := scanInspectJSON(fsys, name, func(raw foreign) error {
		if _, err := checkForeign(raw); err != nil {
			return fmt.Errorf("samples[%d]: %w", file.samples, err)
		}
		file.samples++
		return nil
	})
	if err != nil {
		return nil, err
	}
	whole, err := checkForeign(header)
	if err != nil {
		return nil, err
	}
	file.header = fields(whole)
	if file.header["eval"] == nil {
		return nil, errors.New("no member eval: not a log of Inspect")
	}
	if len(file.header["samples"].elements()) > 0 {
		return nil, errors.New("the member samples is spelled with escapes")
	}
	file.each = func(yield func(string, foreign) error) error {
		n := 0
		_, err := scanInspectJSON(fsys, name, func(raw foreign) error {
			where := fmt.Sprintf("%s:samples[%d]", name, n)
			n++
			sample, err := checkForeign(raw)
			if err == nil {
				err = yield(where, sample)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			return nil
		})
		return err
	}
	return file, nil
}

// scanInspectJSON calls sample for each element of the member samples, which nobody has
// judged, and returns the object with an empty list in its place. Other errors than
// those of sample say on which line.
func scanInspectJSON(fsys fs.FS, name string, sample func(raw foreign) error) (header []byte, err error) {
	f, err := openPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	s := &elements{r: bufio.NewReaderSize(f, 64<<10), line: 1}
	if c, err := s.next(); err != nil || c != '{' {
		return nil, errors.Join(errors.New("not a JSON object"), err)
	}
	header = []byte("{")
	for last := byte(','); last == ','; {
		c, err := s.next()
		if err != nil {
			return nil, s.fail(err)
		}
		if c == '}' && len(header) == 1 {
			return append(header, c), s.end()
		}
		key, err := s.key(c)
		if err != nil {
			return nil, s.fail(err)
		}
		header = append(append(header, key...), ':')
		if c, err = s.next(); err != nil {
			return nil, s.fail(err)
		}
		if c == '[' && string(key) == `"samples"` {
			if err := s.list(sample); err != nil {
				return nil, err
			}
			header = append(header, "[]"...)
			if last, err = s.next(); err != nil {
				return nil, s.fail(err)
			}
			if last != ',' && last != '}' {
				return nil, s.fail(fmt.Errorf("%q after a list", last))
			}
		} else {
			raw, end, err := s.until(c, '}')
			if err != nil {
				return nil, s.fail(err)
			}
			if last = ','; end {
				last = '}'
			}
			header = append(header, raw...)
		}
		if header = append(header, last); len(header) > MaxInspect {
			return nil, fmt.Errorf("larger than %d bytes without its samples", int64(MaxInspect))
		}
	}
	return header, s.end()
}

// key returns the name of a member, which begins with c, and takes the colon.
func (s *elements) key(c byte) ([]byte, error) {
	if c != '"' {
		return nil, fmt.Errorf("%q in place of a member's name", c)
	}
	raw, colon, err := s.until(c, ':')
	if err == nil && !colon {
		err = errors.New("a member's name without a colon after it")
	}
	return bytes.Clone(bytes.TrimSpace(raw)), err
}

// list calls yield for each element of the array that has begun.
func (s *elements) list(yield func(raw foreign) error) error {
	for n := 0; ; n++ {
		c, err := s.next()
		switch {
		case err != nil:
			return s.fail(err)
		case c == ']' && n == 0:
			return nil
		}
		raw, end, err := s.element(c)
		if err != nil {
			return s.fail(err)
		}
		if err := yield(raw); err != nil {
			return err
		}
		if end {
			return nil
		}
	}
}
