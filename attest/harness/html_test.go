package harness

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadPage(t *testing.T) {
	p, err := readPage([]byte(`<!doctype html><style>td { color: red }</style>
<table><thead><tr><th>a<th>b</tr></thead>
<tr><td>1 &lt; <b>2</b></td>
    <td>x<script>"<td>no</td>"</script>y</td></tr>
<tr><td><table><tr><td>inner</table>outer</table>
<p>total
problems: 7`))
	if err != nil {
		t.Fatal(err)
	}
	want := []pageTable{
		{5, []pageRow{{5, []string{"inner"}}}},
		{2, []pageRow{{2, []string{"a", "b"}}, {3, []string{"1 < 2", "xy"}}, {5, []string{"outer"}}}},
	}
	if diff := cmp.Diff(want, p.tables, cmp.AllowUnexported(pageTable{}, pageRow{})); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if want := "total problems: 7"; !strings.HasSuffix(p.text, want) || strings.Contains(p.text, "color") {
		t.Errorf("text %q, want one that ends %q", p.text, want)
	}
	if _, err := readPage([]byte(strings.Repeat("<table>\n", maxNested+1))); err == nil || err.Error() != "line 51: tables are nested more than 50 deep" {
		t.Errorf("nested tables: %v", err)
	}
}

// Whatever a page is, rows are on its lines.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(fixture(f, "swe-bench-pro/index.html")))
	f.Add([]byte("<table><tr><td>a<tr><td><table><script></table></script><th>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPage(data)
		if err != nil {
			return
		}
		for _, table := range p.tables {
			for _, row := range table.rows {
				if row.line < 1 || row.line > 1+strings.Count(string(data), "\n") {
					t.Errorf("row on line %d", row.line)
				}
			}
		}
	})
}
