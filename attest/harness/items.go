package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
)

// NoValue stands for a value that the file does not have: null, NaN or nothing.
var NoValue = math.NaN()

// Item is the outcome of one item. Its values are those of its first sample, one for
// each of the run's measures, then those of the second, and so on; some may be
// NoValue.
type Item struct {
	ID       string // as the file has it; unique unless the file repeats itself
	Group    string // a task or category that the item is counted under
	Values   []float64
	Excluded string // why the harness leaves it out of the mean; "" when it does not
	Input    Digest // of what was asked
	Output   Digest // of what was answered
}

// Digest says whether two texts are the same. The zero value says that the file does
// not show the text.
type Digest [16]byte

// TextDigest is the digest of a text.
func TextDigest(text []byte) (d Digest) {
	sum := sha256.Sum256(text)
	copy(d[:], sum[:])
	return d
}

// String is in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Items is a list of items that stays small: a million of them take some 40 MB. The
// zero value is empty.
type Items struct {
	ids           []byte
	idEnd         []uint32
	values        []float64
	valueEnd      []uint32
	group, left   []uint16
	groups, lefts []string
	groupNumber   map[string]uint16
	leftNumber    map[string]uint16
	input, output []Digest
}

// MaxItems is how many items a run can have.
const MaxItems = 20_000_000

// maxValue keeps the squares of values, and their sums, within floating point.
const maxValue = 1e100

func checkValue(v float64) error {
	if math.Abs(v) > maxValue {
		return fmt.Errorf("value %v is out of range", v)
	}
	return nil
}

var errTooMany = errors.New("too many items, groups or values to read")

// Add adds an item. It keeps nothing of it.
func (l *Items) Add(it Item) error {
	if len(l.idEnd) >= MaxItems || len(l.ids)+len(it.ID) > math.MaxUint32 || len(l.values)+len(it.Values) > math.MaxUint32 {
		return errTooMany
	}
	for _, v := range it.Values {
		if err := checkValue(v); err != nil {
			return err
		}
	}
	group, ok := number(&l.groups, &l.groupNumber, it.Group)
	left, ok2 := number(&l.lefts, &l.leftNumber, it.Excluded)
	if !ok || !ok2 {
		return errTooMany
	}
	l.group, l.left = append(l.group, group), append(l.left, left)
	l.ids = append(l.ids, it.ID...)
	l.idEnd = append(l.idEnd, uint32(len(l.ids)))
	l.values = append(l.values, it.Values...)
	l.valueEnd = append(l.valueEnd, uint32(len(l.values)))
	l.input = addDigest(l.input, it.Input, len(l.idEnd))
	l.output = addDigest(l.output, it.Output, len(l.idEnd))
	return nil
}

// number interns a text.
func number(all *[]string, numbers *map[string]uint16, text string) (uint16, bool) {
	n, ok := (*numbers)[text]
	if ok {
		return n, true
	}
	if len(*all) > math.MaxUint16 {
		return 0, false
	}
	if *numbers == nil {
		*numbers = map[string]uint16{}
	}
	n = uint16(len(*all))
	(*numbers)[text] = n
	*all = append(*all, text)
	return n, true
}

// addDigest keeps no digests before there is one.
func addDigest(all []Digest, d Digest, items int) []Digest {
	if all == nil && d == (Digest{}) {
		return nil
	}
	for len(all) < items-1 {
		all = append(all, Digest{})
	}
	return append(all, d)
}

// Len is the number of items.
func (l *Items) Len() int { return len(l.idEnd) }

// At returns the item at a place. Its values are the list's own.
func (l *Items) At(i int) Item {
	it := Item{
		ID:       string(l.ids[start(l.idEnd, i):l.idEnd[i]]),
		Group:    l.groups[l.group[i]],
		Values:   l.Values(i),
		Excluded: l.lefts[l.left[i]],
	}
	if i < len(l.input) {
		it.Input = l.input[i]
	}
	if i < len(l.output) {
		it.Output = l.output[i]
	}
	return it
}

// Values returns the values at a place, which stay the list's own.
func (l *Items) Values(i int) []float64 {
	a, b := start(l.valueEnd, i), l.valueEnd[i]
	return l.values[a:b:b]
}

// Excluded returns why the item at a place is left out, "" when it is not.
func (l *Items) Excluded(i int) string { return l.lefts[l.left[i]] }

func start(ends []uint32, i int) uint32 {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// ShowOutputs reports whether some item has the digest of an answer.
func (l *Items) ShowOutputs() bool { return len(l.output) > 0 }

// All yields the items in the order they were added.
func (l *Items) All() iter.Seq2[int, Item] {
	return func(yield func(int, Item) bool) {
		for i := range l.Len() {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}
