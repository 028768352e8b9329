package testset

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest"
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

// finder finds items that are equal in their normal form.
type finder struct {
	compare []int // positions of the fields that count
	first   map[[16]byte]uint32
	groups  map[uint32][]uint64
	folds   runeFolds
	buf     []byte
}

// newFinder leaves out the key member, which differs even between duplicates.
func newFinder(fields []string, key string) *finder {
	f := &finder{folds: runeFolds{}, first: map[[16]byte]uint32{}, groups: map[uint32][]uint64{}}
	for i, name := range fields {
		if name != key || key == "" {
			f.compare = append(f.compare, i)
		}
	}
	return f
}

func (f *finder) add(row uint32, values [][]byte) {
	f.addDigest(row, f.digest(values))
}

// digest is of an item's normal form.
func (f *finder) digest(values [][]byte) [16]byte {
	sum := sha256.New()
	for _, i := range f.compare {
		f.buf = f.folds.normalize(f.buf[:0], values[i])
		sum.Write(attest.AppendLP(nil, f.buf))
	}
	return [16]byte(sum.Sum(nil))
}

func (f *finder) addDigest(row uint32, short [16]byte) {
	if len(f.compare) == 0 {
		return // only keys are committed, and they are unique
	}
	first, ok := f.first[short]
	if !ok {
		f.first[short] = row
		return
	}
	if f.groups[first] == nil {
		f.groups[first] = []uint64{uint64(first)}
	}
	f.groups[first] = append(f.groups[first], uint64(row))
}
