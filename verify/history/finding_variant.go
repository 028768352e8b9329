package history

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/score/stat"
)

// variantApart is how many standard errors two ratings are apart that are told.
const variantApart = 3

// variantNotReleased finds rows whose names say that they are of a variant, where a
// later version has a row of the model itself with another rating.
func variantNotReleased(a *audit) []Finding {
	found := findingSet{}
	for _, b := range a.boards {
		for _, column := range quoted(b.latest().Table) {
			if b.latest().Columns[column].Low == "" {
				continue
			}
			first := b.firstSeen()
			for entry, since := range first {
				if name, ok := variantOf(entry); ok {
					if f, ok := a.variant(b, column, entry, b.released(name, first, since)); ok {
						found.add(f)
					}
				}
			}
		}
	}
	return found.list()
}

// firstSeen is in which version each entry first stands.
func (b *board) firstSeen() map[string]int {
	first := map[string]int{}
	for i, v := range b.versions {
		for entry := range v.rows() {
			if _, ok := first[entry]; !ok {
				first[entry] = i
			}
		}
	}
	return first
}

// released are the rows of the model that came after a variant of it.
func (b *board) released(of modelName, first map[string]int, since int) []string {
	var all []string
	for entry, at := range first {
		name, variant := variantOf(entry)
		if !variant && at > since && of.names(name) {
			all = append(all, entry)
		}
	}
	slices.Sort(all)
	return all
}

// variant compares a variant with the released model, in the first version that has
// both.
func (a *audit) variant(b *board, column int, entry string, released []string) (Finding, bool) {
	metric := b.latest().Columns[column].Name
	for _, v := range b.versions {
		at := columnOf(v.Table, metric)
		one := v.row(entry)
		if one == nil || at < 0 {
			continue
		}
		for _, name := range released {
			other := v.row(name)
			if other == nil {
				continue
			}
			x, ok := v.rated(one, at)
			y, ok2 := v.rated(other, at)
			if !ok || !ok2 || !x.bounded || !y.bounded || apart(x, y) < variantApart {
				continue
			}
			return Finding{
				Name: "variant-not-released", Row: rowName(b.name, entry), Detail: a.variantDetail(b, v, at, entry, name, x, y),
				Files: append(firstPlace(b, entry), v.place(one.Line), v.place(other.Line)),
			}, true
		}
	}
	return Finding{}, false
}

// apart is the difference in standard errors, of ratings as if they were independent.
func apart(x, y rated) float64 { return math.Abs(x.value-y.value) / math.Hypot(x.se(), y.se()) }

func firstPlace(b *board, entry string) []Place {
	for _, v := range b.versions {
		if row := v.row(entry); row != nil {
			return []Place{v.place(row.Line)}
		}
	}
	return nil
}

func (a *audit) variantDetail(b *board, v *version, column int, entry, released string, x, y rated) string {
	var parts []string
	for _, at := range b.versions {
		if row := at.row(entry); row != nil {
			if r, ok := at.rated(row, columnOf(at.Table, v.Columns[column].Name)); ok {
				parts = append(parts, fmt.Sprintf("its name says that it is a variant; it first stands in %s, with %s, %s", at.called(), shown(r), at.ranks(entry, column)))
			}
			break
		}
	}
	gap := x.value - y.value
	parts = append(parts, fmt.Sprintf("in %s it has %s, and %q, which came later, has %s, %s: %s apart, z = %.1f",
		v.that(), shown(x), released, shown(y), v.ranks(released, column), spell(math.Abs(gap), 1), apart(x, y)))
	if text := a.styleShare(b, v, column, entry, released, gap); text != "" {
		parts = append(parts, text)
	}
	if gap > 0 {
		parts = append(parts, bestOf(gap))
	}
	return strings.Join(parts, "; ")
}

// ranks are a row's places by the number, and by how many are surely above it.
func (v *version) ranks(entry string, column int) string {
	own, _ := v.rated(v.row(entry), column)
	byValue, byBound := 1, 1
	for i := range v.Rows {
		r, ok := v.rated(&v.Rows[i], column)
		if !ok || v.rows()[v.Rows[i].Entry] != i {
			continue
		}
		if r.value > own.value {
			byValue++
		}
		if r.bounded && r.low > own.high {
			byBound++
		}
	}
	return fmt.Sprintf("rank %d of %d by score and %d by the intervals", byValue, len(v.rows()), byBound)
}

// styleShare is how much of a gap is gone where ratings are adjusted for style.
func (a *audit) styleShare(b *board, v *version, column int, entry, released string, gap float64) string {
	for _, other := range a.boards {
		if other.name != b.name+harness.StyleControlled {
			continue
		}
		for _, same := range other.versions {
			at := columnOf(same.Table, v.Columns[column].Name)
			one, two := same.row(entry), same.row(released)
			if same.Date != v.Date || at < 0 || one == nil || two == nil {
				continue
			}
			x, ok := same.rated(one, at)
			y, ok2 := same.rated(two, at)
			if !ok || !ok2 || !x.bounded || !y.bounded {
				continue
			}
			left := x.value - y.value
			share := "style does not explain the gap"
			if part := (gap - left) / gap; part > 0 && part < 1 {
				share = fmt.Sprintf("%s of the %s points, or %.0f %%, are style", spell(math.Abs(gap-left), 0), spell(math.Abs(gap), 0), 100*part)
			}
			return fmt.Sprintf("with style control on the same day they are %s apart (%s and %s, z = %.1f; the later one %s): %s",
				spell(math.Abs(left), 1), shown(x), shown(y), apart(x, y), same.ranks(released, at), share)
		}
	}
	return ""
}

// What is told of choosing the best of several variants: as many as were counted before
// Llama 4 (Singh et al., arXiv 2504.20879), on so many votes as one has when it appears.
const (
	variants = 27
	votes    = 3000
)

// bestOf bounds what choosing the best of equal variants adds to a rating. The standard
// error of a Bradley–Terry rating near even odds is 400/ln 10 · 2/√n.
func bestOf(gap float64) string {
	most, err := stat.ExpectedMax(variants)
	if err != nil {
		return ""
	}
	luck := most * 400 / math.Ln10 * 2 / math.Sqrt(votes)
	relation := "which is less than the gap"
	if luck >= gap {
		relation = "which the gap does not exceed"
	}
	return fmt.Sprintf("showing the best of %d independent equal variants with %d even votes each adds at most %s points by luck, %s", variants, votes, spell(luck, 1), relation)
}

// modelName is a name without what says when, how tuned and which variant it is.
type modelName struct{ stem, sizes string }

// names reports whether a name without marks may be the model's: one that does not say
// a size may be of any.
func (m modelName) names(other modelName) bool {
	return m.stem != "" && m.stem == other.stem && (m.sizes == "" || m.sizes == other.sizes)
}

var (
	variantMark = regexp.MustCompile(`^(experimental|exp|preview|beta|alpha|test|early|anonymous)$`)
	sizePart    = regexp.MustCompile(`^a?\d+(\.\d+)?[bmtx]$|^\d+e$`)
	otherPart   = regexp.MustCompile(`^(\d{2,8}|instruct|chat|it|hf|latest|bf16|fp8|v\d+)$`)
)

// variantOf takes a model's name apart and reports whether it has a variant's mark.
func variantOf(name string) (m modelName, variant bool) {
	var stem, sizes []string
	for _, part := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
		switch {
		case variantMark.MatchString(part):
			variant = true
		case sizePart.MatchString(part):
			sizes = append(sizes, part)
		case !otherPart.MatchString(part):
			stem = append(stem, part)
		}
	}
	slices.SortFunc(sizes, cmp.Compare[string])
	return modelName{strings.Join(stem, "-"), strings.Join(sizes, "-")}, variant
}
