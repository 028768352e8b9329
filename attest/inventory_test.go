package attest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/schemas"
)

// What an inventory found is written as it is read, inside the statement and beside it.
func TestInventory(t *testing.T) {
	data, err := schemas.Example("inventory")
	if err != nil {
		t.Fatal(err)
	}
	var p Inventory
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	st, err := NewStatement(&p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&p, st.Predicate); diff != "" {
		t.Errorf("an inventory is not what it was: %s", diff)
	}
	list, err := FormatFound(p.Found)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseFound(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Found, again); diff != "" {
		t.Errorf("a list is not what it was: %s", diff)
	}

	// That there is nothing is said, too.
	p.Found = []Found{}
	st, err = NewStatement(&p)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(st.Payload), `"found":[]`) || st.Predicate.(*Inventory).Found == nil {
		t.Errorf("nothing found is written as %s", st.Payload)
	}
	p.Found = nil
	if _, err := NewStatement(&p); err == nil {
		t.Error("an inventory without a list is a statement")
	}
}

func TestParseFoundRefuses(t *testing.T) {
	id := strings.Repeat("ab", 32)
	line := func(index string) string {
		return `{"id":"` + id + `","index":` + index + `,"issuer":"https://lab.example","kind":"head","seq":1}` + "\n"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"an index twice", line("3") + line("3"), "index 3 after 3"},
		{"an index backwards", line("3") + line("2"), "index 2 after 3"},
		{"no end of line", strings.TrimSuffix(line("3"), "\n"), "want lines"},
		{"an empty line", "\n" + line("3"), "line 1"},
		{"another member", strings.Replace(line("3"), `"seq"`, `"sequence"`, 1), "unknown field"},
		{"no index", strings.Replace(line("3"), `"index":3,`, "", 1), "want lines"},
		{"spaces", strings.Replace(line("3"), ":", ": ", 1), "line 1"},
	} {
		if _, err := ParseFound([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseFound(%s) = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestListed(t *testing.T) {
	one := Found{ID: Hash{1}, Index: 3, Issuer: "a:a", Kind: "head", Seq: 1}
	two := Found{ID: Hash{2}, Index: 5, Issuer: "a:a", Kind: "head", Seq: 1}
	twice := []Equivocation{{"a:a", 1, [2]Hash{{1}, {2}}}}
	for _, tt := range []struct {
		name string
		p    Inventory
		want string
	}{
		{"as it is", Inventory{Size: 6, Found: []Found{one, two}, Equivocations: twice}, ""},
		{"backwards", Inventory{Size: 6, Found: []Found{two, one}, Equivocations: twice}, "index 3 after 5"},
		{"without its equivocation", Inventory{Size: 6, Found: []Found{one, two}}, "other equivocations"},
		{"with one that is not there", Inventory{Size: 6, Found: []Found{one}, Equivocations: twice}, "other equivocations"},
		{"beyond its tree", Inventory{Size: 5, Found: []Found{one, two}, Equivocations: twice}, "outside a tree of 5"},
	} {
		if _, err := tt.p.Listed(nil); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Listed of an inventory %s: %v, want %q", tt.name, err, tt.want)
		}
		list, err := FormatFound(tt.p.Found)
		if err != nil {
			t.Fatal(err)
		}
		tt.p.Found, tt.p.List = nil, &Artifact{}
		if _, err := tt.p.Listed(list); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Listed of an inventory with an artifact %s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestEquivocations(t *testing.T) {
	list := []Found{
		{ID: Hash{1}, Issuer: "a:a", Seq: 1}, {ID: Hash{2}, Issuer: "b:b", Seq: 1},
		{ID: Hash{3}, Issuer: "a:a", Seq: 1}, {ID: Hash{1}, Issuer: "a:a", Seq: 1},
	}
	want := []Equivocation{{"a:a", 1, [2]Hash{{1}, {3}}}}
	if diff := cmp.Diff(want, Equivocations(list)); diff != "" {
		t.Errorf("Equivocations: %s", diff)
	}
}

func FuzzParseFound(f *testing.F) {
	f.Add([]byte(`{"id":"` + strings.Repeat("ab", 32) + `","index":3,"issuer":"a:b","kind":"head","seq":1}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseFound(data)
		if err != nil {
			return
		}
		if again, err := FormatFound(list); err != nil || string(again) != string(data) {
			t.Errorf("%q is read and written as %q, %v", data, again, err)
		}
	})
}
