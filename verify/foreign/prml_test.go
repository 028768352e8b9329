package foreign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

const manifest = `version: prml/0.1
claim_id: 01900000-0000-7000-8000-0000000000aa
created_at: '2026-05-01T12:00:00Z'
metric: accuracy
comparator: '>='
threshold: 0.85
dataset:
  id: arithmetic
  hash: ` + hexA + `
seed: 42
producer:
  id: lab.example
`

const streaming = `version: prml/0.2
claim_id: 01900000-0000-7000-8000-0000000000ab
prml_mode: streaming
metric: elo
comparator: '>'
threshold: 1300
value_method: mean_over_window
sample_size: 1000
pre_registered_from: '2026-05-01T00:00:00Z'
pre_registered_to: '2026-06-01T00:00:00Z'
dataset:
  id: live
  hash: n/a-streaming
seed: null
producer:
  id: lab.example
`

// Each case breaks one rule, and only that.
func TestPRML(t *testing.T) {
	for _, tt := range []struct{ from, old, new, want string }{
		{manifest, "", "", ""},
		{streaming, "", "", ""},
		{manifest, "seed: 42\n", "seed: 42\nnotes: it's here # and a comment\n", ""},
		{manifest, "seed: 42\n", "", "missing required field: seed"},
		{manifest, "created_at: '2026-05-01T12:00:00Z'\n", "", "missing required field: created_at"},
		{manifest, "prml/0.1", "prml/0.9", "version must be"},
		{manifest, "7000", "4000", "claim_id must be a UUIDv7"},
		{manifest, "'2026-05-01T12:00:00Z'", "2026-05-01T12:00:00Z", "without quotes"},
		{manifest, "'2026-05-01T12:00:00Z'", "'1 May 2026'", "created_at must be an RFC 3339"},
		{manifest, "'>='", "'=>'", "comparator must be one of"},
		{manifest, "0.85", "high", "threshold must be a finite number"},
		{manifest, "0.85", ".inf", "threshold must be a finite number"},
		{manifest, "0.85", "true", "threshold must be a finite number"},
		{manifest, "0.85", "1e3", "take for different things"},
		{manifest, "0.85", "0_1", "take for different things"},
		{manifest, "seed: 42", "seed: 010", "take for different things"},
		{manifest, "seed: 42", "seed: 4.2", "seed must be an integer or null"},
		{manifest, "seed: 42", "seed: 18446744073709551616", "seed must be within 64 bits"},
		{manifest, hexA, "NOTAHASH", "dataset.hash must be 64 lowercase hex chars"},
		{manifest, hexA, "n/a-streaming", "dataset.hash must be 64 lowercase hex chars"},
		{manifest, "  id: arithmetic\n", "", "missing required field: dataset.id"},
		{manifest, "  id: lab.example", "  name: lab.example", "producer.name: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nextra: 1\n", "extra: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nSeed: 43\n", "Seed: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nprml_mode: static\n", "prml_mode: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nprior_hash: abc\n", "prior_hash must be"},
		{manifest, "seed: 42\n", "seed: 42\nmodel: tiny\n", "model is no object"},
		{manifest, "seed: 42\n", "seed: 42\nmetric: f1\n", `duplicate key "metric"`},
		{manifest, "accuracy", "\"accu\\u2028racy\"", "control / non-portable character"},
		{manifest, "metric: accuracy", "metric: accuracy\n\"met\\u2028a\": x", "control / non-portable character"},
		{manifest, "lab.example", "O\u0308zt", "not in Unicode NFC"},
		{manifest, "metric: accuracy", "metric: &a accuracy", "anchor"},
		{manifest, "metric: accuracy", "metric: !!str accuracy", "a tag"},
		{manifest, "seed: 42\n", "seed: 42\n---\n", "second document"},
		{manifest, "metric: accuracy", "metric: " + strings.Repeat("m", 257), "more than 256 characters"},
		{manifest, "metric: accuracy", "? [a]\n: b\nmetric: accuracy", "a name that is no text"},
		{manifest, "seed: 42\n", "seed: 42\nnotes: " + strings.Repeat("n", 4097) + "\n", "notes must be"},
		{manifest, "seed: 42\n", "seed: 42\nnotes: 7\n", "notes must be"},
		{manifest, "  id: arithmetic\n", "  id: arithmetic\n  size: 20\n", "dataset.size: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nmodel:\n  id: tiny\n  weights: x\n", "model.weights: unknown field"},
		{manifest, "seed: 42\n", "seed: 42\nmetric_args: 7\n", "metric_args is no object"},
		{manifest, "metric: accuracy", "metric: accuracy\ncompute_envelope:\n  gpus: [a, \"b\\u2028\"]", "compute_envelope.gpus[1] has a control"},
		{streaming, "seed: null", "seed: null\nextra: 1", "extra: unknown field"},
		{streaming, "value_method: mean_over_window\n", "", "missing required field: value_method"},
		{streaming, "prml_mode: streaming\n", "", "missing required field: created_at"},
		{streaming, "prml_mode: streaming", "prml_mode: live", "prml_mode must be one of"},
		{streaming, "sample_size: 1000", "sample_size: -1", "sample_size must be"},
		{streaming, "seed: null", "seed: null\nrevoked_at: '2026-06-02T12:00:00Z'", "missing required field: revocation_reason"},
		{streaming, "seed: null", "seed: null\nrevocation_reason: regret", "revocation_reason must be one of"},
		{streaming, "'2026-06-01T00:00:00Z'", "'soon'", "pre_registered_to must be an RFC 3339"},
	} {
		text := strings.Replace(tt.from, tt.old, tt.new, 1)
		if tt.old != "" && text == tt.from {
			t.Fatalf("%s is not there", tt.old)
		}
		r := Read([]byte(text), nil)
		if r == nil {
			t.Errorf("%s for %s: not recognised", tt.new, tt.old)
			continue
		}
		if got := errorText(r.Broken); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s for %s: %q, want %q", tt.new, tt.old, got, tt.want)
		}
		if (r.Hash == "") != (r.Broken != nil) {
			t.Errorf("%s for %s: hash %q", tt.new, tt.old, r.Hash)
		}
	}
}

// The published manifests are accepted and hash to what is published, as JSON and as
// YAML; the published bad ones are refused for the reason stated.
func TestPRMLVectors(t *testing.T) {
	needData(t)
	type vector struct {
		ID              string
		Input           json.RawMessage
		Canonical, Hash string
		Raw             string
		Expect          json.RawMessage
	}
	load := func(name string) (all []vector) {
		decodeFile(t, vectors+"prml/"+name, &all)
		if len(all) == 0 {
			t.Fatalf("%s: no vectors", name)
		}
		return all
	}
	for _, v := range append(load("v0.1/test-vectors.json"), load("v0.2/test-vectors.json")...) {
		for form, data := range map[string][]byte{"JSON": v.Input, "YAML": []byte(v.Canonical)} {
			if r := Read(data, nil); r == nil || r.Broken != nil || r.Hash != v.Hash {
				t.Errorf("%s as %s: %v, want hash %s", v.ID, form, r, v.Hash)
			}
		}
	}
	for _, v := range append(load("reject/reject-vectors.json"), load("reject/reject-vectors-015-020.transcribed.json")...) {
		data := []byte(v.Raw)
		if v.Raw == "" {
			data = v.Input
		}
		var reasons []string
		if json.Unmarshal(v.Expect, &reasons) != nil {
			reasons = make([]string, 1)
			if err := json.Unmarshal(v.Expect, &reasons[0]); err != nil {
				t.Fatal(err)
			}
		}
		r := Read(data, nil)
		said := false
		for _, reason := range reasons {
			said = said || r != nil && r.Broken != nil && strings.Contains(r.Broken.Error(), reason)
		}
		if !said {
			t.Errorf("%s: %v, want refused: one of %q", v.ID, r, reasons)
		}
	}
}

// What PyYAML 6.0.3 writes for values that need care.
func TestDump(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"a plain text", "a plain text"}, {"it's", "it's"}, {"'it", "'''it'"}, {"", "''"}, {"yes", "'yes'"}, {"y", "y"}, {"0123", "'0123'"}, {"0129", "0129"},
		{"1e3", "1e3"}, {"1.e+3", "'1.e+3'"}, {"12:30", "'12:30'"}, {"a: b", "'a: b'"}, {"a:b", "a:b"}, {"a #b", "'a #b'"}, {"a#b", "a#b"}, {"-", "'-'"}, {"-a", "-a"},
		{"- a", "'- a'"}, {"---a", "'---a'"}, {"2026-05-01", "'2026-05-01'"}, {"=", "'='"}, {"==", "=="}, {"@a", "'@a'"}, {" a", "' a'"}, {"ü", "ü"}, {"a:", "'a:'"},
		{json.Number("1e16"), "1.0e+16"}, {json.Number("1234567890123456.0"), "1234567890123456.0"}, {json.Number("0.00001"), "1.0e-05"}, {json.Number("0.0001"), "0.0001"},
		{json.Number("1.5e300"), "1.5e+300"}, {json.Number("-0.0"), "-0.0"}, {json.Number("007"), "7"}, {nil, "null"}, {true, "true"},
	} {
		if got, err := dumpScalar(tt.value); err != nil || got != tt.want {
			t.Errorf("%#v: %s, %v, want %s", tt.value, got, err, tt.want)
		}
	}
	for _, v := range []any{"\uffff", "\U0010ffff", []any{}, json.Number(".nan")} {
		if got, err := dumpScalar(v); err == nil {
			t.Errorf("%#v: %s, want an error", v, got)
		}
	}
}

func TestDumpNested(t *testing.T) {
	tree, err := parseJSON([]byte(`{"b":{"y":[1,"x"],"x":{}},"a":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := dumpMapping(&b, tree.(map[string]any), 0); err != nil {
		t.Fatal(err)
	}
	if want := "a: []\nb:\n  x: {}\n  y:\n  - 1\n  - x\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// A manifest that holds what has no known canonical form is read, and no hash is made
// up for it.
func TestPRMLWithoutHash(t *testing.T) {
	for _, more := range []string{"compute_envelope:\n  runs:\n  - gpu: 1\n", "compute_envelope:\n  " + strings.Repeat("n", 200) + ": 1\n", "notes: \"\\uFFFF\"\n"} {
		r := Read([]byte(manifest+more), nil)
		if r == nil || r.Broken != nil || r.Hash != "" || !strings.Contains(r.String(), "own hash was not recomputed") {
			t.Errorf("%.40s: %v", more, r)
		}
	}
}

// The canonical form of what was read reads as the same, and is its own canonical form.
func FuzzPRML(f *testing.F) {
	f.Add([]byte(manifest))
	f.Add([]byte(streaming))
	f.Add([]byte(`{"version":"prml/0.1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Read(data, nil)
		if r == nil || r.Hash == "" {
			return
		}
		parse := parseYAML
		if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
			parse = parseJSON
		}
		tree, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := prmlBytes(tree.(map[string]any))
		if err != nil {
			t.Fatal(err)
		}
		again := Read(canonical, nil)
		if again != nil && again.Broken != nil && strings.Contains(again.Broken.Error(), "without quotes") {
			return // JSON's text 1e3, which the canonical form leaves without quotes
		}
		if again == nil || again.Hash != r.Hash {
			t.Fatalf("%q: %v, want hash %s", canonical, again, r.Hash)
		}
		if sum := sha256.Sum256(canonical); hex.EncodeToString(sum[:]) != r.Hash {
			t.Fatalf("%q does not hash to %s", canonical, r.Hash)
		}
	})
}
