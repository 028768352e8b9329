package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	sweProFormat = "swe-bench-pro"
	sweProBoard  = "SWE-bench Pro"
)

// sweProMean is what eval_results.json comes to by itself: the script that writes it
// divides by the instances that finished.
var sweProMean = Metric{Name: "resolved", Rule: Mean, Measure: "resolved", Scale: 100, Steps: 1}

var sweProResults = Importer{
	Name:   "swe-bench-pro-results",
	Tested: "nine files of SWE-bench_Pro-os at ca10a60",
	About: About{
		Files:     "RUN/eval_results.json, a JSON object with true or false for each instance",
		Model:     "by the folder's name; the page's row is the one of the same name without dates, turns, agent and punctuation, if there is one such",
		Dataset:   "by the instances' names; how many there are is on the page",
		Items:     "true or false of each instance that finished; of others nothing",
		Aggregate: "none; it is on the page",
		Absent:    "number of instances, revision of the model, date unless the folder has it, patches and test logs",
	},
	Claims: func(name string, head []byte) bool {
		return path.Base(name) == "eval_results.json" && bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte(`"instance_`))
	},
	Read: readSWEProResults,
}

var sweProPage = Importer{
	Name:   "swe-bench-pro-page",
	Tested: "index.html of SWE-bench_Pro-os at ca10a60: one table of seven rows",
	About: About{
		Files:     "the HTML page of SWE-bench Pro, as it was written: programs in it are not run",
		Model:     "by the column Model",
		Dataset:   "by the page's title; its text says how many problems there are",
		Items:     "none; they are in eval_results.json of each run",
		Aggregate: "% Resolved",
		Absent:    "revision of the model, date, which run a row is of",
	},
	Claims: func(name string, head []byte) bool {
		head = bytes.ToLower(head)
		return (strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".htm")) && bytes.Contains(head, []byte("<title>swe-bench pro"))
	},
	Tables: true,
	Read:   readSWEProPage,
}

var sweProDay = regexp.MustCompile(`-(\d\d)(\d\d)(20\d\d)$`)

func readSWEProResults(fsys fs.FS, name string) (*Imported, error) {
	doc, err := readValue(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &Run{
		Format: sweProFormat, Files: []File{{Path: name}}, Board: sweProBoard, Entry: folderOf(name),
		Measures: []string{"resolved"}, Metrics: []Metric{sweProMean}, Absent: []string{"revision of the model"},
	}
	r.Model.Name = r.Entry
	if day := sweProDay.FindStringSubmatch(r.Entry); day != nil {
		r.Date = day[3] + "-" + day[1] + "-" + day[2]
	}
	for _, m := range doc.members() {
		x, err := m.value.outcome()
		if err != nil {
			return nil, fmt.Errorf("%s %w", m.name, err)
		}
		if err := r.Items.Add(Item{ID: m.name, Values: []float64{x}}); err != nil {
			return nil, err
		}
	}
	if r.Items.Len() == 0 {
		return nil, errors.New("has no instances")
	}
	return &Imported{Runs: []*Run{r}}, nil
}

var sweProProblems = regexp.MustCompile(`(?i)\btotal problems: *([1-9]\d{0,6})\b`)

func readSWEProPage(fsys fs.FS, name string) (*Imported, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	p, err := readPage(data)
	if err != nil {
		return nil, err
	}
	t := &Table{Format: sweProFormat, File: File{Path: name}, Board: sweProBoard}
	if m := sweProProblems.FindStringSubmatch(p.text); m != nil {
		t.Items, _ = strconv.Atoi(m[1])
	}
	for _, table := range p.tables {
		if len(table.rows) == 0 {
			continue
		}
		model, resolved := sweProHeader(table.rows[0].cells)
		switch {
		case model < 0 || resolved < 0:
		case t.Columns != nil:
			return nil, fmt.Errorf("line %d: a second table has the columns Model and %% Resolved", table.line)
		default:
			if err := t.addPage(table, model, resolved); err != nil {
				return nil, err
			}
		}
	}
	if t.Columns == nil {
		return nil, errors.New("has no table with the columns Model and % Resolved")
	}
	return &Imported{Tables: []*Table{t}}, nil
}

func sweProHeader(cells []string) (model, resolved int) {
	return slices.Index(cells, "Model"), slices.IndexFunc(cells, func(c string) bool { return strings.Contains(c, "Resolved") })
}

// addPage adds the rows of a page's table. What stands in front of a name is a medal.
func (t *Table) addPage(from pageTable, model, resolved int) error {
	header := from.rows[0].cells
	for i, name := range header {
		c := Column{Name: name}
		if i == resolved {
			m := sweProMean
			if m.Name = name; t.Items > 0 {
				m.Rule = MeanOfStated
			}
			c.Metric = &m
		}
		if i != model {
			t.Columns = append(t.Columns, c)
		}
	}
	for _, row := range from.rows[1:] {
		if len(row.cells) != len(header) {
			return fmt.Errorf("line %d: row has %d cells, and the header %d", row.line, len(row.cells), len(header))
		}
		entry := strings.TrimLeftFunc(row.cells[model], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if entry == "" {
			return fmt.Errorf("line %d: row has no model", row.line)
		}
		t.Rows = append(t.Rows, TableRow{Entry: entry, Line: row.line, Values: slices.Delete(slices.Clone(row.cells), model, model+1)})
	}
	return nil
}

// joinSWEPro finds the page's row for each run, whose folder has another name than the
// row. A name that several rows could have joins none of them.
func joinSWEPro(in *Imported) {
	exact, sizeless := map[string][]string{}, map[string][]string{}
	add := func(to map[string][]string, key, entry string) {
		if !slices.Contains(to[key], entry) {
			to[key] = append(to[key], entry)
		}
	}
	for _, t := range in.Tables {
		if t.Format != sweProFormat {
			continue
		}
		for _, row := range t.Rows {
			plain := sweProPlain(row.Entry)
			add(exact, letters(plain), row.Entry)
			if without := sweProSize.ReplaceAllString(plain, ""); without != plain {
				add(sizeless, letters(without), row.Entry)
			}
		}
	}
	for _, r := range in.Runs {
		if r.Format != sweProFormat || r.Entry == "" {
			continue
		}
		key := letters(sweProPlain(r.Entry))
		entries := exact[key]
		if len(entries) == 0 {
			entries = sizeless[key]
		}
		if len(entries) == 1 && key != "" {
			r.Joined = fmt.Sprintf("by their names, the results are those in the folder %q", r.Entry)
			r.Entry = entries[0]
		}
	}
}

// What stands in names besides the model's: when it was run, for how long, and how.
var (
	sweProMore = regexp.MustCompile(`\([^)]*\)|-20\d\d-\d\d-\d\d|-\d{8}$|-paper$|-\d+-turns`)
	sweProSize = regexp.MustCompile(`-\d+b$`)
)

func sweProPlain(name string) string {
	if _, model, ok := strings.Cut(name, " + "); ok {
		name = model
	}
	name = strings.ToLower(name)
	for range 3 { // one end stands before another
		name = strings.TrimSpace(sweProMore.ReplaceAllString(name, ""))
	}
	return name
}

func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}
