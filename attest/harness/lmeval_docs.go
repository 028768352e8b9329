package harness

import "fmt"

// lmevalDocs says which item a line belongs to. A doc has a line for each filter; a
// second one for the same filter belongs to another item with the doc's id. Docs are
// numbered from 0 in most files, so that a list has their items; a map has only those
// whose numbers stand apart, or that are there twice.
type lmevalDocs struct {
	near    []uint32 // by id: the item, plus one
	far     map[uint64]uint32
	again   map[lmevalAgain]uint32
	filters map[string]*lmevalFilter
	items   int
}

// lmevalAgain is the nth further line about the doc of an item, by any one filter.
type lmevalAgain struct{ first, n uint32 }

// lmevalFilter is what there is of one filter.
type lmevalFilter struct {
	docs  int               // that have a line
	seen  []uint64          // a bit for each item that is the first of its doc
	again map[uint32]uint32 // by such an item: how many lines more
}

// maxFilters is how many filters a task can have.
const maxFilters = 256

// place is the item of a line, and whether the item was there before.
func (d *lmevalDocs) place(id uint64, filter string) (item int, known bool, err error) {
	f := d.filters[filter]
	if f == nil {
		if len(d.filters) >= maxFilters {
			return 0, false, fmt.Errorf("has more than %d filters", maxFilters)
		}
		if d.filters == nil {
			d.filters, d.far, d.again = map[string]*lmevalFilter{}, map[uint64]uint32{}, map[lmevalAgain]uint32{}
		}
		f = &lmevalFilter{again: map[uint32]uint32{}}
		d.filters[filter] = f
	}
	first, known := d.first(id)
	if !known {
		if first, err = d.next(); err != nil {
			return 0, false, err
		}
		d.put(id, first)
	}
	if f.see(first) {
		return int(first), known, nil
	}
	f.again[first]++
	at := lmevalAgain{first, f.again[first]}
	i, known := d.again[at]
	if !known {
		if i, err = d.next(); err != nil {
			return 0, false, err
		}
		d.again[at] = i
	}
	return int(i), known, nil
}

func (d *lmevalDocs) next() (uint32, error) {
	if d.items >= MaxItems {
		return 0, errTooMany
	}
	d.items++
	return uint32(d.items - 1), nil
}

// first is the first item of a doc.
func (d *lmevalDocs) first(id uint64) (item uint32, known bool) {
	if id < uint64(len(d.near)) && d.near[id] > 0 {
		return d.near[id] - 1, true
	}
	item, known = d.far[id]
	return item, known
}

func (d *lmevalDocs) put(id uint64, item uint32) {
	if id >= 2*uint64(item)+4096 { // the list is no longer than some times the items
		d.far[id] = item
		return
	}
	for uint64(len(d.near)) <= id {
		d.near = append(d.near, 0)
	}
	d.near[id] = item + 1
}

// see marks an item, and reports whether it was not marked before.
func (f *lmevalFilter) see(item uint32) bool {
	word, bit := int(item/64), uint64(1)<<(item%64)
	for len(f.seen) <= word {
		f.seen = append(f.seen, 0)
	}
	if f.seen[word]&bit != 0 {
		return false
	}
	f.seen[word] |= bit
	f.docs++
	return true
}

// complete reports whether each filter has as many docs as there should be.
func (d *lmevalDocs) complete(docs int) bool {
	for _, f := range d.filters {
		if f.docs != docs {
			return false
		}
	}
	return docs > 0 && len(d.filters) > 0
}
