package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
)

// confirmation brings a restored home to where it may sign again: its ledger to the
// newest copy, its chain to what the ledgers hold of it, its witness to the ledgers as
// they are.
type confirmation struct {
	*home
	env     *env
	policy  *verify.Policy
	key     ledger.LogKey        // of the home's ledger
	witness *witness.Witness     // of the home, or nil
	copies  map[string]*copyOf   // by origin: the newest
	from    *copyOf              // what takes the place of the home's ledger, or nil
	chain   []*attest.Entry      // by number
	pending []*attest.Entry      // signed before the backup, not proven
	found   map[uint64]*logEntry // own statements in the ledgers, by number

	taken []*attest.Entry // with what proves them
	again []*attest.Entry // logged, but under no quorum: their proofs are still to come
}

// copyOf is a ledger in a directory.
type copyOf struct {
	dir string
	ledger.Reader
	cp ledger.Checkpoint
}

type logEntry struct {
	*attest.Entry
	index uint64
	in    *copyOf
}

func (e *env) runConfirm(c *cli.Context) error {
	h, err := e.openHome()
	if err != nil {
		return err
	}
	k := &confirmation{home: h, env: e, copies: map[string]*copyOf{}, found: map[uint64]*logEntry{}}
	mark, err := k.waiting()
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		lock, err := durable.Acquire(e.ctx, h.path("lock"))
		if err != nil {
			return err
		}
		defer lock.Release()
	}
	if err := k.read(c.StringSlice("ledger")); err != nil {
		return err
	}
	if err := k.reconcile(e.ctx); err != nil {
		return err
	}
	k.print(mark)
	if c.Bool("dry-run") {
		e.note(c, "dry run: nothing was changed")
		return nil
	}
	if err := k.apply(c); err != nil {
		return err
	}
	if len(k.taken)+len(k.again) > 0 {
		e.note(c, "What was taken from ledgers has its packs and secrets elsewhere, or nowhere any more: the\nbackup is older. Where a pack was published, commands take it by its file's name.")
	}
	return nil
}

// waiting returns the home's mark; without one, the witness must wait.
func (k *confirmation) waiting() (*restoredMark, error) {
	mark, err := k.restored()
	if err != nil {
		return nil, err
	}
	var logs []ledger.LogKey
	if k.hasWitness() {
		if k.witness, err = witness.Open(k.path(witnessDir)); err != nil {
			return nil, err
		}
		k.witness.Now = k.now
		if logs, err = k.witness.Restored(); err != nil {
			return nil, err
		}
	}
	if mark == nil && len(logs) == 0 {
		return nil, fmt.Errorf("%s was not restored from a backup, or is confirmed already", k.dir)
	}
	return mark, nil
}

func (k *confirmation) print(mark *restoredMark) {
	own, out := k.copies[k.key.Origin], k.env.stdout
	fmt.Fprintf(out, "issuer    %s\n", k.config.Issuer)
	if mark != nil {
		fmt.Fprintf(out, "backup    of %s\n", mark.Made.Format(time.RFC3339))
	}
	fmt.Fprintf(out, "ledger    %s, size %d", own.cp.Origin, own.cp.Size)
	if k.from != nil {
		fmt.Fprintf(out, ", from %s", k.from.dir)
	}
	fmt.Fprintf(out, "\nchain     %d statements in the backup, %d taken from ledgers, %d pending\n", len(k.chain), len(k.taken)+len(k.again), len(k.pending))
	for _, e := range slices.Concat(k.taken, k.again) {
		fmt.Fprintf(out, "taken     %d %s %s\n", e.Statement.Head().Seq, e.Statement.ID, e.Statement.Kind())
	}
	fmt.Fprintf(out, "next      statement %d\n", len(k.chain)+len(k.taken)+len(k.again)+len(k.pending))
}

func (k *confirmation) apply(c *cli.Context) error {
	if k.from != nil {
		conf, err := k.ledgerConfig()
		if err != nil {
			return err
		}
		bar := k.env.progress(c, "copying the ledger", 0)
		_, err = tiles.Restore(c.Context, conf, k.from, func(files, of uint64) { bar.bytes(int64(files), int64(of)) })
		bar.done()
		if err != nil {
			return ledgerHint(err)
		}
	}
	if err := k.keep(); err != nil {
		return err
	}
	if err := k.renewWitness(c); err != nil {
		return err
	}
	if err := os.Remove(k.path(restoredFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.SyncDir(k.dir)
}

// keep writes the statements that were taken. A pending one that turned out to be
// logged is pending no more.
func (k *confirmation) keep() error {
	for _, e := range k.taken {
		stem := strings.TrimSuffix(entryName(e), ".sigstore.json")
		if err := durable.WriteFile(k.path(statementsDir, stem+".tlog-proof"), e.Proof, 0o644); err != nil {
			return err
		}
		if err := durable.WriteFile(k.path(statementsDir, entryName(e)), e.Bytes, 0o644); err != nil {
			return err
		}
		if err := os.Remove(k.path(pendingDir, entryName(e))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, e := range k.again {
		if err := durable.WriteFile(k.path(pendingDir, entryName(e)), e.Bytes, 0o644); err != nil {
			return err
		}
	}
	return durable.SyncDir(k.path(pendingDir))
}

// renewWitness lets the home's witness cosign those ledgers again of which there is a
// copy.
func (k *confirmation) renewWitness(c *cli.Context) error {
	if k.witness == nil {
		return nil
	}
	logs, err := k.witness.Restored()
	if err != nil {
		return err
	}
	slices.SortFunc(logs, func(a, b ledger.LogKey) int { return cmp.Compare(a.Origin, b.Origin) })
	for _, log := range logs {
		newest := k.copies[log.Origin]
		if newest == nil {
			k.env.note(c, "The witness does not cosign %s before you show it the newest copy: \"proctor restore --confirm --ledger DIR\".", log.Origin)
			continue
		}
		if err := k.witness.Renew(k.env.ctx, newest); err != nil {
			return fmt.Errorf("witness: %s: %w", filepath.Clean(newest.dir), err)
		}
		fmt.Fprintf(k.env.stdout, "witness   cosigns %s again, from size %d\n", log.Origin, newest.cp.Size)
	}
	return nil
}
