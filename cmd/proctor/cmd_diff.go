package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/model/diff"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify/report"
)

func (e *env) cmdDiff() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "say whether two models are the same, and if not, what differs",
		ArgsUsage: "A B",
		Description: "Each of A and B is a model directory, a manifest, a model statement (by the pack\n" +
			"that has it, or by name or id), or a listing of files: an answer of the Hub's API, a\n" +
			"list that sha256sum wrote. Statements and listings are taken at their word: \"proctor\n" +
			"verify\" checks statements. Exit code 3: the models differ; 4: what is known of them\n" +
			"does not decide.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			&cli.StringFlag{Name: "html", Usage: "also write a page with a strip of the layers to `FILE`, which opens in any browser and needs no network"},
			quietFlag(),
		},
		Action: e.runDiff,
	}
}

func (e *env) runDiff(c *cli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("diff needs two models")
	}
	if name := c.String("html"); name != "" {
		if err := newFile(name); err != nil {
			return err
		}
	}
	a, err := e.openSide(c, c.Args().Get(0))
	if err != nil {
		return err
	}
	defer a.close()
	b, err := e.openSide(c, c.Args().Get(1))
	if err != nil {
		return err
	}
	defer b.close()
	r, err := diff.Models(a.Side, b.Side)
	if err != nil {
		return err
	}
	bar := e.progress(c, "comparing values", 0)
	err = r.CompareCasts(c.Context, a.Side, b.Side, bar.bytes)
	bar.done()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = e.printJSON(r)
	} else {
		err = report.Diff(e.stdout, r)
	}
	if err != nil {
		return err
	}
	if name := c.String("html"); name != "" {
		if err := durable.Write(name, 0o644, func(w io.Writer) error { return report.DiffHTML(w, r) }); err != nil {
			return err
		}
	}
	switch r.Answer {
	case diff.Same:
		return nil
	case diff.Different:
		return &verdictError{exitContradicted}
	}
	return &verdictError{exitGaps}
}
