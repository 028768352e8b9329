package history

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest/harness"
)

// auditMap audits made-up files.
func auditMap(t *testing.T, files map[string]string) *Report {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	in, err := harness.Import(t.Context(), fsys, []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Audit(in)
}

// eee is a record of one result, and its instances: each row is an id and a grade.
func eee(config, details string, total int, rows ...string) map[string]string {
	record := fmt.Sprintf(`{"schema_version":"0.3.0","evaluation_id":"e","source_metadata":{},"model_info":{"id":"org/tiny"},"evaluation_results":[{"evaluation_result_id":"r","evaluation_name":"bench",`+
		`"metric_config":{"metric_name":"accuracy","metric_kind":"accuracy"%s},"score_details":{%s}}]`, config, details)
	files := map[string]string{}
	if total > 0 {
		record += fmt.Sprintf(`,"detailed_evaluation_results":{"file_path":"x_samples.jsonl","total_rows":%d}`, total)
		for _, row := range rows {
			id, grade, _ := strings.Cut(row, " ")
			files["x_samples.jsonl"] += fmt.Sprintf(`{"schema_version":"0.3.0","evaluation_result_id":"r","sample_id":%q,"evaluation":{"score":%s}}`+"\n", id, grade)
		}
	}
	files["x.json"] = record + "}"
	return files
}

func TestOutsideItsRange(t *testing.T) {
	for _, c := range []struct {
		config, score, want string
	}{
		{`,"min_score":0,"max_score":1`, "-1", "the file says that it is from 0 to 1; -1 is often written where there is no score; no item has a value"},
		{`,"min_score":0`, "-1", "the file says that it is 0 at least; -1 is"},
		{`,"max_score":1`, "1.5", "the file says that it is 1 at most; "},
		{`,"min_score":0,"max_score":1`, "0.5", ""},
		{``, "-1", ""},
	} {
		r := auditMap(t, eee(c.config, `"score":`+c.score, 0))
		row := r.Rows[0]
		if c.want == "" && row.Status != NotComputable || c.want != "" && (row.Status != Impossible || !strings.HasPrefix(row.Detail, c.want)) {
			t.Errorf("%s %s: %s, %s", c.config, c.score, row.Status, row.Detail)
		}
		if found := len(r.Findings) > 0 && r.Findings[0].Name == "impossible-score"; found != (c.want != "") {
			t.Errorf("%s %s: findings %+v", c.config, c.score, r.Findings)
		}
	}
}

// Rows that nothing tells apart accuse nobody.
func TestDoubt(t *testing.T) {
	r := auditMap(t, eee("", `"score":0.75,"uncertainty":{"num_samples":2}`, 3, "a 1", "a 0", "b 0"))
	if row := r.Rows[0]; row.Status != NotComputable || row.Recomputed != "" || !strings.HasPrefix(row.Detail, "the 2 samples have 3 rows, and nothing says what tells those of one apart") {
		t.Errorf("%s, %s", row.Status, row.Detail)
	}
	if len(r.Findings) > 0 {
		t.Errorf("findings %+v", r.Findings)
	}
	r = auditMap(t, eee("", `"score":0.25,"uncertainty":{"num_samples":2}`, 3, "a 1", "a 0", "b 0"))
	if row := r.Rows[0]; row.Status != Reproduced {
		t.Errorf("the mean of items: %s, %s", row.Status, row.Detail)
	}
}

// An analytic standard error may be with n or with n−1.
func TestEitherN(t *testing.T) {
	for se, want := range map[string]Status{"0.25": Reproduced, "0.28867513459481287": Reproduced, "0.2611": Differs} {
		details := `"score":0.5,"uncertainty":{"num_samples":4,"standard_error":{"value":` + se + `,"method":"analytic"}}`
		r := auditMap(t, eee("", details, 4, "a 1", "b 0", "c 1", "d 0"))
		if len(r.Rows) != 2 || r.Rows[1].Status != want {
			t.Errorf("%s: %+v, want %s", se, r.Rows, want)
		}
	}
}

// A column of which most numbers are no shares is a mean of another kind.
func TestNoShares(t *testing.T) {
	table := func(rows ...string) map[string]string {
		return map[string]string{"t.csv": "model,accuracy,n,accuracy_se\n" + strings.Join(rows, "\n") + "\n"}
	}
	macro := auditMap(t, table("a,64.93,500,1.234", "b,70.21,500,1.1", "c,55.57,500,1.7", "d,50.2,500,0.3"))
	if len(macro.Findings) > 0 {
		t.Errorf("findings %+v", macro.Findings)
	}
	for _, row := range macro.Rows {
		if row.Status == Impossible {
			t.Errorf("%+v", row)
		}
	}
	if !strings.Contains(macro.Rows[0].Detail, "it may be a mean of another kind") {
		t.Errorf("%+v", macro.Rows[0])
	}
	one := auditMap(t, table("a,64.93,500,", "b,70.2,500,", "c,55.6,500,", "d,50.2,500,"))
	if one.Rows[0].Status != Impossible {
		t.Errorf("one of four: %+v", one.Rows[0])
	}
}

// A table that states errors and no sizes says by them how many items there were.
func TestErrorsWithoutSizes(t *testing.T) {
	rows := []string{"model,accuracy,accuracy_stderr"}
	for i := range 6 {
		p := float64(100+37*i) / 400
		rows = append(rows, fmt.Sprintf("m%d,%.10f,%.10f", i, p, errorOf(p, 400)))
	}
	rows = append(rows, fmt.Sprintf("odd,%.10f,%.10f", 0.3, errorOf(0.3, 250)), "boot,0.5,0.0123456789")
	r := auditMap(t, map[string]string{"t.csv": strings.Join(rows, "\n") + "\n"})
	var found []string
	for _, f := range r.Findings {
		found = append(found, f.Name+" "+f.Row)
	}
	if strings.Join(found, ", ") != "implied-n t/odd" {
		t.Errorf("findings %+v", r.Findings)
	}
	if !strings.Contains(r.Rows[0].Detail, "its standard error implies 400 items") {
		t.Errorf("%+v", r.Rows[0])
	}
}

// errorOf is the standard error of a share, with n−1.
func errorOf(p, n float64) float64 { return math.Sqrt(p * (1 - p) / (n - 1)) }
