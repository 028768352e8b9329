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

// How much of a kind of finding is written out; the rest is named.
const (
	mostFindings = 8
	mostPlaces   = 4
	mostSilent   = 12 // tables of which nothing is known
)

// Scores writes an audit of published tables in plain text: what was found first,
// what says most at the top, then for each table which rows stand and which numbers do
// not.
func Scores(w io.Writer, r *history.Report) error {
	p := &printer{w: bufio.NewWriter(w)}
	p.wrap("", scoresSummary(r))
	boards := groupBy(r.Rows, func(r history.Row) string { return r.Board })
	disowns := r.Disowned()
	boards, folded := fold(boards, disowns)
	if len(boards) > 0 {
		p.overview(boards, disowns)
	}
	for _, all := range findingsByName(r.Findings) {
		p.findings(all)
	}
	for _, board := range boards {
		p.board(board, disowns)
	}
	if len(folded) > 0 {
		p.printf("\n")
		p.names("tables with nothing here to recompute from, by how many rows", folded)
	}
	return p.w.Flush()
}

// fold takes tables of which nothing is known out, where they are many, and names them
// with their numbers of rows. Files that could not be read stay.
func fold(boards [][]history.Row, disowns map[string]bool) (known [][]history.Row, folded []string) {
	for _, board := range boards {
		rows, silents := byRow(board), 0
		for _, entry := range rows {
			if stateOf(entry, disowns) == silent {
				silents++
			}
		}
		if silents < len(rows) {
			known = append(known, board)
		} else {
			folded = append(folded, fmt.Sprintf("%s (%d)", boardName(board), len(rows)))
		}
	}
	if len(folded) <= mostSilent {
		return boards, nil
	}
	return known, folded
}

func scoresSummary(r *history.Report) string {
	if len(r.Rows) == 0 {
		return "no published scores were found"
	}
	count := countStatus(r.Rows)
	return fmt.Sprintf("%s: %d reproduced, %d %s, %d impossible, %d not recomputable; %s",
		plural(len(r.Rows)-count[history.Unpublished], "published number"), count[history.Reproduced],
		count[history.Differs], map[bool]string{true: "differs", false: "differ"}[count[history.Differs] == 1],
		count[history.Impossible], count[history.NotComputable], plural(len(r.Findings), "finding"))
}

func countStatus(rows []history.Row) map[history.Status]int {
	n := map[history.Status]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	return n
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// findingsByName keeps the order, in which those of one name stand together.
func findingsByName(all []history.Finding) (groups [][]history.Finding) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Name == all[0].Name {
			n++
		}
		groups = append(groups, all[:n])
		all = all[n:]
	}
	return groups
}

// kindOf is what is known of findings of a name, and nothing of an unknown one.
func kindOf(name string) history.Kind {
	kinds := history.Kinds()
	if i := slices.IndexFunc(kinds, func(k history.Kind) bool { return k.Name == name }); i >= 0 {
		return kinds[i]
	}
	return history.Kind{Name: name}
}

// findings writes those of one name.
func (p *printer) findings(all []history.Finding) {
	meaning := ""
	if kind := kindOf(all[0].Name); kind.Meaning != "" {
		meaning = ": " + kind.Meaning
	}
	p.printf("\n")
	p.wrap("", fmt.Sprintf("%s (%d)%s", all[0].Name, len(all), meaning))
	for _, f := range all[:min(len(all), mostFindings)] {
		p.wrap("  ", f.Row)
		p.wrap("      ", f.Detail)
		for _, place := range f.Files[:min(len(f.Files), mostPlaces)] {
			p.place(place)
		}
		if n := len(f.Files) - mostPlaces; n > 0 {
			p.printf("      and %s more\n", plural(n, "file"))
		}
	}
	if len(all) > mostFindings {
		var rows []string
		for _, f := range all[mostFindings:] {
			rows = append(rows, f.Row)
		}
		p.wrap("  ", fmt.Sprintf("and in %d more, which --json has: %s", len(rows), strings.Join(rows, ", ")))
	}
}

func (p *printer) place(at history.Place) {
	where := at.Path
	if at.Line > 0 {
		where = fmt.Sprintf("%s:%d", at.Path, at.Line)
	}
	if at.Commit != "" {
		where += fmt.Sprintf(" in commit %.12s of %s", at.Commit, at.Date)
	}
	p.printf("      %s %s\n", at.SHA256.Short(), clean(where))
}

// groupBy keeps the order in which groups and their rows come.
func groupBy(rows []history.Row, key func(history.Row) string) [][]history.Row {
	var groups [][]history.Row
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[key(r)]
		if !ok {
			i = len(groups)
			at[key(r)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// rowState is what becomes of a row as a whole.
type rowState int

const (
	whole    rowState = iota
	disowned          // by a finding
	partly
	broken
	silent
	unpublished
	unread // a file
	rowStates
)

func stateOf(entry []history.Row, disowns map[string]bool) rowState {
	n := countStatus(entry)
	switch {
	case n[history.Differs]+n[history.Impossible] > 0:
		return broken
	case n[history.Unpublished] == len(entry):
		return unpublished
	case n[history.Reproduced] > 0 && (disowns[entry[0].Row] || disowns[entry[0].Entry]):
		return disowned
	case n[history.Reproduced]+n[history.Unpublished] == len(entry):
		return whole
	case n[history.Reproduced] > 0:
		return partly
	case entry[0].Entry == "" && entry[0].Metric == "":
		return unread
	}
	return silent
}

func byRow(rows []history.Row) [][]history.Row {
	return groupBy(rows, func(r history.Row) string { return r.Row })
}

// overview says in one line for each table how many of its rows stand.
func (p *printer) overview(boards [][]history.Row, disowns map[string]bool) {
	p.printf("\n%8s %8s %8s %8s %8s %8s  rows of\n", "stand", "in part", "in doubt", "differ", "unknown", "no row")
	for _, board := range boards {
		var n [rowStates]int
		for _, entry := range byRow(board) {
			n[stateOf(entry, disowns)]++
		}
		p.printf("%8d %8d %8d %8d %8d %8d  %s\n", n[whole], n[partly], n[disowned], n[broken], n[silent]+n[unread], n[unpublished], clean(boardName(board)))
	}
}

func boardName(rows []history.Row) string { return cmp.Or(rows[0].Board, "no table") }

func (p *printer) board(rows []history.Row, disowns map[string]bool) {
	p.printf("\n")
	p.wrap("", boardName(rows))
	var names [rowStates][]string
	for _, entry := range byRow(rows) {
		state, name := stateOf(entry, disowns), cmp.Or(entry[0].Entry, entry[0].Row)
		switch state {
		case broken:
			p.brokenRow(name, entry)
		case unread:
			p.wrap("  ", name+": "+entry[0].Detail)
		default:
			names[state] = append(names[state], name+unpublishedNumbers(entry))
		}
	}
	p.names("in doubt: reproduced, and a finding says that the results may not be the row's", names[disowned])
	p.names("stand, all numbers reproduced", names[whole])
	p.names("reproduced in part, the rest not recomputable", names[partly])
	p.names("not recomputable", names[silent])
	p.names("results, but no published row", names[unpublished])
}

// unpublishedNumbers are the first of those that results come to and no table has.
func unpublishedNumbers(entry []history.Row) string {
	const most = 3
	var numbers []string
	what := ""
	for _, r := range entry {
		if r.Status != history.Unpublished {
			what = "besides, unpublished: "
			continue
		}
		number := r.Recomputed
		if strings.Contains(number, ".") {
			number = strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
		}
		numbers = append(numbers, r.Metric+" "+number)
	}
	if len(numbers) > most {
		numbers = append(numbers[:most], "…")
	}
	if len(numbers) == 0 {
		return ""
	}
	return " (" + what + strings.Join(numbers, "; ") + ")"
}

// brokenRow writes the numbers of a row that do not stand.
func (p *printer) brokenRow(name string, entry []history.Row) {
	n := countStatus(entry)
	p.wrap("  ", fmt.Sprintf("%s: %d of %s reproduced", name, n[history.Reproduced], plural(len(entry), "number")))
	for _, r := range entry {
		if r.Status != history.Differs && r.Status != history.Impossible {
			continue
		}
		text := fmt.Sprintf("%s %s", r.Metric, r.Published)
		if r.Recomputed != "" {
			text += fmt.Sprintf(", recomputed %s from %s", r.Recomputed, plural(r.Items, "item"))
		}
		if r.Status == history.Impossible {
			text += ": impossible"
		}
		if r.Detail != "" {
			text += ": " + r.Detail
		}
		p.wrap("      ", text)
	}
}

func (p *printer) names(what string, names []string) {
	if len(names) > 0 {
		p.wrap("  ", fmt.Sprintf("%s (%d): %s", what, len(names), strings.Join(names, ", ")))
	}
}
