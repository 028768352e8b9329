package harness

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// A log in one piece: two items in two epochs, a scorer of words and one that
// gives two grades by name.
const inspectLog = `{
"version": 2,
"status": "success",
"eval": {
 "task": "lab/sums",
 "task_version": 3,
 "task_args": {"hard": true},
 "dataset": {"name": "sums", "samples": 20, "sample_ids": [7, "b c"]},
 "model": "openai/small-1",
 "model_generate_config": {"temperature": 0.7, "max_tokens": 100},
 "model_base_url": "https://key@host",
 "model_args": {"revision": "main", "dtype": "bfloat16", "api_key": "secret"},
 "model_roles": {"grader": {"model": "openai/large-2", "args": {"api_key": "secret"}, "config": {"temperature": 0}}},
 "config": {"limit": 2, "epochs": 2, "epochs_reducer": ["mean", "pass_at_2", "mode", "median", "max", "at_least_2", "pass_k_2"], "message_limit": 9, "fail_on_error": true},
 "revision": {"type": "git", "origin": "git@host", "commit": "ab12", "dirty": true},
 "packages": {"inspect_ai": "0.3.285"},
 "scorers": [{"name": "match", "options": {"ignore_case": true}}]
},
"plan": {"steps": [
 {"solver": "system_message", "params": {"template": "Be brief."}, "params_passed": {}},
 {"solver": "generate", "params": {}}
 ], "config": {"temperature": 0.2, "reasoning_effort": "low", "max_retries": 4, "system_message": "Be kind."}},
"results": {
 "total_samples": 4,
 "completed_samples": 4,
 "scores": [
  {"name": "match", "scorer": "match", "reducer": "mean", "scored_samples": 2, "metrics": {"accuracy": {"name": "accuracy", "value": 0.625}, "stderr": {"name": "stderr", "value": 0.1}}},
  {"name": "match", "scorer": "match", "reducer": "pass_at_2", "metrics": {"accuracy": {"name": "accuracy", "value": 1.0}}},
  {"name": "match", "scorer": "match", "reducer": "pass_k_2", "metrics": {"accuracy": {"name": "accuracy", "value": 0}}},
  {"name": "match", "scorer": "match", "reducer": "at_least_2", "metrics": {"accuracy": {"name": "accuracy", "value": 0}}},
  {"name": "match", "scorer": "match", "reducer": "mode", "metrics": {"accuracy": {"name": "accuracy", "value": 0.75}}},
  {"name": "match", "scorer": "match", "reducer": "median", "metrics": {"accuracy": {"name": "accuracy", "value": 0.625}}},
  {"name": "match", "scorer": "match", "reducer": "max", "metrics": {"accuracy": {"name": "accuracy", "value": 1}}},
  {"name": "match", "scorer": "match", "reducer": "collect", "metrics": {"accuracy": {"name": "accuracy", "value": 1}}},
  {"name": "safe", "scorer": "judge", "reducer": "mean", "metrics": {"mean": {"name": "mean", "value": 0.5}}},
  {"name": "kind", "scorer": "judge", "reducer": "mean", "metrics": {"mean": {"name": "mean", "value": 2.125}}}
 ]
},
"invalidated": false,
"samples": [
 {"id": 7, "epoch": 1, "input": "3 + 4?", "target": "7", "messages": [{"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "attachment://aa"}],
  "output": {"choices": [{"message": {"content": "It is 7."}}], "completion": "It is 7."},
  "scores": {"match": {"value": "C", "history": []}, "judge": {"value": {"safe": true, "kind": 2.5}}}, "attachments": {"aa": "It is 7."}, "limit": null, "error_retries": [], "store": {"x": NaN}},
 {"id": "b c", "epoch": 1, "input": [{"role": "user", "content": "attachment://bb"}], "choices": ["1", "2"], "target": ["A", "B"],
  "output": {"choices": [{"message": {"content": [{"type": "text", "text": ""}]}}], "completion": ""},
  "scores": {"match": {"value": "P"}, "judge": {"value": {"safe": "no", "kind": 1}}}, "attachments": {"bb": "One or two?"}},
 {"id": 7, "epoch": 2, "input": "3 + 4?", "target": "7", "output": {"completion": "8"},
  "scores": {"match": {"value": "I"}, "judge": {"value": {"safe": "Yes", "kind": "2.5"}}}},
 {"id": "b c", "epoch": 2, "input": "?", "target": "", "output": {"completion": "A"},
  "scores": {"match": {"value": 1}, "judge": {"value": {"safe": "N", "kind": 2.5e0}}}}
]
}`

// inParts makes a .eval of a log in one piece, each part with the next of the
// methods.
func inParts(t testing.TB, log string, methods ...uint16) []byte {
	t.Helper()
	whole, err := checkForeign([]byte(log))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zstd.ZipMethodWinZip, func(w io.Writer) (io.WriteCloser, error) { return &frames{w: w}, nil })
	n := 0
	write := func(name string, data []byte) {
		part, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: methods[n%len(methods)]})
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, err := part.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	write("_journal/start.json", fmt.Appendf(nil, `{"version":2,"eval":%s}`, whole.get("eval")))
	for _, s := range whole.get("samples").elements() {
		id, ok := s.get("id").text()
		if !ok {
			id = string(s.get("id"))
		}
		write(fmt.Sprintf("samples/%s_epoch_%s.json", id, s.get("epoch")), s)
	}
	write("summaries.json", []byte("[]"))
	var header []byte
	for _, m := range whole.members() {
		if m.name != "samples" {
			header = fmt.Appendf(header, ",%q:%s", m.name, m.value)
		}
	}
	header[0] = '{'
	write("header.json", append(header, '}'))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// frames writes Zstandard in two frames, as Inspect does with large samples.
type frames struct {
	w   io.Writer
	buf []byte
}

func (f *frames) Write(p []byte) (int, error) {
	f.buf = append(f.buf, p...)
	return len(p), nil
}

func (f *frames) Close() error {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		return err
	}
	half := len(f.buf) / 2
	_, err = f.w.Write(e.EncodeAll(f.buf[half:], e.EncodeAll(f.buf[:half], nil)))
	return err
}

func readInspect(fsys fs.FS, name string, want Selection) (*Log, []Row, error) {
	log, err := OpenInspect(fsys, name, want)
	if err != nil {
		return nil, nil, err
	}
	var rows []Row
	err = log.Rows(func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return log, rows, err
}

func inspectFiles(t testing.TB, log string) fstest.MapFS {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(log))
	w.Close()
	return fstest.MapFS{
		"log.json":     {Data: []byte(log)},
		"log.json.gz":  {Data: gz.Bytes()},
		"deflate.eval": {Data: inParts(t, log, zip.Deflate)},
		"zstd.eval":    {Data: inParts(t, log, zstd.ZipMethodWinZip)},
		"mixed.eval":   {Data: inParts(t, log, zip.Store, zip.Deflate, zstd.ZipMethodWinZip)},
	}
}

func TestInspectForms(t *testing.T) {
	files := inspectFiles(t, inspectLog)
	for name := range files {
		if !IsInspect(files, name) {
			t.Errorf("IsInspect(%s) = false", name)
		}
		log, rows, err := readInspect(files, name, Selection{Filter: "match", Metric: "accuracy"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if log.Format != Inspect || log.Version != "0.3.285" || log.Task != "lab/sums" || log.Metric != "accuracy" || log.Filter != "match" ||
			log.Aggregation != "mean" || log.Aggregate != "0.625" || log.Original != 20 || log.Effective != 2 || log.HigherIsBetter != nil {
			t.Errorf("%s: log = %+v", name, log)
		}
		wantNotes := []string{
			"the grades of the 2 epochs of a sample were reduced by mean",
			"the source of the task had changes that were not committed",
		}
		if diff := cmp.Diff(wantNotes, log.Notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", name, diff)
		}
		wants := []string{name + ":samples[0]", name + ":samples[1]", name + ":samples[2]", name + ":samples[3]"}
		if strings.HasSuffix(name, ".eval") {
			wants = []string{name + ":samples/7_epoch_1.json", name + ":samples/b c_epoch_1.json", name + ":samples/7_epoch_2.json", name + ":samples/b c_epoch_2.json"}
		}
		want := []Row{
			{Key: "7", Sample: 0, Grade: "1", Response: []byte(`"It is 7."`),
				Trace: []byte(`[{"content":"3 + 4?","role":"user"},{"content":"It is 7.","role":"assistant"}]`),
				Doc:   []byte(`{"id":7,"input":"3 + 4?","target":"7"}`)},
			{Key: `"b c"`, Sample: 0, Grade: "0.5", Response: []byte(`[{"text":"","type":"text"}]`),
				Doc: []byte(`{"choices":["1","2"],"id":"b c","input":[{"content":"One or two?","role":"user"}],"target":["A","B"]}`)},
			{Key: "7", Sample: 1, Grade: "0", Response: []byte(`"8"`), Doc: []byte(`{"id":7,"input":"3 + 4?","target":"7"}`)},
			{Key: `"b c"`, Sample: 1, Grade: "1", Response: []byte(`"A"`), Doc: []byte(`{"id":"b c","input":"?","target":""}`)},
		}
		for i := range want {
			want[i].Where = wants[i]
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", name, diff)
		}
	}
}

func TestInspectConfig(t *testing.T) {
	log, err := OpenInspect(inspectFiles(t, inspectLog), "mixed.eval", Selection{Filter: "match", Metric: "accuracy@pass_at_2"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, v := range log.Config {
		got[name] = string(v)
	}
	want := map[string]string{
		"dtype":           `"bfloat16"`,
		"engine":          `{"name":"openai"}`,
		"grader":          `{"metric":"accuracy@pass_at_2","name":"match","options":{"ignore_case":true},"reducer":"pass_at_2"}`,
		"harness":         `{"name":"inspect_ai","version":"0.3.285"}`,
		"judge":           `{"generation":{"temperature":0},"model":"openai/large-2"}`,
		"promptTemplate":  `{"arguments":{"hard":true},"commit":"ab12","dirty":true,"steps":[{"params":{"template":"Be brief."},"solver":"system_message"},{"solver":"generate"}],"task":"lab/sums","taskVersion":3}`,
		"reasoningBudget": `{"reasoning_effort":"low"}`,
		"retry":           `{"fail_on_error":true,"max_retries":4}`,
		"sampling":        `{"epochs":2,"generation":{"max_tokens":100,"temperature":0.2},"limits":{"message_limit":9}}`,
		"systemPrompt":    `{"sha256":"` + digest("Be kind.") + `","text":"Be kind."}`,
		"variant":         `{"name":"openai/small-1","revision":"main"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestInspectSelection(t *testing.T) {
	files := fstest.MapFS{"x": {Data: []byte(inspectLog)}}
	for _, c := range []struct {
		sel               Selection
		metric, aggregate string
		grades            string // of the first epochs
	}{
		{Selection{Task: "lab/sums", Metric: "accuracy"}, "accuracy", "0.625", "1 0.5"},
		{Selection{Metric: "accuracy@pass_at_2"}, "accuracy@pass_at_2", "1.0", "1 0.5"},
		{Selection{Metric: "accuracy@pass_k_2"}, "accuracy@pass_k_2", "0", "1 0.5"},
		{Selection{Metric: "accuracy@at_least_2"}, "accuracy@at_least_2", "0", "1 0.5"},
		{Selection{Metric: "accuracy@mode"}, "accuracy@mode", "0.75", "1 0.5"},
		{Selection{Metric: "accuracy@median"}, "accuracy@median", "0.625", "1 0.5"},
		{Selection{Metric: "accuracy@max"}, "accuracy@max", "1", "1 0.5"},
		{Selection{Filter: "match", Reducer: "mean"}, "accuracy", "0.625", "1 0.5"},
		{Selection{Filter: "match", Reducer: "pass_k_2"}, "accuracy@pass_k_2", "0", "1 0.5"},
		{Selection{Metric: "accuracy@max", Reducer: "mean"}, "accuracy@max", "1", "1 0.5"},
		{Selection{Metric: "safe"}, "safe/mean", "0.5", "1 0"},
		{Selection{Metric: "kind/mean", Filter: "judge"}, "kind/mean", "2.125", "2.5 1"},
	} {
		log, rows, err := readInspect(files, "x", c.sel)
		if err != nil {
			t.Errorf("%+v: %v", c.sel, err)
			continue
		}
		if got := rows[0].Grade + " " + rows[1].Grade; log.Metric != c.metric || log.Aggregate != c.aggregate || got != c.grades {
			t.Errorf("%+v: %s = %s of %s, want %s = %s of %s", c.sel, log.Metric, log.Aggregate, got, c.metric, c.aggregate, c.grades)
		}
	}
	for _, c := range []struct {
		sel  Selection
		want string
	}{
		{Selection{}, "several scores, select one of accuracy,match, accuracy@at_least_2,match, accuracy@collect,match"},
		{Selection{Filter: "match", Reducer: "pass_at_3"}, "several scores, select one of accuracy,match, accuracy@at_least_2,match"},
		{Selection{Filter: "judge"}, "select one of kind/mean,judge, safe/mean,judge (metric,scorer)"},
		{Selection{Filter: "judge", Metric: "mean"}, "select one of kind/mean,judge, safe/mean,judge (metric,scorer)"},
		{Selection{Filter: "f1"}, `no score of metric "" and scorer "f1": want one of accuracy,match`},
		{Selection{Metric: "f1"}, `no score of metric "f1"`},
		{Selection{Task: "sums"}, `no task "sums" in the log: it is of lab/sums`},
		{Selection{Metric: "accuracy@collect"}, `its reducer is "collect", which is not recomputable here`},
		{Selection{Metric: "stderr"}, "stderr of match: published score is 0.1, but the mean of the 2 items is 0.625 (the log does not say how it is aggregated"},
	} {
		if _, _, err := readInspect(files, "x", c.sel); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.sel, err, c.want)
		}
	}
}

// What is wrong with a log in either form.
func TestInspectRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no version":        {`"version": 2,`, ``, "version is missing, want 2 or 3"},
		"other version":     {`"version": 2,`, `"version": 4,`, "version is 4"},
		"failed":            {`"status": "success"`, `"status": "error", "error": {"message": "boom"}`, `status is "error", want "success": the run ended with "boom"`},
		"stopped":           {`"status": "success"`, `"status": "cancelled"`, `status is "cancelled"`},
		"started":           {`"status": "success",`, ``, "status is missing"},
		"invalidated":       {`"invalidated": false`, `"invalidated": true`, "the log is invalidated"},
		"invalidated where": {`"invalidated": false`, `"invalidated": true`, "sample 7 epoch 2 was invalidated, last by \"Ann\" (\"no network\")"},
		"invalid sample":    {`"epoch": 2,`, `"epoch": 2, "invalidation": {"author": "Ann", "reason": null},`, `sample 7 epoch 2 was invalidated, last by "Ann"`},
		"no eval":           {`"eval"`, `"evil"`, "eval"},
		"no task":           {`"task": "lab/sums"`, `"task": ""`, "eval.task is missing"},
		"duplicate":         {`"status": "success"`, `"status": "success", "status": "success"`, `duplicate name "status"`},
		"no scores":         {`"scores": [`, `"scorez": [`, "no published score"},
		"nameless score":    {`"scorer": "match"`, `"scorer": ""`, `scorer "" and name "match"`},
		"NaN aggregate":     {`0.625`, `NaN`, "accuracy of match is NaN, want a number"},
		"raised aggregate":  {`0.625`, `0.725`, "accuracy of match: published score is 0.725, but the mean of the 2 items is 0.625"},
		"raised grade":      {`"value": "P"`, `"value": "C"`, "the mean of the 2 items is 0.75"},
		"scored samples":    {`"scored_samples": 2`, `"scored_samples": 3`, "scored_samples is 3, and the log has grades of 2"},
		"total":             {`"total_samples": 4`, `"total_samples": 5`, "results.total_samples is 5, want 4: 2 items in 2 epochs"},
		"no total":          {`"total_samples": 4`, `"total_samples": null`, "results.total_samples is null, want a number"},
		"completed":         {`"completed_samples": 4`, `"completed_samples": 3`, "results.completed_samples is 3, and the log has 4 samples without an error"},
		"no completed":      {`"completed_samples": 4,`, ``, "results.completed_samples is missing"},
		"hidden item":       {`[7, "b c"]`, `[7, "b c", 8]`, "results.total_samples is 4, want 6"},
		"more than all":     {`"samples": 20`, `"samples": 1`, "2 of 1 items were run"},
		"bad dataset":       {`"samples": 20`, `"samples": -1`, "eval.dataset.samples is -1"},
		"other item":        {`[7, "b c"]`, `[7, "d"]`, `sample "b c" epoch 1 is not in eval.dataset.sample_ids`},
		"item listed twice": {`[7, "b c"]`, `[7, "7"]`, `has "7" twice`},
		"odd id listed":     {`[7, "b c"]`, `[7, true]`, "eval.dataset.sample_ids: id is true"},
		"epochs":            {`"epochs": 2`, `"epochs": 0`, "eval.config.epochs is 0"},
		"epoch beyond":      {`"epoch": 2`, `"epoch": 3`, "sample 7 epoch 3 is outside a run of 2 epochs"},
		"epoch zero":        {`"epoch": 1`, `"epoch": 0`, "sample 7: epoch is 0, want a number from 1"},
		"odd id":            {`{"id": 7, "epoch": 2`, `{"id": 7.5, "epoch": 2`, "id is 7.5"},
		"item renamed":      {`{"id": 7, "epoch": 2`, `{"id": "7 ", "epoch": 2`, `sample "7 " epoch 2 is not in`},
		"no sample":         {`"samples": [`, `"samples": [3,`, "log.json:samples[0]: sample is not a JSON object"},
		"no score":          {`{"match": {"value": "I"},`, `{`, "sample 7 epoch 2: has no score by match (exclude its item by name, or grade it)"},
		"null score":        {`{"match": {"value": "I"},`, `{"match": null,`, "sample 7 epoch 2: has no score by match"},
		"error":             {`{"match": {"value": "I"},`, `{`, `has no score by match: it ended in an error, "out of memory" (exclude`},
		"NaN score":         {`"value": "I"`, `"value": NaN, "reason": "refusal"`, `sample 7 epoch 2: was not scored by match ("refusal")`},
		"infinite score":    {`"value": "I"`, `"value": Infinity`, "score of match is Infinity, want a grade"},
		"null value":        {`"value": "I"`, `"value": null`, "score of match is null"},
		"word":              {`"value": "I"`, `"value": "good"`, `score of match is "good", want C, I, P, N, yes, no or a number`},
		"list":              {`"value": "I"`, `"value": [1, 0]`, "score of match is a list, [1, 0], which has no single grade"},
		"grades by name":    {`"value": "I"`, `"value": {"x": 1, "y": 2}`, `score of match has several grades ("x", "y")`},
		"fine grade":        {`"match": {"value": 1}`, `"match": {"value": 1e-19}`, "does not fit"},
		"no output":         {`"output": {"completion": "8"}`, `"output": {}`, "output: completion is missing"},
		"NaN in messages":   {`"content": "3 + 4?"}, {`, `"content": NaN}, {`, "sample 7 epoch 1: messages: "},
		"false history":     {`"value": "P"`, `"value": "P", "history": [{"value": "I"}, {"value": "C", "provenance": {"author": "x"}}]`, `its history ends with "C"`},
		"empty history":     {`"value": "P"`, `"value": "P", "history": [{"value": "UNCHANGED"}]`, "its history has no value"},
		"odd names":         {`"match": {"value": "I"}`, "\"match\": {\"value\": \"\\u001b[1m\"}", `score of match is "\u001b[1m", want`},
		"config":            {`"temperature": 0.2`, `"temperature": 1e999`, "configuration sampling: "},
	} {
		text := strings.Replace(inspectLog, c.old, c.new, 1)
		if text == inspectLog {
			t.Errorf("%s: nothing changed", name)
		}
		switch name {
		case "invalidated where":
			text = strings.Replace(text, `"epoch": 2,`, `"epoch": 2, "invalidation": {"author": "Ann", "reason": "no network"},`, 1)
		case "error":
			text = strings.Replace(text, `"epoch": 2,`, `"epoch": 2, "error": {"message": "out of memory"},`, 1)
		}
		files := fstest.MapFS{"log.json": {Data: []byte(text)}}
		if name != "duplicate" && name != "no sample" { // which inParts could not make
			files["log.eval"] = &fstest.MapFile{Data: inParts(t, text, zstd.ZipMethodWinZip)}
		}
		for form := range files {
			_, _, err := readInspect(files, form, Selection{Filter: "match", Metric: "accuracy"})
			if err == nil || !strings.HasPrefix(err.Error(), form+":") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %v, want %q", name, form, err, c.want)
			}
		}
	}
}

func TestInspectSampleCounts(t *testing.T) {
	whole, err := checkForeign([]byte(inspectLog))
	if err != nil {
		t.Fatal(err)
	}
	samples := whole.get("samples").elements()
	with := func(list ...foreign) string {
		return strings.Replace(inspectLog, string(whole.get("samples")), "["+string(bytes.Join(asBytes(list), []byte(",")))+"]", 1)
	}
	sel := Selection{Filter: "match", Metric: "accuracy"}
	for _, c := range []struct{ text, want string }{
		{with(samples[0], samples[1], samples[2]), `got 3 samples, want 4: not all epochs are there of "b c"`},
		{with(samples[0]), `got 1 samples, want 4: not all epochs are there of 7, "b c"`},
		{with(), "no samples: a log without items"},
		{with(samples[0], samples[1], samples[0], samples[3]), "sample 7 epoch 1 is there twice"},
		{with(samples[0], samples[1], foreign(strings.Replace(string(samples[2]), "7", `"7"`, 1)), samples[3]), ""}, // as Inspect compares ids
		{strings.Replace(with(samples[0]), `[7, "b c"]`, "null", 1), "got 1 samples, want 4"},
		{strings.Replace(inspectLog, `[7, "b c"]`, "[]", 1), ""},
	} {
		files := fstest.MapFS{"x": {Data: []byte(c.text)}}
		_, _, err := readInspect(files, "x", sel)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func asBytes(list []foreign) [][]byte {
	var out [][]byte
	for _, f := range list {
		out = append(out, f)
	}
	return out
}

func TestInspectEarlyStopping(t *testing.T) {
	text := strings.NewReplacer(
		`"total_samples": 4,`, `"total_samples": 4, "early_stopping": {"manager": "thrifty", "early_stops": [{"id": 8, "epoch": 1}, {"id": 8, "epoch": 2}]},`,
	).Replace(inspectLog)
	if _, _, err := readInspect(fstest.MapFS{"x": {Data: []byte(text)}}, "x", Selection{Metric: "accuracy"}); err == nil || !strings.Contains(err.Error(), "sample 8 epoch 1 is not in") {
		t.Errorf("got %v, want a complaint about 8", err)
	}
	text = strings.Replace(text, `[7, "b c"]`, `[7, "b c", 8]`, 1)
	for _, total := range []string{`"total_samples": 4`, `"total_samples": 6`} { // what was run, and what was planned
		files := fstest.MapFS{"x": {Data: []byte(strings.Replace(text, `"total_samples": 4`, total, 1))}}
		log, rows, err := readInspect(files, "x", Selection{Metric: "accuracy"})
		if err != nil {
			t.Errorf("%s: %v", total, err)
			continue
		}
		if want := `early stopping ("thrifty") left out 2 of 6 samples`; len(rows) != 4 || !slices.Contains(log.Notes, want) {
			t.Errorf("%s: %d rows, notes %q, want 4 and %q", total, len(rows), log.Notes, want)
		}
	}
}

func TestInspectExcluded(t *testing.T) {
	text := strings.NewReplacer(
		`{"id": 7, "epoch": 2,`, `{"id": 7, "epoch": 2, "error": {"message": "out of memory"},`,
		`{"match": {"value": "I"},`, `{`,
		`"completed_samples": 4`, `"completed_samples": 3`,
		`"value": 0.625`, `"value": 0.875`,
	).Replace(inspectLog)
	files := inspectFiles(t, text)
	sel := Selection{Filter: "match", Metric: "accuracy", Exclude: []string{`"b c"`}}
	if _, _, err := readInspect(files, "zstd.eval", sel); err == nil || !strings.Contains(err.Error(), "sample 7 epoch 2: has no score by match") {
		t.Errorf("with another item excluded: %v", err)
	}
	sel.Exclude = []string{`7`}
	log, rows, err := readInspect(files, "zstd.eval", sel)
	if err != nil {
		t.Fatal(err)
	}
	if want := `sample 7 epoch 2 has no score by match: it ended in an error, "out of memory", and was left out`; len(rows) != 3 || !slices.Contains(log.Notes, want) {
		t.Errorf("%d rows, notes %q, want 3 and %q", len(rows), log.Notes, want)
	}
}

func TestInspectNotes(t *testing.T) {
	text := strings.NewReplacer(
		`"value": "P"`, `"value": "P", "history": [{"value": "I"}, {"value": "C", "provenance": {"author": "Bo"}}, {"value": "P", "provenance": {"author": "An\u001b[1mn", "reason": "half"}}]`,
		`"match": {"value": 1}`, `"match": {"value": 1, "history": [{"value": 1, "provenance": {"author": "Ann"}}]}`,
		`"limit": null, "error_retries": []`, `"limit": {"type": "token", "limit": 5}, "error_retries": [{"message": "x"}]`,
		`"id": 7, "epoch": 2,`, `"id": 7, "epoch": 2, "error": {"message": "late"}, "limit": {"type": "token"}, "model_fallbacks": [{"model": "a", "fallback_model": "b", "count": 2}],`,
		`"invalidated": false,`, `"invalidated": false, "log_updates": [{"edits": [], "provenance": {"author": "Cy"}}],
		 "config_updates": [{"changes": [{"config": "generate", "name": "max_retries", "value": 9}], "provenance": {"author": "Di", "reason": "slow"}}],`,
		`"revision": {`, `"shards": {"ledger": [{}, {}]}, "revision": {`,
		`"dirty": true`, `"dirty": false`,
	).Replace(inspectLog)
	files := fstest.MapFS{"x": {Data: []byte(text)}}
	log, err := OpenInspect(files, "x", Selection{Metric: "accuracy"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the grades of the 2 epochs of a sample were reduced by mean",
		`tags or metadata of the log were edited once, last by "Cy"`,
		`the configuration was changed during the run: "max_retries", last by "Di" ("slow")`,
		"the log was merged from 2 shards",
		`sample "b c" epoch 1: score edited 2 times, from "I" to "P", last by "An\x1b[1mn" ("half")`,
		`sample 7 epoch 2 ended in an error, "late", and was scored all the same`,
		`sample "b c" epoch 2: score edited once, added by hand as 1, last by "Ann"`,
		`sample 7 epoch 1 failed and ran again`,
		`sample 7 epoch 2 got an answer of "b", in place of "a"`,
		`2 samples reached the limit "token": sample 7 epoch 1, sample 7 epoch 2`,
	}
	for range 2 { // no note is there twice when the rows are read again
		if err := log.Rows(func(Row) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, log.Notes); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
	}
}

func TestInspectGrades(t *testing.T) {
	for in, want := range map[string]string{
		`"C"`: "1", `"I"`: "0", `"P"`: "0.5", `"N"`: "0", `true`: "1", `false`: "0", `"yes"`: "1", `"TRUE"`: "1", `"No"`: "0", `"False"`: "0",
		`0.250`: "0.25", `-3`: "-3", `"1.50"`: "1.5", `"2e2"`: "200",
		`"c"`: "!", `""`: "!", `" 1"`: "!", `"NaN"`: "!", `"1e999"`: "!", `null`: "!", `[]`: "!", `{}`: "!",
	} {
		got, err := inspectDecimal(foreign(in))
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("inspectDecimal(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
}

// Taken from Inspect's own reducers on lists of grades.
func TestInspectReducers(t *testing.T) {
	for _, c := range []struct{ name, grades, want string }{
		{"mean", "1 0 0 0.5", "3/8"}, {"", "1", "1"},
		{"median", "1 0 0.5", "1/2"}, {"median", "1 0 0.5 0", "1/4"},
		{"mode", "0 1 1 0", "0"}, {"mode", "0 1 1", "1"}, {"max", "0 0.5", "1/2"},
		{"at_least_2", "1 0 1", "1"}, {"at_least_2", "1 0.5 0.5", "0"},
		{"pass_at_1", "1 0 0 0", "1/4"}, {"pass_at_2", "1 0 0 0", "1/2"}, {"pass_at_4", "0 0 1 0", "1"}, {"pass_at_5", "1 1", "none"}, {"pass_at_2", "0 0", "0"},
		{"pass_k_2", "1 1 0 0", "1/6"}, {"pass_k_2", "1 0 0 0", "0"}, {"pass_k_3", "1 1", "none"},
		{"majority", "", "!"}, {"pass_at_0", "", "!"}, {"pass_at", "", "!"}, {"top_3", "", "!"},
	} {
		reduce, err := reducer(c.name)
		got := "!"
		if err == nil {
			var all []inspectGrade
			for i, word := range strings.Fields(c.grades) {
				x, ok := new(big.Rat).SetString(word)
				if !ok {
					t.Fatal(word)
				}
				all = append(all, inspectGrade{epoch: uint64(i + 1), word: word, value: x})
			}
			got = "none"
			if x := reduce(all); x != nil {
				got = x.RatString()
			}
		}
		if got != c.want {
			t.Errorf("%s of %s = %s, want %s", c.name, c.grades, got, c.want)
		}
	}
}

// A scorer that gives grades by name.
func TestInspectNamedGrades(t *testing.T) {
	for _, c := range []struct{ new, want string }{
		{`{"kind": 2.5}`, `score of judge is {"kind": 2.5}, want an object with a grade "safe"`},
		{`"C"`, `score of judge is "C", want an object with a grade "safe"`},
		{`{"safe": null, "kind": 2.5}`, "score of judge is null, want a grade"},
		{`{"safe": NaN, "kind": 2.5}`, "sample 7 epoch 1: was not scored by judge"},
		{`NaN, "metadata": {"unscored_reason": "refusal"}`, `was not scored by judge ("refusal")`},
	} {
		files := fstest.MapFS{"x": {Data: []byte(strings.Replace(inspectLog, `{"safe": true, "kind": 2.5}`, c.new, 1))}}
		_, _, err := readInspect(files, "x", Selection{Metric: "safe"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

// A file system whose files can only be read from the start.
type streams struct{ fs.FS }

func (s streams) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestInspectStream(t *testing.T) {
	_, rows, err := readInspect(streams{inspectFiles(t, inspectLog)}, "zstd.eval", Selection{Metric: "accuracy"})
	if err != nil || len(rows) != 4 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// A run without reduction, as Epochs(2, []) makes it.
func TestInspectUnreduced(t *testing.T) {
	text := strings.Replace(inspectLog, `"reducer": "mean", "scored_samples": 2`, `"scored_samples": 4`, 1)
	i := strings.Index(text, `"epochs_reducer": [`)
	text = text[:i] + `"epochs_reducer": []` + text[strings.Index(text, `, "message_limit"`):]
	log, _, err := readInspect(fstest.MapFS{"x": {Data: []byte(text)}}, "x", Selection{Metric: "accuracy"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "the grades of the 2 epochs of a sample were reduced by nothing: every epoch counts by itself"; log.Notes[0] != want {
		t.Errorf("note = %q, want %q", log.Notes[0], want)
	}
}

func TestInspectZipRefuses(t *testing.T) {
	type part struct {
		header zip.FileHeader
		data   string
	}
	make := func(parts ...part) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, p := range parts {
			p.header.Method = zip.Deflate
			f, err := w.CreateHeader(&p.header)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(f, p.data)
		}
		w.Close()
		return b.Bytes()
	}
	named := func(name, data string) part { return part{zip.FileHeader{Name: name}, data} }
	link := named("samples/1_epoch_1.json", "/etc/passwd")
	link.header.SetMode(fs.ModeSymlink | 0o777)
	locked := named("header.json", "x")
	locked.header.Flags = 1

	whole := inParts(t, inspectLog, zip.Store)
	overlap := bytes.Clone(whole)
	// The central directory says that the first part is nearly the whole archive.
	first := bytes.Index(overlap, []byte("PK\x01\x02"))
	second := first + 1 + bytes.Index(overlap[first+1:], []byte("PK\x01\x02"))
	for _, at := range []int{first, second} {
		size := uint32(len(whole) - 100)
		overlap[at+20], overlap[at+21], overlap[at+22] = byte(size), byte(size>>8), byte(size>>16)
	}
	oversized := bytes.Clone(whole)
	copy(oversized[first+20:], []byte{0, 0, 0, 0x7f})
	huge := bytes.Clone(whole)
	copy(huge[bytes.LastIndex(huge, []byte("PK\x01\x02"))+24:], []byte{0xff, 0xff, 0xff, 0x7f})
	odd := bytes.Clone(whole)
	odd[bytes.LastIndex(odd, []byte("PK\x01\x02"))+10] = 12 // bzip2
	flipped := bytes.Replace(whole, []byte(`"It is 7."`), []byte(`"It is 8."`), -1)

	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"twice":     {make(named("header.json", "{}"), named("header.json", "{}")), `"header.json" is there twice`},
		"link":      {make(named("header.json", "{}"), link), `"samples/1_epoch_1.json" is a link`},
		"encrypted": {make(locked), `"header.json" is encrypted`},
		"overlap":   {overlap, "parts of the archive overlap"},
		"oversized": {oversized, "bytes in an archive of"},
		"huge":      {huge, "header.json: larger than 268435456 bytes"},
		"method":    {odd, "header.json: zip: unsupported compression algorithm"},
		"flipped":   {flipped, "samples/7_epoch_1.json: zip: checksum error"},
		"cut short": {whole[:len(whole)/2], "zip: not a valid zip file"},
		"other zip": {make(named("a.txt", "x")), "neither header.json nor _journal/start.json"},
		"no object": {make(named("header.json", "[]")), "header.json: not a JSON object"},
		"no JSON":   {make(named("header.json", "{")), "header.json: "},
		"cut": {make(named("_journal/start.json", `{"version":2,"eval":{"task":"x"}}`), named("samples/1_epoch_1.json", "{}")),
			`the run of task "x" did not end: the log has no header.json, only its journal and 1 samples`},
		"misfiled": {bytes.ReplaceAll(whole, []byte("samples/7_epoch_1"), []byte("samples/8_epoch_1")), "holds the sample that belongs in samples/7_epoch_1.json"},
	} {
		files := fstest.MapFS{"x.eval": {Data: c.data}}
		_, _, err := readInspect(files, "x.eval", Selection{Filter: "match", Metric: "accuracy"})
		if err == nil || !strings.HasPrefix(err.Error(), "x.eval:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What the header does not declare is bounded as well.
func TestInspectLimit(t *testing.T) {
	if _, err := readLimited(io.LimitReader(zeros{}, MaxInspect+2)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("readLimited = %v, want a complaint about the size", err)
	}
	s := &inspectSample{member: fields(foreign(`{"attachments":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`))}
	many := foreign(`[` + strings.Repeat(`"attachment://a",`, 300) + `1]`)
	if _, err := s.withAttachments(many); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("withAttachments = %v, want a complaint about the size", err)
	}
	got, err := s.withAttachments(foreign(`{"attachment://a": "attachment://b"}`))
	if want := `{"attachment://a":"attachment://b"}`; err != nil || string(got) != want {
		t.Errorf("withAttachments = %s, %v, want %s", got, err, want)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestIsInspect(t *testing.T) {
	var empty bytes.Buffer
	w := zip.NewWriter(&empty)
	w.Create("word/document.xml")
	w.Close()
	files := fstest.MapFS{
		"lm-eval":  {Data: []byte(`{"results": {}, "eval": {}}`)},
		"jsonl":    {Data: []byte(`{"version": 2, "eval": 3}`)},
		"nested":   {Data: []byte(`{"version": {"eval": {}}}`)},
		"zip":      {Data: empty.Bytes()},
		"empty":    {},
		"cut":      {Data: []byte(`{"version": 2, "st`)},
		"not JSON": {Data: []byte("\x1f\x8b")},
	}
	for name := range files {
		if IsInspect(files, name) {
			t.Errorf("IsInspect(%s) = true", name)
		}
	}
	if IsInspect(files, "absent") {
		t.Error("IsInspect(absent) = true")
	}
	if _, err := OpenInspect(files, "absent", Selection{}); err == nil {
		t.Error("an absent log was opened")
	}
}

// Logs of other people's runs. The figures are those that Inspect published.
func TestRealInspect(t *testing.T) {
	for _, c := range []struct {
		file, task, metric, scorer, aggregate string
		rows                                  int
		original, effective                   uint64
	}{
		{"vectors/harness-logs/safety_refusal_demo.eval", "safety_refusal_demo", "accuracy", "includes", "0.0", 2, 2, 2}, // Zstandard
		{"vectors/harness-logs/eee/data_arc_qwen.json", "inspect_evals/arc_easy", "accuracy", "choice", "0.3333333333333333", 3, 2376, 3},
		{"vectors/harness-logs/eee/data_pubmedqa_gpt4o_mini.json", "inspect_evals/pubmedqa", "accuracy", "choice", "1.0", 2, 500, 2},
		{"evals/every_eval_ever/tests/data/inspect/data_arc_sonnet.json", "inspect_evals/arc_easy", "accuracy", "choice", "1.0", 5, 2376, 5},
		{"evals/inspect_ai/tests/analysis/test_logs/2025-05-12T20-27-36-04-00_browser.json", "browser", "accuracy", "includes", "1.0", 1, 1, 1},
		{"evals/inspect_ai/tests/analysis/test_logs/2025-05-12T20-28-26-04-00_security-guide.json", "security_guide", "accuracy", "model_graded_fact", "1.0", 3, 16, 3},
		{"evals/inspect_ai/tests/analysis/test_logs_choices/mmlu-no-summary-choices.eval", "inspect_evals/mmlu_0_shot", "accuracy", "choice", "0.0", 1, 14042, 1},
		{"evals/inspect_ai/tests/analysis/test_logs_choices/mmlu-summary-choices.eval", "inspect_evals/mmlu_0_shot", "accuracy", "choice", "0.0", 1, 14042, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_formats.eval", "popularity", "accuracy", "match", "0.0", 1, 100, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_formats.json", "popularity", "accuracy", "match", "0.0", 1, 100, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_images.json", "images", "accuracy", "match", "0.0", 1, 1, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_images_tc.json", "images", "accuracy", "match", "0.0", 1, 1, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_message_deduplication.eval", "inspect_test_utils/guess_number", "accuracy", "closeness_log", "0.0", 1, 1, 1}, // version 3
		{"evals/inspect_ai/tests/log/test_eval_log/log_read_sample.eval", "popularity", "accuracy", "match", "1.0", 1, 100, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_read_sample.json", "popularity", "accuracy", "match", "1.0", 1, 100, 1},
		{"evals/inspect_ai/tests/log/test_eval_log/log_streaming.eval", "popularity", "accuracy", "match", "0.75", 4, 100, 2}, // two epochs
		{"evals/inspect_ai/tests/log/test_list_logs/custom.eval", "input_task", "accuracy", "model_graded_fact", "1.0", 1, 1, 1},
		{"evals/inspect_ai/tests/scorer/logs/2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval", "popularity", "accuracy", "match", "0.8", 10, 100, 10},
	} {
		t.Run(path.Base(c.file), func(t *testing.T) {
			fsys := openShared(t, path.Dir(c.file))
			if !IsInspect(fsys, path.Base(c.file)) {
				t.Error("IsInspect = false")
			}
			log, rows, err := readInspect(fsys, path.Base(c.file), Selection{})
			if err != nil {
				t.Fatal(err)
			}
			if log.Task != c.task || log.Metric != c.metric || log.Filter != c.scorer || log.Aggregate != c.aggregate || len(rows) != c.rows ||
				log.Original != c.original || log.Effective != c.effective || log.Aggregation != "mean" {
				t.Errorf("log = %+v with %d rows, want %+v", log, len(rows), c)
			}
			for _, r := range rows {
				if len(r.Response) == 0 || len(r.Trace) == 0 || bytes.Contains(r.Trace, []byte(`"attachment://`)) {
					t.Errorf("row %s sample %d: response %.60s, trace %.60s", r.Key, r.Sample, r.Response, r.Trace)
				}
			}
		})
	}
}

// Genuine logs that say more than they hold, two of them in five numbers, or
// that are of no finished run.
func TestRealInspectRefused(t *testing.T) {
	for _, c := range []struct{ file, metric, want string }{
		{"evals/every_eval_ever/tests/data/inspect/data_cyse2_vuln_exploit_challenges.json", "accuracy", "results.total_samples is 2340, want 4"},
		{"evals/every_eval_ever/tests/data/inspect/data_cyse2_vuln_exploit_challenges.json", "mean", "results.total_samples is 2340, want 4"},
		{"evals/every_eval_ever/tests/data/inspect/data_intercode_ctf_local_path.json", "", "results.total_samples is 79, want 1"},
		{"evals/every_eval_ever/tests/data/inspect/data_cvebench_empty_choices.json", "", "results.total_samples is 80, want 1"},
		{"evals/every_eval_ever/tests/data/inspect/data_with_llm_scoring.json", "", "version is missing"},
		{"evals/inspect_ai/tests/log/test_eval_log/log_tool_call_error.json", "", "results.total_samples is 4, want 1"},
		{"evals/inspect_ai/tests/analysis/test_logs/2025-05-12T20-28-13-04-00_no-samples.json", "", `status is "cancelled"`},
		{"evals/inspect_ai/tests/analysis/test_logs/2025-05-12T20-28-13-04-00_popularity.json", "", `status is "cancelled"`},
		{"evals/inspect_ai/tests/scorer/logs/2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval", "", "no published score"},
		{"vectors/harness-logs/lm_eval_arc_easy_real.json", "", "no member eval"},
	} {
		t.Run(path.Base(c.file), func(t *testing.T) {
			fsys := openShared(t, path.Dir(c.file))
			_, _, err := readInspect(fsys, path.Base(c.file), Selection{Metric: c.metric})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// The logs that .ci/inspect-log made a minute ago, against the numbers that
// Inspect reads from them.
func TestFreshInspect(t *testing.T) {
	dir := os.Getenv("PROCTOR_INSPECT_LOG")
	if dir == "" {
		t.Skip("PROCTOR_INSPECT_LOG does not name a folder that .ci/inspect-log made")
	}
	fsys := os.DirFS(dir)
	text, err := fs.ReadFile(fsys, "expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string][]struct {
		Scorer, Name, Metric, Reducer string
		Value                         float64
	}
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected["run.eval"]) != 12 || len(expected["run.json"]) != 12 || len(expected["edited.eval"]) != 12 || len(expected["failed.eval"]) != 3 {
		t.Errorf("expected.json has other numbers than it should: %s", text)
	}
	for name, published := range expected {
		for _, p := range published {
			sel := Selection{Filter: p.Scorer, Metric: p.Metric, Exclude: []string{"2", `"three"`}}
			if p.Name != p.Scorer {
				sel.Metric = p.Name + "/" + sel.Metric
			}
			if p.Reducer != "mean" {
				sel.Metric += "@" + p.Reducer
			}
			log, rows, err := readInspect(fsys, name, sel)
			if err != nil {
				t.Errorf("%s %+v: %v", name, p, err)
				continue
			}
			if got, err := strconv.ParseFloat(log.Aggregate, 64); err != nil || got != p.Value {
				t.Errorf("%s %+v: published is %s", name, p, log.Aggregate)
			}
			want := 8
			if name == "failed.eval" || p.Scorer == "sometimes" {
				want = 7 // what failed or was not scored is no row
			}
			if len(rows) != want || log.Original != 5 || log.Effective != 4 {
				t.Errorf("%s %+v: %d rows of %d of %d items, want %d of 4 of 5", name, p, len(rows), log.Effective, log.Original, want)
			}
		}
	}
	for _, c := range []struct {
		name string
		sel  Selection
		want string
	}{
		{"invalidated.eval", Selection{Filter: "includes", Metric: "accuracy"}, `sample 1 epoch 1 was invalidated, last by "A. Reviewer" ("the network was down")`},
		{"failed.eval", Selection{Metric: "accuracy"}, `sample three epoch 2: has no score by includes: it ended in an error, "RuntimeError('the sandbox is gone')`},
		{"run.json", Selection{Filter: "sometimes", Metric: "accuracy"}, `sample 2 epoch 1: was not scored by sometimes ("grader_failed")`},
	} {
		if _, _, err := readInspect(fsys, c.name, c.sel); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	log, _, err := readInspect(fsys, "edited.eval", Selection{Filter: "includes", Metric: "accuracy"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the grades of the 2 epochs of a sample were reduced by mean",
		`sample 1 epoch 1: score edited once, with its value unchanged, last by "A. Reviewer" ("for the record")`,
		`sample 4 epoch 2: score edited 2 times, from "C" to "P", last by "A. Reviewer" ("half right")`,
	}
	if diff := cmp.Diff(want, log.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(inspectLog))
	f.Add(inParts(f, inspectLog, zip.Store))
	f.Add(inParts(f, inspectLog, zip.Deflate, zstd.ZipMethodWinZip))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := fstest.MapFS{"x": {Data: data}}
		IsInspect(files, "x")
		log, rows, err := readInspect(files, "x", Selection{Metric: "accuracy"})
		if err != nil {
			return
		}
		again, second, err := readInspect(files, "x", Selection{Task: log.Task, Metric: log.Metric, Filter: log.Filter})
		if err != nil || again.Aggregate != log.Aggregate {
			t.Fatalf("selecting what was found: %v", err)
		}
		if diff := cmp.Diff(rows, second); diff != "" {
			t.Error(diff)
		}
		for _, r := range rows {
			for _, v := range [][]byte{[]byte(r.Key), r.Response, r.Trace} {
				if c, err := foreign(v).canonical(); v != nil && (err != nil || !bytes.Equal(c, v)) {
					t.Errorf("%s is not canonical: %v", v, err)
				}
			}
		}
	})
}
