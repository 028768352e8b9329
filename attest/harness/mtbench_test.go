package harness

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func judgment(question any, turn int, model, score string) string {
	return fmt.Sprintf(`{"question_id":%v,"model":%q,"judge":["gpt-4","single-v1"],"user_prompt":"x","judgment":"y","score":%s,"turn":%d}`+"\n", question, model, score, turn)
}

// mtBench is all of its judgments of a model, with the score 8 but for two.
func mtBench(model string) string {
	var b strings.Builder
	for q := mtBenchFirst; q <= mtBenchLast; q++ {
		score := "8"
		if q == mtBenchFirst {
			score = "9.5"
		}
		b.WriteString(judgment(q, 1, model, score) + judgment(q, 2, model, score))
	}
	return b.String()
}

const judgedPairs = `{"question_id":81,"model_1":"tiny","model_2":"big","g1_winner":"model_2","g2_winner":"model_2","judge":["gpt-4","pair-v2"],"turn":1}
{"question_id":82,"model_1":"tiny","model_2":"big","g1_winner":"model_1","g2_winner":"tie","judge":["gpt-4","pair-v2"],"turn":1}
{"question_id":83,"model_1":"big","model_2":"tiny","g1_winner":"model_2","g2_winner":"model_2","judge":["gpt-4","pair-v2"],"turn":1}
{"question_id":84,"model_1":"big","model_2":"old","g1_winner":"model_1","g2_winner":"error","judge":["gpt-4","pair-v2"],"turn":1}
{"question_id":85,"model_1":"old","model_2":"big","g1_winner":"tie","g2_winner":"tie","judge":["gpt-4","pair-v2"],"turn":2}
`

func describeItems(r *Run) (all []string) {
	for _, it := range r.Items.All() {
		text := fmt.Sprint(it.ID, " ", it.Values)
		if it.Excluded != "" {
			text += " " + it.Excluded
		}
		all = append(all, text)
	}
	return all
}

func TestMTBench(t *testing.T) {
	in := importAll(t, map[string]string{
		"gpt-4_single.jsonl":       mtBench("tiny") + judgment(81, 1, "part", "-1") + judgment(81, 2, "part", "null") + judgment(82, 1, "part", "7"),
		"gpt-4-turbo_single.jsonl": mtBench("tiny") + judgment(`"x-1"`, 3, "big", "2"),
		"gpt-4_pair.jsonl":         judgedPairs,
	})
	if len(in.Refused) > 0 {
		t.Fatalf("refused %v", in.Refused)
	}
	got := map[string][]string{}
	for _, r := range in.Runs {
		got[r.Board+"/"+r.Entry] = describeItems(r)
		if len(r.Names) != 1 || r.Names[0].Name != "gpt-4" || r.Judge != strings.Split(r.Files[0].Path, "_")[0] {
			t.Errorf("%s: judge %q, names %v", r.Entry, r.Judge, r.Names)
		}
	}
	if all := got["MT-bench/tiny"]; len(all) != 160 || all[0] != "81 turn 1 [9.5 9.5 NaN]" || all[3] != "82 turn 2 [8 NaN 8]" {
		t.Errorf("items of MT-bench: %v", all)
	}
	delete(got, "MT-bench/tiny")
	want := map[string][]string{
		"judgments of gpt-4_single/part":      {"81 turn 1 [-1 -1 NaN] -1 for no score", "81 turn 2 [NaN NaN NaN]", "82 turn 1 [7 7 NaN]"},
		"judgments of gpt-4-turbo_single/big": {"x-1 turn 3 [2 NaN NaN]"},
		"judgments of gpt-4_pair/tiny":        {"81 turn 1 against big [0 0 1]", "82 turn 1 against big [0.5 0 0]", "83 turn 1 against big [1 1 0]"},
		"judgments of gpt-4_pair/old":         {"84 turn 1 against big [NaN NaN NaN] error", "85 turn 2 against big [0.5 0 0]"},
		"judgments of gpt-4_pair/big":         {"81 turn 1 against tiny [1 1 0]", "82 turn 1 against tiny [0.5 0 0]", "83 turn 1 against tiny [0 0 1]", "84 turn 1 against old [NaN NaN NaN] error", "85 turn 2 against old [0.5 0 0]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// Only all of MT-bench's questions by its judge are MT-bench.
func TestMTBenchInPart(t *testing.T) {
	whole := mtBench("tiny")
	for _, text := range []string{
		whole[strings.Index(whole, "\n")+1:],
		whole + judgment(161, 1, "tiny", "8"),
		whole + judgment(`"a"`, 1, "tiny", "8"),
		whole + strings.Replace(judgment(81, 1, "tiny", "8"), `"gpt-4"`, `"gpt-4o"`, 1),
	} {
		in := importAll(t, map[string]string{"gpt-4_single.jsonl": text})
		if len(in.Runs) != 1 || in.Runs[0].Board != "judgments of gpt-4_single" {
			t.Errorf("runs %v, refused %v", in.Runs, in.Refused)
		}
	}
	in := importAll(t, map[string]string{"gpt-4_single.jsonl": whole + judgment(81, 1, "tiny", "8")})
	if len(in.Runs) != 1 || in.Runs[0].Board != "MT-bench" {
		t.Errorf("a judgment that is there again: runs %v", in.Runs)
	}
}

func TestMTBenchRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{judgment(81, 1, "", "8"), `line 1: model is "", want a model's name`},
		{judgment(81, 0, "a", "8"), `line 1: turn is 0, want 1 or more`},
		{judgment("null", 1, "a", "8"), `line 1: question_id is null, want a number or a text`},
		{judgment(81, 1, "a", `"8"`), `line 1: score is "8", want a number`},
		{judgment(81, 1, "a", "NaN"), `line 1: score is NaN, want a number`},
		{judgment(81, 1, "a", "1e999"), `out of range`},
		{strings.Replace(judgedPairs, `"g2_winner":"tie"`, `"g2_winner":"A"`, 1), `line 2: g2_winner is "A", want model_1, model_2, tie or error`},
		{strings.Replace(judgedPairs, `"model_1":"tiny"`, `"model_1":"big"`, 1), `line 1: model_1 and model_2 are both "big"`},
	} {
		in := importAll(t, map[string]string{"a.jsonl": c.text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%s: refused %v, want %q", c.text, in.Refused, c.want)
		}
	}
}

func TestMTBenchModels(t *testing.T) {
	var b strings.Builder
	for i := range maxBattleModels + 1 {
		b.WriteString(judgment(81, 1, fmt.Sprint("m", i), "8"))
	}
	if in := importAll(t, map[string]string{"a.jsonl": b.String()}); len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, "more than 2000 models") {
		t.Errorf("refused %v", in.Refused)
	}
}

const arenaTableFile = `key,Model,MT-bench (score),MMLU,License,Organization,Link
tiny,Tiny 1,8.02,0.5,MIT,x,https://example.org
big,"Big, the second",-,-,MIT,x,-
`

func TestArenaTable(t *testing.T) {
	in := importAll(t, map[string]string{"leaderboard_table_20240109.csv": arenaTableFile, "leaderboard_table_20230619.csv": "Model,MT-bench (score),MMLU\nTiny 1,7.5,-\n"})
	if len(in.Refused) > 0 || len(in.Tables) != 2 {
		t.Fatalf("%d tables, refused %v", len(in.Tables), in.Refused)
	}
	want := []TableRow{
		{Entry: "tiny", Line: 2, Values: []string{"tiny", "Tiny 1", "8.02", "0.5", "MIT", "x", "https://example.org"}},
		{Entry: "big", Line: 3, Values: []string{"big", "Big, the second", "", "", "MIT", "x", ""}},
	}
	if diff := cmp.Diff(want, in.Tables[1].Rows); diff != "" || in.Tables[1].Date != "2024-01-09" || in.Tables[0].Rows[0].Entry != "Tiny 1" {
		t.Errorf("date %s, rows (-want +got):\n%s", in.Tables[1].Date, diff)
	}
	for text, want := range map[string]string{
		"key,Model,MT-bench (score)\n":                            "has no rows",
		"key,Model,MT-bench (score)\n ,a,1\n":                     "row has no model",
		"key,Model,MT-bench (score), MT-bench (score)\na,a,1,2\n": "there twice",
	} {
		in := importAll(t, map[string]string{"leaderboard_table_20240109.csv": text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, want) {
			t.Errorf("%q: refused %v, want %q", text, in.Refused, want)
		}
	}
}

func FuzzMTBench(f *testing.F) {
	names := []string{"gpt-4_single.jsonl", "gpt-4_pair.jsonl", "leaderboard_table_20240109.csv"}
	for i, text := range []string{judgment(81, 1, "tiny", "-1") + judgment(81, 2, "tiny", "8"), judgedPairs, arenaTableFile} {
		f.Add(uint8(i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		fsys := fstest.MapFS{names[int(kind)%len(names)]: {Data: data}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
