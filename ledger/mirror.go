package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/transparency-dev/merkle/rfc6962"

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
	if err := checkCopy(ctx, Dir(dir), cp); err != nil {
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

// checkCopy hashes every entry of a copy and compares it, and each tile, with what they
// give: from tiles that are damaged the copy would serve proofs that do not hold.
func checkCopy(ctx context.Context, r Reader, cp Checkpoint) error {
	var levels []tileOf
	var put func(level int, h [32]byte) error
	put = func(level int, h [32]byte) error {
		if level == len(levels) {
			levels = append(levels, tileOf{})
		}
		t := &levels[level]
		t.hashes = append(t.hashes, h[:]...)
		if len(t.hashes) < tileWidth*len(h) {
			return nil
		}
		if err := t.compare(ctx, r, uint64(level), 0); err != nil {
			return err
		}
		root := tileRoot(t.hashes)
		t.index, t.hashes = t.index+1, t.hashes[:0]
		return put(level+1, root)
	}
	err := ScanVerified(ctx, r, cp, 0, func(_ uint64, entry []byte) error {
		return put(0, [32]byte(rfc6962.DefaultHasher.HashLeaf(entry)))
	})
	for level := range levels {
		if n := len(levels[level].hashes) / 32; err == nil && n > 0 {
			err = levels[level].compare(ctx, r, uint64(level), uint8(n))
		}
	}
	return err
}

// tileOf is a tile as the entries give it.
type tileOf struct {
	index  uint64
	hashes []byte
}

func (t *tileOf) compare(ctx context.Context, r Reader, level uint64, p uint8) error {
	data, err := r.ReadTile(ctx, level, t.index, p)
	if err != nil {
		return fmt.Errorf("reading %s: %w", TilePath(level, t.index, p), err)
	}
	if len(data) < len(t.hashes) || !bytes.Equal(data[:len(t.hashes)], t.hashes) {
		return &TileError{TilePath(level, t.index, p), BundlePath(t.index, p), level}
	}
	return nil
}

// A TileError says that a tile in a copy is not what the entries below it give.
type TileError struct {
	Tile, Entries string // files, of which one is damaged
	level         uint64
}

func (e *TileError) Error() string {
	if e.level > 0 {
		return e.Tile + " is not what the tiles below it give"
	}
	return e.Tile + " is not what the entries in " + e.Entries + " give"
}

// tileRoot is the root over the hashes of a full tile.
func tileRoot(hashes []byte) [32]byte {
	row := append([]byte(nil), hashes...)
	for len(row) > 32 {
		for i := 0; i < len(row); i += 64 {
			copy(row[i/2:], rfc6962.DefaultHasher.HashChildren(row[i:i+32], row[i+32:i+64]))
		}
		row = row[:len(row)/2]
	}
	return [32]byte(row)
}

// width is how many of n hashes the tile at index has; 0 stands for all it can.
func width(n, index uint64) uint8 {
	if (index+1)*tileWidth <= n {
		return 0
	}
	return uint8(n % tileWidth)
}
