package testset

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// DuplicatesError lists the rows that are the same item after normalisation.
type DuplicatesError struct {
	File   string
	Groups [][]uint64 // row numbers, ascending, two or more in each
}

func (e *DuplicatesError) Error() string {
	const most = 5
	var b strings.Builder
	fmt.Fprintf(&b, "%s: items that occur more than once, case, width and white space set aside:", e.File)
	for i, g := range e.Groups {
		if i == most {
			fmt.Fprintf(&b, " and %d more groups", len(e.Groups)-most)
			break
		}
		fmt.Fprintf(&b, " rows %s;", strings.Trim(fmt.Sprint(g[:min(len(g), most)]), "[]"))
	}
	return strings.TrimSuffix(b.String(), ";")
}

// normalizer makes digests of items in their normal form. It is for one goroutine.
type normalizer struct {
	compare []int // positions of the fields that count
	folds   runeFolds
	buf     []byte
}

// newNormalizer leaves out the key member, which differs even between duplicates.
func newNormalizer(fields []string, key string) *normalizer {
	n := &normalizer{folds: runeFolds{}}
	for i, name := range fields {
		if name != key || key == "" {
			n.compare = append(n.compare, i)
		}
	}
	return n
}

// digest is of lp(field), for each field in normal form.
func (n *normalizer) digest(values [][]byte) digest {
	n.buf = n.buf[:0]
	for _, i := range n.compare {
		start := len(n.buf)
		n.buf = n.folds.normalize(append(n.buf, make([]byte, 8)...), values[i])
		binary.BigEndian.PutUint64(n.buf[start:], uint64(len(n.buf)-start-8))
	}
	digest := digestOf(n.buf)
	if len(n.buf) > largeBatch {
		n.buf = nil
	}
	return digest
}

// finder finds items whose normal forms are equal.
type finder struct {
	idle   bool // only keys are committed, and they are unique
	forms  *digests
	first  []uint32 // item of each form
	groups map[uint32][]uint64
}

func newFinder(fields []string, key string, items int) *finder {
	f := &finder{idle: len(newNormalizer(fields, key).compare) == 0, groups: map[uint32][]uint64{}}
	if !f.idle {
		f.forms, f.first = newDigests(items), make([]uint32, 0, items)
	}
	return f
}

func (f *finder) add(item uint32, normal digest) {
	if f.idle {
		return
	}
	form, known := f.forms.add(normal)
	if !known {
		f.first = append(f.first, item)
		return
	}
	first := f.first[form]
	if f.groups[first] == nil {
		f.groups[first] = []uint64{uint64(first)}
	}
	f.groups[first] = append(f.groups[first], uint64(item))
}

// duplicates are the groups of equal items under other numbers, in order.
func (f *finder) duplicates(name func(item uint64) uint64) [][]uint64 {
	var groups [][]uint64
	for _, items := range f.groups {
		group := make([]uint64, len(items))
		for i, r := range items {
			group[i] = name(r)
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []uint64) int { return cmp.Compare(a[0], b[0]) })
	return groups
}
