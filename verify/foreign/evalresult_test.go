package foreign

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	hexA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	small = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + hexA + `"}}],"predicateType":"` + evalResultNew + `","predicate":{
"evaluator":{"id":"https://e.example"},"evaluatedAt":"2026-07-05T12:00:00Z","suite":{"name":"s","version":"1"},"claims":[{"metric":"m","comparator":">=","threshold":"0.98","passed":true}],
"sampleSize":5,"model":{"name":"tiny","digest":{"sha256":"` + hexA + `"}},"commitments":{"dataset":{"alg":"sha256-salted-v1","value":"` + hexA + `","salted":true}},"assuranceLevel":"self_attested"}}`
	older = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + hexA + `"}}],"predicateType":"` + evalResultOld + `","predicate":{
"verifier":{"id":"https://e.example"},"receipt":{"schema":"r/v1","merkleRootB64":"cm9vdA=="},"evaluatedAt":"2026-07-05T12:00:00Z","suite":{"name":"s"},"claims":[{"metric":"m","comparator":"<","threshold":"2","passed":false}],
"sampleSize":5,"commitments":{"model":{"alg":"sha256-salted-v1","value":"` + hexA + `","salted":true},"dataset":{"alg":"sha256-salted-v1","value":"` + hexA + `","salted":true}},"assuranceLevel":"self_attested"}}`
)

// Each case breaks one rule, and only that.
func TestEvalResult(t *testing.T) {
	evidence := `"evidence":[{"digest":{"sha256":"` + hexA + `"}}],"assuranceLevel"`
	for _, tt := range []struct{ from, old, new, want string }{
		{small, "", "", ""},
		{older, "", "", ""},
		{small, `"assuranceLevel"`, `"extension":{"any":1},"assuranceLevel"`, ""},
		{small, `"assuranceLevel"`, evidence, ""},
		{small, `"assuranceLevel"`, `"evidence":[],"assuranceLevel"`, ""},
		{small, `"assuranceLevel"`, `"evidence":[{"name":"log"}],"assuranceLevel"`, "evidence[0] without a digest"},
		{small, `"assuranceLevel"`, `"evidence":{},"assuranceLevel"`, "evidence is no list"},
		{small, `"0.98"`, `"1e3"`, "claims[0].threshold must be a plain decimal"},
		{small, `"0.98"`, `0.98`, "claims[0].threshold must be a plain decimal"},
		{small, `"passed":true`, `"passed":"true"`, "claims[0].passed must be true or false"},
		{small, `"passed":true`, `"passed":true,"passed":false`, "duplicate name"},
		{small, `"comparator":">="`, `"comparator":"=="`, "claims[0].comparator must be one of"},
		{small, `"metric":"m"`, `"metric":""`, "claims[0].metric must be a text"},
		{small, `"metric":`, `"Metric":`, `claims[0].Metric is not spelled "metric"`},
		{small, `"claims":[{"metric":"m","comparator":">=","threshold":"0.98","passed":true}]`, `"claims":[]`, "no claim"},
		{small, `"evaluator"`, `"Evaluator"`, `predicate.Evaluator is not spelled "evaluator"`},
		{small, `"evaluator"`, `"verifier"`, "verifier belongs to the older form"},
		{small, `"evaluator":{"id":"https://e.example"},`, ``, "predicate has no evaluator"},
		{small, `2026-07-05T12:00:00Z`, `2026-07-05 12:00`, "evaluatedAt must be an RFC 3339"},
		{small, `2026-07-05T12:00:00Z`, `2026-13-05T12:00:00Z`, "evaluatedAt must be an RFC 3339"},
		{small, `"suite":{"name":"s","version":"1"}`, `"suite":"s"`, "suite is no object"},
		{small, `"sampleSize":5`, `"sampleSize":5.5`, "sampleSize must be an integer"},
		{small, `"sampleSize":5`, `"sampleSize":-5`, "sampleSize must be an integer"},
		{small, `"model":{"name":"tiny","digest":{"sha256":"` + hexA + `"}},`, ``, "want exactly one of model"},
		{small, `"commitments":{`, `"commitments":{"model":{"alg":"a","value":"` + hexA + `","salted":true},`, "want exactly one of model"},
		{small, `"salted":true`, `"salted":false`, "must be salted: true"},
		{small, `,"salted":true`, ``, "must be salted: true"},
		{small, `"commitments":{"dataset":`, `"commitments":{"dataset":null,"x":`, "commitments.dataset is no object"},
		{small, `-v1","value":"a`, `-v1","value":"A`, "want hexadecimal digits in lower case"},
		{small, `-v1","value":"aa`, `-v1","value":"`, "has 62 digits, want 64"},
		{small, `[{"digest":{"sha256":"aa`, `[{"digest":{"sha256":"`, "subject[0].digest.sha256: has 62 digits, want 64"},
		{small, `[{"digest":{"sha256":`, `[{"digest":{"SHA256":`, `subject[0].digest.SHA256 is not spelled "sha256"`},
		{small, `"subject":[{"digest":{"sha256":"` + hexA + `"}}]`, `"subject":[]`, "no subject"},
		{small, `"self_attested"`, `"certified"`, "assuranceLevel must be one of"},
		{small, `{"name":"tiny",`, `{"name":"tiny","content":"dGlueQ==",`, "model.content is not what its digest says"},
		{small, `"assuranceLevel"`, `"preRegistration":{"alg":"sha256","value":"aa"},"assuranceLevel"`, "preRegistration.value: has 2 digits"},
		{small, `"assuranceLevel"`, `"subjectProfile":"vip","assuranceLevel"`, "subjectProfile must be one of"},
		{small, `"assuranceLevel"`, `"harness":{"name":7},"assuranceLevel"`, "harness.name must be a text"},
		{older, `"verifier"`, `"evaluator"`, "evaluator belongs to the newer form"},
		{older, `"receipt":{"schema":"r/v1","merkleRootB64":"cm9vdA=="},`, ``, "receipt is no object"},
		{older, `"model":{"alg":"sha256-salted-v1","value":"` + hexA + `","salted":true},`, ``, "want exactly one of model"},
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
		if (r.Broken != nil) != strings.Contains(r.String(), "breaks the rules") || len(r.Lacks) == 0 {
			t.Errorf("%s for %s: %q, lacks %q", tt.new, tt.old, r, r.Lacks)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNotForeign(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `[]`, `7`, `{"_type":"https://in-toto.io/Statement/v1"}`, "a,b\n1,2\n", `{"payload":"e30="}`,
		strings.Replace(small, evalResultNew, "https://proctor-attest.github.io/schemas/result/v1", 1), // Proctor's own
		small + strings.Repeat(" ", MaxSize),
		`{"examples":[{"version":"prml/0.1"}]}`, // PRML's schema
	} {
		if r := Read([]byte(text), nil); r != nil {
			t.Errorf("%.60s: %v", text, r)
		}
	}
}

const vectors = "../../../shared/data/vectors/"

// needData skips a test where the real data are absent as a whole; that a part of them
// is missing is a failure.
func needData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../../../shared/data"); err != nil {
		t.Skip("the real data are not here")
	}
}

// The published statements are well formed; of the derived cases the manifest says it.
func TestEvalResultVectors(t *testing.T) {
	needData(t)
	want := map[string]bool{
		"v0.1/private-model-commitment.statement.json": true, "v0.1/public-model.statement.json": true, "v0.1/release-gate.statement.json": true,
		"v0.2/private-model-commitment.statement.json": true, "v0.2/public-model.statement.json": true,
	}
	var manifest struct {
		Cases []struct{ File, Expected string }
	}
	decodeFile(t, vectors+"intoto-eval-result/v0.2-derived-cases/manifest.json", &manifest)
	if len(manifest.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range manifest.Cases {
		want[c.File] = c.Expected == "accept"
	}
	for name, ok := range want {
		data, err := os.ReadFile(filepath.Join(vectors, "intoto-eval-result", name))
		if err != nil {
			t.Fatal(err)
		}
		if r := Read(data, nil); r == nil || (r.Broken == nil) != ok {
			t.Errorf("%s: %v, want accepted: %v", name, r, ok)
		}
	}
}

func decodeFile(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func FuzzEvalResult(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(older))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := Read(data, nil); r != nil && r.String() == "" {
			t.Error("nothing said")
		}
	})
}
