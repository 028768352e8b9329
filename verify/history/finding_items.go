package history

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// missingItems finds results of fewer items than the data set is said to have, or than
// most of the same table's have, and says what the missing ones could have made of it.
func missingItems(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		want, who := a.expectedItems(r)
		have := a.valued(r)
		onlyNumbers := r.Items.Len() == 0 && len(r.Aggregates) > 0
		if want <= have || r.Board == harness.AnyBoard || onlyNumbers {
			continue
		}
		detail := fmt.Sprintf("%d of %d items have a result", have, want)
		if without := r.Items.Len() - have; without > 0 {
			detail += fmt.Sprintf(", in the file without one: %d", without)
		}
		if who != "" {
			detail += " (" + who + ")"
		}
		found.add(Finding{Name: "missing-items", Row: rowOf(r), Files: places(r), Detail: detail + a.bounds(r, want)})
	}
	return found.list()
}

// valued is how many items of a run take part in its score.
func (a *audit) valued(r *harness.Run) int { return a.momentsOf(r, 0).n }

// expectedItems is how many items a run should have, and why.
func (a *audit) expectedItems(r *harness.Run) (n int, why string) {
	if n, why := a.statedFor(r); n > 0 {
		return n, why
	}
	if usual := a.usual[tableOf{r.Format, r.Board, r.Dataset.Name}]; r.Board != "" && usual.items > r.Items.Len() {
		return usual.items, fmt.Sprintf("%d of %d results of this table have so many", usual.runs, usual.of)
	}
	return r.Items.Len() - scoredAgain(r), ""
}

// statedFor is how many items a run is said to have, and by whom; 0 when nothing says so.
func (a *audit) statedFor(r *harness.Run) (n int, why string) {
	if r.Dataset.Items > 0 {
		return r.Dataset.Items, cmp.Or(r.Dataset.ItemsFrom, "the file") + " states the number"
	}
	for _, t := range a.in.Tables {
		if t.Board == r.Board && t.Items > 0 {
			return t.Items, cmp.Or(t.ItemsFrom, "the table") + " states the number"
		}
	}
	return 0, ""
}

// usual is how many items most results of a table have.
type usual struct{ items, runs, of int }

// tableOf is a board of a format, and the part of it that is on one data set.
type tableOf struct{ format, board, dataset string }

// usualItems counts for each board; there must be some results to speak of, and nearly
// all alike.
func usualItems(runs []*harness.Run) map[tableOf]usual {
	counts := map[tableOf]map[int]int{}
	for _, r := range runs {
		t := tableOf{r.Format, r.Board, r.Dataset.Name}
		if counts[t] == nil {
			counts[t] = map[int]int{}
		}
		counts[t][r.Items.Len()]++
	}
	all := map[tableOf]usual{}
	for t, byItems := range counts {
		var u usual
		for items, runs := range byItems {
			u.of += runs
			if runs > u.runs || runs == u.runs && items > u.items {
				u.items, u.runs = items, runs
			}
		}
		if u.of >= 5 && 10*u.runs >= 7*u.of {
			all[t] = u
		}
	}
	return all
}

// bounds says what the score would be if the missing items had all failed or all
// passed, where a score is a mean of values from 0 to 1.
func (a *audit) bounds(r *harness.Run, want int) string {
	if i := slices.IndexFunc(r.Metrics, isMean); i >= 0 && want > 0 {
		m := r.Metrics[i]
		measure := max(0, slices.Index(r.Measures, m.Measure))
		got, scale := a.momentsOf(r, measure), m.Scale
		if scale == 0 {
			scale = 1
		}
		if got.n > 0 && got.low >= 0 && got.high <= 1 {
			n := float64(want)
			low := scale * got.sum / n
			return fmt.Sprintf("; their %s is %s, and of all it is from %s to %s", m.Name,
				spell(scale*got.mean, 4), spell(low, 4), spell(scale*(got.sum+n-float64(got.n))/n, 4)) + a.rankIfFailed(r, m.Measure, low)
		}
	}
	return ""
}

func isMean(m harness.Metric) bool { return m.Rule == harness.Mean || m.Rule == harness.MeanOfStated }

// duplicateItems finds items that are there more than once in one run: each counts as
// often.
func duplicateItems(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		if again, example := repeated(r); again > 0 {
			found.add(Finding{
				Name: "duplicate-items", Row: rowOf(r), Files: places(r),
				Detail: fmt.Sprintf("%d of %d items are there again, %q among them, and count as often", again, r.Items.Len(), example),
			})
		}
	}
	return found.list()
}

// repeated counts the items that are there again, in little memory: a short hash of
// each is sorted, and only those with equal hashes are compared.
func repeated(r *harness.Run) (again int, example string) {
	seed := maphash.MakeSeed()
	hashes := make([]uint64, 0, r.Items.Len())
	var h maphash.Hash
	h.SetSeed(seed)
	hash := func(it harness.Item) uint64 {
		h.Reset()
		h.WriteString(it.Group)
		h.WriteByte(0)
		h.WriteString(it.ID)
		return h.Sum64()
	}
	for _, it := range r.Items.All() {
		if it.ID != "" {
			hashes = append(hashes, hash(it))
		}
	}
	slices.Sort(hashes)
	twice := map[uint64]bool{}
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			twice[hashes[i]] = true
		}
	}
	if len(twice) == 0 {
		return 0, ""
	}
	seen := map[[2]string]bool{}
	for _, it := range r.Items.All() {
		k := [2]string{it.Group, it.ID}
		if it.ID == "" || !twice[hash(it)] {
			continue
		}
		if seen[k] {
			if again++; again == 1 {
				example = it.ID
			}
		}
		seen[k] = true
	}
	return again, example
}

// sentinelAveraged finds values of −1 that count among values from 0 to 1: harnesses
// write −1 where there was no grade.
func sentinelAveraged(a *audit) []Finding {
	found := findingSet{}
	for _, row := range a.results {
		if row.Status == Differs && strings.Contains(row.Detail, sentinelCounts) {
			found.add(Finding{Name: "sentinel-averaged", Row: row.Row, Files: row.Files, Detail: fmt.Sprintf("%s %s %s", row.Metric, row.Published, row.Detail)})
		}
	}
	for _, r := range a.in.Runs {
		for m, measure := range r.Measures {
			n, rest := 0, true
			var without sum
			for i := range r.Items.Len() {
				x, ok := itemValue(r, i, m)
				switch {
				case !ok:
				case x == -1:
					n++
				default:
					rest = rest && x >= 0 && x <= 1
					without.add(x)
				}
			}
			got := a.momentsOf(r, m)
			if n == 0 || !rest || n == got.n {
				continue
			}
			found.add(Finding{
				Name: "sentinel-averaged", Row: rowOf(r), Files: places(r),
				Detail: fmt.Sprintf("%d of %d values of %s are -1 and all others from 0 to 1; the mean is %s with them and %s without",
					n, got.n, measure, spell(got.mean, 6), spell(without.value()/float64(got.n-n), 6)),
			})
		}
	}
	return found.list()
}

// denominatorMixed finds tables whose rows are means over different numbers of items.
func denominatorMixed(a *audit) []Finding {
	found := findingSet{}
	for _, t := range a.in.Tables {
		counts := map[int][]string{}
		files := []Place{placeOf(t.File, 0)}
		for i := range t.Rows {
			row := &t.Rows[i]
			if n := statedItems(t, row); n > 0 {
				counts[n] = append(counts[n], row.Entry)
			} else if runs := a.runs[key{t.Board, row.Entry}]; len(runs) > 0 {
				counts[a.valued(runs[0])] = append(counts[a.valued(runs[0])], row.Entry)
				files = append(files, places(runs[0])...)
			}
		}
		if len(counts) > 1 {
			found.add(Finding{Name: "denominator-mixed", Row: t.Board, Files: files, Detail: "the rows are of different numbers of items: " + describeCounts(counts)})
		}
	}
	return found.list()
}

// statedItems is what a row states in a column that counts its items; 0 if it has none.
func statedItems(t *harness.Table, row *harness.TableRow) int {
	for j, c := range t.Columns {
		if c.Metric == nil || c.Metric.Rule != harness.Count || j >= len(row.Values) {
			continue
		}
		if p, err := parsePublished(row.Values[j]); err == nil && p.value > 0 && p.value == math.Trunc(p.value) && p.value < harness.MaxItems {
			return int(p.value)
		}
	}
	return 0
}

func describeCounts(counts map[int][]string) string {
	sizes := make([]int, 0, len(counts))
	for n := range counts {
		sizes = append(sizes, n)
	}
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Or(cmp.Compare(len(counts[b]), len(counts[a])), cmp.Compare(b, a)) })
	var parts []string
	for _, n := range sizes {
		part := fmt.Sprintf("%d in %d", n, len(counts[n]))
		if rows := counts[n]; len(rows) <= 3 {
			part = fmt.Sprintf("%d in %s", n, strings.Join(rows, ", "))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}
