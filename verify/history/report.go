// Package history audits published tables of scores without any ledger: it joins
// tables with the per-item results that lie beside them, recomputes what can be
// recomputed, and reports for every published number whether it stands, and what in
// the files speaks against it.
//
// A finding is a fact about files, with their digests, so that anybody can look. It
// says nothing of intent, and a report without findings says no more than that
// nothing of the kinds that are looked for was found in these files.
package history

import (
	"cmp"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
)

// Status is what became of one published number.
type Status string

// What a row's status can be.
const (
	Reproduced    Status = "reproduced"
	Differs       Status = "differs"
	NotComputable Status = "not recomputable"
	Impossible    Status = "impossible"       // no outcome of the stated number of items gives it
	Unpublished   Status = "no published row" // items whose score neither a table here nor their own file has
)

// Report is the answer to an audit. Its slices are in a fixed order and never nil.
type Report struct {
	Rows     []Row     `json:"rows"`
	Findings []Finding `json:"findings"`
}

// Row is one published number.
type Row struct {
	Row        string    `json:"row"` // BOARD/ENTRY, as findings call it
	Board      string    `json:"board"`
	Entry      string    `json:"entry"`
	Metric     string    `json:"metric"`
	Published  string    `json:"published"`  // as written; "" when it is not published
	Recomputed string    `json:"recomputed"` // "" when it is not
	Items      int       `json:"items"`      // that it was recomputed from
	Status     Status    `json:"status"`
	Detail     string    `json:"detail"`
	Interval   *Interval `json:"interval,omitempty"`
	Files      []Place   `json:"files"` // where it is published, then what it was recomputed from
}

// Interval is what the score of other items of the same kind may well be.
type Interval struct {
	Method string `json:"method"`
	Low    string `json:"low"`
	High   string `json:"high"`
}

// Finding is something in the files that a reader of the table should know.
type Finding struct {
	Name   string  `json:"name"` // stable
	Row    string  `json:"row"`  // BOARD/ENTRY, or a file where there is none
	Files  []Place `json:"files"`
	Detail string  `json:"detail"`
}

// Place is a file, and a line of it where that is known. Of a history it is the file in
// a commit, with the day that the commit states.
type Place struct {
	Path   string      `json:"path"`
	SHA256 attest.Hash `json:"sha256"`
	Line   int         `json:"line,omitempty"`
	Commit string      `json:"commit,omitempty"`
	Date   string      `json:"date,omitempty"`
}

// Audit recomputes and looks. It reads nothing but its argument.
func Audit(in *harness.Imported) *Report {
	a := newAudit(in)
	r := &Report{Rows: a.rows(), Findings: []Finding{}}
	a.results = r.Rows
	for _, find := range checks {
		r.Findings = append(r.Findings, find(a)...)
	}
	slices.SortStableFunc(r.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(rank(x.Name), rank(y.Name)), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Row, y.Row))
	})
	return r
}

// Incomplete reports whether a published number could not be recomputed.
func (r *Report) Incomplete() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Status == NotComputable })
}
