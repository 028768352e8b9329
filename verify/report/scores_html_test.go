package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/proctor-attest/proctor/verify/history"
)

func scoresHTML(t *testing.T, r *history.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := ScoresHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elementsOf are the page's elements by name. A page that is not well formed has others
// than it writes.
func elementsOf(t *testing.T, page string) map[string][]*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]*html.Node{}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			all[n.Data] = append(all[n.Data], n)
		}
	}
	for _, name := range []string{"table", "section", "details", "svg", "g", "tr", "div"} {
		if opened, closed := strings.Count(page, "<"+name+">")+strings.Count(page, "<"+name+" "), strings.Count(page, "</"+name+">"); opened != closed || opened != len(all[name]) {
			t.Errorf("%s is opened %d times, closed %d times and parsed %d times", name, opened, closed, len(all[name]))
		}
	}
	return all
}

func TestScoresHTML(t *testing.T) {
	page := scoresHTML(t, scoresReport())
	all := elementsOf(t, page)
	for _, want := range []string{
		"10 published numbers: 5 reproduced, 1 differs, 1 impossible, 3 not recomputable; 13 findings.",
		"1 table with nothing here to recompute from", // the file that was not read
		"<strong><bdi>j/b</bdi></strong>", "the row is &#34;b&#34;, and it says\uFFFD[1m otherwise",
		"<summary>2 more</summary>", "<bdi>j.csv</bdi>:2 sha256:abcd", "<bdi>j.csv</bdi>:3 in commit 0123456789abcdef0123456789abcdef01234567 of 2025-01-02 sha256:abcd",
		"b: published 51.0, recomputed 49, differs", "What this does not show", "20.0 to 80.0",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page has no %q", want)
		}
	}
	if strings.ContainsRune(page, '\x1b') {
		t.Error("page has a control character")
	}
	for _, name := range []string{"script", "img", "link", "iframe", "form", "object"} {
		if n := len(all[name]); n > 0 {
			t.Errorf("page has %d elements %s", n, name)
		}
	}
	for _, table := range all["table"] {
		if table.FirstChild == nil || !strings.Contains(page, "<caption>") {
			t.Error("a table has no caption")
		}
	}
}

// What stands in a file is never markup, whatever part of the page it comes to.
func TestScoresHTMLEscapes(t *testing.T) {
	const hostile = `"><script>alert(1)</script><b x='`
	r := scoresReport()
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Row, row.Board, row.Entry, row.Detail = hostile+row.Row, hostile, hostile+row.Entry, hostile+"\u202e"
		row.Metric += hostile
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Row, f.Detail, f.Name = hostile, hostile, f.Name+hostile
		f.Files = append(f.Files, history.Place{Path: hostile})
	}
	all := elementsOf(t, scoresHTML(t, r))
	if len(all["script"])+len(all["b"]) > 0 {
		t.Errorf("%d scripts, %d b", len(all["script"]), len(all["b"]))
	}
}

// A rank changes when the recomputed number takes the published one's place.
func TestMoved(t *testing.T) {
	row := func(entry, published, recomputed string, status history.Status) history.Row {
		return history.Row{Entry: entry, Metric: "acc", Published: published, Recomputed: recomputed, Status: status}
	}
	got := moved([]history.Row{
		row("a", "90", "90", history.Reproduced), row("b", "80", "60", history.Differs),
		row("c", "70", "", history.NotComputable), row("d", "70", "70.0", history.Reproduced),
		row("e", "50", "40", history.Impossible),
	})
	want := []movedRow{{"b", "80", "60", 2, 4}, {"c", "70", "70", 3, 2}, {"d", "70", "70.0", 3, 2}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("moved %v, want %v", got, want)
	}
}

func TestTickStep(t *testing.T) {
	for span, want := range map[float64]float64{0: 1, 100: 20, 7: 1, 0.03: 0.005, 1e-300: 2e-301} {
		if got := tickStep(span); fmt.Sprintf("%.3g", got) != fmt.Sprintf("%.3g", want) {
			t.Errorf("%v: %v, want %v", span, got, want)
		}
	}
}

// A table of many rows draws and lists a part of them, and says how many there are.
func TestScoresHTMLIsBounded(t *testing.T) {
	r := &history.Report{}
	for i := range 3 * mostListed {
		name := fmt.Sprint("model-", i)
		r.Rows = append(r.Rows, history.Row{Row: "j/" + name, Board: "j", Entry: name, Metric: "acc", Published: fmt.Sprint(i), Recomputed: fmt.Sprint(i), Status: history.Reproduced})
	}
	page := scoresHTML(t, r)
	if n := strings.Count(page, "<circle"); n != 2*mostDrawn {
		t.Errorf("%d circles, want %d", n, 2*mostDrawn)
	}
	for _, want := range []string{"5960 more are in the table below", "and 4000 more rows"} {
		if !strings.Contains(page, want) {
			t.Errorf("page has no %q", want)
		}
	}
}

// The rows that do not stand are named at the top and lead to their line, and the lines
// of a table begin with them.
func TestScoresHTMLNamesTheWorst(t *testing.T) {
	r := &history.Report{}
	for i := range mostNamed + 3 {
		r.Rows = append(r.Rows,
			history.Row{Row: fmt.Sprint("b/good-", i), Board: "b", Entry: fmt.Sprint("good-", i), Metric: "acc", Published: "0.5", Recomputed: "0.5", Items: 4, Status: history.Reproduced},
			history.Row{Row: fmt.Sprint("b/bad-", i), Board: "b", Entry: fmt.Sprint("bad-", i), Metric: "acc", Published: "0.123456789", Recomputed: "0.5", Items: 4, Status: history.Differs, Detail: "differs by 0.38"})
	}
	v := viewScores(r)
	worst := v.Worst()
	if len(worst) != 1 || worst[0].N != mostNamed+3 || len(worst[0].Rows) != mostNamed || worst[0].More != 3 {
		t.Fatalf("named at the top: %+v", worst)
	}
	lines := v.Boards[0].reliances()
	if len(lines) != 2*(mostNamed+3) || lines[0].ID != worst[0].Rows[0].ID || lines[0].State != "differ" || lines[len(lines)-1].State != "stand" {
		t.Errorf("lines begin with %+v", lines[0])
	}
	if got := lines[0]; got.Published != (figure{"0.1235", "0.123456789"}) || got.Why != "acc: differs by 0.38" || got.Right != 0 || got.Numbers != 1 {
		t.Errorf("a row that differs: %+v", got)
	}
	if page := scoresHTML(t, r); !strings.Contains(page, `href="#`+lines[0].ID+`"`) || !strings.Contains(page, `id="`+lines[0].ID+`"`) {
		t.Error("a named row does not lead to its line")
	}
}
