package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Dir reads the ledger or mirror in a directory. It takes no lock: a ledger may
// be read while it is being appended to, because its files only ever appear.
func Dir(dir string) Reader { return FS(os.DirFS(dir)) }

// FS is Dir for a file system.
func FS(fsys fs.FS) Reader { return dirReader{fsys} }

type dirReader struct{ fsys fs.FS }

// CosignedName is the file in which a ledger that is being served keeps its newest
// cosigned checkpoint, beside the file "checkpoint" that is signed and perhaps newer.
const CosignedName = "cosigned"

func (d dirReader) ReadCheckpoint(ctx context.Context) ([]byte, error) {
	data, err := d.read(ctx, CosignedName, maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return d.read(ctx, "checkpoint", maxNote)
	}
	return data, err
}

func (d dirReader) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return d.readPartial(ctx, TilePath(level, index, p), TilePath(level, index, 0), tileWidth*32)
}

func (d dirReader) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return d.readPartial(ctx, BundlePath(index, p), BundlePath(index, 0), tileWidth*(2+MaxEntry))
}

// readPartial falls back to the full tile: partial ones are removed when it is
// there.
func (d dirReader) readPartial(ctx context.Context, name, full string, limit int64) ([]byte, error) {
	data, err := d.read(ctx, name, limit)
	if name != full && errors.Is(err, fs.ErrNotExist) {
		return d.read(ctx, full, limit)
	}
	return data, err
}

func (d dirReader) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, err
}

// TilePath is where c2sp.org/tlog-tiles puts a hash tile. A p above 0 is the width of
// a partial tile.
func TilePath(level, index uint64, p uint8) string {
	return partialPath(fmt.Sprintf("tile/%d/%s", level, tileName(index)), p)
}

// BundlePath is where it puts a bundle of entries.
func BundlePath(index uint64, p uint8) string { return partialPath("tile/entries/"+tileName(index), p) }

func partialPath(name string, p uint8) string {
	if p > 0 {
		name += fmt.Sprintf(".p/%d", p)
	}
	return name
}

// tileName writes an index as tlog-tiles does: 1234067 is x001/x234/067.
func tileName(index uint64) string {
	digits := fmt.Sprintf("%d", index)
	digits = strings.Repeat("0", (3-len(digits)%3)%3) + digits
	var b strings.Builder
	for len(digits) > 3 {
		b.WriteString("x" + digits[:3] + "/")
		digits = digits[3:]
	}
	return b.String() + digits
}

// A TileRef is what a path of c2sp.org/tlog-tiles names.
type TileRef struct {
	Entries bool   // a bundle of entries, on level 0
	Level   uint64 // of a hash tile
	Index   uint64
	Width   uint8 // of a partial tile; 0 for a full one
}

// ParseTilePath is the inverse of TilePath and BundlePath. It takes no other spelling.
func ParseTilePath(name string) (TileRef, error) {
	var t TileRef
	bad := fmt.Errorf("%q is not the path of a tile", abbreviate(name))
	rest, ok := strings.CutPrefix(name, "tile/")
	level, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || len(rest) > 64 {
		return t, bad
	}
	if rest, width, partial := strings.Cut(rest, ".p/"); partial {
		n, err := strconv.ParseUint(width, 10, 8)
		if err != nil || n == 0 {
			return t, bad
		}
		t.Width = uint8(n)
		return t.parse(name, level, rest, bad)
	}
	return t.parse(name, level, rest, bad)
}

func (t TileRef) parse(name, level, index string, bad error) (TileRef, error) {
	digits := strings.NewReplacer("/", "", "x", "").Replace(index)
	var err error
	if t.Index, err = strconv.ParseUint(digits, 10, 64); err != nil {
		return t, bad
	}
	if t.Entries = level == "entries"; !t.Entries {
		if t.Level, err = strconv.ParseUint(level, 10, 6); err != nil {
			return t, bad
		}
	}
	if t.String() != name {
		return t, bad
	}
	return t, nil
}

func (t TileRef) String() string {
	if t.Entries {
		return BundlePath(t.Index, t.Width)
	}
	return TilePath(t.Level, t.Index, t.Width)
}

// Cut shortens what a Reader returned to what a partial tile has: a Reader may have the
// full one only.
func (t TileRef) Cut(data []byte) ([]byte, error) {
	switch {
	case t.Width == 0:
		return data, nil
	case !t.Entries:
		return data[:min(len(data), int(t.Width)*32)], nil
	}
	entries, err := parseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	end := 0
	for _, e := range entries[:min(len(entries), int(t.Width))] {
		end += 2 + len(e)
	}
	return data[:end], nil
}
