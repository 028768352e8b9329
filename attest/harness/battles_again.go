package harness

import (
	"bytes"
	"cmp"
	"slices"
)

// seenBattle is a battle that has an id or a time. Without either, equal battles may well
// be two.
type seenBattle struct {
	digest Digest // of all its members
	line   uint32
}

// findAgain counts the battles that are there again.
func (r *battleReader) findAgain() {
	slices.SortFunc(r.seen, func(x, y seenBattle) int {
		return cmp.Or(bytes.Compare(x.digest[:], y.digest[:]), cmp.Compare(x.line, y.line))
	})
	for i := 1; i < len(r.seen); i++ {
		if r.seen[i].digest != r.seen[i-1].digest {
			continue
		}
		r.log.Again++
		if at := int(r.seen[i].line); r.log.AgainAt == 0 || at < r.log.AgainAt {
			r.log.AgainAt = at
		}
	}
	r.seen = nil
}
