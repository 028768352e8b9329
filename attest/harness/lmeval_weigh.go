package harness

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// weigh is the mean of parts by their sizes, and if each counts alike.
func weigh(parts []lmevalPart) (bySize, alike float64) {
	var total, items, plain float64
	for _, p := range parts {
		total += p.value * p.items
		items += p.items
		plain += p.value
	}
	return total / items, plain / float64(len(parts))
}

// poolErrors is the error of the mean by size, and of the one in which each part counts
// alike.
func poolErrors(parts []lmevalPart) (pooled, macro float64) {
	var squares, items, plain float64
	for _, p := range parts {
		squares += (p.items - 1) * p.value * p.value * p.items
		items += p.items
		plain += p.value * p.value
	}
	k := float64(len(parts))
	return math.Sqrt(squares / (items - k) / items), math.Sqrt(plain) / k
}

// ofParts is the mean of what is published of a group's immediate parts.
func (l *lmevalReader) ofParts(group, metric string) float64 {
	parts := l.parts[group].elements()
	total := 0.0
	for _, part := range parts {
		name, _ := part.text()
		t := l.byTask[name]
		if t == nil {
			return math.NaN()
		}
		x, ok := t.run.stated(metric)
		if !ok {
			return math.NaN()
		}
		total += x
	}
	return total / float64(len(parts))
}

// stated is the number that a run has of its own items under a name.
func (r *Run) stated(name string) (float64, bool) {
	i := slices.IndexFunc(r.Aggregates, func(a Aggregate) bool { return a.Name == name })
	if i < 0 {
		return 0, false
	}
	x, err := strconv.ParseFloat(r.Aggregates[i].Value, 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// near reports whether two numbers are one, as far as the file's numbers are written.
func (l *lmevalReader) near(x, y float64) bool {
	return math.Abs(x-y) <= 1e-9*max(1, math.Abs(x))+l.rounding
}

// roundingOf is how far a number computed from those of a file may be from another one,
// if all are rounded: 0 where some is written in full, as the harness writes them.
func roundingOf(runs []*Run) float64 {
	const full = 12
	most := 0
	for _, r := range runs {
		for _, a := range r.Aggregates {
			_, decimals, _ := strings.Cut(strings.TrimRight(a.Value, "0"), ".")
			if most = max(most, len(decimals)); most >= full || strings.ContainsAny(a.Value, "eE") {
				return 0
			}
		}
	}
	return math.Pow10(-most)
}

func sixDigits(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
