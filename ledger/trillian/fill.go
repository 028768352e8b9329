package trillian

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	api "github.com/google/trillian"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/proctor-attest/proctor/ledger"
)

// fillBytes and fillLeaves bound what is sent at once: a log server takes 4 MiB.
const (
	fillBytes  = 1 << 20
	fillLeaves = 1 << 10
)

// CreateTreeOf makes a tree at Trillian of a ledger that is kept elsewhere: its entries
// have the same places, and its root is the checkpoint's. Progress may be nil. Of the
// Config it takes what CreateTree does. A tree that did not become whole is of no use.
func CreateTreeOf(ctx context.Context, c Config, r ledger.Reader, cp ledger.Checkpoint, progress func(done, of uint64)) (int64, error) {
	conn, err := dial(c)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	id, err := newTree(ctx, conn, c, api.TreeType_PREORDERED_LOG)
	if err != nil {
		return 0, err
	}
	at := &cluster{client: api.NewTrillianLogClient(conn), tree: id, origin: cp.Origin}
	if err := at.fill(ctx, r, cp, progress); err != nil {
		return 0, fmt.Errorf("filling tree %d at %s: %w", id, c.Server, err)
	}
	if err := at.await(ctx, cp, c.patience()); err != nil {
		return 0, fmt.Errorf("tree %d at %s: %w", id, c.Server, err)
	}
	// A tree takes entries in an order of its own when it has been frozen in between.
	for _, to := range []struct {
		tree *api.Tree
		path string
	}{
		{&api.Tree{TreeState: api.TreeState_FROZEN}, "tree_state"},
		{&api.Tree{TreeType: api.TreeType_LOG}, "tree_type"},
		{&api.Tree{TreeState: api.TreeState_ACTIVE}, "tree_state"},
	} {
		if err := update(ctx, api.NewTrillianAdminClient(conn), id, to.tree, to.path); err != nil {
			return 0, fmt.Errorf("opening tree %d at %s: %w", id, c.Server, err)
		}
	}
	return id, nil
}

// Freeze makes a ledger's tree take no more entries, for good.
func Freeze(ctx context.Context, c Config) error {
	conn, err := dial(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := update(ctx, api.NewTrillianAdminClient(conn), c.Tree, &api.Tree{TreeState: api.TreeState_FROZEN}, "tree_state"); err != nil {
		return fmt.Errorf("freezing tree %d at %s: %w", c.Tree, c.Server, err)
	}
	return nil
}

func update(ctx context.Context, admin api.TrillianAdminClient, id int64, to *api.Tree, path string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	to.TreeId = id
	_, err := admin.UpdateTree(ctx, &api.UpdateTreeRequest{Tree: to, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
	return plain(err)
}

// fill sends the entries of a ledger, each with its index.
func (c *cluster) fill(ctx context.Context, r ledger.Reader, cp ledger.Checkpoint, progress func(done, of uint64)) error {
	seen := map[uint64]bool{} // beginnings of leaf hashes
	var batch []*api.LogLeaf
	size := 0
	send := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := c.addSequenced(ctx, batch)
		if progress != nil {
			progress(uint64(batch[len(batch)-1].LeafIndex)+1, cp.Size)
		}
		batch, size = nil, 0
		return err
	}
	err := ledger.ScanVerified(ctx, r, cp, 0, func(index uint64, entry []byte) error {
		if size+len(entry) > fillBytes || len(batch) == fillLeaves {
			if err := send(); err != nil {
				return err
			}
		}
		leaf := &api.LogLeaf{LeafIndex: int64(index), LeafValue: bytes.Clone(entry)}
		hash := rfc6962.DefaultHasher.HashLeaf(entry)
		if begin := binary.BigEndian.Uint64(hash); seen[begin] {
			// Trillian takes an identity once, and a ledger may have an entry twice.
			leaf.LeafIdentityHash = rfc6962.DefaultHasher.HashChildren(hash, binary.BigEndian.AppendUint64(nil, index))
		} else {
			seen[begin] = true
		}
		batch, size = append(batch, leaf), size+len(entry)
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}

// addSequenced sends leaves until they are taken; sending them twice is harmless.
func (c *cluster) addSequenced(ctx context.Context, leaves []*api.LogLeaf) error {
	for try := time.Duration(1); ; try++ {
		resp, err := c.client.AddSequencedLeaves(ctx, &api.AddSequencedLeavesRequest{LogId: c.tree, Leaves: leaves})
		var a *answer
		if err = plain(err); errors.As(err, &a) && try < 5 && (a.passing() || a.code == codes.ResourceExhausted) {
			pause(ctx, try*200*time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		for i, result := range resp.GetResults() {
			if code := codes.Code(result.GetStatus().GetCode()); code != codes.OK && (code != codes.AlreadyExists || try == 1) {
				return fmt.Errorf("entry %d: %s (%s)", leaves[i].LeafIndex, clip(result.GetStatus().GetMessage()), code)
			}
		}
		return nil
	}
}

// await waits until Trillian's tree is that of a checkpoint, as long as it grows.
func (c *cluster) await(ctx context.Context, cp ledger.Checkpoint, patience time.Duration) error {
	var before uint64
	for since := time.Now(); ; pause(ctx, 5*shortNap) {
		now, err := c.root(ctx)
		switch {
		case err != nil && (!passing(err) || ctx.Err() != nil):
			return err
		case err != nil:
		case now.Size == cp.Size && now.Root == cp.Root:
			return nil
		case now.Size >= cp.Size:
			return fmt.Errorf("its root of %d entries is %x, and the ledger's is %x", now.Size, now.Root, cp.Root)
		case now.Size > before:
			since, before = time.Now(), now.Size
		}
		if time.Since(since) > patience {
			return fmt.Errorf("%d of %d entries are in it, and no more came in %s: does a log signer run, and is it master?", before, cp.Size, patience)
		}
	}
}
