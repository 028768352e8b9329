package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/model/diff"
	"github.com/proctor-attest/proctor/schemas"
)

// hostileDiff has markup and control characters wherever a file's text can stand.
func hostileDiff(n int) *diff.Report {
	const evil = "<script>alert(1)</script>\x1b[2J\nSAME MODEL"
	id := attest.Hash{1}
	w := &diff.Weights{First: diff.Count{Tensors: n}, Second: diff.Count{Tensors: n}}
	for i := range n {
		tensor := model.Tensor{Name: fmt.Sprint(evil, i), DType: "F16", Shape: []uint64{2}}
		w.Changed = append(w.Changed, diff.Pair{First: tensor, Second: tensor})
		w.Layers = append(w.Layers, diff.Layer{Name: tensor.Name, All: diff.Count{Tensors: 1, Parameters: 4}, Different: diff.Count{Tensors: 1, Parameters: 1}})
	}
	return &diff.Report{
		Answer: diff.Different, First: diff.Subject{Name: evil, Kind: "directory", ModelID: &id, Uncovered: []string{evil}},
		Second: diff.Subject{Name: evil, Kind: "manifest", Uncovered: []string{}},
		Roles:  []diff.Role{{Role: "weights", State: diff.Changed, First: &id}}, Weights: w,
		Files:    []diff.File{{Path: evil, State: diff.Added}},
		JSON:     []diff.JSON{{Path: evil, Members: []diff.Member{{Pointer: evil, First: []byte(evil)}}}, {Path: "x", Members: []diff.Member{}, Text: "-" + evil + "\n"}},
		Template: "+" + evil + "\n", Unknown: []string{evil},
	}
}

func TestDiff(t *testing.T) {
	var b bytes.Buffer
	if err := Diff(&b, hostileDiff(30)); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{"DIFFERENT MODELS\n", "no modelID is known", "30 tensors against 30: 0 the same, 30 different, with 100 %",
		"changed: 30 (other bytes", "and 10 more, which --json has", "25.0 %", "absent", "Nothing here says who made"} {
		if !strings.Contains(out, want) {
			t.Errorf("the text does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\nSAME MODEL") || strings.Contains(out, "\x1b") {
		t.Errorf("a file's text breaks out of its line:\n%s", out)
	}
}

func TestDiffHTML(t *testing.T) {
	var b bytes.Buffer
	if err := DiffHTML(&b, hostileDiff(mostListed+5)); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "\x1b", "http://", "https://"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{`<h1 class="different">DIFFERENT MODELS`, fmt.Sprintf("changed: %d", mostListed+5), "and 5 more, which --json has",
		`<rect class="heat"`, `height="20.0"`, "What this does not show"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if n := strings.Count(page, `<rect class="heat"`); n != mostBars {
		t.Errorf("%d bars, want %d", n, mostBars)
	}
}

// What is printed for programs is what the schema says.
func TestDiffSchema(t *testing.T) {
	r := hostileDiff(2)
	r.JSON[0].Members[0].First = []byte(`{"a":1}`)
	w := r.Weights
	w.Cast, w.Reshaped, w.Renamed = slices.Clone(w.Changed), []diff.Pair{}, []diff.Pair{}
	w.Cast[0].Values = &diff.Values{Elements: 3, Equal: 1, FirstRounded: 2}
	w.Added, w.Removed = []model.Tensor{w.Changed[0].First}, []model.Tensor{}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Validate("diff", data); err != nil {
		t.Error(err)
	}
}

// What a cast did is said in full only where all elements were compared.
func TestCastWords(t *testing.T) {
	for _, tt := range []struct {
		values *diff.Values
		want   string
	}{
		{nil, ""},
		{&diff.Values{Elements: 3, Equal: 3}, ": values equal"},
		{&diff.Values{}, ": values equal"},
		{&diff.Values{Elements: 3, Equal: 1, FirstRounded: 2}, ": rounded to nearest, which changes 2 of 3 elements"},
		{&diff.Values{Elements: 3, Equal: 1, SecondRounded: 2}, ": the first is the second rounded to nearest, which changes 2 of 3 elements"},
		{&diff.Values{Elements: 5, Equal: 1, FirstRounded: 2, SecondRounded: 1, Different: 1}, ": 2 of 5 elements differ from round-to-nearest"},
		{&diff.Values{Elements: 5, Equal: 1, FirstRounded: 1, SecondRounded: 3}, ": 1 of 5 elements differ from round-to-nearest"},
	} {
		if got := castWords(tt.values); got != tt.want {
			t.Errorf("castWords(%+v) = %q, want %q", tt.values, got, tt.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		k, n uint64
		want string
	}{{0, 10, "0 %"}, {10, 10, "100 %"}, {1, 1 << 40, "less than 0.01 %"}, {1<<40 - 1, 1 << 40, "more than 99.99 %"}, {1, 8, "12.50 %"}, {0, 0, "0 %"}} {
		if got := share(tt.k, tt.n); got != tt.want {
			t.Errorf("share(%d, %d) = %s, want %s", tt.k, tt.n, got, tt.want)
		}
	}
}
