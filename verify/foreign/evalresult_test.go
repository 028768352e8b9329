package foreign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const small = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"aa"}}],"predicateType":"` + evalResultNew + `","predicate":{
"evaluator":{"id":"https://e.example"},"evaluatedAt":"2026-07-05T12:00:00Z","suite":{"name":"s","version":"1"},"claims":[{"metric":"m","comparator":">=","threshold":"0.98","passed":true}],
"sampleSize":5,"model":{"digest":{"sha256":"aa"}},"dataset":{"digest":{"sha256":"bb"}},"assuranceLevel":"self_attested"}}`

const broken = "breaks the rules"

func TestLacks(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"", "", "no proof of logging"},
		{`"0.98"`, `"1e3"`, broken},
		{`"dataset":`, `"set":`, broken},
		{`"evaluator"`, `"verifier"`, broken},
		{`"passed":true`, `"passed":true,"passed":false`, broken},
		{`"comparator":">="`, `"comparator":"=="`, broken},
	} {
		said, ok := Lacks([]byte(strings.Replace(small, tt.old, tt.new, 1)))
		if !ok || !strings.Contains(said, tt.want) {
			t.Errorf("%s for %s: %q, %v", tt.new, tt.old, said, ok)
		}
	}
	if said, ok := Lacks([]byte(`{"_type":"https://in-toto.io/Statement/v1"}`)); ok {
		t.Errorf("a statement of another kind: %q", said)
	}
}

// The published statements are well formed; the derived cases say in their names.
func TestVectors(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/vectors/intoto-eval-result/v0*/*.json")
	if len(files) == 0 {
		t.Skip("the vectors are not here")
	}
	for _, name := range files {
		base := filepath.Base(name)
		if base == "manifest.json" || base == "eval-receipt.json" || strings.HasPrefix(base, "svr") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		said, ok := Lacks(data)
		if bad := strings.HasPrefix(base, "bad-"); !ok || strings.Contains(said, broken) != bad {
			t.Errorf("%s: %q, %v", base, said, ok)
		}
	}
}

func FuzzLacks(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, data []byte) { Lacks(data) })
}
