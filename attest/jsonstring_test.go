package attest

import (
	"strings"
	"testing"
)

// What decides is a byte's place in its word of eight: every one is tried, for every
// kind of byte.
func TestSkipText(t *testing.T) {
	for _, stop := range []string{`"`, `\`, "\x00", "\x1f", "\n"} {
		for n := range 20 {
			for _, other := range []string{"", "\x7f", " ", "!", "[", "]", "#", "é", "\xff"} {
				before := strings.Repeat("a", n) + other
				text := before + stop + `é"\` + strings.Repeat("b", 20)
				next, ascii := skipText([]byte(text), 0)
				if next != len(before) || ascii != (other < "\x80") {
					t.Errorf("skipText(%q) = %d, %v, want %d", text, next, ascii, len(before))
				}
				if next, _ := skipText([]byte(before), 0); next != len(before) {
					t.Errorf("skipText(%q) = %d, want %d", before, next, len(before))
				}
			}
		}
	}
}

func BenchmarkCanonicalize(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"plain", `"` + strings.Repeat("A text as it is in a test set, plain. ", 8) + `"`},
		{"escapes", `"` + strings.Repeat(`A \"text\" as it is\nin a test set. `, 8) + `"`},
		{"accents", `"` + strings.Repeat(`Un texte comme il est à l’école. `, 8) + `"`},
		{"list", `["` + strings.Repeat(`one choice","`, 24) + `the last"]`},
		{"list with spaces", `["` + strings.Repeat(`one choice", "`, 24) + `the last"]`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Canonicalize([]byte(bench.text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
