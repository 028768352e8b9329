package harness

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const aiderFile = `- dirname: 2025-01-01--tiny
  test_cases: 224
  model: tiny (high)
  pass_rate_1: 21.0
  pass_rate_2: 61.7
  pass_num_1: 47
  pass_num_2: 139
  percent_cases_well_formed: 91.5
  date: 2025-01-01

- dirname: 2025-01-02--big-a
  test_cases: 225
  model: big
  pass_rate_1: 100
- dirname: 2025-01-02--big-b
  test_cases: 225
  model: big
  pass_rate_1:
`

const modelCard = `---
license: mit
model-index:
- name: tiny
  results:
  - task:
      type: text-generation
    dataset:
      type: cais/mmlu
      config: all
      split: test
      revision: "5503434"
    metrics:
    - type: acc
      value: 20.90
---
# tiny
`

const evalResults = `- dataset:
    id: Idavidrein/gpqa
    task_id: gpqa_diamond
  value: 0.412
  date: "2026-01-02"
- dataset:
    id: cais/hle
  value: 20.90
`

func TestAider(t *testing.T) {
	in := importAll(t, map[string]string{"_data/polyglot_leaderboard.yml": aiderFile})
	if len(in.Refused) > 0 || len(in.Tables) != 1 {
		t.Fatalf("%d tables, refused %v", len(in.Tables), in.Refused)
	}
	want := []TableRow{
		{Entry: "tiny (high)", Line: 1, Date: "2025-01-01", Values: []string{"224", "21.0", "47", "61.7", "139", "91.5", ""}},
		{Entry: "big (2025-01-02--big-a)", Line: 11, Values: []string{"225", "100", "", "", "", "", ""}},
		{Entry: "big (2025-01-02--big-b)", Line: 15, Values: []string{"225", "", "", "", "", "", ""}},
	}
	if diff := cmp.Diff(want, in.Tables[0].Rows); diff != "" || in.Tables[0].Board != "aider polyglot_leaderboard" {
		t.Errorf("board %q, rows (-want +got):\n%s", in.Tables[0].Board, diff)
	}
}

func TestHuggingFace(t *testing.T) {
	in := importAll(t, map[string]string{"a/README.md": modelCard, "b/.eval_results/gpqa.yaml": evalResults, "b/README.md": "---\nlicense: mit\n---\n", "c/README.md": strings.ReplaceAll(modelCard, "\n", "\r\n")})
	if len(in.Refused) > 0 {
		t.Fatalf("refused %v", in.Refused)
	}
	type number struct{ Board, Version, Column, Entry, Date, Value string }
	var got []number
	for _, table := range in.Tables {
		row := table.Rows[0]
		got = append(got, number{table.Board, table.Version, table.Columns[0].Name, row.Entry, row.Date, row.Values[0]})
	}
	want := []number{
		{"cais/mmlu all test", "5503434", "acc", "tiny", "", "20.90"},
		{"Idavidrein/gpqa gpqa_diamond", "", "value", "b", "2026-01-02", "0.412"},
		{"cais/hle", "", "value", "b", "", "20.90"},
		{"cais/mmlu all test", "5503434", "acc", "tiny", "", "20.90"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	if line := in.Tables[0].Rows[0].Line; line != 15 {
		t.Errorf("the card's value is on line %d, want 15", line)
	}
}

// A card of which one value is no number still has the others.
func TestHuggingFaceOtherValues(t *testing.T) {
	card := "---\nmodel-index:\n- name: a\n  results:\n  - dataset: {type: d}\n    metrics:\n    - {type: f1, value: {yes: 0.5}}\n    - {type: wer, value: 11.3%}\n" +
		"    - {type: auc, value: [0.5]}\n    - {type: loss, value: null}\n    - {type: note, value: good}\n    - {type: acc, value: 0.9}\n---\n"
	in := importAll(t, map[string]string{"README.md": card})
	if len(in.Refused) > 0 {
		t.Fatalf("refused %v", in.Refused)
	}
	var got []string
	for _, table := range in.Tables {
		got = append(got, table.Rows[0].Values[0])
	}
	if diff := cmp.Diff([]string{"a mapping", "11.3%", "a list", "nothing", "good", "0.9"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// The front matter of real cards is long before it comes to the results.
func TestHuggingFaceLate(t *testing.T) {
	card := "---\ntags:\n" + strings.Repeat("- another\n", 3000) + modelCard[len("---\n"):]
	if in := importAll(t, map[string]string{"README.md": card}); len(in.Tables) != 1 {
		t.Errorf("%d tables, not recognised %v, refused %v", len(in.Tables), in.Unrecognised, in.Refused)
	}
}

func TestYAMLRefused(t *testing.T) {
	aider := func(more string) string { return "- dirname: a\n  test_cases: 1\n  pass_rate_1: 1\n" + more }
	card := func(results string) string { return "---\nx: 1\nmodel-index:\n" + results + "---\n" }
	for _, c := range []struct{ name, text, want string }{
		{"a.yml", aider(""), "line 1: run has no model"},
		{"a.yml", aider("  model: a\n  pass_rate_2: high\n"), `line 5: pass_rate_2 is "high", want a number`},
		{"a.yml", aider("  model: a\n  model: b\n"), `line 5: "model" is there twice, with two values`},
		{"a.yml", aider("  model: &x a\n"), "line 4: an anchor or alias, which are not read"},
		{"a.yml", aider("  model: a\n---\n- b\n"), "has a second document"},
		{"a.yml", "a:\n  test_cases: 1\n  pass_rate_1: 1\n", "is no list"},
		{"README.md", "---\nmodel-index:\n- name: a\n", "front matter has no end"},
		{"README.md", card("- results: []\n"), "line 4: model has no name"},
		{"README.md", card("- name: a\n"), "has no results"},
		{".eval_results/a.yaml", "- dataset: {}\n  value: 1\n", "line 1: result names no data set"},
	} {
		in := importAll(t, map[string]string{c.name: c.text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
			t.Errorf("%s: refused %v, want %q", c.text, in.Refused, c.want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	names := []string{"a.yml", "README.md", "m/.eval_results/a.yaml"}
	for i, text := range []string{aiderFile, modelCard, evalResults} {
		f.Add(uint8(i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		fsys := fstest.MapFS{names[int(kind)%len(names)]: {Data: data}}
		if _, err := Import(t.Context(), fsys, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
