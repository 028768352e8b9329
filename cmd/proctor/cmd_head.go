package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

func (e *env) cmdHead() *cli.Command {
	return &cli.Command{
		Name:  "head",
		Usage: "say which statement is your newest, as of a beacon round",
		Description: "A head shows readers that nothing was left out after it, a retraction for instance. It\n" +
			"carries a beacon round that nobody could know before: run \"proctor fetch quicknet\"\n" +
			"first. Issue one at least every 30 days.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "beacon", Usage: "the round, a `FILE` (default: the newest that \"proctor fetch\" saved)"},
			intoFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		},
		Action: e.runHead,
	}
}

func (e *env) runHead(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	policy, err := h.policy()
	if err != nil {
		return err
	}
	round, err := h.round(policy, c.String("beacon"))
	if err != nil {
		return err
	}
	entry, file, err := e.issueInto(c, h, func(s *issuing) (attest.Predicate, error) {
		if len(s.chain) == 0 {
			return nil, withHint(errors.New("you have issued no statement yet"), "a head says which one is the newest")
		}
		return &attest.ChainHead{Header: attest.Header{NotBefore: round}, Newest: uint64(len(s.chain) - 1)}, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "head      statement %d of %s\nround     %d\nstatement %s\npack      %s\n",
		entry.Statement.Head().Seq, h.config.Issuer, round.Round, entry.Statement.ID, file)
	return nil
}

func intoFlag() cli.Flag {
	return &cli.StringFlag{Name: "into", Usage: "add the statement, and those that lead to it, to the evidence pack `FILE`"}
}

// issueInto issues a statement and adds it to the pack of --into; without one it
// gets a pack of its own, in the home.
func (e *env) issueInto(c *cli.Context, h *home, predicate func(*issuing) (attest.Predicate, error)) (*attest.Entry, string, error) {
	into := attest.NewPack()
	if name := c.String("into"); name != "" {
		pack, done, err := openPack(name)
		if err != nil {
			return nil, "", err
		}
		defer done()
		into = pack
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return nil, "", err
	}
	defer s.close(e.ctx)
	p, err := predicate(s)
	if err != nil {
		return nil, "", err
	}
	out := c.String("into")
	entry, err := s.logAndPack(e.ctx, p, into, out)
	if err == nil && out == "" {
		out = h.packFile(entry.Statement.ID)
	}
	return entry, out, err
}

// round reads a beacon round, checks it under the policy and keeps it.
func (h *home) round(policy *verify.Policy, name string) (*attest.Round, error) {
	if name == "" {
		newest, err := newestFile(h.path(beaconsDir))
		if err != nil {
			return nil, withHint(errors.New("no beacon round is saved"), `"proctor fetch quicknet" saves the newest; --beacon FILE names one`)
		}
		name = newest
	}
	data, err := readLimited(name, 1<<16)
	if err != nil {
		return nil, err
	}
	for _, b := range policy.Beacons {
		checked, err := b.Check(data)
		if err != nil {
			continue
		}
		round := attest.Round{Chain: b.Chain, Round: checked.Number}
		return &round, durable.WriteFile(h.path(beaconsDir, roundName(round)), data, 0o644)
	}
	return nil, withHint(fmt.Errorf("%s: no beacon of your policy signed this round", name), `"proctor policy show" lists the beacons`)
}

// laterRound is round for statements that can do without one.
func (h *home) laterRound(name string, policy *verify.Policy) (*attest.Round, error) {
	if name == "" {
		if _, err := newestFile(h.path(beaconsDir)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return h.round(policy, name)
}

func newestFile(dir string) (string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var newest fs.FileInfo
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if newest == nil || info.ModTime().After(newest.ModTime()) {
			newest = info
		}
	}
	if newest == nil {
		return "", fs.ErrNotExist
	}
	return filepath.Join(dir, newest.Name()), nil
}

func (e *env) cmdRetract() *cli.Command {
	return &cli.Command{
		Name:      "retract",
		Usage:     "withdraw a statement of yours",
		ArgsUsage: "ID",
		Description: "A retraction only withdraws; a correction is a new run. It counts for every later\n" +
			"verdict that sees it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "reason", Usage: "`WHY`, for readers"},
			intoFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		},
		Action: e.runRetract,
	}
}

func (e *env) runRetract(c *cli.Context) error {
	arg, err := oneArg(c, "the id of a statement of yours")
	if err == nil {
		err = need(c, "reason")
	}
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	chain, err := h.readChain()
	if err != nil {
		return err
	}
	target, err := ownStatement(chain, arg)
	if err != nil {
		return err
	}
	entry, file, err := e.issueInto(c, h, func(*issuing) (attest.Predicate, error) {
		return &attest.Retraction{
			Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTarget, ID: target.Statement.ID}}},
			Target: target.Statement.ID, Reason: c.String("reason"),
		}, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "retracted %s %s\nstatement %s\npack      %s\n", target.Statement.Kind(), target.Statement.ID, entry.Statement.ID, file)
	return nil
}
