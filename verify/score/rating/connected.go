package rating

import (
	"fmt"
	"slices"
	"strings"
)

// UnratedError says that battles give no finite ratings: some competitors never lost
// or never won against all others, or never met them, so that any distance between
// the two groups, however large, fits better than a smaller one. Without the named
// competitors, which are the smaller group, the others may have ratings.
type UnratedError struct {
	Names []string
	Of    int // competitors in all
	How   string
}

func (e *UnratedError) Error() string {
	var some []string
	for _, name := range e.Names[:min(3, len(e.Names))] {
		some = append(some, fmt.Sprintf("%.80q", name))
	}
	names := strings.Join(some, ", ")
	if more := len(e.Names) - len(some); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("no finite ratings: %s %s the other %d competitor(s)", names, e.How, e.Of-len(e.Names))
}

// graph finds out whether everybody can be compared with everybody: over pairs of
// which the first won or tied at least once, each competitor reaches every other
// (Ford, American Mathematical Monthly 64, 1957).
type graph struct {
	start []int32 // by competitor, where its rows begin in at
	at    []int32
	seen  []bool
	queue []int32
}

func newGraph(n int, rows []row) *graph {
	g := &graph{start: make([]int32, n+1), at: make([]int32, 2*len(rows)), seen: make([]bool, n)}
	for _, r := range rows {
		g.start[r.a+1]++
		g.start[r.b+1]++
	}
	for i := range n {
		g.start[i+1] += g.start[i]
	}
	next := slices.Clone(g.start)
	for i, r := range rows {
		g.at[next[r.a]], g.at[next[r.b]] = int32(i), int32(i)
		next[r.a]++
		next[r.b]++
	}
	return g
}

// check returns an UnratedError if the rows, which are the graph's but for their
// counts, give no finite ratings.
func (g *graph) check(names []string, rows []row) error {
	for _, outcome := range []Outcome{Won, Lost} {
		if g.reach(rows, outcome) == len(g.seen) {
			continue
		}
		return g.unrated(names, rows, outcome)
	}
	return nil
}

// reach marks whom the first competitor is linked to by battles with the outcome, or
// tied, and returns how many they are.
func (g *graph) reach(rows []row, outcome Outcome) int {
	clear(g.seen)
	g.seen[0] = true
	g.queue = append(g.queue[:0], 0)
	for done := 0; done < len(g.queue) && len(g.queue) < len(g.seen); done++ {
		from := g.queue[done]
		for _, i := range g.at[g.start[from]:g.start[from+1]] {
			r := &rows[i]
			to, count := r.b, r.count[outcome]
			if to == from {
				to, count = r.a, r.count[Won-outcome]
			}
			if count+r.count[Tied] > 0 && !g.seen[to] {
				g.seen[to] = true
				g.queue = append(g.queue, to)
			}
		}
	}
	return len(g.queue)
}

// unrated names the smaller of the two groups that reach left: those seen never had
// the outcome, nor tied, with the others.
func (g *graph) unrated(names []string, rows []row, outcome Outcome) error {
	var groups [2][]string
	for i, seen := range g.seen {
		k := 0
		if seen {
			k = 1
		}
		groups[k] = append(groups[k], names[i])
	}
	e := &UnratedError{Of: len(names), How: "never met"}
	met := slices.ContainsFunc(rows, func(r row) bool {
		return g.seen[r.a] != g.seen[r.b] && r.count != [3]uint32{}
	})
	smaller := 0
	if len(groups[1]) < len(groups[0]) {
		smaller = 1
	}
	e.Names = groups[smaller]
	if met {
		e.How = "never lost or tied against"
		if (outcome == Won) == (smaller == 1) {
			e.How = "never won or tied against"
		}
	}
	return e
}
