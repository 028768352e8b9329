package harness

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Paths says where a row of plain JSONL keeps what is committed. A path is names
// joined with dots ("verification.is_correct"), or a JSON Pointer (RFC 6901) if
// it starts with a slash, for names that have dots themselves. Either steps into
// an array by a decimal index.
type Paths struct {
	Key      string // the item's key, a string or an integer; empty: rows have none
	Response string // any value; required but by Grades
	Trace    string // any value, may be absent in some rows; empty: rows have none
	Grade    string // required
	Sample   string // number of the sample, from 0; empty: every row is sample 0
}

// A grade may say why an item has none, with a reason from the configuration.
var exclusion = regexp.MustCompile(`^excluded:[a-z0-9-]{1,32}$`)

var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// JSONL reads one row from every line of r that is not blank, plain or
// compressed with gzip or Zstandard, and calls yield for it. The name stands for
// r in places and errors. A grade is a boolean, a number, or a string that is a
// decimal or "excluded:" and a reason; a row without a response must be excluded
// so. Whether two rows are about the same item is for the caller to see.
func JSONL(name string, r io.Reader, paths Paths, yield func(Row) error) error {
	if paths.Response == "" {
		return errors.New("no path for the response")
	}
	return readRows(name, r, paths, yield)
}

// Grades is JSONL for rows that grade answers anew: they show no response, and may
// have none.
func Grades(name string, r io.Reader, paths Paths, yield func(Row) error) error {
	paths.Response, paths.Trace = "", ""
	return readRows(name, r, paths, yield)
}

func readRows(name string, r io.Reader, paths Paths, yield func(Row) error) error {
	p, err := parsePaths(paths)
	if err != nil {
		return err
	}
	rows, traces := 0, 0
	err = eachLine(name, r, func(where string, line []byte) error {
		row, err := p.row(line)
		if err != nil {
			return err
		}
		row.Where = where
		rows++
		if row.Trace != nil {
			traces++
		}
		return yield(row)
	})
	if err == nil && p.trace != nil && rows > 0 && traces == 0 {
		return fmt.Errorf("%s: no row has a member %s", name, paths.Trace)
	}
	return err
}

type parsedPaths struct {
	text                                Paths
	key, response, trace, grade, sample []string
}

func parsePaths(paths Paths) (parsedPaths, error) {
	p := parsedPaths{text: paths}
	if paths.Grade == "" {
		return p, errors.New("no path for the grade")
	}
	for _, x := range []struct {
		text  string
		steps *[]string
	}{
		{paths.Key, &p.key}, {paths.Response, &p.response}, {paths.Trace, &p.trace},
		{paths.Grade, &p.grade}, {paths.Sample, &p.sample},
	} {
		var err error
		if *x.steps, err = parsePath(x.text); err != nil {
			return p, err
		}
	}
	return p, nil
}

var pointerEscape = regexp.MustCompile(`~([^01]|$)`)

func parsePath(path string) ([]string, error) {
	pointer, ok := strings.CutPrefix(path, "/")
	switch {
	case path == "":
		return nil, nil
	case !ok:
		steps := strings.Split(path, ".")
		for _, step := range steps {
			if step == "" {
				return nil, fmt.Errorf("path %q has an empty name", path)
			}
		}
		return steps, nil
	case pointerEscape.MatchString(pointer):
		return nil, fmt.Errorf("path %q: in a pointer ~ is written ~0", path)
	}
	steps := strings.Split(pointer, "/")
	for i, step := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return steps, nil
}

func (p *parsedPaths) row(line []byte) (Row, error) {
	doc, err := checkForeign(line)
	if err != nil {
		return Row{}, err
	}
	if !doc.isObject() {
		return Row{}, errors.New("row is not a JSON object")
	}
	row := Row{Doc: doc.canonicalOrRaw()}
	if row.Grade, err = rowGrade(doc.get(p.grade...)); err != nil {
		return Row{}, fmt.Errorf("grade %s: %w", p.text.Grade, err)
	}
	if p.key != nil {
		if row.Key, err = rowKey(doc.get(p.key...)); err != nil {
			return Row{}, fmt.Errorf("key %s: %w", p.text.Key, err)
		}
	}
	if p.sample != nil {
		if row.Sample, err = rowSample(doc.get(p.sample...)); err != nil {
			return Row{}, fmt.Errorf("sample %s: %w", p.text.Sample, err)
		}
	}
	if p.response == nil {
		return row, nil
	}
	response := doc.get(p.response...)
	if response == nil && !strings.HasPrefix(row.Grade, "excluded:") {
		return Row{}, fmt.Errorf("response %s is missing (a row without one needs a grade like \"excluded:no-answer\")", p.text.Response)
	}
	if row.Response, err = optional(response); err != nil {
		return Row{}, fmt.Errorf("response %s: %w", p.text.Response, err)
	}
	if p.trace != nil {
		if row.Trace, err = optional(doc.get(p.trace...)); err != nil {
			return Row{}, fmt.Errorf("trace %s: %w", p.text.Trace, err)
		}
	}
	return row, nil
}

func optional(v foreign) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return v.canonical()
}

func rowGrade(v foreign) (string, error) {
	if s, ok := v.text(); ok && strings.HasPrefix(s, "excluded:") {
		if !exclusion.MatchString(s) {
			return "", fmt.Errorf("%s is no exclusion (want excluded: and up to 32 of a-z, 0-9 and -)", v.describe())
		}
		return s, nil
	}
	return v.grade()
}

func rowKey(v foreign) (string, error) {
	if !v.isString() && !v.isNumber() {
		return "", fmt.Errorf("is %s, want a string or an integer", v.describe())
	}
	key, err := v.canonical()
	if err != nil {
		return "", err
	}
	if v.isNumber() && !integer.Match(key) {
		return "", fmt.Errorf("is %s, want a string or an integer", v.describe())
	}
	return string(key), nil
}

func rowSample(v foreign) (uint32, error) {
	n, err := strconv.ParseUint(string(v), 10, 32)
	if err != nil || !integer.Match(v) {
		return 0, fmt.Errorf("is %s, want a number from 0", v.describe())
	}
	return uint32(n), nil
}
