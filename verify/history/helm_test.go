package history

import (
	"slices"
	"strings"
	"testing"
)

func TestHELM(t *testing.T) {
	r := auditShared(t, "every_eval_ever/tests/data/helm")
	var want struct {
		Stats int `json:"recomputable_stats"`
		Match int
	}
	expected(t, "helm_fixture", &want)
	reproduced := 0
	for _, row := range r.Rows {
		if row.Status == Reproduced && strings.HasPrefix(row.Board, "HELM ") {
			reproduced++
		} else if row.Status != NotComputable || !slices.Contains([]string{"perplexity", "bits_per_byte", "logprob_per_byte"}, row.Metric) {
			t.Errorf("%s %s: %s %s", row.Row, row.Metric, row.Status, row.Detail)
		}
	}
	if reproduced < want.Match {
		t.Errorf("%d reproduced, want %d or more", reproduced, want.Match)
	}
	if len(r.Findings) > 0 {
		t.Errorf("findings: %v", r.Findings)
	}
}
