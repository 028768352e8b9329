package schemas

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func example(t testing.TB, name string) map[string]any {
	t.Helper()
	data, err := Example(name)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("example of %s: %v", name, err)
	}
	return doc
}

func encode(t testing.TB, doc any) []byte {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestExamplesHold(t *testing.T) {
	for _, name := range Names() {
		data, err := Example(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(name, data); err != nil {
			t.Errorf("Validate(%s, its example) = %v", name, err)
		}
		doc := example(t, name)
		doc["surplus"] = 1
		if err := Validate(name, encode(t, doc)); err == nil || !strings.Contains(err.Error(), `unknown member ["surplus"]`) {
			t.Errorf("Validate(%s with a surplus member) = %v", name, err)
		}
	}
}

// Whatever is required is missed, and named.
func TestRequiredMembers(t *testing.T) {
	for _, name := range Names() {
		members, err := Members(name)
		if err != nil || len(members) == 0 {
			t.Fatalf("Members(%s) = %v, %v", name, members, err)
		}
		for _, m := range members {
			doc := example(t, name)
			delete(doc, m)
			data := encode(t, doc)
			if err := Validate(name, data); err == nil || !strings.Contains(err.Error(), "member "+m+" is absent") {
				t.Errorf("Validate(%s without %s) = %v", name, m, err)
			}
			if got := Missing(name, data); !slices.Equal(got, []string{m}) {
				t.Errorf("Missing(%s without %s) = %v", name, m, got)
			}
		}
		if got := Missing(name, []byte("[]")); !slices.Equal(got, members) {
			t.Errorf("Missing(%s, []) = %v, want all", name, got)
		}
	}
}

// A page that does not name a member is out of date.
func TestPagesNameEveryMember(t *testing.T) {
	for _, name := range Names() {
		page, err := Page(name)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		var s struct{ Properties map[string]any }
		if err := json.Unmarshal(schema, &s); err != nil {
			t.Fatal(err)
		}
		for m := range maps.Keys(s.Properties) {
			if !strings.Contains(string(page), "| `"+m+"` |") {
				t.Errorf("page %s does not name member %s", name, m)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	id := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		name, member string
		value        any
		want         string
	}{
		{"testset", "setID", strings.ToUpper(id), "/setID: "},
		{"testset", "seq", -1, "/seq: "},
		{"testset", "seq", 1.5, "/seq: "},
		{"testset", "seq", 9007199254740992, "/seq: "},
		{"testset", "issuer", "lab", "/issuer: "},
		{"testset", "name", "two\nlines", "/name: "},
		{"testset", "name", "", "/name: "},
		{"testset", "name", "a\u202eb", "/name: "},
		{"testset", "name", "a\u0085b", "/name: "},
		{"testset", "fields", []string{}, "/fields: "},
		{"testset", "fields", []string{"a", "a"}, "/fields: "},
		{"testset", "version", map[string]any{"size": 0, "root": id, "active": id}, "/version/size: "},
		{"testset", "bindings", map[string]any{"notes": id}, "/bindings"},
		{"testset", "duplicates", [][]int{{1}}, "/duplicates/0: "},
		{"testset", "refs", []any{map[string]any{"role": "friend", "id": id}}, "/refs/0/role: "},
		{"testset", "skeleton", map[string]any{"sha256": id, "size": 1, "mediaType": "text", "name": "x"}, "/skeleton/mediaType: "},
		{"testset", "notBefore", map[string]any{"chain": id, "round": 1, "randomness": id}, "/notBefore: unknown member"},
		{"testset", "edits", []any{map[string]any{"retired": 1}}, "/edits/0: member reason is absent"},
		{"testset", "consistency", []any{}, "/consistency: "},
		{"model", "model", map[string]any{"kind": "sealed", "id": id}, "permitted forms"},
		{"model", "model", map[string]any{"kind": "endpoint", "id": id}, "permitted forms"},
		{"model", "endpoint", map[string]any{"provider": "p", "url": "https://p.example", "model": "m"}, "permitted forms"},
		{"model", "roles", []any{map[string]any{"role": "weight", "digest": id}}, "/roles/0/role: "},
		{"registration", "samples", 0, "/samples: "},
		{"registration", "deadline", "2026-12-24", "/deadline: "},
		{"registration", "deadline", "2026-12-24T18:00:00+01:00", "/deadline: "},
		{"registration", "retroactive", false, "/retroactive: "},
		{"registration", "metric", map[string]any{"name": "mean", "min": "0", "max": "1.0", "better": "higher"}, "/metric/max: "},
		{"registration", "metric", map[string]any{"name": "mean", "min": "-0", "max": "1", "better": "higher"}, "/metric/min: "},
		{"result", "score", "2/1.5", "/score: "},
		{"result", "score", "0/1", "/score: "},
		{"result", "leaves", 0, "/leaves: "},
		{"result", "abandoned", "the machine was lost", "permitted forms"},
		{"release", "published", []string{}, "/published: "},
		{"release", "model", map[string]any{"kind": "sealed", "id": id}, "permitted forms"},
		{"claim", "scores", []any{}, "/scores: "},
		{"claim", "scores", []any{map[string]any{"label": "a", "score": "1", "decimals": 0, "scale": "10", "result": id}}, "/scores/0/scale: "},
		{"claim", "variants", false, "/variants: "},
		{"head", "newest", "2", "/newest: "},
		{"retraction", "reason", "", "/reason: "},
		{"verdict", "headline", "TRUE", "/headline: "},
	} {
		doc := example(t, tt.name)
		doc[tt.member] = tt.value
		err := Validate(tt.name, encode(t, doc))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Validate(%s with %s = %v) = %v, want %q", tt.name, tt.member, tt.value, err, tt.want)
		}
	}
}

// Which special values a member of a configuration may have.
func TestConfigurationMembers(t *testing.T) {
	notNA := []string{"harness", "promptTemplate", "grader", "retry", "exclusions", "denominator", "relation", "evaluator", "variant"}
	alwaysKnown := []string{"exclusions", "denominator", "relation", "evaluator", "variant"}
	commitment := map[string]any{"commitment": strings.Repeat("ab", 32)}
	members, err := Members("configuration")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		plain := !slices.Contains(alwaysKnown, m)
		for _, tt := range []struct {
			value any
			ok    bool
		}{
			{"?", false},
			{map[string]any{"name": "?"}, false},
			{[]any{map[string]any{"name": "?"}}, false},
			{"", false}, {nil, false}, {map[string]any{}, false},
			{map[string]any{"commitment": "ab"}, false},
			{map[string]any{"commitment": strings.Repeat("ab", 32), "hint": "a"}, false},
			{"n/a", !slices.Contains(notNA, m)},
			{"unknown", plain},
			{commitment, plain || m == "variant"},
			{map[string]any{"name": "x", "version": "1"}, plain || m == "variant"},
		} {
			doc := example(t, "configuration")
			doc[m] = tt.value
			if err := Validate("configuration", encode(t, doc)); (err == nil) != tt.ok {
				t.Errorf("Validate(configuration with %s = %v) = %v, want ok = %v", m, tt.value, err, tt.ok)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, kind := range statements {
		if got, ok := KindOf(PredicateType(kind)); got != kind || !ok {
			t.Errorf("KindOf(PredicateType(%q)) = %q, %v", kind, got, ok)
		}
	}
	for _, s := range []string{"", "testset", Base + "testset", Base + "testset/v2", Base + "configuration/v1", "http" + Base[5:] + "testset/v1"} {
		if kind, ok := KindOf(s); ok {
			t.Errorf("KindOf(%q) = %q, true", s, kind)
		}
	}
}

func TestUnknownName(t *testing.T) {
	if err := Validate("nothing", []byte("{}")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Validate(nothing) = %v", err)
	}
	if _, err := Page("../go"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Page(../go) = %v", err)
	}
}

// Every file of the folder belongs to a name.
func TestNoStrayFiles(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, ext, _ := strings.Cut(e.Name(), ".")
		if ext != "go" && name != "common" && !strings.HasSuffix(name, "_test") && !slices.Contains(Names(), name) {
			t.Errorf("%s belongs to no schema", e.Name())
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, name := range Names() {
		data, err := Example(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, doc []byte) {
		if err := Validate(name, doc); err == nil && !json.Valid(doc) {
			t.Errorf("Validate(%s, %q) = nil, and it is not JSON", name, doc)
		}
	})
}

// The second example of an audit stands on its page.
func TestAuditPageExample(t *testing.T) {
	page, err := Page("audit")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page shows no example")
	}
	if err := Validate("audit", []byte(text)); err != nil {
		t.Error(err)
	}
	change := func(edit func(match map[string]any)) []byte {
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		edit(doc["modelMatch"].(map[string]any))
		return encode(t, doc)
	}
	// What an auditor may not say of what it did not read.
	for name, edit := range map[string]func(map[string]any){
		"a listing that matches":      func(m map[string]any) { m["tier"] = 1; delete(m, "modelID"); delete(m, "sample") },
		"a listing with a modelID":    func(m map[string]any) { m["tier"], m["outcome"] = 2, "incomplete"; delete(m, "sample") },
		"a listing with a sample":     func(m map[string]any) { m["tier"], m["outcome"] = 2, "incomplete"; delete(m, "modelID") },
		"a sample without one":        func(m map[string]any) { delete(m, "sample") },
		"a sample without a modelID":  func(m map[string]any) { delete(m, "modelID") },
		"a sample of the package":     func(m map[string]any) { m["package"] = m["modelID"] },
		"a sample, nothing uncovered": func(m map[string]any) { delete(m, "uncovered") },
		"a sample that is incomplete": func(m map[string]any) { m["outcome"] = "incomplete" },
		"every byte, and a sample":    func(m map[string]any) { m["tier"] = 4 },
		"every byte, not covered":     func(m map[string]any) { m["tier"] = 4; delete(m, "sample"); delete(m, "uncovered") },
		"every byte, and no modelID":  func(m map[string]any) { m["tier"] = 4; delete(m, "sample"); delete(m, "modelID") },
		"tier 5":                      func(m map[string]any) { m["tier"] = 5 },
		"a probability of nothing":    func(m map[string]any) { m["sample"].(map[string]any)["missed"] = "0" },
		"a number for a probability":  func(m map[string]any) { m["sample"].(map[string]any)["missed"] = 0.049282 },
	} {
		if err := Validate("audit", change(edit)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	every := change(func(m map[string]any) { m["tier"], m["package"] = 4, m["modelID"]; delete(m, "sample") })
	if err := Validate("audit", every); err != nil {
		t.Errorf("every byte: %v", err)
	}
	listing := change(func(m map[string]any) {
		m["tier"], m["outcome"] = 1, "incomplete"
		for _, name := range []string{"modelID", "sample", "uncovered"} {
			delete(m, name)
		}
	})
	if err := Validate("audit", listing); err != nil {
		t.Errorf("a listing: %v", err)
	}
	for _, other := range []string{`"regrade": {}`, `"result": "` + strings.Repeat("ab", 32) + `"`} {
		if err := Validate("audit", []byte(strings.Replace(text, "{", "{"+other+",", 1))); err == nil {
			t.Errorf("a model-match with %s is taken", other)
		}
	}
}

// A browser has the schemas of whatever can be in a pack; every name has one elsewhere.
func TestEmbedded(t *testing.T) {
	inBrowser, err := os.ReadFile("pages_js.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"common", "configuration"}, statements...) {
		if !strings.Contains(string(inBrowser), " "+name+".schema.json") {
			t.Errorf("pages_js.go does not embed the schema of %s", name)
		}
	}
	for _, name := range Names() {
		if _, err := Schema(name); err != nil {
			t.Error(err)
		}
	}
}
