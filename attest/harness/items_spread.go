package harness

import "math"

// valued is how many items have a value for one of so many measures.
func (l *Items) valued(measure, measures int) (n int) {
	for i := range l.Len() {
		if _, ok := l.value(i, measure, measures); ok {
			n++
		}
	}
	return n
}

// value is the mean of an item's samples.
func (l *Items) value(item, measure, measures int) (float64, bool) {
	total, n := 0.0, 0
	for values := l.Values(item); measure < len(values); values = values[measures:] {
		if x := values[measure]; !math.IsNaN(x) {
			total += x
			n++
		}
	}
	return total / float64(n), n > 0
}

// spread is the mean of a measure over the items that have a value, and its standard
// error.
func (l *Items) spread(measure, measures int) (mean, se float64) {
	var sum, squares, n float64
	for i := range l.Len() {
		if x, ok := l.value(i, measure, measures); ok {
			sum += x
			n++
		}
	}
	mean = sum / n
	for i := range l.Len() {
		if x, ok := l.value(i, measure, measures); ok {
			squares += (x - mean) * (x - mean)
		}
	}
	return mean, math.Sqrt(squares / (n - 1) / n)
}
