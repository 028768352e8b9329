package ledger

import (
	"strings"
	"testing"
)

func TestIntersecting(t *testing.T) {
	witness := func(n string) *rule { return &rule{name: n, witness: true} }
	group := func(need int, members ...*rule) *rule { return &rule{need: need, members: members} }
	a, b, c, d := witness("a"), witness("b"), witness("c"), witness("d")
	liar, liar2 := witness("liar"), witness("liar 2") // cosigns everything
	for _, tt := range []struct {
		name   string
		quorum *rule
		want   bool
	}{
		{"a liar", group(1, liar), false},
		{"one and a liar", group(2, a, liar), true},
		{"any of one and a liar", group(1, a, liar), false},
		{"two of three, one a liar", group(2, a, b, liar), false},
		{"three of four, one a liar", group(3, a, b, c, liar), true},
		{"three of four, two liars", group(3, a, b, liar, liar2), false},
		{"one, and any of another and a liar", group(2, a, group(1, b, liar)), true},
		{"nobody", nil, false},
		{"one", a, true},
		{"any of two", group(1, a, b), false},
		{"both", group(2, a, b), true},
		{"two of three", group(2, a, b, c), true},
		{"two of four", group(2, a, b, c, d), false},
		{"three of four", group(3, a, b, c, d), true},
		{"any of one", group(1, a), true},
		{"both of two groups of any", group(2, group(1, a, b), group(1, c, d)), false},
		{"a, and any of two", group(2, a, group(1, b, c)), true},
	} {
		p := &Policy{quorum: tt.quorum}
		if got := p.Intersecting(func(w string) bool { return !strings.HasPrefix(w, "liar") }); got != tt.want {
			t.Errorf("Intersecting(%s) = %v, want %v", tt.name, got, tt.want)
		}
	}
}
