package harness

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const groupResults = `{"results": {
 "all": {"acc,none": 0.5, "acc_stderr,none": "N/A"},
 "a": {"acc,none": 0.25, "acc_stderr,none": 0.13055824196677338},
 "b": {"acc,none": 0.75, "acc_stderr,none": 0.25}},
"group_subtasks": {"all": ["a", "b"], "a": [], "b": []},
"configs": {"a": {}, "b": {}}, "lm_eval_version": "0.4.9",
"n-samples": {"a": {"original": 12, "effective": 12}, "b": {"original": 4, "effective": 4}}}`

// A group's tasks count by size or each alike: the file does not say which. Without items
// it is said what the number is of its tasks' numbers.
func TestLMEvalAuditGroups(t *testing.T) {
	const own, twice = `"all": ["a", "b"]`, `"all": ["a", "b", "c"], "c": ["a"]`
	for _, c := range []struct{ published, parts, why, notice string }{
		{"0.5", own, "no items of its tasks; it is the mean of its 2 tasks' numbers, each of which counts alike", ""},
		{"0.375", own, "no items of its tasks; it is the mean of its 2 tasks' numbers by their sizes", ""},
		{"0.51", own, "", "aggregate-differs: acc,none is published as 0.51; of its 2 tasks' numbers the mean is 0.375 by their sizes and 0.5 if each counts alike"},
		{"0.32142857142857145", twice, "no items of its tasks; it is the mean of its 3 tasks' numbers by their sizes", ""},
		{`"N/A"`, own, "", ""},
	} {
		text := strings.Replace(strings.Replace(groupResults, "0.5,", c.published+",", 1), own, c.parts, 1)
		in := importAll(t, map[string]string{"results_1.json": text})
		if got := strings.Join(notices(in), "; "); got != c.notice {
			t.Errorf("%s: %q, want %q", c.published, got, c.notice)
		}
		if got := in.Runs[0].Aggregates[0].Why; got != c.why || in.Runs[0].Metrics[0].Why != c.why {
			t.Errorf("%s: %q, want %q", c.published, got, c.why)
		}
	}
}

// The harness's formulas, with its own numbers for two tasks of 12 and 4 items. Where a
// task has no error, or the file does not say by which version it is, nothing is held
// against a group.
func TestLMEvalAuditGroupErrors(t *testing.T) {
	const pooled, alike = "0.11572751247156893", "0.14101901870444156"
	const differs = "aggregate-differs: acc_stderr,none is published as 0.12; pooled from its 2 tasks' errors it is "
	for _, c := range []struct{ published, old, new, why, notice string }{
		{pooled, "", "", "no items of its tasks; it is pooled from its 2 tasks' errors", ""},
		{alike, "", "", "no items of its tasks; it is that of a mean in which each task counts alike, from its 2 tasks' errors", ""},
		{"0.12", "", "", "", differs + "0.115728, and 0.141019 if each task counts alike"},
		{"0.12", `, "lm_eval_version": "0.4.9"`, "", "", ""},
		{"0.12", `0.25}`, `"N/A"}`, "not all of its tasks have a number for their error", ""},
	} {
		text := strings.Replace(groupResults, `"acc_stderr,none": "N/A"`, `"acc_stderr,none": `+c.published, 1)
		text = strings.Replace(text, c.old, c.new, 1)
		in := importAll(t, map[string]string{"results_1.json": text})
		if got := strings.Join(notices(in), "; "); got != c.notice {
			t.Errorf("%s %s: %q, want %q", c.published, c.new, got, c.notice)
		}
		if got := in.Runs[0].Aggregates[1].Why; got != c.why {
			t.Errorf("%s %s: %q, want %q", c.published, c.new, got, c.why)
		}
	}
}

// With samples a group is recomputed, whichever way its tasks count.
func TestLMEvalAuditGroupItems(t *testing.T) {
	line := func(id int, acc string) string {
		return fmt.Sprintf(`{"doc_id":%d,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filter":"none","acc":%s}`, id, acc) + "\n"
	}
	files := map[string]string{"samples_a_1.jsonl": "", "samples_b_1.jsonl": line(0, "1") + line(1, "1") + line(2, "1") + line(3, "0")}
	for i := range 12 {
		files["samples_a_1.jsonl"] += line(i, strconv.Itoa(i/9))
	}
	for published, want := range map[string]Rule{"0.375": Mean, "0.5": MacroMean, "0.51": Mean} {
		files["results_1.json"] = strings.Replace(groupResults, "0.5,", published+",", 1)
		r := importAll(t, files).Runs[0]
		if r.Board != "all" || r.Items.Len() != 16 || r.Dataset.Items != 16 || r.Aggregates[0].Rule != want || r.Items.At(15).Group != "b" || len(r.Files) != 3 {
			t.Errorf("%s: %+v, %d items", published, r.Aggregates, r.Items.Len())
		}
		if r.Metrics[0].Rule != want || len(r.Metrics) != 1 {
			t.Errorf("%s: metrics %+v", published, r.Metrics)
		}
		if len(r.Notices) > 0 {
			t.Errorf("%s: %+v", published, r.Notices)
		}
	}
}

// In a file whose numbers are all rounded, a group's may be off by that.
func TestLMEvalAuditGroupRounded(t *testing.T) {
	results := strings.Replace(groupResults, "0.13055824196677338", "0.1306", 1)
	for published, want := range map[string]int{"0.3755,": 0, "0.3756,": 0, "0.3751,": 1} {
		in := importAll(t, map[string]string{"results_1.json": strings.Replace(strings.Replace(results, "0.25,", "0.2507,", 1), "0.5,", published, 1)})
		if got := notices(in); len(got) != want {
			t.Errorf("%s %q, want %d", published, got, want)
		}
	}
}

// A group that has a task twice, or a task whose items lack values, is not recomputed from
// items; its numbers are compared with its tasks' all the same.
func TestLMEvalAuditGroupWithout(t *testing.T) {
	line := `{"doc_id":%d,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filter":"none","acc":%s}` + "\n"
	files := map[string]string{}
	for task, items := range map[string]int{"a": 12, "b": 4} {
		for i := range items {
			files["samples_"+task+"_1.jsonl"] += fmt.Sprintf(line, i, strconv.Itoa(i%2))
		}
	}
	files["results_1.json"] = groupResults
	whole := files["samples_b_1.jsonl"]
	for _, c := range []struct{ samples, old, new, want string }{
		{whole, "", "", ""},
		{strings.Replace(whole, `"acc":1`, `"acc":null`, 1), "", "", "not all items of its tasks have a value; it is the mean of its 2 tasks' numbers, each of which counts alike"},
		{whole, `["a", "b"], "a"`, `["a", "b", "a"], "a"`, "a task is in it twice; it is the mean of its 3 tasks' numbers by their sizes"},
	} {
		files["samples_b_1.jsonl"] = c.samples
		files["results_1.json"] = strings.Replace(groupResults, c.old, c.new, 1)
		if strings.Contains(c.want, "by their") {
			files["results_1.json"] = strings.Replace(files["results_1.json"], "0.5,", "0.32142857142857145,", 1)
		}
		r := importAll(t, files).Runs[0]
		if a := r.Aggregates[0]; a.Why != c.want || (a.Rule == Unknown) != (c.want != "") || (r.Items.Len() == 0) != (c.want != "") {
			t.Errorf("%q: %+v with %d items, want %q", c.want, a, r.Items.Len(), c.want)
		}
	}
}

// groupLog is a genuine log of a group in a group.
func groupLog(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	entries, err := os.ReadDir("testdata/lm-eval-group")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(path.Join("testdata/lm-eval-group", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	return files
}

// The harness's own group: acc counts its tasks by size, acc_norm each alike.
func TestLMEvalAuditGenuineGroup(t *testing.T) {
	in := importFS(t, groupLog(t))
	if len(notices(in)) > 0 {
		t.Errorf("notices %q", notices(in))
	}
	want := map[string]Rule{"acc,none": Mean, "acc_stderr,none": PooledError, "acc_norm,none": MacroMean, "acc_norm_stderr,none": MacroError}
	for board, items := range map[string]int{"proctor_inner": 14, "proctor_outer": 17} {
		i := slices.IndexFunc(in.Runs, func(r *Run) bool { return r.Board == board })
		r := in.Runs[i]
		got := map[string]Rule{}
		for _, a := range r.Aggregates {
			got[a.Name] = a.Rule
		}
		if diff := cmp.Diff(want, got); diff != "" || r.Items.Len() != items {
			t.Errorf("%s: %d items, rules (-want +got):\n%s", board, r.Items.Len(), diff)
		}
	}
}
