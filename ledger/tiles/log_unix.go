//go:build unix

package tiles

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// searched is how far back Append looks for an entry that an earlier process
// appended and whose proof it did not live to hand out: 256 tiles of hashes.
const searched = 1 << 16

// A Log is an open ledger. It is safe for concurrent use; appends follow each
// other.
type Log struct {
	ledger.Reader
	conf     Config
	key      ledger.LogKey
	tree     tessera.LogReader
	appender *tessera.Appender
	shutdown func(context.Context) error
	stop     context.CancelFunc
	lock     *durable.Lock
	anchor   ledger.Checkpoint
	turn     chan struct{} // held while appending
	together *together     // nil for a program that appends one entry after another
}

var _ ledger.Log = (*Log)(nil)

// Create makes an empty ledger. It refuses a directory that has anything in it,
// and an anchor that exists: both belong to a ledger already.
func Create(ctx context.Context, c Config) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("creating ledger %s: %w", c.Dir, err)
		}
	}()
	if _, err := os.Lstat(c.Anchor); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("anchor %s: %w", c.Anchor, fs.ErrExist)
	}
	if err := durable.EmptyDir(c.Dir); err != nil {
		return err
	}
	l, err := acquire(ctx, c)
	if err != nil {
		return err
	}
	err = l.start(ctx)
	if err == nil {
		err = l.remember(ctx)
	}
	return errors.Join(err, l.Close(ctx))
}

// Open opens a ledger for appending, after making sure that it is the one that
// this machine relied on. It waits for other processes to let go of it.
func Open(ctx context.Context, c Config) (*Log, error) {
	l, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("opening ledger %s: %w", c.Dir, err)
	}
	return l, nil
}

func open(ctx context.Context, c Config) (*Log, error) {
	if _, err := os.Stat(c.Dir); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(c.Anchor); err == nil {
			return nil, fmt.Errorf("%w: the directory is gone, and the anchor %s remembers it", ledger.ErrRollback, c.Anchor)
		}
		return nil, ErrNoLedger
	}
	l, err := acquire(ctx, c)
	if err != nil {
		return nil, err
	}
	if l.anchor, err = guard(ctx, c); err == nil {
		err = l.start(ctx)
	}
	err = named(err)
	if err != nil {
		return nil, errors.Join(err, l.Close(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// acquire takes the lock of a directory that can be written.
func acquire(ctx context.Context, c Config) (*Log, error) {
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		return nil, err
	}
	if err := checkSigner(key, c.Signer); err != nil {
		return nil, err
	}
	if err := checkWritable(c.Dir); err != nil {
		return nil, err
	}
	lock, err := durable.Acquire(ctx, filepath.Join(c.Dir, lockName))
	if err != nil {
		return nil, err
	}
	empty := ledger.Checkpoint{Origin: key.Origin, Root: sha256.Sum256(nil)}
	if c.Patience == 0 {
		c.Patience = patience
	}
	return &Log{conf: c, key: key, lock: lock, anchor: empty, turn: make(chan struct{}, 1)}, nil
}

// start hands the directory to Tessera.
func (l *Log) start(ctx context.Context) error {
	if err := errors.Join(sweep(l.conf.Dir), touch(l.conf.Dir)); err != nil {
		return err
	}
	silence()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	driver, err := posix.New(running, posix.Config{Path: l.conf.Dir})
	if err != nil {
		return err
	}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(l.conf.Signer).
		WithBatching(max(1, l.conf.Batch), l.conf.batchAge()).
		WithCheckpointInterval(max(interval, l.conf.Interval)).
		WithCheckpointRepublishInterval(0) // a negative one would publish for ever
	appender, shutdown, reader, err := newAppender(running, driver, opts)
	if err != nil {
		return err
	}
	l.appender, l.shutdown, l.tree, l.Reader = appender, shutdown, reader, reader
	if err := l.publishIntegrated(ctx); err != nil {
		return err
	}
	if l.conf.Batch > 1 {
		return l.begin(ctx)
	}
	return l.settle() // after a program that took entries side by side and was killed
}

// newAppender is Tessera's, which panics where it cannot lock.
func newAppender(ctx context.Context, driver tessera.Driver, opts *tessera.AppendOptions) (a *tessera.Appender, shutdown func(context.Context) error, r tessera.LogReader, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("beginning to append: %v", p)
		}
	}()
	return tessera.NewAppender(ctx, driver, opts)
}

// publishIntegrated waits until the checkpoint covers what was integrated and not
// published, by a process that crashed or that gave up waiting.
func (l *Log) publishIntegrated(ctx context.Context) error {
	size, err := l.tree.IntegratedSize(ctx)
	if err != nil {
		return fmt.Errorf("reading the integrated size: %w", err)
	}
	_, err = l.published(ctx, size)
	return err
}

// unpublished says why waiting for a checkpoint ended. Tessera tells its log alone
// what is in the way.
func (l *Log) unpublished(ctx context.Context, size uint64) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := fmt.Errorf("a checkpoint of size %d could not be written to %s within %s; is the disk full?", size, l.conf.Dir, l.conf.Patience)
	return errors.Join(err, checkRoom(l.conf.Dir))
}

func (l *Log) checkpoint(ctx context.Context) (ledger.Checkpoint, error) {
	signed, err := l.tree.ReadCheckpoint(ctx)
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	return l.key.Open(signed)
}

// Append implements ledger.Log.
func (l *Log) Append(ctx context.Context, entry []byte) (ledger.Appended, error) {
	if len(entry) == 0 || len(entry) > ledger.MaxEntry {
		return ledger.Appended{}, fmt.Errorf("entry has %d bytes, want 1 to %d", len(entry), ledger.MaxEntry)
	}
	if l.together != nil {
		return l.together.append(ctx, entry)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ledger.Appended{}, ctx.Err()
	}
	if err := l.publishIntegrated(ctx); err != nil {
		return ledger.Appended{}, err
	}
	index, found, err := l.find(ctx, entry)
	if err != nil {
		return ledger.Appended{}, fmt.Errorf("looking for the entry: %w", err)
	}
	if !found {
		if index, err = l.add(ctx, entry); err != nil {
			return ledger.Appended{}, fmt.Errorf("adding entry: %w", err)
		}
	}
	proof, err := l.prove(ctx, entry, index)
	return ledger.Appended{Index: index, Dup: found, Proof: proof}, err
}

// add hands the entry to Tessera and waits for a checkpoint that covers it.
func (l *Log) add(ctx context.Context, entry []byte) (uint64, error) {
	at, err := l.appender.Add(ctx, tessera.NewEntry(entry))()
	if err != nil {
		return 0, err
	}
	_, err = l.published(ctx, at.Index+1)
	return at.Index, err
}

// find looks for the entry among those whose proof may never have been kept: all
// that are later than the anchor, and the newest before it.
func (l *Log) find(ctx context.Context, entry []byte) (index uint64, found bool, err error) {
	cp, err := l.checkpoint(ctx)
	if err != nil {
		return 0, false, err
	}
	from := min(l.anchor.Size, cp.Size-min(cp.Size, searched))
	hashes, err := ledger.LeafHashes(ctx, l, from, cp.Size)
	if err != nil {
		return 0, false, err
	}
	want := [32]byte(rfc6962.DefaultHasher.HashLeaf(entry))
	for i, h := range hashes {
		if h == want {
			return from + uint64(i), true, nil
		}
	}
	return 0, false, nil
}

// prove builds the entry's proof under the newest checkpoint and checks it before
// anybody relies on it. A public log died of one flipped bit that it had signed
// unseen: https://groups.google.com/a/chromium.org/g/ct-policy/c/PCkKU357M2Q
func (l *Log) prove(ctx context.Context, entry []byte, index uint64) ([]byte, error) {
	cp, err := l.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	if err := ledger.CheckConsistent(ctx, l, l.anchor, cp); err != nil {
		return nil, err
	}
	hashes, err := ledger.ProveInclusion(ctx, l, cp.Size, index)
	if err != nil {
		return nil, err
	}
	leaf := [32]byte(rfc6962.DefaultHasher.HashLeaf(entry))
	if err := ledger.CheckInclusion(cp, index, leaf, hashes); err != nil {
		return nil, fmt.Errorf("the ledger's own proof does not hold: %w", err)
	}
	signed := cp.Signed
	if l.conf.Cosign != nil {
		if signed, err = l.conf.Cosign(ctx, l, signed); err != nil {
			return nil, fmt.Errorf("logged at index %d, %w: %w", index, ledger.ErrNotCosigned, err)
		}
		// Readers of the directory, and of copies of it, want the cosignatures too.
		if err := durable.WriteFile(filepath.Join(l.conf.Dir, checkpointName), signed, 0o644); err != nil {
			return nil, fmt.Errorf("publishing the cosigned checkpoint: %w", err)
		}
	}
	if err := l.anchorAt(cp, signed); err != nil {
		return nil, err
	}
	return ledger.FormatProof(ledger.Proof{Index: index, Hashes: hashes, Checkpoint: signed}), nil
}

// remember makes the present checkpoint the anchor.
func (l *Log) remember(ctx context.Context) error {
	cp, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	return l.anchorAt(cp, cp.Signed)
}

func (l *Log) anchorAt(cp ledger.Checkpoint, signed []byte) error {
	if err := durable.WriteFile(l.conf.Anchor, signed, 0o644); err != nil {
		return fmt.Errorf("writing anchor: %w", err)
	}
	l.anchor = cp
	return nil
}

// Close lets go of the ledger. Everything appended is on disk already.
func (l *Log) Close(ctx context.Context) error {
	var err error
	if l.together != nil {
		err = l.together.end()
	}
	if l.shutdown != nil {
		// It waits for what Append has seen published, or has given up on.
		waiting, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		err = errors.Join(err, l.shutdown(waiting))
	}
	if l.stop != nil {
		l.stop()
	}
	return errors.Join(err, l.lock.Release())
}
