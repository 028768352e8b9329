package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Regrade puts grades that were given anew in the place of a result's. Each of them
// is of one of the result's leaves, in the result's order; responses stay as they
// were committed to. It returns new rows, and how many grades are others than before.
func Regrade(rows, anew []Row) (regraded []Row, changed int, err error) {
	regraded = slices.Clone(rows)
	at := 0
	for i, r := range anew {
		if !r.Response.IsZero() || !r.Trace.IsZero() {
			return nil, 0, fmt.Errorf("regrade %d, item %d sample %d: it commits to an answer, and only grades are given anew", i, r.Item, r.Sample)
		}
		for at < len(rows) && compareLeaf(rows[at], r) < 0 {
			at++
		}
		if at == len(rows) || compareLeaf(rows[at], r) != 0 {
			return nil, 0, fmt.Errorf("regrade %d, item %d sample %d: the result has no such leaf, or it is out of order", i, r.Item, r.Sample)
		}
		if regraded[at].Grade != r.Grade {
			regraded[at].Grade = r.Grade
			changed++
		}
		at++
	}
	if len(anew) == 0 {
		return nil, 0, errors.New("nothing was graded anew")
	}
	return regraded, changed, nil
}

func compareLeaf(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Sample, b.Sample))
}
