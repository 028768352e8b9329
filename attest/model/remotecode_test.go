package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDigestOutsideCode(t *testing.T) {
	tests := []struct {
		name  string
		extra []string
		want  []string
	}{
		{"none", []string{"config.json", `{"auto_map":null}`}, nil},
		{"inside", []string{"config.json", `{"auto_map":{"AutoModel":"modeling_x.X"}}`, "modeling_x.py", ""}, nil},
		{"missing", []string{"config.json", `{"auto_map":{"AutoModel":"modeling_x.X","AutoConfig":"modeling_x.C"}}`, "sub/modeling_x.py", ""}, []string{"modeling_x.py"}},
		{"elsewhere", []string{"config.json", `{"x":Infinity,"auto_map":{"AutoModel":"org/name--modeling_x.X"}}`, "modeling_x.py", ""}, []string{"org/name--modeling_x.X"}},
		{"tokenizer", []string{"tokenizer_config.json", `{"auto_map":{"AutoTokenizer":["tok.T",null]}}`}, []string{"tok.py"}},
		{"nonsense", []string{"config.json", `{"auto_map":{"AutoModel":[1],"AutoConfig":{},"x":"y"}}`}, nil},
		{"not a map", []string{"config.json", `{"auto_map":[]}`}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, digest(t, two(t, test.extra...)).OutsideCode); diff != "" {
			t.Errorf("%s: code differs (-want +got):\n%s", test.name, diff)
		}
	}
}
