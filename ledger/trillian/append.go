package trillian

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc/codes"

	"github.com/proctor-attest/proctor/ledger"
)

// appending is an entry on its way. All who append the same one wait for one answer.
type appending struct {
	leaf     [32]byte
	index    uint64
	found    bool // at index
	dup      bool
	since    time.Time
	answered chan struct{}
	proof    []byte
	err      error
}

var errClosed = errors.New("the ledger is being closed")

// Append implements ledger.Log. It returns ledger.ErrBusy when Trillian has more in its
// queue than it lets wait.
func (l *Log) Append(ctx context.Context, entry []byte) (ledger.Appended, error) {
	if len(entry) == 0 || len(entry) > ledger.MaxEntry {
		return ledger.Appended{}, fmt.Errorf("entry has %d bytes, want 1 to %d", len(entry), ledger.MaxEntry)
	}
	a, mine, err := l.take([32]byte(rfc6962.DefaultHasher.HashLeaf(entry)))
	if err != nil {
		return ledger.Appended{}, err
	}
	if mine {
		// What was begun ends, whoever goes away: somebody else may wait for it too.
		go l.queue(context.WithoutCancel(ctx), a, slices.Clone(entry))
	}
	select {
	case <-a.answered:
		return ledger.Appended{Index: a.index, Dup: a.dup || !mine, Proof: a.proof}, a.err
	case <-ctx.Done():
		return ledger.Appended{}, ctx.Err()
	}
}

// take returns what waits for a leaf already, or something new.
func (l *Log) take(leaf [32]byte) (a *appending, mine bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return nil, false, errClosed
	}
	if a := l.pending[leaf]; a != nil {
		return a, false, nil
	}
	a = &appending{leaf: leaf, since: time.Now(), answered: make(chan struct{})}
	l.pending[leaf] = a
	return a, true, nil
}

// queue gives an entry to Trillian, until it has it. An answer that was lost may be of an
// entry that was taken: it is looked for by its hash before it is queued again, which is
// harmless where Trillian has its leaves in a database.
func (l *Log) queue(ctx context.Context, a *appending, entry []byte) {
	ctx, cancel := context.WithTimeout(ctx, l.conf.patience())
	defer cancel()
	var before error
	for nap := shortNap; ; nap = min(2*nap, longNap) {
		err := l.queueOnce(ctx, a, entry)
		if err == nil {
			break // of what is not in the tree yet the next one tells
		}
		if ctx.Err() != nil && before != nil {
			err = before // which says more than that time is over
		}
		if !passing(err) || ctx.Err() != nil {
			l.end(a, fmt.Errorf("queueing the entry at Trillian: %w", err))
			break
		}
		before = err
		pause(ctx, nap)
	}
	l.nudge()
}

// queueOnce returns nil when Trillian has the entry.
func (l *Log) queueOnce(ctx context.Context, a *appending, entry []byte) error {
	select {
	case l.room <- struct{}{}:
		defer func() { <-l.room }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ledger.ErrBusy, ctx.Err())
	}
	had, err := l.at.queue(ctx, entry)
	var no *answer
	switch {
	case err == nil && !had:
		return nil
	case had:
		l.had(a)
		_, err := l.find(ctx, a)
		return err
	case errors.As(err, &no) && no.code == codes.ResourceExhausted:
		return fmt.Errorf("%w: %w", ledger.ErrBusy, err)
	case passing(err):
		if found, findErr := l.find(ctx, a); found && findErr == nil {
			return nil
		}
	}
	return err
}

// find asks Trillian where an entry is that it has.
func (l *Log) find(ctx context.Context, a *appending) (bool, error) {
	l.mu.Lock()
	size := l.matched
	l.mu.Unlock()
	index, found, err := l.at.find(ctx, a.leaf, size)
	if !found || err != nil {
		return false, err
	}
	l.had(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !a.found {
		a.index, a.found = index, true
	}
	return true, nil
}

// had notes that Trillian had an entry before.
func (l *Log) had(a *appending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending[a.leaf] == a { // not answered yet
		a.dup = true
	}
}

// match compares what is pending with the entries up to size that are new: an entry that
// was queued is at an index that only the tree tells.
func (l *Log) match(ctx context.Context, size uint64) error {
	l.mu.Lock()
	from := l.matched
	l.matched = max(l.matched, size)
	idle := len(l.pending) == 0
	l.mu.Unlock()
	for tile := from / width; !idle && tile*width < size; tile++ {
		p := uint8(0)
		if (tile+1)*width > size {
			p = uint8(size % width)
		}
		row, err := l.ReadTile(ctx, 0, tile, p)
		if err != nil {
			return fmt.Errorf("reading tile 0/%d: %w", tile, err)
		}
		l.mu.Lock()
		for i := tile * width; i < size && len(row) >= 32; i, row = i+1, row[32:] {
			if a := l.pending[[32]byte(row[:32])]; a != nil && !a.found && i >= from {
				a.index, a.found = i, true
			}
		}
		l.mu.Unlock()
	}
	return nil
}

// end answers all who wait for an entry.
func (l *Log) end(a *appending, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked(a, nil, err)
}

func (l *Log) endLocked(a *appending, proof []byte, err error) {
	if l.pending[a.leaf] != a {
		return
	}
	a.proof, a.err = proof, err
	delete(l.pending, a.leaf)
	close(a.answered)
}

// answer answers what the newest checkpoint covers, and what an error is in the way of.
// An error that may pass is for those who have waited for too long.
func (l *Log) answer(ctx context.Context, err error) {
	l.mu.Lock()
	last := l.last
	var covered []*appending
	for _, a := range l.pending {
		switch late := time.Since(a.since) > l.conf.patience(); {
		case a.found && a.index < last.Size:
			covered = append(covered, a)
		case errors.Is(err, ledger.ErrNotCosigned) && !a.found && !late:
			// It is not in the tree that was not cosigned.
		case err != nil && (late || !passing(err)):
			l.endLocked(a, nil, err)
		case late:
			l.endLocked(a, nil, l.lateness())
		}
	}
	l.mu.Unlock()
	slices.SortFunc(covered, func(a, b *appending) int { return int(a.index) - int(b.index) })
	var wg sync.WaitGroup
	part := max(1, len(covered)/runtime.GOMAXPROCS(0))
	for list := range slices.Chunk(covered, part) {
		wg.Go(func() { l.prove(ctx, last, list) })
	}
	wg.Wait()
}

func (l *Log) prove(ctx context.Context, cp ledger.Checkpoint, list []*appending) {
	leaves := make([]ledger.Leaf, len(list))
	for i, a := range list {
		leaves[i] = ledger.Leaf{Index: a.index, Hash: a.leaf}
	}
	proofs, err := l.prover.Prove(ctx, cp, leaves)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, a := range list {
		if err != nil {
			l.endLocked(a, nil, err)
		} else {
			l.endLocked(a, proofs[i], nil)
		}
	}
}

// lateness says what is in the way when nothing that was asked has failed.
func (l *Log) lateness() error {
	if l.leader == nil {
		return fmt.Errorf("no checkpoint over the entry came in %s from the process that leads %s", l.conf.patience(), l.conf.Dir)
	}
	return fmt.Errorf("the entry did not come into Trillian's tree %d in %s: does a log signer run, and is it master?", l.conf.Tree, l.conf.patience())
}
