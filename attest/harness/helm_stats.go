package harness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// What HELM computes a statistic under a perturbation on.
const (
	helmPerturbed = "perturbed" // the perturbed instances
	helmOriginal  = "original"  // the same instances as they were
	helmWorst     = "worst"     // of both, for each instance the worse
)

// helmName is what a statistic is of.
type helmName struct {
	name, split  string
	perturbation string // "" is none; else what names it, and its arguments
	on           string
	robust, fair bool // what the perturbation is a test of
}

// readHELMName returns no name for a statistic of a part of a split.
func readHELMName(stat foreign) (helmName, error) {
	of := stat.get("name")
	n := helmName{}
	var ok bool
	if n.name, ok = of.get("name").text(); !ok || n.name == "" {
		return n, fmt.Errorf("a statistic's name is %s, want a text", of.get("name").describe())
	}
	if v := of.get("sub_split"); v != nil && !v.isNull() {
		return helmName{}, nil
	}
	n.split, _ = of.get("split").text()
	n.perturb(of.get("perturbation"))
	return n, nil
}

func (n *helmName) perturb(p foreign) {
	if p == nil || p.isNull() {
		return
	}
	name, _ := p.get("name").text()
	parts := []string{name}
	for _, m := range p.members() {
		switch m.name {
		case "name":
		case "computed_on":
			n.on, _ = m.value.text()
		case "robustness":
			n.robust = string(m.value) == "true"
		case "fairness":
			n.fair = string(m.value) == "true"
		default:
			parts = append(parts, m.name+"="+string(m.value.canonicalOrRaw()))
		}
	}
	slices.Sort(parts[1:])
	n.perturbation, n.on = strings.Join(parts, " "), cmp.Or(n.on, helmPerturbed)
}

// String is the statistic as reports name it.
func (n helmName) String() string {
	if n.perturbation == "" {
		return n.name
	}
	return fmt.Sprintf("%s (%s, %s)", n.name, n.perturbation, n.on)
}

// helmAgrees says where the numbers of one statistic contradict each other. HELM writes
// all their digits.
func helmAgrees(stat foreign) string {
	x := map[string]float64{}
	for _, name := range []string{"count", "sum", "sum_squared", "mean", "variance", "stddev", "min", "max"} {
		v, ok := stat.get(name).float()
		if !ok || math.Abs(v) > maxValue {
			return "" // an older file has not all, and of nothing there are none
		}
		x[name] = v
	}
	if x["count"] <= 0 {
		return ""
	}
	mean := x["sum"] / x["count"]
	variance := max(0, x["sum_squared"]/x["count"]-mean*mean)
	const noise = 1e-9 // of floating point, relative to what is added up
	near := func(a, b, size float64) bool { return math.Abs(a-b) <= noise*size+math.SmallestNonzeroFloat64 }
	square := x["sum_squared"] / x["count"]
	switch {
	case !near(x["mean"], mean, math.Sqrt(square)):
		return fmt.Sprintf("mean is %s, and sum over count %v", stat.get("mean"), mean)
	case !near(x["variance"], variance, square):
		return fmt.Sprintf("variance is %s, and by sum_squared and sum it is %v", stat.get("variance"), variance)
	case math.Abs(x["stddev"]*x["stddev"]-x["variance"]) > noise*square+math.SmallestNonzeroFloat64:
		return fmt.Sprintf("stddev is %s, and variance %s", stat.get("stddev"), stat.get("variance"))
	case x["min"] > x["mean"]+noise*math.Sqrt(square) || x["max"] < x["mean"]-noise*math.Sqrt(square):
		return fmt.Sprintf("mean is %s, and the numbers are from %s to %s", stat.get("mean"), stat.get("min"), stat.get("max"))
	}
	return ""
}
