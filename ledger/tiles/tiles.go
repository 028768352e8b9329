// Package tiles is the embedded ledger: a transparency log in a directory, in
// the layout of c2sp.org/tlog-tiles, kept by Tessera's POSIX driver
// (https://github.com/transparency-dev/tessera).
//
// It adds what a log needs that people keep on their own disks. One process at a
// time appends, under a lock. An anchor outside the directory remembers the last
// checkpoint that this machine relied on, so that a restored backup, lost state
// or another key is refused instead of signed. An entry that was appended before
// a crash is found again and not appended twice. Every proof is checked before
// anybody gets it.
//
// Appending needs a Unix system, as Tessera does. Reading a ledger needs only
// package ledger.
package tiles

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
)

// Why a ledger cannot be used. Each is wrapped with what was found; a ledger
// that lost entries gives ledger.ErrRollback.
var (
	ErrNoLedger  = ledger.ErrNoLedger
	ErrWrongKey  = ledger.ErrWrongKey
	ErrStateLost = errors.New("the ledger's internal state is lost")
	ErrNoAnchor  = ledger.ErrNoAnchor
	ErrReadOnly  = ledger.ErrReadOnly
)

const (
	interval = 100 * time.Millisecond // the shortest between two checkpoints that Tessera permits
	patience = 30 * time.Second
)

// A CosignFunc gathers cosignatures for a published checkpoint of the ledger
// that r reads, and returns the note with those that came.
type CosignFunc func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error)

// Config says where a ledger is and who signs it.
type Config struct {
	Dir    string      // tiles and checkpoint
	Anchor string      // a file outside Dir with the last checkpoint relied on
	Key    string      // verifier key, as ledger.ParseLogKey reads it
	Signer note.Signer // of the same key
	Cosign CosignFunc  // nil: proofs carry the log's signature alone

	// Batch is how many entries are integrated at once, at most. Up to one, Append is
	// for programs that append an entry or a few, one after another, and each gets a
	// checkpoint of its own. Above, it is for services: appends go on side by side,
	// and share checkpoints, which are published and cosigned once an Interval.
	Batch    uint
	Interval time.Duration // the shortest is a tenth of a second

	// Patience is how long to wait for Tessera to publish a checkpoint, which it
	// tries again and again on a full disk; zero is half a minute.
	Patience time.Duration
}

// batchAge is how long an entry waits for others to be integrated with it.
func (c Config) batchAge() time.Duration {
	if c.Batch > 1 {
		return 50 * time.Millisecond
	}
	return time.Millisecond
}
