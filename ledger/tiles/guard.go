package tiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

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
	if err := CheckState(c.Dir); err != nil {
		return anchor, err
	}
	dir := ledger.Dir(c.Dir)
	if err := ledger.CheckConsistent(ctx, dir, anchor, now); err != nil {
		return anchor, err
	}
	// Check the hashes that Tessera grows the tree from: it signs what they give.
	if err := ledger.ScanVerified(ctx, dir, now, now.Size, nil); err != nil {
		return anchor, err
	}
	return anchor, mendState(ctx, c.Dir, now)
}

// mendState makes sure that Tessera grows the tree from what was published or from what
// continues that. A state that is behind is of a disk that lost a write, or of a backup:
// Tessera would sign a fork.
func mendState(ctx context.Context, dir string, published ledger.Checkpoint) error {
	state, err := readState(dir)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrStateLost, filepath.Join(dir, stateName), err)
	}
	if state.Size < published.Size {
		return writeState(dir, published)
	}
	state.Origin = published.Origin
	if err := ledger.CheckConsistent(ctx, ledger.Dir(dir), published, state); err != nil {
		// Not wrapped: a state is not signed, and accuses nobody of a rollback.
		return fmt.Errorf("%w: %s does not continue the checkpoint: %v", ErrStateLost, filepath.Join(dir, stateName), err)
	}
	return nil
}

// CheckState reports whether a directory has what an open ledger keeps beside its
// tiles; a copy has not. The error wraps ErrStateLost.
func CheckState(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, stateName)); err != nil {
		return fmt.Errorf("%w: %s; restore it together with the tiles", ErrStateLost, filepath.Join(dir, stateName))
	}
	return nil
}

// checkSigner makes sure that the key verifies what Tessera will sign.
func checkSigner(key ledger.LogKey, signer note.Signer) error {
	want := strings.Join(strings.SplitN(key.VKey, "+", 3)[:2], "+")
	if got := fmt.Sprintf("%s+%08x", signer.Name(), signer.KeyHash()); got != want {
		return fmt.Errorf("%w: the signing key is %s, the verifier key %s", ErrWrongKey, got, want)
	}
	return nil
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

// touch gives the checkpoint a time that has come. Tessera publishes no other
// until this one has some age, and would wait for a clock that was set back.
func touch(dir string) error {
	name, now := filepath.Join(dir, checkpointName), time.Now()
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().After(now) {
		return nil
	}
	return errors.Join(err, os.Chtimes(name, now, now))
}

// Temporary files that Tessera leaves behind when it is killed: the name of a file
// of the layout and some digits.
var leftover = regexp.MustCompile(`^(checkpoint|treeState|gcState|[0-9]{1,3})[0-9]{6,}$`)

// Directories of the versions of a tile while it grew.
var partial = regexp.MustCompile(`^[0-9]{3}\.p$`)

// sweep removes the former, and the partial tiles of full ones: Tessera collects these
// once a minute, which a short process never sees, and at a shorter interval it
// would write to the disk all the time. It is called under the lock: nobody is
// writing.
func sweep(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != dir && partial.MatchString(d.Name()) {
			if full, err := os.Lstat(strings.TrimSuffix(name, ".p")); err != nil || !full.Mode().IsRegular() {
				return nil
			}
			if err := os.RemoveAll(name); err != nil {
				return err
			}
			return fs.SkipDir
		}
		if d.Type().IsRegular() && leftover.MatchString(d.Name()) {
			return os.Remove(name)
		}
		return nil
	})
}
