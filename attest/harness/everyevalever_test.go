package harness

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const eeeInstances = `{"schema_version":"0.3.0","evaluation_result_id":"r1","model_id":"org/tiny","evaluation_name":"bench","sample_id":"a","input":{"raw":"2+2?"},"output":{"raw":["4"]},"evaluation":{"score":1.0,"is_correct":true}}
{"schema_version":"0.3.0","model_id":"org/other","evaluation_name":"bench","sample_id":"b","evaluation":{"score":null,"is_correct":false}}
`

func eeeRecord(checksum string) string {
	return `{"schema_version":"0.3.0","evaluation_id":"x","source_metadata":{},"model_info":{"id":"org/tiny"},"evaluation_results":[
 {"evaluation_result_id":"r1","evaluation_name":"bench","metric_config":{"metric_id":"accuracy","metric_kind":"accuracy"},
  "score_details":{"score":0.5,"uncertainty":{"num_samples":2,"standard_error":{"value":0.5,"method":"analytic"}}}}],
 "detailed_evaluation_results":{"format":"jsonl","file_path":"data/org/x_samples.jsonl",` + checksum + `"total_rows":2}}`
}

func eeeFiles() map[string]string {
	return map[string]string{
		"d/x.json":          eeeRecord(fmt.Sprintf(`"hash_algorithm":"sha256","checksum":"%x",`, sha256.Sum256([]byte(eeeInstances)))),
		"d/x_samples.jsonl": eeeInstances,
	}
}

func TestEveryEvalEver(t *testing.T) {
	in := importAll(t, eeeFiles())
	if len(in.Runs) != 1 || len(in.Refused)+len(in.Unrecognised) > 0 {
		t.Fatalf("%d runs, refused %v, unrecognised %v", len(in.Runs), in.Refused, in.Unrecognised)
	}
	r := in.Runs[0]
	want := []Item{
		{ID: "a", Values: []float64{1}, Input: TextDigest([]byte("2+2?")), Output: TextDigest([]byte(`["4"]`))},
		{ID: "b", Values: []float64{NoValue}, Output: TextDigest(nil)},
	}
	if diff := cmp.Diff(want, itemsOf(r), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	aggregates := []Aggregate{
		{Metric: Metric{Name: "accuracy", Rule: Mean, Measure: "score"}, Value: "0.5", Items: 2, File: "d/x.json", Line: 3},
		{Metric: Metric{Name: "accuracy standard error", Rule: StandardError, Measure: "score", Of: "accuracy", EitherN: true}, Value: "0.5", Items: 2, File: "d/x.json", Line: 3},
	}
	if diff := cmp.Diff(aggregates, r.Aggregates); diff != "" {
		t.Errorf("aggregates (-want +got):\n%s", diff)
	}
	names := []Naming{{Of: OfModel, Member: "model_id", Name: "org/tiny", Items: 1}, {Of: OfModel, Member: "model_id", Name: "org/other", Items: 1}}
	if diff := cmp.Diff(names, r.Names); diff != "" || r.Board != "bench" || r.Entry != "org/tiny" || r.Dataset.Items != 2 || len(r.Notices) > 0 {
		t.Errorf("board %q, entry %q, %d items, notices %v, names (-want +got):\n%s", r.Board, r.Entry, r.Dataset.Items, r.Notices, diff)
	}
}

// The instances must be the file that the record was written with, and as many.
func TestEveryEvalEverBindsInstances(t *testing.T) {
	for _, c := range []struct {
		checksum, instances string
		want                []string
	}{
		{fmt.Sprintf(`"hash_algorithm":"md5","checksum":"%X",`, md5.Sum([]byte(eeeInstances))), eeeInstances, nil},
		{``, eeeInstances, nil},
		{fmt.Sprintf(`"hash_algorithm":"sha256","checksum":"%x",`, sha256.Sum256([]byte(eeeInstances))), strings.ReplaceAll(eeeInstances, "\n", "\r\n"), nil},
		{fmt.Sprintf(`"hash_algorithm":"sha256","checksum":"%x",`, sha256.Sum256([]byte(strings.ReplaceAll(eeeInstances, "\n", "\r\n")))), eeeInstances, nil},
		{fmt.Sprintf(`"hash_algorithm":"sha256","checksum":"%x",`, sha256.Sum256([]byte(eeeInstances))), eeeInstances + "\n", []string{"file-changed"}},
		{`"hash_algorithm":"sha256","checksum":"00",`, eeeInstances, []string{"file-changed"}},
		{``, eeeInstances[:strings.Index(eeeInstances, "\n")+1], []string{"missing-items"}},
	} {
		in := importAll(t, map[string]string{"d/x.json": eeeRecord(c.checksum), "d/x_samples.jsonl": c.instances})
		var got []string
		for _, r := range in.Runs {
			for _, n := range r.Notices {
				got = append(got, n.Finding)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(in.Refused) > 0 {
			t.Errorf("%s: refused %v, notices (-want +got):\n%s", c.checksum, in.Refused, diff)
		}
	}
	in := importAll(t, map[string]string{"d/x.json": strings.Replace(eeeRecord(""), `"num_samples":2`, `"num_samples":3`, 1), "d/x_samples.jsonl": eeeInstances})
	if n := in.Runs[0].Notices; len(n) != 1 || n[0].Finding != "missing-items" || n[0].Detail != "2 items have a result, and num_samples is 3" {
		t.Errorf("notices %v", n)
	}
	in = importAll(t, map[string]string{"d/x.json": eeeRecord("")})
	if len(in.Runs) != 1 || len(in.Runs[0].Absent) != 2 {
		t.Errorf("without instances: runs %v, refused %v", in.Runs, in.Refused)
	}
}

func TestEveryEvalEverRefuses(t *testing.T) {
	good := eeeFiles()
	for _, c := range []struct{ file, old, new, want string }{
		{"d/x.json", `"0.3.0"`, `"0.2.0"`, `schema_version is "0.2.0", and 0.3.0 is known`},
		{"d/x.json", `"id":"org/tiny"`, `"id":""`, "model_info has no id"},
		{"d/x.json", `"score":0.5`, `"score":"0.5"`, `evaluation result 1: score is "0.5", want a number`},
		{"d/x.json", `"evaluation_name":"bench"`, `"evaluation_name":1`, "evaluation result 1: has no evaluation_name"},
		{"d/x.json", "data/org/x_samples.jsonl", "data/..", `file_path "data/.." names no file`},
		{"d/x.json", `"total_rows":2`, `"total_rows":-2`, "total_rows is -2"},
		{"d/x.json", `"sha256"`, `"crc"`, `hash_algorithm is "crc", want sha256 or md5`},
		{"d/x_samples.jsonl", `"r1"`, `"r2"`, `x_samples.jsonl:1: belongs to "r2", which the record does not have`},
		{"d/x_samples.jsonl", `"model_id":"org/tiny"`, `"evaluation_id":"y"`, `x_samples.jsonl:1: evaluation_id is "y", and the record's is "x"`},
		{"d/x_samples.jsonl", `"sample_id":"b"`, `"sample_id":7`, "x_samples.jsonl:2: sample_id is 7, want a text"},
		{"d/x_samples.jsonl", `"0.3.0"`, `"0.4.0"`, `x_samples.jsonl:1: schema_version is "0.4.0"`},
	} {
		files := maps.Clone(good)
		files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
		in := importAll(t, files)
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%s: refused %v, want %q", c.new, in.Refused, c.want)
		}
	}
}

// What no file says is not recomputed: on what scale the instances of a percentage are,
// and how a bootstrap drew.
func TestEveryEvalEverGuessesNoScale(t *testing.T) {
	for _, c := range []struct {
		old, new string
		want     []Rule
	}{
		{"", "", []Rule{Mean, StandardError}},
		{`"metric_kind":"accuracy"`, `"metric_kind":"accuracy","metric_unit":"proportion","max_score":1.0`, []Rule{Mean, StandardError}},
		{`"metric_kind":"accuracy"`, `"metric_kind":"accuracy","metric_unit":"percent"`, []Rule{Unknown}},
		{`"metric_kind":"accuracy"`, `"metric_kind":"accuracy","max_score":100`, []Rule{Unknown}},
		{`"metric_kind":"accuracy"`, `"metric_kind":"f1"`, []Rule{Unknown}},
		{`"metric_kind":"accuracy"`, `"metric_kind":"accuracy","metric_name":"Balanced accuracy"`, []Rule{Unknown}},
		{`"analytic"`, `"bootstrap"`, []Rule{Mean}},
		{`,"method":"analytic"`, ``, []Rule{Mean}},
	} {
		in := importAll(t, map[string]string{"d/x.json": strings.Replace(eeeRecord(""), c.old, c.new, 1)})
		if len(in.Runs) != 1 {
			t.Fatalf("%s: refused %v", c.new, in.Refused)
		}
		var got []Rule
		for _, g := range in.Runs[0].Aggregates {
			got = append(got, g.Rule)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: rules (-want +got):\n%s", c.new, diff)
		}
	}
}

func FuzzEveryEvalEver(f *testing.F) {
	files := eeeFiles()
	f.Add([]byte(files["d/x.json"]), []byte(files["d/x_samples.jsonl"]))
	f.Fuzz(func(t *testing.T, record, instances []byte) {
		fsys := fstest.MapFS{"x.json": {Data: record}, "x_samples.jsonl": {Data: instances}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
