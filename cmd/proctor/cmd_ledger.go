package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

func (e *env) cmdLedger() *cli.Command {
	return &cli.Command{
		Name:  "ledger",
		Usage: "look at the embedded ledger and the local witness",
		Subcommands: []*cli.Command{
			{Name: "show", Usage: "list the entries of the home's ledger", Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON lines"}}, Action: e.runLedgerShow},
			{Name: "fsck", Usage: "hash every entry and tile again and compare with the checkpoint", Action: e.runLedgerFsck},
			{Name: "count", Usage: "count registrations per test set and lab: reported, and undisclosed: abandoned, open, overdue", Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}}, Action: e.runLedgerCount},
			{
				Name: "mirror", Usage: "copy a ledger of your policy, to scan it offline", ArgsUsage: "DIR|URL",
				Description: "Copies a ledger from a directory or from its URL and compares every entry with its\n" +
					"checkpoint. A copy that is there is carried on; a ledger that is not consistent with it\n" +
					"is refused, and that is evidence against it.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "out", Usage: "make or carry on the copy in `DIR`"},
					&cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE`, that names the ledger (default: the home's)"},
					&cli.DurationFlag{Name: "timeout", Usage: "give up on a request after `DURATION`", Value: time.Minute},
					quietFlag(),
				},
				Action: e.runLedgerMirror,
			},
			e.cmdLedgerServe(), e.cmdLedgerHealthy(), e.cmdLedgerMigrate(), e.cmdMonitor(), e.cmdInventory(), e.cmdWitness(),
		},
	}
}

// ledgerEntry is an entry of the ledger, read without a lock.
type ledgerEntry struct {
	index uint64
	entry *attest.Entry // nil if it is no statement that is known here
	why   error
}

func (h *home) readLedger(ctx context.Context) ([]ledgerEntry, ledger.Checkpoint, error) {
	vkey, err := h.ledgerVKey()
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		return nil, ledger.Checkpoint{}, fmt.Errorf("%s: %w", h.path(ledgerPubFile), err)
	}
	return scan(ctx, ledger.Dir(h.relative(h.config.Ledger)), key)
}

// scan reads the whole ledger of a key, and hashes every entry on the way.
func scan(ctx context.Context, r ledger.Reader, key ledger.LogKey) ([]ledgerEntry, ledger.Checkpoint, error) {
	signed, err := r.ReadCheckpoint(ctx)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	cp, err := key.Open(signed)
	if err != nil {
		return nil, cp, err
	}
	var list []ledgerEntry
	err = ledger.ScanVerified(ctx, r, cp, 0, func(index uint64, data []byte) error {
		entry, err := attest.ParseEntry(bytes.Clone(data))
		list = append(list, ledgerEntry{index, entry, err})
		return nil
	})
	return list, cp, err
}

func (e *env) runLedgerShow(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	entries, seen, err := h.readLedger(e.ctx)
	if err != nil {
		return err
	}
	if !c.Bool("json") {
		fmt.Fprintf(e.stdout, "ledger    %s\nsize      %d\nroot      %s\n", seen.Origin, seen.Size, attest.Hash(seen.Root))
	}
	for _, le := range entries {
		switch {
		case le.entry == nil:
			fmt.Fprintf(e.stdout, "%6d    not a statement that is known here: %s\n", le.index, le.why)
		case c.Bool("json"):
			fmt.Fprintf(e.stdout, `{"index":%d,"id":"%s","kind":"%s","statement":%s}`+"\n", le.index, le.entry.Statement.ID, le.entry.Statement.Kind(), le.entry.Statement.Payload)
		default:
			head := le.entry.Statement.Head()
			fmt.Fprintf(e.stdout, "%6d    %s %-12s statement %d of %s\n", le.index, le.entry.Statement.ID, le.entry.Statement.Kind(), head.Seq, head.Issuer)
		}
	}
	return nil
}

func (e *env) runLedgerFsck(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	conf, err := h.ledgerConfig()
	if err != nil {
		return err
	}
	cp, err := tiles.Fsck(e.ctx, conf)
	if err != nil {
		fmt.Fprintf(e.stdout, "ledger    damaged\n")
		fmt.Fprintf(e.stderr, "proctor: %s\n", err)
		return &verdictError{exitContradicted}
	}
	fmt.Fprintf(e.stdout, "ledger    sound\nsize      %d\nroot      %s\n", cp.Size, attest.Hash(cp.Root))
	return nil
}
