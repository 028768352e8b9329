package harness

import (
	"cmp"
	"slices"
)

// naming counts beside how many items each name stands.
type naming map[Naming]int

// maxNames is how many different names are told apart.
const maxNames = 1000

// add counts one item. What is no text is no name.
func (n naming) add(of, member string, v foreign) {
	text, ok := v.text()
	if !ok {
		return
	}
	key := Naming{Of: of, Member: member, Name: text}
	if _, known := n[key]; !known && len(n) >= maxNames {
		key.Name = "…"
	}
	n[key]++
}

// list is all names, those that stand beside most items first.
func (n naming) list() []Naming {
	var all []Naming
	for name, items := range n {
		name.Items = items
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b Naming) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), -cmp.Compare(a.Items, b.Items), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// most is the name of a kind that stands beside most items, "" if there is none.
func (n naming) most(of string) string {
	for _, name := range n.list() {
		if name.Of == of {
			return name.Name
		}
	}
	return ""
}
