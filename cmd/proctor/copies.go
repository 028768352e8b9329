package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

// read reads all there is: the home, its ledger, the copies, what witnesses cosigned.
func (k *confirmation) read(dirs []string) (err error) {
	if k.policy, err = k.home.policy(); err != nil {
		return err
	}
	vkey, err := k.ledgerVKey()
	if err != nil {
		return err
	}
	if k.key, err = ledger.ParseLogKey(vkey); err != nil {
		return fmt.Errorf("%s: %w", k.path(ledgerPubFile), err)
	}
	if k.chain, err = k.readChain(); err != nil {
		return err
	}
	if k.pending, err = readEntries(k.path(pendingDir)); err != nil {
		return err
	}
	ctx := k.env.ctx
	for _, dir := range dirs {
		if err := k.readCopy(ctx, dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if err := k.readOwn(ctx); err != nil {
		return err
	}
	if err := k.askWitnesses(ctx); err != nil {
		return err
	}
	for _, origin := range slices.Sorted(maps.Keys(k.copies)) {
		if err := k.scan(ctx, k.copies[origin]); err != nil {
			return fmt.Errorf("%s: %w", k.copies[origin].dir, err)
		}
	}
	return nil
}

// open reads the checkpoint of a ledger that the home knows.
func (k *confirmation) open(ctx context.Context, dir string) (*copyOf, error) {
	c := &copyOf{dir: dir, Reader: ledger.Dir(dir)}
	signed, err := c.ReadCheckpoint(ctx)
	if err != nil {
		return nil, err
	}
	said, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return nil, err
	}
	keys := append([]ledger.LogKey{k.key}, k.policy.Ledger.Logs()...)
	if k.witness != nil {
		watched, err := k.witness.Logs()
		if err != nil {
			return nil, err
		}
		keys = append(keys, watched...)
	}
	err = fmt.Errorf("neither your policy nor your witness knows the log %q", said.Origin)
	for _, key := range keys {
		if key.Origin == said.Origin {
			if c.cp, err = key.Open(signed); err == nil {
				return c, nil
			}
		}
	}
	return nil, err
}

// readCopy keeps the newest copy of each ledger. The others must be its beginnings.
func (k *confirmation) readCopy(ctx context.Context, dir string) error {
	c, err := k.open(ctx, dir)
	if err != nil {
		return err
	}
	newer, older := c, k.copies[c.cp.Origin]
	if older != nil && older.cp.Size > newer.cp.Size {
		newer, older = older, newer
	}
	k.copies[c.cp.Origin] = newer
	if older == nil {
		return nil
	}
	return k.env.rollback(ledger.CheckConsistent(ctx, newer, older.cp, newer.cp))
}

// readOwn reads the home's own ledger, or decides that a copy takes its place.
func (k *confirmation) readOwn(ctx context.Context) error {
	given := k.copies[k.key.Origin]
	own, err := k.open(ctx, k.relative(k.config.Ledger))
	if err == nil && own.cp.Origin != k.key.Origin {
		return fmt.Errorf("%s is the ledger %s, want %s", own.dir, own.cp.Origin, k.key.Origin)
	}
	usable := err == nil
	if usable && k.config.Trillian == nil { // Trillian has the state of its own
		err = tiles.CheckState(own.dir)
	}
	switch {
	case err != nil && given == nil:
		return withHint(fmt.Errorf("the home has no ledger to go on with: %w", err), "give the newest copy of it: --ledger DIR")
	case usable && given != nil && given.cp.Size < own.cp.Size && err != nil:
		return fmt.Errorf("%s has size %d, and the home's ledger, which cannot be appended to, %d: %w", given.dir, given.cp.Size, own.cp.Size, err)
	case err != nil || given != nil && given.cp.Size > own.cp.Size:
		k.from = given
	default:
		k.copies[k.key.Origin] = own
	}
	newest := k.copies[k.key.Origin]
	for _, older := range []*copyOf{own, given} {
		if older == nil {
			continue
		}
		if err := ledger.CheckConsistent(ctx, newest, older.cp, newest.cp); err != nil {
			return k.env.rollback(err)
		}
	}
	return k.checkAnchor(ctx, newest)
}

// checkAnchor refuses a ledger that is older than the home knew it to be.
func (k *confirmation) checkAnchor(ctx context.Context, newest *copyOf) error {
	signed, err := readLimited(k.path(anchorFile), 1<<20)
	if err != nil {
		return err
	}
	relied, err := k.key.Open(signed)
	if err != nil {
		return fmt.Errorf("%s: %w", k.path(anchorFile), err)
	}
	return ledgerHint(ledger.CheckConsistent(ctx, newest, relied, newest.cp))
}

// askWitnesses refuses a ledger that is older than what a witness has cosigned of it:
// to append to it would sign a fork.
func (k *confirmation) askWitnesses(ctx context.Context) error {
	own := k.copies[k.key.Origin]
	cosigners, err := k.cosigners(k.policy.Ledger)
	if err != nil {
		return err
	}
	for _, w := range cosigners {
		signed, err := lastCosigned(ctx, w, k.key)
		if err != nil {
			return fmt.Errorf("witness %s: %w", w.Name(), err)
		}
		if len(signed) == 0 {
			continue
		}
		cosigned, err := ledger.ParseCheckpoint(signed)
		if err != nil {
			return fmt.Errorf("witness %s: %w", w.Name(), err)
		}
		if cosigned.Size > own.cp.Size {
			return withHint(fmt.Errorf("witness %s has cosigned size %d of the ledger, and the newest copy here has %d", w.Name(), cosigned.Size, own.cp.Size),
				"bring a newer copy: --ledger DIR. If there is none, this ledger cannot go on: see \"proctor help backups\"")
		}
		if err := ledger.CheckConsistent(ctx, own, cosigned, own.cp); err != nil {
			return k.env.rollback(err)
		}
	}
	return nil
}
