package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/ledger/durable"
)

// Mirror copies a ledger into a directory, where Dir reads it, and returns the
// checkpoint of the copy, which open authenticates. Every entry is hashed and
// compared with it. A copy that is there already is carried on: the ledger must be
// consistent with it, or the error is a *RollbackError and the copy stays as it was.
// The checkpoint is written last. Progress may be nil.
func Mirror(ctx context.Context, from Reader, dir string, open func(signed []byte) (Checkpoint, error), progress func(files, of uint64)) (Checkpoint, error) {
	signed, err := from.ReadCheckpoint(ctx)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	cp, err := open(signed)
	if err != nil {
		return cp, err
	}
	name := filepath.Join(dir, "checkpoint")
	if old, err := os.ReadFile(name); err == nil {
		before, err := open(old)
		if err != nil {
			return cp, fmt.Errorf("%s: %w", name, err)
		}
		if err := CheckConsistent(ctx, from, before, cp); err != nil {
			return cp, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return cp, err
	}
	if err := copyTiles(ctx, from, dir, cp.Size, progress); err != nil {
		return cp, err
	}
	if err := ScanVerified(ctx, Dir(dir), cp, 0, func(uint64, []byte) error { return nil }); err != nil {
		return cp, err
	}
	return cp, durable.WriteFile(name, signed, 0o644)
}

// copyTiles copies what the tree of this size consists of. Full tiles never change:
// those that are there stay.
func copyTiles(ctx context.Context, from Reader, dir string, size uint64, progress func(files, of uint64)) error {
	var total, done uint64
	for n := size; n > 0; n >>= tileHeight {
		total += (n + tileWidth - 1) / tileWidth
	}
	total += (size + tileWidth - 1) / tileWidth
	one := func(path string, full bool, read func() ([]byte, error)) error {
		done++
		if progress != nil {
			progress(done, total)
		}
		name := filepath.Join(dir, filepath.FromSlash(path))
		if _, err := os.Stat(name); err == nil && full {
			return nil
		}
		data, err := read()
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return durable.WriteFile(name, data, 0o644)
	}
	for level, n := uint64(0), size; n > 0; level, n = level+1, n>>tileHeight {
		for index := range (n + tileWidth - 1) / tileWidth {
			p := width(n, index)
			if err := one(TilePath(level, index, p), p == 0, func() ([]byte, error) { return from.ReadTile(ctx, level, index, p) }); err != nil {
				return err
			}
			if level > 0 {
				continue
			}
			if err := one(BundlePath(index, p), p == 0, func() ([]byte, error) { return from.ReadEntryBundle(ctx, index, p) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// width is how many of n hashes the tile at index has; 0 stands for all it can.
func width(n, index uint64) uint8 {
	if (index+1)*tileWidth <= n {
		return 0
	}
	return uint8(n % tileWidth)
}
