package history

import (
	"hash/maphash"
	"slices"

	"github.com/proctor-attest/proctor/attest/harness"
)

// owners says which entries gave an answer to an item.
type owners struct {
	seed    maphash.Seed
	entries []string
	first   map[answer]int32
	more    map[answer][]int32 // those after the first
}

// answer is an item and what was answered, shortened: a million of them should fit.
type answer struct{ item, output uint64 }

func newOwners(runs []*harness.Run) *owners {
	o := &owners{seed: maphash.MakeSeed(), first: map[answer]int32{}, more: map[answer][]int32{}}
	shown := slices.DeleteFunc(slices.Clone(runs), func(r *harness.Run) bool { return r.Entry == "" || !r.Items.ShowOutputs() })
	number := map[string]int32{}
	for _, r := range shown {
		if _, ok := number[r.Entry]; !ok {
			number[r.Entry] = int32(len(o.entries))
			o.entries = append(o.entries, r.Entry)
		}
	}
	if len(o.entries) < 2 {
		return o // nobody to compare with
	}
	for _, r := range shown {
		n := number[r.Entry]
		o.each(r, func(k answer) {
			first, ok := o.first[k]
			switch {
			case !ok:
				o.first[k] = n
			case first != n && !slices.Contains(o.more[k], n):
				o.more[k] = append(o.more[k], n)
			}
		})
	}
	return o
}

func (o *owners) each(r *harness.Run, yield func(answer)) {
	for _, it := range r.Items.All() {
		if it.Output != (harness.Digest{}) {
			yield(answer{maphash.String(o.seed, r.Dataset.Name+"\x00"+it.ID), maphash.Bytes(o.seed, it.Output[:])})
		}
	}
}

// answers is how many answers a run shows, and how many different ones.
func (o *owners) answers(r *harness.Run) (all, different int) {
	if len(o.first) == 0 {
		return 0, 0
	}
	seen := map[uint64]bool{}
	o.each(r, func(k answer) {
		all++
		seen[k.output] = true
	})
	return all, len(seen)
}

// most is the other entry that gave most of a run's answers too.
func (o *owners) most(r *harness.Run) (entry string, n int) {
	count := make([]int, len(o.entries))
	o.each(r, func(k answer) {
		first, ok := o.first[k]
		if !ok {
			return
		}
		count[first]++
		for _, e := range o.more[k] {
			count[e]++
		}
	})
	for e, c := range count {
		if name := o.entries[e]; name != r.Entry && (c > n || c == n && c > 0 && name < entry) {
			entry, n = name, c
		}
	}
	return entry, n
}
