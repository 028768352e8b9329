package history

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/score/stat"
)

// battleCounts are of one model.
type battleCounts struct{ won, lost, tied, bad int }

func (c battleCounts) all() int { return c.won + c.lost + c.tied + c.bad }

func (c battleCounts) String() string {
	return fmt.Sprintf("of %d battles won %d, lost %d, tied %d, and in %d both were bad", c.all(), c.won, c.lost, c.tied, c.bad)
}

func countBattles(log *harness.BattleLog, kind int) map[string]*battleCounts {
	counts := map[string]*battleCounts{}
	for _, name := range log.Models {
		counts[name] = &battleCounts{}
	}
	for i := range log.Pairs {
		p := &log.Pairs[i]
		one, two := counts[log.Models[p.A]], counts[log.Models[p.B]]
		first, second := p.Count(kind, harness.FirstWon), p.Count(kind, harness.SecondWon)
		one.won, one.lost = one.won+first, one.lost+second
		two.won, two.lost = two.won+second, two.lost+first
		for _, c := range []*battleCounts{one, two} {
			c.tied += p.Count(kind, harness.Tied)
			c.bad += p.Count(kind, harness.BothBad)
		}
	}
	return counts
}

// battleRows are a log's ratings that no table has.
func (a *audit) battleRows(log *harness.BattleLog) []Row {
	f := a.fit(log, usualWay)
	files := []Place{placeOf(log.File, 0)}
	rows := []Row{a.battleSummary(log, f)}
	for _, name := range slices.Sorted(slices.Values(log.Models)) {
		if a.rated[fitRow{log, name}] || f.counts[name].all() == 0 {
			continue
		}
		row := Row{
			Row: rowName(log.Board, name), Board: log.Board, Entry: name, Metric: "rating",
			Items: f.counts[name].all(), Status: Unpublished, Detail: f.counts[name].String(), Files: files,
		}
		if e, ok := f.ratings[name]; ok {
			row.Recomputed, row.Interval = spell(e.Mean, 2), ratingInterval(e)
		} else {
			row.Metric, row.Recomputed = "battles", fmt.Sprint(f.counts[name].all())
			if why := f.unrated[name]; why != "" {
				row.Detail += "; " + why
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func ratingInterval(e stat.Estimate) *Interval {
	in, err := e.Normal(level)
	if err != nil || e.SE == 0 {
		return nil
	}
	return &Interval{Method: "sandwich 95 %", Low: spell(in.Low, 2), High: spell(in.High, 2)}
}

// battleSummary says what of a log counts.
func (a *audit) battleSummary(log *harness.BattleLog, f *fitted) Row {
	n := 0
	for _, c := range f.counts {
		n += c.all()
	}
	row := Row{
		Row: log.Board, Board: log.Board, Metric: "battles", Recomputed: fmt.Sprint(n / 2), Items: log.Battles,
		Status: Unpublished, Files: []Place{placeOf(log.File, 0)},
	}
	row.Detail = fmt.Sprintf("of %d in the file; not counted are %d of a model with itself, %d whose outcome is not known and %d that are marked as not anonymous",
		log.Battles, log.Self, log.Odd, log.Battles-log.Self-log.Odd-n/2)
	if f.err != nil {
		row.Detail += "; there are no ratings: " + f.err.Error()
	} else {
		row.Detail += "; ratings are Bradley–Terry's, averaging 1000 over the models"
	}
	return row
}

// battleFindings are of logs of battles.
func battleFindings(a *audit) []Finding {
	var all []Finding
	for _, log := range a.in.Battles {
		add := func(name, detail string, line int) {
			all = append(all, Finding{Name: name, Row: log.Board, Files: []Place{placeOf(log.File, line)}, Detail: detail})
		}
		if log.Again > 0 {
			add("duplicate-items", fmt.Sprintf("%d of %d battles are there again in all their members, and count as often", log.Again, log.Battles), log.AgainAt)
		}
		if log.Odd > 0 {
			add("missing-items", fmt.Sprintf("%d of %d battles have an outcome that is not known, and do not count: %s", log.Odd, log.Battles, strings.Join(log.Odds, ", ")), 0)
		}
	}
	return all
}
