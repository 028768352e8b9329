package verify

import (
	"bytes"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// rowChecks are those that need the rows.
var rowChecks = []string{"result/items", "result/grades", "result/score", "score/recomputed"}

// sevenOfTen is a run of ten items: seven are right, two wrong, one excluded.
func sevenOfTen(denominator, score, table string) hooks {
	return hooks{
		items: sums(10), grades: []string{"1", "1", "1", "1", "1", "1", "1", "0", "0", "excluded:timeout"},
		configure: func(c map[string]any) { c["denominator"] = denominator },
		result:    func(_ *world, p *attest.Result) { p.Score = score },
		release:   printed(table),
	}
}

func printed(score string) func(*world, *attest.Release) {
	return func(_ *world, p *attest.Release) { p.Scores[0].Score = score }
}

// twoSamples is a run with two samples of each item, of which item 4 has these.
func twoSamples(item4, score, table string) hooks {
	return hooks{
		grades:       []string{"1 1", "1 1", "1 1", "0 0", item4, "0 0"},
		registration: func(_ *world, p *attest.Registration) { p.Samples = 2 },
		result:       func(_ *world, p *attest.Result) { p.Score = score },
		release:      printed(table),
	}
}

// resultForgeries are about what is counted, and how.
func resultForgeries() []forgery {
	abandon := func(_ *world, p *attest.Result) { p.Outcome, p.Abandoned = nil, "the machine broke" }
	return []forgery{
		{
			name: "excluded", what: "an item is left out of the published score that was registered to count wrong: 77.8 % for 70 %",
			expect: "contradicted score/recomputed",
			base:   sevenOfTen("counted-wrong", "7/10", "70"), hooks: sevenOfTen("counted-wrong", "7/10", "77.8"),
		},
		{
			name: "excluded-signed", what: "the evaluator itself leaves out of its score an item that was registered to count wrong",
			expect: "contradicted result/score",
			base:   sevenOfTen("counted-wrong", "7/10", "70"), hooks: sevenOfTen("counted-wrong", "7/9", "70"),
		},
		{
			name: "excluded-uncounted", what: "the evaluator signs that no item was excluded",
			expect: "contradicted result/score",
			base:   sevenOfTen("counted-wrong", "7/10", "70"),
			hooks: func(h hooks) hooks {
				h.result = func(_ *world, p *attest.Result) { p.Excluded, p.Score = 0, "7/10" }
				return h
			}(sevenOfTen("counted-wrong", "7/10", "70")),
		},
		{
			name: "all-excluded", what: "every item is excluded, and left out: of nothing, everything is right",
			expect: "missing score/recomputed", also: []string{"result/score"},
			base: hooks{configure: func(c map[string]any) { c["denominator"] = "left-out" }},
			hooks: hooks{
				configure: func(c map[string]any) { c["denominator"] = "left-out" },
				grades:    slices.Repeat([]string{"excluded:timeout"}, 6),
				result:    func(_ *world, p *attest.Result) { p.Score = "1" },
				release:   printed("100"),
			},
		},
		{
			name: "lucky-sample", what: "of an item that was right once in two tries the try that failed is left out",
			expect: "contradicted result/items",
			base:   twoSamples("1 0", "7/12", "58.3"), hooks: twoSamples("1", "2/3", "66.7"),
		},
		{
			name: "coarse", what: "two thirds are published as 1",
			expect: "uncheckable score/recomputed",
			hooks: hooks{release: func(_ *world, p *attest.Release) {
				p.Scores[0].Score, p.Scores[0].Decimals, p.Scores[0].Scale = "1", 0, "1"
			}},
		},
		{
			name: "empty-table", what: "the release has no table: there is nothing that could be false",
			expect: "unsupported", hooks: hooks{release: func(_ *world, p *attest.Release) { p.Scores = nil }},
		},
		{
			name: "abandoned", what: "the score is said to be of a run that was abandoned",
			expect: "missing score/recomputed", also: []string{"result/items", "result/grades", "result/score", "result/root"},
			hooks: hooks{result: abandon},
		},
		{
			name: "other-run", what: "the result names one registration and is of the run of another",
			expect: "contradicted order/registered-before-result",
			base:   hooks{early: anotherRun},
			hooks: hooks{early: anotherRun, result: func(w *world, p *attest.Result) {
				var err error
				p.RunID = w.chains[evaluator][0].Statement.ID
				p.Root, err = run.Root(p.RunID, w.rows, w.version.Leaves)
				w.must(err)
			}},
		},
		{
			name: "withheld-result", what: "the evaluator's first result of the run is left out of the pack; the ledger has it",
			expect: "contradicted result/first", scanned: true,
			hooks: hooks{afterResult: secondReport, release: func(w *world, p *attest.Release) {
				p.Scores[0].Result = w.chains[evaluator][2].Statement.ID
				p.Refs[1].ID = p.Scores[0].Result
			}, pack: func(w *world) { delete(w.pack.Entries, w.resultID()) }},
		},
	}
}

// rowForgeries are about the rows' bytes.
func rowForgeries() []forgery {
	replace := func(change func([]byte) []byte) func(*world, *attest.Result) {
		return func(w *world, p *attest.Result) {
			data, err := w.pack.Artifact(p.Rows)
			w.must(err)
			p.Rows = w.pack.AddArtifact(change(data), p.Rows.MediaType, p.Rows.Name)
		}
	}
	return []forgery{
		{
			name: "no-rows", what: "the rows are an empty file",
			expect: "contradicted result/root", also: rowChecks,
			hooks: hooks{result: replace(func([]byte) []byte { return nil })},
		},
		{
			name: "row-twice-graded", what: "a row has two grades: each reader takes the one that it likes",
			expect: "contradicted result/root", also: rowChecks,
			hooks: hooks{result: replace(func(rows []byte) []byte {
				return bytes.Replace(rows, []byte(`{"grade":"0"`), []byte(`{"grade":"1","grade":"0"`), 1)
			})},
		},
		{
			name: "row-respelled", what: "the members of a row are in another order",
			expect: "contradicted result/root", also: rowChecks,
			hooks: hooks{result: replace(func(rows []byte) []byte {
				return bytes.Replace(rows, []byte(`{"grade":"1","item":0,`), []byte(`{"item":0,"grade":"1",`), 1)
			})},
		},
	}
}
