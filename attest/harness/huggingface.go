package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const hfAbsent = "items and their number, how the number comes from them, revision of the model, harness and its settings; a verifyToken can only be checked by who issued it"

var hfModelIndex = Importer{
	Name:   "huggingface-model-index",
	Tested: "cards that huggingface_hub 0.36 writes",
	About: About{
		Files:     "a model card with the member model-index in its front matter",
		Model:     "by name, which may be any text; the folder is not looked at",
		Dataset:   "by type and config, split and revision where the card has them",
		Items:     "none",
		Aggregate: "value of each metric",
		Absent:    hfAbsent,
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".md") && (bytes.HasPrefix(head, []byte("---\n")) || bytes.HasPrefix(head, []byte("---\r\n"))) && bytes.Contains(head, []byte("\nmodel-index:"))
	},
	Tables: true,
	Read:   readModelIndex,
}

var hfEvalResults = Importer{
	Name:   "huggingface-eval-results",
	Tested: "files that huggingface_hub 2.4 writes",
	About: About{
		Files:     ".eval_results/*.yaml of a model's repository",
		Model:     "by the folder that .eval_results lies in",
		Dataset:   "by id and task_id, and revision where there is one",
		Items:     "none",
		Aggregate: "value",
		Absent:    "the metric's name, " + hfAbsent,
	},
	Claims: func(name string, head []byte) bool {
		ext := path.Ext(name)
		return path.Base(path.Dir(name)) == ".eval_results" && (ext == ".yaml" || ext == ".yml") && bytes.Contains(head, []byte("dataset:"))
	},
	Tables: true,
	Read:   readEvalResults,
}

// readModelIndex reads the card's front matter, which ends at the second line of dashes.
func readModelIndex(fsys fs.FS, name string) (*Imported, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	front, _, ok := bytes.Cut(data[len("---"):], []byte("\n---"))
	if !ok {
		return nil, errors.New("front matter has no end")
	}
	doc, err := parseYAML(append([]byte("#"), front...)) // in place of the first line, so that lines count
	if err != nil {
		return nil, err
	}
	t := hfTables{file: name}
	for _, model := range doc.get("model-index").elements() {
		entry := model.get("name").text()
		if entry == "" {
			return nil, fmt.Errorf("line %d: model has no name", model.line())
		}
		for _, result := range model.get("results").elements() {
			dataset := result.get("dataset")
			for _, m := range result.get("metrics").elements() {
				board := hfBoard(dataset.get("type").text(), dataset.get("config").text(), dataset.get("split").text())
				if err := t.add(board, dataset.get("revision").text(), entry, m.get("type").text(), "", m.get("value"), m); err != nil {
					return nil, err
				}
			}
		}
	}
	return t.imported()
}

func readEvalResults(fsys fs.FS, name string) (*Imported, error) {
	doc, err := readYAML(fsys, name)
	if err != nil {
		return nil, err
	}
	entry := path.Base(path.Dir(path.Dir(name)))
	if entry == "." || entry == "/" {
		entry = "the model of this repository"
	}
	t := hfTables{file: name}
	for _, result := range doc.elements() {
		dataset := result.get("dataset")
		board := hfBoard(dataset.get("id").text(), dataset.get("task_id").text())
		if err := t.add(board, dataset.get("revision").text(), entry, "value", result.get("date").text(), result.get("value"), result); err != nil {
			return nil, err
		}
	}
	return t.imported()
}

func hfBoard(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, " ")
}

// hfTables makes a table of each number: a card has many data sets and few of each.
type hfTables struct {
	file   string
	tables []*Table
}

func (h *hfTables) add(board, version, entry, metric, date string, value, at yamlNode) error {
	switch {
	case board == "":
		return fmt.Errorf("line %d: result names no data set", at.line())
	case metric == "":
		return fmt.Errorf("line %d: metric has no type", at.line())
	}
	h.tables = append(h.tables, &Table{
		Format: "huggingface", Version: version, File: File{Path: h.file}, Board: board,
		Columns: []Column{{Name: metric, Metric: &Metric{Name: metric}}},
		Rows:    []TableRow{{Entry: entry, Line: value.line(), Date: date, Values: []string{hfValue(value)}}},
	})
	return nil
}

// hfValue is what stands as a value: cards have texts, and lists of one number for each
// class too. What is no number stays in the table, and is not compared with anything.
func hfValue(value yamlNode) string {
	if text := value.text(); text != "" {
		return text
	}
	switch {
	case value.isList():
		return "a list"
	case value.isMapping():
		return "a mapping"
	}
	return "nothing"
}

func (h *hfTables) imported() (*Imported, error) {
	if len(h.tables) == 0 {
		return nil, errors.New("has no results")
	}
	return &Imported{Tables: h.tables}, nil
}
