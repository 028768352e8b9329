package trillian

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	api "github.com/google/trillian"
	"github.com/google/trillian/types"
	"google.golang.org/grpc/codes"

	"github.com/proctor-attest/proctor/ledger"
)

// A cluster is one tree at Trillian. Nothing that it answers is believed.
type cluster struct {
	client api.TrillianLogClient
	tree   int64
	origin string
}

// root is Trillian's newest tree, as a checkpoint that nobody has signed.
func (c *cluster) root(ctx context.Context) (ledger.Checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	resp, err := c.client.GetLatestSignedLogRoot(ctx, &api.GetLatestSignedLogRootRequest{LogId: c.tree})
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("asking Trillian for its root: %w", plain(err))
	}
	var r types.LogRootV1
	if err := r.UnmarshalBinary(resp.GetSignedLogRoot().GetLogRoot()); err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("reading Trillian's root: %w", err)
	}
	if len(r.RootHash) != 32 || r.TreeSize > math.MaxInt64 {
		return ledger.Checkpoint{}, fmt.Errorf("the root from Trillian has size %d and a hash of %d bytes", r.TreeSize, len(r.RootHash))
	}
	return ledger.Checkpoint{Origin: c.origin, Size: r.TreeSize, Root: [32]byte(r.RootHash)}, nil
}

// checkContinues makes Trillian prove that its tree begins with one that was signed.
func (c *cluster) checkContinues(ctx context.Context, old, cur ledger.Checkpoint) error {
	if cur.Size < old.Size || cur.Size == old.Size && cur.Root != old.Root {
		return &ledger.RollbackError{Old: old, New: cur}
	}
	if old.Size == 0 || old.Size == cur.Size {
		return nil // RFC 6962 has no proof of these
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	resp, err := c.client.GetConsistencyProof(ctx, &api.GetConsistencyProofRequest{
		LogId: c.tree, FirstTreeSize: int64(old.Size), SecondTreeSize: int64(cur.Size)})
	if err != nil {
		return fmt.Errorf("asking Trillian for a consistency proof: %w", plain(err))
	}
	var hashes [][32]byte
	for _, h := range resp.GetProof().GetHashes() {
		if len(h) != 32 {
			return fmt.Errorf("the consistency proof from Trillian has a hash of %d bytes", len(h))
		}
		hashes = append(hashes, [32]byte(h))
	}
	if err := ledger.CheckConsistency(old, cur, hashes); err != nil {
		return fmt.Errorf("%w: %w", &ledger.RollbackError{Old: old, New: cur}, err)
	}
	return nil
}

// queue gives an entry to Trillian, and reports whether it had it already.
func (c *cluster) queue(ctx context.Context, entry []byte) (had bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	resp, err := c.client.QueueLeaf(ctx, &api.QueueLeafRequest{LogId: c.tree, Leaf: &api.LogLeaf{LeafValue: entry}})
	if err != nil {
		return false, plain(err)
	}
	switch s := resp.GetQueuedLeaf().GetStatus(); codes.Code(s.GetCode()) {
	case codes.OK:
		return false, nil
	case codes.AlreadyExists:
		return true, nil
	default:
		return false, &answer{codes.Code(s.GetCode()), clip(s.GetMessage())}
	}
}

// find asks for the index of a leaf in the tree of a size.
func (c *cluster) find(ctx context.Context, leaf [32]byte, size uint64) (index uint64, found bool, err error) {
	if size == 0 {
		return 0, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	resp, err := c.client.GetInclusionProofByHash(ctx, &api.GetInclusionProofByHashRequest{
		LogId: c.tree, LeafHash: leaf[:], TreeSize: int64(size), OrderBySequence: true})
	var a *answer
	if err = plain(err); errors.As(err, &a) && a.code == codes.NotFound {
		return 0, false, nil
	}
	if err != nil || len(resp.GetProof()) == 0 {
		return 0, false, err
	}
	at := resp.Proof[0].GetLeafIndex()
	if at < 0 || uint64(at) >= size {
		return 0, false, fmt.Errorf("according to Trillian the entry is at %d, in a tree of %d", at, size)
	}
	return uint64(at), true, nil
}

// entries calls fn for the entries from index from up to, and without, to, in their
// order. It holds those of two answers at a time.
func (c *cluster) entries(ctx context.Context, from, to uint64, fn func(entry []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type part struct {
		leaves []*api.LogLeaf
		err    error
	}
	parts := make(chan part)
	go func() {
		defer close(parts)
		for at := from; at < to; {
			leaves, err := c.leaves(ctx, at, min(leavesAtOnce-at%leavesAtOnce, to-at))
			select {
			case parts <- part{leaves, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			at += uint64(len(leaves))
		}
	}()
	for p := range parts {
		if p.err != nil {
			return p.err
		}
		for _, leaf := range p.leaves {
			if err := fn(leaf.GetLeafValue()); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// leaves asks for some leaves, of which Trillian may send fewer, again and again: what has
// been made of a million before need not be made again for one lost answer.
func (c *cluster) leaves(ctx context.Context, from, count uint64) ([]*api.LogLeaf, error) {
	for try := time.Duration(1); ; try++ {
		leaves, err := c.leavesOnce(ctx, from, count)
		var a *answer
		if err == nil || try == 5 || !errors.As(err, &a) || !a.passing() {
			return leaves, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(try * 200 * time.Millisecond):
		}
	}
}

func (c *cluster) leavesOnce(ctx context.Context, from, count uint64) ([]*api.LogLeaf, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	resp, err := c.client.GetLeavesByRange(ctx, &api.GetLeavesByRangeRequest{LogId: c.tree, StartIndex: int64(from), Count: int64(count)})
	if err != nil {
		return nil, fmt.Errorf("asking Trillian for leaves from %d: %w", from, plain(err))
	}
	leaves := resp.GetLeaves()
	if len(leaves) == 0 || uint64(len(leaves)) > count {
		return nil, fmt.Errorf("got %d leaves from Trillian, want 1 to %d from %d on", len(leaves), count, from)
	}
	for i, leaf := range leaves {
		if at := leaf.GetLeafIndex(); at != int64(from)+int64(i) {
			return nil, fmt.Errorf("got leaf %d from Trillian in the place of %d", at, from+uint64(i))
		}
		if n := len(leaf.GetLeafValue()); n > ledger.MaxEntry {
			return nil, fmt.Errorf("leaf %d has %d bytes, and no bundle can hold more than %d: somebody else writes to Trillian's tree %d", from+uint64(i), n, ledger.MaxEntry, c.tree)
		}
	}
	return leaves, nil
}
