package harness

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fixture reads a file of testdata.
func fixture(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSWELeaderboards(t *testing.T) {
	in := importAll(t, map[string]string{"data/leaderboards.2025-12-10.f1176b6.json": fixture(t, "swe-bench/leaderboards.json")})
	if len(in.Refused) > 0 || len(in.Tables) != 2 {
		t.Fatalf("%d tables, refused %v", len(in.Tables), in.Refused)
	}
	type table struct {
		Board, Date, From string
		Items             int
		Rule              Rule
		Rows              []TableRow
	}
	var got []table
	for _, b := range in.Tables {
		got = append(got, table{b.Board, b.Date, b.ItemsFrom, b.Items, b.Columns[0].Metric.Rule, b.Rows})
	}
	want := []table{
		{"SWE-bench Verified", "2025-12-10", "swebench.com", 500, MeanOfStated, []TableRow{
			{Entry: "agent + tiny (20250101_tiny)", Line: 6, Date: "2025-01-01", Values: []string{"0.40", "0.75", "0.25", "5.5"}},
			{Entry: "agent + tiny (20250202_tiny)", Line: 20, Date: "2025-02-02", Values: []string{"64.93", "", "", ""}},
		}},
		{"SWE-bench Novel", "2025-12-10", "", 0, Mean, []TableRow{
			{Entry: "tiny", Line: 33, Date: "2025-01-01", Values: []string{"100.0", "", "", ""}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}

	r := in.Runs[0]
	var items []Item
	for _, it := range r.Items.All() {
		items = append(items, it)
	}
	wantItems := []Item{
		{ID: "a__a-1", Values: []float64{1, 0.5, 4}},
		{ID: "a__a-2", Values: []float64{0, 0.25, 7}},
		{ID: "a__a-3", Values: []float64{NoValue, NoValue, NoValue}},
	}
	if diff := cmp.Diff(wantItems, items, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if len(in.Runs) != 2 || r.Board != "SWE-bench Verified" || r.Entry != "agent + tiny (20250101_tiny)" || r.Origin != "20250101_tiny" || r.Model.Name != "tiny-1, tiny-2" {
		t.Errorf("%d runs, the first %q of %q: origin %q, model %q", len(in.Runs), r.Entry, r.Board, r.Origin, r.Model.Name)
	}
	if got := in.Runs[1].Model.Name; got != "tiny" {
		t.Errorf("without a tag the model is %q, want the row's name", got)
	}
}

func TestSWERefuses(t *testing.T) {
	row := func(members string) string {
		return `{"leaderboards":[{"name":"Lite","results":[` + "\n{" + members + "}]}]}"
	}
	for text, want := range map[string]string{
		`{"leaderboards":[],"results":1}`:                                                                "has no leaderboards",
		`{"leaderboards":[{"results":[]}]}`:                                                              "leaderboard 1: name is missing, want a text",
		`{"leaderboards":[{"name":"a","results":[]},{"name":"a","results":[]}]}`:                         `leaderboard 2: "a" is there twice`,
		row(`"resolved":1`):                                                                              "leaderboard 1: Lite: line 2: name is missing, want a text",
		row(`"name":"m","resolved":"1"`):                                                                 `leaderboard 1: Lite: line 2: resolved is "1", want a number`,
		row(`"name":"m","resolved":NaN`):                                                                 "leaderboard 1: Lite: line 2: resolved is NaN, want a number",
		row(`"name":"m","per_instance_details":3`):                                                       "leaderboard 1: Lite: line 2: per_instance_details: is 3, want an object",
		row(`"name":"m","per_instance_details":{"i":{"resolved":1}}`):                                    "leaderboard 1: Lite: line 2: per_instance_details: i: resolved is 1, want true or false",
		row(`"name":"m","per_instance_details":{"i":{"resolved":true},"i":{"resolved":true}}`):           "",
		row(`"name":"m","resolved":1,"per_instance_details":{"i":{"resolved":true,"cost":1e300}}`) + " ": "leaderboard 1: Lite: line 2: per_instance_details: value 1e+300 is out of range",
	} {
		in := importAll(t, map[string]string{"leaderboards.json": text})
		if len(in.Refused) != 1 || want != "" && in.Refused[0].Reason != want {
			t.Errorf("%s: %+v, want %q", text, in.Refused, want)
		}
	}
}

// Whatever is in the files, importing ends with an answer, and lines are the file's.
func FuzzSWE(f *testing.F) {
	f.Add([]byte(fixture(f, "swe-bench/leaderboards.json")))
	f.Add([]byte(`{"leaderboards":[{"name":"Lite","results":[{"name":"m","per_instance_details":{"i":null}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := Import(t.Context(), fstest.MapFS{"a/leaderboards.json": {Data: data}}, []string{"."}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(in.Tables)+len(in.Refused)+len(in.Unrecognised) == 0 {
			t.Error("the file is not accounted for")
		}
		for _, table := range in.Tables {
			for _, row := range table.Rows {
				if row.Line < 1 || row.Line > 1+strings.Count(string(data), "\n") {
					t.Errorf("row on line %d", row.Line)
				}
			}
		}
	})
}
