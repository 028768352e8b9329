package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

func (e *env) runChallengeReport(c *cli.Context) error {
	name, err := oneArg(c, "the pack of an opening")
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
	a, err := e.newAnswered(c, name)
	if err != nil {
		return err
	}
	anew, err := e.readGrades(c, a.pack, a.reg)
	if err != nil {
		return err
	}
	changed, err := a.compare(anew)
	if err != nil {
		return fmt.Errorf("%s: %w", c.String("grades"), err)
	}
	id := a.entry.Statement.ID
	p := &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleResult, ID: id}}},
		What:   attest.AuditChallenge, Result: id, Method: c.String("method"),
		Challenge: &attest.Challenged{
			Opening: a.opening.Statement.ID,
			Rows:    a.pack.AddArtifact(run.FormatRows(anew), "application/vnd.proctor.regrades+jsonl", "challenge.jsonl"),
			Checked: uint64(len(anew)), Changed: uint64(changed),
		},
	}
	if grader := c.String("grader"); grader != "" {
		sum, err := fileDigest(grader)
		if err != nil {
			return err
		}
		p.Grader = &sum
	}
	worth, err := a.worth()
	if err != nil {
		return err
	}
	a.pack.Beacons[a.result.Challenge.Beacon()] = a.roundFile
	logged, out, err := e.logNew(c, h, p, a.pack, a.reg.ModelName+"."+a.reg.TestsetName)
	if err != nil {
		return err
	}
	if changed > 0 {
		worth = "nothing for the result: readers who know you will see that its grades are not yours"
	}
	fmt.Fprintf(e.stdout, "checked   %d answers that nobody chose, %d grades changed\nworth     %s\nstatement %s\npack      %s\n", len(anew), changed, worth, logged.Statement.ID, out)
	e.note(c, "public from now on: %s.", becomesPublic(p))
	e.note(c, `readers want to see that you have not withdrawn it: "proctor head --into %s"`, out)
	return nil
}

// compare counts grades that differ from the result's. There must be one for exactly each
// drawn leaf, in the order of the tree.
func (a *answered) compare(anew []run.Row) (changed int, err error) {
	next := 0
	for _, at := range a.plan.Open {
		want := a.rows[at]
		switch {
		case next == len(anew) || anew[next].Item != want.Item || anew[next].Sample != want.Sample:
			return 0, a.misfit(anew, next, want)
		case anew[next].Grade != want.Grade:
			changed++
		}
		graded := want
		graded.Grade = anew[next].Grade
		if err := run.CheckGrade(graded, a.reg.Metric, a.config.Exclusions); err != nil {
			return 0, fmt.Errorf("item %d sample %d: %w", want.Item, want.Sample, err)
		}
		next++
	}
	if next < len(anew) {
		return 0, fmt.Errorf("item %d sample %d was not drawn, or is graded twice", anew[next].Item, anew[next].Sample)
	}
	return changed, nil
}

func (a *answered) misfit(anew []run.Row, next int, want run.Row) error {
	if next < len(anew) && (anew[next].Item < want.Item || anew[next].Item == want.Item && anew[next].Sample < want.Sample) {
		return fmt.Errorf("item %d sample %d was not drawn, or is graded twice", anew[next].Item, anew[next].Sample)
	}
	return fmt.Errorf("no grade for item %d sample %d, which was drawn", want.Item, want.Sample)
}
