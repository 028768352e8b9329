package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var arenaCatalog = Importer{
	Name:   "arena-catalog",
	Tested: "ten versions of leaderboard-text.json and leaderboard-text-style-control.json of lmarena/arena-catalog, 2025-04-04 to 2025-05-27",
	About: About{
		Files:     "leaderboard-*.json of arena-catalog: for each category the models with rating, rating_q025 and rating_q975; a date in the file's name says which version it is",
		Model:     "by the name in the table",
		Dataset:   "by the category; the votes are not in the file",
		Items:     "none",
		Aggregate: "rating and its 95 % interval",
		Absent:    "votes, number of votes, revision of the model, whether it was released, how many variants of it were rated",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasPrefix(path.Base(name), "leaderboard-") && strings.HasSuffix(name, ".json") &&
			bytes.HasPrefix(head, []byte("{")) && hasAll(head, "rating", "rating_q025", "rating_q975")
	},
	Tables: true,
	Read:   readArena,
}

// arenaWhole is the category of all votes, whose ratings are what is quoted. The others
// are parts of it.
const arenaWhole = "full"

// arenaStyle ends the name of a board whose ratings are adjusted for the style of
// answers.
const arenaStyle = "-style-control"

func readArena(fsys fs.FS, name string) (*Imported, error) {
	doc, at, err := readLocated(fsys, name)
	if err != nil {
		return nil, err
	}
	board, _, _ := strings.Cut(strings.TrimSuffix(path.Base(uncompressedName(name)), ".json"), ".")
	board, adjusted := strings.CutSuffix(strings.TrimPrefix(board, "leaderboard-"), arenaStyle)
	in := &Imported{}
	for _, category := range doc.members() {
		t := &Table{
			Format: "arena-catalog", File: File{Path: name}, Board: "Arena " + board, Date: fileDate.FindString(path.Base(name)),
			Columns: []Column{{Name: "rating", Low: "rating_q025", High: "rating_q975"}, {Name: "rating_q025"}, {Name: "rating_q975"}},
		}
		if adjusted {
			t.Board += StyleControlled
		}
		if category.name == arenaWhole {
			t.Columns[0].Metric = &Metric{Name: "rating", Rule: Rating} // from votes that are not there
		} else {
			t.Board += ", " + category.name
		}
		if !category.value.isObject() {
			return nil, fmt.Errorf("%s is %s, want an object", category.name, category.value.describe())
		}
		for _, m := range category.value.members() {
			row := TableRow{Entry: m.name, Line: at.of(m.value)}
			for _, c := range t.Columns {
				v := m.value.get(c.Name)
				if !v.isNumber() {
					return nil, fmt.Errorf("line %d: %s: %s: %s is %s, want a number", row.Line, category.name, m.name, c.Name, v.describe())
				}
				row.Values = append(row.Values, string(v))
			}
			t.Rows = append(t.Rows, row)
		}
		in.Tables = append(in.Tables, t)
	}
	if len(in.Tables) == 0 {
		return nil, errors.New("has no categories")
	}
	return in, nil
}
