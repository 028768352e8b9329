package harness

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/proctor-attest/proctor/attest"
)

// lmevalSample is one line of a samples file.
type lmevalSample struct {
	foreign
	all    []member
	id     uint64
	filter *string // nil when the line names none, as before 0.4.5
	hashes string  // its part of the task's hash
}

func parseSample(line []byte) (lmevalSample, error) {
	f, err := checkForeign(line)
	if err != nil {
		return lmevalSample{}, err
	}
	s, err := sampleOf(f, nil)
	if err != nil {
		return s, err
	}
	if err := s.checkHashes(); err != nil {
		return s, fmt.Errorf("doc %d: %w", s.id, err)
	}
	return s, nil
}

// sampleOf is a line whose hashes were not looked at. Its members are put where those of
// the line before were.
func sampleOf(f foreign, room []member) (lmevalSample, error) {
	if !f.isObject() {
		return lmevalSample{}, errors.New("row is not a JSON object")
	}
	s := lmevalSample{foreign: f, all: f.appendMembers(room[:0])}
	var err error
	id := s.get("doc_id")
	if s.id, err = strconv.ParseUint(string(id), 10, 53); err != nil || !integer.Match(id) {
		return s, fmt.Errorf("doc_id is %s, want a number from 0", id.describe())
	}
	if v := s.get("filter"); v != nil {
		name, ok := v.text()
		if !ok {
			return s, fmt.Errorf("doc %d: filter is %s, want a name", s.id, v.describe())
		}
		s.filter = &name
	}
	return s, nil
}

// get is that of the line, whose members are asked for often.
func (s *lmevalSample) get(path ...string) foreign {
	for _, m := range s.all {
		if m.name == path[0] {
			return m.value.get(path[1:]...)
		}
	}
	return nil
}

// lmevalHashes are the hashes that the harness logs with each row.
var lmevalHashes = [...]string{"doc_hash", "prompt_hash", "target_hash"}

// checkHashes recomputes the three.
func (s *lmevalSample) checkHashes() error {
	over := map[string][]byte{}
	for _, name := range lmevalHashes {
		var err error
		if over[name], err = s.over(name); err != nil {
			return err
		}
	}
	for _, name := range lmevalHashes {
		logged, ok := s.get(name).text()
		if !ok {
			return fmt.Errorf("%s is missing", name)
		}
		if sum := digest(string(over[name])); sum != logged {
			return fmt.Errorf("%s is %q, but what is logged hashes to %s", name, logged, sum)
		}
		s.hashes += logged
	}
	return nil
}

// over is the text that a hash is of.
func (s *lmevalSample) over(hash string) ([]byte, error) {
	switch hash {
	case "doc_hash":
		doc := s.get("doc")
		if doc == nil {
			return nil, errors.New("doc is missing")
		}
		return doc.pythonJSON(), nil
	case "prompt_hash":
		prompt, ok := s.prompt()
		if !ok {
			return nil, errors.New("arguments have no text as their first prompt")
		}
		return []byte(prompt), nil
	}
	target, ok := s.get("target").text()
	if !ok {
		return nil, fmt.Errorf("target is %s, want a text", s.get("target").describe())
	}
	return []byte(target), nil
}

// prompt is the first argument of the first request. A chat that was already
// rendered to JSON for a server is logged as a list of that one text.
func (s *lmevalSample) prompt() (string, bool) {
	v := s.get("arguments", "gen_args_0", "arg_0")
	if v == nil {
		v = s.get("arguments", "0", "0")
	}
	if all := v.elements(); len(all) == 1 {
		v = all[0]
	}
	return v.text()
}

// rows makes the rows of one doc: one, or one for each graded repeat.
func (s *lmevalSample) rows(metric string) ([]Row, error) {
	value, responses := s.get(metric), s.get("resps")
	if responses == nil || !responses.isArray() {
		return nil, fmt.Errorf("resps is %s, want a list", responses.describe())
	}
	requests := responses.elements()
	grades, answers := []foreign{value}, []foreign{responses}
	if value.isArray() {
		grades = value.elements()
		if len(requests) != 1 || len(grades) == 0 || len(requests[0].elements()) != len(grades) {
			return nil, fmt.Errorf("%s is %s, want a number, or one for each of the repeats", metric, value.describe())
		}
		answers = requests[0].elements()
	} else if len(requests) == 1 {
		if repeats := requests[0].elements(); len(repeats) == 1 {
			answers = repeats
		}
	}
	doc := s.get("doc").canonicalOrRaw()
	var rows []Row
	for i := range grades {
		grade, err := grades[i].grade()
		if err != nil {
			return nil, fmt.Errorf("%s %w", metric, err)
		}
		response, err := answers[i].canonical()
		if err != nil {
			return nil, fmt.Errorf("resps: %w", err)
		}
		rows = append(rows, Row{
			Key:      strconv.FormatUint(s.id, 10),
			Sample:   uint32(i),
			Response: response,
			Grade:    grade,
			Doc:      doc,
		})
	}
	return rows, nil
}

// mean accumulates the grades of items exactly.
type mean struct {
	sum, size big.Rat // of the values, and of their magnitudes
	n         int64
}

// add takes the samples of one item, which count as their mean.
func (m *mean) add(rows []Row) {
	var item, size big.Rat
	for _, row := range rows {
		x, err := attest.ParseDecimal(row.Grade)
		if err != nil {
			panic("harness: grade was not checked: " + err.Error())
		}
		item.Add(&item, x)
		size.Add(&size, new(big.Rat).Abs(x))
	}
	share := big.NewRat(1, int64(len(rows)))
	m.addItem(item.Mul(&item, share), size.Mul(&size, share))
}

// addItem takes the value of one item, and the magnitude of what it is made of.
func (m *mean) addItem(value, size *big.Rat) {
	m.sum.Add(&m.sum, value)
	m.size.Add(&m.size, size)
	m.n++
}

// summation is how far a mean computed in floats may be from the exact one,
// relative to the mean magnitude of the items: the error of adding 64-bit floats
// one by one stays below this for millions of items.
var summation = big.NewRat(1, 1e9)

// check reports an error unless the published score is the mean.
func (m *mean) check(published string) error {
	f, err := strconv.ParseFloat(published, 64)
	if err != nil || math.IsInf(f, 0) || m.n == 0 {
		return fmt.Errorf("published score %s is not the mean of %d items", published, m.n)
	}
	share := big.NewRat(1, m.n)
	exact := new(big.Rat).Mul(&m.sum, share)
	allowed := new(big.Rat).Mul(&m.size, share)
	allowed.Mul(allowed, summation)
	off := new(big.Rat).Sub(new(big.Rat).SetFloat64(f), exact)
	if off.Abs(off).Cmp(allowed) > 0 {
		got, _ := exact.Float64()
		return fmt.Errorf("published score is %s, but the mean of the %d items is %v", published, m.n, got)
	}
	return nil
}
