package hub

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// MaxDraws bounds a sample.
const MaxDraws = 1 << 16

// Draw chooses pieces by their bytes: each of the draws takes one byte of all, every one
// as likely as the others, and with it the piece that it is in. A piece can be drawn
// twice and is listed once; the indexes ascend.
//
// Draw number i takes byte x of T, counted over the pieces in their order, where x is
// the next accepted first8(H(tag("spot") ‖ seed ‖ u64(j))) mod T, j counts on and is
// never reset, and values ≥ 2^64 − (2^64 mod T) are rejected.
func Draw(seed attest.Hash, draws int, pieces []model.Piece) ([]int, error) {
	if draws < 1 || draws > MaxDraws {
		return nil, errors.New("a sample has from 1 to 65536 draws")
	}
	ends := make([]uint64, len(pieces))
	var total uint64
	for i, p := range pieces {
		var carry uint64
		if total, carry = bits.Add64(total, p.Size, 0); carry != 0 {
			return nil, errors.New("the tensors' sizes overflow 64 bits")
		}
		ends[i] = total
	}
	if total == 0 {
		return nil, errors.New("the weights hold no bytes to draw from")
	}
	limit := -(-total % total) // 2^64 − (2^64 mod total), which is 0 for 2^64
	drawn := map[int]bool{}
	for i, j := 0, uint64(0); i < draws; j++ {
		h := attest.TaggedHash("spot", binary.BigEndian.AppendUint64(seed[:], j))
		x := binary.BigEndian.Uint64(h[:])
		if limit != 0 && x >= limit {
			continue
		}
		x %= total
		drawn[sort.Search(len(ends), func(i int) bool { return x < ends[i] })] = true
		i++
	}
	out := make([]int, 0, len(drawn))
	for i := range drawn {
		out = append(out, i)
	}
	slices.Sort(out)
	return out, nil
}

// Missed is the probability that so many draws find none of the altered tensors, which
// hold a share of all bytes.
func Missed(share float64, draws int) float64 { return math.Pow(1-share, float64(draws)) }
