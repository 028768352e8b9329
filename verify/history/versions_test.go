package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// ratings is one version of a board: "model rating", each ±5.
func ratings(board, date string, rows ...string) *harness.Table {
	t := &harness.Table{
		Format: "arena-catalog", Board: board, Date: date, File: harness.File{Path: board + "." + date},
		Columns: []harness.Column{{Name: "rating", Metric: &harness.Metric{Name: "rating"}, Low: "low", High: "high"}, {Name: "low"}, {Name: "high"}},
	}
	for _, row := range rows {
		var name string
		var x float64
		fmt.Sscan(row, &name, &x)
		t.Rows = append(t.Rows, harness.TableRow{Entry: name, Values: []string{fmt.Sprint(x), fmt.Sprint(x - 5), fmt.Sprint(x + 5)}})
	}
	return t
}

// dated is one version of a board without intervals.
func dated(date string, rows ...string) *harness.Table {
	t := &harness.Table{Format: "f", Board: "b", Date: date, File: harness.File{Path: "b." + date}, Columns: []harness.Column{{Name: "score", Metric: &harness.Metric{Name: "score"}}, {Name: "note"}}}
	for _, row := range rows {
		name, score, _ := strings.Cut(row, " ")
		t.Rows = append(t.Rows, harness.TableRow{Entry: name, Values: []string{score, "note of " + date}})
	}
	return t
}

func tables(all ...*harness.Table) *harness.Imported { return &harness.Imported{Tables: all} }

func TestRowChanged(t *testing.T) {
	wantFound(t, "row-changed", tables(dated("2025-01-02", "a 1.0", "b 3", "c "), dated("2025-01-01", "a 1", "b 2", "c 7", "d 1")),
		"b/b: score is 2 in the version of 2025-01-01 and 3 in that of 2025-01-02 | b.2025-01-01 | b.2025-01-02",
		"b/c: score is 7 in the version of 2025-01-01, and not there in that of 2025-01-02 | b.2025-01-01 | b.2025-01-02")
	// Two tables of one day, or without a day, are not versions.
	wantFound(t, "row-changed", tables(dated("2025-01-01", "a 1"), dated("2025-01-01", "a 2")))
	wantFound(t, "row-changed", tables(dated("", "a 1"), dated("2025-01-01", "a 2")))
}

// New votes move ratings, within their intervals, and all ratings may move together.
func TestRatingsChanged(t *testing.T) {
	before := []string{"a 1000", "b 1100", "c 1200", "d 1300"}
	wantFound(t, "row-changed", tables(ratings("r", "2025-01-01", before...), ratings("r", "2025-01-02", "a 1009", "b 1091", "c 1200", "d 1300")))
	wantFound(t, "row-changed", tables(ratings("r", "2025-01-01", before...), ratings("r", "2025-01-02", "a 1011", "b 1100", "c 1200", "d 1300")),
		"r/a: rating is 1000.00 [995.00, 1005.00] in the version of 2025-01-01 and 1011.00 [1006.00, 1016.00] in that of 2025-01-02: their 95 % intervals do not meet | r.2025-01-01 | r.2025-01-02")
	wantFound(t, "row-changed", tables(ratings("r", "2025-01-01", before...), ratings("r", "2025-01-02", "a 1060", "b 1160", "c 1290", "d 1360")),
		"r: between the versions of 2025-01-01 and 2025-01-02 rating moved in all rows together, by 60.0 in the median of 4 rows: numbers of the two versions cannot be compared, only differences within one | r.2025-01-01 | r.2025-01-02",
		"r/c: rating is 1200.00 [1195.00, 1205.00] in the version of 2025-01-01 and 1290.00 [1285.00, 1295.00] in that of 2025-01-02: their 95 % intervals do not meet, also without the 60.0 points that all rows moved by | r.2025-01-01 | r.2025-01-02")
}

// Published intervals that meet are not said to be apart but for what all rows moved by.
func TestRatingsChangedLessThanAll(t *testing.T) {
	before := []string{"a 1000", "b 1100", "c 1200", "d 1300"}
	wantFound(t, "row-changed", tables(ratings("r", "2025-01-01", before...), ratings("r", "2025-01-02", "a 995", "b 1108", "c 1208", "d 1308")),
		"r/a: rating is 1000.00 [995.00, 1005.00] in the version of 2025-01-01 and 995.00 [990.00, 1000.00] in that of 2025-01-02: their 95 % intervals do not meet without the 8.0 points that all rows moved by | r.2025-01-01 | r.2025-01-02")
}

func TestRowVanished(t *testing.T) {
	wantFound(t, "row-vanished", tables(dated("2025-01-01", "a 1", "b 2", "c 3"), dated("2025-01-02", "a 1"), dated("2025-01-03", "a 1", "b 2")),
		"b/c: the row is in the version of 2025-01-01 and in none from 2025-01-02 on | b.2025-01-01 | b.2025-01-02")
}

// Only the last version is what is published.
func TestSuperseded(t *testing.T) {
	r := Audit(tables(dated("2025-01-02", "a 1"), dated("2025-01-01", "a 2", "b 3")))
	if len(r.Rows) != 1 || r.Rows[0].Published != "1" {
		t.Errorf("rows %v", r.Rows)
	}
}

// A copy of an old version is as old.
func TestSupersededCopies(t *testing.T) {
	first := func() *harness.Table { return dated("2025-01-01", "a 2", "b 3") }
	r := Audit(tables(first(), dated("2025-01-02", "a 1"), first()))
	if len(r.Rows) != 1 || r.Rows[0].Published != "1" {
		t.Errorf("rows %v", r.Rows)
	}
	// Copies of the last one are no less published than it.
	if r := Audit(tables(first(), first())); len(r.Rows) != 4 {
		t.Errorf("rows %v", r.Rows)
	}
}

// An interval that does not hold its number, or is a point, is none: the number alone
// is compared.
func TestRatedWithoutInterval(t *testing.T) {
	at := func(date string, low, x, high float64) *harness.Table {
		v := ratings("r", date, fmt.Sprintf("a %v", x))
		v.Rows[0].Values = []string{fmt.Sprint(x), fmt.Sprint(low), fmt.Sprint(high)}
		return v
	}
	for _, c := range []struct{ low, x, high float64 }{{1001, 1000, 1010}, {990, 1000, 999}, {1000, 1000, 1000}} {
		wantFound(t, "row-changed", tables(at("2025-01-01", c.low, c.x, c.high), at("2025-01-02", 996, 1001, 1006)),
			"r/a: rating is 1000 in the version of 2025-01-01 and 1001 in that of 2025-01-02 | r.2025-01-01 | r.2025-01-02")
	}
	wantFound(t, "row-changed", tables(at("2025-01-01", 1000, 1000, 1010), at("2025-01-02", 996, 1001, 1001))) // on a bound is within
}

func TestVariantNotReleased(t *testing.T) {
	first := ratings("r", "2025-01-01", "tiny-4-0101-exp 1400", "big 1500")
	find := func(rows ...string) []string {
		return found(Audit(tables(first, ratings("r", "2025-01-02", append(rows, "tiny-4-0101-exp 1390")...))), "variant-not-released")
	}
	got := find("tiny-4-17b-instruct 1300", "big 1500")
	if len(got) != 1 || !strings.Contains(got[0], "rank 2 of 2 by score") || !strings.Contains(got[0], `"tiny-4-17b-instruct", which came later, has 1300.00`) || !strings.Contains(got[0], "90.0 apart, z = 24.9") {
		t.Errorf("found %q", got)
	}
	for _, other := range []string{"tiny-4-17b-instruct 1389", "tiny-4-mini 1300", "tiny-5 1300", "tiny-4-preview 1300"} {
		if got := find(other); len(got) != 0 {
			t.Errorf("%s: found %q", other, got)
		}
	}
	// Luck makes no variant worse, and style that widens a gap explains none of it.
	styled := func(date string, rows ...string) *harness.Table {
		t := ratings("r", date, rows...)
		t.Board += harness.StyleControlled
		return t
	}
	got = found(Audit(tables(first, ratings("r", "2025-01-02", "tiny-4-0101-exp 1390", "tiny-4 1500"), styled("2025-01-02", "tiny-4-0101-exp 1390", "tiny-4 1510"))), "variant-not-released")
	if len(got) != 1 || strings.Contains(got[0], "luck") || !strings.Contains(got[0], "style does not explain the gap") {
		t.Errorf("found %q", got)
	}
	// A model that is there from the beginning is no release of the variant.
	if got := found(Audit(tables(ratings("r", "2025-01-01", "tiny-4-exp 1400", "tiny-4 1300"), ratings("r", "2025-01-02", "tiny-4-exp 1400", "tiny-4 1300"))), "variant-not-released"); len(got) != 0 {
		t.Errorf("found %q", got)
	}
}

func TestVariantOf(t *testing.T) {
	for _, c := range []struct {
		variant, released string
		want              bool
	}{
		{"llama-4-maverick-03-26-experimental", "llama-4-maverick-17b-128e-instruct", true},
		{"gemini-2.0-flash-exp", "gemini-2.0-flash-001", true},
		{"gemini-1.5-flash-8b-exp-0827", "gemini-1.5-flash-8b-001", true},
		{"gemini-1.5-flash-8b-exp-0827", "gemini-1.5-flash-002", false},
		{"o1-preview", "o1-2024-12-17", true},
		{"o1-preview", "o1-mini", false},
		{"qwq-32b-preview", "qwq-32b", true},
		{"preview", "instruct", false},
	} {
		variant, marked := variantOf(c.variant)
		released, alsoMarked := variantOf(c.released)
		if got := marked && !alsoMarked && variant.names(released); got != c.want {
			t.Errorf("%s is a variant of %s: %t, want %t", c.variant, c.released, got, c.want)
		}
	}
}

// The episode of Llama 4, in LMArena's own tables.
func TestArenaCatalog(t *testing.T) {
	r := auditShared(t, "arena-catalog")
	got := found(r, "variant-not-released")
	i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "Arena text/") })
	if len(got) != 2 || i < 0 {
		t.Fatalf("found %q", got)
	}
	for _, want := range []string{
		"llama-4-maverick-03-26-experimental: ", "of 2025-04-07, with 1416.58 [1404.95, 1429.22], rank 2 of 215 by score and 2 by the intervals",
		"of 2025-04-24 it has 1400.71", "has 1270.77 [1263.55, 1277.21], rank 56 of 222 by score and 48 by the intervals: 129.9 apart, z = 26.5",
		"they are 52.3 apart (1302.44", "and 1250.18 [1242.42, 1257.27], z = 10.2; the later one rank 50 of 222 by score and 39 by the intervals)",
		"78 of the 130 points, or 60 %, are style", "at most 12.7 points by luck, which is less than the gap",
	} {
		if !strings.Contains(got[i], want) {
			t.Errorf("%q is not in %q", want, got[i])
		}
	}
	if got := found(r, "row-changed"); len(got) != 1 || !strings.Contains(got[0], "by 60.0 in the median of 226 rows") {
		t.Errorf("row-changed: %q", got)
	}
}
