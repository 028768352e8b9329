package stat

import (
	"math/big"
	"strings"
	"testing"
)

func TestTree(t *testing.T) {
	task := func(name string, right, items int64) Tree {
		return Tree{Name: name, Score: big.NewRat(right, items), Items: items}
	}
	weighted := func(w *big.Rat, t Tree) Tree { t.Weight = w; return t }
	physics, law, code := task("physics", 51, 102), task("law", 1, 4), task("code", 9, 10)
	for _, c := range []struct {
		tree        Tree
		value, text string
	}{
		{code, "9/10", "code"},
		{Tree{Name: "all", Parts: []Tree{physics, law, code}}, "11/20", "all = macro(physics, law, code)"},
		{Tree{Name: "all", By: Micro, Parts: []Tree{physics, law, code}}, "61/116", "all = micro(physics × 102, law × 4, code × 10)"},
		{Tree{Name: "all", Parts: []Tree{{Name: "mmlu", By: Micro, Parts: []Tree{physics, law}}, code}}, "737/1060", "all = macro(mmlu = micro(physics × 102, law × 4), code)"},
		{Tree{Name: "all", By: Micro, Parts: []Tree{{Name: "mmlu", Parts: []Tree{physics, law}}, code}}, "195/464", "all = micro(mmlu = macro(physics, law), code × 10)"},
		{Tree{Name: "all", By: Weighted, Parts: []Tree{weighted(big.NewRat(1, 4), physics), weighted(big.NewRat(1, 2), law), weighted(new(big.Rat), code)}}, "1/3", "all = weighted(physics × 1/4, law × 1/2, code × 0)"},
	} {
		got, err := c.tree.Value()
		if err != nil || got.RatString() != c.value {
			t.Errorf("%s: %v, %v, want %s", c.text, got, err, c.value)
		}
		if got := c.tree.String(); got != c.text {
			t.Errorf("String = %s, want %s", got, c.text)
		}
	}
	for want, tree := range map[string]Tree{
		`task "x" has no score`:    {Name: "all", Parts: []Tree{{Name: "x"}}},
		`task "": how many items`:  {By: Micro, Parts: []Tree{{Score: big.NewRat(1, 2)}}},
		`task "law": how many`:     {By: Micro, Parts: []Tree{{Name: "g", Parts: []Tree{{Name: "law", Score: big.NewRat(1, 2)}}}}},
		`part "law" has no weight`: {By: Weighted, Parts: []Tree{law}},
		`or one below 0`:           {By: Weighted, Parts: []Tree{weighted(big.NewRat(-1, 1), law)}},
		`weigh nothing`:            {By: Weighted, Parts: []Tree{weighted(new(big.Rat), law)}},
		`neither macro`:            {By: 7, Parts: []Tree{law}},
	} {
		if got, err := tree.Value(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want an error with %q", tree, got, err, want)
		}
	}
}
