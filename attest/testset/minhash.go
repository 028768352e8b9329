package testset

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// signatureSize is the number of hashes in a signature: each byte is what is left of
// the least hash among an item's shingles, in an order of its own. The share of equal
// bytes of two signatures estimates the similarity of the two sets (Broder 1997; with
// one permutation cut into bins, Li et al. 2012; the empty bins filled as Shrivastava
// 2017 does; few bits of each, Li and König 2010).
const signatureSize = 128

type signature [signatureSize]byte

// signer makes signatures. It is for one goroutine.
type signer struct {
	least [signatureSize]uint64
	full  [signatureSize]bool
}

const binBits = 7 // 2 to that power is signatureSize

// sign is the signature of a set with at least one shingle.
func (s *signer) sign(shingles []uint64) (sig signature) {
	s.full = [signatureSize]bool{}
	for _, h := range shingles {
		bin := h >> (64 - binBits)
		if !s.full[bin] || h < s.least[bin] {
			s.least[bin], s.full[bin] = h, true
		}
	}
	for i := range sig {
		from := uint64(i)
		// An empty bin takes the place of another, the same for every set as far as
		// the sets allow.
		for try := uint64(0); !s.full[from]; try++ {
			from = mix(uint64(i)<<32|try) >> (64 - binBits)
		}
		sig[i] = byte(mix(s.least[from] + uint64(i)))
	}
	return sig
}

// matches counts equal bytes.
func (s *signature) matches(t *signature) int {
	const low = 0x7f7f7f7f7f7f7f7f
	n := 0
	for i := 0; i < signatureSize; i += 8 {
		x := binary.LittleEndian.Uint64(s[i:]) ^ binary.LittleEndian.Uint64(t[i:])
		n += bits.OnesCount64(^(x&low + low | x | low))
	}
	return n
}

// signatures are many, in blocks, so that growing copies none.
type signatures struct{ blocks [][]signature }

const blockSize = 1 << 13

func (s *signatures) append(sig signature) {
	if n := len(s.blocks); n == 0 || len(s.blocks[n-1]) == blockSize {
		s.blocks = append(s.blocks, make([]signature, 0, blockSize))
	}
	last := &s.blocks[len(s.blocks)-1]
	*last = append(*last, sig)
}

func (s *signatures) at(i uint32) *signature { return &s.blocks[i/blockSize][i%blockSize] }

func (s *signatures) len() int {
	if len(s.blocks) == 0 {
		return 0
	}
	return (len(s.blocks)-1)*blockSize + len(s.blocks[len(s.blocks)-1])
}

// banding is how signatures are cut into bands of rows bytes: sets that agree in one
// band are compared.
type banding struct {
	rows  int
	least int // equal bytes below which a pair cannot well have the threshold
}

// missed is the share of pairs just at the threshold that may have no band in common.
const missed = 0.005

// newBanding takes the longest bands, which bring the fewest pairs together by chance,
// that still miss hardly any pair.
func newBanding(threshold float64) banding {
	b := banding{rows: 1}
	for rows := 2; rows <= 8; rows++ {
		if math.Pow(1-math.Pow(threshold, float64(rows)), float64(signatureSize/rows)) <= missed {
			b.rows = rows
		}
	}
	deviation := math.Sqrt(threshold * (1 - threshold) / signatureSize)
	b.least = int(math.Floor((threshold - 3.5*deviation) * signatureSize))
	return b
}

// neighbours is with how many others of a band, the ones before it in order, a
// signature is compared. Bands are sorted by eight bytes from where they begin, so that
// in a crowded one, as items of one template make, the most alike stand together.
const neighbours = 8

type placed struct {
	key uint64
	sig uint32
}

// pairs calls found with pairs that may have the threshold, some more than once.
func (b banding) pairs(s *signatures, found func(x, y uint32, matches int)) {
	order := make([]placed, s.len())
	for start := 0; start+b.rows <= signatureSize; start += b.rows {
		for i := range order {
			order[i] = placed{s.at(uint32(i)).from(start), uint32(i)}
		}
		slices.SortFunc(order, func(x, y placed) int {
			if x.key != y.key {
				return cmp.Compare(x.key, y.key)
			}
			return cmp.Compare(x.sig, y.sig)
		})
		first := 0
		for i := 1; i < len(order); i++ {
			if order[i].key>>(64-8*b.rows) != order[first].key>>(64-8*b.rows) {
				first = i
				continue
			}
			for j := max(first, i-neighbours); j < i; j++ {
				x, y := order[j].sig, order[i].sig
				if n := s.at(x).matches(s.at(y)); n >= b.least {
					found(min(x, y), max(x, y), n)
				}
			}
		}
	}
}

// from is eight bytes from start on, and from the beginning after the end.
func (s *signature) from(start int) uint64 {
	if start+8 <= signatureSize {
		return binary.BigEndian.Uint64(s[start:])
	}
	var b [8]byte
	n := copy(b[:], s[start:])
	copy(b[n:], s[:])
	return binary.BigEndian.Uint64(b[:])
}
