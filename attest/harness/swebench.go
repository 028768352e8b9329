package harness

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// sweSizes is how many instances each leaderboard of SWE-bench has, which its file does
// not say. They are what swebench.com states, as do the papers.
var sweSizes = map[string]int{
	"Test": 2294, "Verified": 500, "bash-only": 500, "Lite": 300, "Multimodal": 517, "Multilingual": 300,
}

const sweSizesFrom = "swebench.com"

// sweColumns are the columns that come from instances. An instance without a result has
// not been resolved: the harness divides by all that there are.
var sweColumns = []Metric{
	{Name: "resolved", Rule: MeanOfStated, Measure: "resolved", Scale: 100, Steps: 1},
	{Name: "cost", Rule: Sum, Measure: "cost"},
	{Name: "instance_cost", Rule: Mean, Measure: "cost"},
	{Name: "instance_calls", Rule: Mean, Measure: "api_calls"},
}

var sweMeasures = []string{"resolved", "cost", "api_calls"}

var sweLeaderboards = Importer{
	Name:   "swe-bench-leaderboards",
	Tested: "leaderboards.json of swe-bench.github.io at f1176b6: five leaderboards, 322 rows, 50 of them with instances",
	About: About{
		Files:     "a JSON object with a member leaderboards, as data/leaderboards.json of swebench.com",
		Model:     "by tags that begin with \"Model: \"; the row is the submission's name, and its folder where a name is there twice",
		Dataset:   "by the leaderboard's name; how many instances it has is not in the file and taken from " + sweSizesFrom,
		Items:     "per_instance_details of some rows: resolved, cost and api_calls of each instance",
		Aggregate: "resolved (percent of all instances), cost, instance_cost, instance_calls",
		Absent:    "number of instances, revision of the model, patches and test logs",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAll(head, "leaderboards", "results")
	},
	Tables: true,
	Read:   readSWELeaderboards,
}

var fileDate = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

func readSWELeaderboards(fsys fs.FS, name string) (*Imported, error) {
	doc, at, err := readLocated(fsys, name)
	if err != nil {
		return nil, err
	}
	s := &sweReader{file: name, date: fileDate.FindString(path.Base(name)), lines: at}
	for i, board := range doc.get("leaderboards").elements() {
		if err := s.board(board); err != nil {
			return nil, fmt.Errorf("leaderboard %d: %w", i+1, err)
		}
	}
	if len(s.tables) == 0 {
		return nil, errors.New("has no leaderboards")
	}
	return &Imported{Tables: s.tables, Runs: s.runs}, nil
}

// sweReader reads one file.
type sweReader struct {
	file, date string
	lines      *lines
	tables     []*Table
	runs       []*Run
}

func (s *sweReader) board(doc foreign) error {
	name, ok := doc.get("name").text()
	if !ok || name == "" {
		return fmt.Errorf("name is %s, want a text", doc.get("name").describe())
	}
	t := &Table{Format: "swe-bench", File: File{Path: s.file}, Board: "SWE-bench " + name, Date: s.date}
	if slices.ContainsFunc(s.tables, func(other *Table) bool { return other.Board == t.Board }) {
		return fmt.Errorf("%q is there twice", name)
	}
	if t.Items = sweSizes[name]; t.Items > 0 {
		t.ItemsFrom = sweSizesFrom
	}
	for _, m := range sweColumns {
		if m.Rule == MeanOfStated && t.Items == 0 {
			m.Rule = Mean
		}
		t.Columns = append(t.Columns, Column{Name: m.Name, Metric: &m})
	}
	rows := doc.get("results").elements()
	names := map[string]int{}
	for _, row := range rows {
		name, _ := row.get("name").text()
		names[name]++
	}
	for _, row := range rows {
		line := s.lines.of(row)
		if err := s.row(t, row, line, names); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, line, err)
		}
	}
	s.tables = append(s.tables, t)
	return nil
}

func (s *sweReader) row(t *Table, doc foreign, line int, names map[string]int) error {
	name, ok := doc.get("name").text()
	if !ok || name == "" {
		return fmt.Errorf("name is %s, want a text", doc.get("name").describe())
	}
	folder, _ := doc.get("folder").text()
	row := TableRow{Entry: name, Line: line}
	if names[name] > 1 && folder != "" {
		row.Entry += " (" + folder + ")"
	}
	row.Date, _ = doc.get("date").text()
	for _, c := range t.Columns {
		value := doc.get(c.Name)
		switch {
		case value.isNumber():
			row.Values = append(row.Values, string(value))
		case value == nil || value.isNull():
			row.Values = append(row.Values, "")
		default:
			return fmt.Errorf("%s is %s, want a number", c.Name, value.describe())
		}
	}
	t.Rows = append(t.Rows, row)
	details := doc.get("per_instance_details")
	if details == nil || details.isNull() {
		return nil
	}
	r := &Run{
		Format: t.Format, Files: []File{{Path: s.file}}, Board: t.Board, Entry: row.Entry, Origin: folder, Date: row.Date,
		Model: Model{Name: cmp.Or(sweModel(doc), name)}, Measures: sweMeasures, Absent: []string{"revision of the model"},
	}
	for _, c := range t.Columns {
		r.Metrics = append(r.Metrics, *c.Metric)
	}
	if err := sweInstances(r, details); err != nil {
		return fmt.Errorf("per_instance_details: %w", err)
	}
	s.runs = append(s.runs, r)
	return nil
}

// sweModel is the models that a submission says it uses: some use several.
func sweModel(doc foreign) string {
	var models []string
	for _, tag := range doc.get("tags").elements() {
		text, _ := tag.text()
		if model, ok := strings.CutPrefix(text, "Model: "); ok {
			models = append(models, model)
		}
	}
	return strings.Join(models, ", ")
}

func sweInstances(r *Run, details foreign) error {
	if !details.isObject() {
		return fmt.Errorf("is %s, want an object", details.describe())
	}
	for _, m := range details.members() {
		it := Item{ID: m.name, Values: []float64{NoValue, NoValue, NoValue}}
		var err error
		if it.Values[0], err = m.value.get("resolved").outcome(); err != nil {
			return fmt.Errorf("%s: resolved %w", m.name, err)
		}
		it.Values[1], _ = m.value.get("cost").float()
		it.Values[2], _ = m.value.get("api_calls").float()
		if err := r.Items.Add(it); err != nil {
			return err
		}
	}
	return nil
}

// outcome is 1 or 0 of what is right or wrong, and no value of what was not judged.
func (f foreign) outcome() (float64, error) {
	switch string(f) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	case "", "null":
		return NoValue, nil
	}
	return NoValue, fmt.Errorf("is %s, want true or false", f.describe())
}
