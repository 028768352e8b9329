package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest/harness"
)

// fought is a log of so many battles that went so: "a b model_a 30".
func fought(more string, battles ...string) string {
	var b strings.Builder
	for _, line := range battles {
		f := strings.Fields(line)
		n := 0
		if _, err := fmt.Sscan(f[3], &n); err != nil {
			panic(err)
		}
		for range n {
			fmt.Fprintf(&b, `{"model_a":%q,"model_b":%q,"winner":%q%s}`+"\n", f[0], f[1], f[2], more)
		}
	}
	return b.String()
}

// threeModels is a log whose ratings and intervals are known from arena-rank.
var threeModels = fought("",
	"m1 m2 model_a 30", "m1 m2 model_b 20", "m2 m1 tie 10", "m2 m3 model_a 40", "m3 m2 model_a 25", "m2 m3 both_bad 5",
	"m3 m1 model_a 12", "m1 m3 model_a 33", "m1 m3 tie 15")

func auditTexts(t *testing.T, files map[string]string) *Report {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	in, err := harness.Import(t.Context(), fsys, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Refused)+len(in.Unrecognised) > 0 {
		t.Fatalf("refused %v, not recognised %v", in.Refused, in.Unrecognised)
	}
	return Audit(in)
}

func TestBattles(t *testing.T) {
	r := auditTexts(t, map[string]string{"votes.jsonl": threeModels + fought("", "m1 m1 tie 2", "m2 m3 m2 1") + fought(`,"anony":false`, "m1 m2 model_b 4") + fought(`,"anony":false,"id":1`, "m1 m2 model_b 2")})
	want := []string{
		"battles of votes battles 190 of 199 no published row: of 199 in the file; not counted are 2 of a model with itself, 1 whose outcome is not known and 6 that are marked as not anonymous; ratings are Bradley–Terry's, averaging 1000 over the models",
		"battles of votes/m1 rating 1061.90 of 120 no published row: of 120 battles won 63, lost 32, tied 25, and in 0 both were bad",
		"battles of votes/m2 rating 1005.82 of 130 no published row: of 130 battles won 60, lost 55, tied 10, and in 5 both were bad",
		"battles of votes/m3 rating 932.28 of 130 no published row: of 130 battles won 37, lost 73, tied 15, and in 5 both were bad",
	}
	if got := describeRows(r.Rows); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, half := range []float64{37.957934, 37.959523, 37.842882} {
		in, at := r.Rows[i+1].Interval, []float64{1061.895452, 1005.824265, 932.280283}[i]
		if in == nil || in.Low != fmt.Sprintf("%.2f", at-half) || in.High != fmt.Sprintf("%.2f", at+half) {
			t.Errorf("row %d: interval %v, want %f ± %f", i+1, in, at, half)
		}
	}
	for name, want := range map[string]string{
		"missing-items":   `battles of votes: 1 of 199 battles have an outcome that is not known, and do not count: "m2" on line 193 | votes.jsonl`,
		"duplicate-items": "battles of votes: 1 of 199 battles are there again in all their members, and count as often | votes.jsonl:199",
	} {
		if got := found(r, name); len(got) != 1 || got[0] != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
}

func describeRows(rows []Row) []string {
	var all []string
	for _, r := range rows {
		number := r.Recomputed
		if r.Published != "" {
			number = r.Published + " → " + r.Recomputed
		}
		all = append(all, fmt.Sprintf("%s %s %s of %d %s: %s", r.Row, r.Metric, number, r.Items, r.Status, r.Detail))
	}
	return all
}

// One that never lost has no finite rating, and does not keep the others from theirs.
func TestBattlesUnrated(t *testing.T) {
	got := describeRows(auditTexts(t, map[string]string{"votes.jsonl": threeModels + fought("", "best m1 model_a 3", "m3 alone model_b 1")}).Rows)
	if len(got) != 6 || !strings.HasPrefix(got[1], "battles of votes/alone battles 1 of 1 no published row: of 1 battles won 1,") || !strings.Contains(got[2], `battles 3 of 3 no published row: of 3 battles won 3, lost 0, tied 0, and in 0 both were bad; no finite ratings: "best"`) ||
		!strings.HasPrefix(got[3], "battles of votes/m1 rating 1061.90 of 123") {
		t.Errorf("rows\n%s", strings.Join(got, "\n"))
	}
}

func catalog(ratings ...string) string {
	var rows []string
	for _, r := range ratings {
		f := strings.Fields(r)
		rows = append(rows, fmt.Sprintf(`%q:{"rating":%s,"rating_q025":0,"rating_q975":2000}`, f[0], f[1]))
	}
	return `{"full":{` + strings.Join(rows, ",\n") + "}}"
}

// A table's ratings are those of a log but for one shift of all, or nothing can be said.
func TestBattlesTable(t *testing.T) {
	log := threeModels + fought("", "m4 m1 model_a 5", "m4 m2 model_b 9", "m4 m3 tie 4", "m4 m3 model_b 7")
	named := log + fought(`,"anony":false`, "m1 m2 model_b 40", "m3 m2 model_a 15")
	plain := []string{"m1 1090.45", "m2 1059.18", "m3 984.38", "m4 865.99"}
	const all, anonymous = "most ratings of the table come out of every battle", "most ratings of the table come out of every battle that is not marked as not anonymous"
	for _, c := range []struct {
		name, log, file string
		rows            []string
		status          []Status
		detail          []string
	}{
		{"as it is", log, "", plain, []Status{Reproduced, Reproduced, Reproduced, Reproduced}, []string{all + ", averaging 1000 over the models"}},
		{"anonymous", named, "", plain, []Status{Reproduced, Reproduced, Reproduced, Reproduced}, []string{anonymous + ", averaging 1000 over the models"}},
		{"shifted", log, "", []string{"m1 1190.5", "m2 1159.2", "m3 1084.4", "m4 966.0"}, []Status{Reproduced, Reproduced, Reproduced, Reproduced}, []string{"added to all: only differences"}},
		{"one is another", log, "", []string{"m1 1090.45", "m2 1059.18", "m3 1004.38", "m4 865.99"}, []Status{Reproduced, Reproduced, Differs, Reproduced}, []string{"", "", "differs by -19.998309; " + all}},
		{"one is near", log, "", []string{"m1 1090.45", "m2 1059.18", "m3 993.88", "m4 865.99"}, []Status{Reproduced, Reproduced, NotComputable, Reproduced}, []string{"", "", "so near that the table's program may have stopped there"}},
		{"two are very near", log, "", []string{"m1 1090.45", "m2 1059.18", "m3 984.53", "m4 866.14"}, []Status{NotComputable, NotComputable, Reproduced, Reproduced}, []string{"comes to 1090.59", "so near that"}},
		{"two are others", log, "", []string{"m1 1090.45", "m2 1079.18", "m3 1004.38", "m4 865.99"}, []Status{NotComputable, NotComputable, NotComputable, NotComputable}, []string{"of 2 ways to count them the nearest gives 2 of its 4 ratings; which battles the table is of is not in the files"}},
		{"in whole numbers", log, "", []string{"m1 1191", "m2 1159", "m3 1085", "m4 966"}, []Status{Reproduced, Reproduced, Reproduced, Reproduced}, nil},
		{"anchored", strings.ReplaceAll(log, "m2", anchor), "", []string{"m1 1145.27", anchor + " 1114.00", "m3 1039.20", "m4 920.81"}, []Status{Reproduced, Reproduced, Reproduced, Reproduced}, []string{", with mixtral-8x7b-instruct-v0.1 at 1114"}},
		{"one has no rating", log + fought("", "m5 m1 model_a 3"), "", append(plain, "m5 2000"), []Status{Reproduced, Reproduced, Reproduced, Reproduced, NotComputable}, []string{"", "", "", "", `no finite ratings: "m5"`}},
		{"three of five", log, "", []string{"m1 1090.45", "m2 1059.18", "m3 984.38", "m4 905.99", "m5 1000"}, []Status{NotComputable, NotComputable, NotComputable, NotComputable, NotComputable}, []string{"the nearest gives 3 of its 5 ratings"}},
		{"one is not in the log", log, "", []string{"m1 1090.45", "m2 1059.18", "m3 984.38", "m5 865.99"}, []Status{Reproduced, Reproduced, Reproduced, NotComputable}, []string{"", "", "", "this model has no battle that counts"}},
		{"other models", log, "", []string{"m1 1090.45", "n2 1059.18", "n3 984.38"}, []Status{NotComputable, NotComputable, NotComputable}, []string{"no log of battles of its models was found"}},
		{"style", log, "-style-control", plain, []Status{NotComputable, NotComputable, NotComputable, NotComputable}, []string{"not every battle in votes.jsonl says the style of its answers"}},
	} {
		r := auditTexts(t, map[string]string{"votes.jsonl": c.log, "leaderboard-text" + c.file + ".json": catalog(c.rows...)})
		for i, want := range c.status {
			row := r.Rows[i]
			if row.Status != want || i < len(c.detail) && !strings.Contains(row.Detail, c.detail[i]) || want == Reproduced && row.Published != row.Recomputed {
				t.Errorf("%s: %s", c.name, describeRows(r.Rows[i : i+1])[0])
			}
		}
		if c.status[0] == Reproduced {
			for _, row := range r.Rows[len(c.rows):] {
				if row.Metric == "rating" && !strings.Contains(c.name, "not in the log") {
					t.Errorf("%s: %s, which the table has", c.name, row.Row)
				}
			}
		}
	}
}

// A table is tried with both programs' ways.
func TestBattlesWays(t *testing.T) {
	var b strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		i := min(r.IntN(4), r.IntN(4))
		j := (i + 1 + r.IntN(3)) % 4
		x, y := 50+r.IntN(400), 50+r.IntN(400)
		winner := "model_b"
		if r.Float64() < 1/(1+math.Exp(0.3*float64(j-i)+float64(y-x)/300)) {
			winner = "model_a"
		}
		fmt.Fprintf(&b, `{"model_a":"m%d","model_b":"m%d","winner":%q,"anony":%t,"conv_metadata":{"sum_assistant_a_tokens":%d,"sum_assistant_b_tokens":%d,"header_count_a":{"h1":%d},"header_count_b":{},"list_count_a":{},"list_count_b":{"ordered":%d},"bold_count_a":{},"bold_count_b":{}}}`+"\n",
			i, j, winner, r.IntN(4) > 0, x, y, r.IntN(3), r.IntN(3))
	}
	in, err := harness.Import(t.Context(), fstest.MapFS{"votes.jsonl": {Data: []byte(b.String())}}, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := map[bool]string{false: "leaderboard-text.json", true: "leaderboard-text-style-control.json"}
	for _, w := range append(waysOf(in.Battles[0], false), waysOf(in.Battles[0], true)...) {
		f := newFitted(in.Battles[0], w)
		var rows []string
		for i := range 4 {
			name := fmt.Sprint("m", i)
			rows = append(rows, fmt.Sprintf("%s %.4f", name, f.ratings[name].Mean))
		}
		got := auditTexts(t, map[string]string{"votes.jsonl": b.String(), file[w.styled]: catalog(rows...)})
		for _, row := range got.Rows[:4] {
			if row.Status != Reproduced || !strings.Contains(row.Detail, "come out of "+w.String()) {
				t.Errorf("%v: %s", w, describeRows([]Row{row})[0])
			}
		}
		plain, apart := newFitted(in.Battles[0], usualWay), 0.0
		for name, e := range f.ratings {
			apart = max(apart, math.Abs(plain.ratings[name].Mean-e.Mean))
		}
		if w != usualWay && apart < 2*fitNoise {
			t.Errorf("%v: it makes no difference", w)
		}
	}
}

// A row that is there again says nothing more of where ratings come from.
func TestBattlesRowAgain(t *testing.T) {
	in, err := harness.Import(t.Context(), fstest.MapFS{"votes.jsonl": {Data: []byte(threeModels)}}, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := table("Arena text", "rating", "m1 1061.90", "m1 1061.90", "m1 1061.90")
	again.Columns[0].Metric = &harness.Metric{Name: "rating", Rule: harness.Rating}
	in.Tables = append(in.Tables, again)
	if row := Audit(in).Rows[0]; row.Status != NotComputable || !strings.Contains(row.Detail, "the nearest gives 1 of its 3 ratings") {
		t.Errorf("row %v", row)
	}
}
