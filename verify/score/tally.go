package score

import (
	"fmt"
	"math/big"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// maxKinds is how many kinds of items are told apart at a time.
const maxKinds = 1 << 12

// itemKind is all items whose samples have the same grades in the same order. A
// million items are of a handful of kinds under most metrics, and each is reduced
// once.
type itemKind struct {
	items       int64
	excluded    int // samples
	wrong, left reduced
	whyNot      string // there is no left
}

// itemKind is the kind of the item that has these rows.
func (r *reduction) itemKind(rows []run.Row) (*itemKind, error) {
	var counted, kept []*big.Rat
	for i := range rows {
		if _, excluded := rows[i].Excluded(); excluded {
			counted = append(counted, r.worst)
			continue
		}
		grade, err := attest.ParseDecimal(rows[i].Grade)
		if err != nil {
			return nil, fmt.Errorf("item %d sample %d: %w", rows[i].Item, rows[i].Sample, err)
		}
		counted, kept = append(counted, grade), append(kept, grade)
	}
	kind := &itemKind{excluded: len(counted) - len(kept)}
	var err error
	if kind.wrong, err = r.reduce(counted); err != nil {
		return nil, fmt.Errorf("item %d: %w", rows[0].Item, err)
	}
	if kind.excluded == 0 {
		kind.left = kind.wrong
	} else if kind.left, err = r.reduce(kept); err != nil {
		kind.whyNot = fmt.Sprintf("item %d without its excluded samples: %s", rows[0].Item, err)
	}
	return kind, nil
}

// tally counts items by their kinds, and adds them up.
type tally struct {
	wrong, left itemMean
	kinds       map[string]*itemKind
}

// keep makes room for one kind more where there is none.
func (t *tally) keep(key string, kind *itemKind) {
	if len(t.kinds) == maxKinds {
		t.fold()
	}
	t.kinds[key] = kind
}

// fold adds up what has been counted.
func (t *tally) fold() {
	for _, kind := range t.kinds {
		t.wrong.add(&kind.wrong, kind.items)
		t.left.add(&kind.left, kind.items)
	}
	clear(t.kinds)
}
