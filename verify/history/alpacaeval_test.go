package history

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

const shared = "../../../shared/data/evals" // real data, beside the repository

// auditShared audits a folder of the real data.
func auditShared(t *testing.T, dir string) *Report {
	t.Helper()
	if _, err := os.Stat(shared + "/" + dir); os.IsNotExist(err) {
		t.Skipf("%s is not here", dir)
	}
	in, err := harness.Import(t.Context(), os.DirFS(shared), []string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Unrecognised)+len(in.Refused) > 0 {
		t.Errorf("not recognised: %v, refused: %v", in.Unrecognised, in.Refused)
	}
	return Audit(in)
}

// expected reads a part of what is known of the real data.
func expected(t *testing.T, part string, v any) {
	t.Helper()
	data, err := os.ReadFile(shared + "/EXPECTED.json")
	if err != nil {
		t.Skip("EXPECTED.json is not here")
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[part], v); err != nil {
		t.Fatal(err)
	}
}

func statuses(r *Report, metric string) map[Status]int {
	n := map[Status]int{}
	for _, row := range r.Rows {
		if row.Metric == metric {
			n[row.Status]++
		}
	}
	return n
}

func TestAlpacaEval(t *testing.T) {
	r := auditShared(t, "alpaca_eval")
	var want struct {
		Winrate struct{ Files, Match, Mismatch, NoRow int } `json:"weighted_and_v1_winrate"`
		LC      struct {
			Checked int
			Match   int `json:"match_1e-3"`
			Differ  int `json:"mismatch_count"`
			Without int `json:"leaderboard_rows_without_published_weights"`
		} `json:"lc_winrate"`
	}
	expected(t, "alpaca_eval", &want)

	// Two of the 135 files are not here, both with a row; there is one more, of a judge
	// without a table, with no row.
	win := statuses(r, "win_rate")
	if win[Reproduced] != want.Winrate.Match-2 || win[Differs] != want.Winrate.Mismatch || win[Unpublished] != 10+1 {
		t.Errorf("win rates: %v, want %+v", win, want.Winrate)
	}
	for _, row := range r.Rows {
		if row.Metric == "win_rate" && row.Status == Differs && row.Row != "alpaca_eval_gpt4_turbo_fn/Mistral-7B-Instruct-v0.2" {
			t.Errorf("win rate of %s differs", row.Row)
		}
	}
	lc := statuses(r, "length_controlled_winrate")
	if lc[Reproduced] != want.LC.Match || lc[Differs] != want.LC.Differ {
		t.Errorf("length-controlled win rates: %v, want %+v", lc, want.LC)
	}

	// Which rows have which findings; of the many with missing items only some.
	for name, rows := range map[string][]string{
		"identical-evidence": {"alpaca_eval_gpt4/falcon-7b-instruct", "alpaca_eval_gpt4_turbo_fn/Mistral-7B-Instruct-v0.2"},
		"generator-mismatch": {"alpaca_eval_gpt4/alpaca-7b-neft", "alpaca_eval_gpt4/falcon-7b-instruct", "weighted_alpaca_eval_gpt4_turbo/NullModel"},
		"judge-mismatch":     {"alpaca_eval_gpt4/deita-7b-v1.0", "alpaca_eval_gpt4_turbo_fn/Mistral-7B-Instruct-v0.2", "alpaca_eval_gpt4_turbo_fn/Mistral-7B-ReMax-v0.1"},
		"outputs-differ":     {"alpaca_eval_gpt4/falcon-7b-instruct"},
		"denominator-mixed":  {"alpaca_eval_cot_gpt4_turbo_fn", "alpaca_eval_gpt4", "weighted_alpaca_eval_gpt4_turbo"},
		"duplicate-items":    nil,
		"sentinel-averaged":  nil,
	} {
		var got []string
		for _, f := range r.Findings {
			if f.Name == name {
				got = append(got, f.Row)
			}
		}
		if !slices.Equal(got, rows) {
			t.Errorf("%s in %q, want %q", name, got, rows)
		}
	}
	for _, tt := range []struct{ name, row, detail string }{
		{"identical-evidence", "alpaca_eval_gpt4/falcon-7b-instruct", "those of alpaca_eval_gpt4/falcon-40b-instruct"},
		{"generator-mismatch", "alpaca_eval_gpt4/falcon-7b-instruct", `beside 805 of 805 items is "falcon-40b-instruct"`},
		{"outputs-differ", "alpaca_eval_gpt4/falcon-7b-instruct", `800 of 805 answers are other than in alpaca_eval/raw/falcon-7b-instruct.2023-09-27.94ecb30.annotations.json.gz; 805 are those of "falcon-40b-instruct"`},
		{"aggregate-differs", "alpaca_eval_gpt4/falcon-7b-instruct", "avg_length is published as 478 and comes to 662"},
		{"aggregate-differs", "alpaca_eval_gpt4/humpback-llama2-70b", "standard_error is published as 1.154547675 and comes to 1.146054"},
		{"aggregate-differs", "weighted_alpaca_eval_gpt4_turbo/aligner-2b_gpt-4-turbo-2024-04-09", "discrete_win_rate is published as 40.18633540372671 and comes to 47.142857"},
		{"aggregate-differs", "weighted_alpaca_eval_gpt4_turbo/dbrx-instruct", "length_controlled_winrate is published as 25.37544974044448 and comes to 25.185341"},
		{"aggregate-differs", "weighted_alpaca_eval_gpt4_turbo/phi-2", "of the first 803 of the 805 difficulties it is the published number"},
		{"missing-items", "alpaca_eval_gpt4/ghost-7b-alpha", "795 of 805 items have a result, in the file without one: 10"},
		{"missing-items", "weighted_alpaca_eval_gpt4_turbo/alpaca-7b_verbose", "802 of 805 items have a result"},
	} {
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.Name == tt.name && f.Row == tt.row && strings.Contains(f.Detail, tt.detail) && len(f.Files) > 0
		}) {
			t.Errorf("no %s in %s that says %q", tt.name, tt.row, tt.detail)
		}
	}
}
