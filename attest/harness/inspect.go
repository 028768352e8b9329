package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Inspect is the name of Inspect in Log.Format and configurations.
const Inspect = "inspect_ai"

// IsInspect reports whether a file looks like a log of Inspect. It reads no more
// than the beginning.
func IsInspect(fsys fs.FS, name string) bool {
	f, err := fsys.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	plain, err := decompress(f)
	if err != nil {
		return false
	}
	defer plain.Close()
	start, err := io.ReadAll(io.LimitReader(plain, 4<<10))
	if err != nil {
		return false
	}
	return isInspect(start)
}

func isInspect(start []byte) bool {
	if bytes.HasPrefix(start, zipMagic) {
		// The first member of a log in parts is its journal or, once it was
		// rewritten, one of the others.
		name := start[min(len(start), 30):]
		return slices.ContainsFunc([]string{"_journal/", "samples/", "header.json", "summaries.json", "reductions.json"},
			func(first string) bool { return bytes.HasPrefix(name, []byte(first)) })
	}
	// A log in one piece begins with its version and status and what was evaluated.
	d := json.NewDecoder(bytes.NewReader(start))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for {
		member, err := d.Token()
		if err != nil {
			return false
		}
		value, err := d.Token()
		if err != nil {
			return false
		}
		switch member {
		case "eval":
			return value == json.Delim('{')
		case "version", "status":
			if _, nested := value.(json.Delim); nested {
				return false
			}
		default:
			return false
		}
	}
}

// OpenInspect opens a log of Inspect: a .eval, whose parts may be compressed with
// Deflate or Zstandard, or a .json, plain or compressed with gzip or Zstandard. Its
// name does not matter. The run must have ended with success and hold no
// invalidated sample.
//
// The scorer is the selection's filter. The metric is the published one
// ("accuracy"); where a scorer grades by name it has that name first
// ("safety/mean", or "safety" when nothing else is meant), and where the
// epochs were reduced other than by their mean the reducer last
// ("accuracy@pass_at_2"). With several to choose from and none selected, the
// error lists them; measures of spread are not considered unless they are named.
//
// A row's key is the sample's id, its sample number the epoch less one. Its
// response is the output's completion, or the content of the message when there
// is none, and its trace the conversation. Grades follow Inspect's own reading:
// C, I, P and N are 1, 0, 0.5 and 0; yes and true are 1, no and false 0. A list,
// or a word that means none of these, is refused. A sample without a grade,
// because it failed or the scorer gave none, is an error unless the selection
// excludes its item.
//
// Rows refuses a log unless it has every sample of every epoch once, the counts
// of its results agree, the history of an edited score ends in that score, and
// the published number is the mean of the items, each reduced as the log says
// (by mean, median, mode, max, at_least_k, pass_at_k or pass_k, as Inspect
// itself does it).
func OpenInspect(fsys fs.FS, name string, want Selection) (*Log, error) {
	file, err := openInspectFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	run := &inspectRun{file: file, eval: file.header["eval"], results: file.header["results"], exclude: want.Exclude}
	log, err := run.log(want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	notes := log.Notes
	log.rows = func(yield func(Row) error) error {
		log.Notes = slices.Clone(notes)
		found, err := run.rows(log, yield)
		if err != nil {
			return err
		}
		log.Notes = append(log.Notes, found...)
		return nil
	}
	return log, nil
}

// inspectRun is what the head of a log says, and what Rows needs of it.
type inspectRun struct {
	file          *inspectFile
	eval, results foreign
	exclude       []string
	score         inspectScore

	epochs           uint64
	ids              map[string]bool // of the items, as Inspect spells them; nil when the log does not list them
	planned          uint64          // samples that the run was to have: items times epochs
	stopped          []foreign       // samples that early stopping left out
	total, completed uint64
}

func (run *inspectRun) log(want Selection) (*Log, error) {
	if err := run.checkStatus(); err != nil {
		return nil, err
	}
	log := &Log{Format: Inspect}
	log.Version, _ = run.eval.get("packages", "inspect_ai").text()
	if log.Task, _ = run.eval.get("task").text(); log.Task == "" {
		return nil, errors.New("eval.task is missing")
	}
	if want.Task != "" && want.Task != log.Task {
		return nil, fmt.Errorf("no task %q in the log: it is of %s", want.Task, quoteID(log.Task))
	}
	if err := run.chooseScore(log, want); err != nil {
		return nil, err
	}
	if err := run.counts(log); err != nil {
		return nil, err
	}
	var err error
	if log.Config, err = run.config(log); err != nil {
		return nil, err
	}
	log.Notes = run.notes()
	return log, nil
}

func (run *inspectRun) checkStatus() error {
	h := run.file.header
	if run.file.cut {
		task, _ := run.eval.get("task").text()
		return fmt.Errorf("the run of task %q did not end: the log has no header.json, only its journal and %d samples", task, run.file.samples)
	}
	if v := string(h["version"]); v != "2" && v != "3" {
		return fmt.Errorf("version is %s, want 2 or 3", h["version"].describe())
	}
	if !run.eval.isObject() {
		return fmt.Errorf("eval is %s, want an object", run.eval.describe())
	}
	if status, _ := h["status"].text(); status != "success" {
		err := fmt.Errorf(`status is %s, want "success"`, h["status"].describe())
		if message, _ := h["error"].get("message").text(); message != "" {
			err = fmt.Errorf("%w: the run ended with %s", err, quote(message))
		}
		return err
	}
	if v := h["invalidated"]; v != nil && string(v) != "false" {
		return run.invalidated()
	}
	if run.file.samples == 0 {
		return errors.New("no samples: a log without items (made with --no-log-samples) cannot be committed")
	}
	return nil
}

// invalidated names what made a log invalid.
func (run *inspectRun) invalidated() error {
	err := run.file.each(func(_ string, sample foreign) error {
		s, err := parseInspectSample(sample)
		if err != nil {
			return err
		}
		return s.checkValid()
	})
	if err != nil {
		return fmt.Errorf("the log is invalidated: %w", err)
	}
	return errors.New("the log is invalidated")
}

// counts reads how many samples there are to be, of which the results must agree.
func (run *inspectRun) counts(log *Log) error {
	var err error
	if run.total, err = count(run.results, "total_samples"); err != nil {
		return fmt.Errorf("results.%w", err)
	}
	if run.completed, err = count(run.results, "completed_samples"); err != nil {
		return fmt.Errorf("results.%w", err)
	}
	run.epochs = 1
	if v := run.eval.get("config", "epochs"); v != nil && !v.isNull() {
		if run.epochs, err = strconv.ParseUint(string(v), 10, 31); err != nil || run.epochs == 0 {
			return fmt.Errorf("eval.config.epochs is %s, want a number from 1", v.describe())
		}
	}
	if err := run.readIDs(); err != nil {
		return err
	}
	run.stopped = run.results.get("early_stopping", "early_stops").elements()
	log.Effective = uint64(len(run.ids))
	if run.ids == nil {
		log.Effective = run.total / run.epochs
	}
	run.planned = log.Effective * run.epochs
	if stops := uint64(len(run.stopped)); run.total != run.planned && run.total+stops != run.planned {
		return fmt.Errorf("results.total_samples is %d, want %d: %d items in %d epochs", run.total, run.planned, log.Effective, run.epochs)
	}
	log.Original = log.Effective
	if v := run.eval.get("dataset", "samples"); v != nil && !v.isNull() {
		if log.Original, err = count(run.eval.get("dataset"), "samples"); err != nil {
			return fmt.Errorf("eval.dataset.%w", err)
		}
	}
	if log.Effective == 0 || log.Effective > log.Original {
		return fmt.Errorf("the log says that %d of %d items were run", log.Effective, log.Original)
	}
	return nil
}

func count(o foreign, member string) (uint64, error) {
	v := o.get(member)
	n, err := strconv.ParseUint(string(v), 10, 53)
	if err != nil {
		return 0, fmt.Errorf("%s is %s, want a number", member, v.describe())
	}
	return n, nil
}

func (run *inspectRun) readIDs() error {
	list := run.eval.get("dataset", "sample_ids").elements()
	if len(list) == 0 {
		return nil
	}
	run.ids = make(map[string]bool, len(list))
	for _, v := range list {
		id, err := inspectID(v)
		if err != nil {
			return fmt.Errorf("eval.dataset.sample_ids: %w", err)
		}
		if run.ids[id] {
			return fmt.Errorf("eval.dataset.sample_ids has %s twice", v.describe())
		}
		run.ids[id] = true
	}
	return nil
}

// inspectID spells an id as Inspect does where it compares them: 1 and "1" are one.
func inspectID(v foreign) (string, error) {
	if _, err := rowKey(v); err != nil {
		return "", fmt.Errorf("id %w", err)
	}
	if s, ok := v.text(); ok {
		return s, nil
	}
	return string(v), nil
}

// notes tells what the head of a log says was done to the run or to the log.
func (run *inspectRun) notes() []string {
	var notes []string
	h := run.file.header
	if run.epochs > 1 {
		how := run.score.reducer
		if how == "" {
			how = "mean"
			if run.unreduced() {
				how = "nothing: every epoch counts by itself"
			}
		}
		notes = append(notes, fmt.Sprintf("the grades of the %d epochs of a sample were reduced by %s", run.epochs, how))
	}
	if all := h["log_updates"].elements(); len(all) > 0 {
		notes = append(notes, fmt.Sprintf("tags or metadata of the log were edited %s, %s", times(len(all)), lastBy(all[len(all)-1])))
	}
	for _, update := range h["config_updates"].elements() {
		var names []string
		for _, change := range update.get("changes").elements() {
			name, _ := change.get("name").text()
			names = append(names, quote(name))
		}
		notes = append(notes, fmt.Sprintf("the configuration was changed during the run: %s, %s", list(names), lastBy(update)))
	}
	if n := len(run.stopped); n > 0 {
		manager, _ := run.results.get("early_stopping", "manager").text()
		notes = append(notes, fmt.Sprintf("early stopping (%s) left out %d of %d samples", quote(manager), n, run.planned))
	}
	if shards := run.eval.get("shards", "ledger").elements(); len(shards) > 0 {
		notes = append(notes, fmt.Sprintf("the log was merged from %d shards", len(shards)))
	}
	if string(run.eval.get("revision", "dirty")) == "true" {
		notes = append(notes, "the source of the task had changes that were not committed")
	}
	return notes
}

// lastBy says who made an edit, and why.
func lastBy(edit foreign) string {
	author, _ := edit.get("provenance", "author").text()
	if author == "" {
		return "last by nobody named"
	}
	s := "last by " + quote(author)
	if reason, _ := edit.get("provenance", "reason").text(); reason != "" {
		s += " (" + quote(reason) + ")"
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// plain quotes foreign text that could upset a terminal.
func plain(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// quote quotes foreign text, cut to what a line of a terminal takes.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, ""))
}
