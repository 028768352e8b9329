package history

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/score/stat"
)

// judgePossible says of a published mean whether any outcome of the stated number of
// items gives it. That goes before whether fewer or more items do.
func judgePossible(out *Row, m harness.Metric, stated size) {
	g, ok := gridOf(m, stated.items)
	if !ok {
		return
	}
	x, err := parseNumber(out.Published)
	if err != nil {
		return
	}
	fit, err := g.Fit(x)
	if err != nil || fit.Possible() {
		return
	}
	detail := fmt.Sprintf("no outcome of %s gives it: %s", stated, around(g, fit))
	if out.Status == Reproduced && out.Items != stated.items {
		detail += fmt.Sprintf("; %d items that have a result do", out.Items)
	} else {
		if !strings.Contains(out.Detail, isPublished) {
			detail += fewer(g, x)
		}
		if out.Detail != "" {
			detail += "; " + out.Detail
		}
	}
	out.Status, out.Detail = Impossible, detail
}

// size is how many items a number is said to be of.
type size struct {
	items int
	from  string // who says so, where it is not the file
}

func (s size) String() string {
	if s.from != "" {
		return fmt.Sprintf("the %d items that %s states", s.items, s.from)
	}
	return fmt.Sprintf("the stated %d items", s.items)
}

// statedSize is what a row is said to be of, by itself or by its table.
func statedSize(t *harness.Table, row *harness.TableRow) size {
	if n := statedItems(t, row); n > 0 {
		return size{items: n}
	}
	return size{t.Items, t.ItemsFrom}
}

// fewer names the nearest smaller numbers of items of which a published number can be the
// mean, as when some have no result. Some number always fits, so few are looked at.
func fewer(g stat.Grid, x stat.Number) string {
	const within, most = 10, 3
	near, err := g.Near(x, within)
	if err != nil {
		return ""
	}
	var sizes []string
	for _, n := range near {
		if fit, err := n.Fit(x); err == nil && fit.Nearest && n.Items < g.Items && len(sizes) < most {
			sizes = append(sizes, fmt.Sprintf("%d of %d", fit.Low, n.Points()))
		}
	}
	if len(sizes) == 0 {
		return ""
	}
	return "; of fewer items " + strings.Join(sizes, " or ") + " gives it"
}

// gridOf is the numbers that a mean of so many items can be.
func gridOf(m harness.Metric, items int) (stat.Grid, bool) {
	mean := m.Rule == harness.Mean || m.Rule == harness.MeanOfStated || m.Rule == harness.Decided
	scale := cmp.Or(m.Scale, 1)
	if !mean || m.Steps <= 0 || items <= 0 || scale != float64(int64(scale)) {
		return stat.Grid{}, false
	}
	return stat.Grid{Items: int64(items), Steps: int64(m.Steps), Scale: int64(scale)}, true
}

// parseNumber reads what is published, without what stands behind it.
func parseNumber(text string) (stat.Number, error) {
	return stat.ParseNumber(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")))
}

// around names the two numbers that a published one lies between, and how many such
// numbers would have been found impossible.
func around(g stat.Grid, fit stat.Fit) string {
	at := func(points int64) string {
		return fmt.Sprintf("%d of %d is %s", points, g.Points(), decimal(g.Score(points)))
	}
	text := at(fit.Low)
	if fit.High != fit.Low {
		text += ", " + at(fit.High)
	}
	return text + fmt.Sprintf("; %.0f %% of numbers so written can be told", 100*(1-fit.Chance))
}

func decimal(x *big.Rat) string { return x.FloatString(4) }

// impossibleScores are the rows that no outcome gives.
func impossibleScores(a *audit) []Finding {
	var all []Finding
	for _, row := range a.results {
		if row.Status == Impossible {
			all = append(all, Finding{Name: "impossible-score", Row: row.Row, Files: row.Files, Detail: fmt.Sprintf("%s %s: %s", row.Metric, row.Published, row.Detail)})
		}
	}
	return all
}

// pair is a mean and its standard error as they stand in one place.
type pair struct {
	row         string
	mean, error string
	metric      harness.Metric // of the mean
	name        string         // of the error
	eitherN     bool
	stated      int
	files       []Place
	of          impliedOf // where others are of as many items
	plain       bool      // of a table that states no size and that no format is known of
}

// impliedItems finds standard errors that belong to another number of items than is
// stated, or to none.
func impliedItems(a *audit) []Finding {
	found := findingSet{}
	all := a.pairs()
	for _, f := range otherItems(all) {
		found.add(f)
	}
	for _, p := range all {
		n, err := p.implied()
		if err != nil {
			continue
		}
		detail := fmt.Sprintf("%s %s with the standard error %s ", p.metric.Name, p.mean, p.error)
		switch {
		case p.plain && n.none():
			continue // of another mean, or drawn by a bootstrap
		case n.none():
			detail += "comes from no number of items that are right or wrong"
			if p.stated > 0 {
				detail += fmt.Sprintf("; %d are stated", p.stated)
			}
		case p.stated > 0 && !n.has(p.stated):
			detail += fmt.Sprintf("comes from %s, and %d are stated", n, p.stated)
			if n.around(p.stated) {
				detail += ", of which no number of right ones gives both"
			}
		default:
			continue
		}
		found.add(Finding{Name: "implied-n", Row: p.row, Files: p.files, Detail: detail})
	}
	return found.list()
}

type implied stat.Implied

// implied is how many items the two numbers say there were.
func (p pair) implied() (implied, error) {
	mean, err := parseNumber(p.mean)
	if err != nil {
		return implied{}, err
	}
	se, err := parseNumber(p.error)
	if err != nil {
		return implied{}, err
	}
	scale := int64(cmp.Or(p.metric.Scale, 1))
	n, err := stat.ImpliedItems(mean, se, scale, 1)
	if err != nil || !p.eitherN {
		return implied(n), err
	}
	other, err := stat.ImpliedItems(mean, se, scale, 0)
	return implied(n).or(implied(other)), err
}

// or is what one of two ways to compute the error says.
func (n implied) or(o implied) implied {
	switch {
	case n.none():
		return o
	case o.none():
		return n
	}
	n.Low, n.High = min(n.Low, o.Low), max(n.High, o.High)
	n.Items, n.Tried = append(n.Items, o.Items...), n.Tried && o.Tried
	slices.Sort(n.Items)
	n.Items = slices.Compact(n.Items)
	return n
}

func (n implied) none() bool { return n.Low > n.High || n.Tried && len(n.Items) == 0 }

func (n implied) has(items int) bool {
	if n.Tried {
		return slices.Contains(n.Items, int64(items))
	}
	return n.Low <= int64(items) && int64(items) <= n.High
}

// around reports whether a number of items that is not among them lies between them.
func (n implied) around(items int) bool {
	return n.Tried && n.Items[0] < int64(items) && int64(items) < n.Items[len(n.Items)-1]
}

func (n implied) String() string {
	if n.Tried && len(n.Items) == 1 {
		return fmt.Sprintf("%d items", n.Items[0])
	}
	if n.Tried {
		return fmt.Sprintf("%d to %d items", n.Items[0], n.Items[len(n.Items)-1])
	}
	return fmt.Sprintf("%d to %d items", n.Low, n.High)
}

// pairs are the means of items that are right or wrong that stand beside their
// standard errors.
func (a *audit) pairs() []pair {
	var all []pair
	for _, t := range a.in.Tables {
		for i, e := range t.Columns {
			j := slices.IndexFunc(t.Columns, func(c harness.Column) bool {
				return e.Metric != nil && e.Metric.Rule == harness.StandardError && c.Name == e.Metric.Of
			})
			if j < 0 || t.Columns[j].Metric == nil || t.Columns[j].Metric.Steps != 1 || a.noShares(t, j) {
				continue
			}
			for k := range t.Rows {
				row := &t.Rows[k]
				if max(i, j) < len(row.Values) {
					stated, of := statedSize(t, row).items, impliedOf{}
					if stated == 0 && t.Format == harness.PlainTable {
						of = impliedOf{t.Format, t.Board, t.Columns[j].Name}
					}
					all = append(all, pair{
						row: rowName(t.Board, row.Entry), mean: row.Values[j], error: row.Values[i], metric: *t.Columns[j].Metric, name: e.Name, eitherN: e.Metric.EitherN,
						stated: stated, of: of, plain: of != impliedOf{}, files: []Place{placeOf(t.File, row.Line)},
					})
				}
			}
		}
	}
	for _, r := range a.in.Runs {
		means := map[string]*harness.Aggregate{}
		for i := range r.Aggregates {
			means[r.Aggregates[i].Name] = &r.Aggregates[i]
		}
		for i := range r.Aggregates {
			e := &r.Aggregates[i]
			if m := means[e.Of]; e.Rule == harness.StandardError && m != nil && m.Steps == 1 && m.Rule == harness.Mean {
				all = append(all, pair{
					row: rowOf(r), mean: m.Value, error: e.Value, metric: m.Metric, name: e.Name, eitherN: e.EitherN,
					stated: cmp.Or(m.Items, r.Dataset.Items), files: places(r), of: impliedOf{r.Format, r.Board, m.Name},
				})
			}
		}
	}
	return all
}

// noteImplied adds to numbers that cannot be recomputed how many items their standard
// errors imply: it is all that can be said of them.
func (a *audit) noteImplied(rows []Row) {
	at := map[[2]string]int{}
	for i, row := range rows {
		if row.Status == NotComputable {
			at[[2]string{row.Row, row.Metric}] = i + 1
		}
	}
	for _, p := range a.pairs() {
		i := at[[2]string{p.row, p.metric.Name}]
		if i == 0 || rows[i-1].Published != p.mean {
			continue
		}
		if n, err := p.implied(); err == nil && !n.none() {
			rows[i-1].Detail += fmt.Sprintf("; its standard error implies %s", n)
		}
	}
}
