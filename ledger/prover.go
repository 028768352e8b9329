package ledger

import (
	"context"
	"fmt"
	"sync"

	"github.com/transparency-dev/merkle/compact"
)

// A Prover makes many proofs from one ledger. It keeps tiles, and the hashes within
// them, that no growth of the tree changes. It is safe for concurrent use.
type Prover struct {
	r    Reader
	full *tileCache
}

// NewProver makes a prover that keeps up to so many full tiles, of 16 KiB each; they
// are over 256 entries or 256 tiles.
func NewProver(r Reader, tiles int) *Prover {
	return &Prover{r: r, full: &tileCache{most: max(1, tiles), tiles: map[compact.NodeID]*tile{}}}
}

// Inclusion is ProveInclusion for each of some entries of the tree of one size, in
// their order.
func (p *Prover) Inclusion(ctx context.Context, size uint64, indexes ...uint64) ([][][32]byte, error) {
	t := newTileReader(p.r, size)
	t.full = p.full
	out := make([][][32]byte, len(indexes))
	for i, index := range indexes {
		var err error
		if out[i], err = t.inclusion(ctx, index); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Prove makes a c2sp.org/tlog-proof for each of some entries under a checkpoint, in their
// order, and checks them: a public log died of one flipped bit that it had signed unseen
// (https://groups.google.com/a/chromium.org/g/ct-policy/c/PCkKU357M2Q).
func (p *Prover) Prove(ctx context.Context, cp Checkpoint, entries []Leaf) ([][]byte, error) {
	indexes := make([]uint64, len(entries))
	for i, e := range entries {
		indexes[i] = e.Index
	}
	hashes, err := p.Inclusion(ctx, cp.Size, indexes...)
	if err != nil {
		return nil, err
	}
	proofs := make([][]byte, len(entries))
	for i, e := range entries {
		if err := CheckInclusion(cp, e.Index, e.Hash, hashes[i]); err != nil {
			return nil, fmt.Errorf("the ledger's own proof does not hold: %w", err)
		}
		proofs[i] = FormatProof(Proof{Index: e.Index, Hashes: hashes[i], Checkpoint: cp.Signed})
	}
	return proofs, nil
}

// A Leaf is the hash of an entry at its place in the tree.
type Leaf struct {
	Index uint64
	Hash  [32]byte
}

type tileCache struct {
	most int

	mu    sync.Mutex
	tiles map[compact.NodeID]*tile
}

func (c *tileCache) get(id compact.NodeID) *tile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tiles[id]
}

// put makes room by dropping any tile: which one is not worth remembering more.
func (c *tileCache) put(id compact.NodeID, t *tile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.tiles {
		if len(c.tiles) < c.most {
			break
		}
		delete(c.tiles, old)
	}
	c.tiles[id] = t
}
