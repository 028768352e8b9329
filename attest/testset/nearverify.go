package testset

import (
	"cmp"
	"slices"
)

// most is how many words of items in question are held at once, eight bytes each. If
// there are more, the file is read again for the next.
const most = 8 << 20

// verified is what was found out of rows: which are held together, and which each is
// most like.
type verified struct {
	joined     union
	keys       []Key
	like       []uint32
	similarity []float64 // zero: of no row
}

// verify computes the similarity of pairs, and groups those that have the threshold.
func (n *nearness) verify(pairs []pair) ([]NearGroup, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	rows := n.shape.Rows
	v := &verified{newUnion(rows), make([]Key, rows), make([]uint32, rows), make([]float64, rows)}
	for len(pairs) > 0 {
		part := n.part(pairs)
		if err := n.verifyPart(pairs[:part], v); err != nil {
			return nil, err
		}
		pairs = pairs[part:]
	}
	return v.groups(), nil
}

// part is how many of the pairs are verified in one pass.
func (n *nearness) part(pairs []pair) int {
	held, words := map[uint32]bool{}, 0
	for i, p := range pairs {
		for _, row := range []uint32{p.a, p.b} {
			if !held[row] {
				held[row] = true
				words += int(n.lengths[row])
			}
		}
		if words > most && i > 0 {
			return i
		}
	}
	return len(pairs)
}

// heldItem is an item in question.
type heldItem struct {
	row   int
	key   Key
	words []uint64
	err   error // of the key
}

// holding keeps the words of those rows that are wanted.
func (n *nearness) holding(wanted map[uint32]bool) func() func([]Row, *[]heldItem) {
	return func() func([]Row, *[]heldItem) {
		wording := newWording(n.shape.Fields, n.shape.Key)
		return func(rows []Row, out *[]heldItem) {
			*out = (*out)[:0]
			for _, row := range rows {
				if wanted[uint32(row.Number)] {
					key, err := rowKey(n.src.Name, row, n.shape.Key)
					*out = append(*out, heldItem{row.Number, Key(key), wording.words(make([]uint64, 0, n.lengths[row.Number]), row), err})
				}
			}
		}
	}
}

func (n *nearness) verifyPart(pairs []pair, v *verified) error {
	wanted := make(map[uint32]bool, len(pairs))
	for _, p := range pairs {
		wanted[p.a], wanted[p.b] = true, true
	}
	held := make(map[uint32][]uint64, len(wanted))
	err := look(n, n.holding(wanted), func(items *[]heldItem) error {
		for _, item := range *items {
			if item.err != nil {
				return item.err
			}
			held[uint32(item.row)], v.keys[item.row] = item.words, item.key
		}
		return nil
	})
	if err != nil {
		return err
	}
	var x, y []uint64
	for _, p := range pairs {
		if err := n.ctx.Err(); err != nil {
			return err
		}
		a, b := held[p.a], held[p.b]
		k := shingleLength(min(len(a), len(b)))
		x, y = shingleSet(x, a, k), shingleSet(y, b, k)
		if s := jaccard(x, y); s >= n.opt.Threshold {
			v.joined.join(p.a, p.b)
			v.note(p.a, p.b, s)
			v.note(p.b, p.a, s)
		}
	}
	return nil
}

func (v *verified) note(row, like uint32, similarity float64) {
	if similarity > v.similarity[row] {
		v.like[row], v.similarity[row] = like, similarity
	}
}

func (v *verified) groups() []NearGroup {
	by := map[uint32]int{}
	var groups []NearGroup
	for row, s := range v.similarity {
		if s == 0 {
			continue
		}
		root := v.joined.find(uint32(row))
		i, ok := by[root]
		if !ok {
			i = len(groups)
			by[root] = i
			groups = append(groups, NearGroup{})
		}
		groups[i].Items = append(groups[i].Items, NearItem{row, v.keys[row], int(v.like[row]), s})
	}
	slices.SortStableFunc(groups, func(x, y NearGroup) int { return cmp.Compare(len(y.Items), len(x.Items)) })
	return groups
}
