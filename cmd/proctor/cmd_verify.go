package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/report"
)

func (e *env) cmdVerify() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "judge evidence packs offline, under a policy of your own, or a signature of a model's files",
		ArgsUsage: "PACK…|SIGNATURE",
		Description: "Prints what is proven, what is only attested, what is missing and what is contradicted.\n" +
			"Of evidence of others (PRML manifests, in-toto statements) it says what they show and\n" +
			"lack (\"proctor help foreign\"). Opens no socket. Exit status: 0 supported at the level\n" +
			"your policy requires, 3 contradicted or retracted, 4 not supported, with gaps or stale,\n" +
			"1 cannot check. A SIGNATURE, model.sig, is one of OpenSSF Model Signing\n" +
			"(\"proctor help model-signing\").",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE` (default: the home's)"},
			&cli.StringFlag{Name: "model", Usage: "the published model files, a `DIR`, to recompute the modelID from; or less, such as what \"proctor fetch hf:ORG/NAME\" saved"},
			revisionFlag(),
			weightsFlag(), cacheFlag(),
			&cli.StringSliceFlag{Name: "ledger", Usage: "a ledger of the policy, or a copy of one, in `DIR`, to scan for what the pack leaves out; repeatable"},
			&cli.StringSliceFlag{Name: "inventory", Usage: "a pack of a monitor's inventories, a `FILE`, to tell what the pack leaves out; repeatable (\"proctor help monitor\")"},
			&cli.StringFlag{Name: "at", Usage: "verification `TIME`, RFC 3339 (default: now)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			quietFlag(),
		}, signatureFlags()...),
		Action: e.runVerify,
	}
}

func (e *env) runVerify(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usagef("verify needs an evidence pack")
	}
	if (c.IsSet("weights") || c.IsSet("cache")) && c.String("model") == "" {
		return usagef("--weights and --cache go with --model")
	}
	at := e.now()
	if text := c.String("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return usagef("--at %q: want a time such as 2026-12-24T18:00:00Z", text)
		}
	}
	if ofSignature(c) {
		return e.verifySignature(c, at.UTC().Truncate(time.Second))
	}
	policyName := c.String("policy")
	if policyName == "" {
		policyName = filepath.Join(homeDir(), policyFile)
	}
	policy, err := readPolicy(policyName)
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("there is no policy at %s", policyName), "a verdict rests on whom you trust: give --policy FILE; \"proctor policy add\" makes one")
	}
	if err != nil {
		return err
	}
	opts := verify.Options{At: at.UTC().Truncate(time.Second)}
	if opts.CheckToken, err = checkToken(policy); err != nil {
		return err
	}
	if dir := c.String("model"); dir != "" {
		if opts.Published, err = e.published(c, dir); err != nil {
			return err
		}
	}
	if !c.Bool("json") {
		e.note(c, "policy %s (%s): %s, required %s", policyName, policy.Hash.Short(), policyInWords(policy), policy.Require.Level)
	}
	return e.verifyAll(c, policy, opts)
}

func (e *env) verifyAll(c *cli.Context, policy *verify.Policy, opts verify.Options) error {
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	worst, printed := exitOK, 0
	judge := packJudge{verifier: verify.New(policy), policy: policy, opts: opts, ledgers: c.StringSlice("ledger"), inventories: c.StringSlice("inventory")}
	for j := range judge.all(ctx, c.Args().Slice()) {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if !c.Bool("json") {
			for _, s := range j.scans {
				e.note(c, "ledger %s, size %d, holds %d statement(s) that bear on this pack and that it leaves out", s.Origin, s.Size, s.Added)
			}
		}
		v := j.verdict
		if j.err != nil {
			v = unjudged(j, policy, opts.At)
			fmt.Fprintf(e.stderr, "proctor: %s\n", printable(v.Reason))
		}
		v.Pack = j.name
		if err := e.printVerdict(c, j.name, v, c.Args().Len() > 1); err != nil {
			return err
		}
		worst = worse(worst, exitFor(v))
		printed++
	}
	if printed < c.Args().Len() {
		return c.Context.Err()
	}
	if worst != exitOK {
		return &verdictError{worst}
	}
	return nil
}

// unjudged is the verdict on what is no evidence pack that could be read.
func unjudged(j judgedPack, policy *verify.Policy, at time.Time) *verify.Verdict {
	v := &verify.Verdict{
		Reason: j.err.Error(), Policy: policy.Hash, At: at, Required: policy.Require.Level,
		Claims: []verify.Claim{}, NotShown: []string{}, Trusting: []string{},
	}
	if r := readForeign(j.name, policy); r != nil {
		v.Reason = fmt.Sprintf("%s: %s", j.name, r)
		v.NotShown = append(v.NotShown, r.Lacks...)
		v.Trusting = append(v.Trusting, r.Trusting...)
	}
	return v
}

func (e *env) printVerdict(c *cli.Context, name string, v *verify.Verdict, many bool) error {
	switch {
	case c.Bool("json"):
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", data)
		return err
	case many:
		return report.Line(e.stdout, name, v)
	}
	return report.Text(e.stdout, v)
}

// worse orders exit codes of several packs: found wrong, could not check, gaps.
func worse(a, b int) int {
	rank := map[int]int{exitOK: 0, exitGaps: 1, exitFailed: 2, exitContradicted: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func policyInWords(p *verify.Policy) string {
	text := fmt.Sprintf("%d issuer(s), %d ledger(s), %d witness(es)", len(p.Issuers), len(p.Ledger.Logs()), len(p.Ledger.Witnesses()))
	if n := len(p.TSAs); n > 0 {
		text += fmt.Sprintf(", %d TSA(s)", n)
	}
	return text
}
