package harness

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

var alpacaOutputs = Importer{
	Name:   "alpacaeval-outputs",
	Tested: "alpaca_eval at cd543a1: 227 files in results",
	About: About{
		Files:     "MODEL/model_outputs.json",
		Model:     "by the folder's name, and by generator beside each item",
		Dataset:   "not named; instruction says what was asked",
		Items:     "no outcome: instruction and output, to compare with what annotators saw",
		Aggregate: "none",
		Absent:    "revision of the model, sampling settings, date",
	},
	Claims: func(name string, head []byte) bool {
		return path.Base(name) == "model_outputs.json" && bytes.HasPrefix(head, []byte("[")) && hasAny(head, "instruction", "generator", "output")
	},
	Read: readAlpacaOutputs,
}

func readAlpacaOutputs(fsys fs.FS, name string) (*Imported, error) {
	r := &Run{Format: "alpacaeval", Files: []File{{Path: name}}, Board: AnyBoard, Measures: []string{"length"}, Metrics: alpacaColumns}
	names := naming{}
	err := eachElement(fsys, name, func(_ int, doc foreign) error {
		it := Item{ID: strconv.Itoa(r.Items.Len())}
		for _, m := range doc.members() {
			switch m.name {
			case "output":
				text, ok := m.value.text()
				if !ok {
					return errors.New("member output is no text")
				}
				it.Output = TextDigest([]byte(text))
				it.Values = []float64{float64(utf8.RuneCountInString(text))}
			case "instruction":
				if it.Input = textDigest(m.value); it.Input != (Digest{}) {
					it.ID = it.Input.String()
				}
			case "dataset":
				it.Group, _ = m.value.text()
			case "generator":
				names.add(OfModel, m.name, m.value)
			}
		}
		if it.Values == nil {
			return errors.New("member output is missing")
		}
		return r.Items.Add(it)
	})
	if err != nil {
		return nil, err
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("has no items")
	}
	r.Names = names.list()
	dir := path.Base(path.Dir(name))
	if r.Entry = strings.Trim(dir, "./"); r.Entry == "" {
		r.Entry = names.most(OfModel)
	}
	r.Model.Name = r.Entry
	r.Absent = []string{"revision of the model"}
	return &Imported{Runs: []*Run{r}}, nil
}
