package harness

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/fstest"
)

func elementsOf(data []byte) ([]string, error) {
	var all []string
	err := eachElement(fstest.MapFS{"a": {Data: data}}, "a", func(_ int, e foreign) error {
		all = append(all, string(e))
		return nil
	})
	return all, err
}

// An array taken apart is the array that encoding/json reads.
func FuzzElements(f *testing.F) {
	for _, s := range []string{
		`[]`, `[1]`, ` [ 1 , "a,]\"" , [2,[]] , {"a":[1],"b":"}"} ] `, `[1,]`, `[,]`, `[1 2]`, `[1`, `{}`, `["`, `["\`, `[]]`, `[NaN]`, "[\"\\\\\"]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := elementsOf(data)
		var want []json.RawMessage
		if bytes.Contains(data, []byte("N")) || bytes.Contains(data, []byte("I")) {
			return // NaN and Infinity are let through
		}
		if json.Unmarshal(data, &want) != nil {
			if err == nil {
				t.Fatalf("%q is no JSON, and was read as %q", data, got)
			}
			return
		}
		if err != nil {
			return // duplicate names and the like, which encoding/json accepts
		}
		if want == nil {
			t.Fatalf("%q is no array, and was read as %q", data, got)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d elements, want %d", data, len(got), len(want))
		}
		for i := range want {
			if got[i] != string(bytes.TrimSpace(want[i])) {
				t.Errorf("%q: element %d is %q, want %q", data, i, got[i], want[i])
			}
		}
	})
}
