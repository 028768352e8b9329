package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// The hash tiles of c2sp.org/tlog-tiles: 256 hashes wide, 8 levels high.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// ProveInclusion reads from r's tiles the proof that the tree of this size has
// what it has at index. The proof is only as good as r: check it, or format it
// for somebody who will. Many are made faster by a Prover.
func ProveInclusion(ctx context.Context, r Reader, size, index uint64) ([][32]byte, error) {
	return newTileReader(r, size).inclusion(ctx, index)
}

// ProveConsistency reads from r's tiles the proof that the tree of this size
// begins with that of size old. As for ProveInclusion, it is to be checked.
func ProveConsistency(ctx context.Context, r Reader, old, size uint64) ([][32]byte, error) {
	if old == 0 || old == size {
		return nil, nil // RFC 6962 has nothing to say about these
	}
	nodes, err := proof.Consistency(old, size)
	if err != nil {
		return nil, fmt.Errorf("consistency of %d and %d: %w", old, size, err)
	}
	return newTileReader(r, size).prove(ctx, nodes)
}

// LeafHashes reads from r's tiles the leaf hashes from index from to the end of
// the tree of this size. They are unauthenticated.
func LeafHashes(ctx context.Context, r Reader, from, size uint64) ([][32]byte, error) {
	t := newTileReader(r, size)
	var leaves [][32]byte
	for i := from; i < size; i++ {
		h, err := t.node(ctx, compact.NewNodeID(0, i))
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, [32]byte(h))
	}
	return leaves, nil
}

// A tileReader computes nodes of the tree of one size from tiles.
type tileReader struct {
	r     Reader
	size  uint64
	tiles map[compact.NodeID]*tile
	full  *tileCache // of tiles that no tree changes any more, or nil
}

func newTileReader(r Reader, size uint64) *tileReader {
	return &tileReader{r: r, size: size, tiles: map[compact.NodeID]*tile{}}
}

func (t *tileReader) inclusion(ctx context.Context, index uint64) ([][32]byte, error) {
	nodes, err := proof.Inclusion(index, t.size)
	if err != nil {
		return nil, fmt.Errorf("inclusion of %d in %d: %w", index, t.size, err)
	}
	return t.prove(ctx, nodes)
}

func (t *tileReader) prove(ctx context.Context, nodes proof.Nodes) ([][32]byte, error) {
	hashes, err := t.nodes(ctx, nodes.IDs)
	if err != nil {
		return nil, err
	}
	if hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren); err != nil {
		return nil, err
	}
	var list [][32]byte
	for _, h := range hashes {
		list = append(list, [32]byte(h))
	}
	return list, nil
}

func (t *tileReader) nodes(ctx context.Context, ids []compact.NodeID) ([][]byte, error) {
	var hashes [][]byte
	for _, id := range ids {
		h, err := t.node(ctx, id)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// node finds a node in the tile that holds it.
func (t *tileReader) node(ctx context.Context, id compact.NodeID) ([]byte, error) {
	row := id.Level % tileHeight
	level, index := id.Level/tileHeight, id.Index>>(tileHeight-row)
	tile, err := t.tile(ctx, level, index)
	if err != nil {
		return nil, err
	}
	at := id.Index % (tileWidth >> row)
	h := tile.node(row, at)
	if h == nil {
		return nil, fmt.Errorf("tile %d/%d has %d hashes, want %d", level, index, len(tile.rows[0])/32, (at+1)<<row)
	}
	return h, nil
}

func (t *tileReader) tile(ctx context.Context, level uint, index uint64) (*tile, error) {
	id := compact.NewNodeID(level, index)
	if tile, ok := t.tiles[id]; ok {
		return tile, nil
	}
	p := partial(uint64(level), index, t.size)
	if t.full != nil && p == 0 {
		if tile := t.full.get(id); tile != nil {
			return tile, nil
		}
	}
	data, err := t.r.ReadTile(ctx, uint64(level), index, p)
	if err != nil {
		return nil, fmt.Errorf("reading tile %d/%d: %w", level, index, err)
	}
	if len(data)%32 != 0 || len(data) > tileWidth*32 {
		return nil, fmt.Errorf("tile %d/%d has %d bytes", level, index, len(data))
	}
	tile := &tile{}
	tile.rows[0] = data
	if t.full != nil && p == 0 {
		tile.hashUp()
		t.full.put(id, tile)
		return tile, nil
	}
	t.tiles[id] = tile
	return tile, nil
}

// A tile is a row of up to 256 hashes, and the rows above it as far as they were
// needed: rows[k] has the nodes that are over 2ᵏ hashes each.
type tile struct{ rows [tileHeight][]byte }

// node returns a node, or nil when the tile has not all hashes under it.
func (t *tile) node(row uint, at uint64) []byte {
	for k := uint(1); k <= row; k++ {
		if t.rows[k] == nil {
			t.rows[k] = hashPairs(t.rows[k-1])
		}
	}
	if end := (at + 1) * 32; end <= uint64(len(t.rows[row])) {
		return t.rows[row][at*32 : end : end]
	}
	return nil
}

// hashUp fills all rows, after which the tile is safe for concurrent use.
func (t *tile) hashUp() { t.node(tileHeight-1, 0) }

// hashPairs hashes the nodes of a row in pairs, as RFC 6962 does, without allocating
// for each: tiles are hashed by the thousand.
func hashPairs(row []byte) []byte {
	out := make([]byte, 0, len(row)/64*32)
	node := [1 + 2*32]byte{rfc6962.RFC6962NodeHashPrefix}
	for ; len(row) >= 64; row = row[64:] {
		copy(node[1:], row[:64])
		sum := sha256.Sum256(node[:])
		out = append(out, sum[:]...)
	}
	return out
}

// partial returns how many hashes a tile has in a tree of this size, or 0 if it
// is full.
func partial(level, index, size uint64) uint8 {
	width := size >> (level * tileHeight)
	if index < width/tileWidth {
		return 0
	}
	return uint8(width % tileWidth)
}
