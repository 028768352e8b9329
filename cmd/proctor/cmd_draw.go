package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
)

func (e *env) cmdDraw() *cli.Command {
	return &cli.Command{
		Name:      "draw",
		Usage:     "what a beacon's round decides about a registered run: items, examples, orders, seeds",
		ArgsUsage: "REGISTRATION",
		Description: "Anybody draws the same. The round must be there first: \"proctor fetch quicknet/ROUND\"\n" +
			"saves it. Without --items the drawn items are known by their index in the set alone;\n" +
			"with the owner's opening the keys are written too, as harnesses take them:\n" +
			"lm-eval.json for lm-eval's --samples, sample-ids.txt for Inspect's --sample-id.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "beacon", Usage: "the round, a `FILE` (default: the one that \"proctor fetch\" saved)"},
			&cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE`, whose beacon is meant (default: the home's)"},
			&cli.StringFlag{Name: "items", Usage: "the owner's opening of the items, a `FILE`"},
			&cli.StringFlag{Name: "task", Usage: "the `TASK` that lm-eval runs (default: the set's name)"},
			&cli.StringFlag{Name: "out", Usage: "write the files into a new `DIR` (default: MODEL.SET.draw)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object and write no files"},
			quietFlag(),
		},
		Action: e.runDraw,
	}
}

func (e *env) runDraw(c *cli.Context) error {
	arg, err := oneArg(c, "a registration")
	if err != nil {
		return err
	}
	policy, err := e.fetchPolicy(c)
	if err != nil {
		return err
	}
	pack, entry, reg, err := findAnywhere[*attest.Registration](e, arg)
	if err != nil {
		return err
	}
	d, err := e.newDrawn(policy, pack, entry.Statement.ID, reg, c.String("beacon"))
	if err != nil {
		return err
	}
	if d.set, err = registeredSet(pack, reg); err != nil {
		return err
	}
	if name := c.String("items"); name != "" {
		if err := e.readDrawnKeys(c, d, name); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return e.printJSON(d.document())
	}
	out := c.String("out")
	if out == "" {
		out = notInNames.ReplaceAllString(strings.ReplaceAll(reg.ModelName+"."+reg.TestsetName, "/", "-"), "-") + ".draw"
	}
	if err := newFile(out); err != nil {
		return err
	}
	task := c.String("task")
	if task == "" {
		task = reg.TestsetName
	}
	files, err := d.write(out, task)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "run       %s\nround     %d of %s, %s\ndraw      %s\nitems     %s\n",
		d.run, d.round.Number, d.beacon.Name, d.round.Time.Format(time.RFC3339), d.draw, d.itemsLine())
	if len(d.examples) > 0 {
		fmt.Fprintf(e.stdout, "examples  %v of %d\n", d.examples, reg.Draw.FewShot.Pool)
	}
	for _, f := range files {
		fmt.Fprintf(e.stdout, "saved     %s\n", f)
	}
	return nil
}

// findAnywhere finds a statement in a file that is named, or in the home.
func findAnywhere[P attest.Predicate](e *env, arg string) (*attest.Pack, *attest.Entry, P, error) {
	if _, err := os.Stat(arg); err == nil {
		return find[P](nil, arg)
	}
	h, err := e.openHome()
	if err != nil {
		var none P
		return nil, nil, none, err
	}
	return find[P](h, arg)
}
