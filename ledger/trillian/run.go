package trillian

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/proctor-attest/proctor/ledger"
)

// Sync waits until what is in Trillian's tree, when it is called, is published.
func (l *Log) Sync(ctx context.Context) error {
	cp, err := l.at.root(ctx)
	if err != nil {
		return err
	}
	for since := time.Now(); ; pause(ctx, shortNap) {
		l.mu.Lock()
		size, trouble := l.last.Size, l.trouble
		l.mu.Unlock()
		switch late := time.Since(since) > l.conf.patience(); {
		case size >= cp.Size:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case trouble != nil && (late || !passing(trouble)):
			return trouble
		case late:
			return fmt.Errorf("%d of %d entries were published in %s", size, cp.Size, l.conf.patience())
		}
	}
}

// run makes checkpoints, or waits for those of the process that leads, until the ledger is
// closed and nothing waits any more.
func (l *Log) run(ctx context.Context) {
	defer close(l.done)
	for {
		err := l.step(ctx)
		l.answer(ctx, err)
		l.mu.Lock()
		l.trouble = err
		l.mu.Unlock()
		if closed := l.rest(); closed {
			break
		}
	}
	if l.leader != nil {
		l.leader.lock.Release()
	}
}

// rest waits until something may be new.
func (l *Log) rest() (closed bool) {
	for begin := time.Now(); ; {
		waiting, closing := l.state()
		if closing && !waiting {
			return true
		}
		until := begin.Add(longNap)
		if waiting {
			until = begin.Add(shortNap)
		}
		if l.leader != nil && l.leader.due.After(until) {
			until = l.leader.due
		}
		nap := time.Until(until)
		if nap <= 0 {
			return false
		}
		select {
		case <-l.wake:
		case <-time.After(nap):
		}
	}
}

// step brings the ledger on by a checkpoint, if there is anything new.
func (l *Log) step(ctx context.Context) error {
	if l.leader == nil {
		if err := l.tryLead(ctx); err != nil {
			return err
		}
	}
	if l.leader != nil {
		return l.advance(ctx)
	}
	return l.follow(ctx)
}

func (l *Log) state() (waiting, closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) > 0, l.closing
}

func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follow reads what the process published that leads.
func (l *Log) follow(ctx context.Context) error {
	cp, err := openSigned(l.key, filepath.Join(l.conf.Dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is making the tiles again
	}
	if err != nil || cp.Size == l.last.Size && cp.Root == l.last.Root {
		return err
	}
	if err := ledger.CheckConsistent(ctx, l.Reader, l.last, cp); err != nil {
		return err
	}
	if err := l.match(ctx, cp.Size); err != nil {
		return err
	}
	l.published(cp)
	return nil
}

func (l *Log) published(cp ledger.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = cp
}
