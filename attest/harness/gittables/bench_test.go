package gittables

import (
	"fmt"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// BenchmarkHistory reads 2,000 commits of a table of 500 rows, each of which changes one
// row.
func BenchmarkHistory(b *testing.B) {
	repo := newBuilder(b)
	rows := make([]string, 500)
	for i := range rows {
		rows[i] = fmt.Sprintf("model-%d %d.%d", i, i/10, i%10)
	}
	for i := range 2000 {
		rows[i%500] = fmt.Sprintf("model-%d %d.%d", i%500, i%97, i%10)
		repo.commit(map[string]string{"data/t.csv": csv(rows...), "README.md": "x"})
	}
	b.ReportAllocs()
	for b.Loop() {
		r := repo.open()
		files, err := r.FS()
		repo.must(err)
		in, err := harness.Import(b.Context(), files, []string{"."}, nil)
		repo.must(err)
		h, err := r.History(b.Context(), Config{At: ".", Now: in.Tables})
		repo.must(err)
		if h.Versions < 1900 || len(h.Gaps) > 0 {
			b.Fatalf("%d versions, gaps %q", h.Versions, h.Gaps)
		}
	}
}
