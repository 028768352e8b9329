package harness

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tauTrials = `[
 {"task_id": 0, "reward": 1.0, "info": {"task": {"user_id": "u"}, "reward_info": {"reward": 1.0}}, "traj": [{"role": "assistant", "content": "hello"}], "trial": 0},
 {"task_id": 1, "reward": 0.5, "info": {"task": {"user_id": "u"}, "reward_info": null}, "traj": [], "trial": 0},
 {"task_id": 0, "reward": 0.0, "info": {"reward_info": {"reward": 1.0}}, "traj": [{"role": "assistant", "tool_calls": [{"id": "c"}]}], "trial": 1},
 {"task_id": 1, "reward": 1.0, "info": {"error": "e", "traceback": "t"}, "traj": [], "trial": 0}
]`

const tauPage = `# tau-bench
### Airline

| Strategy | Pass^1 | Pass^2 |
| -------- | ------ | ------ |
| [TC (tiny-7b)](https://x.org/a) | **0.500** | 0.000 |
| [Act](https://x.org/b) (tiny-7b) | 0.4 | ?? |

### Retail

| Strategy | Pass^1 |
| -- | -- |
| TC (tiny-7b) | 0.1 |

| Other | x |
| -- | -- |
`

func TestTau(t *testing.T) {
	in := importAll(t, map[string]string{
		"README.md": tauPage, "tiny-7b-airline.json": tauTrials, "large-airline.json": tauTrials, "results.json": tauTrials,
		"tool-calling-grok-3-0.0_range_0--1_user-gpt-4o-llm_0921131646.json": tauTrials,
		"tiny-7b-retail.json": strings.ReplaceAll(tauTrials, "tool_calls", "calls"), // another strategy than the row's
	})
	if len(in.Refused)+len(in.Unrecognised) > 0 {
		t.Fatalf("refused %+v, not recognised %q", in.Refused, in.Unrecognised)
	}
	var rows []string
	for _, tab := range in.Tables {
		for _, r := range tab.Rows {
			rows = append(rows, tab.Board+"|"+r.Entry+"|"+strings.Join(r.Values, "|"))
		}
	}
	wantRows := []string{
		"tau-bench airline|TC (tiny-7b)|0.500|0.000", "tau-bench airline|Act (tiny-7b)|0.4|", "tau-bench retail|TC (tiny-7b)|0.1",
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var runs []string
	for _, r := range in.Runs {
		runs = append(runs, r.Board+"|"+r.Entry+"|"+r.Model.Name)
	}
	wantRuns := []string{
		"tau-bench airline|large|large", "tau-bench|results|", "tau-bench airline|TC (tiny-7b)|tiny-7b", "tau-bench retail|tiny-7b|tiny-7b", "tau-bench, user gpt-4o|tool-calling (grok-3)|grok-3",
	}
	if diff := cmp.Diff(wantRuns, runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	r := in.Runs[2]
	if diff := cmp.Diff([][]float64{{1, 1, 0, 0}, {0, 0.5, 1, 1}}, [][]float64{r.Items.Values(0), r.Items.Values(1)}); diff != "" || r.Items.Len() != 2 || r.Joined == "" || len(r.Metrics) != 3 {
		t.Errorf("%d tasks, %d metrics, joined %q, values (-want +got):\n%s", r.Items.Len(), len(r.Metrics), r.Joined, diff)
	}
	want := []Notice{
		{Finding: "grade-differs", Detail: "reward of trial 1 of task 0 is 0, and in its reward_info 1.0", File: "tiny-7b-airline.json", Line: 4},
		{Finding: "duplicate-items", Detail: "trial 0 of task 1 is there again, and counts as one more", File: "tiny-7b-airline.json", Line: 5},
		{Finding: "sentinel-averaged", Detail: "1 of 4 trials ended with an error and were not graded; they count with the reward that stands there", File: "tiny-7b-airline.json", Line: 5},
	}
	if diff := cmp.Diff(want, r.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

const gsm8kItems = `{"question": "Job A: 2000 hours?", "ground_truth": "So.\nA: 1,234", "6b": {"is_correct": true, "solution": "job A: 2000\nA: 1234"}, "175b": {"is_correct": false, "solution": "A: 1234.0\n"}}
{"question": "q", "ground_truth": "A: -5", "6b": {"is_correct": false, "solution": "A: 5"}, "175b": {"is_correct": true, "solution": "on and on and"}}
`

func TestGSM8K(t *testing.T) {
	in := importAll(t, map[string]string{"solutions.jsonl": gsm8kItems})
	if len(in.Runs) != 2 || len(in.Refused) > 0 {
		t.Fatalf("%d runs, refused %+v", len(in.Runs), in.Refused)
	}
	small, large := in.Runs[0], in.Runs[1]
	if small.Entry != "6b" || small.Items.Len() != 2 || small.Items.Values(0)[0] != 1 || small.Items.Values(1)[0] != 0 || len(small.Notices) > 0 {
		t.Errorf("%s: %d items, notices %+v", small.Entry, small.Items.Len(), small.Notices)
	}
	want := []Notice{
		{Finding: "grade-differs", Detail: "is_correct is false; the solution's answer is 1234, and the right one 1234", File: "solutions.jsonl", Line: 1},
		{Finding: "grade-differs", Detail: "is_correct is true; the solution's answer is nothing, and the right one -5", File: "solutions.jsonl", Line: 2},
	}
	if diff := cmp.Diff(want, large.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestItemsRefuse(t *testing.T) {
	const readme = "| Strategy | Pass^1 |\n"
	for _, tt := range []struct{ name, text, want string }{
		{"m-airline.json", `[{"task_id": 1, "reward": "x", "info": {}, "traj": [], "trial": 0}]`, `line 1: reward is "x", want a number`},
		{"m-airline.json", `[{"task_id": 1, "reward": 1, "info": {}, "traj": []}]`, "line 1: task_id or trial is missing"},
		{"README.md", readme + "| a | 1 | 2 |\n", "line 2: row has 3 cells, and the header 2"},
		{"README.md", "| Strategy is Pass^1", "has no table with the column Strategy"},
		{"a.jsonl", `{"question": "q", "ground_truth": 1, "m": {"is_correct": true, "solution": ""}}`, "line 1: question or ground_truth is not a text"},
		{"a.jsonl", `{"question": "q", "ground_truth": "", "m": {"is_correct": true}}`, "line 1: m: solution is missing, want a text"},
		{"a.jsonl", `{"question": "q", "ground_truth": "", "m": {"is_correct": 2, "solution": ""}}`, "line 1: m: is_correct is 2, want true or false"},
	} {
		in := importAll(t, map[string]string{tt.name: tt.text})
		if len(in.Refused) != 1 || in.Refused[0].Reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.text, in.Refused, tt.want)
		}
	}
}
