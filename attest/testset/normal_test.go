package testset

import (
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// The short cut for plain strings gives what the long way gives.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"", " ", "Two  Apples ", "a", "ÀB c", "tab\there", `quote"d`, "  x  Y", "\u00a0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := attest.AppendString(nil, s)
		want := string(attest.AppendString(nil, normalText(unquote(quoted))))
		if got := string(normalize(nil, quoted)); got != want {
			t.Errorf("normalize(%s) = %s, want %s", quoted, got, want)
		}
	})
}
