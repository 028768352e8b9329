package harness

import (
	"strings"
	"testing"
)

const openaiLog = `{"spec": {"completion_fns": ["tiny"], "eval_name": "sums.dev.v0", "base_eval": "sums", "split": "dev", "run_config": {}, "created_by": "", "run_id": "r1", "created_at": "2024-05-06 07:08:09"}}
{"run_id": "r1", "event_id": 0, "sample_id": "sums.dev.0", "type": "sampling", "data": {"prompt": "1+1", "sampled": ["2"]}}
{"run_id": "r1", "event_id": 1, "sample_id": "sums.dev.0", "type": "match", "data": {"correct": true, "expected": "2", "picked": "2"}}
{"run_id": "r1", "event_id": 2, "sample_id": "sums.dev.1", "type": "match", "data": {"correct": false, "expected": "3", "picked": null}}
{"final_report": {"accuracy": 0.5, "boostrap_std": 0.2}}
`

func TestOpenAIEvals(t *testing.T) {
	r := importOne(t, map[string]string{"log.jsonl": openaiLog})
	if r.Board != "OpenAI evals sums.dev.v0" || r.Entry != "tiny" || r.Model.Name != "tiny" || r.Dataset.Split != "dev" || r.Date != "2024-05-06" {
		t.Errorf("run %+v", r)
	}
	if r.Items.Len() != 2 || r.Items.At(1).ID != "sums.dev.1" || r.Items.Values(0)[0] != 1 || len(r.Absent) != 1 {
		t.Errorf("%d items, absent %q", r.Items.Len(), r.Absent)
	}
	if len(r.Aggregates) != 2 || r.Aggregates[1].Name != "boostrap_std" || r.Aggregates[1].Rule != Unknown || r.Aggregates[0].Value != "0.5" || r.Aggregates[0].Line != 5 || r.Aggregates[0].Rule != Mean {
		t.Errorf("aggregates %+v", r.Aggregates)
	}
	other := importOne(t, map[string]string{"log.jsonl": strings.Replace(openaiLog, `"accuracy"`, `"score"`, 1)})
	if len(other.Aggregates) != 2 || other.Aggregates[0].Rule != Unknown {
		t.Errorf("aggregates that nothing explains: %+v", other.Aggregates)
	}
	if none := importOne(t, map[string]string{"log.jsonl": strings.Replace(openaiLog, "0.5,", "NaN,", 1)}); none.Aggregates[0].Value != "NaN" {
		t.Errorf("aggregates of nothing: %+v", none.Aggregates)
	}
	whole := strings.SplitAfter(openaiLog, "\n")
	cut := importOne(t, map[string]string{"log.jsonl": strings.Join(whole[:4], "")})
	if len(cut.Aggregates) != 0 || len(cut.Absent) != 2 {
		t.Errorf("without its end: aggregates %+v, absent %q", cut.Aggregates, cut.Absent)
	}
	begun := importAll(t, map[string]string{"log.jsonl": strings.Join(whole[:2], "")})
	if len(begun.Refused) != 1 || !strings.HasPrefix(begun.Refused[0].Reason, "has neither matches nor a final_report") {
		t.Errorf("a run that only began: %+v", begun.Refused)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`{"final`, whole[0] + `{"final`, "line 5: a second spec, as if of two runs"},
		{`"run_id": "r1", "event_id": 1`, `"run_id": "r2", "event_id": 1`, `line 3: run_id is "r2", and the spec's "r1"`},
		{`"correct": true`, `"correct": 2`, "line 3: correct is 2, want true or false"},
		{`"sample_id": "sums.dev.1"`, `"sample_id": 1`, "line 4: sample_id is 1, want a text"},
		{`"accuracy": 0.5`, `"accuracy": "x"`, `line 5: accuracy is "x", want a number`},
		{`{"accuracy": 0.5, "boostrap_std": 0.2}`, `7`, "line 5: final_report is 7, want an object"},
		{`{"final`, whole[4] + `{"final`, "line 6: a second final_report"},
		{`"eval_name": "sums.dev.v0"`, `"eval_name": ""`, `line 1: eval_name is "", want a text`},
	} {
		in := importAll(t, map[string]string{"log.jsonl": strings.Replace(openaiLog, tt.old, tt.new, 1)})
		if len(in.Refused) != 1 || in.Refused[0].Reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.new, in.Refused, tt.want)
		}
	}
}
