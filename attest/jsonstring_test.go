package attest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
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

func TestAppendString(t *testing.T) {
	var all []rune
	for r := range rune(0x300) {
		all = append(all, r)
	}
	for _, s := range []string{"", string(all), "\u2028\u2029\U0001f600</script>&"} {
		got := AppendString(nil, s)
		if err := CheckCanonical(got); err != nil {
			t.Errorf("AppendString(%.20q): %v", s, err)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != s {
			t.Errorf("AppendString(%.20q) reads as %.20q, %v", s, back, err)
		}
	}
}

// A number that is taken for canonical is, and denotes what is written.
func TestPlainNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	plain := 0
	for range 20_000 {
		number := []byte(strings.Repeat("-", random.IntN(2)))
		for range 1 + random.IntN(8) {
			number = append(number, "0012345678"[random.IntN(10)])
		}
		if random.IntN(2) == 0 {
			number = append(number, '.')
			for range 1 + random.IntN(9) {
				number = append(number, "0000345678"[random.IntN(10)])
			}
		}
		if CheckForeignJSON(number) != nil || !plainNumber(number) {
			continue
		}
		plain++
		if want, err := jcs.Transform(number); err != nil || !bytes.Equal(number, want) || !exactFloat(string(number)) {
			t.Errorf("%s is taken for canonical, which is %s (%v)", number, want, err)
		}
	}
	if plain < 1000 {
		t.Errorf("%d numbers were tried", plain)
	}
}

func BenchmarkCanonicalize(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"plain", `"` + strings.Repeat("A text as it is in a test set, plain. ", 8) + `"`},
		{"escapes", `"` + strings.Repeat(`A \"text\" as it is\nin a test set. `, 8) + `"`},
		{"other escapes", `"` + strings.Repeat(`Un texte comme il est \u00e0 l\u2019\u00e9cole. `, 8) + `"`},
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
