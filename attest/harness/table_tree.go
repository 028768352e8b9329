package harness

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// treeValue is a value of a JSON or YAML file.
type treeValue struct {
	text   string // as written, of a value that has no parts
	isList bool
	names  []string // of an object's members
	parts  func() []treeValue
	line   func() int // to be asked in the order in which values come
}

func (v treeValue) isObject() bool { return v.names != nil }
func (v treeValue) isPlain() bool  { return v.parts == nil }

func jsonTree(at *lines, f foreign) treeValue {
	v := treeValue{line: func() int { return at.of(f) }}
	switch {
	case f.isArray():
		v.isList = true
		v.parts = func() (all []treeValue) {
			for _, e := range f.elements() {
				all = append(all, jsonTree(at, e))
			}
			return all
		}
	case f.isObject():
		members := f.members()
		v.names = []string{}
		for _, m := range members {
			v.names = append(v.names, m.name)
		}
		v.parts = func() (all []treeValue) {
			for _, m := range members {
				all = append(all, jsonTree(at, m.value))
			}
			return all
		}
	case f.isNull():
	default:
		var ok bool
		if v.text, ok = f.text(); !ok {
			v.text = string(f)
		}
	}
	return v
}

func yamlTree(y yamlNode) treeValue {
	v := treeValue{line: y.line, text: y.text()}
	parts := func(first, step int) func() []treeValue {
		return func() (all []treeValue) {
			for i := first; i < len(y.Content); i += step {
				all = append(all, yamlTree(yamlNode{y.Content[i]}))
			}
			return all
		}
	}
	switch y.Kind {
	case yaml.SequenceNode:
		v.isList, v.parts = true, parts(0, 1)
	case yaml.MappingNode:
		v.names, v.parts = []string{}, parts(1, 2)
		for i := 0; i < len(y.Content); i += 2 {
			v.names = append(v.names, y.Content[i].Value)
		}
	}
	return v
}

func (b *tableBuilder) json(data []byte) error {
	doc, err := checkForeign(data)
	if err != nil {
		return err
	}
	return b.tree(jsonTree(&lines{whole: data, line: 1}, doc))
}

func (b *tableBuilder) yaml(data []byte) error {
	doc, err := parseYAML(data)
	if err != nil {
		return err
	}
	return b.tree(yamlTree(doc))
}

// treeRow is a row by the names of its columns.
type treeRow struct {
	line         int
	names, cells []string
}

var errNoTree = errors.New("is no array of flat objects, no object of flat objects, and has no columns and rows")

// tree reads a table in one of three forms: an array of flat objects, an object of flat
// objects, whose names are the models', or an object with the members columns and rows.
func (b *tableBuilder) tree(v treeValue) error {
	switch columns, rows := slices.Index(v.names, "columns"), slices.Index(v.names, "rows"); {
	case v.isList:
		return b.objects(nil, v.parts())
	case columns >= 0 && rows >= 0:
		parts := v.parts()
		return b.arrays(parts[columns], parts[rows])
	case v.isObject():
		return b.objects(v.names, v.parts())
	}
	return errNoTree
}

// objects reads rows that name their columns. Those that a row has not are empty. The
// names of the rows are their models', unless rows have a column of models.
func (b *tableBuilder) objects(names []string, values []treeValue) error {
	var rows []treeRow
	var header []string
	at := map[string]int{}
	column := func(name string) {
		if _, ok := at[name]; !ok {
			at[name] = len(header)
			header = append(header, name)
		}
	}
	if slices.ContainsFunc(values, func(v treeValue) bool { return slices.ContainsFunc(v.names, isModelColumn) }) {
		names = nil
	}
	if names != nil {
		column("name")
	}
	for i, v := range values {
		row := treeRow{line: v.line(), names: v.names}
		if !v.isObject() {
			return fmt.Errorf("line %d: row %d: %w", row.line, i+1, errNoTree)
		}
		for j, cell := range v.parts() {
			if !cell.isPlain() {
				return fmt.Errorf("line %d: %q is no plain value", row.line, v.names[j])
			}
			row.cells = append(row.cells, cell.text)
		}
		if names != nil {
			row.names, row.cells = append([]string{"name"}, row.names...), append([]string{names[i]}, row.cells...)
		}
		for _, name := range row.names {
			column(name)
		}
		if rows = append(rows, row); len(rows)*len(header) > maxCells {
			return fmt.Errorf("has more than %d cells", maxCells)
		}
	}
	if !isTable(header) {
		return nil
	}
	if err := b.header(header); err != nil {
		return err
	}
	for _, row := range rows {
		cells := make([]string, len(header))
		for i, name := range row.names {
			cells[at[name]] = row.cells[i]
		}
		if err := b.row(row.line, cells); err != nil {
			return err
		}
	}
	return nil
}

// arrays reads rows that are as long as the list of columns.
func (b *tableBuilder) arrays(columns, rows treeValue) error {
	plain := func(v treeValue) (cells []string, ok bool) {
		if !v.isList {
			return nil, false
		}
		for _, c := range v.parts() {
			if !c.isPlain() {
				return nil, false
			}
			cells = append(cells, c.text)
		}
		return cells, true
	}
	header, ok := plain(columns)
	if !ok || !rows.isList {
		return errNoTree
	}
	if !isTable(header) {
		return nil
	}
	if err := b.header(header); err != nil {
		return err
	}
	for _, v := range rows.parts() {
		line := v.line()
		cells, ok := plain(v)
		if !ok {
			return fmt.Errorf("line %d: row is no list of plain values", line)
		}
		if err := b.row(line, cells); err != nil {
			return err
		}
	}
	return nil
}

// scoreWord is in all files that have a column of scores.
var scoreWord = regexp.MustCompile(`(?i)accuracy|exact.match|resolved|pass.rate|pass@1|\bacc\b|\bem\b`)

// closedJSON is the beginning of a JSON file up to the last array or object that ends in
// it, with those ended that do not: a table of fewer rows. It need not be JSON.
func closedJSON(head []byte) []byte {
	var open, left []byte
	end := 0
	for rest := head; ; {
		tok, after := token(rest)
		switch {
		case tok == nil || tok[0] == '"' && (len(tok) == 1 || tok[len(tok)-1] != '"'):
			return append(bytes.Clone(head[:end]), left...)
		case tok[0] == '{' || tok[0] == '[':
			open = append(open, tok[0]+2) // as the characters stand in ASCII
		case tok[0] == '}' || tok[0] == ']':
			if len(open) == 0 || open[len(open)-1] != tok[0] {
				return nil
			}
			open = open[:len(open)-1]
			end, left = len(head)-len(after), bytes.Clone(open)
			slices.Reverse(left)
		}
		rest = after
	}
}

// peekYAML reads what of a YAML file's beginning can be read by itself.
func (b *tableBuilder) peekYAML(head []byte) {
	const tries = 8 // lines that a value may go over
	whole := len(head) < headSize
	for range tries {
		if !whole {
			i := strings.LastIndexByte(string(head), '\n')
			if i < 0 {
				return
			}
			head = head[:i]
		}
		doc, err := parseYAML(head)
		if err == nil {
			err = b.tree(yamlTree(doc)) // the last row may be cut
		}
		if whole || err == nil || len(b.tables) > 0 {
			return
		}
	}
}
