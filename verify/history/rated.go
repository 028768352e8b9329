package history

import (
	"cmp"
	"fmt"

	"github.com/proctor-attest/proctor/attest/harness"
)

// rated is a number of a table with its 95 % interval.
type rated struct {
	published
	low, high float64
	scale     float64 // of its metric
	text      string
	bounded   bool
}

// se is the standard error that an interval of a normal has.
func (r rated) se() float64 { return (r.high - r.low) / (2 * z95) }

const z95 = 1.959963984540054

// rated reads one number of a row.
func (v *version) rated(row *harness.TableRow, column int) (rated, bool) {
	number := func(i int) (published, bool) {
		if i < 0 || i >= len(row.Values) {
			return published{}, false
		}
		p, err := parsePublished(row.Values[i])
		return p, err == nil
	}
	x, ok := number(column)
	if !ok {
		return rated{}, false
	}
	c := v.Columns[column]
	r := rated{published: x, text: row.Values[column], scale: 1}
	if c.Metric != nil {
		r.scale = cmp.Or(c.Metric.Scale, 1)
	}
	if c.Low == "" || c.High == "" {
		return r, true
	}
	low, ok := number(columnOf(v.Table, c.Low))
	high, ok2 := number(columnOf(v.Table, c.High))
	if ok && ok2 && low.value <= x.value && x.value <= high.value && low.value < high.value {
		r.low, r.high, r.bounded = low.value, high.value, true
	}
	return r, true
}

// same reports whether two numbers may be one: in percent or not, or with fewer digits.
func (r rated) same(other rated) bool {
	return r.value == other.value || r.rounds(other) || other.rounds(r)
}

// rounds reports whether it may be the other number with fewer digits. A single digit
// says too little.
func (r rated) rounds(other rated) bool {
	return r.digits > 1 && (r.shows(other.value) || r.shows(other.value*r.scale/other.scale))
}

func shown(r rated) string {
	return fmt.Sprintf("%s [%s, %s]", spell(r.value, 2), spell(r.low, 2), spell(r.high, 2))
}
