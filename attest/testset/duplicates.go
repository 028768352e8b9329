package testset

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"

	"github.com/proctor-attest/proctor/attest"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
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
	buf     []byte
}

// newFinder leaves out the key member, which differs even between duplicates.
func newFinder(fields []string, key string) *finder {
	f := &finder{first: map[[16]byte]uint32{}, groups: map[uint32][]uint64{}}
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
		f.buf = normalize(f.buf[:0], values[i])
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

// normalize appends canonical JSON with every string value in normal form.
// Member names, numbers and structure stay.
func normalize(dst, value []byte) []byte {
	for at := 0; at < len(value); {
		if value[at] != '"' {
			dst = append(dst, value[at])
			at++
			continue
		}
		end := skipString(value, at)
		if end < len(value) && value[end] == ':' { // canonical JSON has no spaces
			dst = append(dst, value[at:end]...)
		} else if plain := appendNormalASCII(dst, value[at:end]); plain != nil {
			dst = plain
		} else {
			dst = attest.AppendString(dst, normalText(unquote(value[at:end])))
		}
		at = end
	}
	return dst
}

// appendNormalASCII is what normalize does to a string of ASCII without escapes, in
// which the only white space is the space; nil of any other string.
func appendNormalASCII(dst, quoted []byte) []byte {
	dst = append(dst, '"')
	start, space := len(dst), false
	for _, c := range quoted[1 : len(quoted)-1] {
		switch {
		case c >= 0x80 || c == '\\':
			return nil
		case c == ' ':
			space = len(dst) > start
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if space {
			dst = append(dst, ' ')
			space = false
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// normalText is NFKC, full case folding, NFKC again because folding can undo it,
// and every run of white space as one space, none at the ends.
func normalText(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] < 0x80
	}
	if plain {
		s = strings.ToLower(s)
	} else {
		s = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
	}
	return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " ")
}
