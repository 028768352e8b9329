package main

import (
	"fmt"
	"math/big"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/verify/score"
)

func (e *env) cmdAudit() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "look into published scores",
		Subcommands: []*cli.Command{e.cmdAuditScores(), e.cmdAuditPrepare(), e.cmdAuditRegrade(), e.cmdAuditModel(), e.cmdAuditChallenge(), {
			Name:      "impact",
			Usage:     "what published scores become on a later version of their test set",
			ArgsUsage: "VERSION RESULT…",
			Description: "VERSION is the later version's pack, id or name, a RESULT the pack or id of a result on\n" +
				"an earlier one. Items that were retired since leave the mean; items that were revised\n" +
				"or appended since have no answer and are only counted. Nothing is verified here.",
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}},
			Action: e.runAuditImpact,
		}},
	}
}

// impact is what becomes of one result.
type impact struct {
	Model      string `json:"model"`
	Result     string `json:"result"`
	Before     string `json:"before"` // exact
	After      string `json:"after"`  // exact
	Items      int    `json:"items"`
	Retired    int    `json:"retired"`
	Unanswered uint64 `json:"unanswered"` // active items of the later version that the run did not have
	before     *big.Rat
	after      *big.Rat
}

func (e *env) runAuditImpact(c *cli.Context) error {
	if c.Args().Len() < 2 {
		return usagef("audit impact needs a version and one or more results")
	}
	h := &home{dir: homeDir()} // may not exist: files will do
	pack, entry, set, err := find[*attest.Testset](h, c.Args().First())
	if err != nil {
		return err
	}
	bitmap, err := pack.Artifact(set.Bitmap)
	if err != nil {
		return err
	}
	var list []impact
	for _, arg := range c.Args().Tail() {
		i, err := impactOf(h, arg, set, bitmap)
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		list = append(list, i)
	}
	if c.Bool("json") {
		return e.printJSON(map[string]any{"version": entry.Statement.ID, "impact": list})
	}
	fmt.Fprintf(e.stdout, "test set  %s, version of %d items, %d active\n", set.Name, set.Version.Size, countActive(bitmap, set.Version.Size))
	for _, i := range list {
		fmt.Fprintf(e.stdout, "%s: %s = %s on %d items becomes %s = %s on %d; %d retired, %d active items have no answer\n",
			i.Model, i.Before, score.Decimal(i.before, 6), i.Items, i.After, score.Decimal(i.after, 6), i.Items-i.Retired, i.Retired, i.Unanswered)
	}
	return nil
}

func impactOf(h *home, arg string, set *attest.Testset, bitmap []byte) (impact, error) {
	pack, entry, result, err := find[*attest.Result](h, arg)
	if err != nil {
		return impact{}, err
	}
	reg, config, rows, err := rowsOf(pack, result)
	if err != nil {
		return impact{}, err
	}
	if reg.Testset.SetID != set.SetID {
		return impact{}, fmt.Errorf("the result is on another test set, %q", reg.TestsetName)
	}
	if reg.Testset.Size > set.Version.Size {
		return impact{}, fmt.Errorf("the result is on a version of %d items, later than this one of %d", reg.Testset.Size, set.Version.Size)
	}
	out := impact{Model: reg.ModelName, Result: entry.Statement.ID.String()}
	var kept []run.Row
	items := map[uint64]bool{}
	for _, r := range rows {
		if testset.IsActive(bitmap, r.Item) {
			kept = append(kept, r)
			items[r.Item] = true
		}
	}
	if out.before, out.Items, err = exactScore(rows, reg.Metric, config.Denominator); err != nil {
		return out, err
	}
	if len(kept) == 0 {
		return out, fmt.Errorf("all its items were retired")
	}
	var left int
	if out.after, left, err = exactScore(kept, reg.Metric, config.Denominator); err != nil {
		return out, err
	}
	out.Before, out.After = out.before.RatString(), out.after.RatString()
	out.Retired = out.Items - left
	out.Unanswered = countActive(bitmap, set.Version.Size) - uint64(len(items))
	return out, nil
}

func exactScore(rows []run.Row, metric attest.Metric, denominator string) (*big.Rat, int, error) {
	got, err := score.Recompute(rows, metric)
	if err != nil {
		return nil, 0, err
	}
	exact, err := got.With(denominator)
	return exact, got.Items, err
}

// rowsOf returns a result's registration, configuration and rows.
func rowsOf(pack *attest.Pack, result *attest.Result) (*attest.Registration, *run.Configuration, []run.Row, error) {
	if result.Outcome == nil {
		return nil, nil, nil, fmt.Errorf("the run was abandoned: %s", result.Abandoned)
	}
	entry, ok := pack.Entries[result.RunID]
	if !ok {
		return nil, nil, nil, fmt.Errorf("the result's pack does not hold its registration")
	}
	reg, ok := entry.Statement.Predicate.(*attest.Registration)
	if !ok {
		return nil, nil, nil, fmt.Errorf("statement %s is no registration", result.RunID.Short())
	}
	doc, err := pack.Artifact(reg.Configuration)
	if err != nil {
		return nil, nil, nil, err
	}
	config, err := run.ParseConfiguration(doc)
	if err != nil {
		return nil, nil, nil, err
	}
	data, err := pack.Artifact(result.Rows)
	if err != nil {
		return nil, nil, nil, err
	}
	rows, err := run.ParseRows(data)
	return reg, config, rows, err
}
