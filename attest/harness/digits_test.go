package harness

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreDigits = cmpopts.IgnoreFields(Metric{}, "AllDigits")

// What a harness writes has all its digits; what people publish has those they chose.
func TestAllDigits(t *testing.T) {
	if r := importOne(t, map[string]string{"log.jsonl": openaiLog}); !r.Aggregates[0].AllDigits {
		t.Error("a report of OpenAI's evals may be rounded")
	}
	if r := importOne(t, eeeFiles()); r.Aggregates[0].AllDigits {
		t.Error("a record of Every Eval Ever is not rounded, whoever made it")
	}
}
