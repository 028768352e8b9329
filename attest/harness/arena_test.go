package harness

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const arenaFile = `{"full": {
  "tiny-exp": {"rating": 1016.5, "rating_q975": 1020, "rating_q025": 1010.0}},
 "coding": {
  "tiny-exp": {"rating": 999, "rating_q975": 1020, "rating_q025": 980}}}`

func TestArena(t *testing.T) {
	in := importAll(t, map[string]string{"leaderboard-text-style-control.2025-04-07.f973ec2.json": arenaFile, "leaderboard-vision.json": arenaFile})
	if len(in.Refused) > 0 || len(in.Tables) != 4 {
		t.Fatalf("%d tables, refused %v", len(in.Tables), in.Refused)
	}
	var got []string
	for _, table := range in.Tables {
		got = append(got, table.Board+" "+table.Date)
		if whole := !strings.Contains(table.Board, "coding"); whole != (table.Columns[0].Metric != nil) {
			t.Errorf("%s: the rating's metric is %v", table.Board, table.Columns[0].Metric)
		}
	}
	want := []string{"Arena text, style control 2025-04-07", "Arena text, style control, coding 2025-04-07", "Arena vision ", "Arena vision, coding "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]TableRow{{Entry: "tiny-exp", Line: 2, Values: []string{"1016.5", "1010.0", "1020"}}}, in.Tables[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestArenaRefuses(t *testing.T) {
	for text, want := range map[string]string{
		strings.Replace(arenaFile, "1016.5", `"high"`, 1): `line 2: full: tiny-exp: rating is "high", want a number`,
		`{"rating":1,"rating_q025":1,"rating_q975":1}`:    "rating is 1, want an object",
		arenaFile[:50]: "", // cut, and no ratings to know it by
	} {
		in := importAll(t, map[string]string{"leaderboard-text.json": text})
		if want == "" && len(in.Tables) == 0 {
			continue
		}
		if len(in.Refused) != 1 || in.Refused[0].Reason != want {
			t.Errorf("%s: refused %v, want %q", text, in.Refused, want)
		}
	}
}

func FuzzArena(f *testing.F) {
	f.Add([]byte(arenaFile))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Import(t.Context(), fstest.MapFS{"leaderboard-text.json": {Data: data}}, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
