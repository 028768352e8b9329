package harness

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const proResults = `{"instance_a": true, "instance_b": false, "instance_c": true, "instance_d": null}`

func TestSWEPro(t *testing.T) {
	in := importAll(t, map[string]string{
		"index.html": fixture(t, "swe-bench-pro/index.html"),
		"traj/tiny-45chat-10132025/eval_results.json":   proResults,
		"traj/big-250-turns-10132025/eval_results.json": proResults,
		"traj/small-paper/eval_results.json":            proResults,
		"traj/small-8b/eval_results.json":               proResults, // of another size
		"traj/twice-paper/eval_results.json":            proResults, // could be either
		"traj/chat-tiny-45/eval_results.json":           proResults,
	})
	if len(in.Refused)+len(in.Unrecognised) > 0 || len(in.Tables) != 1 {
		t.Fatalf("%d tables, refused %v, not recognised %v", len(in.Tables), in.Refused, in.Unrecognised)
	}
	tab := in.Tables[0]
	want := []TableRow{
		{Entry: "SWE-Agent + tiny-4-5-Chat", Line: 8, Values: []string{"75.00", ""}},
		{Entry: "SWE-Agent + big-2025-08-07 (High)", Line: 9, Values: []string{"66.67", ""}},
		{Entry: "SWE-Agent + small-7b", Line: 14, Values: []string{"25.00", ""}},
		{Entry: "SWE-Agent + twice-1b", Line: 15, Values: []string{"1", ""}},
		{Entry: "SWE-Agent + twice-3b", Line: 16, Values: []string{"2", ""}},
	}
	if diff := cmp.Diff(want, tab.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if tab.Items != 4 || tab.ItemsFrom != "" || tab.Columns[0].Metric == nil || tab.Columns[0].Metric.Rule != MeanOfStated || tab.Columns[1].Metric != nil {
		t.Errorf("table of %d items, columns %+v", tab.Items, tab.Columns)
	}
	got := map[string]string{}
	for _, r := range in.Runs {
		if got[r.Model.Name] = r.Entry; (r.Joined != "") != (r.Entry != r.Model.Name) {
			t.Errorf("%s: joined %q", r.Entry, r.Joined)
		}
	}
	wantEntries := map[string]string{
		"tiny-45chat-10132025": "SWE-Agent + tiny-4-5-Chat", "big-250-turns-10132025": "SWE-Agent + big-2025-08-07 (High)",
		"small-paper": "SWE-Agent + small-7b", "small-8b": "small-8b", "twice-paper": "twice-paper", "chat-tiny-45": "chat-tiny-45",
	}
	if diff := cmp.Diff(wantEntries, got); diff != "" {
		t.Errorf("rows of the folders (-want +got):\n%s", diff)
	}
	r := in.Runs[0]
	if r.Date != "2025-10-13" || r.Items.Len() != 4 || r.Items.At(2).ID != "instance_c" || r.Items.Values(1)[0] != 0 {
		t.Errorf("date %q, %d items", r.Date, r.Items.Len())
	}
}

func TestSWEProRefuses(t *testing.T) {
	page := func(tables string) string { return "<html><title>SWE-Bench Pro</title>\n" + tables }
	const head = "<table><tr><th>Model<th>% Resolved</tr>\n"
	for _, tt := range []struct{ name, text, want string }{
		{"index.html", page(""), "has no table with the columns Model and % Resolved"},
		{"index.html", page(head + "<tr><td>m</table>"), "line 3: row has 1 cells, and the header 2"},
		{"index.html", page(head + "<tr><td>🥇<td>3</table>"), "line 3: row has no model"},
		{"index.html", page(head + "</table>" + head + "</table>"), "line 3: a second table has the columns Model and % Resolved"},
		{"m/eval_results.json", `{"instance_a": 1}`, "instance_a is 1, want true or false"},
		{"m/eval_results.json", `{"instance_a": true`, "want a comma or '}' at byte 19"},
		{"m/eval_results.json", `{"instance_a": true, "instance_a": true}`, ""},
	} {
		in := importAll(t, map[string]string{tt.name: tt.text})
		if len(in.Refused) != 1 || tt.want != "" && in.Refused[0].Reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.text, in.Refused, tt.want)
		}
	}

	// A page that does not say how many problems there are has means of those that finished.
	in := importAll(t, map[string]string{"index.html": page(head + "<tr><td>m<td>3</table>")})
	if len(in.Tables) != 1 || in.Tables[0].Items != 0 || in.Tables[0].Columns[0].Metric.Rule != Mean {
		t.Errorf("tables: %+v", in.Tables)
	}
}
