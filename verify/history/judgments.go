package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// MT-bench's judgments: a judge that gave no score left -1, which does not count.

// sentinelCounts ends what explains a number in which -1 counts.
const sentinelCounts = "that stand for no score counted " + isPublished

// withSentinel reports whether a mean is the published one if values of -1 count that
// stand for no score.
func (a *audit) withSentinel(r *harness.Run, m harness.Metric, p published) (sentinels int, ok bool) {
	if m.Rule != harness.Mean {
		return 0, false
	}
	measure := max(0, slices.Index(r.Measures, m.Measure))
	var total sum
	n := 0
	for i := range r.Items.Len() {
		x, counts := itemValue(r, i, measure)
		if !counts && r.Items.Excluded(i) == harness.Unscored {
			if x, counts = itemMeasure(r, i, measure); counts {
				sentinels++
			}
		}
		if counts {
			total.add(x)
			n++
		}
	}
	return sentinels, sentinels > 0 && p.shows(scaled(m, total.value()/float64(n)))
}

// scoredAgain counts items without a score of which another row has one.
func scoredAgain(r *harness.Run) (n int) {
	unscored := map[string]int{}
	for i, it := range r.Items.All() {
		if r.Items.Excluded(i) == harness.Unscored {
			unscored[it.ID]++
		}
	}
	if len(unscored) == 0 {
		return 0
	}
	for i, it := range r.Items.All() {
		if times := unscored[it.ID]; times > 0 && r.Items.Excluded(i) == "" && !math.IsNaN(it.Values[0]) {
			n += times
			delete(unscored, it.ID)
		}
	}
	return n
}

// doubtJudgments calls no number of a table different that comes out of judgments,
// unless most that do are the table's: a judge that is asked again gives other scores, and
// nothing in the files says whether it was.
func doubtJudgments(t *harness.Table, rows []Row) {
	if t.Format != harness.MTBench {
		return
	}
	same, all := 0, 0
	for _, row := range rows {
		explained := row.Status == Differs && strings.Contains(row.Detail, isPublished)
		if row.Status == Reproduced || explained {
			same++
		}
		if row.Status == Reproduced || row.Status == Differs {
			all++
		}
	}
	if 4*same >= 3*all {
		return
	}
	for i := range rows {
		if row := &rows[i]; row.Status == Differs && !strings.Contains(row.Detail, isPublished) {
			row.Detail = fmt.Sprintf("the judgments in %s come to %s and may be others than the table's: of %d numbers %d come out of such files",
				row.Files[len(row.Files)-1].Path, row.Recomputed, all, same)
			row.Status, row.Recomputed, row.Items, row.Interval = NotComputable, "", 0, nil
		}
	}
}
