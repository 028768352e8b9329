package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

var mtBenchSingle = Importer{
	Name:   "mt-bench-single",
	Tested: "gpt-4_single.jsonl of Stefanstud/FastChat at 1f5a7b8 and two such files of dreaming-panda/MTBench at f4bb6e4: three models, 160 and 170 rows each; with no published table of theirs",
	About: About{
		Files:     "JUDGE_single.jsonl of FastChat's llm_judge: JSON lines with question_id, model, judge, user_prompt, score and turn",
		Model:     "by model",
		Dataset:   "by question_id: 81 to 160 in two turns, judged by gpt-4, are MT-bench's; all else goes by the file's name",
		Items:     "score of each question and turn; -1 is no score and does not count",
		Aggregate: "none; the average over the rows of both turns and of each is computed. Rows that are there again count as often",
		Absent:    "revision of the model and of the judge, which may have been run again for a table",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".jsonl") && hasMembers(head, '{', "question_id", "model", "judge", "user_prompt")
	},
	Read: readMTBenchSingle,
}

// MTBench is the format of judgments and of the tables of their averages.
const MTBench = "mt-bench"

// MT-bench's questions, its judge, and how many judgments of a model there are.
const (
	mtBenchBoard = "MT-bench"
	mtBenchJudge = "gpt-4"
	mtBenchFirst = 81
	mtBenchLast  = 160
	mtBenchTurns = 2
)

var mtBenchSingleMetrics = []Metric{
	{Name: "average", Rule: Mean, Measure: "score"},
	{Name: "first turn", Rule: Mean, Measure: "score of turn 1"},
	{Name: "second turn", Rule: Mean, Measure: "score of turn 2"},
}

// judgments are the runs of one file, by model.
type judgments struct {
	file    string
	judge   string // as the file's name has it
	metrics []Metric
	order   []*judged
	models  map[string]*judged
}

type judged struct {
	run   *Run
	names naming
	turns map[[2]int]bool // of MT-bench
	other bool            // some row is not MT-bench's
}

func newJudgments(name, kind string, metrics []Metric) *judgments {
	j := &judgments{file: name, metrics: metrics, models: map[string]*judged{}}
	if judge, ok := strings.CutSuffix(path.Base(uncompressedName(name)), kind+".jsonl"); ok {
		j.judge = judge
	}
	return j
}

// of is the run of the model that a member names.
func (j *judgments) of(doc foreign, member string) (*judged, error) {
	name, ok := doc.get(member).text()
	if !ok || name == "" {
		return nil, fmt.Errorf("%s is %s, want a model's name", member, doc.get(member).describe())
	}
	if m := j.models[name]; m != nil {
		return m, nil
	}
	if len(j.order) == maxBattleModels {
		return nil, fmt.Errorf("more than %d models", maxBattleModels)
	}
	m := &judged{names: naming{}, turns: map[[2]int]bool{}, run: &Run{
		Format: MTBench, Files: []File{{Path: j.file}}, Entry: name, Model: Model{Name: name}, Judge: j.judge,
		Metrics: j.metrics, Absent: []string{"revision of the model", "revision of the judge"},
	}}
	for _, metric := range j.metrics {
		m.run.Measures = append(m.run.Measures, metric.Measure)
	}
	j.models[name] = m
	j.order = append(j.order, m)
	return m, nil
}

// add adds an item, with who judged it.
func (m *judged) add(doc foreign, it Item) error {
	judge := doc.get("judge")
	if judge.isArray() {
		judge = judge.get("0") // after it stands the name of its prompt
	}
	m.names.add(OfJudge, "judge", judge)
	return m.run.Items.Add(it)
}

func (j *judgments) imported() (*Imported, error) {
	if len(j.order) == 0 {
		return nil, errors.New("has no judgments")
	}
	base, _, _ := strings.Cut(path.Base(uncompressedName(j.file)), ".jsonl")
	in := &Imported{}
	for _, m := range j.order {
		m.run.Names = m.names.list()
		m.run.Board = "judgments of " + base
		if m.isMTBench() {
			m.run.Board = mtBenchBoard
		}
		in.Runs = append(in.Runs, m.run)
	}
	return in, nil
}

// isMTBench reports whether these are all of MT-bench's questions in both turns, and by
// its judge.
func (m *judged) isMTBench() bool {
	return !m.other && len(m.turns) == mtBenchTurns*(mtBenchLast-mtBenchFirst+1) &&
		len(m.run.Names) == 1 && m.run.Names[0].Name == mtBenchJudge
}

func readMTBenchSingle(fsys fs.FS, name string) (*Imported, error) {
	j := newJudgments(name, "_single", mtBenchSingleMetrics)
	err := eachLineOf(fsys, name, func(_ int, doc foreign) error {
		m, err := j.of(doc, "model")
		if err != nil {
			return err
		}
		question, turn, err := judgedTurn(doc)
		if err != nil {
			return err
		}
		it := Item{ID: question + " turn " + strconv.Itoa(turn), Group: "turn " + strconv.Itoa(turn), Values: []float64{NoValue, NoValue, NoValue}}
		switch score := doc.get("score"); {
		case score.isNumber():
			x, err := strconv.ParseFloat(string(score), 64)
			if err != nil {
				return fmt.Errorf("score is %s, which is out of range", score.describe())
			}
			it.Values[0] = x
			if turn <= mtBenchTurns {
				it.Values[turn] = x
			}
			if x == -1 {
				it.Excluded = Unscored
			}
		case !score.isNull():
			return fmt.Errorf("score is %s, want a number", score.describe())
		}
		if n, err := strconv.Atoi(question); err != nil || n < mtBenchFirst || n > mtBenchLast || turn > mtBenchTurns {
			m.other = true
		} else {
			m.turns[[2]int{n, turn}] = true
		}
		return m.add(doc, it)
	})
	if err != nil {
		return nil, err
	}
	return j.imported()
}

// Unscored is why an item is left out whose value is -1 because there was no score.
const Unscored = "-1 for no score"

// judgedTurn is the question and the turn of a judgment.
func judgedTurn(doc foreign) (question string, turn int, err error) {
	switch id := doc.get("question_id"); {
	case id.isNumber():
		question = string(id)
	case id.isString():
		question, _ = id.text()
	default:
		return "", 0, fmt.Errorf("question_id is %s, want a number or a text", id.describe())
	}
	if turn, err = doc.get("turn").size(); err != nil || turn < 1 {
		return "", 0, fmt.Errorf("turn is %s, want 1 or more", doc.get("turn").describe())
	}
	return question, turn, nil
}
