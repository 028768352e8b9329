package hub

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// parseSums reads what sha256sum prints, with --tag, --zero or neither. A list is of
// the files that somebody chose to hash.
func parseSums(data []byte) (*Listing, error) {
	l := &Listing{Kind: KindSums, Partial: "a list of SHA-256 is of the files that somebody hashed"}
	end, zero := "\n", false
	if bytes.IndexByte(data, 0) >= 0 {
		end, zero = "\x00", true // "--zero: end each output line with NUL, not newline, and disable file name escaping"
	}
	if bytes.Count(data, []byte(end)) > maxFiles {
		return nil, fmt.Errorf("list of more than %d lines", maxFiles)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), end), end)
	crlf := !zero && strings.HasSuffix(lines[0], "\r")
	for i, line := range lines {
		if crlf {
			line = strings.TrimSuffix(line, "\r")
		}
		if i == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if line == "" || line[0] == '#' {
			continue
		}
		f, err := parseSum(line, zero)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		l.Files = append(l.Files, f)
	}
	return l, l.Check()
}

var errSum = errors.New("neither a SHA-256 and a file name nor \"SHA256 (NAME) = HEX\"")

func parseSum(line string, zero bool) (File, error) {
	// "a leading backslash": the name is written with \\, \n and \r.
	escaped := false
	if !zero {
		line, escaped = strings.CutPrefix(line, `\`)
	}
	name, text, err := splitSum(line)
	if err != nil {
		return File{}, err
	}
	hash, err := attest.ParseHash(strings.ToLower(text))
	if err != nil {
		return File{}, err
	}
	if escaped {
		if name, err = unescape(name); err != nil {
			return File{}, err
		}
	}
	return File{Path: strings.TrimPrefix(name, "./"), SHA256: &hash}, nil
}

// splitSum takes a line apart: BSD's form, which --tag prints too, or the usual one, in
// which a blank or a star before the name says how the file was opened.
func splitSum(line string) (name, hash string, err error) {
	if rest, ok := strings.CutPrefix(line, "SHA256 ("); ok {
		i := strings.LastIndex(rest, ") = ")
		if i < 0 {
			return "", "", errSum
		}
		return rest[:i], rest[i+len(") = "):], nil
	}
	const digits = 2 * len(attest.Hash{})
	if len(line) < digits+3 || line[digits] != ' ' || line[digits+1] != ' ' && line[digits+1] != '*' {
		return "", "", errSum
	}
	return line[digits+2:], line[:digits], nil
}

func unescape(name string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			b.WriteByte(name[i])
			continue
		}
		i++
		switch {
		case i < len(name) && name[i] == '\\':
			b.WriteByte('\\')
		case i < len(name) && name[i] == 'n':
			b.WriteByte('\n')
		case i < len(name) && name[i] == 'r':
			b.WriteByte('\r')
		default:
			return "", fmt.Errorf("name %.200q: a backslash before none of \\, n and r", name)
		}
	}
	return b.String(), nil
}
