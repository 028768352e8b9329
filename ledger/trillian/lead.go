package trillian

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// A leader is what the one process has that makes tiles and signs.
type leader struct {
	lock   *durable.Lock
	tree   *tree
	signed []ledger.Checkpoint // that the next one must continue
	due    time.Time           // when it may be made
	tired  time.Duration       // how long to leave witnesses alone that failed, when nobody waits
	asked  time.Time           // when they failed
}

const longestTired = 30 * time.Second

// tryLead leads the ledger if nobody else does, after making sure that it was not set
// back: the checkpoint in the directory must continue the anchor, or be older, as after a
// crash between signing and publishing, or when an older copy was put there. Then the
// next one must continue both.
func (l *Log) tryLead(ctx context.Context) (err error) {
	lock, err := durable.TryAcquire(filepath.Join(l.conf.Dir, lockName))
	if err != nil || lock == nil {
		return err
	}
	defer func() {
		if err != nil {
			lock.Release()
		}
	}()
	anchor, err := openSigned(l.key, l.conf.Anchor)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s; without it a rollback could not be noticed", ledger.ErrNoAnchor, l.conf.Anchor)
	}
	if err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	if err := sweepTemporary(l.conf.Dir); err != nil {
		return err
	}
	ld := &leader{lock: lock, tree: &tree{}, signed: []ledger.Checkpoint{anchor, l.last}}
	cp, err := openSigned(l.key, filepath.Join(l.conf.Dir, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		cp, err = l.last, nil // all tiles are made again
	}
	if err != nil {
		return err
	}
	ld.signed = append(ld.signed, cp)
	if err := l.checkContinues(ctx, ld.signed); err != nil {
		return err
	}
	if t, err := loadTree(ctx, l.Reader, cp); err == nil {
		ld.tree = t
		if err := l.match(ctx, cp.Size); err != nil {
			return err
		}
	} // else tiles are lost, and all are made again
	l.leader = ld
	l.published(cp)
	return nil
}

// checkContinues makes sure that Trillian's tree, as it is now, continues all that was
// signed.
func (l *Log) checkContinues(ctx context.Context, signed []ledger.Checkpoint) error {
	cp, err := l.at.root(ctx)
	for _, old := range signed {
		if err == nil {
			err = l.at.checkContinues(ctx, old, cp)
		}
	}
	return err
}

// advance publishes a checkpoint over what is new at Trillian.
func (l *Log) advance(ctx context.Context) error {
	ld := l.leader
	if waiting, _ := l.state(); !waiting && time.Since(ld.asked) < ld.tired {
		return nil
	}
	cp, err := l.at.root(ctx)
	if err != nil {
		return err
	}
	if cp.Size == l.last.Size && cp.Root == l.last.Root && ld.tree.size == cp.Size {
		return nil
	}
	for _, old := range ld.signed {
		if err := l.at.checkContinues(ctx, old, cp); err != nil {
			return err
		}
	}
	before := ld.tree
	if ld.tree, err = l.derive(ctx, before, cp); err != nil {
		return err
	}
	if cp, err = l.sign(cp); err != nil {
		return err
	}
	// Remember it before anybody else sees it: after a crash none may be signed that
	// does not continue it.
	if err := durable.WriteFile(l.conf.Anchor, cp.Signed, 0o644); err != nil {
		return fmt.Errorf("writing anchor: %w", err)
	}
	ld.signed = []ledger.Checkpoint{cp}
	if err := l.match(ctx, cp.Size); err != nil {
		return err
	}
	ld.due = time.Now().Add(l.conf.Interval)
	if cp, err = l.cosign(ctx, cp); err != nil {
		ld.tired, ld.asked = min(2*ld.tired+longNap, longestTired), time.Now()
		return fmt.Errorf("logged, %w: %w", ledger.ErrNotCosigned, err)
	}
	ld.tired = 0
	if err := durable.WriteFile(filepath.Join(l.conf.Dir, checkpointName), cp.Signed, 0o644); err != nil {
		return fmt.Errorf("publishing the checkpoint: %w", err)
	}
	if err := durable.WriteFile(l.conf.Anchor, cp.Signed, 0o644); err != nil {
		return fmt.Errorf("writing anchor: %w", err)
	}
	l.published(cp)
	return sweep(l.conf.Dir, before.size)
}

// derive makes the tiles of a tree of Trillian's from its leaves. They take their places
// when the root that they give is the tree's.
func (l *Log) derive(ctx context.Context, from *tree, cp ledger.Checkpoint) (*tree, error) {
	if from.size == cp.Size {
		return from, nil
	}
	s, err := newStage(l.conf.Dir)
	if err != nil {
		return from, err
	}
	t := from.clone()
	err = l.at.entries(ctx, t.size, cp.Size, func(entry []byte) error { return t.add(entry, s.write) })
	if err == nil {
		err = t.partials(s.write)
	}
	if err = errors.Join(err, s.wait()); err != nil {
		return from, errors.Join(err, s.drop())
	}
	if root := t.root(); t.size != cp.Size || root != cp.Root {
		return from, errors.Join(fmt.Errorf("the root of %d leaves is %x at Trillian, and that of the leaves is %x: nothing was signed", cp.Size, cp.Root, root), s.drop())
	}
	if err := s.publish(); err != nil {
		return from, err
	}
	return t, nil
}

// sign signs the tree of a checkpoint.
func (l *Log) sign(cp ledger.Checkpoint) (ledger.Checkpoint, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", cp.Origin, cp.Size, base64.StdEncoding.EncodeToString(cp.Root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, l.conf.Signer)
	if err != nil {
		return cp, fmt.Errorf("signing the checkpoint: %w", err)
	}
	return l.key.Open(signed)
}

func (l *Log) cosign(ctx context.Context, cp ledger.Checkpoint) (ledger.Checkpoint, error) {
	if l.conf.Cosign == nil {
		return cp, nil
	}
	signed, err := l.conf.Cosign(ctx, l.Reader, cp.Signed)
	if err != nil {
		return cp, err
	}
	return l.key.Open(signed)
}
