package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

const tauFormat = "tau-bench"

// tauSizes is how many tasks each domain has.
var tauSizes = map[string]int{"airline": 50, "retail": 115}

const tauSizesFrom = "the tau-bench paper"

// tauMost is the largest k of pass^k that is computed without being asked for.
const tauMost = 8

var tauTrajectories = Importer{
	Name:   "tau-bench-trajectories",
	Tested: "gpt-4o-airline.json of tau-bench at 59a200c: 50 tasks with 4 trials",
	About: About{
		Files:     "MODEL-airline.json or MODEL-retail.json, a JSON array with task_id, trial, reward, info and traj of each trial",
		Model:     "by the file's name; the README's row is the one of this model and of the strategy TC if some messages have tool_calls",
		Dataset:   "by the file's name; how many tasks it has is not in the file and taken from " + tauSizesFrom,
		Items:     "reward of each trial of each task: 1 has passed, anything else has not; what the model did is not done again",
		Aggregate: "none; they are in the README",
		Absent:    "revision of the model, the strategy, the model that plays the user, date",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("[")) && hasAll(head, "task_id", "reward", "info") && hasMember(head, "user_id", "traj", "traceback")
	},
	Read: readTau,
}

var tauName = regexp.MustCompile(`^(.+)-(airline|retail)$`)

func readTau(fsys fs.FS, name string) (*Imported, error) {
	r := &Run{
		Format: tauFormat, Files: []File{{Path: name}}, Board: "tau-bench", Entry: strings.TrimSuffix(path.Base(uncompressedName(name)), ".json"),
		Dataset: Dataset{Name: "tau-bench"}, Measures: []string{"passed"}, Absent: []string{"revision of the model", "the model that plays the user"},
	}
	if m := tauName.FindStringSubmatch(r.Entry); m != nil {
		r.Entry, r.Model.Name, r.Board = m[1], m[1], "tau-bench "+m[2]
		r.Dataset = Dataset{Name: r.Board, Items: tauSizes[m[2]], ItemsFrom: tauSizesFrom}
	}
	t := &tauReader{run: r, tasks: map[string]int{}, seen: map[[2]string]bool{}}
	if err := eachElement(fsys, name, t.trial); err != nil {
		return nil, err
	}
	if len(t.ids) == 0 {
		return nil, errors.New("has no trials")
	}
	trials := len(t.values[0])
	for i, id := range t.ids {
		trials = min(trials, len(t.values[i]))
		if err := r.Items.Add(Item{ID: id, Values: t.values[i]}); err != nil {
			return nil, err
		}
	}
	for k := range min(trials, tauMost) {
		r.Metrics = append(r.Metrics, tauMetric(k+1))
	}
	return &Imported{Runs: []*Run{r}}, nil
}

func tauMetric(k int) Metric {
	return Metric{Name: fmt.Sprintf("Pass^%d", k), Rule: PassHatK, Measure: "passed", K: k}
}

// tauReader reads one file, in which the trials of a task do not lie together.
type tauReader struct {
	run    *Run
	ids    []string
	values [][]float64
	tasks  map[string]int
	seen   map[[2]string]bool // task and trial
}

func (t *tauReader) trial(line int, doc foreign) error {
	id, trial := string(doc.get("task_id")), string(doc.get("trial"))
	if id == "" || trial == "" {
		return errors.New("task_id or trial is missing")
	}
	reward, ok := doc.get("reward").float()
	if !ok {
		return fmt.Errorf("reward is %s, want a number", doc.get("reward").describe())
	}
	if t.seen[[2]string{id, trial}] {
		t.notice("duplicate-items", line, fmt.Sprintf("trial %s of task %s is there again, and counts as one more", trial, id))
	}
	t.seen[[2]string{id, trial}] = true
	if graded := doc.get("info", "reward_info", "reward"); graded != nil {
		if x, ok := graded.float(); !ok || x != reward {
			t.notice("grade-differs", line, fmt.Sprintf("reward of trial %s of task %s is %v, and in its reward_info %s", trial, id, reward, graded.describe()))
		}
	}
	i, ok := t.tasks[id]
	if !ok {
		i = len(t.ids)
		t.tasks[id] = i
		t.ids, t.values = append(t.ids, id), append(t.values, nil)
	}
	passed := 0.0
	if reward > 1-1e-6 && reward < 1+1e-6 {
		passed = 1
	}
	t.values[i] = append(t.values[i], passed)
	if t.run.Names == nil && usesTools(doc.get("traj")) {
		t.run.Names = []Naming{{Of: OfStrategy, Member: "tool_calls", Name: "TC", Items: 1}}
	}
	return nil
}

func (t *tauReader) notice(finding string, line int, detail string) {
	if len(t.run.Notices) < maxNotices {
		t.run.Notices = append(t.run.Notices, Notice{Finding: finding, Detail: detail, File: t.run.Files[0].Path, Line: line})
	}
}

// maxNotices is how many things of one file are told one by one.
const maxNotices = 20

func usesTools(messages foreign) bool {
	return slices.ContainsFunc(messages.elements(), func(m foreign) bool { return len(m.get("tool_calls").elements()) > 0 })
}
