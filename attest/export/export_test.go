package export

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proctor-attest/proctor/attest"
)

func sample() Row {
	return Row{
		Label: "sums", Published: "85.0", Scale: "100", Exact: "17/20", Leaves: 20, Result: attest.Hash{1},
		Registration: &attest.Registration{
			Lab: "https://lab.example", Evaluator: "https://evaluator.example", ModelName: "tiny", TestsetName: "arithmetic",
			Model: attest.ModelRef{Kind: "weights", ID: attest.Hash{2}}, Metric: attest.Metric{Name: "accuracy", Min: "0", Max: "1", Better: "higher"},
		},
	}
}

func TestValue(t *testing.T) {
	for _, tt := range []struct{ published, scale, exact, want string }{
		{"85.0", "100", "17/20", "0.850"},
		{"0.85", "1", "17/20", "0.85"},
		{"7", "1", "7", "7"},
		{"", "", "1/3", "0.333333"},
	} {
		r := Row{Published: tt.published, Scale: tt.scale, Exact: tt.exact}
		if got, err := r.Value(); err != nil || got != tt.want {
			t.Errorf("%q over %q: %q, %v; want %q", tt.published, tt.scale, got, err, tt.want)
		}
	}
}

func TestPadded(t *testing.T) {
	for _, tt := range []struct {
		score    string
		decimals int
		want     string
	}{{"85", 1, "85.0"}, {"85.5", 1, "85.5"}, {"85", 0, "85"}, {"0.5", 3, "0.500"}} {
		if got := padded(attest.Score{Score: tt.score, Decimals: tt.decimals}); got != tt.want {
			t.Errorf("%s with %d decimals: %q, want %q", tt.score, tt.decimals, got, tt.want)
		}
	}
}

// The project's own schema takes what is written for it.
func TestEEESchema(t *testing.T) {
	const shared, schema = "../../../shared/data", "../../../shared/data/vectors/harness-logs/eee/eval.schema.json"
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the real data, and with them the schema of Every Eval Ever 0.3.0, are not here")
	}
	retro := sample()
	retro.Registration.Retroactive, retro.Published = true, ""
	data, err := EEE([]Row{sample(), retro}, Source{Now: time.Unix(1_790_000_000, 0), URL: "https://lab.example/p"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := jsonschema.NewCompiler().Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
}

// A file of Every Eval Ever is of one model.
func TestEEEOfTwoModels(t *testing.T) {
	other := sample()
	g := *other.Registration
	g.Model.ID = attest.Hash{9}
	other.Registration = &g
	if _, err := EEE([]Row{sample(), other}, Source{}); err == nil {
		t.Error("two models in one file")
	}
}

// An auditor who registers old runs issues the model's statement too, and is neither
// its developer nor the first party.
func TestEEERetroactive(t *testing.T) {
	for _, tt := range []struct {
		retroactive bool
		want        string
	}{{false, "first_party"}, {true, "other"}} {
		r := sample()
		r.Registration.Lab, r.Registration.Retroactive = r.Registration.Evaluator, tt.retroactive
		data, err := EEE([]Row{r}, Source{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), `"evaluator_relationship": "`+tt.want+`"`) || strings.Contains(string(data), `"developer"`) {
			t.Errorf("retroactive %v: want %q and no developer in\n%s", tt.retroactive, tt.want, data)
		}
	}
}
