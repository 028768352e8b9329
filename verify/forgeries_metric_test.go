package verify

import (
	"slices"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// Three samples of each of the six items: of a metric that takes any grade, and of one
// whose samples pass or fail.
var (
	anyGrades = []string{"1 0.5 0", "0 0 0.25", "1 1 1", "1 1 0.5", "0 excluded:timeout 1", "0.5 0.5 1"}
	passFail  = []string{"1 0 0", "0 0 0", "1 1 1", "1 1 0", "0 excluded:timeout 1", "0 1 1"}
)

// sampled is a run of several samples per item, in the place of the honest one.
func sampled(name string, params map[string]string, grades []string, exact, published string) hooks {
	return hooks{
		registration: func(_ *world, p *attest.Registration) {
			p.Samples, p.Metric.Name, p.Metric.Parameters = 3, name, params
		},
		grades: grades,
		result: func(_ *world, p *attest.Result) { p.Score = exact },
		release: func(_ *world, p *attest.Release) {
			p.Scores[0].Score = published
		},
	}
}

func k(n string) map[string]string { return map[string]string{"k": n} }

// everyReduction adds a run for each way to reduce samples, and a claim of all of
// them. The exact scores were worked out by hand.
func everyReduction(passAt []string) func(*world) {
	reduce := func(how string) map[string]string { return map[string]string{"reduce": how} }
	return func(w *world) {
		was := w.hooks
		claim := &attest.Claim{Text: "tiny is good at sums, in every way"}
		for _, r := range []struct {
			name             string
			params           map[string]string
			grades           []string
			exact, published string
		}{
			{"accuracy", nil, anyGrades, "41/72", "56.9"},
			{"accuracy", reduce("max"), anyGrades, "7/8", "87.5"},
			{"accuracy", reduce("median"), anyGrades, "1/2", "50"},
			{"accuracy", reduce("mode"), anyGrades, "7/12", "58.3"},
			{"accuracy", map[string]string{"reduce": "at_least", "k": "2"}, anyGrades, "1/3", "33.3"},
			{"pass@k", k("2"), passAt, "13/18", "72.2"},
			{"pass^k", k("2"), passFail, "5/18", "27.8"},
		} {
			w.hooks = sampled(r.name, r.params, r.grades, r.exact, r.published)
			result := w.report(w.register(w.chains[owner][0], w.chains[lab][0])).Statement.ID
			claim.Refs = append(claim.Refs, attest.Ref{Role: attest.RoleResult, ID: result})
			claim.Scores = append(claim.Scores, attest.Score{
				Label: r.name + " " + r.params["reduce"], Score: r.published, Decimals: 1, Scale: "100", Result: result,
			})
		}
		w.hooks = was
		w.issue(lab, claim)
	}
}

func withGrade(grades []string, item int, samples string) []string {
	grades = slices.Clone(grades)
	grades[item] = samples
	return grades
}

// What cannot be computed is neither confirmed nor refuted, whatever is published.
func TestMetricsThatCannotBeComputed(t *testing.T) {
	for name, params := range map[string]map[string]string{
		"elo":      nil,
		"accuracy": {"reduce": "luckiest"},
		"pass@k":   {"k": "4"}, // of three samples
	} {
		v := newWorld(t, sampled(name, params, passFail, "1", "100")).verify()
		if v.Headline != CannotCheck || v.OK() {
			t.Errorf("%s %v: %s, want %s", name, params, v.Headline, CannotCheck)
		}
		for _, check := range []string{"result/score", "score/recomputed"} {
			if got := states(v)[check]; got != Missing {
				t.Errorf("%s %v: %s is %s, want missing", name, params, check, got)
			}
		}
	}
}

func reductionForgeries() []forgery {
	leftOut := func(h hooks) hooks {
		h.configure = func(c map[string]any) { c["denominator"] = "left-out" }
		return h
	}
	return []forgery{
		{
			name: "partial-pass", what: "of samples that pass or fail, one passes by half",
			expect: "contradicted result/grades", also: []string{"result/score", "score/recomputed"},
			hooks: hooks{afterResult: everyReduction(withGrade(passFail, 1, "0 0.5 0"))}, base: hooks{afterResult: everyReduction(passFail)},
		},
		{
			name: "reduction", what: "the lab publishes the chance that one of two samples passes, where that of both was registered",
			expect: "contradicted score/recomputed",
			hooks:  sampled("pass^k", k("2"), passFail, "5/18", "72.2"), base: sampled("pass^k", k("2"), passFail, "5/18", "27.8"),
		},
		{
			name: "failures-left-out", what: "samples that fail are excluded until none fails, and an item has fewer than the metric takes",
			expect: "missing score/recomputed", also: []string{"result/score"},
			hooks: leftOut(sampled("pass^k", k("2"), withGrade(passFail, 3, "excluded:timeout 1 excluded:timeout"), "4/9", "44.4")),
			base:  leftOut(sampled("pass^k", k("2"), passFail, "5/18", "27.8")),
		},
		{
			name: "too-few-samples", what: "the best of four samples is registered, of three that are drawn",
			expect: "uncheckable score/recomputed", also: []string{"result/score"},
			hooks: sampled("pass@k", k("4"), passFail, "1", "100"), base: sampled("pass@k", k("3"), passFail, "5/6", "83.3"),
		},
		{
			name: "unknown-metric", what: "the score is by a metric of the evaluator's own",
			expect: "uncheckable score/recomputed", also: []string{"result/score"},
			hooks: sampled("elo", nil, passFail, "1", "100"), base: sampled("mean", nil, passFail, "1/2", "50"),
		},
	}
}
