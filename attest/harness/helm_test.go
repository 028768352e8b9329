package harness

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func helmFiles() map[string]string {
	return map[string]string{
		"runs/a/run_spec.json": `{"name":"mmlu:subject=art,model=org_tiny","adapter_spec":{"model":"org/tiny"}}`,
		"runs/a/stats.json": `[
 {"name":{"name":"exact_match","split":"test"},"count":2,"mean":0.75,"variance":0.0625,"stddev":0.25},
 {"name":{"name":"exact_match","split":"valid"},"count":1,"mean":1.0},
 {"name":{"name":"perplexity","split":"test"},"count":2,"mean":3.5},
 {"name":{"name":"co2","split":"test"},"count":0},
 {"name":{"name":"exact_match","split":"test","perturbation":{"name":"robustness"}},"count":1,"mean":0.0}]`,
		"runs/a/per_instance_stats.json": `[
 {"instance_id":"id1","train_trial_index":0,"stats":[{"name":{"name":"exact_match","split":"test"},"mean":1}]},
 {"instance_id":"id2","train_trial_index":0,"stats":[{"name":{"name":"exact_match","split":"test"},"mean":0}]},
 {"instance_id":"id1","train_trial_index":1,"stats":[{"name":{"name":"exact_match","split":"test"},"mean":1}]},
 {"instance_id":"id2","train_trial_index":1,"stats":[{"name":{"name":"exact_match","split":"test"},"mean":1}]},
 {"instance_id":"id2","train_trial_index":1,"perturbation":{"name":"robustness"},"stats":[{"name":{"name":"exact_match","split":"test"},"mean":0}]},
 {"instance_id":"id3","train_trial_index":0,"stats":[{"name":{"name":"exact_match","split":"valid"},"mean":1}]}]`,
	}
}

func TestHELM(t *testing.T) {
	in := importAll(t, helmFiles())
	if len(in.Runs) != 2 || len(in.Refused)+len(in.Unrecognised) > 0 {
		t.Fatalf("%d runs, refused %v, unrecognised %v", len(in.Runs), in.Refused, in.Unrecognised)
	}
	r := in.Runs[0]
	want := []Item{
		{ID: "id1", Values: []float64{1, NoValue, NoValue, 1, NoValue, NoValue}},
		{ID: "id2", Values: []float64{0, NoValue, NoValue, 1, 0, NoValue}},
	}
	if diff := cmp.Diff(want, itemsOf(r), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	of := func(value string, line int, m Metric) Aggregate {
		return Aggregate{Metric: m, Value: value, File: "runs/a/stats.json", Line: line}
	}
	const under = "exact_match (robustness, perturbed)"
	aggregates := []Aggregate{
		of("0.75", 2, Metric{Name: "exact_match", Rule: SamplesMean, Measure: "exact_match"}),
		of("0.0625", 2, Metric{Name: "exact_match variance", Rule: SamplesVariance, Measure: "exact_match"}),
		of("0.25", 2, Metric{Name: "exact_match stddev", Rule: SamplesDeviation, Measure: "exact_match"}),
		of("3.5", 4, Metric{Name: "perplexity", Rule: SamplesMean, Measure: "perplexity"}),
		of("0.0", 6, Metric{Name: under, Rule: SamplesMean, Measure: under}),
	}
	if diff := cmp.Diff(aggregates, r.Aggregates, ignoreDigits); diff != "" {
		t.Errorf("aggregates (-want +got):\n%s", diff)
	}
	if r.Board != "HELM mmlu:subject=art (test)" || r.Entry != "org/tiny" || r.Model.Name != "org/tiny" || len(r.Files) != 3 || in.Runs[1].Items.Len() != 1 {
		t.Errorf("board %q, entry %q, %d files, %d items of the other split", r.Board, r.Entry, len(r.Files), in.Runs[1].Items.Len())
	}
}

func TestHELMRefuses(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"run_spec.json", "", "run_spec.json: "},
		{"run_spec.json", `{"name":"a"}`, "run_spec.json: names no run or no model"},
		{"stats.json", `{}`, "stats.json: is {}, want an array"},
		{"stats.json", `[{"name":{}}]`, "stats.json: a statistic's name is missing, want a text"},
		{"stats.json", `[]`, "stats.json: has no means"},
		{"stats.json", `[{"name":{"name":"num_instances","split":"test"},"mean":2.0}]`, "stats.json: has no means"},
		{"per_instance_stats.json", `[{"instance_id":1,"stats":[]}]`, "instance_id is 1, want a text"},
	} {
		files := maps.Clone(helmFiles())
		files["runs/a/"+c.file] = c.text
		in := importAll(t, files)
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%s: refused %v, want %q", c.text, in.Refused, c.want)
		}
	}
}

// A stated number does not go away with the instances that it is of.
func TestHELMKeepsWhatIsStated(t *testing.T) {
	files := helmFiles()
	files["runs/a/stats.json"] = `[
 {"name":{"name":"num_instances","split":"valid"},"count":1,"mean":1.0},
 {"name":{"name":"num_instances","split":"test"},"count":1,"mean":3.0},
 {"name":{"name":"ece","split":"test"},"count":2,"mean":0.1},
 {"name":{"name":"exact_match","split":"test"},"count":2,"mean":NaN},
 {"name":{"name":"exact_match","split":"other"},"count":1,"mean":0.9}]`
	in := importAll(t, files)
	if len(in.Runs) != 2 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	var got []string
	for _, r := range in.Runs {
		for _, g := range r.Aggregates {
			got = append(got, r.Dataset.Split+" "+g.Name+" "+g.Value)
		}
	}
	if diff := cmp.Diff([]string{"test ece 0.1", "test exact_match NaN", "other exact_match 0.9"}, got); diff != "" {
		t.Errorf("aggregates (-want +got):\n%s", diff)
	}
	r := in.Runs[0]
	if diff := cmp.Diff([]string{"exact_match", "ece"}, r.Measures); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
	if len(r.Notices) != 1 || r.Notices[0].Detail != "2 instances have statistics, and num_instances of stats.json is 3.0" {
		t.Errorf("notices %v", r.Notices)
	}
}

func FuzzHELM(f *testing.F) {
	files := helmFiles()
	f.Add([]byte(files["runs/a/run_spec.json"]), []byte(files["runs/a/stats.json"]), []byte(files["runs/a/per_instance_stats.json"]))
	f.Fuzz(func(t *testing.T, spec, stats, instances []byte) {
		fsys := fstest.MapFS{"run_spec.json": {Data: spec}, "stats.json": {Data: stats}, "per_instance_stats.json": {Data: instances}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
