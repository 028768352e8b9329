package harness

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// importOne imports a tree that must hold one run.
func importOne(t *testing.T, files map[string]string) *Run {
	t.Helper()
	in := importAll(t, files)
	if len(in.Runs) != 1 || len(in.Refused) > 0 {
		t.Fatalf("got %d runs, refused %v", len(in.Runs), in.Refused)
	}
	return in.Runs[0]
}

func importAll(t *testing.T, files map[string]string) *Imported {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	in, err := Import(t.Context(), fsys, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

const annotations = `[
 {"instruction":"a","output_1":"xx","generator_1":"base","dataset":"d","output_2":"äöü","generator_2":"tiny-7b","annotator":"judge","preference":2,"glm_preference":0.25},
 {"instruction":"b","output_1":"same","generator_1":"base","dataset":"d","output_2":"same","generator_2":"tiny-7b","annotator":"judge","preference":0.0},
 {"instruction":"c","output_1":"x","generator_1":"base","dataset":"e","output_2":"\ud83d\ude00","generator_2":"tiny-40b","annotator":"judge","preference":null},
 {"instruction":"d","output_1":"x","generator_1":"base","dataset":"e","output_2":"","generator_2":"tiny-7b","annotator":"judge","preference":1.25},
 {"instruction":"e","output_1":"x","generator_1":"base","dataset":"e","output_2":"y","generator_2":"tiny-7b","annotator":"judge","preference":-1},
 {"instruction":"f","output_1":"x","generator_1":"base","dataset":"e","output_2":"y","generator_2":"tiny-7b","annotator":"judge","preference":0}
]
`

func TestAlpacaAnnotations(t *testing.T) {
	r := importOne(t, map[string]string{"results/tiny-7b/judge/annotations.json": annotations})
	var got []Item
	for _, it := range r.Items.All() {
		it.Input, it.Output = Digest{}, Digest{}
		got = append(got, it)
	}
	id := func(s string) string { return TextDigest([]byte(s)).String() }
	no := NoValue
	want := []Item{
		{ID: id("a"), Group: "d", Values: []float64{1, 3, 2, 0.25}},
		{ID: id("b"), Group: "d", Values: []float64{0.5, 4, 4, no}},
		{ID: id("c"), Group: "e", Values: []float64{no, 1, 1, no}},
		{ID: id("d"), Group: "e", Values: []float64{0.25, 0, 1, no}},
		{ID: id("e"), Group: "e", Values: []float64{no, 1, 1, no}, Excluded: "preference -1"},
		{ID: id("f"), Group: "e", Values: []float64{0.5, 1, 1, no}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if it := r.Items.At(0); it.Output != TextDigest([]byte("äöü")) || it.Input != TextDigest([]byte("a")) {
		t.Error("digests of the texts are wrong")
	}
	names := []Naming{
		{OfBaseline, "generator_1", "base", 6}, {OfJudge, "annotator", "judge", 6},
		{OfModel, "generator_2", "tiny-7b", 5}, {OfModel, "generator_2", "tiny-40b", 1},
	}
	if diff := cmp.Diff(names, r.Names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	notices := []Notice{{"sentinel-averaged", "1 items have the preference 0 though the two answers differ, and count as draws", "results/tiny-7b/judge/annotations.json", 7}}
	if diff := cmp.Diff(notices, r.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if r.Board != "judge" || r.Entry != "tiny-7b" || r.Judge != "judge" || r.Model.Name != "tiny-7b" {
		t.Errorf("board %q, entry %q, judge %q, model %q", r.Board, r.Entry, r.Judge, r.Model.Name)
	}
}

// The reduced form has lengths in place of texts, and one item on each line.
func TestAlpacaReduced(t *testing.T) {
	line := `{"i": %d, "preference": 1.5, "len1": 7, "len2": %d, "generator_1": "base", "generator_2": "tiny", "annotator": "judge", "dataset": "d"}` + "\n"
	r := importOne(t, map[string]string{"judge__Tiny+1.jsonl": fmt.Sprintf(line, 0, 9) + fmt.Sprintf(line, 1, 7)})
	if r.Board != "judge" || r.Entry != "Tiny+1" || r.Items.Len() != 2 {
		t.Errorf("board %q, entry %q, %d items", r.Board, r.Entry, r.Items.Len())
	}
	got := r.Items.At(0)
	if diff := cmp.Diff(Item{ID: "0", Group: "d", Values: []float64{0.5, 9, 7, math.NaN()}}, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
}

func TestAlpacaPlace(t *testing.T) {
	for _, tt := range []struct{ name, generator, annotator, board, entry, date string }{
		{"results/m/j/annotations.json", "m", "j", "j", "m", ""},
		{"x/results/m/j/annotations.json", "other", "other", "j", "m", ""},
		{"results/m/j/j/annotations.json", "m", "j", "j", "m", ""},
		{"results/j/j/annotations.json", "j", "j", "j", "j", ""},
		{"m/j/annotations.json", "other", "j", "j", "m", ""},
		{"m/j/annotations.json", "m", "other", "j", "m", ""},
		{"raw/m/annotations.json", "other", "j", "j", "m", ""},
		{"m/annotations.json", "other", "j", "j", "m", ""},
		{"annotations.json", "m", "j", "j", "m", ""},
		{"results/annotations.json", "m", "j", "j", "m", ""},
		{"raw/m/j.annotations.json", "m", "other", "j", "m", ""},
		{"raw/m.j.annotations.json", "other", "j", "j", "m", ""},
		{"raw/m.2023-09-27.94ecb30.annotations.json", "m", "j", "j", "m", "2023-09-27"},
		{"raw/x.annotations.json", "m", "j", "j", "x", ""},
		{"derived/j__m.jsonl", "other", "other", "j", "m", ""},
		{"derived/items.jsonl", "m", "j", "j", "items", ""},
	} {
		board, entry, date := alpacaPlace(tt.name, tt.generator, tt.annotator)
		if board != tt.board || entry != tt.entry || date != tt.date {
			t.Errorf("alpacaPlace(%q, %q, %q) = %q, %q, %q, want %q, %q, %q", tt.name, tt.generator, tt.annotator, board, entry, date, tt.board, tt.entry, tt.date)
		}
	}
}

func TestAlpacaOutputs(t *testing.T) {
	r := importOne(t, map[string]string{"results/m/model_outputs.json": `[{"instruction":"a","dataset":"d","output":"äb","generator":"g"}]`})
	want := Item{ID: TextDigest([]byte("a")).String(), Group: "d", Values: []float64{2}, Input: TextDigest([]byte("a")), Output: TextDigest([]byte("äb"))}
	if diff := cmp.Diff(want, r.Items.At(0)); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	if r.Board != AnyBoard || r.Entry != "m" || len(r.Names) != 1 || r.Names[0].Name != "g" {
		t.Errorf("board %q, entry %q, names %v", r.Board, r.Entry, r.Names)
	}
}

func TestAlpacaTables(t *testing.T) {
	in := importAll(t, map[string]string{
		"j_leaderboard.csv": ",win_rate,mode,n_total\na b,50.0,minimal,805\n",
		"site/j_leaderboard.csv": "name,win_rate,avg_length,link,samples,filter\n" +
			"A (b),50.0,7,,https://x.example/blob/main/results/a%20b/model_outputs.json,minimal\nC,1,2,,,\n",
		"other_leaderboard.csv": "model,accuracy\n",
		"twice_leaderboard.csv": ",win_rate,win_rate,x\n",
	})
	var got []string
	for _, table := range in.Tables {
		for _, r := range table.Rows {
			got = append(got, fmt.Sprint(table.Board, "/", r.Entry, " ", r.Line, " ", len(table.Columns) == len(r.Values)))
		}
	}
	if diff := cmp.Diff([]string{"j/a b 2 true", "j/a%20b 2 true", "j/C 3 true"}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if m := in.Tables[0].Columns[0].Metric; m == nil || m.Rule != Mean || in.Tables[0].Columns[1].Metric != nil {
		t.Error("columns do not say how they come from items")
	}
	if len(in.Unrecognised) != 1 || len(in.Refused) != 1 || in.Refused[0].Reason != `line 1: column "win_rate" is there twice` {
		t.Errorf("unrecognised %v, refused %+v", in.Unrecognised, in.Refused)
	}
}

func TestAlpacaDifficulties(t *testing.T) {
	in := importAll(t, map[string]string{
		"d.json":       `{"note":"x","instruction_difficulty":[0.5,-1e-2]}`,
		"bad.json":     `{"instruction_difficulty":[0.5,null]}`,
		"empty.json":   `{"instruction_difficulty":7}`,
		"df_gamed.csv": "index,model,instruction_difficulty,not_gamed_baseline\n0,a,0.5,False\n1,a,-0.25,False\n0,b,0.5,False\n1,b,-0.25,False\n",
		"gap.csv":      "index,instruction_difficulty\n0,0.5\n2,0.5\n",
		"nan.csv":      "index,instruction_difficulty\n0,NaN\n",
		"two.csv":      "index,instruction_difficulty\n0,0.5\n0,0.6\n",
	})
	var got []string
	for _, r := range in.Runs {
		for _, it := range r.Items.All() {
			got = append(got, fmt.Sprint(r.Files[0].Path, " ", it.ID, " ", it.Values))
		}
	}
	if diff := cmp.Diff([]string{"d.json 0 [0.5]", "d.json 1 [-0.01]", "df_gamed.csv 0 [0.5]", "df_gamed.csv 1 [-0.25]"}, got); diff != "" {
		t.Errorf("difficulties (-want +got):\n%s", diff)
	}
	got = nil
	for _, r := range in.Refused {
		got = append(got, r.File.Path+": "+r.Reason)
	}
	want := []string{
		"bad.json: instruction_difficulty: element 1 is null, want a number", "empty.json: instruction_difficulty is no list of numbers",
		"gap.csv: instruction 1 has no difficulty", `nan.csv: line 2: difficulty "NaN" is no number`, "two.csv: line 3: instruction 0 has two difficulties",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

func TestAlpacaWeights(t *testing.T) {
	const csv = ",np.tanh(std_delta_len),instruction_difficulty,not_gamed_baseline.astype(float)\nm,-1,0.5,0.25\n"
	in := importAll(t, map[string]string{
		"weights/judge/length_controlled_v1/baseline_b.csv": csv,
		"weights.csv": csv,
		"bad.csv":     ",np.tanh(x),instruction_difficulty,not_gamed_baseline.astype(float)\n",
	})
	if len(in.Weights) != 2 || in.Weights[0].Board != "" || in.Weights[1].Board != "judge" {
		t.Fatalf("weights: %+v", in.Weights)
	}
	if diff := cmp.Diff([]TableRow{{Entry: "m", Line: 2, Values: []string{"-1", "0.5", "0.25"}}}, in.Weights[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, `column "np.tanh(std_delta_len)" is missing`) {
		t.Errorf("refused: %+v", in.Refused)
	}
}

func TestAlpacaRefuses(t *testing.T) {
	item := `{"instruction":"a","preference":1}`
	for text, want := range map[string]string{
		`[{"instruction":"a"}]`: "line 1: member preference is missing",
		`[]`:                    "is not recognised",
		"[\n" + item + ",\n" + `{"instruction":"a","instruction":"b","preference":1}]`: "line 3: ",
		"[\n" + item + "\n":     "line 3: unexpected EOF",
		"[" + item + ",]":       "line 1: ",
		"[" + item + "] x":      "line 1: data after the JSON array",
		"[" + item + item + "]": "line 1: ",
		`[{"instruction":"a","preference":1,"len2":1e400,"output_2":3}]`: "",
	} {
		in := importAll(t, map[string]string{"annotations.json": text})
		var got string
		switch {
		case len(in.Refused) == 1:
			got = in.Refused[0].Reason
		case len(in.Unrecognised) == 1:
			got = "is not recognised"
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// Whatever is in the files, importing ends with an answer.
func FuzzAlpaca(f *testing.F) {
	f.Add([]byte(annotations))
	f.Add([]byte(board))
	f.Add([]byte(board + "\""))
	f.Add([]byte(`[{"instruction":"a","output":"b","generator":"g"},{"output":"\"]\\"}]`))
	f.Add([]byte(`{"instruction_difficulty":[1,2e3]}`))
	f.Add([]byte("index,instruction_difficulty\n0,1\n1,-2\n0,1\n"))
	f.Add([]byte(`{"preference":2,"len1":1,"len2":-1,"generator_2":"m","annotator":"j"}`))
	f.Add([]byte(",np.tanh(std_delta_len),instruction_difficulty,not_gamed_baseline.astype(float)\nm,-1,0.5,0.25\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{}
		for _, name := range []string{"m/annotations.json", "m/model_outputs.json", "j__m.jsonl", "j_leaderboard.csv", "w.csv", "d.json", "df_gamed.csv"} {
			fsys[name] = &fstest.MapFile{Data: data}
		}
		in, err := Import(t.Context(), fsys, []string{"."}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(in.Runs) + len(in.Tables) + len(in.Weights) + len(in.Refused) + len(in.Unrecognised); n != len(fsys) {
			t.Errorf("%d of %d files are accounted for", n, len(fsys))
		}
	})
}
