package attest

import (
	"bytes"
	"strings"
	"testing"
)

// Two sequences, which is all that it takes to be split.
var tokenA, tokenB = []byte{0x30, 0x03, 0x02, 0x01, 0x01}, []byte{0x30, 0x03, 0x02, 0x01, 0x02}

func TestSplitTokens(t *testing.T) {
	got, err := SplitTokens(append(bytes.Clone(tokenA), tokenB...))
	if err != nil || len(got) != 2 || !bytes.Equal(got[0], tokenA) || !bytes.Equal(got[1], tokenB) {
		t.Errorf("SplitTokens = %x, %v, want %x and %x", got, err, tokenA, tokenB)
	}
	long := append([]byte{0x30, 0x83, 0x01, 0x00, 0x00}, make([]byte, MaxToken)...)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "empty"},
		{"words", []byte("timestamp"), "token 1"},
		{"no sequence", tokenA[2:], "not a DER sequence"},
		{"cut off", append(bytes.Clone(tokenA), tokenB[:4]...), "token 2 is not DER"},
		{"of no stated length", []byte{0x30, 0x80, 0x02, 0x01, 0x01, 0, 0}, "not DER"},
		{"too long", long, "at most"},
		{"too many", bytes.Repeat(tokenA, maxTokens+1), "more than"},
	} {
		if got, err := SplitTokens(c.file); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: SplitTokens = %x, %v, want an error with %q", c.name, got, err, c.want)
		}
	}
}

// Whoever merges packs keeps the tokens of all, and none that another spoilt.
func TestMergeTokens(t *testing.T) {
	both := append(bytes.Clone(tokenA), tokenB...)
	for _, c := range []struct{ name, file, other, want string }{
		{"none and none", "", "", ""},
		{"none and one", "", string(tokenA), string(tokenA)},
		{"one and none", string(tokenA), "", string(tokenA)},
		{"one and the same", string(tokenA), string(tokenA), string(tokenA)},
		{"one and another", string(tokenA), string(tokenB), string(both)},
		{"two and one of them", string(both), string(tokenB), string(both)},
		{"spoilt and one", "spoilt", string(tokenA), string(tokenA)},
		{"one and spoilt", string(tokenA), "spoilt", string(tokenA)},
		{"full and one", strings.Repeat(string(tokenA), maxTokens), string(tokenB), strings.Repeat(string(tokenA), maxTokens)},
	} {
		if got := mergeTokens([]byte(c.file), []byte(c.other)); string(got) != c.want {
			t.Errorf("%s: mergeTokens = %x, want %x", c.name, got, c.want)
		}
	}
}
