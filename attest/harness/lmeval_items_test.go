package harness

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Whatever the order of lines, each belongs to the nth item of its doc, as many lines of
// its doc and filter as there were before.
func TestLMEvalDocs(t *testing.T) {
	type place struct {
		id uint64
		n  int
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var d lmevalDocs
		items, lines := map[place]int{}, map[string]map[uint64]int{}
		for range 2000 {
			id, filter := uint64(r.IntN(300)), string(rune('a'+r.IntN(3)))
			if r.IntN(4) == 0 {
				id = id * 1_000_000_007
			}
			if lines[filter] == nil {
				lines[filter] = map[uint64]int{}
			}
			at := place{id, lines[filter][id]}
			lines[filter][id]++
			want, wantKnown := items[at]
			if !wantKnown {
				want = len(items)
				items[at] = want
			}
			got, known, err := d.place(id, filter)
			if err != nil || got != want || known != wantKnown {
				t.Fatalf("seed %d: doc %d filter %s: item %d, known %v, %v; want %d, %v", seed, id, filter, got, known, err, want, wantKnown)
			}
		}
		for filter, docs := range lines {
			if got := d.filters[filter].docs; got != len(docs) {
				t.Errorf("seed %d: filter %s has %d docs, want %d", seed, filter, got, len(docs))
			}
		}
		if len(d.near) > 2*len(items)+4096 {
			t.Errorf("the list has %d places for %d items", len(d.near), len(items))
		}
	}
}

func TestLMEvalDocsComplete(t *testing.T) {
	var d lmevalDocs
	if d.complete(0) || d.complete(1) {
		t.Error("no lines are complete")
	}
	for _, line := range []struct {
		id     uint64
		filter string
		whole  bool
	}{{0, "a", false}, {0, "a", false}, {1, "a", true}, {0, "b", false}, {1, "b", true}, {2, "b", false}} {
		if _, _, err := d.place(line.id, line.filter); err != nil {
			t.Fatal(err)
		}
		if got := d.complete(2); got != line.whole {
			t.Errorf("after doc %d of %s: complete is %v", line.id, line.filter, got)
		}
	}
	for i := range maxFilters - 2 {
		if _, _, err := d.place(0, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.place(0, "one more"); err == nil {
		t.Errorf("%d filters were taken", maxFilters+1)
	}
}

// Samples may name a metric late, grade repeats each for itself and have lines twice:
// every value stays with its item.
func TestLMEvalItemValues(t *testing.T) {
	line := `{"doc_id":%d,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"filter":%q,"metrics":%s,%s}` + "\n"
	text := fmt.Sprintf(line, 0, "a", `["acc"]`, `"acc":1`) +
		fmt.Sprintf(line, 1, "a", `["acc"]`, `"acc":[0,1,null]`) +
		fmt.Sprintf(line, 9_000_000_000, "a", `["acc"]`, `"acc":0.25`) +
		fmt.Sprintf(line, 0, "b", `["acc","acc_norm"]`, `"acc":0,"acc_norm":1`) +
		fmt.Sprintf(line, 1, "b", `["acc","acc_norm"]`, `"acc":[1,1],"acc_norm":[0.5]`) +
		fmt.Sprintf(line, 0, "b", `["acc","acc_norm"]`, `"acc":1,"acc_norm":[]`)
	r := importAll(t, map[string]string{"samples_a_1.jsonl": text}).Runs[0]
	if diff := cmp.Diff([]string{"acc,a", "acc,b", "acc_norm,b"}, r.Measures); diff != "" {
		t.Fatalf("measures (-want +got):\n%s", diff)
	}
	no := NoValue
	want := map[string][][]float64{
		"0":          {{1, 0, 1}, {no, 1, no}},
		"1":          {{0, 1, 0.5, 1, 1, no, no, no, no}},
		"9000000000": {{0.25, no, no}},
	}
	got := map[string][][]float64{}
	for _, it := range r.Items.All() {
		got[it.ID] = append(got[it.ID], it.Values)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// Lines that do not say of which of two filters they are, as before 0.4.5, are not guessed.
func TestLMEvalItemsUnnamedFilter(t *testing.T) {
	const results = `{"results": {"a": {"acc,x": 0.5, "acc_stderr,x": 0.5, "acc,y": 1.0}}, "configs": {"a": {}}, "n-samples": {"a": {"original": 2, "effective": 2}}}`
	const line = `{"doc_id":0,"doc":{},"target":"1","arguments":[["p"]],"resps":[["x"]],"acc":1}` + "\n"
	files := map[string]string{"results_1.json": results, "samples_a_1.jsonl": line + line}
	r := importAll(t, files).Runs[0]
	const why = "the lines of the samples do not say of which of 2 filters they are"
	if r.Items.Len() != 0 || len(r.Measures) > 0 || r.Dataset.Items != 0 || r.Aggregates[0].Why != why || r.Metrics[1].Why != why {
		t.Errorf("%d items, measures %q, %+v", r.Items.Len(), r.Measures, r.Aggregates)
	}
	files["results_1.json"] = strings.Replace(results, `, "acc,y": 1.0`, "", 1)
	if r := importAll(t, files).Runs[0]; r.Items.Len() != 2 || r.Aggregates[0].Why != "" {
		t.Errorf("one filter: %d items, %+v", r.Items.Len(), r.Aggregates)
	}
}

func TestLMEvalItemRefuses(t *testing.T) {
	line := `{"doc_id":7,"doc":{},"target":"1","resps":[["x"]],"filter":"a","metrics":["acc"],"acc":%s}` + "\n"
	for value, want := range map[string]string{
		`"yes"`:      `line 1: doc 7: acc is "yes", want true or false`,
		"1e101":      "line 1: doc 7: acc value 1e+101 is out of range",
		"[1, 1e101]": "value 1e+101 is out of range",
	} {
		in := importAll(t, map[string]string{"samples_a_1.jsonl": fmt.Sprintf(line, value)})
		if len(in.Refused) != 1 || in.Refused[0].Reason != want {
			t.Errorf("%s: %+v, want %q", value, in.Refused, want)
		}
	}
}

// bigLMEval writes a log of so many items, two filters each.
func bigLMEval(b *testing.B, items int) fs.FS {
	b.Helper()
	dir := b.TempDir()
	results := strings.NewReplacer("N", fmt.Sprint(items)).Replace(`{"results": {"big": {"acc,x": 0.5, "acc_stderr,x": "N/A", "acc,y": 0.5}}, "configs": {"big": {}}, ` +
		`"n-samples": {"big": {"original": N, "effective": N}}, "lm_eval_version": "0.4.9", "config": {"model_args": "pretrained=org/tiny"}}`)
	if err := os.WriteFile(filepath.Join(dir, "results_1.json"), []byte(results), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "samples_big_1.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for _, filter := range []string{"x", "y"} {
		for i := range items {
			bigSample(w, i, filter)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return os.DirFS(dir)
}

func bigSample(w io.Writer, i int, filter string) {
	doc := fmt.Sprintf(`{"question":"How much is %d plus %d? Answer with a number.","answer":"%d"}`, i, i%1013, i+i%1013)
	prompt := fmt.Sprintf("Question: How much is %d plus %d?\\nAnswer:", i, i%1013)
	fmt.Fprintf(w, `{"doc_id":%d,"doc":%s,"target":"%d","arguments":{"gen_args_0":{"arg_0":"%s"}},"resps":[[" %d"]],"filtered_resps":["%d"],"filter":%q,`+
		`"metrics":["acc"],"doc_hash":"%s","prompt_hash":"%s","target_hash":"%s","acc":%d}`+"\n",
		i, doc, i+i%1013, prompt, i, i, filter, digest(string(foreign(doc).pythonJSON())), digest(strings.ReplaceAll(prompt, `\n`, "\n")), digest(fmt.Sprint(i+i%1013)), i%2)
}

// What 100,000 items of two filters take to be read, for each of their 200,000 lines,
// and what is kept of each item.
func BenchmarkLMEvalSamples(b *testing.B) {
	const items = 100_000
	fsys := bigLMEval(b, items)
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var in *Imported
	for b.Loop() {
		var err error
		in, err = Import(b.Context(), fsys, []string{"."}, nil)
		if err != nil || len(in.Runs) != 1 || in.Runs[0].Items.Len() != items || len(in.Runs[0].Notices) > 0 {
			b.Fatalf("%+v, %v", in, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/items, "kept-B/item")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*items), "ns/line")
	runtime.KeepAlive(in)
}
