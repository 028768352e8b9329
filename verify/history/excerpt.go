package history

import (
	"fmt"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// excuse takes back that a number differs where the file has fewer items than it says
// the number is of, and the rest could have made it what it is.
func (a *audit) excuse(out *Row, r *harness.Run, g *harness.Aggregate) {
	have := a.momentsOf(r, max(0, slices.Index(r.Measures, g.Measure)))
	if out.Status != Differs || have.n >= g.Items {
		return
	}
	p, err := parsePublished(out.Published)
	if err != nil {
		return
	}
	if g.Rule == harness.Mean && have.low >= 0 && have.high <= 1 {
		n, missing := float64(g.Items), float64(g.Items-have.n)
		low, high := scaled(g.Metric, have.sum/n), scaled(g.Metric, (have.sum+missing)/n)
		if p.value < low && !p.shows(low) || p.value > high && !p.shows(high) {
			out.Detail += fmt.Sprintf("; whatever the %d items are that the file does not have, it is from %s to %s", g.Items-have.n, spellPlain(low), spellPlain(high))
			return
		}
	}
	out.Status, out.Items = NotComputable, 0
	out.Detail = fmt.Sprintf("it is of %d items, and %d of them are in the file, of which it is %s", g.Items, have.n, out.Recomputed)
	out.Recomputed, out.Interval = "", nil
}
