package harness

import (
	"strings"
	"testing"
)

func TestStringLength(t *testing.T) {
	for text, want := range map[string]int{
		`""`: 2, `"a"`: 3, `"a" "b"`: 3, `"\""`: 4, `"\\" "`: 4, `"\\\"" "`: 6, `"a\"b\"c":"d"`: 9, `"\u0022"x`: 8,
		`"`: 1, `"a`: 2, `"\`: 2, `"\"`: 3, `"a\\\`: 5,
		`"` + strings.Repeat(`\"`, 1000) + `""`: 2002,
	} {
		if got := stringLength([]byte(text)); got != want {
			t.Errorf("stringLength(%.20s) = %d, want %d", text, got, want)
		}
	}
}
