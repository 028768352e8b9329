// Package trillian is a ledger whose entries a Trillian cluster keeps
// (https://github.com/google/trillian): its log servers queue them, its signers put them
// in order, and its database may be larger than any one machine.
//
// Trillian signs nothing, serves no tiles and is not believed. A front end, which this
// package is, fetches the leaves, hashes them itself, writes the files of
// c2sp.org/tlog-tiles from them, byte for byte those of the embedded ledger, and signs a
// checkpoint when the tree that came out is Trillian's and continues the last one that was
// signed. Nothing that fails this reaches a reader.
//
// Several front ends may share a directory of tiles. One of them leads, under a lock: it
// makes the tiles and signs. The others queue entries, wait for the checkpoints of the one
// that leads, and take over when it is gone. The tiles can be made again from what
// Trillian holds; the anchor, a file outside the directory that remembers what was signed,
// can not.
//
// It leaves to others who may append, and to whoever runs Trillian that only front ends
// reach it: it has no access control.
package trillian

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
)

// Names inside a ledger's directory.
const (
	lockName       = ".ledger.lock"
	checkpointName = "checkpoint"
	stageName      = ".new" // of files that are not proven to be Trillian's tree yet
)

// ErrNoTLS says that a log server is on another machine, and nothing was said of TLS.
var ErrNoTLS = errors.New("there is no TLS to it")

const (
	patience    = 30 * time.Second
	attemptTime = 10 * time.Second      // for one question to Trillian
	shortNap    = 20 * time.Millisecond // between looks at a tree that something waits for
	longNap     = time.Second
)

// A CosignFunc gathers cosignatures for a signed checkpoint of the ledger that r reads,
// and returns the note with those that came.
type CosignFunc func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error)

// Config says where a ledger is and who signs it.
type Config struct {
	Dir    string      // tiles and checkpoint
	Anchor string      // a file outside Dir with the last checkpoint that was signed
	Key    string      // verifier key, as ledger.ParseLogKey reads it
	Signer note.Signer // of the same key
	Cosign CosignFunc  // nil: proofs carry the log's signature alone

	Server string // HOST:PORT of a log server; a name with several addresses is all of them
	Tree   int64  // its number at Trillian

	// TLS is how to speak to the log server. Without it nothing is encrypted, and
	// anybody on the way can make the ledger stop, or read what is queued: only a server
	// on this machine is spoken to so, unless InsecurePlaintext is set.
	TLS               *tls.Config
	InsecurePlaintext bool

	// Interval is the shortest time between two checkpoints; zero is none.
	Interval time.Duration

	// Patience is how long an entry may take until Trillian has it in its tree and a
	// checkpoint is over it; zero is half a minute.
	Patience time.Duration
}
