package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

func (e *env) cmdAuditChallenge() *cli.Command {
	return &cli.Command{
		Name:  "challenge",
		Usage: "answers of a result that a beacon drew: which they are, what they are, and whether they were graded right",
		Subcommands: []*cli.Command{{
			Name: "plan", ArgsUsage: "RESULT",
			Usage:       "which answers a round draws of a result",
			Description: "Anybody draws the same. The round must be there first: \"proctor fetch quicknet/ROUND\"\nsaves it.",
			Flags:       []cli.Flag{beaconFileFlag(), beaconPolicyFlag(), &cli.BoolFlag{Name: "json", Usage: "print one JSON object, with every leaf"}},
			Action:      e.runChallengePlan,
		}, {
			Name: "check", ArgsUsage: "PACK",
			Usage: "check opened answers against what was drawn, and write them as JSONL for a grader",
			Description: "PACK is that of the evaluator's \"proctor open --challenge\". Each line has the item's index,\n" +
				"the sample, the grade that the result gives and the response; with --items its key too.",
			Flags:  append(openedFlags(), beaconPolicyFlag(), &cli.StringFlag{Name: "out", Usage: "write the answers to `FILE` (default: answers.jsonl)"}, quietFlag()),
			Action: e.runChallengeCheck,
		}, {
			Name: "report", ArgsUsage: "PACK",
			Usage: "sign what grades the opened answers have, as an auditor",
			Description: "PACK is that of the evaluator's \"proctor open --challenge\". GRADES is JSONL with a grade\n" +
				"for exactly the answers that were drawn; without --items its keys are the items' indexes.",
			Flags: append(openedFlags(),
				&cli.StringFlag{Name: "grades", Usage: "your grades, a JSONL `FILE`"},
				&cli.StringFlag{Name: "row", Usage: "where a row of it keeps what: `key=PATH,grade=PATH[,sample=PATH]`", Value: "key=key,grade=grade"},
				&cli.StringFlag{Name: "method", Usage: "`HOW` they were graded, for readers"},
				&cli.StringFlag{Name: "grader", Usage: "bind the digest of the grader, a `FILE`"},
				outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
			),
			Action: e.runChallengeReport,
		}},
	}
}

func beaconFileFlag() cli.Flag {
	return &cli.StringFlag{Name: "beacon", Usage: "the round, a `FILE` (default: the one in the pack, or that \"proctor fetch\" saved)"}
}

func beaconPolicyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE`, whose beacon is meant (default: the home's)"}
}

func openedFlags() []cli.Flag {
	return []cli.Flag{
		beaconFileFlag(),
		&cli.StringFlag{Name: "items", Usage: "the owner's opening of the items, a `FILE`"},
		&cli.StringFlag{Name: "identity", Usage: "decrypt the opening with this age identity `FILE`"},
	}
}

func (e *env) runChallengePlan(c *cli.Context) error {
	arg, err := oneArg(c, "a result")
	if err != nil {
		return err
	}
	p, err := e.newPlanned(c, arg)
	if err != nil {
		return err
	}
	worth, err := p.worth()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return e.printJSON(p.document(worth))
	}
	steered, err := p.steered(e)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "result    %s\nround     %d of %s, %s\nchallenge %s\n", p.entry.Statement.ID, p.round.Number, p.beacon.Name, p.round.Time.Format(time.RFC3339), p.plan.Challenge)
	for _, s := range p.plan.Strata {
		fmt.Fprintf(e.stdout, "drawn     %d of %d %s\n", len(s.Drawn), s.Leaves, s.Name)
	}
	fmt.Fprintf(e.stdout, "to open   %d leaves by %s\nworth     %s\nsteered   %s\n", len(p.plan.Open), p.result.Challenge.AnswerBy, worth, steered)
	return nil
}
