package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/trillian"
)

func (e *env) cmdLedgerMigrate() *cli.Command {
	return &cli.Command{
		Name: "migrate", Usage: "keep the home's ledger on another engine: trillian:HOST:PORT, or embedded",
		Description: "Moves a ledger to a Trillian cluster, into a tree that is made for it, or back into its\n" +
			"directory. It stays the same ledger: its key, its origin, the place of each entry, and\n" +
			"every proof that was handed out. Nobody may serve it or append to it meanwhile.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "`ENGINE`: trillian:HOST:PORT, of a log server, or embedded"},
			&cli.StringFlag{Name: "from", Usage: "take the entries from a copy in `DIR`, the newest there is, without asking Trillian (default: the home's ledger)"},
			quietFlag(),
		}, connectionFlags()...),
		Action: e.runLedgerMigrate,
	}
}

func (e *env) runLedgerMigrate(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if err := need(c, "to"); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	if err := h.checkConfirmed(); err != nil {
		return err
	}
	if url := h.ownURL(); url != "" {
		return fmt.Errorf("the home's ledger is at %s, and its operator's to move", url)
	}
	server, toTrillian := strings.CutPrefix(c.String("to"), engineTrillian+":")
	switch {
	case toTrillian && h.config.Trillian != nil:
		return fmt.Errorf("the ledger is on Trillian already, tree %d at %s", h.config.Trillian.Tree, h.config.Trillian.Server)
	case toTrillian:
		t, err := connectionOf(c, h.dir, server, 0)
		if err != nil {
			return err
		}
		return h.migrateToTrillian(e, c, t)
	case c.String("to") != engineEmbedded:
		return usagef("--to wants trillian:HOST:PORT or embedded, not %q", c.String("to"))
	case h.config.Trillian == nil:
		return errors.New("the ledger is in its directory already")
	}
	return h.migrateToEmbedded(e, c)
}

// migrateToTrillian fills a tree and lets config.toml name it. Until then nothing has
// changed but that there is one more tree.
func (h *home) migrateToTrillian(e *env, c *cli.Context, t *trillianConfig) error {
	conf, err := h.ledgerConfig()
	if err != nil {
		return err
	}
	lock, err := lockLedger(conf.Dir)
	if err != nil {
		return err
	}
	defer lock.Release()
	from := conf.Dir
	if dir := c.String("from"); dir != "" {
		from = dir
	}
	cp, err := newestOf(c.Context, conf, from)
	if err != nil {
		return err
	}
	h.config.Trillian = t
	at, err := h.connection()
	if err != nil {
		return err
	}
	bar := e.progress(c, "filling the tree", 0)
	t.Tree, err = trillian.CreateTreeOf(c.Context, at, ledger.Dir(from), cp, func(done, of uint64) { bar.bytes(int64(done), int64(of)) })
	bar.done()
	if err != nil {
		return ledgerHint(err)
	}
	if err := h.writeConfig(); err != nil {
		return err
	}
	// The embedded engine refuses a ledger without it, and must: two engines would sign
	// two histories.
	if err := os.RemoveAll(filepath.Join(conf.Dir, ".state")); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "ledger    %s\nsize      %d\nroot      %s\ntrillian  %s, tree %d\n", cp.Origin, cp.Size, attest.Hash(cp.Root), t.Server, t.Tree)
	return nil
}

// newestOf is the checkpoint of a copy of the ledger, which must continue the anchor and
// what is in the ledger's own directory.
func newestOf(ctx context.Context, conf tiles.Config, dir string) (ledger.Checkpoint, error) {
	key, err := ledger.ParseLogKey(conf.Key)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	open := func(signed []byte, err error) (ledger.Checkpoint, error) {
		if err != nil {
			return ledger.Checkpoint{}, err
		}
		return key.Open(signed)
	}
	cp, err := open(ledger.Dir(dir).ReadCheckpoint(ctx))
	if err != nil {
		return cp, fmt.Errorf("%s: %w", dir, err)
	}
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return readLimited(conf.Anchor, 1<<20) },
		func() ([]byte, error) { return ledger.Dir(conf.Dir).ReadCheckpoint(ctx) },
	} {
		before, err := open(read())
		if err == nil {
			err = ledger.CheckConsistent(ctx, ledger.Dir(dir), before, cp)
		}
		if err != nil {
			return cp, ledgerHint(err)
		}
	}
	return cp, nil
}

// migrateToEmbedded freezes the tree, so that no front end goes on with it, publishes what
// is in it, and makes of the tiles a ledger of their own. With a copy it does without
// Trillian.
func (h *home) migrateToEmbedded(e *env, c *cli.Context) error {
	conf, err := h.trillianConfig()
	if err != nil {
		return err
	}
	lock, err := lockLedger(conf.Dir)
	if err != nil {
		return err
	}
	lock.Release()
	from := c.String("from")
	if from == "" {
		from = conf.Dir
		if err := takeAll(c.Context, conf); err != nil {
			return err
		}
	}
	own, err := h.ledgerConfig()
	if err != nil {
		return err
	}
	bar := e.progress(c, "copying the ledger", 0)
	cp, err := tiles.Restore(c.Context, own, ledger.Dir(from), func(files, of uint64) { bar.bytes(int64(files), int64(of)) })
	bar.done()
	if err != nil {
		return ledgerHint(err)
	}
	was := h.config.Trillian
	h.config.Trillian = nil
	if err := h.writeConfig(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "ledger    %s\nsize      %d\nroot      %s\n", cp.Origin, cp.Size, attest.Hash(cp.Root))
	if c.String("from") == "" {
		e.note(c, "Tree %d at %s takes no more entries. It can be deleted when a backup of the ledger\nis made.", was.Tree, was.Server)
	} else {
		e.note(c, "Tree %d at %s was not asked. No front end may go on with it: freeze or delete it.", was.Tree, was.Server)
	}
	return nil
}

// takeAll publishes what a tree has, which takes no more.
func takeAll(ctx context.Context, c trillian.Config) error {
	if err := trillian.Freeze(ctx, c); err != nil {
		return err
	}
	log, err := trillian.Open(ctx, c)
	if err != nil {
		return ledgerHint(err)
	}
	return errors.Join(log.Sync(ctx), log.Close(ctx))
}

// lockLedger keeps others from appending.
func lockLedger(dir string) (*durable.Lock, error) {
	lock, err := durable.TryAcquire(filepath.Join(dir, ".ledger.lock"))
	if err == nil && lock == nil {
		err = withHint(fmt.Errorf("somebody appends to the ledger %s, or serves it", dir), "let that end first")
	}
	return lock, err
}
