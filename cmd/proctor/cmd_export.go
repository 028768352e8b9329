package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/export"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// exportFormat is a format of others and what it has no place for.
type exportFormat struct {
	name, usage, lacks string
	flags              []cli.Flag
	write              func([]export.Row, export.Source) ([]byte, error)
}

func (e *env) cmdExport() *cli.Command {
	url := &cli.StringFlag{Name: "url", Usage: "where the pack is published, a `URL`"}
	formats := []exportFormat{
		{
			"eee", "an aggregate file of Every Eval Ever 0.3.0",
			"proofs of logging, the registration and the verdict; deployment and availability are written as unknown, and eval_library where the pack does not hold a configuration that names a harness", []cli.Flag{url}, export.EEE,
		},
		{
			"eval-results", "a Hugging Face .eval_results file",
			"the model's digest, the exact score and proofs of logging, other than in its notes; verifyToken is Hugging Face's alone", []cli.Flag{
				url,
				&cli.StringFlag{Name: "dataset", Usage: "the Hub's `ID` of the data set"},
				&cli.StringFlag{Name: "task", Usage: "the `ID` of the task in the data set's eval.yaml"},
			}, export.EvalResults,
		},
		{
			"eval-result", "an in-toto eval-result statement, unsigned",
			"the score, items, denominators and proofs of logging, other than in the pack that it points to by its digest", []cli.Flag{
				url,
				&cli.StringSliceFlag{Name: "threshold", Usage: "a `COMPARISON` such as \">=0.85\", in the metric's own unit, against which the exact score is held; repeatable"},
				&cli.StringFlag{Name: "evaluated-at", Usage: "when the run was made, `TIME` in RFC 3339: a pack states only by when it was logged"},
				&cli.StringFlag{Name: "assurance", Value: export.AssuranceLevels[0], Usage: "who vouches for it, `LEVEL`: " + strings.Join(export.AssuranceLevels, ", ")},
				&cli.StringFlag{Name: "type", Value: export.EvalResultTypes[0], Usage: "the predicate type, a `URI`: this, or " + export.EvalResultTypes[1]},
			}, export.EvalResult,
		},
		{
			"cyclonedx", "a CycloneDX 1.6 model card",
			"the exact score, items and proofs of logging, other than in properties; no interval, since the pack states none", nil, export.CycloneDX,
		},
	}
	cmd := &cli.Command{Name: "export", Usage: "write a pack's scores in the formats of others"}
	for _, f := range formats {
		cmd.Subcommands = append(cmd.Subcommands, &cli.Command{
			Name: f.name, Usage: f.usage, ArgsUsage: "PACK",
			Description: "Verifies nothing. The format has no place for " + f.lacks + ".",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write to `FILE` (default: stdout)"},
				&cli.StringFlag{Name: "row", Usage: "only the row with this `LABEL`"},
			}, f.flags...),
			Action: func(c *cli.Context) error { return e.runExport(c, f) },
		})
	}
	return cmd
}

func (e *env) runExport(c *cli.Context, f exportFormat) error {
	name, err := oneArg(c, "the evidence pack")
	if err != nil {
		return err
	}
	digest, err := fileDigest(name)
	if err != nil {
		return err
	}
	pack, done, err := openPack(name)
	if err != nil {
		return err
	}
	defer done()
	rows, err := export.Rows(pack)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if label := c.String("row"); label != "" {
		if rows = rowsNamed(rows, label); len(rows) == 0 {
			return fmt.Errorf("%s: there is no row %q", name, label)
		}
	}
	data, err := f.write(rows, export.Source{
		Pack: digest, URL: c.String("url"), Dataset: c.String("dataset"), Task: c.String("task"), Now: e.now(),
		Thresholds: c.StringSlice("threshold"), EvaluatedAt: c.String("evaluated-at"), Assurance: c.String("assurance"), PredicateType: c.String("type"),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintln(e.stderr, "Nothing was verified: check the pack with \"proctor verify\".")
	fmt.Fprintf(e.stderr, "The format has no place for %s.\n", f.lacks)
	out := c.String("out")
	if out == "" {
		_, err = e.stdout.Write(data)
		return err
	}
	if err := newFile(out); err != nil {
		return err
	}
	return durable.Write(out, 0o644, func(w io.Writer) error { _, err := w.Write(data); return err })
}

func rowsNamed(rows []export.Row, label string) (named []export.Row) {
	for _, r := range rows {
		if r.Label == label {
			named = append(named, r)
		}
	}
	return named
}
