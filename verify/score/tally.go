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

// tally adds up items.
type tally struct {
	*reduction
	wrong, left itemMean
	items       int
	excluded    int    // samples
	whyNot      string // there is no left

	kinds map[string]*itemKind
	key   []byte // of a kind: the grades
}

func newTally(r *reduction) *tally {
	return &tally{reduction: r, wrong: newItemMean(r), left: newItemMean(r), kinds: map[string]*itemKind{}}
}

// add adds the item that has these rows.
func (t *tally) add(rows []run.Row) error {
	t.items++
	if t.name == reduceMean {
		return t.addMean(rows)
	}
	t.key = t.key[:0]
	for i := range rows {
		t.key = attest.AppendLP(t.key, rows[i].Grade)
	}
	kind := t.kinds[string(t.key)]
	if kind == nil {
		var err error
		if kind, err = t.itemKind(rows); err != nil {
			return err
		}
		if len(t.kinds) == maxKinds {
			t.fold()
		}
		t.kinds[string(t.key)] = kind
	}
	kind.items++
	t.excluded += kind.excluded
	if t.whyNot == "" {
		t.whyNot = kind.whyNot
	}
	return nil
}

// addMean is add for the mean of an item's samples, whose grades need only be added.
func (t *tally) addMean(rows []run.Row) error {
	excluded := 0
	for i := range rows {
		if _, ok := rows[i].Excluded(); ok {
			excluded++
		}
	}
	t.excluded += excluded
	wrong, left := t.wrong.item(len(rows)), t.left.item(len(rows)-excluded)
	wrong.worst += excluded
	for i := range rows {
		if _, ok := rows[i].Excluded(); ok {
			continue
		}
		grade, err := parseDecimal(rows[i].Grade)
		if err != nil {
			return fmt.Errorf("item %d sample %d: %w", rows[i].Item, rows[i].Sample, err)
		}
		wrong.add(grade)
		left.add(grade)
	}
	return nil
}

// fold adds up what has been counted.
func (t *tally) fold() {
	for _, kind := range t.kinds {
		t.wrong.add(&kind.wrong, kind.items)
		t.left.add(&kind.left, kind.items)
	}
	clear(t.kinds)
}
