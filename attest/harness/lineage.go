package harness

import (
	"slices"
	"strings"
	"unicode"
)

// Lineage is what a published table was at earlier times, where a history of its file
// is there.
type Lineage struct {
	Versions []*Table // the oldest first, each with its commit and date
	Now      *Table   // of the imported tables; nil where it is none of them any more
	Gone     *Table   // where it is first missing, without rows; nil where it is not
}

// ReadsTables reports whether a file would be read as one with published tables. It
// takes what Claims takes.
func ReadsTables(name string, head []byte) bool {
	all := Importers()
	i := slices.IndexFunc(all, func(im Importer) bool { return im.Claims(uncompressedName(name), head) })
	return i >= 0 && all[i].Tables
}

// HeadSize is how much of a file Claims wants to see.
const HeadSize = headSize

// Spelling is an entry without what people write in different ways: case, spaces and
// signs. A point stays, as 4.1 is not 41, and so does a plus.
func Spelling(entry string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '+' {
			return unicode.ToLower(r)
		}
		return -1
	}, entry)
}
