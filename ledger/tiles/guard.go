package tiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/proctor-attest/proctor/ledger"
)

// Names inside a ledger's directory. The state is Tessera's.
const (
	lockName       = ".ledger.lock"
	checkpointName = "checkpoint"
	stateName      = ".state/treeState"
)

// guard makes sure that a directory is the ledger that it was. Tessera would sign
// a fork after a restored backup, begin again at size 0 after lost state, and go
// on under another key, without a word. It returns the anchor's checkpoint.
func guard(ctx context.Context, c Config) (ledger.Checkpoint, error) {
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	if c.Signer.Name() != key.Origin {
		return ledger.Checkpoint{}, fmt.Errorf("%w: the signing key is of %s, the verifier key of %s", ErrWrongKey, c.Signer.Name(), key.Origin)
	}
	anchor, err := openSigned(key, c.Anchor)
	if errors.Is(err, fs.ErrNotExist) {
		return anchor, fmt.Errorf("%w: %s; without it a rollback could not be noticed", ErrNoAnchor, c.Anchor)
	}
	if err != nil {
		return anchor, fmt.Errorf("anchor: %w", err)
	}
	now, err := openSigned(key, filepath.Join(c.Dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return anchor, fmt.Errorf("%w: its checkpoint is gone, and the anchor %s remembers size %d", ledger.ErrRollback, c.Anchor, anchor.Size)
	}
	if err != nil {
		return anchor, err
	}
	if _, err := os.Stat(filepath.Join(c.Dir, stateName)); err != nil {
		return anchor, fmt.Errorf("%w: %s; restore it together with the tiles", ErrStateLost, filepath.Join(c.Dir, stateName))
	}
	return anchor, ledger.CheckConsistent(ctx, ledger.Dir(c.Dir), anchor, now)
}

func openSigned(key ledger.LogKey, name string) (ledger.Checkpoint, error) {
	signed, err := os.ReadFile(name)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	cp, err := key.Open(signed)
	if err != nil {
		return cp, fmt.Errorf("%w: %s: %w", ErrWrongKey, name, err)
	}
	return cp, nil
}

// checkWritable tries what Tessera would panic over.
func checkWritable(dir string) error {
	f, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Temporary files that Tessera leaves behind when it is killed: the name of a file
// of the layout and some digits.
var leftover = regexp.MustCompile(`^(checkpoint|treeState|gcState|[0-9]{1,3})[0-9]{6,}$`)

// sweep removes them. It is called under the lock: nobody is writing.
func sweep(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && leftover.MatchString(d.Name()) {
			return os.Remove(name)
		}
		return nil
	})
}
