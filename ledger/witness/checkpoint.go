package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// AddCheckpoint is the add-checkpoint request of c2sp.org/tlog-witness: old is
// the size that the caller believes the witness cosigned last, 0 if none, and
// proof leads from there to the checkpoint. It returns a signature line for each of the witness's
// keys.
func (w *Witness) AddCheckpoint(ctx context.Context, old uint64, proof [][32]byte, checkpoint []byte) ([]byte, error) {
	log, c, err := w.open(checkpoint)
	if err != nil {
		return nil, err
	}
	// "The old size MUST be equal to or lower than the checkpoint size."
	if old > c.Size {
		return nil, fmt.Errorf("%w: old size %d is above the checkpoint's, %d", ErrBadRequest, old, c.Size)
	}
	// "checking the old size against the latest checkpoint and persisting the
	// new checkpoint must be performed atomically"
	lock, err := durable.Acquire(ctx, w.path("lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	if waiting, err := w.waits(c.Origin); err != nil || waiting {
		return nil, errors.Join(err, ErrRestored)
	}
	last, since, err := w.last(c.Origin)
	if err != nil {
		return nil, err
	}
	if old != last.Size {
		return nil, &ConflictError{Size: last.Size}
	}
	if err := continues(last, c, proof); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConsistent, err)
	}
	return w.cosign(log, c, since)
}

// cosign signs a checkpoint that may be signed, and records it.
func (w *Witness) cosign(log ledger.LogKey, c ledger.Checkpoint, since time.Time) ([]byte, error) {
	now := w.Now().Unix()
	if now <= 0 || now < since.Unix() {
		return nil, fmt.Errorf("%w, of %s", ErrClock, since.Format(time.RFC3339))
	}
	text := textOf(c.Signed)
	lines := w.sign(text, uint64(now))
	if w.mldsa != nil {
		line, err := w.mldsa.sign(c, uint64(now))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	// "The witness MUST persist the new checkpoint before responding."
	record := slices.Concat(text, []byte("\n"), signedBy(log, c.Signed), lines)
	if err := durable.WriteFile(w.statePath(c.Origin), record, 0o644); err != nil {
		return nil, fmt.Errorf("recording the checkpoint: %w", err)
	}
	return lines, nil
}

// signedBy returns the signature lines by which the log itself signed a checkpoint.
// Monitors get them with the cosignature: without them it accuses nobody.
func signedBy(log ledger.LogKey, signed []byte) []byte {
	text := textOf(signed)
	var out []byte
	for line := range bytes.Lines(signed[len(text)+1:]) {
		if _, err := log.Open(slices.Concat(text, []byte("\n"), line)); err == nil {
			out = append(out, line...)
		}
	}
	return out
}

// Checkpoint returns the last checkpoint that the witness cosigned for a log, with
// the log's signature and its own, or nil if it has cosigned none.
func (w *Witness) Checkpoint(origin string) ([]byte, error) {
	c, _, err := w.last(origin)
	return c.Signed, err
}

func (w *Witness) open(checkpoint []byte) (ledger.LogKey, ledger.Checkpoint, error) {
	c, err := ledger.ParseCheckpoint(checkpoint)
	switch {
	case errors.Is(err, ledger.ErrEmptyRoot):
		return ledger.LogKey{}, c, fmt.Errorf("%w: %w", ErrNotConsistent, err)
	case err != nil:
		return ledger.LogKey{}, c, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	logs, err := w.Logs()
	if err != nil {
		return ledger.LogKey{}, c, err
	}
	log, ok := find(logs, c.Origin)
	if !ok {
		return log, c, fmt.Errorf("%w: %q", ErrUnknownLog, c.Origin)
	}
	if _, err := log.Open(checkpoint); err != nil {
		return log, c, fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	return log, c, nil
}

// continues checks that c begins with last. One size with two roots is told
// apart: then the two notes prove by themselves that the log lied.
func continues(last, c ledger.Checkpoint, proof [][32]byte) error {
	if last.Size == c.Size && last.Root != c.Root {
		return &ledger.RollbackError{Old: last, New: c}
	}
	return ledger.CheckConsistency(last, c, proof)
}

// last reads the state of a log and the time of the cosignature in it. It
// believes only what the witness signed: a state that is lost, damaged or
// another's must not read as "nothing yet".
func (w *Witness) last(origin string) (ledger.Checkpoint, time.Time, error) {
	path := w.statePath(origin)
	signed, err := os.ReadFile(path)
	if err != nil {
		return ledger.Checkpoint{}, time.Time{}, fmt.Errorf("the record of what was cosigned for %q is lost: %w", origin, err)
	}
	if len(signed) == 0 {
		return ledger.Checkpoint{Origin: origin, Root: sha256.Sum256(nil)}, time.Time{}, nil
	}
	c, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return ledger.Checkpoint{}, time.Time{}, fmt.Errorf("%s: %w", path, err)
	}
	since, err := w.key.Cosigned(signed)
	if err == nil && c.Origin != origin {
		err = errors.New("it is of another log")
	}
	if err != nil {
		return ledger.Checkpoint{}, time.Time{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, since, nil
}

// sign makes a c2sp.org/tlog-cosignature over the text of a checkpoint.
func (w *Witness) sign(text []byte, now uint64) []byte {
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", now, text)
	raw := binary.BigEndian.AppendUint64(slices.Clone(w.id), now)
	raw = append(raw, ed25519.Sign(w.private, message)...)
	return fmt.Appendf(nil, "— %s %s\n", w.Name(), base64.StdEncoding.EncodeToString(raw))
}

// textOf returns what a note that has been parsed before signs.
func textOf(signed []byte) []byte {
	return signed[:bytes.LastIndex(signed, []byte("\n\n"))+1]
}

func (w *Witness) statePath(origin string) string { return w.path(originHash(origin)) }

// originHash is how c2sp.org/tlog-witness names a log in URLs.
func originHash(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

func (w *Witness) lock() (*durable.Lock, error) {
	return durable.Acquire(context.Background(), w.path("lock"))
}
