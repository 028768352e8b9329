package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/proctor-attest/proctor/verify/history"
)

//go:embed scores.html.tmpl
var scoresTemplate string

var scoresPage = template.Must(template.New("scores").Parse(scoresTemplate))

// What the page draws and lists of one table; the rest is counted.
const (
	mostDrawn  = 40
	mostListed = 2000
	mostShown  = 50 // findings of one name
)

// The page's own names for what becomes of a row, with what each says.
var stateNames = [rowStates]struct{ Class, Mark, Name, Meaning string }{
	whole:       {"stand", "✓", "stand", "all numbers of the row are reproduced"},
	partly:      {"part", "◐", "in part", "some are reproduced, the others cannot be recomputed"},
	disowned:    {"doubt", "?", "in doubt", "reproduced, and a finding says that the results may not be the row's"},
	broken:      {"differ", "✗", "differ", "a number comes out as another, or is impossible"},
	silent:      {"unknown", "–", "unknown", "nothing here to recompute it from"},
	unread:      {"unknown", "–", "not read", "a file that could not be read"},
	unpublished: {"none", "+", "no row", "there are results, and no table here has the row"},
}

// shownStates is their order on the page.
var shownStates = []rowState{whole, partly, disowned, broken, silent, unread, unpublished}

type scoresView struct {
	Summary string
	Boards  []boardView
	Silent  int // boards at the end of which no number could be recomputed
	Kinds   []kindView
	States  []stateView
}

type stateView struct {
	Class, Mark, Name, Meaning string
	N                          int
	X, Width                   string // of its part of the bar, in percent
}

type kindView struct {
	Name, Meaning string
	Disowns       bool
	Findings      []history.Finding
	Others        []history.Finding // that are folded away
	More          int
}

type boardView struct {
	ID, Name string
	States   []stateView // those that there are
	Plot     *plotView
	Moved    []movedRow
	Metric   string     // that rows are summed up by
	InSight  []reliance // rows, the worst first
	Folded   []reliance
	Hidden   []stateView // what is folded
	Rows     []rowView
	More     int
	weight   int // tables to look at first have less
}

const nothingKnown = 2

// weigh puts tables with numbers that do not stand first, and those of which nothing is
// known last.
func weigh(n [rowStates]int) int {
	switch {
	case n[broken]+n[disowned] > 0:
		return 0
	case n[whole]+n[partly]+n[unpublished] > 0:
		return 1
	}
	return nothingKnown
}

func lastIndex[E any](all []E, is func(E) bool) int {
	for i := len(all) - 1; i >= 0; i-- {
		if is(all[i]) {
			return i
		}
	}
	return -1
}

type rowView struct {
	Name, Class, Mark, State string
	Numbers                  []history.Row
}

// ScoresHTML writes an audit of published tables as one page that needs nothing else:
// no program, no network. Nothing that stands in a file is markup in it.
func ScoresHTML(w io.Writer, r *history.Report) error {
	return scoresPage.Execute(w, viewScores(r))
}

func viewScores(r *history.Report) scoresView {
	v := scoresView{Summary: scoresSummary(r)}
	disowns, names := r.Disowned(), findingNames(r.Findings)
	var total [rowStates]int
	for i, rows := range groupBy(r.Rows, func(r history.Row) string { return r.Board }) {
		b := boardView{ID: fmt.Sprint("table-", i+1), Name: clean(boardName(rows))}
		var n [rowStates]int
		metric := mainMetric(rows)
		var all []reliance
		for _, entry := range byRow(rows) {
			state := stateOf(entry, disowns)
			n[state]++
			total[state]++
			b.Rows = append(b.Rows, viewRow(entry, state))
			all = append(all, rely(entry, state, metric, slices.Concat(names[entry[0].Row], namesOfEntry(names, entry[0]))))
		}
		b.States, b.weight, b.Metric = bar(n), weigh(n), clean(metric)
		if b.weight < nothingKnown {
			b.relyOn(all)
		}
		b.Plot = plot(rows)
		b.Moved = moved(rows)
		b.More = max(0, len(b.Rows)-mostListed)
		b.Rows = b.Rows[:len(b.Rows)-b.More]
		v.Boards = append(v.Boards, b)
	}
	slices.SortStableFunc(v.Boards, func(a, b boardView) int { return cmp.Compare(a.weight, b.weight) })
	v.Silent = len(v.Boards) - 1 - lastIndex(v.Boards, func(b boardView) bool { return b.weight < nothingKnown })
	v.States = bar(total)
	for _, all := range findingsByName(r.Findings) {
		kind := kindOf(all[0].Name)
		k := kindView{Name: all[0].Name, Meaning: kind.Meaning, Disowns: kind.Disowns, More: max(0, len(all)-mostShown)}
		for _, f := range all[:len(all)-k.More] {
			f.Row, f.Detail, f.Files = clean(f.Row), clean(f.Detail), cleanPlaces(f.Files)
			k.Findings = append(k.Findings, f)
		}
		n := min(len(k.Findings), mostFindings)
		k.Findings, k.Others = k.Findings[:n], k.Findings[n:]
		v.Kinds = append(v.Kinds, k)
	}
	return v
}

// relyOn sums up the rows, those in sight first.
func (b *boardView) relyOn(all []reliance) {
	sortWorst(b.ID, all)
	all = all[:min(len(all), mostListed)]
	if len(all) > mostInSight+mostInSight/2 { // a few more are not worth folding
		b.InSight, b.Folded = all[:mostInSight], all[mostInSight:]
	} else {
		b.InSight = all
	}
	var n [rowStates]int
	for _, r := range b.Folded {
		n[r.state]++
	}
	b.Hidden = bar(n)
}

// namesOfEntry are those of findings that are of an entry in all tables.
func namesOfEntry(names map[string][]string, r history.Row) []string {
	if r.Entry == r.Row {
		return nil
	}
	return names[r.Entry]
}

// Known are the tables of which some number could be recomputed.
func (v scoresView) Known() []boardView { return v.Boards[:len(v.Boards)-v.Silent] }

// Unknown are the others.
func (v scoresView) Unknown() []boardView { return v.Boards[len(v.Boards)-v.Silent:] }

func viewRow(entry []history.Row, state rowState) rowView {
	s := stateNames[state]
	v := rowView{Name: clean(cmp.Or(entry[0].Entry, entry[0].Row)), Class: s.Class, Mark: s.Mark, State: s.Name}
	for _, r := range entry {
		r.Metric, r.Published, r.Recomputed, r.Detail = clean(r.Metric), clean(r.Published), clean(r.Recomputed), clean(r.Detail)
		r.Files = cleanPlaces(r.Files)
		v.Numbers = append(v.Numbers, r)
	}
	return v
}

func cleanPlaces(all []history.Place) []history.Place {
	all = slices.Clone(all)
	for i := range all {
		all[i].Path = clean(all[i].Path)
	}
	return all
}

// bar is how many rows are in which state, and how wide each part is of a bar of them.
func bar(n [rowStates]int) (parts []stateView) {
	total, at := 0, 0
	for _, k := range n {
		total += k
	}
	for _, state := range shownStates {
		if k := n[state]; k > 0 {
			s := stateNames[state]
			parts = append(parts, stateView{s.Class, s.Mark, s.Name, s.Meaning, k, percent(at, total), percent(k, total)})
			at += k
		}
	}
	return parts
}

func percent(k, n int) string { return fmt.Sprintf("%.3f", 100*float64(k)/float64(n)) }
