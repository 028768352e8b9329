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

// plotView draws one metric of a table: for each row the published number, the
// recomputed one and its interval. All lengths are in the plot's own units.
type plotView struct {
	Metric, Title  string
	Height, Bottom int
	Lines          []plotLine
	Ticks          []plotTick
	More           int
	Intervals      bool // whether there are any
}

type plotLine struct {
	Name, Class, Mark, Text string
	Y                       int
	Published, Recomputed   string // places; "" when there is none
	Low, High               string
}

type plotTick struct{ X, Text string }

// The plot's measures: the names stand left of it.
const (
	plotLeft, plotRight = 250, 780
	plotRow             = 20
)

// drawn is a row of the plot before it has a place.
type drawn struct {
	row                              history.Row
	published, recomputed, low, high float64
	hasPublished, hasRecomputed      bool
}

// plot draws what differs first, then the others from high to low; nil when there is
// nothing to compare.
func plot(rows []history.Row) *plotView {
	metric := mainMetric(rows)
	var all []drawn
	compared := false
	for _, r := range rows {
		if r.Metric != metric {
			continue
		}
		d := draw(r)
		if !d.hasPublished && !d.hasRecomputed {
			continue
		}
		compared = compared || d.hasPublished && d.hasRecomputed || r.Status == history.Impossible || r.Interval != nil
		all = append(all, d)
	}
	if !compared || len(all) < 2 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Or(cmp.Compare(b.gap(), a.gap()), cmp.Compare(b.at(), a.at())) })
	more := max(0, len(all)-mostDrawn)
	all = all[:len(all)-more]
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(b.at(), a.at()) })
	p := &plotView{Metric: clean(metric), More: more, Bottom: len(all)*plotRow + 8, Height: len(all)*plotRow + 30}
	p.Title = fmt.Sprintf("%s of %d rows, published and recomputed", p.Metric, len(all))
	p.place(all)
	return p
}

func draw(r history.Row) (d drawn) {
	d.row = r
	d.published, d.hasPublished = number(r.Published)
	d.recomputed, d.hasRecomputed = number(r.Recomputed)
	d.low, d.high = d.at(), d.at()
	if r.Interval != nil {
		low, ok := number(r.Interval.Low)
		high, ok2 := number(r.Interval.High)
		if ok && ok2 {
			d.low, d.high = low, high
		}
	}
	return d
}

func number(text string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

func (d drawn) at() float64 {
	if d.hasPublished {
		return d.published
	}
	return d.recomputed
}

// gap is 0 where the numbers are the same to the published digits.
func (d drawn) gap() float64 {
	switch d.row.Status {
	case history.Impossible:
		return math.MaxFloat64
	case history.Differs:
		return math.Abs(d.published - d.recomputed)
	}
	return 0
}

func (p *plotView) place(all []drawn) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range all {
		low, high = min(low, d.low, d.at()), max(high, d.high, d.at())
		if d.hasRecomputed {
			low, high = min(low, d.recomputed), max(high, d.recomputed)
		}
	}
	step := tickStep(high - low)
	low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if low == high {
		high = low + step
	}
	x := func(v float64) string {
		return fmt.Sprintf("%.1f", plotLeft+(v-low)/(high-low)*(plotRight-plotLeft))
	}
	for i := 0; i <= 12 && low+float64(i)*step <= high+step/2; i++ {
		v := low + float64(i)*step
		p.Ticks = append(p.Ticks, plotTick{x(v), strconv.FormatFloat(math.Round(v/step)*step, 'g', 6, 64)})
	}
	for i, d := range all {
		line := plotLine{Name: short(clean(cmp.Or(d.row.Entry, d.row.Row)), 34), Y: i*plotRow + 14, Class: "same", Mark: ""}
		line.Text = fmt.Sprintf("%s: published %s, recomputed %s, %s", clean(cmp.Or(d.row.Entry, d.row.Row)), clean(cmp.Or(d.row.Published, "not")), clean(cmp.Or(d.row.Recomputed, "not")), d.row.Status)
		switch d.row.Status {
		case history.Differs:
			line.Class, line.Mark = "differs", "✗"
		case history.Impossible:
			line.Class, line.Mark = "impossible", "✗ impossible"
		}
		if d.hasPublished {
			line.Published = x(d.published)
		}
		if d.hasRecomputed {
			line.Recomputed = x(d.recomputed)
		}
		if d.low < d.high {
			line.Low, line.High = x(d.low), x(d.high)
			line.Text += fmt.Sprintf(", %s %s to %s", d.row.Interval.Method, clean(d.row.Interval.Low), clean(d.row.Interval.High))
			p.Intervals = true
		}
		p.Lines = append(p.Lines, line)
	}
}

// tickStep is 1, 2 or 5 times a power of ten, some five of which make the range.
func tickStep(span float64) float64 {
	if !(span > 0) || math.IsInf(span, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span/5)))
	for _, k := range []float64{1, 2, 5} {
		if span/(k*power) <= 8 {
			return k * power
		}
	}
	return 10 * power
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// mainMetric is the one of most rows that were recomputed with an interval, or else of
// most that were recomputed.
func mainMetric(rows []history.Row) string {
	weight := map[string]int{}
	best := ""
	for _, r := range rows {
		switch {
		case r.Interval != nil:
			weight[r.Metric] += 3
		case r.Recomputed != "" || r.Status == history.Impossible:
			weight[r.Metric] += 2
		case r.Published != "":
			weight[r.Metric]++
		}
		if best == "" || weight[r.Metric] > weight[best] {
			best = r.Metric
		}
	}
	return best
}

// movedRow is a row whose place changes when the recomputed numbers are taken.
type movedRow struct {
	Name, Published, Recomputed string
	Before, After               int
}

// moved compares the order of the published numbers, from high to low, with the one in
// which those that differ are replaced by the recomputed. Numbers that are the same
// share a rank.
func moved(rows []history.Row) []movedRow {
	metric := mainMetric(rows)
	var before, after []float64
	var all []drawn
	for _, r := range rows {
		d := draw(r)
		if r.Metric != metric || !d.hasPublished {
			continue
		}
		all = append(all, d)
		before, after = append(before, d.published), append(after, d.counted())
	}
	var changed []movedRow
	slices.Sort(before)
	slices.Sort(after)
	for _, d := range all {
		m := movedRow{
			clean(d.row.Entry), clean(d.row.Published), clean(cmp.Or(d.row.Recomputed, d.row.Published)),
			rankIn(before, d.published), rankIn(after, d.counted()),
		}
		if m.Before != m.After && len(changed) < mostDrawn {
			changed = append(changed, m)
		}
	}
	slices.SortStableFunc(changed, func(a, b movedRow) int { return cmp.Compare(a.Before, b.Before) })
	return changed
}

// counted is the number that a row has when what differs is replaced.
func (d drawn) counted() float64 {
	if (d.row.Status == history.Differs || d.row.Status == history.Impossible) && d.hasRecomputed {
		return d.recomputed
	}
	return d.published
}

// rankIn is one more than there are larger numbers.
func rankIn(sorted []float64, x float64) int {
	i, _ := slices.BinarySearch(sorted, math.Nextafter(x, math.Inf(1)))
	return len(sorted) - i + 1
}
