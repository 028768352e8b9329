package testset

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// Key names an item within its set. It is written as canonical JSON, "q-1" with
// its quotes or 17, and compared by Bytes: "17" and 17 are the same key.
type Key string

// ParseKey reads a key out of canonical JSON: a string or an integer.
func ParseKey(value []byte) (Key, error) {
	if len(value) > 6*MaxKey+2 {
		return "", fmt.Errorf("a key has at most %d bytes", MaxKey)
	}
	if err := attest.CheckCanonical(value); err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	return keyOf(value)
}

// keyOf is ParseKey for a value that is known to be canonical.
func keyOf(value []byte) (Key, error) {
	if err := checkKey(value); err != nil {
		return "", err
	}
	return Key(value), nil
}

func checkKey(value []byte) error {
	switch {
	case len(value) == 0:
		return errors.New("a key is a string or an integer, this one is absent")
	case value[0] != '"' && !isInteger(value):
		return fmt.Errorf("a key is a string or an integer, not %s", clip(string(value)))
	}
	if n := len(keyContent(value)); n > MaxKey {
		return fmt.Errorf("a key has at most %d bytes, this one %d", MaxKey, n)
	}
	return nil
}

func isInteger(value []byte) bool {
	digits := bytes.TrimPrefix(value, []byte("-"))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(digits) > 0
}

// keyContent is Key.Bytes without a copy, where that can be.
func keyContent(value []byte) []byte {
	switch {
	case len(value) < 2 || value[0] != '"':
		return value
	case bytes.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1]
	}
	return []byte(unquote(value))
}

// StringKey is the key of an item whose key member is the string s; it errs if s
// is no valid UTF-8 or too long.
func StringKey(s string) (Key, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("key %q is not valid UTF-8", clip(s))
	}
	return keyOf(attest.AppendString(nil, s))
}

// NumberKey is the key of the item in a row with that number, or of a generated
// item with that index.
func NumberKey(n uint64) Key { return Key(strconv.FormatUint(n, 10)) }

// Bytes are what the salts bind: a string's UTF-8, an integer's digits.
func (k Key) Bytes() string { return string(keyContent([]byte(k))) }
