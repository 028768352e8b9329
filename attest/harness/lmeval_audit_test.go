package harness

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func importFS(t testing.TB, fsys fstest.MapFS) *Imported {
	t.Helper()
	in, err := Import(t.Context(), fsys, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func notices(in *Imported) (all []string) {
	for _, r := range in.Runs {
		for _, n := range r.Notices {
			all = append(all, n.Finding+": "+n.Detail)
		}
	}
	return all
}

func TestLMEvalAudit(t *testing.T) {
	in := importFS(t, logs(t))
	if len(in.Runs) != 2 || len(in.Refused)+len(in.Unrecognised) > 0 || len(notices(in)) > 0 {
		t.Fatalf("%d runs, refused %v, not recognised %v, notices %q", len(in.Runs), in.Refused, in.Unrecognised, notices(in))
	}
	r := in.Runs[0]
	if r.Version != "0.4.13" || r.Date != "2026-11-24T02-22-02.853601" || r.Dataset.Items != 5 || r.Items.Len() != 5 || r.Model.Name != "" {
		t.Errorf("run: version %q, date %q, data set %+v, %d items, model %+v", r.Version, r.Date, r.Dataset, r.Items.Len(), r.Model)
	}
	if diff := cmp.Diff([]string{"exact_match,word", "exact_match,number"}, r.Measures); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
	if it := r.Items.At(1); it.ID != "1" || it.Input == (Digest{}) || it.Output == (Digest{}) || len(it.Values) != 2 {
		t.Errorf("second item: %+v", it)
	}
	want := Aggregate{Metric{Name: "exact_match_stderr,word", Rule: StandardError, Measure: "exact_match,word", Of: "exact_match,word"}, "0.24494897427831783", 5, textResults, 8}
	if diff := cmp.Diff(want, r.Aggregates[1], ignoreDigits); diff != "" {
		t.Errorf("aggregate (-want +got):\n%s", diff)
	}
}

// What is stored and the hashes that are stored beside it tell of each other.
func TestLMEvalAuditHashes(t *testing.T) {
	for what, change := range map[string]struct{ name, old, new, want string }{
		"the item": {textSamples, `"id": "t-2"`, `"id": "t-9"`, "edited-scores: in 2 of 10 lines the stored doc_hash is not the hash of what is stored"},
		"the list": {textResults, `"task_hashes": {` + "\n" + `    "proctor_text": "`, `"task_hashes": {` + "\n" + `    "proctor_text": "0`, "edited-scores: task_hashes of the results file is not the hash of these samples, of which there are as many as it says"},
		"a limit":  {textResults, `"original": 5`, `"original": 7`, "missing-items: n-samples says that 5 of 7 items were run"},
	} {
		files := logs(t)
		data := files[change.name].Data
		files[change.name].Data = bytes.ReplaceAll(data, []byte(change.old), []byte(change.new))
		if bytes.Equal(data, files[change.name].Data) {
			t.Fatalf("%s: nothing to change", what)
		}
		if diff := cmp.Diff([]string{change.want}, notices(importFS(t, files))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// A line that is there twice is an item that is there twice.
func TestLMEvalAuditTwice(t *testing.T) {
	files := logs(t)
	line, _, _ := bytes.Cut(files[textSamples].Data, []byte("\n"))
	files[textSamples].Data = append(append(bytes.Clone(line), '\n'), files[textSamples].Data...)
	r := importFS(t, files).Runs[0]
	if a, b := r.Items.At(0), r.Items.At(r.Items.Len()-1); r.Items.Len() != 6 || a.ID != "0" || b.ID == "" {
		t.Errorf("%d items", r.Items.Len())
	}
	delete(files, textResults)
	in := importFS(t, files)
	if len(in.Runs) != 2 || in.Runs[1].Entry != textSamples || in.Runs[1].Items.Len() != 6 || len(in.Runs[1].Measures) != 2 {
		t.Errorf("without results: %d runs, %+v", len(in.Runs), in.Runs)
	}
}

const oldResults = `{
  "results": {
    "sciq": {"acc": 0.5, "acc_stderr": 0.5, "ppl": 3.25, "ppl_stderr": NaN}
  },
  "versions": {"sciq": 0},
  "config": {"model": "hf-causal", "model_args": "pretrained=org/tiny,revision=step3", "num_fewshot": 0, "limit": 2}
}`

func TestLMEvalAuditOld(t *testing.T) {
	in := importAll(t, map[string]string{"tiny.json": oldResults})
	if len(in.Runs) != 1 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	r := in.Runs[0]
	if r.Entry != "org/tiny@step3" || r.Board != "sciq" || r.Version != "" || r.Dataset.Version != "0" {
		t.Errorf("run %q of %q, version %q, data set %+v", r.Entry, r.Board, r.Version, r.Dataset)
	}
	want := []Aggregate{
		{Metric{Name: "acc", Rule: Mean, Measure: "acc", Steps: 1}, "0.5", 0, "tiny.json", 3},
		{Metric{Name: "acc_stderr", Rule: StandardError, Measure: "acc", Of: "acc"}, "0.5", 0, "tiny.json", 3},
		{Metric{Name: "ppl", Measure: "ppl", Why: "its aggregation is perplexity, which is not computed here"}, "3.25", 0, "tiny.json", 3},
		{Metric{Name: "ppl_stderr", Measure: "ppl", Of: "ppl", Why: bootstrapped}, "NaN", 0, "tiny.json", 3},
	}
	if diff := cmp.Diff(want, r.Aggregates, ignoreDigits); diff != "" {
		t.Errorf("aggregates (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"missing-items: config.limit says that no more than 2 items were run"}, notices(in)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// A limit is told by the sizes, or where they are not there by the configuration.
func TestLMEvalAuditLimit(t *testing.T) {
	const results = `{"results": {"a": {"acc,none": 0.5, "acc_stderr,none": "N/A"}}, "configs": {"a": {}}, "config": {"limit": LIMIT}SIZES}`
	for _, c := range [][3]string{
		{"null", "", ""},
		{"10", "", "missing-items: config.limit says that no more than 10 items were run"},
		{"10.0", "", "missing-items: config.limit says that no more than 10 items were run"},
		{"0.25", "", "missing-items: config.limit says that 0.25 of the items were run"},
		{"10", `, "n-samples": {"a": {"original": 10, "effective": 10}}`, ""},
		{"10", `, "n-samples": {"a": {"original": 12, "effective": 10}}`, "missing-items: n-samples says that 10 of 12 items were run"},
	} {
		text := strings.NewReplacer("LIMIT", c[0], "SIZES", c[1]).Replace(results)
		if got := strings.Join(notices(importAll(t, map[string]string{"results_1.json": text})), "; "); got != c[2] {
			t.Errorf("limit %s%s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// N/A in the place of a score is a score that nobody can recompute; in the place of an
// error it says that there is none.
func TestLMEvalAuditNotAvailable(t *testing.T) {
	const results = `{"results": {"a": {"alias": "N/A", "acc,none": "N/A", "acc_stderr,none": "N/A", "acc_norm,none": 0.5}}, "configs": {"a": {}}}`
	var got []string
	for _, a := range importAll(t, map[string]string{"results_1.json": results}).Runs[0].Aggregates {
		got = append(got, a.Name+" "+a.Value)
	}
	if diff := cmp.Diff([]string{"acc,none N/A", "acc_norm,none 0.5"}, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// Which numbers are means of items, and why others are not recomputed.
func TestLMEvalAuditAggregation(t *testing.T) {
	config := `{"metric_list": [{"metric": "acc"}, {"metric": "f1"}, {"metric": "x", "aggregation": "nanmean"}, {"metric": "y", "aggregation": "median"}, ` +
		`{"metric": "z", "aggregation": "<function agg>"}, {"metric": "p", "aggregation": "weighted_perplexity"}]}`
	for metric, want := range map[string][2]string{
		"acc":   {"mean/", "standard-error/"},
		"f1":    {"/its aggregation is f1, which is not computed here", "/" + bootstrapped},
		"x":     {"mean/", "/" + bootstrapped},
		"y":     {"/its aggregation is median, which is not computed here", "/" + bootstrapped},
		"z":     {"/its aggregation is one of the task's own, which is not computed here", "/"},
		"p":     {"/its aggregation is weighted_perplexity, which is not computed here", "/"},
		"mcc":   {"/its aggregation is matthews_corrcoef, which is not computed here", "/" + bootstrapped},
		"ppl":   {"/", "/"},
		"other": {"/", "/"},
	} {
		text := fmt.Sprintf(`{"results": {"a": {"%s,none": 0.5, "%[1]s_stderr,none": 0.125}}, "configs": {"a": %s}}`, metric, config)
		r := importAll(t, map[string]string{"results_1.json": text}).Runs[0]
		for i, m := range r.Metrics {
			if got := string(m.Rule) + "/" + m.Why; got != want[i] {
				t.Errorf("%s: %s, want %s", m.Name, got, want[i])
			}
		}
	}
}

// A task that scores in its own way may call anything acc: its items tell, if there are
// some, whether they are right or wrong.
func TestLMEvalAuditSteps(t *testing.T) {
	results := strings.Replace(groupResults, `"a": {}`, `"a": {"process_results": "def f(): pass"}`, 1)
	line := `{"doc_id":0,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filter":"none","acc":%s}`
	for value, want := range map[string][]int{"": {0, 0, 1}, "1": {0, 1, 1}, "0.25": {0, 0, 1}} {
		files := map[string]string{"results_1.json": results}
		if value != "" {
			files["samples_a_1.jsonl"] = fmt.Sprintf(line, value)
		}
		var got []int
		for _, r := range importAll(t, files).Runs {
			got = append(got, r.Aggregates[0].Steps)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: steps (-want +got):\n%s", value, diff)
		}
	}
}

// The likelihoods of the choices tell whether an item is right.
func TestLMEvalAuditChoice(t *testing.T) {
	samples := func(wrong int) string {
		text := ""
		for i := range 10 {
			acc := 1
			if i < wrong {
				acc = 0
			}
			text += fmt.Sprintf(`{"doc_id":%d,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filtered_resps":[["-2","False"],["-1","False"],["-1","False"]],"filter":"none","metrics":["acc"],"acc":%d}`, i, acc) + "\n"
		}
		return text
	}
	for wrong, want := range map[int][]string{
		0: nil, 5: nil,
		1: {"grade-differs: in 1 of 10 lines acc is not whether the likeliest choice is the target; in all others it is"},
	} {
		in := importAll(t, map[string]string{"samples_a_1.jsonl": samples(wrong)})
		if diff := cmp.Diff(want, notices(in)); diff != "" {
			t.Errorf("%d wrong (-want +got):\n%s", wrong, diff)
		}
	}
}

func TestLMEvalAuditRefuses(t *testing.T) {
	for text, want := range map[string]string{
		strings.Replace(groupResults, `"0.4.9"`, `"0.5.0"`, 1):                  `lm_eval_version is "0.5.0", want 0.4.x`,
		`{"results": {}, "acc_stderr": 1}`:                                      "has no results",
		`{"results": {"a": {"acc_stderr,none": "N/A"}}, "lm_eval_version": ""}`: `lm_eval_version is "", want 0.4.x`,
	} {
		in := importAll(t, map[string]string{"results_1.json": text})
		if len(in.Refused) != 1 || in.Refused[0].Reason != want {
			t.Errorf("%s: %+v, want %q", text, in.Refused, want)
		}
	}
}

// Whatever is in the files, importing ends with an answer.
func FuzzLMEvalAudit(f *testing.F) {
	f.Add([]byte(oldResults), []byte(""))
	f.Add([]byte(groupResults), []byte(`{"doc_id":0,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filter":"none","metrics":["acc"],"acc":[1,0]}`))
	f.Fuzz(func(t *testing.T, results, samples []byte) {
		in := importFS(t, fstest.MapFS{"results_1.json": {Data: results}, "samples_a_1.jsonl": {Data: samples}})
		if len(in.Runs)+len(in.Refused)+len(in.Unrecognised) == 0 {
			t.Error("the files are not accounted for")
		}
		for _, r := range in.Runs {
			for _, a := range r.Aggregates {
				if a.Line < 1 || a.Line > 1+bytes.Count(results, []byte("\n")) {
					t.Errorf("number on line %d", a.Line)
				}
			}
		}
	})
}
