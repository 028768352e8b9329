package witness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// restoredName lists the logs whose records come from a backup, as logs does.
const restoredName = "restored"

// MarkRestored says of a witness's directory that it comes from a backup: it cosigns
// none of its logs until Renew has brought their records up to date.
func MarkRestored(dir string) error {
	logs, err := os.ReadFile(filepath.Join(dir, "logs"))
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, restoredName), logs, 0o644)
}

// Restored returns the logs that wait for Renew.
func (w *Witness) Restored() ([]ledger.LogKey, error) {
	logs, err := w.readLogs(restoredName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return logs, err
}

func (w *Witness) waits(origin string) (bool, error) {
	logs, err := w.Restored()
	_, ok := find(logs, origin)
	return ok, err
}

// Renew brings the record of a log up to date from the ledger that r reads, by
// cosigning its checkpoint, and ends the waiting. The ledger must continue what is
// recorded.
//
// Whether it is the newest that the witness ever cosigned nobody can tell from it:
// who runs the log can show an older one. The caller says so.
func (w *Witness) Renew(ctx context.Context, r ledger.Reader) error {
	signed, err := r.ReadCheckpoint(ctx)
	if err != nil {
		return fmt.Errorf("reading checkpoint: %w", err)
	}
	log, c, err := w.open(signed)
	if err != nil {
		return err
	}
	lock, err := durable.Acquire(ctx, w.path("lock"))
	if err != nil {
		return err
	}
	defer lock.Release()
	waiting, err := w.Restored()
	if err != nil {
		return err
	}
	last, since, err := w.last(c.Origin)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistent(ctx, r, last, c); err != nil {
		return err
	}
	if said, err := w.key.Cosigned(signed); err == nil && said.After(since) {
		since = said
	}
	if _, err := w.cosign(log, c, since); err != nil {
		return err
	}
	waiting = slices.DeleteFunc(waiting, func(l ledger.LogKey) bool { return l.Origin == c.Origin })
	if len(waiting) > 0 {
		return w.writeLogs(restoredName, waiting)
	}
	if err := os.Remove(w.path(restoredName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(w.dir)
}
