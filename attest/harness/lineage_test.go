package harness

import (
	"os"
	"testing"
)

func TestReadsTables(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       bool
	}{
		{"a/weighted_leaderboard.csv", ",win_rate,n_total\n", true},
		{"leaderboards.json", `{"leaderboards":[{"name":"Lite","results":[]}]}`, true},
		{"leaderboard-text.json", `{"full":{"m":{"rating":1,"rating_q025":0,"rating_q975":2}}}`, true},
		{"polyglot.yml", "- dirname: a\n  test_cases: 1\n  model: m\n  pass_rate_1: 1\n", true},
		{"results.csv", "model,accuracy,n\nm,0.5,2\n", true},
		{"README.md", "| Strategy | Pass^1 |\n|--|--|\n| TC (m) | 0.5 |\n", true},
		{"m_eval_results.json", `{"date":"2025-01-01 10:00","hash":"x","eval":{}}`, false},
		{"main.go", "package main\n", false},
	} {
		if got := ReadsTables(c.name, []byte(c.head)); got != c.want {
			t.Errorf("ReadsTables(%s) = %t, want %t", c.name, got, c.want)
		}
	}
}

// Every importer that gives tables says so: what does not is not followed through a
// history.
func TestTablesAreDeclared(t *testing.T) {
	if _, err := os.Stat(shared + "evals"); err != nil {
		t.Skip("the real data are not here")
	}
	in, err := Import(t.Context(), os.DirFS(shared+"evals"), []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Tables) == 0 {
		t.Fatal("no tables")
	}
	for _, table := range in.Tables {
		first, err := head(os.DirFS(shared+"evals"), table.File.Path)
		if err != nil || !ReadsTables(table.File.Path, first) {
			t.Errorf("%s gives a table, and its importer does not say so: %v", table.File.Path, err)
		}
	}
}
