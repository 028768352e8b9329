package attest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

func (s *scanner) number() error {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.fail("want a digit")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("want a digit after the decimal point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("want a digit in the exponent")
		}
	}
	if c := s.peek(); c >= '0' && c <= '9' {
		return s.fail("number with a leading zero")
	}
	if plainNumber(s.data[start:s.at]) {
		return nil
	}
	s.rewritten = true
	if text := string(s.data[start:s.at]); s.exact && !exactFloat(text) {
		return &JSONError{Offset: start, Reason: fmt.Sprintf("number %s is not exact in canonical JSON (write it as a string)", clip(text))}
	}
	return nil
}

// plainNumber reports whether a JSON number is surely its own canonical form: of up to
// fifteen digits, which a float64 tells apart, without an exponent or zeros that could
// go, and not so small that RFC 8785 writes an exponent.
func plainNumber(number []byte) bool {
	number, negative := bytes.CutPrefix(number, []byte("-"))
	whole, fraction, fractional := bytes.Cut(number, []byte("."))
	switch {
	case len(number) > 15 || bytes.ContainsAny(number, "eE"):
		return false
	case fractional:
		return fraction[len(fraction)-1] != '0' && (whole[0] != '0' || !bytes.HasPrefix(fraction, []byte("00000")))
	}
	return !negative || whole[0] != '0'
}

func (s *scanner) digits() bool {
	start := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > start
}

// exactFloat reports whether the shortest form of the nearest float64, which is
// what RFC 8785 writes, denotes the very decimal number in text.
func exactFloat(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	digits, exp := decimalParts(text)
	floatDigits, floatExp := decimalParts(strconv.FormatFloat(f, 'e', -1, 64))
	return digits == floatDigits && exp == floatExp
}

// decimalParts reduces a JSON number to its significant digits, signed and
// without zeros at either end, and the power of ten of the last one. An exponent
// too large for an int counts as one that no float64 has.
func decimalParts(text string) (digits string, exp int) {
	mantissa, e, _ := strings.Cut(strings.ToLower(text), "e")
	sign := ""
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		sign, mantissa = "-", rest
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+frac, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0", 0
	}
	if e != "" {
		n, err := strconv.Atoi(e)
		if err != nil {
			return "", 0
		}
		exp = n
	}
	return sign + trimmed, exp - len(frac) + len(digits) - len(trimmed)
}
