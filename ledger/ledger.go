package ledger

import (
	"context"
	"errors"
)

// MaxEntry is the size in bytes of the largest entry: c2sp.org/tlog-tiles
// writes the length of an entry in two bytes.
const MaxEntry = 65535

// A Reader serves the files of a c2sp.org/tlog-tiles log. What it returns is
// unauthenticated. Implementations are safe for concurrent use.
//
// For tiles and bundles p is the number of hashes or entries wanted when the
// tile is not full, and 0 for a full one. A Reader that no longer has a partial
// tile may return the full one, of which the first p count. A missing file is
// an error for which errors.Is(err, fs.ErrNotExist) holds.
type Reader interface {
	ReadCheckpoint(ctx context.Context) ([]byte, error)
	ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error)
	ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error)
}

// A Log is a ledger that takes entries. It is safe for concurrent use.
type Log interface {
	Reader

	// Append returns once a published checkpoint covers the entry. After an
	// error the entry may or may not have been logged: append it again, and a
	// Log that had taken it says so in Appended.Dup.
	Append(ctx context.Context, entry []byte) (Appended, error)

	Close(ctx context.Context) error
}

// ErrNotCosigned says that an entry is in the ledger, and that no witness cosigned a
// checkpoint over it yet. Append it again.
var ErrNotCosigned = errors.New("not cosigned")

// ErrFull says that the ledger's disk has no room for an entry. What was appended before
// is safe.
var ErrFull = errors.New("the ledger's disk is full")

// Appended says where an entry is and proves it.
type Appended struct {
	Index uint64
	Dup   bool   // the entry was in the ledger already, at Index
	Proof []byte // c2sp.org/tlog-proof@v1, for Policy.Verify
}
