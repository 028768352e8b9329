package history

import (
	"fmt"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

// A leaderboard of 10,000 rows, without results and with ten of each.
func BenchmarkTable(b *testing.B) {
	var lines []string
	var runs []any
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("m%d 62.5 23.935677693908453 2 1 1 4 62.5 11", i))
		runs = append(runs, results("j", fmt.Sprint("m", i), varied(10, uint64(i))...))
	}
	t := table("j", "win_rate standard_error n_wins n_wins_base n_draws n_total discrete_win_rate avg_length", lines...)
	for name, in := range map[string]*harness.Imported{"alone": imported(t), "results": imported(append(runs, t)...)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n := len(Audit(in).Rows); n != 80_000 {
					b.Fatalf("%d rows", n)
				}
			}
		})
	}
}
