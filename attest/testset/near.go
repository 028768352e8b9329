package testset

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// NearOptions of Near.
type NearOptions struct {
	Threshold float64 // least similarity that counts, 0.5 to 1; 0.8 if it is zero
	Progress  Progress
}

// NearGroup is items of which each is nearly the same as another of the group, by row.
type NearGroup struct {
	Items []NearItem
}

// NearItem is an item and the one of its group that it was found to be most like.
type NearItem struct {
	Row        int
	Key        Key
	Like       int // row
	Similarity float64
}

// NearReport says which items of a file are nearly the same.
type NearReport struct {
	Threshold float64
	Items     int         // that have any words
	Groups    []NearGroup // the largest first
}

// Near looks for items that are nearly the same: of all shingles that two items have,
// at least the threshold's share is in both. A shingle is five words that follow each
// other; two where an item of the pair has fewer than 50 words, one where fewer than
// 20. Words are those of the normal form by which duplicates are told (see the package
// comment), of all fields but the key, one field after the other.
//
// Each similarity that is reported was computed from the two items. That a pair was
// considered at all depends on short signatures: of pairs just at the threshold about
// one in two hundred is missed, of more similar ones far fewer. A pair is not considered
// if the one has less than the threshold's share of the other's words; and of very many
// items that are all alike only enough pairs are to group them. The same file and
// threshold give the same report.
//
// It reads the file once, and again for the pairs in question. It refuses nothing.
func Near(ctx context.Context, src Source, shape Shape, opt NearOptions) (*NearReport, error) {
	if opt.Threshold == 0 {
		opt.Threshold = 0.8
	}
	if !(opt.Threshold >= 0.5 && opt.Threshold <= 1) {
		return nil, fmt.Errorf("threshold %v, want 0.5 to 1", opt.Threshold)
	}
	n := &nearness{ctx: ctx, src: src, shape: shape, opt: opt, seed: shape.seed, checksum: shape.checksum}
	if n.known = n.seed != (maphash.Seed{}); !n.known {
		n.seed = maphash.MakeSeed()
	}
	sigs, of, err := n.sign()
	if err != nil {
		return nil, err
	}
	pairs := n.candidates(sigs, of)
	sigs, of = nil, nil // what follows needs the room
	report := &NearReport{Threshold: opt.Threshold}
	for _, words := range n.lengths {
		if words > 0 {
			report.Items++
		}
	}
	report.Groups, err = n.verify(pairs)
	return report, err
}

// nearness is one search.
type nearness struct {
	ctx      context.Context
	src      Source
	shape    Shape
	opt      NearOptions
	seed     maphash.Seed
	checksum uint64 // of the file
	known    bool
	lengths  []uint32 // words of each row
}

// look makes one pass over the file, which must be the same each time.
func look[T any](n *nearness, worker func() func([]Row, *T), take func(*T) error) error {
	rows := 0
	p := pass[T]{src: n.src, seed: n.seed, progress: n.opt.Progress, worker: worker, take: func(batch []Row, out *T) error {
		if rows += len(batch); rows > n.shape.Rows {
			return fmt.Errorf("%s: %w", n.src.Name, errChanged)
		}
		return take(out)
	}}
	checksum, err := p.run(n.ctx)
	if err == nil && (rows != n.shape.Rows || n.known && checksum != n.checksum) {
		err = fmt.Errorf("%s: %w", n.src.Name, errChanged)
	}
	n.checksum, n.known = checksum, true
	return err
}

// signed are the signatures of some rows. An item gets one for each length of shingles
// that a pair with it can have, mostly one.
type signed struct {
	lengths []uint32 // words of each row
	sigs    []signature
	of      []uint32 // the row of each signature
}

// sign is the first pass.
func (n *nearness) sign() (sigs *signatures, of []uint32, err error) {
	sigs, of = &signatures{}, make([]uint32, 0, n.shape.Rows)
	n.lengths = make([]uint32, 0, n.shape.Rows)
	err = look(n, n.signing, func(out *signed) error {
		for _, sig := range out.sigs {
			sigs.append(sig)
		}
		of = append(of, out.of...)
		n.lengths = append(n.lengths, out.lengths...)
		return nil
	})
	return sigs, of, err
}

func (n *nearness) signing() func([]Row, *signed) {
	wording := newWording(n.shape.Fields, n.shape.Key)
	var s signer
	var words, shingles []uint64
	return func(rows []Row, out *signed) {
		out.lengths, out.sigs, out.of = out.lengths[:0], out.sigs[:0], out.of[:0]
		for _, row := range rows {
			words = wording.words(words[:0], row)
			out.lengths = append(out.lengths, uint32(len(words)))
			for _, k := range shingleLengths(len(words), n.opt.Threshold) {
				shingles = appendShingles(shingles[:0], words, k)
				out.sigs = append(out.sigs, s.sign(shingles))
				out.of = append(out.of, uint32(row.Number))
			}
		}
		if 8*cap(words) > largeBatch {
			words, shingles = nil, nil
		}
	}
}

type pair struct{ a, b uint32 } // rows, a < b

// candidates are pairs of rows whose signatures are alike: for each row the best, and
// enough others to hold together what is alike.
func (n *nearness) candidates(sigs *signatures, of []uint32) []pair {
	best := make([]uint32, n.shape.Rows)
	score := make([]uint8, n.shape.Rows)
	joined := newUnion(n.shape.Rows)
	var list []pair
	better := func(row, other uint32, matches int) {
		if m := uint8(matches); m > score[row] || m == score[row] && other < best[row] {
			best[row], score[row] = other, m
		}
	}
	newBanding(n.opt.Threshold).pairs(sigs, func(x, y uint32, matches int) {
		a, b := of[x], of[y]
		if a == b {
			return
		}
		better(a, b, matches)
		better(b, a, matches)
		if joined.join(a, b) {
			list = append(list, pair{min(a, b), max(a, b)})
		}
	})
	for row, m := range score {
		if m > 0 {
			list = append(list, pair{min(uint32(row), best[row]), max(uint32(row), best[row])})
		}
	}
	slices.SortFunc(list, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	return slices.Compact(list)
}

// union is disjoint sets of rows.
type union []uint32

func newUnion(rows int) union {
	u := make(union, rows)
	for i := range u {
		u[i] = uint32(i)
	}
	return u
}

// find returns the least row of a set.
func (u union) find(x uint32) uint32 {
	for u[x] != x {
		u[x] = u[u[x]]
		x = u[x]
	}
	return x
}

// join makes one set of two, and reports whether they were two.
func (u union) join(x, y uint32) bool {
	x, y = u.find(x), u.find(y)
	if x == y {
		return false
	}
	u[max(x, y)] = min(x, y)
	return true
}
