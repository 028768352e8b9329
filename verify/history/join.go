package history

import (
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// audit is what checks look at.
type audit struct {
	in      *harness.Imported
	runs    map[key][]*harness.Run    // in the order of their files
	byEntry map[string][]*harness.Run // of any board
	results []Row
	boards  []*board // of tables with versions
	trails  map[*board][]*trail
	entries map[string][]tableRow // of tables; made when they are first asked for
	moments map[momentsOf]*moments

	rankings    map[rankingKey]*ranking
	published   map[key]bool // rows of tables
	owners      *owners
	usual       map[tableOf]usual
	weightIndex map[*harness.Weights]map[string]int
	weightBoard map[*harness.Weights]string
	difficulty  *difficulties // nil when nothing says

	fitted  map[fitKey]*fitted
	sources map[*harness.Table]*ratingSource
	rated   map[fitRow]bool

	shareless map[shareColumn]bool
}

// runsOf returns the runs that belong to a table's row: outputs first, which what is
// published of outputs was computed from.
func (a *audit) runsOf(t *harness.Table, entry string) []*harness.Run {
	var runs []*harness.Run
	for _, r := range a.runs[key{harness.AnyBoard, entry}] {
		if r.Format == t.Format {
			runs = append(runs, r)
		}
	}
	return append(runs, a.runs[key{t.Board, entry}]...)
}

// key joins a run with its row of a table.
type key struct{ board, entry string }

func (k key) String() string { return rowName(k.board, k.entry) }

func rowName(board, entry string) string {
	if board == "" || entry == "" {
		return board + entry
	}
	return board + "/" + entry
}

func newAudit(in *harness.Imported) *audit {
	a := &audit{
		in: in, runs: map[key][]*harness.Run{}, byEntry: map[string][]*harness.Run{}, published: map[key]bool{},
		moments: map[momentsOf]*moments{}, rankings: map[rankingKey]*ranking{}, weightIndex: map[*harness.Weights]map[string]int{},
		boards: boards(in), trails: map[*board][]*trail{}, weightBoard: map[*harness.Weights]string{}, usual: usualItems(in.Runs),
		fitted: map[fitKey]*fitted{}, sources: map[*harness.Table]*ratingSource{}, rated: map[fitRow]bool{},
	}
	for _, t := range in.Tables {
		for i := range t.Rows {
			a.published[key{t.Board, t.Rows[i].Entry}] = true
		}
	}
	for _, r := range in.Runs {
		k := key{r.Board, r.Entry}
		a.runs[k] = append(a.runs[k], r)
		a.byEntry[r.Entry] = append(a.byEntry[r.Entry], r)
	}
	a.owners = newOwners(in.Runs)
	a.difficulty = a.findDifficulties()
	return a
}

// rows are first those of tables, then what runs state of themselves, then what
// runs come to that neither has.
func (a *audit) rows() []Row {
	numbers := 0
	for _, t := range a.in.Tables {
		numbers += len(t.Rows) * len(t.Columns)
	}
	rows := make([]Row, 0, min(numbers, 1<<17))
	stated := map[key][]string{} // metrics
	old := superseded(a.boards)
	for _, t := range a.in.Tables {
		if old[t] {
			continue
		}
		first := len(rows)
		for i := range t.Rows {
			rows = a.appendRow(rows, t, &t.Rows[i])
		}
		doubtJudgments(t, rows[first:])
	}
	for _, r := range a.in.Runs {
		for i := range r.Aggregates {
			rows = append(rows, a.aggregateRow(r, &r.Aggregates[i]))
			k := key{r.Board, r.Entry}
			stated[k] = append(stated[k], r.Aggregates[i].Name)
		}
	}
	for _, r := range a.in.Runs {
		k := key{r.Board, r.Entry}
		if r.Board != harness.AnyBoard && !a.published[k] {
			rows = append(rows, a.unpublished(r, stated[k])...)
		}
	}
	for _, log := range a.in.Battles {
		rows = append(rows, a.battleRows(log)...)
	}
	for _, f := range a.in.Refused {
		rows = append(rows, refused(f))
	}
	a.noteImplied(rows)
	return rows
}

// places are the files of runs.
func places(runs ...*harness.Run) []Place {
	var all []Place
	for _, r := range runs {
		for _, f := range r.Files {
			all = append(all, placeOf(f, 0))
		}
	}
	return dedupe(all)
}

func placeOf(f harness.File, line int) Place {
	return Place{Path: f.Path, SHA256: f.SHA256, Line: line}
}

// dedupe keeps the order.
func dedupe(all []Place) []Place {
	seen := map[Place]bool{}
	return slices.DeleteFunc(all, func(p Place) bool {
		was := seen[p]
		seen[p] = true
		return was
	})
}
