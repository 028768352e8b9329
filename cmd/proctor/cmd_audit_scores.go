package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify/history"
	"github.com/proctor-attest/proctor/verify/report"
)

func (e *env) cmdAuditScores() *cli.Command {
	return &cli.Command{
		Name:      "scores",
		Usage:     "recompute published scores from per-item results, and say what speaks against them",
		ArgsUsage: "PATH…",
		Description: "Reads every file below PATH that it knows (\"proctor help formats\"), joins published\n" +
			"tables with results, and recomputes. Links are not followed and nothing is run or\n" +
			"fetched. Dated versions of a table are compared, and with --git all that the first\n" +
			"parents of HEAD had. What it finds is explained in \"proctor help findings\". Exit code 3:\n" +
			"something was found; 4: something could not be recomputed.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			&cli.StringFlag{Name: "csv", Usage: "also write the rows to `FILE`"},
			&cli.StringFlag{Name: "html", Usage: "also write a page with plots to `FILE`, which opens in any browser and needs no network"},
			&cli.BoolFlag{Name: "git", Usage: "compare tables with what they were in earlier commits of the git repository that PATH lies in, or is"},
			&cli.BoolFlag{Name: "formats", Usage: "list the files that are known, and stop"},
			quietFlag(),
		},
		Action: e.runAuditScores,
	}
}

func (e *env) runAuditScores(c *cli.Context) error {
	if c.Bool("formats") {
		return e.printFormats()
	}
	if c.Args().Len() == 0 {
		return usagef("audit scores needs files or folders")
	}
	outputs := []struct {
		flag  string
		write func(io.Writer, *history.Report) error
	}{
		{"csv", func(w io.Writer, r *history.Report) error { return writeRows(w, r.Rows) }},
		{"html", report.ScoresHTML},
	}
	for _, o := range outputs {
		if name := c.String(o.flag); name != "" {
			if err := newFile(name); err != nil {
				return err
			}
		}
	}
	in, gaps, err := e.importAll(c)
	if err != nil {
		return err
	}
	r := history.Audit(in)
	if c.Bool("json") {
		err = e.printJSON(r)
	} else {
		err = report.Scores(e.stdout, r)
	}
	if err != nil {
		return err
	}
	for _, o := range outputs {
		if name := c.String(o.flag); name != "" {
			if err := durable.Write(name, 0o644, func(w io.Writer) error { return o.write(w, r) }); err != nil {
				return err
			}
		}
	}
	e.noteSkipped(c, in)
	e.noteClaims(c, r)
	for _, gap := range gaps {
		e.note(c, "%s", gap)
	}
	switch {
	case len(r.Findings) > 0:
		return &verdictError{exitContradicted}
	case len(r.Rows) == 0:
		return withHint(fmt.Errorf("no scores were found"), `"proctor help formats" lists the files that are known`)
	case r.Incomplete() || len(gaps) > 0:
		return &verdictError{exitGaps}
	}
	return nil
}

// importAll reads what the arguments name, and what of a history could not be read.
func (e *env) importAll(c *cli.Context) (in *harness.Imported, gaps []string, err error) {
	args, repos := c.Args().Slice(), []*gitRepo(nil)
	if c.Bool("git") {
		if repos, args, err = openGit(args); err != nil {
			return nil, nil, err
		}
		defer closeGit(repos)
	} else {
		e.noteGit(c)
	}
	fsys, paths, err := openTrees(args, repos)
	if err != nil {
		return nil, nil, err
	}
	defer fsys.close()
	var total int64
	for _, p := range paths {
		total += fsys.size(p)
	}
	bar := e.progress(c, "reading", total)
	defer bar.done()
	var read atomic.Int64
	in, err = harness.Import(e.ctx, fsys, paths, func(n int64) { bar.bytes(read.Add(n), total) })
	if err != nil {
		return nil, nil, err
	}
	gaps, err = e.addHistory(in, repos)
	return in, gaps, err
}

// noteSkipped says what was not looked at.
func (e *env) noteSkipped(c *cli.Context, in *harness.Imported) {
	const most = 5
	for _, skipped := range []struct {
		what  string
		names []string
	}{{"not recognised", in.Unrecognised}, {"links, not followed", in.Links}} {
		if n := len(skipped.names); n > 0 {
			text := strings.Join(skipped.names[:min(n, most)], ", ")
			if n > most {
				text += ", …"
			}
			e.note(c, "%s: %d files (%s)", skipped.what, n, text)
		}
	}
}

func writeRows(w io.Writer, rows []history.Row) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"board", "entry", "metric", "published", "recomputed", "items", "status", "low", "high", "detail", "file", "line"}); err != nil {
		return err
	}
	for _, r := range rows {
		var low, high, file, line string
		if r.Interval != nil {
			low, high = r.Interval.Low, r.Interval.High
		}
		if len(r.Files) > 0 {
			file, line = r.Files[0].Path, strconv.Itoa(r.Files[0].Line)
		}
		cells := []string{r.Board, r.Entry, r.Metric, r.Published, r.Recomputed, strconv.Itoa(r.Items), string(r.Status), low, high, r.Detail, file, line}
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// inert keeps a spreadsheet from taking foreign text for a formula.
func inert(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}

func (e *env) printFormats() error {
	_, err := fmt.Fprint(e.stdout, formatsPage())
	return err
}

// generated are the help pages that are made of what the program knows.
var generated = map[string]func() string{"formats": formatsPage, "findings": findingsPage}

// findingsPage explains the names of findings.
func findingsPage() string {
	var b strings.Builder
	b.WriteString("# findings\n\nWhat \"proctor audit scores\" finds, first what says most against a row. A finding is a\nfact about files, and says nothing of intent.\n\n")
	for _, k := range history.Kinds() {
		fmt.Fprintf(&b, "%-20s %s\n", k.Name, k.Meaning)
	}
	return b.String()
}

// formatsPage is the help page "formats": what each importer says of itself.
func formatsPage() string {
	var b strings.Builder
	b.WriteString("# formats\n\nThe files that \"proctor audit scores\" knows. It recognises them by name and first\nbytes, compressed with gzip or Zstandard or not, and never by guessing a version.\n")
	for _, im := range harness.Importers() {
		fmt.Fprintf(&b, "\n## %s\n\n", im.Name)
		tested := "tested on " + im.Tested
		if im.Tested == "" {
			tested = "not tested on real logs"
		}
		for _, line := range [][2]string{
			{"files", im.About.Files}, {"model", im.About.Model}, {"data set", im.About.Dataset}, {"items", im.About.Items},
			{"aggregate", im.About.Aggregate}, {"absent", im.About.Absent}, {"tested", tested},
		} {
			fmt.Fprintf(&b, "%-10s %s\n", line[0], line[1])
		}
	}
	return b.String()
}
