package history

import (
	"fmt"
	"testing"

	"github.com/proctor-attest/proctor/attest/harness"
)

func named(r *harness.Run, of, member, name string) *harness.Run {
	r.Names = append(r.Names, harness.Naming{Of: of, Member: member, Name: name, Items: r.Items.Len()})
	return r
}

func TestIdenticalEvidence(t *testing.T) {
	wins := varied(20, 1)
	files := " | results/a/j.json | results/b/j.json"
	a, b := results("j", "a", wins...), results("j", "b", wins...)
	wantFound(t, "identical-evidence", imported(a, b),
		"j/a: the results of all 20 items are those of j/b"+files, "j/b: the results of all 20 items are those of j/a"+files)

	// The row whose name stands beside the items has what is its own.
	named(a, harness.OfModel, "generator", "b")
	named(b, harness.OfModel, "generator", "b")
	wantFound(t, "identical-evidence", imported(a, b), "j/a: the results of all 20 items are those of j/b"+files)

	// The same row in two files is one row, and different results are no evidence.
	wantFound(t, "identical-evidence", imported(results("j", "a", wins...), results("j", "a", wins...)))
	wantFound(t, "identical-evidence", imported(results("j", "a", wins...), results("j", "b", varied(20, 2)...)))
	// Nor is what many have: all lost, or a few items.
	wantFound(t, "identical-evidence", imported(results("j", "a", make([]float64, 500)...), results("j", "b", make([]float64, 500)...)))
	wantFound(t, "identical-evidence", imported(results("j", "a", 1, 0, 1), results("j", "b", 1, 0, 1)))
}

// The order of items and their form make no difference; nearly all answers are enough.
func TestSameAnswers(t *testing.T) {
	turned := results("j", "b")
	wins := varied(20, 1)
	for i := len(wins) - 1; i >= 0; i-- {
		addItem(turned, harness.Item{ID: fmt.Sprint("item-", i), Values: []float64{wins[i], float64(10 + i)}})
	}
	wantFound(t, "identical-evidence", imported(named(results("j", "a", wins...), harness.OfModel, "m", "a"), named(turned, harness.OfModel, "m", "a")),
		"j/b: the results of all 20 items are those of j/a | results/a/j.json | results/b/j.json")

	var a, b, letters []string
	for i := range 20 {
		a, b, letters = append(a, fmt.Sprint("answer ", i)), append(b, fmt.Sprint("answer ", i)), append(letters, "A")
	}
	b[3], b[4] = "another", "one more"
	wantFound(t, "identical-evidence", imported(answered("j", "a", a...), answered("j", "b", b...)),
		`j/a: 18 of 20 answers are, to the letter, those of "b" | results/a/j.json | results/b/j.json`,
		`j/b: 18 of 20 answers are, to the letter, those of "a" | results/b/j.json | results/a/j.json`)
	// A few answers are enough if all else is the same; in another table they must be.
	few := []string{"one", "two", "three", "four"}
	wantFound(t, "identical-evidence", imported(answered("j", "a", few...), answered("j", "b", few...)),
		"j/a: the results of all 4 items are those of j/b | results/a/j.json | results/b/j.json",
		"j/b: the results of all 4 items are those of j/a | results/a/j.json | results/b/j.json")
	wantFound(t, "identical-evidence", imported(answered("j", "a", few...), answered("k", "a", few...)))
	b[5] = "a third"
	wantFound(t, "identical-evidence", imported(answered("j", "a", a...), answered("j", "b", b...)))
	wantFound(t, "identical-evidence", imported(answered("j", "a", letters...), answered("j", "b", letters...)))
}

func TestGeneratorMismatch(t *testing.T) {
	r := named(results("j", "tiny-7b", 1, 0), harness.OfModel, "generator_2", "tiny-40b")
	wantFound(t, "generator-mismatch", imported(r),
		`j/tiny-7b: the row is "tiny-7b", and generator_2 beside 2 of 2 items is "tiny-40b" | results/tiny-7b/j.json`)
	wantFound(t, "generator-mismatch", imported(r, results("j", "tiny-40b", 0, 1)),
		`j/tiny-7b: the row is "tiny-7b", and generator_2 beside 2 of 2 items is "tiny-40b", which has a row of its own | results/tiny-7b/j.json`)
	named(r, harness.OfModel, "generator_2", "b")
	named(r, harness.OfModel, "generator_2", "c")
	named(r, harness.OfModel, "generator_2", "d")
	wantFound(t, "generator-mismatch", imported(r),
		`j/tiny-7b: the row is "tiny-7b", and generator_2 beside 2 of 2 items is "tiny-40b", beside 2 "b", beside 2 "c", and others | results/tiny-7b/j.json`)
	for _, same := range []string{"tiny-7b", "Tiny-7B", "org/tiny-7b", "tiny_7b", "tiny 7b"} {
		wantFound(t, "generator-mismatch", imported(named(results("j", "tiny-7b", 1), harness.OfModel, "generator_2", same)))
	}
	wantFound(t, "generator-mismatch", imported(named(results("j", "a", 1), harness.OfBaseline, "generator_1", "b")))
}

func TestJudgeMismatch(t *testing.T) {
	r := named(results("j", "a", 1, 0), harness.OfJudge, "annotator", "k")
	wantFound(t, "judge-mismatch", imported(r)) // nothing says who should have judged
	r.Judge = "j"
	wantFound(t, "judge-mismatch", imported(r), `j/a: the table is of the judge "j", and annotator beside 2 of 2 items is "k" | results/a/j.json`)
	r.Names[0].Name = "j"
	wantFound(t, "judge-mismatch", imported(r))
}

// answered are results whose answers are shown.
func answered(board, entry string, answers ...string) *harness.Run {
	r := results(board, entry)
	for i, text := range answers {
		addItem(r, harness.Item{ID: fmt.Sprint("item-", i), Values: []float64{1, float64(len(text))}, Output: harness.TextDigest([]byte(text))})
	}
	return r
}

func TestOutputsDiffer(t *testing.T) {
	own, graded := answered(harness.AnyBoard, "a", "x", "y", "zz"), answered("j", "a", "x", "u", "v")
	wantFound(t, "outputs-differ", imported(own, graded), "j/a: 2 of 3 answers are other than in results/a/*.json | results/a/j.json | results/a/*.json")
	wantFound(t, "outputs-differ", imported(own, graded, answered(harness.AnyBoard, "b", "x", "u", "v")),
		`j/a: 2 of 3 answers are other than in results/a/*.json; 3 are those of "b" | results/a/j.json | results/a/*.json`)
	wantFound(t, "outputs-differ", imported(own, answered("j", "a", "x", "y", "zz"), answered("j", "b", "p", "q", "r")))

	// What is missing on one side is not another answer.
	wantFound(t, "outputs-differ", imported(own, answered("j", "a", "x", "y")))

	// Without the answers their lengths tell; of two tables the one with another name.
	wantFound(t, "outputs-differ", imported(results("j", "a", 1, 0), results("k", "a", 0, 0)))
	longer := named(results("k", "a", 1), harness.OfModel, "generator", "b")
	addItem(longer, harness.Item{ID: "item-1", Values: []float64{1, 99}})
	wantFound(t, "outputs-differ", imported(results("j", "a", 1, 0), longer),
		"k/a: 1 of 2 answers have another length than in results/a/j.json | results/a/k.json | results/a/j.json")
}

func TestAggregateDiffers(t *testing.T) {
	wantFound(t, "aggregate-differs", imported(results("j", "a", 1, 0, 1, 1), table("j", "win_rate n_wins n_total", "a 70.0 2 4")),
		"j/a: win_rate is published as 70.0 and comes to 75; n_wins is published as 2 and comes to 3 | j.csv:2 | results/a/j.json")
	wantFound(t, "aggregate-differs", imported(results("j", "a", 1, 0, 1, 1), table("j", "win_rate n_wins n_total", "a 75.0 3 4")))
}

// A row can contradict itself where there are no results.
func TestCounts(t *testing.T) {
	const columns = "win_rate standard_error n_wins n_wins_base n_draws n_total discrete_win_rate"
	why := " (by the row's own wins, losses and draws, as no per-item results were found) | j.csv:2"
	for row, want := range map[string]string{
		"a 62.5 23.935677693908453 2 1 1 4 62.5": "",
		"a 62.5 23.935677693908453 2 1 1 5 62.5": "j/a: n_total is published as 5 and comes to 4" + why,
		"a 62.5 23.935677693908453 2 1 1 4 61.5": "j/a: discrete_win_rate is published as 61.5 and comes to 62.5" + why,
		"a 62.5 20.7 2 1 1 4 62.5":               "j/a: standard_error is published as 20.7 and comes to 23.935678" + why,
		"a 60.1 20.7 2 1 1 4 62.5":               "", // weighted: the counts do not say what the error is
		"a 62.5 20.7 2 x 1 4 61.5":               "",
	} {
		if want == "" {
			wantFound(t, "aggregate-differs", imported(table("j", columns, row)))
		} else {
			wantFound(t, "aggregate-differs", imported(table("j", columns, row)), want)
		}
	}
	for _, row := range Audit(imported(table("j", columns, "a 62.5 23.935677693908453 2 1 1 4 62.5"))).Rows {
		if row.Status != NotComputable {
			t.Errorf("%s: %s by its own counts, want %s", row.Metric, row.Status, NotComputable)
		}
	}
}

func TestMissingItems(t *testing.T) {
	var things []any
	for i := range 5 {
		things = append(things, results("j", fmt.Sprint("m", i), 1, 0, 1, 0))
	}
	short := results("j", "short", 1, 0, 1)
	null := results("j", "null", 1, 0, 1)
	addItem(null, harness.Item{ID: "item-3", Values: []float64{harness.NoValue, 3}})
	wantFound(t, "missing-items", imported(append(things, short, null)...),
		"j/null: 3 of 4 items have a result, in the file without one: 1; their win_rate is 66.6667, and of all it is from 50.0000 to 75.0000 | results/null/j.json",
		"j/short: 3 of 4 items have a result (6 of 7 results of this table have so many); their win_rate is 66.6667, and of all it is from 50.0000 to 75.0000 | results/short/j.json")

	// Without a table of the like, only what is stated counts.
	wantFound(t, "missing-items", imported(short, results("j", "m", 1, 0, 1, 0)))
	stated := table("j", "win_rate", "short 66.7")
	stated.Items = 5
	wantFound(t, "missing-items", imported(short, stated),
		"j/short: 3 of 5 items have a result (the table states the number); their win_rate is 66.6667, and of all it is from 40.0000 to 80.0000 | results/short/j.json")
	own := results("", "", 5, 6)
	own.Dataset.Items = 3
	wantFound(t, "missing-items", imported(own), "results//.json: 2 of 3 items have a result (the file states the number) | results//.json")
}

func TestDuplicateItems(t *testing.T) {
	r := results("j", "a", 1, 0, 1)
	wantFound(t, "duplicate-items", imported(r))
	addItem(r, harness.Item{ID: "item-1", Values: []float64{1, 1}})
	addItem(r, harness.Item{ID: "item-1", Values: []float64{1, 1}})
	addItem(r, harness.Item{ID: "item-1", Group: "another task", Values: []float64{1, 1}})
	addItem(r, harness.Item{Values: []float64{1, 1}})
	addItem(r, harness.Item{Values: []float64{1, 1}})
	wantFound(t, "duplicate-items", imported(r), `j/a: 2 of 8 items are there again, "item-1" among them, and count as often | results/a/j.json`)
}

func TestSentinelAveraged(t *testing.T) {
	want := "j/a: 1 of 3 values of win are -1 and all others from 0 to 1; the mean is 0.000000 with them and 0.500000 without | results/a/j.json"
	wantFound(t, "sentinel-averaged", imported(results("j", "a", 1, -1, 0)), want)
	wantFound(t, "sentinel-averaged", imported(results("j", "a", 1, -1, -2)))
	wantFound(t, "sentinel-averaged", imported(results("j", "a", 5, -1, 0)))
	wantFound(t, "sentinel-averaged", imported(results("j", "a", -1, -1)))
	excluded := results("j", "a", 1, 0)
	addItem(excluded, harness.Item{ID: "x", Values: []float64{-1, 1}, Excluded: "no grade"})
	wantFound(t, "sentinel-averaged", imported(excluded))
}

func TestDenominatorMixed(t *testing.T) {
	wantFound(t, "denominator-mixed", imported(table("j", "win_rate n_total", "a 1 805", "b 2 804", "c 3 805", "d 3 -")),
		"j: the rows are of different numbers of items: 805 in a, c; 804 in b | j.csv")
	wantFound(t, "denominator-mixed", imported(table("j", "win_rate n_total", "a 1 805", "b 2 805.0")))
	// Where the table does not count, its results do.
	wantFound(t, "denominator-mixed", imported(table("j", "win_rate", "a 1", "b 2"), results("j", "a", 1), results("j", "b", 1, 1)),
		"j: the rows are of different numbers of items: 2 in b; 1 in a | j.csv | results/a/j.json | results/b/j.json")
}

func TestNoticed(t *testing.T) {
	r := results("j", "a", 1)
	r.Notices = []harness.Notice{{Finding: "edited-scores", Detail: "1 grade was edited", File: r.Files[0].Path, Line: 7}}
	tab := table("j", "win_rate", "a 100")
	tab.Notices = []harness.Notice{{Finding: "missing-items", Detail: "something", Line: 2}}
	in := imported(r, tab)
	wantFound(t, "edited-scores", in, "j/a: 1 grade was edited | results/a/j.json:7")
	wantFound(t, "missing-items", in, "j: something | j.csv:2")
}
