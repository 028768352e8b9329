package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// A table of ratings does not say which battles it is of. What is known of it is tried
// on the log that lies beside it: a way to count that gives nearly all of its ratings,
// but for one shift of all, is the table's. Otherwise nothing can be said of it.

// ratingSource is where a table's ratings come from.
type ratingSource struct {
	log   *harness.BattleLog
	fit   *fitted
	shift float64
	why   string // there is none
}

const (
	// fitNoise is how far ratings may be from the maximum of their likelihood and still be
	// reproduced, and fitAgrees, still be of these battles. FastChat's program stops before
	// the maximum: on synthetic battles of 20 to 222 models half of the ratings were up to
	// 0.04 points from it, 19 in 20 up to 0.43, and one 2.4. Only what is farther off than
	// fitStop is called another number.
	fitNoise  = 0.05
	fitAgrees = 0.2
	fitStop   = 10

	fewestRated = 3 // one always agrees but for one shift, and two may by chance
)

// fitRow is a model's rating that a table has.
type fitRow struct {
	log   *harness.BattleLog
	entry string
}

// judgeRating compares a published rating with what the battles beside the table come to.
func (a *audit) judgeRating(out *Row, t *harness.Table, column int) {
	p, err := parsePublished(out.Published)
	if err != nil {
		out.Status, out.Detail = NotComputable, fmt.Sprintf("published %q %s", out.Published, err)
		return
	}
	s := a.ratingSource(t, column)
	if s.why != "" {
		out.Status, out.Detail = NotComputable, s.why
		return
	}
	out.Files = append(out.Files, placeOf(s.log.File, 0))
	e, ok := s.fit.ratings[out.Entry]
	if !ok {
		out.Status, out.Detail = NotComputable, "other ratings of this table come out of "+s.log.File.Path+", where this model has no battle that counts"
		if why := s.fit.unrated[out.Entry]; why != "" {
			out.Detail = why
		}
		return
	}
	got := e.Mean + s.shift
	off := math.Abs(got - p.value)
	half := 0.5 * math.Pow10(-p.decimals)
	same := off <= half+fitNoise
	e.Mean = got
	out.Recomputed, out.Items, out.Interval = p.spell(got, same), s.fit.counts[out.Entry].all(), ratingInterval(e)
	switch {
	case same:
		out.Status = Reproduced
		if off > half && off > 1e-6 {
			out.Detail = fmt.Sprintf("%s off, as programs stop near the maximum; ", spellPlain(off))
		}
	case off <= half+fitStop:
		out.Status, out.Recomputed, out.Items, out.Interval = NotComputable, "", 0, nil
		out.Detail = fmt.Sprintf("comes to %s, so near that the table's program may have stopped there; ", spellPlain(got))
	default:
		out.Status = Differs
		out.Detail = fmt.Sprintf("differs by %s; ", spellPlain(got-p.value))
	}
	out.Detail += s.String()
}

// The rating that FastChat fixes.
const (
	anchor   = "mixtral-8x7b-instruct-v0.1"
	anchorAt = 1114
)

// String says how the ratings come about that agree.
func (s *ratingSource) String() string {
	text := fmt.Sprintf("most ratings of the table come out of %s", s.fit.way)
	at, anchored := s.fit.ratings[anchor]
	switch {
	case math.Abs(s.shift) <= fitAgrees:
		return text + ", averaging 1000 over the models"
	case anchored && math.Abs(at.Mean+s.shift-anchorAt) <= fitAgrees:
		return text + fmt.Sprintf(", with %s at %d", anchor, anchorAt)
	}
	return text + fmt.Sprintf(", with %s added to all: only differences between ratings mean something", spellPlain(s.shift))
}

// ratingSource finds the battles that a table's ratings are of.
func (a *audit) ratingSource(t *harness.Table, column int) *ratingSource {
	if s := a.sources[t]; s != nil {
		return s
	}
	s := a.findSource(t, column)
	a.sources[t] = s
	if s.why == "" {
		for _, row := range t.Rows {
			a.rated[fitRow{s.log, row.Entry}] = true
		}
	}
	return s
}

func (a *audit) findSource(t *harness.Table, column int) *ratingSource {
	styled := strings.HasSuffix(t.Board, harness.StyleControlled)
	tried, best, nearest := 0, 0, &ratingSource{why: "no log of battles of its models was found"}
	for _, log := range a.in.Battles {
		if !sharesModels(t, log) {
			continue
		}
		if styled && log.Styles == nil {
			if tried == 0 {
				nearest.why = "not every battle in " + log.File.Path + " says the style of its answers"
			}
			continue
		}
		for _, w := range waysOf(log, styled) {
			f := a.fit(log, w)
			n, shift := agreeing(t, column, f)
			if tried++; n > best || tried == 1 {
				best, nearest = n, &ratingSource{log: log, fit: f, shift: shift}
			}
		}
	}
	if tried > 0 && 4*best < 3*len(t.Rows) {
		nearest.why = fmt.Sprintf("the battles in %s do not give this table: of %d ways to count them the nearest gives %d of its %d ratings; which battles the table is of is not in the files",
			nearest.log.File.Path, tried, best, len(t.Rows))
	}
	return nearest
}

// sharesModels reports whether most models of a table have battles in a log.
func sharesModels(t *harness.Table, log *harness.BattleLog) bool {
	models := map[string]bool{}
	for _, name := range log.Models {
		models[name] = true
	}
	n := 0
	for _, row := range t.Rows {
		if models[row.Entry] {
			n++
		}
	}
	return n >= fewestRated && 2*n > len(t.Rows)
}

// agreeing is the shift with which most ratings of a table are the fitted ones, and how
// many then are.
func agreeing(t *harness.Table, column int, f *fitted) (most int, shift float64) {
	type apart struct{ by, wide float64 }
	var all []apart
	seen := map[string]bool{}
	for _, row := range t.Rows {
		e, ok := f.ratings[row.Entry]
		if !ok || column >= len(row.Values) || seen[row.Entry] {
			continue
		}
		seen[row.Entry] = true
		if p, err := parsePublished(row.Values[column]); err == nil {
			all = append(all, apart{p.value - e.Mean, 0.5*math.Pow10(-p.decimals) + fitAgrees})
		}
	}
	slices.SortFunc(all, func(x, y apart) int { return cmp.Compare(x.by, y.by) })
	for _, first := range all { // where most shifts are possible, some become so
		low, high := first.by-first.wide, math.Inf(1)
		var with []float64
		for _, d := range all {
			if d.by-d.wide <= low && low <= d.by+d.wide {
				with, high = append(with, d.by), min(high, d.by+d.wide)
			}
		}
		if len(with) <= most {
			continue
		}
		if most, shift = len(with), with[len(with)/2]; shift < low || shift > high {
			shift = (low + high) / 2
		}
	}
	return most, shift
}
