package tiles_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"

	"github.com/proctor-attest/proctor/ledger"
)

// million is a ledger of 1,000,000 entries, in memory: its tiles and no bundles.
type million struct{ tiles map[string][]byte }

const millionSize = 1_000_000

func newMillion() *million {
	m := &million{tiles: map[string][]byte{}}
	row := make([]byte, 0, millionSize*32)
	var entry [8]byte
	for i := range uint64(millionSize) {
		binary.BigEndian.PutUint64(entry[:], i)
		row = append(row, rfc6962.DefaultHasher.HashLeaf(entry[:])...)
	}
	for level := uint64(0); len(row) > 0; level++ {
		var above []byte
		for index := uint64(0); len(row) > 0; index++ {
			tile := row[:min(len(row), 256*32)]
			row = row[len(tile):]
			m.tiles[ledger.TilePath(level, index, uint8(len(tile)/32))] = tile // 256 is 0
			if len(tile) == 256*32 {
				above = append(above, rootOf(tile)...)
			}
		}
		row = above
	}
	return m
}

func rootOf(row []byte) []byte {
	for len(row) > 32 {
		var up []byte
		for ; len(row) > 0; row = row[64:] {
			up = append(up, rfc6962.DefaultHasher.HashChildren(row[:32], row[32:64])...)
		}
		row = up
	}
	return row
}

func (m *million) ReadCheckpoint(context.Context) ([]byte, error) { return nil, fs.ErrNotExist }

func (m *million) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	tile, ok := m.tiles[ledger.TilePath(level, index, p)]
	if !ok {
		return nil, fmt.Errorf("%s: %w", ledger.TilePath(level, index, p), fs.ErrNotExist)
	}
	return tile, nil
}

func (m *million) ReadEntryBundle(context.Context, uint64, uint8) ([]byte, error) {
	return nil, fs.ErrNotExist
}

// BenchmarkInclusion proves entries here and there in a tree of 1,000,000, as our
// prover and as Tessera's builder do it.
func BenchmarkInclusion(b *testing.B) {
	m := newMillion()
	b.Run("prover", func(b *testing.B) {
		p := ledger.NewProver(m, 1<<12)
		for b.Loop() {
			if _, err := p.Inclusion(b.Context(), millionSize, rand.Uint64N(millionSize)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
	b.Run("tessera", func(b *testing.B) {
		p, err := client.NewProofBuilder(b.Context(), millionSize, m.ReadTile)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := p.InclusionProof(b.Context(), rand.Uint64N(millionSize)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
}
