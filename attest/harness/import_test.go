package harness

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const board = ",win_rate,n_total\na,50.0,805\n"

func TestImport(t *testing.T) {
	packed := append(gzipped(t, board), gzipped(t, "b,1.0,805\n")...)
	fsys := fstest.MapFS{
		"x/a_leaderboard.csv":    {Data: []byte(board)},
		"x/b_leaderboard.csv.gz": {Data: packed},
		"x/bad_leaderboard.csv":  {Data: []byte(board + "b,1\n")},
		"x/cut.gz":               {Data: packed[:20]},
		"x/notes.txt":            {Data: []byte("a")},
		"x/link_leaderboard.csv": {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink},
		"y/a_leaderboard.csv":    {Data: []byte("not asked for")},
	}
	in, err := Import(t.Context(), fsys, []string{"x", "x/a_leaderboard.csv"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range in.Tables {
		f := table.File
		if data := fsys[f.Path].Data; f.SHA256 != attest.Hash(sha256.Sum256(data)) || f.Size != int64(len(data)) {
			t.Errorf("%s: digest or size is wrong", f.Path)
		}
		for _, r := range table.Rows {
			got = append(got, table.Board+"/"+r.Entry+" "+strings.Join(r.Values, " "))
		}
	}
	if diff := cmp.Diff([]string{"a/a 50.0 805", "b/a 50.0 805", "b/b 1.0 805"}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x/notes.txt"}, in.Unrecognised); diff != "" {
		t.Errorf("unrecognised (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x/link_leaderboard.csv"}, in.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	var refused []string
	for _, r := range in.Refused {
		refused = append(refused, r.File.Path+": "+r.Reason)
	}
	want := []string{"x/bad_leaderboard.csv: record on line 3: wrong number of fields", "x/cut.gz: unexpected EOF"}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// Every importer says all of what it can say, and has a name of its own.
func TestImporters(t *testing.T) {
	seen := map[string]bool{}
	for _, im := range Importers() {
		if im.Name == "" || seen[im.Name] {
			t.Errorf("importer %q: no name, or one that is taken", im.Name)
		}
		seen[im.Name] = true
		a := im.About
		for _, s := range []string{a.Files, a.Model, a.Dataset, a.Items, a.Aggregate, a.Absent} {
			if s == "" {
				t.Errorf("importer %s does not say everything: %+v", im.Name, a)
			}
		}
		for _, head := range []string{"", "{", "[", "\x00", "NaN"} {
			if im.Claims("some/file.bin", []byte(head)) {
				t.Errorf("importer %s claims a file of %q", im.Name, head)
			}
		}
	}
}

// One member that a format has is not enough to be a file of it.
func TestNotClaimed(t *testing.T) {
	for name, text := range map[string]string{
		"package.json":            `{"schema_version":"1.0","name":"x"}`,
		"eval.schema.json":        `{"properties":{"schema_version":{"type":"string"}}}`,
		"leaderboard-films.json":  `{"films":[{"name":"x","rating":5}]}`,
		"old_eval_results.json":   `{"hash":"x"}`,
		"a_results.jsonl":         `{"task_id":"a","score":1}`,
		"per_instance_stats.json": `[{"stats":[]}]`,
		"fleet.json":              `{"total_instances":4}`,

		"config.json":           `{"model_type":"llama","name":"accuracy","total":1,"architectures":["A"],"n":8}`,
		"tokenizer.json":        `{"version":"1.0","model":{"type":"BPE","vocab":{"accuracy":1,"n":2,"model":3}},"added_tokens":[{"id":0,"content":"em"}]}`,
		"tokenizer_config.json": `{"added_tokens_decoder":{"0":{"content":"model","n":1,"accuracy":false}}}`,
		"table.schema.json":     `{"columns":{"model":"string","accuracy":"number","n":"integer"},"rows":[]}`,
		"all_results.json":      `{"model":"tiny","accuracy":0.5,"n":8,"epoch":3.0}`,
		"predictions.json":      `[{"model":"tiny","question":"x","exact_match":1}]`,
		"issues.json":           `[{"name":"a","resolved":42,"total":50}]`,
		"lines.json":            `{"model":"a","accuracy":0.5,"n":8}` + "\n" + `{"model":"b","accuracy":0.5,"n":8}`,
		"nested.json":           `[{"model":"a","metrics":{"accuracy":0.5},"n":8,"accuracy":0.5}]`,
		"fields.json":           `{"model":{"type":"string"},"accuracy":{"type":"number"},"n":{"type":"integer"}}`,
		"words.json":            `["model","accuracy","n"]`,
		"battles.schema.json":   `{"properties":{"model_a":{},"model_b":{},"winner":{}}}`,
		"battle.json":           `{"model_a":"a","model_b":"b","winner":"model_a"}`,
		"votes.json":            `[{"match":{"model_a":"a","model_b":"b","winner":"model_a"}}]`,
		"questions.jsonl":       `{"question_id":81,"category":"writing","turns":["model","judge","user_prompt"]}`,
		"answers.jsonl":         `{"question_id":81,"model_id":"tiny","choices":[{"model":"judge"}]}`,
		"workflow.yml":          "name: accuracy\non: push\njobs:\n  total:\n    n: 8\n    model: x\n",
		"compose.yaml":          "services:\n  model:\n    accuracy: 1\n    n: 2\n",
		"train.yaml":            "model: tiny\naccuracy: 0.5\nn: 8\n",
		"params.yaml":           "- name: lr\n  total: 3\n  value: acc\n",
	} {
		in := importAll(t, map[string]string{name: text})
		if len(in.Unrecognised) != 1 {
			t.Errorf("%s: refused %v, runs %v, tables %v", name, in.Refused, in.Runs, in.Tables)
		}
	}
}

// Recognise answers as Import does, without reading the whole file.
func TestRecognise(t *testing.T) {
	files := fstest.MapFS{
		"table.csv":     {Data: []byte("model,accuracy,n\ntiny,85.0,20\n")},
		"notes.txt":     {Data: []byte("nothing")},
		"truncated.csv": {Data: []byte("model,accuracy,n\ntiny,8")},
	}
	for name, want := range map[string]string{"table.csv": "table", "notes.txt": "", "truncated.csv": "table"} {
		im, ok, err := Recognise(files, name)
		if err != nil || im.Name != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, %v, want %q", name, im.Name, ok, err, want)
		}
	}
	if _, _, err := Recognise(files, "absent"); err == nil {
		t.Error("a file that is not there")
	}
}
