package harness

import (
	"cmp"
	"math"
	"slices"
)

// set puts a value in the place of one that an item has.
func (l *Items) set(item, measure int, x float64) error {
	if err := checkValue(x); err != nil {
		return err
	}
	l.Values(item)[measure] = x
	return nil
}

// widen makes room for one more measure where every item has one sample of so many.
func (l *Items) widen(measures int) error {
	if (measures+1)*l.Len() > math.MaxUint32 {
		return errTooMany
	}
	values := make([]float64, 0, (measures+1)*l.Len())
	from := uint32(0)
	for i, end := range l.valueEnd {
		values = append(append(values, l.values[from:end]...), NoValue)
		from, l.valueEnd[i] = end, uint32(len(values))
	}
	l.values = values
	return nil
}

// laterValue is a value of a sample after an item's first.
type laterValue struct {
	item, sample, measure uint32
	value                 float64
}

// addSamples gives items that have one sample of so many measures those after it.
func (l *Items) addSamples(measures int, later []laterValue) error {
	if len(later) == 0 {
		return nil
	}
	slices.SortStableFunc(later, func(a, b laterValue) int {
		return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.sample, b.sample), cmp.Compare(a.measure, b.measure))
	})
	var values []float64
	from := uint32(0)
	for i, end := range l.valueEnd {
		first := len(values)
		values = append(values, l.values[from:end]...)
		for ; len(later) > 0 && int(later[0].item) == i; later = later[1:] {
			v := later[0]
			if err := checkValue(v.value); err != nil {
				return err
			}
			at := first + measures*int(v.sample)
			if at+measures > math.MaxUint32 {
				return errTooMany
			}
			for len(values) < at+measures {
				values = append(values, NoValue)
			}
			values[at+int(v.measure)] = v.value
		}
		from, l.valueEnd[i] = end, uint32(len(values))
	}
	l.values = values
	return nil
}
