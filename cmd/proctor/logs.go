package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/score"
)

// openedLog is a log whose rows are about to be sealed.
type openedLog struct {
	files []attest.Artifact // its files, which stay where they are
	read  func(yield func(harness.Row) error) error
	notes func() []string // once everything was read
}

// openRows opens the log on the command line.
func (e *env) openRows(c *cli.Context, reg *attest.Registration) (*openedLog, error) {
	files := c.Args().Slice()
	opened := &openedLog{notes: func() []string { return nil }}
	for _, f := range files {
		sum, err := fileDigest(f)
		if err != nil {
			return nil, err
		}
		opened.files = append(opened.files, attest.Artifact{SHA256: sum, Size: uint64(fileSize(f)), MediaType: "application/octet-stream", Name: filepath.Base(f)})
	}
	if c.String("row") != "" {
		paths, err := parsePaths(c.String("row"))
		if err != nil {
			return nil, err
		}
		opened.read = func(yield func(harness.Row) error) error {
			for _, f := range files {
				if err := readJSONL(f, paths, yield); err != nil {
					return err
				}
			}
			return nil
		}
		return opened, nil
	}
	reducer := score.Reducer(reg.Metric)
	want := harness.Selection{Task: c.String("task"), Metric: reg.Metric.Parameters["log"], Filter: reg.Metric.Parameters["filter"], Reducer: reducer}
	for _, arg := range c.StringSlice("exclude") {
		key, _, err := splitExclusion(arg)
		if err != nil {
			return nil, err
		}
		want.Exclude = append(want.Exclude, string(key))
	}
	log, err := openLog(files, want)
	if err != nil {
		return nil, err
	}
	opened.read = log.Rows
	opened.notes = func() []string {
		notes := log.Notes
		if log.Effective < log.Original {
			notes = append(notes, fmt.Sprintf("it is of %d of the task's %d items", log.Effective, log.Original))
		}
		if log.Aggregation != "" && log.Aggregation != reducer {
			notes = append(notes, fmt.Sprintf("the log reduces an item's samples by %q, and the registered metric by %q: its own score may be another", log.Aggregation, reducer))
		}
		return notes
	}
	return opened, nil
}

// openLog opens the files of one harness log, whichever it is.
func openLog(files []string, want harness.Selection) (*harness.Log, error) {
	if len(files) == 0 {
		return nil, errors.New("no log")
	}
	dir := filepath.Dir(files[0])
	names := make([]string, len(files))
	for i, f := range files {
		rel, err := filepath.Rel(dir, f)
		if err != nil {
			return nil, err
		}
		if names[i] = filepath.ToSlash(rel); strings.HasPrefix(names[i], "..") {
			return nil, usagef("the files of one log must lie in one folder; %s is not below %s", f, dir)
		}
	}
	fsys := os.DirFS(dir)
	if len(names) == 1 && harness.IsInspect(fsys, names[0]) {
		return harness.OpenInspect(fsys, names[0], want)
	}
	if !strings.Contains(strings.Join(names, " "), "results") {
		if _, err := os.Stat(files[0]); err != nil {
			return nil, err
		}
		return nil, withHint(fmt.Errorf("%s: not a log that is known here", files[0]),
			"give an Inspect log, lm-eval's results_*.json with its samples_*.jsonl or, for plain JSONL, say where a row keeps what: --row key=id,response=output,grade=correct")
	}
	return harness.OpenLMEval(fsys, names, want)
}
func readJSONL(name string, paths harness.Paths, yield func(harness.Row) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return harness.JSONL(name, f, paths, yield)
}

func parsePaths(text string) (harness.Paths, error) {
	p, err := parseRowPaths(text, "key", "response", "grade", "sample", "trace")
	if err != nil {
		return p, err
	}
	if p.Grade == "" || p.Response == "" {
		return p, usagef("--row needs response= and grade=")
	}
	return p, nil
}

// parseRowPaths reads NAME=PATH,… of these names.
func parseRowPaths(text string, names ...string) (harness.Paths, error) {
	var p harness.Paths
	into := map[string]*string{"key": &p.Key, "response": &p.Response, "grade": &p.Grade, "sample": &p.Sample, "trace": &p.Trace}
	for _, part := range strings.Split(text, ",") {
		name, path, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains(names, name) || path == "" {
			return p, usagef("--row %q: want %s=PATH", part, strings.Join(names, "=PATH, "))
		}
		*into[name] = path
	}
	return p, nil
}
