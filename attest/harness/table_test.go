package harness

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var plainTables = map[string]string{
	"a.csv":  "Model,Accuracy (%),n,accuracy_stderr,note\ntiny,64.93,500,2.1,x\nbig,70.0,500,,\n",
	"b.md":   "# Results\n\n| model | acc | items |\n|---|---:|---|\n| tiny | 0.25 | 8 |\n\n| other | table |\n|---|---|\n| a | b |\n",
	"c.html": "<title>x</title><table><tr><th>System</th><th>Resolved</th><th>Total</th></tr>\n<tr><td>tiny</td><td>42.70</td><td>730</td></tr></table>",
}

func TestPlainTables(t *testing.T) {
	in := importAll(t, plainTables)
	if len(in.Refused)+len(in.Unrecognised) > 0 || len(in.Tables) != 3 {
		t.Fatalf("%d tables, refused %v, unrecognised %v", len(in.Tables), in.Refused, in.Unrecognised)
	}
	type table struct {
		Board  string
		Scales []float64
		Rules  []Rule
		Row    TableRow
	}
	var got []table
	for _, x := range in.Tables {
		row := table{Board: x.Board, Row: x.Rows[0]}
		for _, c := range x.Columns {
			if c.Metric != nil {
				row.Scales, row.Rules = append(row.Scales, c.Metric.Scale), append(row.Rules, c.Metric.Rule)
			}
		}
		got = append(got, row)
	}
	want := []table{
		{"a", []float64{100, 0, 100}, []Rule{Mean, Count, StandardError}, TableRow{Entry: "tiny", Line: 2, Values: []string{"64.93", "500", "2.1", "x"}}},
		{"b", []float64{1, 0}, []Rule{Mean, Count}, TableRow{Entry: "tiny", Line: 5, Values: []string{"0.25", "8"}}},
		{"c", []float64{100, 0}, []Rule{Mean, Count}, TableRow{Entry: "tiny", Line: 2, Values: []string{"42.70", "730"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

// A table whose columns may mean anything is no published table.
func TestPlainTablesUnknown(t *testing.T) {
	in := importAll(t, map[string]string{
		"a.csv":  "model,score,n\na,1,2\n",
		"b.csv":  "model,accuracy\na,1\n",
		"c.csv":  "accuracy,n\n1,2\n",
		"d.md":   "model accuracy n\n",
		"e.html": "<p>model accuracy n</p>",
	})
	if len(in.Tables)+len(in.Refused) > 0 || len(in.Unrecognised) != 5 {
		t.Errorf("tables %v, refused %v", in.Tables, in.Refused)
	}
	for text, want := range map[string]string{
		"model,accuracy,n\n":                   "no rows in it",
		"model,accuracy,n\n,1,2\n":             "row has no model",
		"model,accuracy,n\na,1\n":              "wrong number of fields",
		"model,accuracy,n,Accuracy\na,1,2,3\n": `column "Accuracy" is there twice`,
	} {
		in := importAll(t, map[string]string{"a.csv": text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, want) {
			t.Errorf("%q: refused %v, want %q", text, in.Refused, want)
		}
	}
}

// A number that may be no share of items is not judged, whatever its column is called.
func TestPlainTablesShares(t *testing.T) {
	const none = -1 // not recognised
	for text, want := range map[string]float64{
		"model,accuracy,n\na,0.5,8\n":                          1,
		"model,accuracy,n\na,0.5,8\nb,1,8\n":                   1,
		"model,accuracy,n\na,0.5,8\nb,50,8\n":                  100,
		"model,accuracy,n\na,0.5%,8\n":                         100,
		"model,accuracy (%),n\na,0.5,8\n":                      100,
		"model,accuracy (%),n\na,104,8\n":                      100,
		"model,accuracy,n\na,104,8\n":                          none,
		"model,accuracy,n\na,-0.5,8\n":                         none,
		"model,resolved,total\na,42,500\nb,21,500\n":           none,
		"model,resolved,total\na,42.0,500\nb,21.4,500\n":       100,
		"model,% resolved,total\na,42,500\n":                   100,
		"model,acc,total\na,0.5,8\n":                           1,
		"name,acc,total\na,0.5,8\n":                            none,
		"name,em,items\na,3.5,7\n":                             none,
		"name,exact_match,items\na,0.5,8\n":                    1,
		"model, accuracy , accuracy_stderr ,n\na,50.5,1.5,8\n": 100,
	} {
		in := importAll(t, map[string]string{"a.csv": text})
		if want == none {
			if len(in.Unrecognised) != 1 {
				t.Errorf("%q: tables %v, refused %v, want it not recognised", text, in.Tables, in.Refused)
			}
			continue
		}
		if len(in.Tables) != 1 {
			t.Errorf("%q: refused %v, unrecognised %v", text, in.Refused, in.Unrecognised)
			continue
		}
		for _, c := range in.Tables[0].Columns {
			if m := c.Metric; m == nil || m.Rule != Count && m.Scale != want || m.EitherN != (m.Rule == StandardError) {
				t.Errorf("%q: column %s is %+v, want the scale %v", text, c.Name, m, want)
			}
		}
	}
	late := "model,accuracy,n\n" + strings.Repeat("a,0.5,8\n", headSize) + "b,312,8\n"
	if in := importAll(t, map[string]string{"a.csv": late}); len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, "surely shares") {
		t.Errorf("tables %v, refused %v", in.Tables, in.Refused)
	}
}

// The first bytes, by which a file is recognised, end in the middle of a long table.
func TestPlainTablesLong(t *testing.T) {
	const rows = 1000
	in := importAll(t, map[string]string{
		"a.csv":  "model,accuracy,n\n" + strings.Repeat("a,64.93,500\n", rows),
		"b.md":   "| model | accuracy | n |\n|---|---|---|\n" + strings.Repeat("| a | 64.93 | 500 |\n", rows),
		"c.html": "<table><tr><th>model<th>accuracy<th>n</tr>" + strings.Repeat("<tr><td>a<td>64.93<td>500</tr>", rows) + "</table>",
	})
	if len(in.Tables) != 3 {
		t.Fatalf("%d tables, refused %v, unrecognised %v", len(in.Tables), in.Refused, in.Unrecognised)
	}
	for _, table := range in.Tables {
		if len(table.Rows) != rows {
			t.Errorf("%s: %d rows, want %d", table.File.Path, len(table.Rows), rows)
		}
	}
}

func FuzzPlainTable(f *testing.F) {
	names := []string{"a.csv", "b.md", "c.html"}
	for name := range treeTables {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		f.Add(uint8(i), []byte(plainTables[name]+treeTables[name]))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		fsys := fstest.MapFS{names[int(kind)%len(names)]: {Data: data}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
