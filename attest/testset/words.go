package testset

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// wording hashes the words of items in their normal form. It is for one goroutine.
type wording struct {
	position map[string]int // of a field
	compare  []int          // positions of the fields that count
	values   [][]byte
	folds    runeFolds
	buf      []byte
}

// newWording leaves out the key member, as the search for duplicates does.
func newWording(fields []string, key string) *wording {
	w := &wording{position: map[string]int{}, compare: newNormalizer(fields, key).compare, values: make([][]byte, len(fields)), folds: runeFolds{}}
	for i, name := range fields {
		w.position[name] = i
	}
	return w
}

// words appends a hash of each word of an item, field after field. Words are what
// white space separates inside strings, and the numbers and literals outside of
// them; in scripts that write no spaces every character is one.
func (w *wording) words(dst []uint64, row Row) []uint64 {
	clear(w.values)
	for _, m := range row.Members {
		if i, ok := w.position[m.Name]; ok {
			w.values[i] = m.Value
		}
	}
	for _, i := range w.compare {
		w.buf = w.folds.normalize(w.buf[:0], w.values[i])
		dst = appendWords(dst, w.buf)
	}
	if cap(w.buf) > largeBatch {
		w.buf = nil
	}
	return dst
}

// appendWords takes canonical JSON apart.
func appendWords(dst []uint64, text []byte) []uint64 {
	h, quoted := uint64(wordSeed), false
	end := func() {
		if h != wordSeed {
			dst = append(dst, mix(h))
			h = wordSeed
		}
	}
	for at := 0; at < len(text); {
		c := text[at]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(text[at:])
			if unspaced(r) {
				end()
				dst = append(dst, mix(wordHash(wordSeed, text[at:at+n])))
			} else {
				h = wordHash(h, text[at:at+n])
			}
			at += n
			continue
		case c == '\\':
			h = wordHash(h, text[at:at+2])
			at += 2
			continue
		case c == '"':
			quoted = !quoted
			end()
		case c == ' ' || !quoted && (c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}'):
			end()
		default:
			h = (h ^ uint64(c)) * wordPrime
		}
		at++
	}
	end()
	return dst
}

// FNV-1a, which is good enough once it is mixed.
const (
	wordSeed  = 0xcbf29ce484222325
	wordPrime = 0x100000001b3
)

func wordHash(h uint64, word []byte) uint64 {
	for _, c := range word {
		h = (h ^ uint64(c)) * wordPrime
	}
	return h
}

// mix spreads every bit of x over all of them (the last step of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unspaced reports whether a letter belongs to a script that writes no spaces.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// From so many words on an item is cut into longer shingles, so that one word which
// differs does not weigh more in a short item than in a long one.
const (
	longerFrom = 20
	longFrom   = 50
)

// shingleLength is how many words make a shingle of an item with so many words. Where
// the items of a pair differ in it, the shorter item's counts.
func shingleLength(words int) int {
	switch {
	case words < longerFrom:
		return 1
	case words < longFrom:
		return 2
	}
	return 5
}

// shingleLengths are those of all pairs that an item can have, with items that have at
// least the threshold's share of its words. Mostly it is one.
func shingleLengths(words int, threshold float64) []int {
	if words == 0 {
		return nil
	}
	var list []int
	shortest := int(math.Ceil(float64(words)*threshold - 1e-9))
	for _, n := range []int{shortest, longerFrom, longFrom, words} {
		if k := shingleLength(n); n >= shortest && n <= words && !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// appendShingles appends a hash of every k words that follow each other.
func appendShingles(dst, words []uint64, k int) []uint64 {
	for i := 0; i+k <= len(words); i++ {
		h := uint64(k)
		for _, w := range words[i : i+k] {
			h = mix(h + w)
		}
		dst = append(dst, h)
	}
	return dst
}

// shingleSet is the sorted set of an item's shingles, in dst.
func shingleSet(dst, words []uint64, k int) []uint64 {
	dst = appendShingles(dst[:0], words, k)
	slices.Sort(dst)
	return slices.Compact(dst)
}

// jaccard is what two sorted sets have in common, of all that they have. Two shingles
// of 64 bits are taken for one if their hashes are equal.
func jaccard(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	if all := len(a) + len(b) - both; all > 0 {
		return float64(both) / float64(all)
	}
	return 0
}
