package harness

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const (
	textResults   = "results_2026-11-24T02-22-02.853601.json"
	textSamples   = "samples_proctor_text_2026-11-24T02-22-02.853601.jsonl"
	choiceResults = "results_2026-11-24T02-22-08.563028.json"
	choiceSamples = "samples_proctor_choice_2026-11-24T02-22-08.563028.jsonl"
)

var genuine = []string{textResults, textSamples, choiceResults, choiceSamples}

// logs returns the genuine logs as files that a test may change.
func logs(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range genuine {
		data, err := os.ReadFile("testdata/lm-eval/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

func readLMEval(fsys fs.FS, names []string, want Selection) (*Log, []Row, error) {
	log, err := OpenLMEval(fsys, names, want)
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

func TestLMEvalText(t *testing.T) {
	log, rows, err := readLMEval(logs(t), genuine, Selection{Task: "proctor_text", Filter: "word"})
	if err != nil {
		t.Fatal(err)
	}
	if log.Format != LMEval || log.Version != "0.4.13" || log.Task != "proctor_text" || log.Metric != "exact_match" || log.Filter != "word" ||
		log.Aggregation != "mean" || log.Aggregate != "0.4" || log.Original != 5 || log.Effective != 5 || !*log.HigherIsBetter {
		t.Errorf("log = %+v", log)
	}
	if len(rows) != 5 {
		t.Fatalf("got %d rows, want 5", len(rows))
	}
	want := Row{
		Where: textSamples + ":2", Key: "1", Grade: "0",
		Response: []byte(`[["lol","lol"]]`), // two repeats that were graded as one
		Doc:      []byte(`{"answer":"gelb","id":"t-2","question":"Welche Farbe hat reifer Löwenzahn?","weight":2}`),
	}
	if diff := cmp.Diff(want, rows[1]); diff != "" {
		t.Errorf("second row (-want +got):\n%s", diff)
	}
	config := map[string]string{}
	for name, v := range log.Config {
		config[name] = string(v)
	}
	wantConfig := map[string]string{
		"chatTemplate":   `"none"`,
		"systemPrompt":   `"none"`,
		"engine":         `{"name":"dummy"}`,
		"extractor":      `{"name":"word","steps":[{"function":"regex","regex_pattern":"([a-z]+)"},{"function":"take_first"}]}`,
		"fewShot":        `{"n":0,"sampler":"default","seed":1234}`,
		"grader":         `{"metric":{"aggregation":"mean","higher_is_better":true,"ignore_case":true,"metric":"exact_match"},"name":"lm-evaluation-harness","taskVersion":1}`,
		"harness":        `{"name":"lm-evaluation-harness","version":"0.4.13"}`,
		"promptTemplate": `{"description":"","docToTarget":"{{answer}}","docToText":"Question: {{question}}\nAnswer:","fewshotDelimiter":"\n\n","sha256":"` + digest("Question: {{question}}\nAnswer:") + `","targetDelimiter":" "}`,
		"sampling":       `{"generation":{"do_sample":false,"temperature":0,"until":["\n"]},"numpySeed":1234,"outputType":"generate_until","randomSeed":0,"repeats":2,"torchSeed":1234}`,
	}
	if diff := cmp.Diff(wantConfig, config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestLMEvalChoice(t *testing.T) {
	log, rows, err := readLMEval(logs(t), []string{choiceResults, choiceSamples}, Selection{Metric: "acc"})
	if err != nil {
		t.Fatal(err)
	}
	if log.Aggregate != "0.5714285714285714" || len(rows) != 7 {
		t.Errorf("aggregate %s over %d rows, want 0.5714285714285714 over 7", log.Aggregate, len(rows))
	}
	if got, want := string(rows[0].Response), `[[["-0.2604923103919594","False"]],[["-0.8050278270130223","False"]]]`; got != want {
		t.Errorf("response = %s, want %s", got, want)
	}
}

func TestLMEvalSelection(t *testing.T) {
	for _, c := range []struct {
		names []string
		sel   Selection
		want  string
	}{
		{genuine, Selection{}, "several tasks, select one of proctor_choice, proctor_text"},
		{genuine, Selection{Task: "x"}, `no task "x" in the log`},
		{genuine, Selection{Task: "proctor_text"}, "select one of exact_match,number, exact_match,word"},
		{genuine, Selection{Task: "proctor_choice"}, "select one of acc,none, acc_norm,none"},
		{genuine, Selection{Task: "proctor_choice", Metric: "f1"}, `no score of metric "f1"`},
		{genuine, Selection{Task: "proctor_choice", Metric: "acc", Filter: "x"}, `filter "x"`},
		{[]string{textResults}, Selection{}, "no samples_*.jsonl"},
		{[]string{textSamples}, Selection{}, "no results file"},
		{[]string{textResults, choiceSamples}, Selection{Filter: "word"}, "task_hashes says"},
		{[]string{textResults, "README.md"}, Selection{}, "README.md is neither"},
		{nil, Selection{}, "no results file"},
	} {
		files := logs(t)
		if strings.Contains(c.want, "task_hashes") {
			// The samples of another run of the same task under another name.
			files[choiceSamples].Data = bytes.ReplaceAll(files[textSamples].Data, []byte(`t-1`), []byte(`t-9`))
			files[choiceSamples].Data = rehash(t, files[choiceSamples].Data)
		}
		_, _, err := readLMEval(files, c.names, c.sel)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %+v: %v, want %q", c.names, c.sel, err, c.want)
		}
	}
}

// rehash makes doc hashes true again after a test changed docs.
func rehash(t *testing.T, data []byte) []byte {
	t.Helper()
	var out []byte
	for line := range bytes.Lines(data) {
		f, err := checkForeign(line)
		if err != nil {
			t.Fatal(err)
		}
		old, _ := f.get("doc_hash").text()
		out = append(out, bytes.ReplaceAll(line, []byte(old), []byte(digest(string(f.get("doc").pythonJSON()))))...)
	}
	return out
}

func TestLMEvalRenamedAndCompressed(t *testing.T) {
	files := logs(t)
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(files[textSamples].Data)
	w.Close()
	files["a/samples_x.jsonl.gz"] = &fstest.MapFile{Data: gz.Bytes()}
	files["a/run.json"] = files[textResults]
	_, rows, err := readLMEval(files, []string{"a/samples_x.jsonl.gz", "a/run.json"}, Selection{Filter: "number"})
	if err != nil || len(rows) != 5 {
		t.Errorf("got %d rows, %v", len(rows), err)
	}
	if _, _, err := readLMEval(files, []string{"a/run.json", "a/samples_x.jsonl.gz", textResults}, Selection{Filter: "number"}); err == nil {
		t.Error("one task in two results files was accepted")
	}
}

func TestLMEvalRefuses(t *testing.T) {
	noTaskHash := func(f fstest.MapFS) { replace(f, textResults, `"task_hashes": {`, `"task_hashes_": {`) }
	for name, c := range map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"edited question": {func(f fstest.MapFS) { replace(f, textSamples, `"t-2"`, `"t-x"`) }, "doc 1: doc_hash is"},
		"edited prompt": {func(f fstest.MapFS) {
			replace(f, textSamples, `"arg_0": "Question: What is`, `"arg_0": "Question: What was`)
		}, "doc 4: prompt_hash is"},
		"edited target": {func(f fstest.MapFS) { replace(f, textSamples, `"target": "gelb"`, `"target": "lol"`) }, "doc 1: target_hash is"},
		"no doc hash":   {func(f fstest.MapFS) { replace(f, textSamples, `"doc_hash"`, `"dochash"`) }, "doc_hash is missing"},
		"raised grade":  {func(f fstest.MapFS) { replace(f, textSamples, `"exact_match": 0.0`, `"exact_match": 1.0`) }, "published score is 0.4, but the mean of the 5 items is 0.6"},
		"raised aggregate": {func(f fstest.MapFS) { replace(f, textResults, `"exact_match,word": 0.4`, `"exact_match,word": 0.41`) },
			"published score is 0.41"},
		"NaN grade":      {func(f fstest.MapFS) { replace(f, textSamples, `"exact_match": 0.0`, `"exact_match": NaN`) }, "doc 1: exact_match is NaN"},
		"null grade":     {func(f fstest.MapFS) { replace(f, textSamples, `"exact_match": 0.0`, `"exact_match": null`) }, "exact_match is null"},
		"no grade":       {func(f fstest.MapFS) { replace(f, textSamples, `"exact_match": `, `"em": `) }, "exact_match is missing"},
		"listed grade":   {func(f fstest.MapFS) { replace(f, textSamples, `"exact_match": 0.0`, `"exact_match": [1.0]`) }, "one for each of the repeats"},
		"NaN aggregate":  {func(f fstest.MapFS) { replace(f, textResults, `"exact_match,word": 0.4`, `"exact_match,word": NaN`) }, "exact_match,word is NaN"},
		"N/A aggregate":  {func(f fstest.MapFS) { replace(f, textResults, `"exact_match,word": 0.4`, `"exact_match,word": "N/A"`) }, `is "N/A"`},
		"row left out":   {func(f fstest.MapFS) { noTaskHash(f); dropLine(f, textSamples, 3) }, "got 4 docs for filter \"word\", want the 5"},
		"row twice":      {func(f fstest.MapFS) { noTaskHash(f); replace(f, textSamples, `{"doc_id": 1,`, `{"doc_id": 0,`) }, "doc 0 is there twice"},
		"id outside":     {func(f fstest.MapFS) { noTaskHash(f); replace(f, textSamples, `{"doc_id": 4,`, `{"doc_id": 5,`) }, "doc 5 is outside a task of 5"},
		"swapped rows":   {func(f fstest.MapFS) { swapLines(f, textSamples) }, "task_hashes says"},
		"hidden limit":   {func(f fstest.MapFS) { replace(f, textResults, `"effective": 5`, `"effective": 4`) }, "got 5 docs"},
		"no n-samples":   {func(f fstest.MapFS) { replace(f, textResults, `"n-samples"`, `"n"`) }, "n-samples.proctor_text.original is missing"},
		"other version":  {func(f fstest.MapFS) { replace(f, textResults, `"0.4.13"`, `"0.5.0"`) }, `lm_eval_version is "0.5.0"`},
		"other mean":     {func(f fstest.MapFS) { replace(f, textResults, `"aggregation": "mean"`, `"aggregation": "median"`) }, `its aggregation is "median"`},
		"predictions":    {func(f fstest.MapFS) { replace(f, textResults, `"exact_match,word"`, `"bypass,word"`) }, "--predict_only"},
		"duplicate name": {func(f fstest.MapFS) { replace(f, textResults, `"versions": {`, `"results": {}, "versions": {`) }, `duplicate name "results"`},
		"inexact answer": {func(f fstest.MapFS) { replace(f, textSamples, `"resps": [["lol", "lol"]]`, `"resps": [[0.1, 1e400]]`) }, "doc 0: resps: number 1e400"},
		"false template hash": {func(f fstest.MapFS) {
			replace(f, textResults, `"chat_template": null`, `"chat_template": "x"`)
			replace(f, textResults, `"chat_template_sha": null`, `"chat_template_sha": "00"`)
		}, "chat_template_sha is"},
	} {
		files := logs(t)
		before := string(files[textResults].Data) + string(files[textSamples].Data)
		c.change(files)
		if before == string(files[textResults].Data)+string(files[textSamples].Data) {
			t.Errorf("%s: nothing changed", name)
		}
		sel := Selection{Task: "proctor_text", Filter: "word"}
		_, _, err := readLMEval(files, []string{textResults, textSamples}, sel)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// replace changes the first occurrence.
func replace(f fstest.MapFS, name, old, new string) {
	f[name] = &fstest.MapFile{Data: bytes.Replace(f[name].Data, []byte(old), []byte(new), 1)}
}

func dropLine(f fstest.MapFS, name string, n int) {
	lines := bytes.SplitAfter(f[name].Data, []byte("\n"))
	f[name] = &fstest.MapFile{Data: bytes.Join(append(lines[:n:n], lines[n+1:]...), nil)}
}

func swapLines(f fstest.MapFS, name string) {
	lines := bytes.SplitAfter(f[name].Data, []byte("\n"))
	lines[0], lines[1] = lines[1], lines[0]
	f[name] = &fstest.MapFile{Data: bytes.Join(lines, nil)}
}

func TestLMEvalGradedRepeats(t *testing.T) {
	files := logs(t)
	text := string(files[textSamples].Data)
	text = strings.ReplaceAll(text, `"exact_match": 1.0`, `"exact_match": [1.0, 0.0]`)
	text = strings.ReplaceAll(text, `"exact_match": 0.0`, `"exact_match": [0.0, 0.0]`)
	files[textSamples].Data = []byte(text)
	sel := Selection{Filter: "word"}
	if _, _, err := readLMEval(files, []string{textResults, textSamples}, sel); err == nil || !strings.Contains(err.Error(), "is 0.2") {
		t.Errorf("got %v, want a mean of 0.2", err)
	}
	replace(files, textResults, `"exact_match,word": 0.4`, `"exact_match,word": 0.2`)
	_, rows, err := readLMEval(files, []string{textResults, textSamples}, sel)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 10 || rows[1].Key != "0" || rows[1].Sample != 1 || rows[1].Grade != "0" || string(rows[1].Response) != `"lol"` {
		t.Errorf("%d rows, the second %+v", len(rows), rows[1])
	}
}

func TestLMEvalLimit(t *testing.T) {
	files := logs(t)
	replace(files, textResults, `"original": 5`, `"original": 5000`)
	log, _, err := readLMEval(files, []string{textResults, textSamples}, Selection{Filter: "word"})
	if err != nil {
		t.Fatal(err)
	}
	if log.Original != 5000 || log.Effective != 5 {
		t.Errorf("%d of %d items, want 5 of 5000", log.Effective, log.Original)
	}
}

func TestLMEvalConfig(t *testing.T) {
	files := logs(t)
	for _, change := range [][2]string{
		{`"model_args": {}`, `"model_args": "pretrained=lab/model,dtype=auto", "model_dtype": "torch.bfloat16", "model_revision": "main", "model_sha": "ab12"`},
		{`"model_name": "qdpv68r5"`, `"model_name": "lab/model"`},
		{`"git_hash": null`, `"git_hash": "209ad95"`},
		{`"pretty_env_info": "N/A (torch not installed)"`, `"pretty_env_info": "OS: x\n[pip3] torch==2.9.0\n[pip3] vllm==0.11.0"`},
		{`"transformers_version": "N/A"`, `"transformers_version": "4.57.6"`},
		{`"system_instruction": null`, `"system_instruction": "Be brief."`},
		{`"chat_template": null`, `"chat_template": ""`},
	} {
		replace(files, textResults, change[0], change[1])
	}
	log, err := OpenLMEval(files, []string{textResults, textSamples}, Selection{Filter: "word"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"variant":      `{"commit":"ab12","name":"lab/model","revision":"main"}`,
		"dtype":        `"torch.bfloat16"`,
		"harness":      `{"commit":"209ad95","name":"lm-evaluation-harness","version":"0.4.13"}`,
		"engine":       `{"name":"dummy","torch":"2.9.0","transformers":"4.57.6","vllm":"0.11.0"}`,
		"systemPrompt": `{"sha256":"` + digest("Be brief.") + `","text":"Be brief."}`,
		"chatTemplate": ``, // an empty template is a server's own, of which the log knows nothing
	} {
		if got := string(log.Config[name]); got != want {
			t.Errorf("config %s = %s, want %s", name, got, want)
		}
	}
}

func TestZeroLog(t *testing.T) {
	if err := new(Log).Rows(func(Row) error { return nil }); err == nil {
		t.Error("a log that was not opened has rows")
	}
}

// Logs of other people's runs, when they are beside this checkout.
const shared = "../../../shared/data/"

func openShared(t *testing.T, dir string) fs.FS {
	t.Helper()
	if _, err := os.Stat(shared + dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("real logs are not beside this checkout: no %s", shared+dir)
	}
	return os.DirFS(shared + dir)
}

// Published files whose samples are an excerpt: every hash comes out, and the
// log is refused all the same, because 4,990 docs are missing.
func TestRealExcerpt(t *testing.T) {
	for _, dir := range []string{"vectors/harness-logs/eee", "evals/every_eval_ever/tests/data/lm_eval"} {
		t.Run(dir, func(t *testing.T) {
			fsys := openShared(t, dir)
			names, err := fs.Glob(fsys, "*2026-01-21T03-44-18.458309.json*")
			if err != nil || len(names) != 2 {
				t.Fatalf("names = %v, %v", names, err)
			}
			log, rows, err := readLMEval(fsys, names, Selection{})
			if err == nil || !strings.Contains(err.Error(), "got 10 docs for filter \"none\", want the 5000") {
				t.Errorf("got %v, want a complaint about 10 of 5000 docs", err)
			}
			if log == nil || len(rows) != 10 || log.Task != "math_perturbed_full" {
				t.Fatalf("log %+v with %d rows, want 10 of math_perturbed_full", log, len(rows))
			}
			if got, want := string(log.Config["dtype"]), `"torch.bfloat16"`; got != want {
				t.Errorf("dtype = %s, want %s", got, want)
			}
			if !bytes.Contains(log.Config["variant"], []byte("82047f5e5d5245c1b3a4cd75ad98aa441d6487cd")) {
				t.Errorf("variant = %s", log.Config["variant"])
			}
			var doc map[string]any
			if err := json.Unmarshal(rows[3].Doc, &doc); err != nil || doc["idx"] != 3.0 {
				t.Errorf("doc 3 = %s", rows[3].Doc)
			}
		})
	}
}

// A results file alone: its scores are read, but there is nothing to commit.
func TestRealResultsOnly(t *testing.T) {
	fsys := openShared(t, "vectors/harness-logs")
	name := "lm_eval_arc_easy_real.json"
	if _, err := OpenLMEval(fsys, []string{name}, Selection{}); err == nil || !strings.Contains(err.Error(), "no samples_*.jsonl") {
		t.Errorf("got %v, want a complaint about samples", err)
	}
	results, err := readResults(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	run := &lmevalRun{resultsName: name, task: "arc_easy", results: results}
	log, err := run.log(Selection{Metric: "acc_norm"})
	if err != nil {
		t.Fatal(err)
	}
	if log.Aggregate != "0.5" || log.Original != 2376 || log.Effective != 2 {
		t.Errorf("log = %+v", log)
	}
}

func FuzzLMEval(f *testing.F) {
	for _, pair := range [][2]string{{textResults, textSamples}, {choiceResults, choiceSamples}} {
		results, err := os.ReadFile(path.Join("testdata/lm-eval", pair[0]))
		if err != nil {
			f.Fatal(err)
		}
		samples, err := os.ReadFile(path.Join("testdata/lm-eval", pair[1]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(results, samples)
	}
	f.Fuzz(func(t *testing.T, results, samples []byte) {
		files := fstest.MapFS{"results_x.json": {Data: results}, "samples_x.jsonl": {Data: samples}}
		names := []string{"results_x.json", "samples_x.jsonl"}
		log, rows, err := readLMEval(files, names, Selection{})
		if err != nil {
			return
		}
		again, second, err := readLMEval(files, names, Selection{Task: log.Task, Metric: log.Metric, Filter: log.Filter})
		if err != nil || again.Aggregate != log.Aggregate {
			t.Fatalf("selecting what was found: %v", err)
		}
		if diff := cmp.Diff(rows, second); diff != "" {
			t.Error(diff)
		}
	})
}
