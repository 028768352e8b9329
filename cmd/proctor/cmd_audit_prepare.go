package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify/history"
)

func (e *env) cmdAuditPrepare() *cli.Command {
	return &cli.Command{
		Name:      "prepare",
		Usage:     "make of a reproduced number what a signed claim needs",
		ArgsUsage: "PATH…",
		Description: "Audits PATH as \"proctor audit scores\" does, and writes for one number that is\n" +
			"reproduced: the items, the rows to seal, a configuration, the model and the table of\n" +
			"scores, and prints the commands that sign them (\"proctor help retroactive\"). Signs and\n" +
			"logs nothing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "row", Usage: "the row, `BOARD/ENTRY`, as the audit names it"},
			&cli.StringFlag{Name: "metric", Usage: "the `NAME` of a number of a row that has several"},
			&cli.StringFlag{Name: "published", Usage: "the `NUMBER`, where it was published elsewhere than in PATH: at --url"},
			&cli.StringFlag{Name: "provider", Usage: "`WHO` makes or offers the model: no file of results says it"},
			&cli.StringFlag{Name: "url", Usage: "where the model is published or described, a `URL`"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "a new `DIR` for what is written"},
			quietFlag(),
		},
		Action: e.runAuditPrepare,
	}
}

func (e *env) runAuditPrepare(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usagef("audit prepare needs files or folders")
	}
	if err := need(c, "row", "provider", "url", "out"); err != nil {
		return err
	}
	in, _, err := e.importAll(c)
	if err != nil {
		return err
	}
	b, err := history.FindBasis(in, c.String("row"), c.String("metric"), c.String("published"))
	if err != nil {
		return withHint(err, `"proctor audit scores --json" lists the rows with their numbers`)
	}
	if err := undoubted(history.Audit(in), c.String("row")); err != nil {
		return err
	}
	p, err := prepare(b, c.String("row"), c.String("url"))
	if err != nil {
		return fmt.Errorf("row %q: %w", c.String("row"), err)
	}
	p.provider, p.evaluator = c.String("provider"), "?"
	if h, err := e.openHome(); err == nil {
		p.evaluator = h.config.Issuer
	}
	dir := c.String("out")
	if err := p.write(dir); err != nil {
		return err
	}
	for _, n := range p.notes {
		e.note(c, "%s", n)
	}
	_, err = fmt.Fprint(e.stdout, p.steps(dir))
	return err
}

// noteClaims says what can follow an audit.
func (e *env) noteClaims(c *cli.Context, r *history.Report) {
	if slices.ContainsFunc(r.Rows, func(row history.Row) bool { return row.Status == history.Reproduced }) {
		e.note(c, `to sign a reproduced mean or pass rate: "proctor audit prepare" ("proctor help retroactive")`)
	}
}

// undoubted refuses a row whose results a finding says may not be its own.
func undoubted(r *history.Report, row string) error {
	entry := row
	if i := slices.IndexFunc(r.Rows, func(x history.Row) bool { return x.Row == row }); i >= 0 {
		entry = r.Rows[i].Entry
	}
	doubts := r.Disowned()
	if !doubts[row] && !doubts[entry] {
		return nil
	}
	for _, f := range r.Findings {
		if f.Row == row || f.Row == entry {
			return fmt.Errorf("row %q is reproduced from results that may not be its own: %s: %s", row, f.Name, f.Detail)
		}
	}
	return fmt.Errorf("row %q is reproduced from results that may not be its own", row)
}

// write makes the folder, whole or not at all.
func (p *prepared) write(dir string) (err error) {
	if err := newFile(dir); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".prepare-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"items.jsonl", p.writeItems}, {"rows.jsonl", p.writeRows}, {"model.json", p.writeModel},
		{"config.json", p.writeConfig}, {"scores.csv", p.writeScores},
	} {
		if err := durable.Write(filepath.Join(temp, f.name), 0o644, f.write); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	return os.Rename(temp, dir)
}

// steps are the commands that make a claim of what was written.
func (p *prepared) steps(dir string) string {
	at := func(name string) string { return quoteShell(filepath.ToSlash(filepath.Join(dir, name))) }
	run := p.model + "." + p.set
	commit := fmt.Sprintf("proctor commit testset %s --name %s", at("items.jsonl"), p.set)
	if p.duplicates {
		commit += " --allow-duplicates"
	}
	register := fmt.Sprintf("proctor register --model %s --testset %s --config %s --metric %s", p.model, p.set, at("config.json"), quoteShell(p.metric.Name))
	if k := p.metric.Parameters["k"]; k != "" {
		register += " --metric-param k=" + k
	}
	row := "key=id,response=response,grade=grade"
	if p.samples > 1 {
		register += fmt.Sprintf(" --samples %d", p.samples)
		row += ",sample=sample"
	}
	lines := []string{
		commit,
		fmt.Sprintf("proctor open %s --all --private", p.set),
		fmt.Sprintf("proctor commit model --endpoint %s --name %s", at("model.json"), p.model),
		register + " --deadline 1d --retroactive",
		fmt.Sprintf("proctor result %s --registration %s.registration.proctor --items %s.opening.jsonl --row %s", at("rows.jsonl"), run, p.set, row),
		fmt.Sprintf("proctor claim --scores %s --text %s", at("scores.csv"), quoteShell(p.text)),
		"proctor verify claim.proctor",
	}
	return strings.Join(lines, "\n") + "\n"
}

// quoteShell writes a word as a POSIX shell reads it.
func quoteShell(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:@%+-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// fileSum names a file by its digest, for a claim's text: folders of this machine are
// nobody's business.
func fileSum(p history.Place) string {
	return fmt.Sprintf("%s (SHA-256 %s)", path.Base(p.Path), p.SHA256)
}
