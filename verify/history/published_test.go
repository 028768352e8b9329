package history

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest/harness"
)

func TestShows(t *testing.T) {
	for _, tt := range []struct {
		text string
		x    float64
		want bool
	}{
		{"42.70", 42.7049, true},
		{"42.70", 42.7051, false},
		{"42.7 %", 42.66, true},
		{"42.7", 42.64, false},
		{"0.5", 0.55, true}, // a half may have been rounded either way
		{"783", 783, true},
		{"783", 784, false},
		{"783.0", 783.04, true},
		{"1e-3", 0.0014, true},
		{"1e-3", 0.0016, false},
		{"1.5E+2", 150.4, true},
		{"45.71428571428572", 45.714285714285715, true},
		{"45.71428571428572", 45.7142857143, true}, // the noise of another order of adding
		{"45.71428571428572", 45.71428581, false},
		{"0.0", 0, true},
		{"-3.2", -3.21, true},
	} {
		p, err := parsePublished(tt.text)
		if err != nil {
			t.Fatalf("parsePublished(%q): %v", tt.text, err)
		}
		if got := p.shows(tt.x); got != tt.want {
			t.Errorf("%q shows %v = %v, want %v", tt.text, tt.x, got, tt.want)
		}
	}
	for _, text := range []string{"", "%", "n/a", "NaN", "Infinity", "1e999", "0x10", "1_000", "--1", "1e9999", "12 of 15"} {
		if p, err := parsePublished(text); err == nil {
			t.Errorf("parsePublished(%q) = %+v, want an error", text, p)
		}
	}
}

// Where a harness writes all digits, few of them say no less than many.
func TestShowsAs(t *testing.T) {
	whole := harness.Metric{AllDigits: true}
	for _, tt := range []struct {
		text string
		m    harness.Metric
		x    float64
		want bool
	}{
		{"0.5", whole, 0.5, true},
		{"0.5", whole, 0.49, false},
		{"0.5", harness.Metric{}, 0.49, true},
		{"0.0", whole, 0.04, false},
		{"0.35", whole, 0.35000000000000003, true},
		{"0.0", whole, 1e-19, true},
		{"0.4783", whole, 0.4782608695652174, true}, // rounded afterwards
		{"0.4783", whole, 0.4785, false},
	} {
		p, err := parsePublished(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.showsAs(tt.m, tt.x); got != tt.want {
			t.Errorf("%q shows %v = %v, want %v", tt.text, tt.x, got, tt.want)
		}
	}
}

// One grade more or less is seen, also where the number has one digit.
func TestAllDigitsAudit(t *testing.T) {
	log := `{"spec": {"completion_fns": ["tiny"], "eval_name": "sums", "run_id": "r"}}` + "\n"
	for i := range 20 {
		log += fmt.Sprintf(`{"run_id": "r", "sample_id": "s%d", "type": "match", "data": {"correct": %v}}`, i, i < 11) + "\n"
	}
	log += `{"final_report": {"accuracy": 0.5}}` + "\n"
	in, err := harness.Import(t.Context(), fstest.MapFS{"l.jsonl": {Data: []byte(log)}}, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Audit(in)
	if len(r.Rows) != 1 || r.Rows[0].Status != Differs || !strings.Contains(r.Rows[0].Detail, "the harness rounds nothing") {
		t.Errorf("rows %+v", r.Rows)
	}
}

// What is read as a number is finite, and shows itself.
func FuzzPublished(f *testing.F) {
	for _, s := range []string{"42.70", "-1e-3", "1.5E+2 %", "0", ".5", "5.", "+1", "1e308", "00012"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePublished(s)
		if err != nil {
			return
		}
		if math.IsNaN(p.value) || math.IsInf(p.value, 0) || !p.shows(p.value) {
			t.Errorf("parsePublished(%q) = %+v", s, p)
		}
		p.spell(p.value, true)
	})
}
