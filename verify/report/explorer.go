package report

import (
	_ "embed"
	"html/template"
	"io"
	"net/url"
)

//go:embed explorer.html.tmpl
var explorerTemplate string

var explorerPage = template.Must(template.New("explorer").Funcs(template.FuncMap{
	"clean": clean,
	"query": url.QueryEscape,
	"short": func(s string) string { return short(s, 12) },
	"name":  func(s string) string { return short(clean(s), 80) },
}).Parse(explorerTemplate))

// ExplorerPage is a page about a ledger, for people. Exactly one of its parts after
// Ledger is there. Nothing that stands in a statement is markup in it.
type ExplorerPage struct {
	Title  string
	Ledger ExplorerLedger

	Newest    *ExplorerList
	Issuer    *ExplorerList
	Statement *ExplorerStatement
	Testset   *ExplorerTestset
}

// ExplorerLedger is the published checkpoint.
type ExplorerLedger struct {
	Origin, Root string
	Size         uint64
	Cosigned     []ExplorerCosignature
}

// ExplorerCosignature is a witness of the policy and how old its cosignature is.
type ExplorerCosignature struct{ Witness, Age string }

// ExplorerList lists statements.
type ExplorerList struct {
	Issuer     string // whose they are; "" for the newest of all
	Statements []ExplorerEntry
	More       int

	// Twice are the numbers that the issuer has given to two statements.
	Twice []uint64
}

// ExplorerEntry is one line of a list.
type ExplorerEntry struct {
	Index               uint64
	ID, Kind, Issuer    string
	Seq                 uint64
	Name, SetID, Remark string
}

// ExplorerStatement is one statement.
type ExplorerStatement struct {
	ExplorerEntry
	Prev string // "" of the first
	Refs []ExplorerRef
	JSON string // its predicate, indented
}

// ExplorerRef is a statement that another rests on.
type ExplorerRef struct{ Role, ID string }

// ExplorerTestset is what was announced on a set, by lab.
type ExplorerTestset struct {
	Name, SetID string
	Labs        []ExplorerLab
	Statements  []ExplorerEntry
	More        int
}

// ExplorerLab counts the runs of a lab on a set by what became of them.
type ExplorerLab struct {
	Lab                                  string
	Registered, Reported, Abandoned      int
	Open, Overdue, Undisclosed, Greatest int // Greatest: the most that any lab registered
}

// Bars are the parts of the lab's bar, in per mille of the greatest.
func (l ExplorerLab) Bars() (bars []ExplorerBar) {
	x := 0
	for _, part := range []struct {
		class string
		n     int
	}{{"reported", l.Reported}, {"open", l.Open}, {"abandoned", l.Abandoned}, {"overdue", l.Overdue}} {
		width := 1000 * part.n / max(1, l.Greatest)
		if part.n > 0 {
			bars = append(bars, ExplorerBar{part.class, x, width})
		}
		x += width
	}
	return bars
}

// ExplorerBar is a part of a bar.
type ExplorerBar struct {
	Class    string
	X, Width int
}

// Explorer writes a page, which needs nothing else: no program, no network.
func Explorer(w io.Writer, page *ExplorerPage) error { return explorerPage.Execute(w, page) }

// Key says what the colours of a chart stand for.
func (ExplorerTestset) Key() map[string]string {
	return map[string]string{
		"reported":  "its result is in this ledger",
		"open":      "no result yet, and its deadline has not passed",
		"abandoned": "given up, with a reason",
		"overdue":   "no result, and its deadline has passed",
	}
}
