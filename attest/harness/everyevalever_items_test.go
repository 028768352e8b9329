package harness

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// eeeRow is a line of instances: id, score, is_correct and what its metadata says.
func eeeRow(id string, score float64, correct bool, metadata string) string {
	return fmt.Sprintf(`{"schema_version":"0.3.0","evaluation_result_id":"r1","evaluation_name":"bench","sample_id":%q,"evaluation":{"score":%v,"is_correct":%v},"metadata":{%s}}`+"\n",
		id, score, correct, metadata)
}

// Converters write a row for each epoch, and for other wordings of an item too.
func TestEveryEvalEverSamples(t *testing.T) {
	epochs := func(n ...int) (rows string) {
		for _, e := range n {
			rows += eeeRow("a", 1, true, fmt.Sprintf(`"epoch":"%d"`, e)) + eeeRow("b", 0, false, fmt.Sprintf(`"epoch":"%d"`, e))
		}
		return rows
	}
	unmarked := eeeRow("a", 1, true, "") + eeeRow("a", 0, false, "") + eeeRow("b", 0, false, "")
	for _, c := range []struct {
		name, rows string
		total      int
		want       []Item
		dataset    int
		doubt      bool
	}{
		{"epochs", epochs(1, 2), 4, []Item{{ID: "a", Values: []float64{1, 1}}, {ID: "b", Values: []float64{0, 0}}}, 2, false},
		{"an epoch twice", epochs(1, 1), 4, []Item{{ID: "a", Values: []float64{1, 1}}, {ID: "b", Values: []float64{0, 0}}}, 2, true},
		{"rows that nothing tells apart", unmarked, 3, []Item{{ID: "a", Values: []float64{1, 0}}, {ID: "b", Values: []float64{0}}}, 2, true},
		{"a row that came later", unmarked, 2, []Item{{ID: "a", Values: []float64{1}}, {ID: "a", Values: []float64{0}}, {ID: "b", Values: []float64{0}}}, 2, false},
	} {
		record := strings.Replace(eeeRecord(""), `"total_rows":2`, fmt.Sprintf(`"total_rows":%d`, c.total), 1)
		r := importOne(t, map[string]string{"d/x.json": record, "d/x_samples.jsonl": c.rows})
		got := itemsOf(r)
		for i := range got {
			got[i].Output = Digest{}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: items (-want +got):\n%s", c.name, diff)
		}
		if r.Dataset.Items != c.dataset || (r.Aggregates[0].Doubt != "") != c.doubt {
			t.Errorf("%s: %d items are said to be there, doubt %q", c.name, r.Dataset.Items, r.Aggregates[0].Doubt)
		}
	}
}

// Several results can have one name; and one whose rows are not there loses none.
func TestEveryEvalEverSeveral(t *testing.T) {
	again := `"evaluation_results":[{"evaluation_result_id":"r1","evaluation_name":"bench","score_details":{"score":0.2}},`
	in := importAll(t, map[string]string{"d/x.json": strings.Replace(eeeRecord(""), `"evaluation_results":[`, again, 1), "d/x_samples.jsonl": eeeInstances})
	if len(in.Refused) > 0 || len(in.Runs) != 2 || in.Runs[0].Items.Len() != 0 || in.Runs[1].Items.Len() != 0 {
		t.Fatalf("refused %v, runs %v", in.Refused, in.Runs)
	}
	if a := in.Runs[1].Absent; !strings.HasPrefix(a[len(a)-1], "which result 2 of the rows belong to") || len(in.Runs[1].Notices) > 0 {
		t.Errorf("absent %q, notices %v", a, in.Runs[1].Notices)
	}
}

func TestEveryEvalEverGrades(t *testing.T) {
	rows := eeeRow("a", 1, false, "") + eeeRow("b", 0, true, "")
	in := importAll(t, map[string]string{"d/x.json": eeeRecord(""), "d/x_samples.jsonl": rows})
	if diff := cmp.Diff([]string{`grade-differs: in 2 rows is_correct says another thing than the score: sample_id "a", "b"`}, notices(in)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	lower := strings.Replace(eeeRecord(""), `"metric_kind":"accuracy"`, `"metric_kind":"accuracy","lower_is_better":true`, 1)
	if got := notices(importAll(t, map[string]string{"d/x.json": lower, "d/x_samples.jsonl": rows})); len(got) > 0 {
		t.Errorf("where less is better: %q", got)
	}
}

func TestEveryEvalEverRange(t *testing.T) {
	with := func(more string) *Run {
		return importOne(t, map[string]string{"x.json": strings.Replace(eeeRecord(""), `"metric_kind":"accuracy"`, `"metric_kind":"accuracy"`+more, 1)})
	}
	if w := with(`,"min_score":0.0,"max_score":1.0`).Aggregates[0].Within; w == nil || *w != [2]float64{0, 1} {
		t.Errorf("within %v", w)
	}
	for _, none := range []string{``, `,"min_score":null,"max_score":"Infinity"`, `,"min_score":1,"max_score":0`} {
		if w := with(none).Aggregates[0].Within; w != nil {
			t.Errorf("%s: within %v", none, w)
		}
	}
	schema := `{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"schema_version": {}, "evaluation_id": {}, "source_metadata": {}}}`
	if in := importAll(t, map[string]string{"eval.schema.json": schema}); len(in.Unrecognised) != 1 {
		t.Errorf("a schema is read as a record: %+v", in.Refused)
	}
}

func TestLineEnds(t *testing.T) {
	for _, text := range []string{"a\nb\r\nc\r", "\r\n\r\n", "\r\r\n", "a", ""} {
		for size := 1; size < 5; size++ {
			var unix, dos recorder
			u, d := &lineEnds{Hash: &unix}, &lineEnds{Hash: &dos, end: "\r\n"}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				io.WriteString(io.MultiWriter(u, d), rest[:n])
				rest = rest[n:]
			}
			u.Sum(nil)
			d.Sum(nil)
			want := strings.ReplaceAll(text, "\r\n", "\n")
			if string(unix.text) != want || string(dos.text) != strings.ReplaceAll(want, "\n", "\r\n") {
				t.Errorf("%q by %d: %q and %q", text, size, unix.text, dos.text)
			}
		}
	}
}

// recorder is a hash that keeps what it is of.
type recorder struct{ text []byte }

func (r *recorder) Write(p []byte) (int, error) { r.text = append(r.text, p...); return len(p), nil }
func (r *recorder) Sum(b []byte) []byte         { return b }
func (r *recorder) Reset()                      {}
func (r *recorder) Size() int                   { return 0 }
func (r *recorder) BlockSize() int              { return 1 }
