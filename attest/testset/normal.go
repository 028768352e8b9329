package testset

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/proctor-attest/proctor/attest"
)

// normalize appends canonical JSON with every string value in normal form.
// Member names, numbers and structure stay.
func (f runeFolds) normalize(dst, value []byte) []byte {
	for at := 0; at < len(value); {
		if value[at] != '"' {
			dst = append(dst, value[at])
			at++
			continue
		}
		end := skipString(value, at)
		if end < len(value) && value[end] == ':' { // canonical JSON has no spaces
			dst = append(dst, value[at:end]...)
		} else {
			dst = f.appendNormal(append(dst, '"'), value[at+1:end-1])
			dst = append(dst, '"')
		}
		at = end
	}
	return dst
}

// runeFolds remembers what foldText makes of a character, where the character has no
// part in what is before it: such characters, nearly all, can be folded one by one.
// The empty string stands for the others.
type runeFolds map[rune]string

func (f runeFolds) fold(r rune) string {
	folded, known := f[r]
	if !known {
		if len(f) > 1<<16 {
			clear(f)
		}
		folded = foldRune(string(r))
		f[r] = folded
	}
	return folded
}

func foldRune(s string) string {
	folded := foldText(s)
	special := func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\\' }
	if !standsApart(s) || !standsApart(folded) || strings.ContainsFunc(folded, special) {
		return ""
	}
	return folded
}

// appendNormal appends the normal form of the inside of a canonical string: foldText,
// every run of white space one space, and none at the ends. Only words with characters
// that may be composed go through foldText: it composes nothing across white space.
func (f runeFolds) appendNormal(dst, text []byte) []byte {
	n := normalWriter{dst: dst, start: len(dst)}
	n.setMark(0)
	for at := 0; at < len(text); {
		if n.eight(text[at:]) {
			at += 8
			continue
		}
		switch c := text[at]; {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[at:])
			folded := f.fold(r)
			if folded == "" {
				at = n.word(text, at)
				continue
			}
			n.write()
			n.dst = append(n.dst, folded...)
			at += size
		case c == '\\':
			at = n.escape(text, at)
		case c == ' ':
			n.space = true
			at++
		default:
			n.write(lower(c))
			at++
		}
	}
	return n.dst
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// normalWriter writes words with one space between them.
type normalWriter struct {
	dst   []byte
	start int  // of the text in dst
	space bool // there was white space after the last word

	// Where in the text a word may begin that has no space before it, and what was
	// written before it.
	mark    int
	written int
	spaced  bool
}

func (n *normalWriter) setMark(at int) { n.mark, n.written, n.spaced = at, len(n.dst), n.space }

func (n *normalWriter) write(c ...byte) {
	if n.space && len(n.dst) > n.start {
		n.dst = append(n.dst, ' ')
	}
	n.space = false
	n.dst = append(n.dst, c...)
}

// eight writes the first eight bytes of text if they are plain words, as nearly all
// are: ASCII, without an escape, and with no space beside another.
func (n *normalWriter) eight(text []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	if len(text) < 8 {
		return false
	}
	x := binary.LittleEndian.Uint64(text)
	if x&high != 0 {
		return false
	}
	// In bytes below 0x80 no sum carries, and adding 0x7f sets the high bit of all but
	// zero.
	escape := ^((x ^ '\\'*ones) + 0x7f*ones) & high
	space := ^((x ^ ' '*ones) + 0x7f*ones) & high
	if escape != 0 || space&(space<<8) != 0 || space&0x80 != 0 && (n.space || len(n.dst) == n.start) {
		return false
	}
	upper := (x + (0x80-'A')*ones) &^ (x + (0x80-'Z'-1)*ones) & high
	n.write()
	n.dst = binary.LittleEndian.AppendUint64(n.dst, x|upper>>2)
	if space>>63 != 0 {
		n.dst, n.space = n.dst[:len(n.dst)-1], true
	}
	return true
}

// escape writes the escape at a place of text and returns where it ends.
func (n *normalWriter) escape(text []byte, at int) int {
	end := at + 2
	if text[at+1] == 'u' {
		end = at + 6
	}
	switch escape := text[at:end]; string(escape) {
	case `\t`, `\n`, `\u000b`, `\f`, `\r`:
		n.space = true
		n.setMark(end)
	default:
		n.write(escape...)
	}
	return end
}

// word writes the word that goes on at a place of text, from its beginning, which is
// written already, to the next space or escape, and returns where that is. There
// foldText may begin anew: it composes no character with one of these.
func (n *normalWriter) word(text []byte, at int) int {
	begin := n.mark
	if space := bytes.LastIndexByte(text[begin:at], ' '); space < 0 {
		n.dst, n.space = n.dst[:n.written], n.spaced
	} else if begin += space + 1; begin < at {
		n.dst = n.dst[:n.start+max(0, bytes.LastIndexByte(n.dst[n.start:], ' '))]
		n.space = true
	}
	end := at
	for end < len(text) && text[end] != ' ' && text[end] != '\\' {
		end++
	}
	word := text[begin:end]
	if bytes.IndexByte(word, '\\') >= 0 {
		word = []byte(unquote(slices.Concat([]byte(`"`), word, []byte(`"`))))
	}
	for _, r := range foldText(string(word)) {
		switch {
		case unicode.IsSpace(r):
			n.space = true
		case r == '"' || r == '\\' || r < ' ':
			quoted := attest.AppendString(nil, string(r))
			n.write(quoted[1 : len(quoted)-1]...)
		default:
			n.write()
			n.dst = utf8.AppendRune(n.dst, r)
		}
	}
	n.setMark(end)
	return end
}
