package export

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

func evalSource(thresholds ...string) Source {
	return Source{
		Pack: attest.Hash{7}, Now: time.Unix(1_790_000_000, 0), Thresholds: thresholds, EvaluatedAt: "2026-07-05T12:00:00Z",
		Assurance: AssuranceLevels[0], PredicateType: EvalResultTypes[0],
	}
}

// The exact score counts, not the published one, on the very threshold too.
func TestEvalResultClaims(t *testing.T) {
	for _, tt := range []struct {
		exact, threshold string
		want             bool
	}{
		{"17/20", ">=0.85", true}, {"17/20", "> 0.85", false}, {"17/20", "<=0.85", true}, {"17/20", "<0.85", false},
		{"1/3", ">=0.3333333333333333", true}, {"1/3", ">=0.33333333333333334", false}, {"-1", "<-0.5", true},
	} {
		r := sample()
		r.Exact = tt.exact
		data, err := EvalResult([]Row{r}, evalSource(tt.threshold))
		if err != nil {
			t.Fatal(err)
		}
		var s evalStatement
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		if got := s.Predicate.Claims[0]; got.Passed != tt.want || got.Metric != "accuracy" || strings.ContainsAny(got.Threshold, "<>= ") {
			t.Errorf("%s %s: %+v, want passed %v", tt.exact, tt.threshold, got, tt.want)
		}
	}
}

func TestEvalResultModel(t *testing.T) {
	for _, tt := range []struct {
		kind        string
		retroactive bool
		want, not   string
	}{
		{"weights", false, `"subjectProfile": "public-model"`, "proctor-sealed"},
		{"sealed", false, `"alg": "proctor-sealed-model-v1"`, `"model": {
      "name"`},
		{"endpoint", false, `"subjectProfile": "receipt"`, "proctor-sealed"},
		{"weights", false, `"preRegistration"`, "0.9"},
		{"weights", true, `"evidence"`, `"preRegistration"`},
	} {
		r := sample()
		r.Registration.Model.Kind, r.Registration.Retroactive = tt.kind, tt.retroactive
		r.Harness = Harness{Name: "lm-eval"}
		data, err := EvalResult([]Row{r}, evalSource(">=0.5"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), tt.want) || strings.Contains(string(data), tt.not) || !strings.Contains(string(data), `"name": "lm-eval"`) {
			t.Errorf("%s, retroactive %v: want %s and not %s in\n%s", tt.kind, tt.retroactive, tt.want, tt.not, data)
		}
	}
}

func TestEvalResultRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Source){
		"--threshold and --evaluated-at": func(s *Source) { s.Thresholds = nil },
		"give --threshold":               func(s *Source) { s.EvaluatedAt = "" },
		`--evaluated-at "yesterday"`:     func(s *Source) { s.EvaluatedAt = "yesterday" },
		"is not over yet":                func(s *Source) { s.EvaluatedAt = "2030-01-01T00:00:00Z" },
		`--assurance "certified"`:        func(s *Source) { s.Assurance = "certified" },
		`--type "https://slsa.dev/x"`:    func(s *Source) { s.PredicateType = "https://slsa.dev/x" },
		`--threshold "0.85"`:             func(s *Source) { s.Thresholds = []string{"0.85"} },
		`--threshold "==0.85"`:           func(s *Source) { s.Thresholds = []string{"==0.85"} },
		`--threshold ">=1e1"`:            func(s *Source) { s.Thresholds = []string{">=1e1"} },
	} {
		s := evalSource(">=0.5")
		spoil(&s)
		if _, err := EvalResult([]Row{sample()}, s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := EvalResult([]Row{sample(), sample()}, evalSource(">=0.5")); err == nil {
		t.Error("two rows in one statement")
	}
}

func TestReadHarness(t *testing.T) {
	for _, tt := range []struct {
		doc      string
		want     Harness
		relation string
	}{
		{`{"harness":{"name":"lm-eval","version":"0.4.13"},"relation":"independent"}`, Harness{"lm-eval", "0.4.13"}, "independent"},
		{`{"harness":{"name":"lm-eval","version":"unknown"}}`, Harness{"lm-eval", ""}, ""},
		{`{"harness":"own script"}`, Harness{"own script", ""}, ""},
		{`{"harness":"unknown","relation":"funded"}`, Harness{}, "funded"},
		{`{"harness":{"commitment":"aa"}}`, Harness{}, ""},
		{`{"harness":7}`, Harness{}, ""},
		{`no JSON`, Harness{}, ""},
	} {
		if got, relation := readHarness([]byte(tt.doc)); got != tt.want || relation != tt.relation {
			t.Errorf("%s: %+v, %q", tt.doc, got, relation)
		}
	}
}

// What the configuration names is not unknown, and rows of two harnesses are no one
// file.
func TestEEEHarness(t *testing.T) {
	r := sample()
	r.Harness, r.Relation = Harness{"lm-eval", "0.4.13"}, "independent"
	data, err := EEE([]Row{r}, Source{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name": "lm-eval"`, `"version": "0.4.13"`, `"evaluator_relationship": "third_party"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("want %s in\n%s", want, data)
		}
	}
	if _, err := EEE([]Row{r, sample()}, Source{}); err == nil {
		t.Error("two harnesses in one file")
	}
}
