package history

import (
	"fmt"
	"strings"
	"testing"
)

// judged is MT-bench's judgments of a model, half of them with one score and half with the
// other, and some that are there besides.
func judged(model string, first, second string, more ...string) string {
	var b strings.Builder
	row := func(question, turn int, score string) {
		fmt.Fprintf(&b, `{"question_id":%d,"model":%q,"judge":["gpt-4","x"],"user_prompt":"x","score":%s,"turn":%d}`+"\n", question, model, score, turn)
	}
	for q := 81; q <= 160; q++ {
		row(q, 1, first)
		row(q, 2, second)
	}
	for i, score := range more {
		row(81+i, 1, score)
	}
	return b.String()
}

func averages(rows ...string) string {
	return "key,Model,MT-bench (score)\n" + strings.Join(rows, "\n") + "\n"
}

func TestJudgments(t *testing.T) {
	log := judged("a", "9", "8") + judged("b", "7", "6") + judged("c", "5", "4") + judged("d", "9", "9", "-1", "-1", "1")
	const with = "with 2 values of -1 that stand for no score counted it is the published number"
	for _, c := range []struct {
		rows   string
		status []Status
		detail string // of the last
	}{
		{averages("a,a,8.50", "b,b,6.5", "c,c,4.5", "d,d,8.95"), []Status{Reproduced, Reproduced, Reproduced, Reproduced}, ""},
		{averages("a,a,8.50", "b,b,6.5", "c,c,4.5", "d,d,8.83"), []Status{Reproduced, Reproduced, Reproduced, Differs}, with},
		{averages("a,a,8.50", "b,b,6.5", "c,c,4.5", "d,d,9"), []Status{Reproduced, Reproduced, Reproduced, Reproduced}, ""},
		{averages("a,a,8.50", "b,b,6.5", "c,c,4.5", "d,d,9.1"), []Status{Reproduced, Reproduced, Reproduced, Differs}, "differs by"},
		{averages("b,b,6.5", "c,c,4.5", "d,d,8.83", "a,a,8.6"), []Status{Reproduced, Reproduced, Differs, Differs}, with + "!"},
		{averages("d,d,8.83"), []Status{Differs}, with},
		{averages("b,b,6.5", "c,c,4.6", "x,x,1"), []Status{Reproduced, NotComputable, NotComputable}, "no per-item results were found"},
		{averages("a,a,8.50", "d,d,9.1"), []Status{Reproduced, NotComputable}, "the judgments in gpt-4_single.jsonl come to 8.950311 and may be others than the table's: of 2 numbers 1 come out of such files"},
	} {
		r := auditTexts(t, map[string]string{"gpt-4_single.jsonl": log, "leaderboard_table_20240109.csv": c.rows})
		for i, want := range c.status {
			if r.Rows[i].Status != want {
				t.Errorf("%s: %s, want %s", c.rows, describeRows(r.Rows[i : i+1])[0], want)
			}
		}
		if c.detail == with+"!" { // said of the row before the last
			c.detail = with
			r.Rows[len(c.status)-1] = r.Rows[len(c.status)-2]
		}
		if last := r.Rows[len(c.status)-1]; !strings.Contains(last.Detail, c.detail) {
			t.Errorf("%s: %q, want %q", c.rows, last.Detail, c.detail)
		}
		if n := len(found(r, "sentinel-averaged")); n != strings.Count(c.detail, "sentinel")+map[bool]int{true: 1}[c.detail == with] {
			t.Errorf("%s: %d findings sentinel-averaged: %v", c.rows, n, found(r, "sentinel-averaged"))
		}
	}
}

// A row that was scored when it was asked again is not missing.
func TestScoredAgain(t *testing.T) {
	r := auditTexts(t, map[string]string{"gpt-4_single.jsonl": judged("a", "9", "8", "-1", "7")})
	if got := found(r, "missing-items"); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	want := `MT-bench/a: 2 of 162 items are there again, "81 turn 1" among them, and count as often | gpt-4_single.jsonl`
	if got := found(r, "duplicate-items"); len(got) != 1 || got[0] != want {
		t.Errorf("found %v", got)
	}
	r = auditTexts(t, map[string]string{"gpt-4_single.jsonl": strings.Replace(judged("a", "9", "8"), `"score":9`, `"score":-1`, 1)})
	if got := found(r, "missing-items"); len(got) != 1 || !strings.Contains(got[0], "159 of 160 items have a result") {
		t.Errorf("found %v", got)
	}
}
