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
		Files:     "MODEL-airline.json or MODEL-retail.json, or named as the harness does (STRATEGY-MODEL-TEMPERATURE_range_A-B_user-MODEL-STRATEGY_TIME.json): a JSON array with task_id, trial, reward, info and traj of each trial",
		Model:     "by the file's name; the README's row is the one of this model and of the strategy TC if some messages have tool_calls",
		Dataset:   "by the file's name; how many tasks it has is not in the file and taken from " + tauSizesFrom,
		Items:     "reward of each trial of each task: 1 has passed, anything else has not, also where an error ended the trial; what the model did is not done again",
		Aggregate: "none; they are in the README",
		Absent:    "revision of the model, the domain, the strategy and the model that plays the user, unless the name has them; date",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("[")) && hasAll(head, "task_id", "reward", "info") && hasAny(head, "user_id", "traj", "traceback")
	},
	Read: readTau,
}

var (
	tauName = regexp.MustCompile(`^(.+)-(airline|retail)$`)
	tauRun  = regexp.MustCompile(`^(tool-calling|act|react|few-shot)-(.+)-\d+(?:\.\d+)?_range_-?\d+-(?:-?\d+)_user-(.+)-[a-z]+_\d{10}$`)
)

func readTau(fsys fs.FS, name string) (*Imported, error) {
	r := &Run{
		Format: tauFormat, Files: []File{{Path: name}}, Board: "tau-bench", Entry: strings.TrimSuffix(path.Base(uncompressedName(name)), ".json"),
		Dataset: Dataset{Name: "tau-bench"}, Measures: []string{"passed", "reward"}, Absent: []string{"revision of the model"},
	}
	if m := tauName.FindStringSubmatch(r.Entry); m != nil {
		r.Entry, r.Model.Name, r.Board = m[1], m[1], "tau-bench "+m[2]
		r.Dataset = Dataset{Name: r.Board, Items: tauSizes[m[2]], ItemsFrom: tauSizesFrom}
	}
	if m := tauRun.FindStringSubmatch(r.Entry); m != nil {
		r.Entry, r.Model.Name = m[1]+" ("+m[2]+")", m[2]
		r.Board += ", user " + m[3]
	}
	t := &tauReader{run: r, tasks: map[string]int{}, seen: map[[2]string]bool{}}
	if err := eachElement(fsys, name, t.trial); err != nil {
		return nil, err
	}
	if len(t.ids) == 0 {
		return nil, errors.New("has no trials")
	}
	t.noteErrors()
	trials := len(t.values[0])
	for i, id := range t.ids {
		trials = min(trials, len(t.values[i])/len(r.Measures))
		if err := r.Items.Add(Item{ID: id, Values: t.values[i]}); err != nil {
			return nil, err
		}
	}
	for k := range min(trials, tauMost) {
		r.Metrics = append(r.Metrics, tauMetric(k+1))
	}
	r.Metrics = append(r.Metrics, Metric{Name: "average reward", Rule: Mean, Measure: "reward"})
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
	trials int
	errors []int // lines of the trials that ended with an error
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
	t.trials++
	if graded := doc.get("info", "reward_info", "reward"); graded != nil {
		if x, ok := graded.float(); !ok || x != reward {
			t.notice("grade-differs", line, fmt.Sprintf("reward of trial %s of task %s is %v, and in its reward_info %s", trial, id, reward, graded.describe()))
		}
	}
	if message := doc.get("info", "error"); message != nil && !message.isNull() {
		t.errors = append(t.errors, line)
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
	t.values[i] = append(t.values[i], passed, reward)
	if t.run.Names == nil && usesTools(doc.get("traj")) {
		t.run.Names = []Naming{{Of: OfStrategy, Member: "tool_calls", Name: "TC", Items: 1}}
	}
	return nil
}

// noteErrors tells of trials that were not graded: the harness writes a reward for them
// all the same.
func (t *tauReader) noteErrors() {
	if n := len(t.errors); n > 0 {
		t.notice("sentinel-averaged", t.errors[0], fmt.Sprintf("%d of %d trials ended with an error and were not graded; they count with the reward that stands there", n, t.trials))
	}
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
