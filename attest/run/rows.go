package run

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/proctor-attest/proctor/attest"
)

// MaxRows bounds the leaves of one result.
const MaxRows = 100_000_000

const (
	maxLine   = 1 << 12 // no canonical line has as much as a tenth of it
	maxGrades = 1 << 12 // different ones that are kept once each; most metrics have two
)

// FormatRows writes results.jsonl: one canonical line per leaf.
func FormatRows(rows []Row) []byte {
	b := make([]byte, 0, 128*len(rows)) // what most lines have at most
	for i := range rows {
		b = rows[i].appendLine(b)
	}
	return b
}

// appendLine writes by hand: the members are in JCS order and need no escaping.
func (r *Row) appendLine(b []byte) []byte {
	b = append(b, `{"grade":"`...)
	b = append(b, r.Grade...)
	b = append(b, `","item":`...)
	b = strconv.AppendUint(b, r.Item, 10)
	b = appendHash(b, `,"response":"`, &r.Response)
	b = append(b, `,"sample":`...)
	b = strconv.AppendUint(b, uint64(r.Sample), 10)
	b = appendHash(b, `,"trace":"`, &r.Trace)
	return append(b, "}\n"...)
}

func appendHash(b []byte, member string, h *attest.Hash) []byte {
	if h.IsZero() {
		return b
	}
	b = append(b, member...)
	return append(hex.AppendEncode(b, h[:]), '"')
}

// ParseRows is ReadRows of bytes that are at hand.
func ParseRows(data []byte) ([]Row, error) { return ReadRows(bytes.NewReader(data)) }

// ReadRows reads results.jsonl. Every line must be the one spelling of its row;
// the error names the line. After an error r may have been read further than the
// line, or not to its end.
func ReadRows(r io.Reader) ([]Row, error) {
	lines := bufio.NewReaderSize(r, maxLine)
	grades := map[string]string{}
	var rows []Row
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return rows, nil
		case err == io.EOF:
			err = errors.New("no newline at the end")
		case err == bufio.ErrBufferFull:
			err = fmt.Errorf("more than %d bytes", maxLine)
		case err == nil && len(rows) == MaxRows:
			err = fmt.Errorf("more than %d rows", MaxRows)
		}
		if err != nil {
			return nil, fmt.Errorf("results line %d: %w", n, err)
		}
		if len(rows) == cap(rows) {
			rows = slices.Grow(rows, max(64, len(rows))) // append's steps are smaller, and leave more behind
		}
		rows = append(rows, Row{})
		if err := rows[n-1].parse(line, grades); err != nil {
			return nil, fmt.Errorf("results line %d: %w", n, err)
		}
	}
}

// parse reads the line that appendLine would write, and no other. Rows of equal
// grades share the string.
func (r *Row) parse(line []byte, grades map[string]string) (err error) {
	p := lineParser{line: line}
	p.want(`{"grade":"`)
	grade := p.until('"')
	p.want(`,"item":`)
	r.Item = p.number(64)
	r.Response = p.hash(`,"response":"`)
	p.want(`,"sample":`)
	r.Sample = uint32(p.number(32))
	r.Trace = p.hash(`,"trace":"`)
	p.want("}\n")
	if p.err != nil {
		return p.err
	}
	r.Grade, err = internGrade(grade, grades)
	return err
}

func internGrade(text []byte, grades map[string]string) (string, error) {
	if grade, ok := grades[string(text)]; ok {
		return grade, nil
	}
	grade := string(text)
	if err := CheckGradeForm(grade); err != nil {
		return "", err
	}
	if len(grades) < maxGrades {
		grades[grade] = grade
	}
	return grade, nil
}

// lineParser takes a line apart from left to right. After the first thing that is
// not as it must be it stands still.
type lineParser struct {
	line []byte
	at   int
	err  error
}

func (p *lineParser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("not the canonical form of a row: want %s at byte %d", want, p.at)
	}
}

func (p *lineParser) take(text string) bool {
	if p.err != nil || len(p.line)-p.at < len(text) || string(p.line[p.at:p.at+len(text)]) != text {
		return false
	}
	p.at += len(text)
	return true
}

func (p *lineParser) want(text string) {
	if !p.take(text) {
		p.fail(strconv.Quote(text))
	}
}

// until takes what is before the next end, and end.
func (p *lineParser) until(end byte) []byte {
	n := bytes.IndexByte(p.line[p.at:], end)
	if n < 0 || p.err != nil {
		p.fail(strconv.QuoteRune(rune(end)))
		return nil
	}
	text := p.line[p.at : p.at+n]
	p.at += n + 1
	return text
}

// number takes an integer of so many bits, without leading zeros.
func (p *lineParser) number(bits int) (n uint64) {
	if p.err != nil {
		return 0
	}
	start := p.at
	for p.at < len(p.line) && p.line[p.at] >= '0' && p.line[p.at] <= '9' {
		p.at++
	}
	digits := p.line[start:p.at]
	if len(digits) > 1 && digits[0] == '0' {
		digits = nil
	}
	n, err := strconv.ParseUint(string(digits), 10, bits)
	if err != nil {
		p.at = start
		p.fail(fmt.Sprintf("an integer of at most %d bits", bits))
	}
	return n
}

// hash takes a commitment behind its member's name, if that comes next. One of zeros
// is spelled by leaving it out.
func (p *lineParser) hash(member string) (h attest.Hash) {
	if !p.take(member) {
		return h
	}
	start := p.at
	if text := p.until('"'); h.UnmarshalText(text) != nil || h.IsZero() {
		p.at = start
		p.fail("64 lower-case hexadecimal digits that are not all zero")
	}
	return h
}
