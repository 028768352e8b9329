package tiles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// Restore makes a ledger anew from a copy of it, where it was lost or set back: the
// copy has no state of Tessera's, and cannot be appended to as it is. The copy must
// continue the anchor, and what there still is of the ledger. All of it is checked
// before it takes the ledger's place, and becomes the anchor. Progress may be nil.
//
// Whether the copy is the newest nobody can tell from it. To append to an older one
// would sign a fork.
func Restore(ctx context.Context, c Config, from ledger.Reader, progress func(files, of uint64)) (ledger.Checkpoint, error) {
	cp, err := restore(ctx, c, from, progress)
	if err != nil {
		return cp, fmt.Errorf("restoring ledger %s: %w", c.Dir, err)
	}
	return cp, nil
}

func restore(ctx context.Context, c Config, from ledger.Reader, progress func(files, of uint64)) (ledger.Checkpoint, error) {
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	if _, err := os.Lstat(c.Dir); err == nil {
		lock, err := durable.Acquire(ctx, filepath.Join(c.Dir, lockName))
		if err != nil {
			return ledger.Checkpoint{}, err
		}
		defer lock.Release()
	}
	known, err := knownOf(key, c)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Dir), ".new-")
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	defer os.RemoveAll(dir)
	cp, err := ledger.Mirror(ctx, from, dir, key.Open, progress)
	if err != nil {
		return cp, err
	}
	for _, before := range known {
		if err := ledger.CheckConsistent(ctx, ledger.Dir(dir), before, cp); err != nil {
			return cp, err
		}
	}
	if err := writeState(dir, cp); err != nil {
		return cp, err
	}
	made := c
	made.Dir = dir
	if _, err := Fsck(ctx, made); err != nil {
		return cp, err
	}
	return cp, replace(c, dir, cp)
}

// knownOf returns the checkpoints that a copy must continue: the anchor and, where
// there is one, the ledger's own.
func knownOf(key ledger.LogKey, c Config) ([]ledger.Checkpoint, error) {
	anchor, err := openSigned(key, c.Anchor)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoAnchor, c.Anchor)
	}
	if err != nil {
		return nil, fmt.Errorf("anchor: %w", err)
	}
	now, err := openSigned(key, filepath.Join(c.Dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return []ledger.Checkpoint{anchor}, nil
	}
	return []ledger.Checkpoint{anchor, now}, err
}

// treeState is what Tessera keeps beside the tiles.
type treeState struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

func writeState(dir string, cp ledger.Checkpoint) error {
	state, err := json.Marshal(treeState{cp.Size, cp.Root[:]})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, ".state"), 0o755); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, ".state/version"), []byte("1"), 0o644); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, stateName), state, 0o644)
}

func readState(dir string) (ledger.Checkpoint, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	var state treeState
	if err := json.Unmarshal(data, &state); err != nil {
		return ledger.Checkpoint{}, err
	}
	if len(state.Root) != 32 {
		return ledger.Checkpoint{}, fmt.Errorf("a root of %d bytes", len(state.Root))
	}
	return ledger.Checkpoint{Size: state.Size, Root: [32]byte(state.Root)}, nil
}

// replace puts the new directory in the ledger's place. A crash in between leaves no
// ledger, which Open refuses and Restore makes again.
func replace(c Config, dir string, cp ledger.Checkpoint) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	old, err := os.MkdirTemp(filepath.Dir(c.Dir), ".old-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(old)
	if err := os.Rename(c.Dir, filepath.Join(old, "ledger")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir, c.Dir); err != nil {
		return errors.Join(err, os.Rename(filepath.Join(old, "ledger"), c.Dir))
	}
	if err := durable.SyncDir(filepath.Dir(c.Dir)); err != nil {
		return err
	}
	return durable.WriteFile(c.Anchor, cp.Signed, 0o644)
}
