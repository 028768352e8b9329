package harness

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The same table in all forms in which JSON and YAML have it. Numbers keep their digits.
var treeTables = map[string]string{
	"a.json":       "[\n {\"model\":\"tiny\",\"accuracy\":64.930,\"n\":500,\"note\":null},\n {\"n\":500,\"model\":\"big\",\"accuracy\":\"70.0\",\"accuracy_stderr\":2.10,\"ok\":true}\n]",
	"named.json":   "{\"tiny\":{\"accuracy\":64.930,\"n\":500,\"note\":null},\n\n \"big\":{\"n\":500,\"accuracy\":\"70.0\",\"accuracy_stderr\":2.10,\"ok\":true}}",
	"columns.json": "{\"title\":\"x\",\"columns\":[\"model\",\"accuracy\",\"n\",\"note\",\"accuracy_stderr\",\"ok\"],\"rows\":[\n[\"tiny\",64.930,500,null,\"\",\"\"],\n[\"big\",70.0,500,null,2.10,true]]}",
	"a.yaml":       "# results\n- model: tiny\n  accuracy: 64.930\n  n: 500\n  note:\n- n: 500\n  model: big\n  accuracy: \"70.0\"\n  accuracy_stderr: 2.10\n  ok: true\n",
	"named.yml":    "tiny: {accuracy: 64.930, n: 500, note: ~}\nbig:\n  n: 500\n  accuracy: 70.0\n  accuracy_stderr: 2.10\n  ok: true\n",
	"columns.yaml": "rows:\n- [tiny, 64.930, 500, '', '', '']\n- [big, 70.0, 500, '', 2.10, true]\ncolumns: [model, accuracy, n, note, accuracy_stderr, ok]\n",
}

func TestTreeTables(t *testing.T) {
	lines := map[string][2]int{"a.json": {2, 3}, "named.json": {1, 3}, "columns.json": {2, 3}, "a.yaml": {2, 6}, "named.yml": {1, 3}, "columns.yaml": {2, 3}}
	for name, text := range treeTables {
		in := importAll(t, map[string]string{name: text})
		if len(in.Tables) != 1 {
			t.Errorf("%s: refused %v, unrecognised %v", name, in.Refused, in.Unrecognised)
			continue
		}
		table := in.Tables[0]
		board, _, _ := strings.Cut(name, ".")
		if table.Board != board || len(table.Columns) != 5 {
			t.Errorf("%s: board %q, columns %v", name, table.Board, table.Columns)
		}
		want := []TableRow{
			{Entry: "tiny", Line: lines[name][0], Values: []string{"64.930", "500", "", "", ""}},
			{Entry: "big", Line: lines[name][1], Values: []string{"70.0", "500", "", "2.10", "true"}},
		}
		if diff := cmp.Diff(want, table.Rows); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", name, diff)
		}
		for i, rule := range []Rule{Mean, Count, "", StandardError, ""} {
			m := table.Columns[i].Metric
			if (m == nil) != (rule == "") || m != nil && (m.Rule != rule || rule != Count && m.Scale != 100) {
				t.Errorf("%s: column %s is %+v, want %s", name, table.Columns[i].Name, m, rule)
			}
		}
	}
}

// Rows that name their models are not of the models that their objects are called.
func TestTreeTablesOwnNames(t *testing.T) {
	in := importAll(t, map[string]string{"a.json": `{"run-1":{"model":"tiny","acc":0.5,"n":8},"run-2":{"model":"tiny","acc":0.25,"n":8}}`})
	if len(in.Tables) != 1 || in.Tables[0].Rows[1].Entry != "tiny" || len(in.Tables[0].Columns) != 2 {
		t.Errorf("tables %v, refused %v", in.Tables, in.Refused)
	}
}

func TestTreeTablesRefused(t *testing.T) {
	row := `{"model":"a","accuracy":0.5,"n":8}`
	long := strings.Repeat(" ", headSize)
	for _, c := range []struct{ name, text, want string }{
		{"a.json", "[" + row + `,` + long + `{"model":"b","accuracy":0.5,"n":8,"accuracy":0.7}]`, "duplicate"},
		{"a.json", "[" + row + `,` + long + `{"model":"b","accuracy":[0.5],"n":8}]`, `line 1: "accuracy" is no plain value`},
		{"a.json", "[" + row + ",\n" + long + `8]`, "line 2: row 2: is no array of flat objects"},
		{"a.json", "[" + row + ",\n" + long + `{"accuracy":0.5,"n":8}]`, "line 2: row has no model"},
		{"a.json", "[" + row + "," + long, "ends where a value should be"},
		{"a.json", "[" + row + "]" + long + "[1]", "after"},
		{"a.json", `[{"model":"a","accuracy":0.5,"Accuracy":0.5,"n":8}]`, `column "Accuracy" is there twice`},
		{"a.json", `{"columns":["model","accuracy","n"],"rows":[["a",0.5,8],` + "\n" + `["b",0.5]]}`, "line 2: row has 2 cells, and the header 3"},
		{"a.json", `{"columns":["model","accuracy","n"],"rows":[["a",0.5,8],` + "\n" + `["b",0.5,{}]]}`, "line 2: row is no list of plain values"},
		{"a.json", `{"columns":["model","accuracy","n"],"rows":[]}`, "no rows in it"},
		{"a.json", "[" + row + "," + long + `{"model":"b","accuracy":312,"n":8}]`, "surely shares"},
		{"a.yaml", "- " + row + "\n#" + long + "\n- {model: b, accuracy: 0.5, n: 8, accuracy: 0.7}\n", `line 3: "accuracy" is there twice, with two values`},
		{"a.yaml", "- " + row + "\n#" + long + "\n- &x {model: b, accuracy: 0.5, n: 8}\n- *x\n", "line 3: an anchor or alias, which are not read"},
		{"a.yaml", "- " + row + "\n#" + long + "\n---\n- 1\n", "has a second document"},
		{"a.yaml", "- " + row + "\n#" + long + "\n- {model: b, accuracy: [0.5], n: 8}\n", `line 3: "accuracy" is no plain value`},
	} {
		in := importAll(t, map[string]string{c.name: c.text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%.200s: refused %v, unrecognised %v, want %q", c.text, in.Refused, in.Unrecognised, c.want)
		}
	}
}

// NaN is no number, and does not keep a table from being read.
func TestTreeTablesNaN(t *testing.T) {
	for name, text := range map[string]string{
		"a.json": `[{"model":"a","accuracy":NaN,"n":8},{"model":"b","accuracy":0.5,"n":8}]`,
		"a.yaml": "- {model: a, accuracy: NaN, n: 8}\n- {model: b, accuracy: 0.5, n: 8}\n",
	} {
		in := importAll(t, map[string]string{name: text})
		if len(in.Tables) != 1 || in.Tables[0].Rows[0].Values[0] != "NaN" || in.Tables[0].Columns[0].Metric.Scale != 1 {
			t.Errorf("%s: refused %v, unrecognised %v", name, in.Refused, in.Unrecognised)
		}
	}
}

// The first bytes, by which a file is recognised, end in the middle of a long table.
func TestTreeTablesLong(t *testing.T) {
	const rows = 1000
	many := func(row, between string) string { return strings.Repeat(row+between, rows-1) + row }
	in := importAll(t, map[string]string{
		"a.json": "[" + many(`{"model":"a {","accuracy":64.93,"n":500}`, ",") + "]",
		"b.json": `{"columns":["model","accuracy","n"],"rows":[` + many(`["a",64.93,500]`, ",\n") + "]}",
		"c.yaml": many("- model: a\n  accuracy: 64.93\n  n: 500", "\n"),
		"d.yaml": "columns: [model, accuracy, n]\nrows:\n" + many("  - [a, 64.93, 500]", "\n"),
		"e.yaml": many("- {model: a, accuracy: 64.93,\n   n: 500}", "\n"),
	})
	if len(in.Tables) != 5 {
		t.Fatalf("%d tables, refused %v, unrecognised %v", len(in.Tables), in.Refused, in.Unrecognised)
	}
	for _, table := range in.Tables {
		if len(table.Rows) != rows {
			t.Errorf("%s: %d rows, want %d", table.File.Path, len(table.Rows), rows)
		}
	}
}

func TestTreeTablesCells(t *testing.T) {
	var b strings.Builder
	b.WriteString(`[{"model":"a","accuracy":0.5,"n":8}`)
	for i := range 1500 { // rows that have each a column of its own
		b.WriteString(`,{"model":"a","accuracy":0.5,"n":8,"x` + strings.Repeat("y", i%100) + string(rune('a'+i/100)) + `":1}`)
	}
	b.WriteString("]")
	if in := importAll(t, map[string]string{"a.json": b.String()}); len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, "more than 2000000 cells") {
		t.Errorf("refused %v, %d tables", in.Refused, len(in.Tables))
	}
}

func TestClosedJSON(t *testing.T) {
	for text, want := range map[string]string{
		`[{"a":1},{"b":`:       `[{"a":1}]`,
		`{"a":{"b":1},"c":{"d`: `{"a":{"b":1}}`,
		`{"a":[[1],[2],[3`:     `{"a":[[1],[2]]}`,
		`[{"a":"}"},{"b":"]}`:  `[{"a":"}"}]`,
		`[1,2`:                 ``,
		`[}`:                   ``,
		"[[1]]\n":              `[[1]]`,
		`[1] [2`:               `[1]`,
		`"a`:                   ``,
	} {
		if got := string(closedJSON([]byte(text))); got != want {
			t.Errorf("closedJSON(%s) = %s, want %s", text, got, want)
		}
	}
}
