package harness

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// read takes the samples.
func (a *inspectAudit) read() error {
	a.byID, a.unscored, a.unknown = map[string]*inspectItem{}, map[string]int{}, map[string]int{}
	a.binary, a.values = slices.Repeat([]bool{true}, len(a.measures)), map[string]*big.Rat{}
	err := a.file.each(func(_ string, f foreign) error {
		s, err := parseInspectSample(f)
		if err != nil {
			return err
		}
		return a.sample(s)
	})
	if err != nil {
		return err
	}
	if a.file.samples == 0 {
		if err := a.reductions(); err != nil {
			return err
		}
	}
	for _, it := range a.items {
		if err := a.add(it); err != nil {
			return err
		}
	}
	a.step()
	a.tell()
	return nil
}

func (a *inspectAudit) sample(s *inspectSample) error {
	id := s.id
	if a.unreduced() && a.epochs > 1 {
		id = fmt.Sprintf("%s epoch %d", s.id, s.epoch)
	}
	// A sample of a run with one epoch, or of one that is not reduced, is an item.
	alone := a.unreduced() || a.epochs == 1 && s.epoch == 1
	it := a.byID[id]
	if alone || it == nil || it.epochs[s.epoch] { // a second one with its id and epoch is another item
		if len(a.items) >= MaxItems {
			return errTooMany
		}
		it = &inspectItem{id: id, epochs: map[uint64]bool{}, grades: make([][]inspectGrade, len(a.measures))}
		if doc, err := s.doc(); err == nil {
			it.input = TextDigest(doc)
		}
		if response, err := s.response(); err == nil && len(response) > 2 {
			it.output = TextDigest(response)
		}
		if !alone {
			a.byID[id] = it
			a.items = append(a.items, it)
		}
	}
	it.epochs[s.epoch] = true
	for i := range a.measures {
		if err := a.grade(s, it, i); err != nil {
			return err
		}
	}
	a.history(s)
	if len(s.member["error_retries"].elements()) > 0 {
		a.retried = append(a.retried, s.String())
	}
	if alone {
		return a.add(it)
	}
	return nil
}

// reductions are the items' values where the log has no samples: their epochs were
// reduced already.
func (a *inspectAudit) reductions() error {
	for _, r := range a.file.header["reductions"].elements() {
		scorer, reduced := plainText(r.get("scorer")), plainText(r.get("reducer"))
		for _, f := range r.get("samples").elements() {
			id := plainText(f.get("sample_id"))
			it := a.byID[id]
			if it == nil {
				it = &inspectItem{id: id, grades: make([][]inspectGrade, len(a.measures))}
				a.byID[id] = it
				a.items = append(a.items, it)
			}
			for i, m := range a.measures {
				if m.scorer != scorer || cmp.Or(m.reducer, "mean") != cmp.Or(reduced, "mean") {
					continue
				}
				if err := a.take(it, i, f, 1, id); err != nil {
					return err
				}
			}
		}
	}
	a.reduced = true
	return nil
}

// grade takes the value that a sample has for a measure, if it has one.
func (a *inspectAudit) grade(s *inspectSample, it *inspectItem, i int) error {
	return a.take(it, i, a.measures[i].in(s), s.epoch, s.String())
}

func (a *inspectAudit) take(it *inspectItem, i int, score foreign, epoch uint64, who string) error {
	m := &a.measures[i]
	value, reason, err := m.valueOf(score)
	if reason != "" || err != nil {
		if reason != "" && score != nil && a.firstOf(i) {
			a.unscored[m.graded()]++
		}
		return nil
	}
	text, err := inspectDecimal(value)
	if err != nil {
		if !value.isString() {
			return nil
		}
		if a.firstOf(i) {
			a.unknown[value.describe()]++
		}
		text = "0" // as Inspect counts it, with a warning
	}
	x, err := a.number(text)
	if err != nil {
		return fmt.Errorf("%s: value is %s, want a number", who, value.describe())
	}
	word := text
	if value.isString() {
		word = string(value)
	}
	it.grades[i] = append(it.grades[i], inspectGrade{epoch: epoch, word: word, value: x})
	return nil
}

// firstOf reports that a measure is the first of its scorer and grade: others only
// reduce epochs otherwise.
func (a *inspectAudit) firstOf(i int) bool {
	name := a.measures[i].graded()
	return slices.IndexFunc(a.measures, func(m inspectScore) bool { return m.graded() == name }) == i
}

// history looks for scores that were edited.
func (a *inspectAudit) history(s *inspectSample) {
	for _, m := range s.member["scores"].members() {
		if len(m.value.get("history").elements()) == 0 {
			continue
		}
		var n inspectNotes
		if err := n.edits(s, m.value); err != nil {
			n.add("%s: %v", s, err)
		}
		for _, text := range n.single {
			a.edited = append(a.edited, text+" (scorer "+quoteID(m.name)+")")
		}
	}
}

// number reads a decimal. Most logs have few of them, which are kept.
func (a *inspectAudit) number(text string) (*big.Rat, error) {
	const most = 1 << 12
	if x := a.values[text]; x != nil {
		return x, nil
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, errors.New("not a number")
	}
	if len(a.values) < most {
		a.values[strings.Clone(text)] = x
	}
	return x, nil
}

// add puts an item into the run, its epochs reduced.
func (a *inspectAudit) add(it *inspectItem) error {
	item := Item{ID: it.id, Input: it.input, Output: it.output}
	for i, m := range a.measures {
		value := NoValue
		if all := it.grades[i]; len(all) > 0 {
			slices.SortFunc(all, func(a, b inspectGrade) int { return cmp.Compare(a.epoch, b.epoch) })
			reduce, err := a.reducer(m.reducer)
			if err != nil {
				return err
			}
			if x := reduce(all); x != nil {
				value, _ = x.Float64()
			}
		}
		a.binary[i] = a.binary[i] && (value == 0 || value == 1 || value != value)
		item.Values = append(item.Values, value)
	}
	return a.run.Items.Add(item)
}

// step says of means of right-or-wrong items that they are counts.
func (a *inspectAudit) step() {
	for i := range a.run.Metrics {
		m := &a.run.Metrics[i]
		if j := slices.Index(a.run.Measures, m.Measure); j >= 0 && a.binary[j] && a.run.Items.Len() > 0 && m.Rule == Mean {
			m.Steps = 1
		}
		a.run.Aggregates[i].Metric = *m
	}
}

func (a *inspectAudit) reducer(name string) (func([]inspectGrade) *big.Rat, error) {
	if a.reduced {
		return meanGrade, nil
	}
	return reducer(name)
}

// tell says what was seen of the samples.
func (a *inspectAudit) tell() {
	if n := len(a.edited); n > 0 {
		a.notice("edited-scores", strings.Join(a.edited[:min(n, 3)], "; ")+more(n-3))
	}
	if n := uint64(a.file.samples); a.epochs > 1 && n > 0 && n < a.total {
		a.notice("missing-items", fmt.Sprintf("the log says that %d samples were run, of %d epochs, and %d are in it", a.total, a.epochs, n))
	}
	if n := len(a.retried); n > 0 {
		a.notice("retried-failures", fmt.Sprintf("of %d samples, %d failed and ran again: %s", a.file.samples, n, some(a.retried)))
	}
	for _, m := range slices.Sorted(maps.Keys(a.unscored)) {
		a.notice("missing-items", fmt.Sprintf("%d samples have NaN of %s, which stands for no score", a.unscored[m], m))
	}
	words := 0
	var which []string
	for word, n := range a.unknown {
		words += n
		which = append(which, word)
	}
	if words > 0 {
		slices.Sort(which)
		a.notice("sentinel-averaged", fmt.Sprintf("%d scores are words that mean no grade and count as 0: %s", words, some(which)))
	}
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return "; and " + strconv.Itoa(n) + " more"
}
