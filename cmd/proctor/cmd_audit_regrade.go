package main

import (
	"cmp"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/score"
)

func (e *env) cmdAuditRegrade() *cli.Command {
	return &cli.Command{
		Name:      "regrade",
		Usage:     "sign what grades a result's answers should have had",
		ArgsUsage: "RESULT",
		Description: "For the evaluator who corrects itself, the owner of the set, or an auditor. GRADES is\n" +
			"JSONL with a grade for each answer that was graded anew; with --items its rows are matched\n" +
			"by the items' keys, without it their keys are the items' indexes. A published score that\n" +
			"no longer follows is contradicted from then on; a corrected one is published by a claim\n" +
			"whose table names the regrade (column \"regrade\").",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "grades", Usage: "the new grades, a JSONL `FILE`"},
			&cli.StringFlag{Name: "row", Usage: "where a row of it keeps what: `key=PATH,grade=PATH[,sample=PATH]`", Value: "key=key,grade=grade"},
			&cli.StringFlag{Name: "items", Usage: "the owner's opening of the items, a `FILE`"},
			&cli.StringFlag{Name: "method", Usage: "`HOW` they were graded anew and why, for readers"},
			&cli.StringFlag{Name: "grader", Usage: "bind the digest of the grader, a `FILE`"},
			outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		},
		Action: e.runAuditRegrade,
	}
}

func (e *env) runAuditRegrade(c *cli.Context) error {
	arg, err := oneArg(c, "the result")
	if err == nil {
		err = need(c, "grades", "method")
	}
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, result, err := find[*attest.Result](h, arg)
	if err != nil {
		return err
	}
	reg, config, rows, err := rowsOf(pack, result)
	if err != nil {
		return err
	}
	anew, err := e.readGrades(c, pack, reg)
	if err != nil {
		return err
	}
	regraded, changed, err := run.Regrade(rows, anew)
	if err != nil {
		return err
	}
	before, after, err := regradedScores(rows, regraded, reg, config)
	if err != nil {
		return err
	}
	p := &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: entry.Statement.ID}}},
		What:   attest.AuditRegrade, Result: entry.Statement.ID, Method: c.String("method"),
		Regrade: &attest.Regrade{
			Rows:    pack.AddArtifact(run.FormatRows(anew), "application/vnd.proctor.regrades+jsonl", "regrades.jsonl"),
			Checked: uint64(len(anew)), Changed: uint64(changed), Score: after.RatString(),
		},
	}
	if name := c.String("grader"); name != "" {
		sum, err := fileDigest(name)
		if err != nil {
			return err
		}
		p.Grader = &sum
	}
	logged, out, err := e.logNew(c, h, p, pack, reg.ModelName+"."+reg.TestsetName)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "regraded  %d answers, %d grades changed\nscore     %s = %s becomes %s = %s\nstatement %s\npack      %s\n",
		len(anew), changed, before.RatString(), score.Decimal(before, 6), after.RatString(), score.Decimal(after, 6), logged.Statement.ID, out)
	return nil
}

// regradedScores are the exact scores before and after, whose grades must be possible.
func regradedScores(rows, regraded []run.Row, reg *attest.Registration, config *run.Configuration) (before, after *big.Rat, err error) {
	for _, r := range regraded {
		if err := run.CheckGrade(r, reg.Metric, config.Exclusions); err != nil {
			return nil, nil, fmt.Errorf("item %d sample %d: %w", r.Item, r.Sample, err)
		}
	}
	if before, _, err = exactScore(rows, reg.Metric, config.Denominator); err != nil {
		return nil, nil, err
	}
	after, _, err = exactScore(regraded, reg.Metric, config.Denominator)
	return before, after, err
}

// readGrades reads the new grades in the result's order.
func (e *env) readGrades(c *cli.Context, pack *attest.Pack, reg *attest.Registration) ([]run.Row, error) {
	paths, err := parseRowPaths(c.String("row"), "key", "grade", "sample")
	if err != nil {
		return nil, err
	}
	if paths.Key == "" || paths.Grade == "" {
		return nil, usagef("--row needs key= and grade=")
	}
	index, err := e.itemIndex(c, pack, reg)
	if err != nil {
		return nil, err
	}
	name := c.String("grades")
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var anew []run.Row
	err = harness.Grades(name, f, paths, func(row harness.Row) error {
		item, err := index(row)
		anew = append(anew, run.Row{Item: item, Sample: row.Sample, Grade: row.Grade})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(anew, func(a, b run.Row) int { return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Sample, b.Sample)) })
	return anew, nil
}

// itemIndex finds the committed item that a row is about: by its key, which takes the
// owner's opening, or by its index.
func (e *env) itemIndex(c *cli.Context, pack *attest.Pack, reg *attest.Registration) (func(harness.Row) (uint64, error), error) {
	if !c.IsSet("items") {
		return func(row harness.Row) (uint64, error) {
			index, err := strconv.ParseUint(row.Key, 10, 64)
			if err != nil {
				err = withHint(fmt.Errorf("%s is no index of an item", row.Key), "give the owner's opening with --items to go by keys")
			}
			return index, err
		}, nil
	}
	set, err := registeredSet(pack, reg)
	if err != nil {
		return nil, err
	}
	active, err := pack.Artifact(set.Bitmap)
	if err != nil {
		return nil, err
	}
	it := &items{active: active}
	if _, err := e.openItems(c, c.String("items"), set, it); err != nil {
		return nil, err
	}
	return it.find, nil
}
