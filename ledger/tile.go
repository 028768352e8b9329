package ledger

import (
	"context"
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
// for somebody who will.
func ProveInclusion(ctx context.Context, r Reader, size, index uint64) ([][32]byte, error) {
	nodes, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, fmt.Errorf("inclusion of %d in %d: %w", index, size, err)
	}
	return newTileReader(r, size).prove(ctx, nodes)
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
	tiles map[compact.NodeID][]byte
}

func newTileReader(r Reader, size uint64) *tileReader {
	return &tileReader{r: r, size: size, tiles: map[compact.NodeID][]byte{}}
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

// node hashes up to a node from the bottom row of the tile that holds it.
func (t *tileReader) node(ctx context.Context, id compact.NodeID) ([]byte, error) {
	row := id.Level % tileHeight
	index := id.Index >> (tileHeight - row)
	first := (id.Index << row) % tileWidth
	tile, err := t.tile(ctx, id.Level/tileHeight, index)
	if err != nil {
		return nil, err
	}
	end := (first + 1<<row) * 32
	if end > uint64(len(tile)) {
		return nil, fmt.Errorf("tile %d/%d has %d hashes, want %d", id.Level/tileHeight, index, len(tile)/32, end/32)
	}
	return subtree(tile[first*32 : end]), nil
}

// subtree returns the root over a row of a power of two of hashes.
func subtree(row []byte) []byte {
	if len(row) == 32 {
		return row
	}
	half := len(row) / 2
	return rfc6962.DefaultHasher.HashChildren(subtree(row[:half]), subtree(row[half:]))
}

func (t *tileReader) tile(ctx context.Context, level uint, index uint64) ([]byte, error) {
	id := compact.NewNodeID(level, index)
	if tile, ok := t.tiles[id]; ok {
		return tile, nil
	}
	p := partial(uint64(level), index, t.size)
	tile, err := t.r.ReadTile(ctx, uint64(level), index, p)
	if err != nil {
		return nil, fmt.Errorf("reading tile %d/%d: %w", level, index, err)
	}
	if len(tile)%32 != 0 || len(tile) > tileWidth*32 {
		return nil, fmt.Errorf("tile %d/%d has %d bytes", level, index, len(tile))
	}
	t.tiles[id] = tile
	return tile, nil
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
