package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/verify/history"
)

// How many rows of a table are in sight, and how many are named at the top of the page.
const (
	mostInSight = 25
	mostNamed   = 12
)

// worstFirst is the order in which a table's rows are looked at.
var worstFirst = [rowStates]int{broken: 0, disowned: 1, partly: 2, whole: 3, unpublished: 4, silent: 5, unread: 6}

// reliance is how far one row stands, in one line.
type reliance struct {
	ID, Name              string
	Class, Mark, State    string
	Metric                string
	Published, Recomputed figure
	Interval              string
	Items, Right, Numbers int // Right of the numbers that are published are reproduced
	Findings              []string
	Why                   string
	state                 rowState
}

// figure is a number as it is shown, and as it is written.
type figure struct{ Short, Full string }

// rely sums up a row by the metric that its table is plotted by. A number is the row's
// first where it does not have that one.
func rely(entry []history.Row, state rowState, metric string, findings []string) reliance {
	s := stateNames[state]
	v := reliance{
		Name: clean(cmp.Or(entry[0].Entry, entry[0].Row)), Class: s.Class, Mark: s.Mark, State: s.Name, state: state,
		Findings: findings, Why: clean(whyNot(entry)),
	}
	main := entry[max(0, slices.IndexFunc(entry, func(r history.Row) bool { return r.Metric == metric }))]
	v.Metric, v.Published, v.Recomputed, v.Items = clean(main.Metric), figureOf(main.Published), figureOf(main.Recomputed), main.Items
	if main.Interval != nil {
		v.Interval = clean(figureOf(main.Interval.Low).Short + " to " + figureOf(main.Interval.High).Short)
	}
	for _, r := range entry {
		switch r.Status {
		case history.Unpublished:
			continue
		case history.Reproduced:
			v.Right++
		}
		v.Numbers++
	}
	return v
}

// whyNot is the first reason for which a number of a row does not stand, what differs
// before what cannot be recomputed.
func whyNot(entry []history.Row) string {
	for _, bad := range [][]history.Status{{history.Impossible, history.Differs}, {history.NotComputable}} {
		for _, r := range entry {
			if slices.Contains(bad, r.Status) {
				return strings.TrimPrefix(fmt.Sprintf("%s: %s", r.Metric, cmp.Or(r.Detail, string(r.Status))), ": ")
			}
		}
	}
	return ""
}

// figureOf shows a number with at most four decimals.
func figureOf(text string) figure {
	f := figure{clean(text), clean(text)}
	x, err := strconv.ParseFloat(text, 64)
	_, decimals, _ := strings.Cut(text, ".")
	if err == nil && len(decimals) > 4 && !strings.ContainsAny(text, "eE") && math.Abs(x) >= 0.001 {
		f.Short = strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 4, 64), "0"), ".")
	}
	return f
}

// sortWorst puts first what does not stand, and numbers the rows.
func sortWorst(table string, rows []reliance) {
	slices.SortStableFunc(rows, func(a, b reliance) int { return cmp.Compare(worstFirst[a.state], worstFirst[b.state]) })
	for i := range rows {
		rows[i].ID = fmt.Sprintf("%s-row-%d", table, i+1)
	}
}

// findingNames are the names of what was found, by row.
func findingNames(all []history.Finding) map[string][]string {
	names := map[string][]string{}
	for _, f := range all {
		if n := clean(f.Name); !slices.Contains(names[f.Row], n) {
			names[f.Row] = append(names[f.Row], n)
		}
	}
	return names
}

// namedRow is a row at the top of the page.
type namedRow struct{ ID, Name string }

// namedState is the rows of a state that say most against a table.
type namedState struct {
	stateView
	Rows []namedRow
	More int
}

// Worst are the rows that do not stand and those in doubt.
func (v scoresView) Worst() (list []namedState) {
	for _, state := range []rowState{broken, disowned} {
		s := stateNames[state]
		n := namedState{stateView: stateView{Class: s.Class, Mark: s.Mark, Name: s.Name, Meaning: s.Meaning}}
		for _, b := range v.Boards {
			for _, r := range b.reliances() {
				if r.state != state {
					continue
				}
				if n.N++; len(n.Rows) < mostNamed {
					n.Rows = append(n.Rows, namedRow{r.ID, b.Name + "/" + r.Name})
				}
			}
		}
		if n.More = n.N - len(n.Rows); n.N > 0 {
			list = append(list, n)
		}
	}
	return list
}

func (b boardView) reliances() []reliance { return slices.Concat(b.InSight, b.Folded) }
