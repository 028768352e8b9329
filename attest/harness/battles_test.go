package harness

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const battleLines = `{"model_a":"tiny","model_b":"big","winner":"model_a","anony":true,"tstamp":1.5,"dedup_tag":{"high_freq":false,"sampled":true}}
{"model_a":"big","model_b":"tiny","winner":"model_a","anony":true,"tstamp":2.5}
{"model_a":"big","model_b":"tiny","winner":"tie","anony":false,"tstamp":3.5}
{"model_a":"big","model_b":"tiny","winner":"both_bad","tstamp":4.5,"dedup_tag":{"high_freq":true,"sampled":false}}
{"model_a":"big","model_b":"old","winner":"tie (bothbad)","tstamp":5.5}

{"model_a":"old","model_b":"old","winner":"model_b","tstamp":6.5}
{"model_a":"big","model_b":"old","winner":"model_c","tstamp":7.5}
{"model_a":"big","model_b":"old","winner":null,"tstamp":8.5}
{"model_a":"big","model_b":"tiny","winner":"model_a","anony":true,"tstamp":2.5}
`

func TestBattles(t *testing.T) {
	array := "[" + strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(battleLines, "\n\n", "\n")), "\n", ",\n\n") + "]"
	want := &BattleLog{
		Format: "arena-battles", Board: "battles of votes", Models: []string{"tiny", "big", "old"},
		Pairs: []BattlePair{
			{A: 0, B: 1, Counts: [3][4]uint32{EveryBattle: {Tied: 1}, Anonymous: {BothBad: 1}, Sampled: {FirstWon: 1, SecondWon: 2}}},
			{A: 1, B: 2, Counts: [3][4]uint32{Sampled: {BothBad: 1}}},
		},
		Battles: 9, Self: 1, Odd: 2, Again: 1, Narrow: [3]bool{true, true, false},
	}
	for _, c := range []struct {
		name, text string
		again      int
		odds       []string
	}{
		{"votes.jsonl", battleLines, 10, []string{`"model_c" on line 8`, "null on line 9"}},
		{"votes.20240101.json", array, 17, []string{`"model_c" on line 13`, "null on line 15"}},
	} {
		in := importAll(t, map[string]string{c.name: c.text})
		if len(in.Refused) > 0 || len(in.Battles) != 1 {
			t.Fatalf("%s: refused %v, unrecognised %v", c.name, in.Refused, in.Unrecognised)
		}
		want.AgainAt, want.Odds = c.again, c.odds
		if diff := cmp.Diff(want, in.Battles[0], cmpopts.IgnoreFields(BattleLog{}, "File")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if f := in.Battles[0].File; f.Path != c.name || f.Size != int64(len(c.text)) {
			t.Errorf("file %v", f)
		}
	}
	if n := want.Pairs[0].Count(Anonymous, BothBad) + want.Pairs[0].Count(EveryBattle, Tied) + want.Pairs[0].Count(Sampled, BothBad); n != 2 {
		t.Errorf("counts by kind add up to %d, want 2", n)
	}
}

// Battles without an id or a time may be alike and two.
func TestBattlesAlike(t *testing.T) {
	line := `{"question_id":81,"model_a":"tiny","model_b":"big","winner":"model_a","judge":"x"}` + "\n"
	in := importAll(t, map[string]string{"votes.jsonl": line + line})
	if len(in.Battles) != 1 || in.Battles[0].Again != 0 || in.Battles[0].Battles != 2 {
		t.Errorf("battles %+v", in.Battles)
	}
}

// Of several that are there again the first is named.
func TestBattlesAgainAt(t *testing.T) {
	var b strings.Builder
	for range 2 {
		for i := range 9 {
			fmt.Fprintf(&b, `{"model_a":"tiny","model_b":"big","winner":"tie","id":%d}`+"\n", i)
		}
	}
	in := importAll(t, map[string]string{"votes.jsonl": b.String()})
	if len(in.Battles) != 1 || in.Battles[0].Again != 9 || in.Battles[0].AgainAt != 10 {
		t.Errorf("battles %+v", in.Battles)
	}
}

const styledBattle = `{"model_a":"tiny","model_b":"big","winner":"model_b","conv_metadata":{"sum_user_tokens":9,"sum_assistant_a_tokens":120,"sum_assistant_b_tokens":340,
"header_count_a":{"h1":1,"h2":2},"header_count_b":{"h1":0},"list_count_a":{"ordered":3,"unordered":4},"list_count_b":{},"bold_count_a":{"**":5,"__":6},"bold_count_b":7}}`

func TestBattleStyles(t *testing.T) {
	one := strings.ReplaceAll(styledBattle, "\n", "")
	in := importAll(t, map[string]string{"votes.jsonl": one})
	if len(in.Battles) != 1 || in.Battles[0].Styles == nil {
		t.Fatalf("battles %v, refused %v", in.Battles, in.Refused)
	}
	want := StyledBattle{A: 0, B: 1, Kind: Sampled, Outcome: SecondWon, Style: [4][2]float64{{120, 340}, {3, 0}, {7, 0}, {11, 7}}}
	if diff := cmp.Diff(want, in.Battles[0].Styles.At(0)); diff != "" || in.Battles[0].Styles.Len() != 1 {
		t.Errorf("style (-want +got):\n%s", diff)
	}
	for _, other := range []string{
		`{"model_a":"tiny","model_b":"big","winner":"model_b"}`,
		strings.Replace(one, "120", "1.5", 1),
		strings.Replace(one, `"h2":2`, `"h2":70000`, 1),
		strings.Replace(one, `"bold_count_b":7`, `"bold":7`, 1),
	} {
		in := importAll(t, map[string]string{"votes.jsonl": one + "\n" + other})
		if len(in.Battles) != 1 || in.Battles[0].Styles != nil || in.Battles[0].Battles != 2 {
			t.Errorf("%s: battles %+v, refused %v", other, in.Battles, in.Refused)
		}
	}
}

func TestBattlesRefused(t *testing.T) {
	ok := `{"model_a":"a","model_b":"b","winner":"tie"}` + "\n"
	for text, want := range map[string]string{
		ok + `{"model_a":"a","winner":"tie"}`:                                            "line 2: model_b is missing, want a model's name",
		ok + `{"model_a":"","model_b":"b","winner":"tie"}`:                               `line 2: model_a is "", want a model's name`,
		ok + `{"model_a":"a","model_b":"b","winner":"tie","anony":1}`:                    "line 2: anony is 1, want true or false",
		ok + `{"model_a":"a","model_b":"b","winner":"tie","dedup_tag":{"sampled":"no"}}`: `line 2: dedup_tag: sampled is "no", want true or false`,
		ok + `{"model_a":"a","model_b":"b","winner":"tie","winner":"model_a"}`:           `line 2: duplicate`,
		ok + `[1]`: "line 2: model_a is missing",
	} {
		in := importAll(t, map[string]string{"votes.jsonl": text})
		if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, want) {
			t.Errorf("%s: refused %v, want %q", text, in.Refused, want)
		}
	}
	var many strings.Builder
	for i := range maxBattleModels + 1 {
		many.WriteString(strings.Replace(ok, `"a"`, `"m`+strings.Repeat("x", i)+`"`, 1))
	}
	if in := importAll(t, map[string]string{"votes.jsonl": many.String()}); len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, "more than 2000 models") {
		t.Errorf("refused %v", in.Refused)
	}
}

// Only files whose first object has the members itself are logs of battles.
func TestHasMembers(t *testing.T) {
	for head, want := range map[string]bool{
		`{"a":1,"b":[{"x":2}],"c":`:      true,
		`{"a":NaN,"b":{"c":1},"c":1`:     true,
		`{"a":1,"x":"b","y":"c"}`:        false,
		`{"a":1,"b":2}` + "\n" + `{"c":`: false,
		`{"x":{"a":1,"b":2,"c":3}}`:      false,
		`{"a":1,"b":"\ud800`:             false,
		`[{"a":1,"b":1,"c":1}]`:          false,
		`{"a" "b" "c"`:                   false,
	} {
		if got := hasMembers([]byte(head), '{', "a", "b", "c"); got != want {
			t.Errorf("hasMembers(%s) = %v, want %v", head, got, want)
		}
	}
	if !hasMembers([]byte(" [ {\"a\":[1,[2]],\"b\":{}"), '[', "a", "b") {
		t.Error("an array's first object was not looked at")
	}
}

func FuzzBattles(f *testing.F) {
	f.Add(true, []byte(battleLines))
	f.Add(false, []byte("["+styledBattle+"]"))
	f.Fuzz(func(t *testing.T, lines bool, data []byte) {
		name := map[bool]string{true: "a.jsonl", false: "a.json"}[lines]
		if _, err := Import(t.Context(), fstest.MapFS{name: {Data: data}}, []string{"."}, nil); err != nil {
			t.Fatal(err)
		}
	})
}
