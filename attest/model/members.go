package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/proctor-attest/proctor/attest"
)

const (
	// maxMember bounds one member of a header: trainers keep up to a few megabytes of
	// their settings in __metadata__.
	maxMember = 16 << 20

	// windowSize is how much of a header is read at a time: from a hub each is a request.
	windowSize = 4 << 20
)

// eachMember cuts the JSON object in src from begin to end into its members, so that a
// header of a hundred megabytes need not be held. Values are valid until do returns.
// Duplicate names are refused inside of them; those of the object itself are not.
func eachMember(src source, begin, end uint64, do func(name string, value []byte) error) error {
	c := cutter{member: []byte("{"), do: do}
	buf := make([]byte, min(windowSize, end-begin))
	for at := begin; at < end; {
		window := buf[:min(windowSize, end-at)]
		if err := src.fill(window, at); err != nil {
			return err
		}
		if err := c.write(window, at); err != nil {
			return err
		}
		at += uint64(len(window))
	}
	if !c.done {
		return &attest.JSONError{Offset: int(end), Reason: "JSON object without end"}
	}
	return nil
}

// cutter cuts an object at the commas that are in no string and no value.
type cutter struct {
	member []byte // of the current one, what was seen of it behind a brace
	depth  int
	do     func(name string, value []byte) error

	inString, escaped, more, done bool
}

func (c *cutter) write(window []byte, at uint64) error {
	for i, b := range window {
		if c.inString {
			c.inString = c.escaped || b != '"'
			c.escaped = !c.escaped && b == '\\'
			c.member = append(c.member, b)
			continue
		}
		switch {
		case c.done:
			if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
				return &attest.JSONError{Offset: int(at) + i, Reason: "data after the JSON value"}
			}
			continue
		case b == '"':
			c.inString = true
		case b == '{' || b == '[':
			if c.depth++; c.depth == 1 {
				continue
			}
		case b == '}' || b == ']':
			if c.depth--; c.depth == 0 {
				c.done = true
			}
		}
		if c.done || b == ',' && c.depth == 1 {
			if err := c.cut(b, at+uint64(i)); err != nil {
				return err
			}
			continue
		}
		if len(c.member) > maxMember {
			return fmt.Errorf("a member of more than %d bytes, up to byte %d", maxMember, at+uint64(i))
		}
		c.member = append(c.member, b)
	}
	return nil
}

// cut ends a member at a comma, or at what ends the object.
func (c *cutter) cut(by byte, at uint64) error {
	if by == ',' {
		by = '}'
	}
	begin := int(at) - len(c.member)
	c.member = append(c.member, by)
	if err := attest.CheckForeignJSON(c.member); err != nil {
		var in *attest.JSONError
		if errors.As(err, &in) {
			err = &attest.JSONError{Offset: begin + in.Offset, Reason: in.Reason}
		}
		return err
	}
	empty := !bytes.ContainsRune(c.member, '"')
	if empty && (c.more || !c.done) {
		return &attest.JSONError{Offset: int(at), Reason: "want a member name"}
	}
	c.more = true
	member := c.member
	c.member = c.member[:1]
	if empty {
		return nil
	}
	return checkedMembers(member, c.do)
}

// checkedMembers calls do with each member of an object that passed CheckForeignJSON.
// The value has no white space around it.
func checkedMembers(object []byte, do func(name string, value []byte) error) error {
	rest := bytes.TrimSpace(object)[1:]
	for {
		if rest = bytes.TrimLeft(rest, " \t\r\n,"); rest[0] == '}' {
			return nil
		}
		n := valueEnd(rest)
		var name string
		if plain := rest[1 : n-1]; !bytes.ContainsRune(plain, '\\') {
			name = string(plain)
		} else if err := json.Unmarshal(rest[:n], &name); err != nil {
			return err
		}
		rest = bytes.TrimLeft(rest[n:], " \t\r\n:")
		n = valueEnd(rest)
		if err := do(name, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
}

// valueEnd is where the checked JSON value ends with which text begins.
func valueEnd(text []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
			continue
		case b == '{' || b == '[':
			depth++
			continue
		case (b == '}' || b == ']' || b == ',' || b <= ' ') && depth == 0:
			return i // of a number or word
		case b == '}' || b == ']':
			depth--
		default:
			continue
		}
		if depth == 0 && !inString {
			return i + 1
		}
	}
	return len(text)
}
