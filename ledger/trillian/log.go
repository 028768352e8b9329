package trillian

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	api "github.com/google/trillian"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/grpc"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// keptTiles is how many full tiles proofs are made from without reading them again.
const keptTiles = 1 << 11

// queueing is how many entries are being queued at once. Each takes a connection of the
// log server to its database, which has few; more of them are not faster, because
// Trillian locks its queue for each.
const queueing = 64

// A Log is an open ledger. It is safe for concurrent use; appends go on side by side, and
// share checkpoints.
type Log struct {
	ledger.Reader
	conf   Config
	key    ledger.LogKey
	conn   *grpc.ClientConn
	at     *cluster
	prover *ledger.Prover
	room   chan struct{} // held while asking Trillian about an entry
	wake   chan struct{} // that something waits
	done   chan struct{} // closed when run has ended

	leader *leader // nil while another process leads; of run alone

	mu      sync.Mutex
	pending map[[32]byte]*appending // not answered yet
	matched uint64                  // the entries before it were compared with what is pending
	last    ledger.Checkpoint       // the newest that was published
	trouble error                   // why the newest step failed
	closing bool
}

var _ ledger.Log = (*Log)(nil)

// Create makes an empty ledger over a tree at Trillian. It refuses a directory that has
// anything in it, and an anchor that exists: both belong to a ledger already. What the
// tree holds already becomes part of the ledger when it is opened.
func Create(ctx context.Context, c Config) error {
	if err := create(ctx, c); err != nil {
		return fmt.Errorf("creating ledger %s: %w", c.Dir, err)
	}
	return nil
}

func create(ctx context.Context, c Config) error {
	if _, err := os.Lstat(c.Anchor); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("anchor %s: %w", c.Anchor, fs.ErrExist)
	}
	if err := durable.EmptyDir(c.Dir); err != nil {
		return err
	}
	l, err := connect(ctx, c)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	cp, err := l.sign(ledger.Checkpoint{Origin: l.key.Origin, Root: sha256.Sum256(nil)})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(c.Dir, checkpointName), cp.Signed, 0o644); err != nil {
		return err
	}
	return durable.WriteFile(c.Anchor, cp.Signed, 0o644)
}

// Open opens a ledger for appending. If no other process leads it, it makes sure that
// nothing was set back, and leads. The tiles are made again if they are lost.
func Open(ctx context.Context, c Config) (*Log, error) {
	l, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("opening ledger %s: %w", c.Dir, err)
	}
	return l, nil
}

func open(ctx context.Context, c Config) (*Log, error) {
	if _, err := os.Stat(c.Dir); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(c.Anchor); err != nil {
			return nil, ledger.ErrNoLedger
		}
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return nil, err
		}
	}
	l, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := l.tryLead(ctx); err != nil {
		return nil, errors.Join(err, l.conn.Close())
	}
	if l.leader == nil {
		if err := l.follow(ctx); err != nil {
			return nil, errors.Join(err, l.conn.Close())
		}
	}
	go l.run(context.WithoutCancel(ctx))
	return l, nil
}

// connect makes sure that the keys fit, the directory can be written, and Trillian has
// the tree.
func connect(ctx context.Context, c Config) (*Log, error) {
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
	conn, err := dial(c)
	if err != nil {
		return nil, err
	}
	dir := ledger.Dir(c.Dir)
	l := &Log{
		Reader: dir, conf: c, key: key, conn: conn,
		at:     &cluster{client: api.NewTrillianLogClient(conn), tree: c.Tree, origin: key.Origin},
		prover: ledger.NewProver(dir, keptTiles),
		room:   make(chan struct{}, queueing),
		wake:   make(chan struct{}, 1), done: make(chan struct{}), pending: map[[32]byte]*appending{},
		last: ledger.Checkpoint{Origin: key.Origin, Root: sha256.Sum256(nil)},
	}
	waiting, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	for {
		_, err := l.at.root(waiting)
		if err == nil {
			return l, nil
		}
		if !passing(err) || waiting.Err() != nil {
			return nil, errors.Join(fmt.Errorf("tree %d at %s: %w", c.Tree, c.Server, err), conn.Close())
		}
		pause(waiting, 5*shortNap)
	}
}

// checkSigner makes sure that the key verifies what is signed.
func checkSigner(key ledger.LogKey, signer note.Signer) error {
	want := strings.Join(strings.SplitN(key.VKey, "+", 3)[:2], "+")
	if got := fmt.Sprintf("%s+%08x", signer.Name(), signer.KeyHash()); got != want {
		return fmt.Errorf("%w: the signing key is %s, the verifier key %s", ledger.ErrWrongKey, got, want)
	}
	return nil
}

func checkWritable(dir string) error {
	f, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrReadOnly, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// passing reports whether an error is Trillian's, and may be gone later.
func passing(err error) bool {
	var a *answer
	return errors.As(err, &a) && a.passing()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Close takes no more entries, waits for those that it took to be answered, and lets go
// of the ledger.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.nudge()
	select {
	case <-l.done:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), l.conn.Close())
	}
	return l.conn.Close()
}

func openSigned(key ledger.LogKey, name string) (ledger.Checkpoint, error) {
	signed, err := os.ReadFile(name)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	cp, err := key.Open(signed)
	if err != nil {
		return cp, fmt.Errorf("%w: %s: %w", ledger.ErrWrongKey, name, err)
	}
	return cp, nil
}
