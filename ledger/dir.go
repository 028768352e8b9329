package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
