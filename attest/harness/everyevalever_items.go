package harness

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// eeeRows is what the rows of one result say besides what makes an item.
type eeeRows struct {
	epochs  []string // by row; "" where it says none
	binary  bool     // of which 0 and 1 say what is_correct says
	unequal []string // sample_ids whose is_correct says another thing than the score
}

func newEEERows(config foreign) *eeeRows {
	lower := string(config.get("lower_is_better")) == "true"
	return &eeeRows{binary: eeeIsMean(config) && !lower}
}

// add takes note of a row before its item is added.
func (e *eeeRows) add(id string, x float64, doc foreign) {
	epoch := doc.get("metadata", "epoch")
	text, ok := epoch.text()
	if !ok {
		text = string(epoch)
	}
	if text != "" || e.epochs != nil {
		e.epochs = append(e.epochs, text)
	}
	correct := string(doc.get("evaluation", "is_correct"))
	if e.binary && (x == 1 && correct == "false" || x == 0 && correct == "true") {
		e.unequal = append(e.unequal, id)
	}
}

// settle makes one item of the epochs of one. Rows that nothing tells apart can be more
// than that, such as other wordings of an item; they are samples of it too if the record
// was written with so many rows for so many items, and then a difference proves nothing.
func (e *eeeReader) settle(r *Run, complete bool) error {
	rows := e.rows[r]
	rows.contradictions(r)
	n := r.Items.Len()
	if !repeats(&r.Items) {
		return nil
	}
	items, marked := eeeSamples(&r.Items, rows.epochs)
	byDesign := complete && items.Len() == r.Aggregates[0].Items
	if !marked && !byDesign {
		return nil // said to be there again
	}
	r.Items = *items
	if !marked {
		for i := range r.Aggregates {
			r.Aggregates[i].Doubt = fmt.Sprintf("the %d samples have %d rows, and nothing says what tells those of one apart", items.Len(), n)
		}
	}
	return nil
}

// contradictions are grades that a row gives twice, and not alike.
func (e *eeeRows) contradictions(r *Run) {
	if len(e.unequal) > 0 {
		r.Notices = append(r.Notices, Notice{
			Finding: "grade-differs", File: r.Files[len(r.Files)-1].Path,
			Detail: fmt.Sprintf("in %d rows is_correct says another thing than the score: sample_id %s", len(e.unequal), list(quoted(e.unequal))),
		})
	}
}

func quoted(names []string) []string {
	const most = 5
	var all []string
	for i, n := range names {
		if i == most {
			return append(all, fmt.Sprintf("%d more", len(names)-most))
		}
		all = append(all, quote(n))
	}
	return all
}

// repeats reports whether some id is there twice, in little memory.
func repeats(items *Items) bool {
	seed := maphash.MakeSeed()
	hashes := make([]uint64, items.Len())
	for i, it := range items.All() {
		hashes[i] = maphash.String(seed, it.ID)
	}
	slices.Sort(hashes)
	return len(slices.Compact(hashes)) < items.Len()
}

// eeeSamples groups rows by their ids, and reports whether each row of an id says that
// it is another epoch.
func eeeSamples(rows *Items, epochs []string) (grouped *Items, marked bool) {
	type sample struct {
		Item
		epochs map[string]bool
	}
	var order []*sample
	byID := map[string]*sample{}
	marked = len(epochs) == rows.Len()
	for i, it := range rows.All() {
		s := byID[it.ID]
		if s == nil {
			s = &sample{Item: it, epochs: map[string]bool{}}
			s.Values = slices.Clone(it.Values)
			order, byID[it.ID] = append(order, s), s
		} else {
			s.Values = append(s.Values, it.Values...)
			s.Output = Digest{} // of several answers there is no one digest
		}
		if marked {
			marked = epochs[i] != "" && !s.epochs[epochs[i]]
			s.epochs[epochs[i]] = true
		}
	}
	grouped = &Items{}
	for _, s := range order {
		if grouped.Add(s.Item) != nil { // cannot be: they were rows
			return rows, false
		}
	}
	return grouped, marked
}
