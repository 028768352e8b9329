package harness

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestItems(t *testing.T) {
	want := []Item{
		{ID: "a", Group: "g", Values: []float64{1, 0.5}},
		{ID: "", Excluded: "null"},
		{ID: "a", Group: "h", Values: []float64{-1}, Excluded: "sentinel -1", Output: TextDigest([]byte("x"))},
		{ID: "b", Group: "g", Values: []float64{0, NoValue}, Input: TextDigest(nil)},
	}
	var l Items
	for _, it := range want {
		if err := l.Add(it); err != nil {
			t.Fatal(err)
		}
	}
	var got []Item
	for i, it := range l.All() {
		if l.Excluded(i) != it.Excluded {
			t.Errorf("Excluded(%d) = %q, want %q", i, l.Excluded(i), it.Excluded)
		}
		if len(it.Values) == 0 {
			it.Values = nil
		}
		got = append(got, it)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	for _, v := range []float64{math.Inf(1), math.Inf(-1), 2e100} {
		if err := l.Add(Item{Values: []float64{v}}); err == nil {
			t.Errorf("Add(%v) = nil, want an error", v)
		}
	}
	if l.Len() != len(want) {
		t.Errorf("Len() = %d, want %d", l.Len(), len(want))
	}
}

// What a million items take: divide B/op by their number.
func BenchmarkItems(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var l Items
		values := []float64{0.5}
		for range 1_000_000 {
			if err := l.Add(Item{ID: "item-1234567", Values: values}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
