package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/verify/history"
)

// Scores writes an audit of published tables in plain text: what was found first,
// then for each table which rows stand and which numbers do not.
func Scores(w io.Writer, r *history.Report) error {
	p := &printer{w: bufio.NewWriter(w)}
	p.printf("%s\n", scoresSummary(r))
	p.findings(r.Findings)
	for _, board := range byBoard(r.Rows) {
		p.board(board)
	}
	return p.w.Flush()
}

func scoresSummary(r *history.Report) string {
	if len(r.Rows) == 0 {
		return "no published scores were found"
	}
	count := countStatus(r.Rows)
	var parts []string
	for _, s := range []history.Status{history.Reproduced, history.Differs, history.Impossible, history.NotComputable} {
		parts = append(parts, fmt.Sprintf("%d %s", count[s], statusWord(s, count[s])))
	}
	return fmt.Sprintf("%s: %s; %s", plural(len(r.Rows)-count[history.Unpublished], "published number"), strings.Join(parts, ", "), plural(len(r.Findings), "finding"))
}

func countStatus(rows []history.Row) map[history.Status]int {
	n := map[history.Status]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	return n
}

func statusWord(s history.Status, n int) string {
	if s == history.Differs && n != 1 {
		return "differ"
	}
	return string(s)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (p *printer) findings(all []history.Finding) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b history.Finding) int { return cmp.Compare(a.Name, b.Name) })
	for i, f := range all {
		if i == 0 || all[i-1].Name != f.Name {
			p.printf("\n%s\n", f.Name)
		}
		p.wrap("  "+clean(f.Row)+": ", f.Detail)
		for _, place := range f.Files {
			p.place(place)
		}
	}
}

func (p *printer) place(at history.Place) {
	where := at.Path
	if at.Line > 0 {
		where = fmt.Sprintf("%s:%d", at.Path, at.Line)
	}
	p.printf("      %s  %s\n", at.SHA256.Short(), clean(where))
}

// byBoard keeps the order in which boards and rows come.
func byBoard(rows []history.Row) [][]history.Row {
	var boards [][]history.Row
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[r.Board]
		if !ok {
			i = len(boards)
			at[r.Board] = i
			boards = append(boards, nil)
		}
		boards[i] = append(boards[i], r)
	}
	return boards
}

func (p *printer) board(rows []history.Row) {
	if name := rows[0].Board; name != "" {
		p.printf("\n%s\n", clean(name))
	} else {
		p.printf("\nelsewhere\n")
	}
	var stand, silent, unpublished []string
	for _, entry := range byEntry(rows) {
		n := countStatus(entry)
		switch {
		case n[history.Unpublished] == len(entry):
			unpublished = append(unpublished, entry[0].Entry)
		case n[history.NotComputable] == len(entry) && entry[0].Entry != "":
			silent = append(silent, entry[0].Entry)
		case n[history.Differs] == 0 && n[history.Impossible] == 0 && entry[0].Entry != "":
			stand = append(stand, entry[0].Entry)
		default:
			for _, r := range entry {
				p.scoreRow(&r)
			}
		}
	}
	p.names("nothing differs", stand)
	p.names("no results to recompute from", silent)
	p.names("results, but no published row", unpublished)
}

func byEntry(rows []history.Row) [][]history.Row {
	rows = slices.Clone(rows)
	first := map[string]int{}
	for i, r := range rows {
		if _, ok := first[r.Row]; !ok {
			first[r.Row] = i
		}
	}
	slices.SortStableFunc(rows, func(a, b history.Row) int { return cmp.Compare(first[a.Row], first[b.Row]) })
	return slices.Collect(chunkBy(rows))
}

func chunkBy(rows []history.Row) func(yield func([]history.Row) bool) {
	return func(yield func([]history.Row) bool) {
		for start, end := 0, 0; start < len(rows); start = end {
			for end < len(rows) && rows[end].Row == rows[start].Row {
				end++
			}
			if !yield(rows[start:end]) {
				return
			}
		}
	}
}

func (p *printer) scoreRow(r *history.Row) {
	text := fmt.Sprintf("%s %s", r.Metric, r.Published)
	if r.Recomputed != "" {
		text += fmt.Sprintf(", recomputed %s from %s", r.Recomputed, plural(r.Items, "item"))
	}
	text = strings.TrimSpace(text) + ": " + statusWord(r.Status, 1)
	if r.Detail != "" {
		text += ", " + r.Detail
	}
	p.wrap("  "+clean(cmp.Or(r.Entry, r.Row))+": ", text)
}

func (p *printer) names(what string, names []string) {
	if len(names) > 0 {
		p.wrap(fmt.Sprintf("  %s (%d): ", what, len(names)), strings.Join(names, ", "))
	}
}
