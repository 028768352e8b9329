package attest

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// AppendString appends s, which must be valid UTF-8, as a JSON string in its RFC 8785
// form.
func AppendString[T []byte | string](dst []byte, s T) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	done := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[done:]...), '"')
}

func (s *scanner) string() (string, error) {
	s.at++
	var b strings.Builder
	for {
		next, ascii := skipText(s.data, s.at)
		run := s.data[s.at:next]
		if !ascii && !utf8.Valid(run) {
			s.at += validPrefix(run)
			return "", s.fail("invalid UTF-8")
		}
		s.at = next
		if next == len(s.data) {
			return "", s.fail("string without end")
		}
		switch s.data[next] {
		case '"':
			s.at++
			if b.Len() == 0 {
				return string(run), nil
			}
			b.Write(run)
			return b.String(), nil
		case '\\':
			b.Write(run)
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			return "", s.fail("control character in a string")
		}
	}
}

// validPrefix is how much of data is UTF-8.
func validPrefix(data []byte) (n int) {
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape() (rune, error) {
	if s.at+1 >= len(s.data) {
		return 0, s.fail("string without end")
	}
	if r, ok := escapes[s.data[s.at+1]]; ok {
		s.at += 2
		return r, nil
	}
	high, ok := s.unicodeEscape(s.at)
	if !ok {
		return 0, s.fail("unknown escape in a string")
	}
	if high < 0xd800 || high > 0xdfff {
		s.at += 6
		return high, nil
	}
	low, ok := s.unicodeEscape(s.at + 6)
	if high > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
		return 0, s.fail("lone surrogate")
	}
	s.at += 12
	return (high-0xd800)<<10 + (low - 0xdc00) + 0x10000, nil
}

func (s *scanner) unicodeEscape(at int) (rune, bool) {
	if at+6 > len(s.data) || s.data[at] != '\\' || s.data[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.data[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 + rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 + rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			r = r<<4 + rune(c-'A') + 10
		default:
			return 0, false
		}
	}
	return r, true
}

// skipString moves past a string that is its own canonical form, as most are, and
// nowhere otherwise: valid UTF-8 in which nothing is escaped but what must be, and
// that in the way of RFC 8785.
func (s *scanner) skipString() bool {
	start, ascii := s.at+1, true
	for at := start; ; {
		next, plain := skipText(s.data, at)
		ascii = ascii && plain
		if next == len(s.data) {
			return false
		}
		switch s.data[next] {
		case '"':
			if !ascii && !utf8.Valid(s.data[start:next]) {
				return false
			}
			s.at = next + 1
			return true
		case '\\':
			n := canonicalEscape(s.data[next:])
			if n == 0 {
				return false
			}
			at = next + n
		default:
			return false // a control character
		}
	}
}

// canonicalEscape is the length of the escape at the start of text, 0 if RFC 8785
// writes its character in another way.
func canonicalEscape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) < 6 || text[2] != '0' || text[3] != '0' {
			return 0
		}
		low := text[5]
		switch c := text[4]; {
		case c == '1' && (low >= '0' && low <= '9' || low >= 'a' && low <= 'f'):
			return 6
		case c == '0' && (low >= '0' && low <= '7' || low == 'b' || low == 'e' || low == 'f'):
			return 6
		}
	}
	return 0
}

// skipText returns where the first quote, backslash or control character from at on
// is, len(data) if there is none, and whether all before it is ASCII. It looks at
// eight bytes at once: nine in ten bytes of a test set are the inside of strings.
func skipText(data []byte, at int) (next int, ascii bool) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; at+8 <= len(data); at += 8 {
		x := binary.LittleEndian.Uint64(data[at:])
		quote, slash := x^'"'*ones, x^'\\'*ones
		// A byte's high bit is set here if it is below a space, or equal. Borrows
		// reach only bytes behind the first that is, and only the first counts.
		if special := ((x-' '*ones)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & high; special != 0 {
			n := bits.TrailingZeros64(special) / 8
			seen |= x & (1<<(8*n) - 1)
			return at + n, seen&high == 0
		}
		seen |= x
	}
	for ; at < len(data); at++ {
		c := data[at]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		seen |= uint64(c)
	}
	return at, seen&high == 0
}
