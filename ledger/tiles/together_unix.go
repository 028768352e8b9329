//go:build unix

package tiles

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// keptTiles is how many full tiles proofs are made from without reading them again:
// those over the newest 500,000 entries, in 32 MiB.
const keptTiles = 1 << 11

// together appends side by side: entries are integrated in batches, a checkpoint is
// published and cosigned for all that came meanwhile, and each then gets its proof.
type together struct {
	log    *Log
	prover *ledger.Prover
	wake   chan struct{} // that something waits
	done   chan struct{} // closed when run has ended

	mu      sync.Mutex
	known   map[uint64]uint64       // beginning of a leaf hash → index
	pending map[[32]byte]*appending // not answered yet
	waiting []*appending            // integrated, and in no cosigned checkpoint
	last    ledger.Checkpoint       // the newest that was cosigned, with its cosignatures
	doubts  bool                    // an entry that was refused may be in the tree
	doubt   uint64                  // from here on
	closing bool
}

// appending is an entry on its way. All who append the same one wait for one answer.
type appending struct {
	leaf     [32]byte
	index    uint64
	dup      bool
	answered chan struct{}
	proof    []byte
	err      error
}

// begin reads the hashes of all entries, by which one that is there is found again.
func (l *Log) begin(ctx context.Context) error {
	signed, err := readCosigned(l.conf.Dir, l.key)
	if err != nil {
		return err
	}
	cp, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	if signed.Signed == nil || signed.Size < l.anchor.Size {
		signed = cp
	}
	hashes, err := ledger.LeafHashes(ctx, l.tree, 0, cp.Size)
	if err != nil {
		return err
	}
	t := &together{log: l, prover: ledger.NewProver(l.tree, keptTiles), wake: make(chan struct{}, 1), done: make(chan struct{}),
		known: make(map[uint64]uint64, len(hashes)), pending: map[[32]byte]*appending{}, last: signed}
	for i := len(hashes) - 1; i >= 0; i-- { // of equal ones the first counts
		t.known[binary.BigEndian.Uint64(hashes[i][:])] = uint64(i)
	}
	l.together = t
	l.Reader = cosignedReader{l.tree, t}
	go t.run()
	return nil
}

// append is Log.Append.
func (t *together) append(ctx context.Context, entry []byte) (ledger.Appended, error) {
	// What was begun ends, whoever goes away: somebody else may wait for it too.
	begun := context.WithoutCancel(ctx)
	a, mine, err := t.take(begun, [32]byte(rfc6962.DefaultHasher.HashLeaf(entry)))
	if err != nil {
		return ledger.Appended{}, named(err)
	}
	if mine && !a.dup {
		e := tessera.NewEntry(entry)
		_, err := t.log.appender.Add(begun, e)()
		t.integrated(a, e.Index(), err)
	}
	select {
	case <-a.answered:
		return ledger.Appended{Index: a.index, Dup: a.dup || !mine, Proof: a.proof}, a.err
	case <-ctx.Done():
		return ledger.Appended{}, ctx.Err()
	}
}

// take returns what waits for a leaf already, or something new; an entry that is in the
// tree waits for its proof only.
func (t *together) take(ctx context.Context, leaf [32]byte) (a *appending, mine bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		return nil, false, errClosed
	}
	if a := t.pending[leaf]; a != nil {
		return a, false, nil
	}
	if err := t.relearn(ctx); err != nil {
		return nil, false, fmt.Errorf("looking for the entry: %w", err)
	}
	a = &appending{leaf: leaf, answered: make(chan struct{})}
	if index, ok := t.known[binary.BigEndian.Uint64(leaf[:])]; ok {
		h, err := t.leafAt(ctx, index)
		if err != nil {
			return nil, false, fmt.Errorf("looking for the entry: %w", err)
		}
		// Another leaf can begin so too. Then the ledger will have this one twice.
		if h == leaf {
			a.index, a.dup = index, true
			t.wait(a)
		}
	}
	t.pending[leaf] = a
	return a, true, nil
}

// leafAt reads the hash of an entry. Of a tile that is not full there are only the widths
// that it had when a batch ended.
func (t *together) leafAt(ctx context.Context, index uint64) ([32]byte, error) {
	size, err := t.log.tree.IntegratedSize(ctx)
	if err != nil {
		return [32]byte{}, err
	}
	const width = 256
	hashes, err := ledger.LeafHashes(ctx, t.log.tree, index, min(size, (index/width+1)*width))
	if err != nil {
		return [32]byte{}, err
	}
	if len(hashes) == 0 {
		return [32]byte{}, fmt.Errorf("index %d is outside a tree of %d", index, size)
	}
	return hashes[0], nil
}

// relearn reads what Tessera may have in its tree though it said that it failed: whoever
// was refused sends it again, and it must not be there twice. It is called with t.mu held.
func (t *together) relearn(ctx context.Context) error {
	if !t.doubts {
		return nil
	}
	size, err := t.log.tree.IntegratedSize(ctx)
	if err != nil {
		return err
	}
	hashes, err := ledger.LeafHashes(ctx, t.log.tree, t.doubt, size)
	if err != nil {
		return err
	}
	for i, h := range hashes {
		if key := binary.BigEndian.Uint64(h[:]); !has(t.known, key) {
			t.known[key] = t.doubt + uint64(i)
		}
	}
	t.doubts = false
	return nil
}

func has(known map[uint64]uint64, key uint64) bool {
	_, ok := known[key]
	return ok
}

var errClosed = errors.New("the ledger is being closed")

// integrated lets an entry that Tessera has in its tree wait for a checkpoint. The index
// is nil if it came to none.
func (t *together) integrated(a *appending, index *uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if index != nil && (!t.doubts || *index < t.doubt) {
			t.doubts, t.doubt = true, *index
		}
		t.answer(a, nil, named(fmt.Errorf("adding entry: %w", err)))
		return
	}
	a.index = *index
	t.known[binary.BigEndian.Uint64(a.leaf[:])] = a.index
	t.wait(a)
}

// wait is called with t.mu held, as answer is.
func (t *together) wait(a *appending) {
	t.waiting = append(t.waiting, a)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *together) answer(a *appending, proof []byte, err error) {
	a.proof, a.err = proof, err
	delete(t.pending, a.leaf)
	close(a.answered)
	if t.closing && len(t.pending) == 0 {
		close(t.wake)
	}
}

// run publishes until the ledger is closed and nothing waits any more.
func (t *together) run() {
	defer close(t.done)
	for range t.wake {
		for t.publish(context.Background()) {
		}
	}
}

// publish waits for a checkpoint over something that waits, has it cosigned, and
// answers all that it covers. It reports whether anything waited.
func (t *together) publish(ctx context.Context) bool {
	t.mu.Lock()
	if len(t.waiting) == 0 {
		t.mu.Unlock()
		return false
	}
	first := slices.MinFunc(t.waiting, func(a, b *appending) int { return cmp.Compare(a.index, b.index) }).index
	t.mu.Unlock()

	err := t.advance(ctx, first+1)
	t.mu.Lock()
	var covered []*appending
	t.waiting = slices.DeleteFunc(t.waiting, func(a *appending) bool {
		if err == nil && a.index >= t.last.Size {
			return false
		}
		covered = append(covered, a)
		return true
	})
	last := t.last
	t.mu.Unlock()

	slices.SortFunc(covered, func(a, b *appending) int { return cmp.Compare(a.index, b.index) })
	proofs, errs := make([][]byte, len(covered)), make([]error, len(covered))
	if err == nil {
		t.prove(ctx, last, covered, proofs, errs)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, a := range covered {
		t.answer(a, proofs[i], named(cmp.Or(err, errs[i])))
	}
	return true
}

// advance makes sure that a cosigned checkpoint has this size or more.
func (t *together) advance(ctx context.Context, size uint64) error {
	if t.last.Size >= size {
		return nil
	}
	cp, err := t.log.published(ctx, size)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistent(ctx, t.log.tree, t.log.anchor, cp); err != nil {
		return err
	}
	if t.log.conf.Cosign != nil {
		signed, err := t.log.conf.Cosign(ctx, t.log.tree, cp.Signed)
		if err != nil {
			return fmt.Errorf("logged, %w: %w", ledger.ErrNotCosigned, err)
		}
		cp.Signed = signed
	}
	// Tessera may be writing a newer checkpoint to its own file.
	if err := durable.WriteFile(filepath.Join(t.log.conf.Dir, ledger.CosignedName), cp.Signed, 0o644); err != nil {
		return fmt.Errorf("publishing the cosigned checkpoint: %w", err)
	}
	if err := t.log.anchorAt(cp, cp.Signed); err != nil {
		return err
	}
	t.mu.Lock()
	t.last = cp
	t.mu.Unlock()
	return nil
}

// prove makes and checks the proofs of entries, in the order of their indexes.
func (t *together) prove(ctx context.Context, cp ledger.Checkpoint, list []*appending, proofs [][]byte, errs []error) {
	workers := runtime.GOMAXPROCS(0)
	part := max(1, (len(list)+workers-1)/workers)
	var wg sync.WaitGroup
	for from := 0; from < len(list); from += part {
		wg.Go(func() {
			to := min(from+part, len(list))
			if err := t.proveAll(ctx, cp, list[from:to], proofs[from:to]); err != nil {
				for i := from; i < to; i++ {
					errs[i] = err
				}
			}
		})
	}
	wg.Wait()
}

func (t *together) proveAll(ctx context.Context, cp ledger.Checkpoint, list []*appending, proofs [][]byte) error {
	leaves := make([]ledger.Leaf, len(list))
	for i, a := range list {
		leaves[i] = ledger.Leaf{Index: a.index, Hash: a.leaf}
	}
	made, err := t.prover.Prove(ctx, cp, leaves)
	copy(proofs, made)
	return err
}

// end takes no more entries and answers those that it took.
func (t *together) end() error {
	t.mu.Lock()
	t.closing = true
	if len(t.pending) == 0 {
		close(t.wake)
	}
	t.mu.Unlock()
	<-t.done
	return t.log.settle()
}

// settle puts the cosigned checkpoint where it is found without knowing more, if it is
// the newest, and so that none is found that is older.
func (l *Log) settle() error {
	cosigned, err := readCosigned(l.conf.Dir, l.key)
	if err != nil || cosigned.Signed == nil {
		return err
	}
	cp, err := l.checkpoint(context.Background())
	if err != nil {
		return err
	}
	if cp.Size == cosigned.Size && cp.Root == cosigned.Root {
		if err := durable.WriteFile(filepath.Join(l.conf.Dir, checkpointName), cosigned.Signed, 0o644); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(l.conf.Dir, ledger.CosignedName)); err != nil {
		return err
	}
	return durable.SyncDir(l.conf.Dir)
}

// readCosigned reads the newest cosigned checkpoint; the zero Checkpoint if there is
// none beside Tessera's.
func readCosigned(dir string, key ledger.LogKey) (ledger.Checkpoint, error) {
	cp, err := openSigned(key, filepath.Join(dir, ledger.CosignedName))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Checkpoint{}, nil
	}
	return cp, err
}

// published waits until Tessera has published a checkpoint of this size or more.
func (l *Log) published(ctx context.Context, size uint64) (ledger.Checkpoint, error) {
	waiting, cancel := context.WithTimeout(ctx, l.conf.Patience)
	defer cancel()
	for {
		cp, err := l.checkpoint(ctx)
		if err != nil || cp.Size >= size {
			return cp, err
		}
		if err := touch(l.conf.Dir); err != nil { // the clock may be set back at any time
			return cp, err
		}
		select {
		case <-waiting.Done():
			return cp, l.unpublished(ctx, size)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// cosignedReader reads a ledger that is being appended to as others should see it: up
// to the checkpoint that was cosigned.
type cosignedReader struct {
	tessera.LogReader
	t *together
}

func (r cosignedReader) ReadCheckpoint(context.Context) ([]byte, error) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	return r.t.last.Signed, nil
}
