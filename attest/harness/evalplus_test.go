package harness

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const evalPlusFile = `{"date":"2025-01-01 10:00","hash":"fe58","eval":{
 "HumanEval/0":[{"base_status":"pass","plus_status":"pass"},{"base_status":"pass","plus_status":"fail"}],
 "HumanEval/1":[{"base_status":"fail","plus_status":"pass"},{"base_status":"timeout","plus_status":null}]},
 "pass_at_k":{
  "base":{"pass@1":0.5},
  "plus":{"pass@1":0.25}}}`

const humanEvalLines = `{"task_id":"HumanEval/0","completion":"exit()","result":"passed","passed":true}
{"task_id":"HumanEval/1","completion":"","result":"failed","passed":false}
{"task_id":"HumanEval/0","completion":"","result":"timed out","passed":false}
`

const sweReportFile = `{"total_instances":4,"submitted_instances":3,
 "completed_instances":2,"resolved_instances":1,
 "submitted_ids":["a","b","c"],"completed_ids":["a","b"],"resolved_ids":["a"],"unresolved_ids":["b"],
 "schema_version":2}`

func itemsOf(r *Run) (items []Item) {
	for _, it := range r.Items.All() {
		items = append(items, it)
	}
	return items
}

func TestEvalPlus(t *testing.T) {
	in := importAll(t, map[string]string{"tiny-7b_eval_results.json": evalPlusFile})
	if len(in.Runs) != 1 || len(in.Refused) > 0 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	r := in.Runs[0]
	want := []Item{
		{ID: "HumanEval/0", Values: []float64{1, 1, 1, 0}},
		{ID: "HumanEval/1", Values: []float64{0, 0, 0, NoValue}},
	}
	if diff := cmp.Diff(want, itemsOf(r), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	aggregates := []Aggregate{
		{Metric: Metric{Name: "base pass@1", Rule: PassAtK, Measure: "base", K: 1, Steps: 1}, Value: "0.5", File: "tiny-7b_eval_results.json", Line: 5},
		{Metric: Metric{Name: "plus pass@1", Rule: PassAtK, Measure: "plus", K: 1, Steps: 1}, Value: "0.25", File: "tiny-7b_eval_results.json", Line: 6},
	}
	if diff := cmp.Diff(aggregates, r.Aggregates, ignoreDigits); diff != "" {
		t.Errorf("aggregates (-want +got):\n%s", diff)
	}
	if r.Entry != "tiny-7b" || r.Model.Name != "" || r.Dataset.Version != "fe58" || len(r.Metrics) != 2 {
		t.Errorf("entry %q, model %q, data set %q, %d metrics", r.Entry, r.Model.Name, r.Dataset.Version, len(r.Metrics))
	}
}

func TestHumanEval(t *testing.T) {
	in := importAll(t, map[string]string{"tiny.jsonl_results.jsonl": humanEvalLines})
	if len(in.Runs) != 1 || len(in.Refused) > 0 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	r := in.Runs[0]
	want := []Item{{ID: "HumanEval/0", Values: []float64{1, 0}}, {ID: "HumanEval/1", Values: []float64{0}}}
	if diff := cmp.Diff(want, itemsOf(r)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Metric{{Name: "pass@1", Rule: PassAtK, K: 1, Steps: 1}}, r.Metrics); diff != "" || r.Entry != "tiny" {
		t.Errorf("entry %q, metrics (-want +got):\n%s", r.Entry, diff)
	}
}

func TestSWEReport(t *testing.T) {
	in := importAll(t, map[string]string{"tiny.v1.run-3.json": sweReportFile})
	if len(in.Runs) != 1 || len(in.Refused) > 0 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	r := in.Runs[0]
	if diff := cmp.Diff([]string{"submitted", "completed", "resolved", "unresolved"}, r.Measures); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
	want := []Item{
		{ID: "a", Values: []float64{1, 1, 1, 0}},
		{ID: "b", Values: []float64{1, 1, 0, 1}},
		{ID: "c", Values: []float64{1, 0, 0, 0}},
	}
	if diff := cmp.Diff(want, itemsOf(r)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if r.Model.Name != "tiny.v1" || r.Dataset.Items != 4 || len(r.Aggregates) != 3 || r.Aggregates[2].Line != 2 {
		t.Errorf("model %q, %d items stated, aggregates %v", r.Model.Name, r.Dataset.Items, r.Aggregates)
	}
}

// Lists and members that contradict each other are told of, and others are not.
func TestCodeFilesTell(t *testing.T) {
	const report = `{"total_instances":4,"submitted_instances":3,"submitted_ids":["a","b","c"],"completed_ids":["a","b"],"resolved_ids":["a"],"unresolved_ids":["b"]}`
	const line = `{"task_id":"t","completion":"","result":"passed","passed":true}`
	for _, c := range []struct{ name, text, want string }{
		{"a.b.json", report, ""},
		{"a.b.json", strings.Replace(report, `"unresolved_ids":["b"]`, `"unresolved_ids":[]`, 1), "missing-items: 1 completed instances are neither resolved nor unresolved: b"},
		{"a.b.json", strings.Replace(report, `"unresolved_ids":["b"]`, `"unresolved_ids":[],"ambiguous_failure_ids":["b"]`, 1), ""},
		{"a.b.json", strings.Replace(report, `"completed_ids":["a","b"]`, `"completed_ids":["b"]`, 1), "aggregate-differs: 1 instances are graded"},
		{"a.b.json", strings.Replace(report, `"submitted_ids":["a","b","c"]`, `"submitted_ids":["b"]`, 1), "aggregate-differs: 1 instances are graded"},
		{"a.b.json", strings.Replace(report, `"total_instances":4`, `"total_instances":2`, 1), "impossible-score: 3 instances were submitted, of total_instances 2"},
		{"a_results.jsonl", line + "\n" + line, ""},
		{"a_results.jsonl", line + "\n" + strings.Replace(line, `"result":"passed"`, `"result":"timed out"`, 1), "grade-differs: of 1 of 2 completions passed says another thing than result"},
		{"a_results.jsonl", line + "\n" + strings.Replace(line, `"t"`, `"u"`, 1) + "\n" + line, "missing-items: tasks have from 1 to 2 completions"},
	} {
		in := importAll(t, map[string]string{c.name: c.text})
		if len(in.Runs) != 1 {
			t.Errorf("%s: %d runs, refused %v", c.text, len(in.Runs), in.Refused)
			continue
		}
		if got := strings.Join(notices(in), "; "); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestCodeFilesRefused(t *testing.T) {
	evalPlus := func(eval string) string { return `{"hash":"x","eval":` + eval + `}` }
	report := `{"total_instances":4,"submitted_instances":0,"resolved_instances":1,`
	for _, c := range []struct{ name, text, want string }{
		{"eval_results.json", evalPlus(`[]`), "eval: is [], want an object"},
		{"eval_results.json", evalPlus(`{}`), "eval: has no tasks"},
		{"eval_results.json", evalPlus(`{"a":{"base":[]}}`), `eval: a is {"base":[]}, want an array: files of EvalPlus before 0.2 are not known`},
		{"eval_results.json", evalPlus(`{"a":[{"base_status":"won"}]}`), `eval: a: solution 1: base_status is`},
		{"eval_results.json", evalPlus(`{"a":[{}]},"pass_at_k":{"base":{"passed":1}}`), `pass_at_k: base: "passed" is not pass@k`},
		{"a_results.jsonl", `{"task_id":1,"completion":"","passed":true}`, "want a text"},
		{"a_results.jsonl", `{"task_id":"a","completion":"","passed":1}`, "a_results.jsonl:1: passed is"},
		{"a.b.json", report + `"schema_version":3}`, "and 2 is known"},
		{"a.b.json", report + `"resolved_ids":1}`, "resolved_ids is"},
		{"a.b.json", report + `"resolved_ids":[1]}`, "resolved_ids: element 1 is"},
		{"a.b.json", report + `"x":1}`, "has none of the lists submitted_ids"},
		{"a.b.json", `{"total_instances":-1,"submitted_instances":0,"resolved_instances":1,"resolved_ids":[]}`, "total_instances is"},
	} {
		in := importAll(t, map[string]string{c.name: c.text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%s: refused %v, want %q", c.text, in.Refused, c.want)
		}
	}
}

func FuzzCode(f *testing.F) {
	names := []string{"tiny_eval_results.json", "tiny.jsonl_results.jsonl", "tiny.run.json"}
	for i, text := range []string{evalPlusFile, humanEvalLines, sweReportFile} {
		f.Add(uint8(i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		fsys := fstest.MapFS{names[int(kind)%len(names)]: {Data: data}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
