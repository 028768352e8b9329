package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/monitor"
)

// heldTo is a ledger that somebody else serves, which the home holds to what it was shown
// before: a proof under another history is refused, and kept as evidence.
type heldTo struct {
	ledger.Log
	key ledger.LogKey
	dir string
}

// Append implements ledger.Log.
func (l *heldTo) Append(ctx context.Context, entry []byte) (ledger.Appended, error) {
	a, err := l.Log.Append(ctx, entry)
	if err != nil {
		return a, err
	}
	p, err := ledger.ParseProof(a.Proof)
	if err != nil {
		return a, err
	}
	now, err := l.key.Open(p.Checkpoint)
	if err != nil {
		return a, err
	}
	return a, l.hold(ctx, now)
}

// hold compares a checkpoint with the newest that was seen, and keeps it if it is newer.
func (l *heldTo) hold(ctx context.Context, now ledger.Checkpoint) error {
	sum := sha256.Sum256([]byte(l.key.VKey))
	name := filepath.Join(l.dir, hex.EncodeToString(sum[:8]))
	signed, err := readLimited(name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(l.dir, 0o755); err != nil {
			return err
		}
		return durable.WriteFile(name, now.Signed, 0o644)
	}
	if err != nil {
		return err
	}
	before, err := l.key.Open(signed)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	older, newer := before, now
	if now.Size < before.Size {
		older, newer = now, before // another of its servers may be behind
	}
	err = ledger.CheckConsistent(ctx, l.Log, older, newer)
	var rollback *ledger.RollbackError
	switch {
	case errors.As(err, &rollback):
		return l.accuse(older, newer, rollback.Proof)
	case err != nil:
		return fmt.Errorf("whether the ledger continues what it showed before: %w", err)
	case now.Size > before.Size:
		return durable.WriteFile(name, now.Signed, 0o644)
	}
	return nil
}

func (l *heldTo) accuse(older, newer ledger.Checkpoint, proof [][32]byte) error {
	detail := fmt.Sprintf("this home has seen size %d with root %x, of which size %d with root %x is no continuation", older.Size, older.Root[:8], newer.Size, newer.Root[:8])
	evidence := monitor.FormatEvidence(monitor.SplitView, detail, older, newer, proof)
	sum := sha256.Sum256(evidence)
	name := filepath.Join(l.dir, fmt.Sprintf("%s-%s.txt", monitor.SplitView, hex.EncodeToString(sum[:8])))
	if err := durable.WriteFile(name, evidence, 0o644); err != nil {
		return err
	}
	return withHint(fmt.Errorf("the ledger %s has signed two histories; the evidence is %s", l.key.Origin, filepath.ToSlash(name)),
		"keep the evidence and show it to others: it convicts the ledger without you; log nothing more there")
}
