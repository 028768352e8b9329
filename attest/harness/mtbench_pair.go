package harness

import (
	"fmt"
	"io/fs"
	"strings"
)

var mtBenchPair = Importer{
	Name:   "mt-bench-pair",
	Tested: "gpt-4_pair.jsonl of Stefanstud/FastChat at 1f5a7b8: one pair of models, 75 rows",
	About: About{
		Files:     "JUDGE_pair.jsonl of FastChat's llm_judge: JSON lines with question_id, model_1, model_2, g1_winner and g2_winner",
		Model:     "by model_1 and model_2",
		Dataset:   "by the file's name",
		Items:     "g1_winner and g2_winner, the second with the answers swapped: a win if both name the model, a loss if both name the other, else a tie. Rows with an error do not count",
		Aggregate: "none; win_rate, loss_rate and win_rate_adjusted are computed over all battles of a model, whoever they were against",
		Absent:    "revision of the models and of the judge, which of the models is a baseline",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".jsonl") && hasMembers(head, '{', "question_id", "model_1", "model_2", "g1_winner", "g2_winner")
	},
	Read: readMTBenchPair,
}

var mtBenchPairMetrics = []Metric{
	{Name: "win_rate_adjusted", Rule: Mean, Measure: "win", Steps: 2},
	{Name: "win_rate", Rule: Mean, Measure: "won", Steps: 1},
	{Name: "loss_rate", Rule: Mean, Measure: "lost", Steps: 1},
}

func readMTBenchPair(fsys fs.FS, name string) (*Imported, error) {
	j := newJudgments(name, "_pair", mtBenchPairMetrics)
	err := eachLineOf(fsys, name, func(_ int, doc foreign) error {
		one, err := j.of(doc, "model_1")
		if err != nil {
			return err
		}
		two, err := j.of(doc, "model_2")
		if err != nil {
			return err
		}
		if one == two {
			return fmt.Errorf("model_1 and model_2 are both %q", one.run.Entry)
		}
		question, turn, err := judgedTurn(doc)
		if err != nil {
			return err
		}
		outcome, err := pairOutcome(doc)
		if err != nil {
			return err
		}
		for i, m := range []*judged{one, two} {
			other := []*judged{two, one}[i]
			it := Item{ID: fmt.Sprintf("%s turn %d against %s", question, turn, other.run.Entry), Values: []float64{NoValue, NoValue, NoValue}}
			switch {
			case outcome == "error":
				it.Excluded = "error"
			case outcome == "tie":
				it.Values = []float64{0.5, 0, 0}
			case (outcome == "model_1") == (i == 0):
				it.Values = []float64{1, 1, 0}
			default:
				it.Values = []float64{0, 0, 1}
			}
			if err := m.add(doc, it); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return j.imported()
}

// pairOutcome is model_1, model_2, tie or error.
func pairOutcome(doc foreign) (string, error) {
	var all [2]string
	for i, member := range []string{"g1_winner", "g2_winner"} {
		text, _ := doc.get(member).text()
		switch text {
		case "model_1", "model_2", "tie", "error":
			all[i] = text
		default:
			return "", fmt.Errorf("%s is %s, want model_1, model_2, tie or error", member, doc.get(member).describe())
		}
	}
	switch {
	case all[0] == "error" || all[1] == "error":
		return "error", nil
	case all[0] == all[1]:
		return all[0], nil
	}
	return "tie", nil
}
