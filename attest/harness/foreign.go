package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// foreign is one JSON value of a file that somebody else wrote. It passed
// checkForeign, as itself or within a larger value, so that walking it needs no
// further checks. Python writes NaN and Infinity into JSON; they are let through
// here, and refused wherever such a value is needed.
type foreign []byte

type member struct {
	name  string
	value foreign
}

// checkForeign refuses what could be read in two ways: attest.CheckForeignJSON
// for a dialect that has NaN, Infinity and -Infinity.
func checkForeign(data []byte) (foreign, error) {
	if err := attest.CheckForeignJSON(withoutNaN(data)); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(data), nil
}

// withoutNaN returns data with a zero, right-aligned, in place of every word
// that JSON has not: offsets in error messages stay true.
func withoutNaN(data []byte) []byte {
	if !bytes.Contains(data, []byte("NaN")) && !bytes.Contains(data, []byte("Infinity")) {
		return data
	}
	out := bytes.Clone(data)
	blank := func(from, to int) {
		for i := from; i < to-1; i++ {
			out[i] = ' '
		}
		out[to-1] = '0'
	}
	for i := 0; i < len(data); {
		rest := data[i:]
		switch {
		case data[i] == '"':
			i += stringLength(rest)
		case bytes.HasPrefix(rest, []byte("NaN")):
			blank(i, i+3)
			i += 3
		case bytes.HasPrefix(rest, []byte("Infinity")):
			blank(i, i+8)
			i += 8
		case bytes.HasPrefix(rest, []byte("-Infinity")):
			blank(i, i+9)
			i += 9
		default:
			i++
		}
	}
	return out
}

// stringLength returns the length of the JSON string at the start of data, or
// all of data if it does not end.
func stringLength(data []byte) int {
	quote := 0 // the next from i on
	for i := 1; ; {
		if quote < i {
			n := bytes.IndexByte(data[min(i, len(data)):], '"')
			if n < 0 {
				return len(data)
			}
			quote = i + n
		}
		escape := bytes.IndexByte(data[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		i += escape + 2
	}
}

// token returns the first token of checked JSON and what follows it. Space and
// the empty rest give no token.
func token(data []byte) (tok, rest []byte) {
	data = skipSpace(data)
	if len(data) == 0 {
		return nil, nil
	}
	n := 1
	switch data[0] {
	case '{', '}', '[', ']', ',', ':':
	case '"':
		n = stringLength(data)
	default:
		for n < len(data) && strings.IndexByte(" \t\r\n,:]}", data[n]) < 0 {
			n++
		}
	}
	return data[:n], data[n:]
}

func skipSpace(data []byte) []byte {
	for len(data) > 0 && (data[0] == ' ' || data[0] == '\n' || data[0] == '\t' || data[0] == '\r') {
		data = data[1:]
	}
	return data
}

// value returns the first value of checked JSON and what follows it.
func value(data []byte) (v foreign, rest []byte) {
	data = skipSpace(data)
	depth, rest := 0, data
	for {
		var tok []byte
		tok, rest = token(rest)
		if tok == nil {
			return data, nil
		}
		switch tok[0] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 0 {
			return foreign(data[:len(data)-len(rest)]), rest
		}
	}
}

// members returns the members of an object in the order written, nil for any
// other value.
func (f foreign) members() []member { return f.appendMembers(nil) }

func (f foreign) appendMembers(all []member) []member {
	if !f.isObject() {
		return all
	}
	for rest := []byte(f[1:]); ; {
		tok, after := token(rest)
		switch {
		case tok == nil || tok[0] == '}':
			return all
		case tok[0] == ',':
			rest = after
		default:
			_, after = token(after) // the colon
			var v foreign
			v, rest = value(after)
			all = append(all, member{decodeString(tok), v})
		}
	}
}

// elements returns the elements of an array, nil for any other value.
func (f foreign) elements() []foreign {
	if !f.isArray() {
		return nil
	}
	all := []foreign{}
	for rest := []byte(f[1:]); ; {
		tok, after := token(rest)
		switch {
		case tok == nil || tok[0] == ']':
			return all
		case tok[0] == ',':
			rest = after
		default:
			var v foreign
			v, rest = value(rest)
			all = append(all, v)
		}
	}
}

func (f foreign) isObject() bool { return len(f) > 0 && f[0] == '{' }
func (f foreign) isArray() bool  { return len(f) > 0 && f[0] == '[' }
func (f foreign) isString() bool { return len(f) > 0 && f[0] == '"' }
func (f foreign) isNull() bool   { return string(f) == "null" }
func (f foreign) isNumber() bool {
	return len(f) > 0 && (f[0] >= '0' && f[0] <= '9' || f[0] == '-' && string(f) != "-Infinity")
}

// text returns a string's content.
func (f foreign) text() (string, bool) {
	if !f.isString() {
		return "", false
	}
	return decodeString(f), true
}

// get follows names into objects and decimal indices into arrays. It returns nil
// if the path leads nowhere.
func (f foreign) get(path ...string) foreign {
	for _, step := range path {
		var next foreign
		if f.isArray() {
			all := f.elements()
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(all) && strconv.Itoa(i) == step {
				next = all[i]
			}
		} else {
			all := f.members()
			if i := slices.IndexFunc(all, func(m member) bool { return m.name == step }); i >= 0 {
				next = all[i].value
			}
		}
		if next == nil {
			return nil
		}
		f = next
	}
	return f
}

// isVerbatim reports whether a string means the very bytes between its quotes.
func isVerbatim(quoted []byte) bool {
	return bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted)
}

func decodeString(quoted []byte) string {
	if isVerbatim(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic("harness: string was not checked: " + err.Error())
	}
	return s
}

// canonical returns the committed form of f.
func (f foreign) canonical() ([]byte, error) { return attest.Canonicalize(f) }

// canonicalOrRaw returns a copy of f, in canonical form if it has one.
func (f foreign) canonicalOrRaw() []byte {
	if c, err := f.canonical(); err == nil {
		return c
	}
	return bytes.Clone(f)
}

// describe quotes a value of a foreign file in an error.
func (f foreign) describe() string {
	if f == nil {
		return "missing"
	}
	const most = 60
	if len(f) > most {
		return string(bytes.ToValidUTF8(f[:most], nil)) + "…"
	}
	return string(f)
}

// grade reads a grade: true and false count as one and zero, a number becomes the
// decimal of the same value, a string must be a decimal already.
func (f foreign) grade() (string, error) {
	switch {
	case f == nil:
		return "", errors.New("is missing")
	case string(f) == "true":
		return "1", nil
	case string(f) == "false":
		return "0", nil
	case f.isNumber():
		return attest.NumberToDecimal(string(f))
	}
	if s, ok := f.text(); ok {
		_, err := attest.ParseDecimal(s)
		return s, err
	}
	return "", fmt.Errorf("is %s, want a grade", f.describe())
}

// pythonJSON spells f as Python's json.dumps(…, indent=2, ensure_ascii=False)
// does after a round trip: the text whose hash lm-evaluation-harness logs.
func (f foreign) pythonJSON() []byte {
	out := make([]byte, 0, len(f)+len(f)/4)
	depth, rest := 0, []byte(f)
	newline := func() { out = append(append(out, '\n'), strings.Repeat("  ", depth)...) }
	for {
		var tok []byte
		tok, rest = token(rest)
		if tok == nil {
			return out
		}
		switch tok[0] {
		case '{', '[':
			out = append(out, tok[0])
			depth++
			if next, after := token(rest); next != nil && (next[0] == '}' || next[0] == ']') {
				out, rest = append(out, next[0]), after
				depth--
			} else {
				newline()
			}
		case '}', ']':
			depth--
			newline()
			out = append(out, tok[0])
		case ',':
			out = append(out, ',')
			newline()
		case ':':
			out = append(out, ": "...)
		case '"':
			if isVerbatim(tok) {
				out = append(out, tok...)
			} else {
				out = appendPythonString(out, decodeString(tok))
			}
		default:
			out = append(out, pythonNumber(string(tok))...)
		}
	}
}

func appendPythonString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		default:
			if c < ' ' {
				dst = fmt.Appendf(dst, `\u%04x`, c)
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// pythonNumber respells a JSON number, and leaves every other word alone.
// Python keeps integers whole and writes floats with their shortest digits,
// always with a point or an exponent, and the exponent from 1e16 and below 1e-4.
func pythonNumber(s string) string {
	switch {
	case s == "-0":
		return "0"
	case !foreign(s).isNumber() || !strings.ContainsAny(s, ".eE"):
		return s
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil { // out of range: ParseFloat returns the infinity that Python reads
		if strings.HasPrefix(s, "-") {
			return "-Infinity"
		}
		return "Infinity"
	}
	scientific := strconv.FormatFloat(x, 'e', -1, 64)
	_, exponent, _ := strings.Cut(scientific, "e")
	if e, err := strconv.Atoi(exponent); err == nil && x != 0 && (e < -4 || e >= 16) {
		return scientific
	}
	fixed := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(fixed, ".") {
		fixed += ".0"
	}
	return fixed
}
