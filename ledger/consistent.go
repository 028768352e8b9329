package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// ErrRollback says that a ledger lost or changed what it had signed. The error
// that wraps it is a *RollbackError.
var ErrRollback = errors.New("the ledger is not what it was")

// A RollbackError carries two checkpoints of which one does not begin with the
// other. If both notes are signed by the log's key they are evidence against
// the log that anyone can check: by themselves when the sizes are equal, and
// otherwise with Proof, which leads to New and not to Old. When the ledger just
// became smaller they are evidence only to somebody who knows the order.
type RollbackError struct {
	Old, New Checkpoint
	Proof    [][32]byte // a consistency proof that New's tree gives; nil unless New is larger
}

func (e *RollbackError) Error() string {
	what := "does not begin with"
	if e.New.Size < e.Old.Size {
		what = "is smaller than"
	}
	return fmt.Sprintf("%v: (%v) %s (%v)", ErrRollback, e.New, what, e.Old)
}

func (e *RollbackError) Unwrap() error { return ErrRollback }

// CheckConsistent checks that the ledger that r reads grew from old to cur
// without changing. It returns a *RollbackError if it did not, and another
// error if r's tiles do not match cur, so that nothing can be said.
func CheckConsistent(ctx context.Context, r Reader, old, cur Checkpoint) error {
	if old.Origin != cur.Origin {
		return fmt.Errorf("checkpoints of two ledgers: %q and %q", old.Origin, cur.Origin)
	}
	if cur.Size < old.Size || cur.Size == old.Size && cur.Root != old.Root {
		return &RollbackError{Old: old, New: cur}
	}
	hashes, err := ProveConsistency(ctx, r, old.Size, cur.Size)
	if err != nil {
		return err
	}
	mismatch := CheckConsistency(old, cur, hashes)
	if mismatch == nil {
		return nil
	}
	// Ask the tiles what they had at the old size. If that does lead to cur they
	// are authentic, and it is the older checkpoint that does not fit; else the
	// tiles are damaged, and accusing the log would be wrong.
	fits := old
	if fits.Root, err = rootBefore(ctx, r, old.Size, cur.Size); err != nil {
		return err
	}
	if CheckConsistency(fits, cur, hashes) == nil {
		return &RollbackError{Old: old, New: cur, Proof: hashes}
	}
	return fmt.Errorf("the tiles do not match checkpoint %d: %w", cur.Size, mismatch)
}

// CheckConsistency checks a proof that the tree of cur begins with that of old.
func CheckConsistency(old, cur Checkpoint, hashes [][32]byte) error {
	err := proof.VerifyConsistency(rfc6962.DefaultHasher, old.Size, cur.Size, slicesOf(hashes), old.Root[:], cur.Root[:])
	if err != nil {
		return fmt.Errorf("consistency of %d and %d: %w", old.Size, cur.Size, err)
	}
	return nil
}
