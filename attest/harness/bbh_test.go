package harness

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const bbhTask = `{"canary": "c", "outputs": [
 {"prediction": "It is so. So the answer is Yes.", "target": "Yes"},
 {"prediction": "The answer is No. So the answer is (B).", "target": "(A)"},
 {"prediction": "(A)", "target": "(A)"},
 {"prediction": "No.", "target": "No"}
]}`

func TestBBH(t *testing.T) {
	const end = "_few_shot_template_0-255000"
	in := importAll(t, map[string]string{
		"m-cot/snarks" + end + ".json":                                      bbhTask,
		"m-cot/snarks" + end + "_eval_metrics.jsonl":                        `{"accuracy": 50.0, "accuracy_with_calc": 75}`,
		"m-cot/logical_deduction_three_objects" + end + ".json":             bbhTask,
		"m-cot/logical_deduction_five_objects" + end + ".json":              bbhTask,
		"m-direct/snarks" + end + ".jsonl":                                  `{"input": "q", "prediction": "A", "target": "A"}`,
		"m-direct/navigate" + end + "_eval_metrics.jsonl":                   `{"accuracy": 50.0}`, // of nothing
		"bad/snarks" + end + ".json":                                        `{"outputs": [{"prediction": 1, "target": "a"}]}`,
		"empty/snarks" + end + ".json":                                      `{"outputs": []}`,
		"odd/snarks" + end + ".json":                                        bbhTask,
		"odd/snarks" + end + "_eval_metrics.jsonl":                          `{"accuracy": "x"}`,
		"other/navigate_few_shot_template_0-255000_eval_metrics.jsonl.note": "",
	})
	var got []string
	for _, r := range in.Runs {
		text := r.Board + "|" + r.Entry
		for _, m := range r.Metrics {
			text += "|" + m.Name
		}
		for _, a := range r.Aggregates {
			text += "|" + a.Value + " " + a.File
		}
		got = append(got, text)
	}
	want := []string{
		"BIG-Bench-Hard m-cot|logical_deduction_five_objects|accuracy",
		"BIG-Bench-Hard m-cot|logical_deduction_three_objects|accuracy",
		"BIG-Bench-Hard m-cot|snarks|accuracy|50.0 m-cot/snarks" + end + "_eval_metrics.jsonl",
		"BIG-Bench-Hard m-direct|snarks|accuracy",
		"BIG-Bench-Hard m-cot||mean of 2 tasks|mean of 3 tasks, variants as tasks of their own",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	r := in.Runs[2]
	var values []float64
	for _, it := range r.Items.All() {
		values = append(values, it.Values...)
	}
	if diff := cmp.Diff([]float64{1, 0, 1, 0}, values); diff != "" || r.Dataset.Items != 178 || r.Model.Name != "m-cot" {
		t.Errorf("%d items stated, values (-want +got):\n%s", r.Dataset.Items, diff)
	}
	all := in.Runs[4]
	if all.Items.Len() != 12 || all.Items.At(0).Group != "logical_deduction/five_objects" {
		t.Errorf("all tasks: %d items, the first in %q", all.Items.Len(), all.Items.At(0).Group)
	}
	var refused []string
	for _, f := range in.Refused {
		refused = append(refused, strings.TrimSuffix(f.File.Path, end+".json")+": "+f.Reason)
	}
	wantRefused := []string{
		"bad/snarks: output 1: prediction or target is not a text", "empty/snarks: has no outputs",
		"odd/snarks: snarks" + end + "_eval_metrics.jsonl: line 1: accuracy is \"x\", want a number",
	}
	if diff := cmp.Diff(wantRefused, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if len(in.Unrecognised) != 2 {
		t.Errorf("not recognised: %q", in.Unrecognised)
	}
}

const cruxSamples = `{"raw_generations": {"sample_1": ["f(1)", "f(2)"], "sample_0": ["f(3)", "f(3)"], "sample_2": ["f()", "f()"]},
 "raw_scored_generations": {"sample_1": [true, false], "sample_0": [false, null]}, "pass_at_1": 25.0, "pass_at_2": 50.0}`

func TestCRUXEval(t *testing.T) {
	r := importOne(t, map[string]string{"sample_scored_tiny-7b_temp0.2_input.json": cruxSamples})
	if r.Board != "CRUXEval input" || r.Entry != "tiny-7b_temp0.2" || r.Model.Name != "tiny-7b" || r.Items.Len() != 3 || len(r.Items.Values(0)) != 2 {
		t.Errorf("%s/%s of %q: %d items", r.Board, r.Entry, r.Model.Name, r.Items.Len())
	}
	if len(r.Aggregates) != 2 || r.Aggregates[1].Value != "50.0" || r.Aggregates[1].K != 2 || r.Dataset.Items != 800 {
		t.Errorf("aggregates %+v, data set %+v", r.Aggregates, r.Dataset)
	}
	for _, tt := range []struct{ text, want string }{
		{`{"raw_generations": {}, "raw_scored_generations": {}}`, "raw_scored_generations has no items"},
		{`{"raw_generations": {"a": ["x"]}, "raw_scored_generations": {"a": [true, true]}}`, "a has 1 generations and 2 scores"},
		{`{"raw_generations": {}, "raw_scored_generations": {"a": [true, 2]}}`, "a: sample 2 is 2, want true or false"},
		{`{"raw_generations": {}, "raw_scored_generations": {"a": [true]}, "pass_at_1": "x"}`, `pass_at_1 is "x", want a number`},
	} {
		in := importAll(t, map[string]string{"x.json": tt.text})
		if len(in.Refused) != 1 || in.Refused[0].Reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.text, in.Refused, tt.want)
		}
	}
}

// Whatever is in the files, importing ends with an answer.
func FuzzItemResults(f *testing.F) {
	f.Add([]byte(bbhTask))
	f.Add([]byte(`{"accuracy": 50.0}`))
	f.Add([]byte(cruxSamples))
	f.Add([]byte(tauTrials))
	f.Add([]byte(tauPage))
	f.Add([]byte(gsm8kItems))
	f.Add([]byte(openaiLog))
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{}
		for _, name := range itemResults {
			fsys[name] = &fstest.MapFile{Data: data}
		}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// itemResults are names of files that the fuzz target makes.
var itemResults = []string{
	"m/snarks_few_shot_template_0-1.json", "m/snarks_few_shot_template_0-1_eval_metrics.jsonl", "m/navigate_few_shot_template_0-1.jsonl",
	"sample_scored_m_temp0.2_input.json", "m-airline.json", "README.md", "solutions.jsonl",
}
