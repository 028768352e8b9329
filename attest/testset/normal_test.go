package testset

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/proctor-attest/proctor/attest"
)

// The way through words gives what the whole text gives.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"", " ", "Two  Apples ", "a", "ÀB c", "tab\there", `quote"d`, "  x  Y", "\u00a0x", "Twelve Apples  and MORE of them",
		"E\u0301te a\u0301", "é\u00a0\"ü", "x \u0301y", "ﬁ\\ﬁ", "a\vb\x01c", "\u00a8 \u00a8", "İI\u0307", "一二 三", "ab\"é", "a \"é\n\"é", "\u1100\u1161 \u11a8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkNormal(t, runeFolds{}, strings.ToValidUTF8(s, "?")) })
}

func checkNormal(t *testing.T, folds runeFolds, s string) {
	t.Helper()
	quoted := attest.AppendString(nil, s)
	want := string(attest.AppendString(nil, strings.Join(strings.FieldsFunc(foldText(s), unicode.IsSpace), " ")))
	if got := string(folds.normalize(nil, quoted)); got != want {
		t.Errorf("normalize(%s) = %s, want %s", quoted, got, want)
	}
}

// Characters that are composed, decomposed, folded to several, or white space, in all
// orders; and characters of every block between two others.
func TestNormalize(t *testing.T) {
	folds := runeFolds{}
	pool := []rune("aEK<=İıßſẞﬁŉǰΐΣς\"\\ \t\n\v\x01\u0085\u00a0\u00a8\u00b4\u0300\u0301\u0307\u030c\u0323\u0327\u0338\u0345\u1100\u1161\u11a8\uac00\u3133\uffda\u3000\u3099か\u0915\u093c\uff02\uff3c\U0001d15e\u0f71\u0f72")
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		s := make([]rune, random.IntN(14))
		for i := range s {
			s[i] = pool[random.IntN(len(pool))]
		}
		checkNormal(t, folds, string(s))
	}
	for r := rune(0x80); r < 0x20000; r++ {
		if r > 0x3400 && r%31 != 0 || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z) {
			continue
		}
		checkNormal(t, folds, "Ae"+string(r)+"e\u0301 "+string(r)+"\u0323 =")
	}
}

func BenchmarkNormalize(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"ascii", strings.Repeat("A text as it is in a test set, plain. ", 8)},
		{"escapes", strings.Repeat(`A \"text\" as it is\nin a test set. `, 8)},
		{"accents", strings.Repeat(`Un texte comme il est à l’école. `, 8)},
		{"chinese", strings.Repeat(`一二三四五六七八九十，`, 12)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			value := []byte(`"` + bench.text + `"`)
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			folds, dst := runeFolds{}, []byte(nil)
			for b.Loop() {
				dst = folds.normalize(dst[:0], value)
			}
		})
	}
}
