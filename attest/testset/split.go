package testset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// jsonLine reads the next row of JSON Lines.
func (in *input) jsonLine(buf []byte) (rawRow, []byte, error) {
	lo, start := len(buf), in.offset
	for {
		var err error
		buf, err = readLine(in.r, buf[:lo], in.most)
		switch {
		case err == errLineTooLong:
			return rawRow{}, buf, in.tooLong()
		case err != nil && err != io.EOF:
			return rawRow{}, buf, in.failed(err)
		}
		row := rawRow{line: in.lines, offset: in.offset}
		empty := skipSpace(buf, lo) == len(buf)
		if empty && err == io.EOF {
			return rawRow{}, buf, io.EOF
		}
		in.offset += int64(len(buf) - lo)
		in.lines++
		if !empty {
			return row, buf, nil
		}
		// A small compressed file can hold empty lines for a day.
		if in.offset-start > int64(in.most) {
			return rawRow{}, buf, in.refuse(fmt.Sprintf("more than %d bytes of empty lines", in.most), "remove them")
		}
	}
}

var errLineTooLong = errors.New("line too long")

// readLine appends the next line with its newline to buf. The last line may lack
// one: then the error is io.EOF beside the bytes.
func readLine(r *bufio.Reader, buf []byte, most int) ([]byte, error) {
	start := len(buf)
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)-start+len(part) > most {
			return buf, errLineTooLong
		}
		buf = append(buf, part...)
		if err != bufio.ErrBufferFull {
			return buf, err
		}
	}
}

// element reads the next row of a JSON array.
func (in *input) element(buf []byte) (rawRow, []byte, error) {
	c, err := in.solid()
	switch {
	case err == io.EOF:
		return rawRow{}, buf, in.refuse("the JSON array has no end", "complete the file")
	case err != nil:
		return rawRow{}, buf, err
	case !in.begun && c != '[':
		in.unread()
		return rawRow{}, buf, in.refuse("the file is not a JSON array", "")
	case c == ']' && in.begun:
		return rawRow{}, buf, in.end()
	case in.begun && c != ',':
		in.unread()
		return rawRow{}, buf, in.refuse("want a comma or ']' between rows", "")
	}
	first := !in.begun
	in.begun = true
	if c, err = in.solid(); err == nil {
		in.unread()
	}
	switch {
	case err == nil && c == ']' && first:
		in.skip(1)
		return rawRow{}, buf, in.end()
	case err != nil && err != io.EOF:
		return rawRow{}, buf, err
	case c != '{':
		return rawRow{}, buf, in.refuse("every element of the array must be a JSON object", "")
	}
	row := rawRow{line: in.lines, offset: in.offset}
	buf, err = in.braces(buf)
	return row, buf, err
}

// braces reads an object up to its closing brace, trusting no more of its syntax
// than strings and brackets.
func (in *input) braces(buf []byte) ([]byte, error) {
	var b brackets
	for size := 0; ; {
		if _, err := in.r.Peek(1); err == io.EOF {
			return buf, in.refuse("the JSON array ends inside a row", "complete the file")
		} else if err != nil {
			return buf, in.failed(err)
		}
		part, _ := in.r.Peek(min(in.r.Buffered(), in.most+1-size))
		n, closed := b.skip(part)
		part = part[:n]
		buf = append(buf, part...)
		in.lines += bytes.Count(part, []byte("\n"))
		in.skip(n)
		if size += n; size > in.most {
			return buf, in.tooLong()
		}
		if closed {
			return buf, nil
		}
	}
}

// brackets is a place inside an object.
type brackets struct {
	depth           int
	quoted, escaped bool
}

// skip reads on to the end of text, or to where the object is closed.
func (b *brackets) skip(text []byte) (n int, closed bool) {
	for i := 0; i < len(text); i++ {
		if b.quoted && !b.escaped {
			n := bytes.IndexByte(text[i:], '"')
			if n < 0 {
				n = len(text) - i
			}
			if slash := bytes.IndexByte(text[i:i+n], '\\'); slash >= 0 {
				n = slash
			}
			if i += n; i == len(text) {
				break
			}
		}
		switch c := text[i]; {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped, b.quoted = c == '\\', c != '"'
		case c == '"':
			b.quoted = true
		case c == '{' || c == '[':
			b.depth++
		case c == '}' || c == ']':
			if b.depth--; b.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(text), false
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
