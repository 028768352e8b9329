package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/model"
)

// Weights compares two sets of tensors. Every tensor is counted once: in Same, or in
// one of the lists. All lists are sorted by the name that the tensor has in the first
// model, or else in the second.
type Weights struct {
	First  Count `json:"first"`
	Second Count `json:"second"`
	Same   Count `json:"same"`

	Changed  []Pair         `json:"changed"`  // other bytes, of the same name, dtype and shape
	Cast     []Pair         `json:"cast"`     // another dtype
	Reshaped []Pair         `json:"reshaped"` // another shape; its bytes may be the same
	Renamed  []Pair         `json:"renamed"`  // the same but for its name
	Added    []model.Tensor `json:"added"`
	Removed  []model.Tensor `json:"removed"`

	// Layers is in the order of numbers, not of text.
	Layers []Layer `json:"layers"`
}

// Count is a number of tensors, and of the parameters in them: elements, whatever
// their dtype.
type Count struct {
	Tensors    int    `json:"tensors"`
	Parameters uint64 `json:"parameters"`
}

func (c *Count) add(t model.Tensor) {
	c.Tensors++
	c.Parameters += elements(t.Shape)
}

// Pair is one tensor in two models.
type Pair struct {
	First  model.Tensor `json:"first"`
	Second model.Tensor `json:"second"`

	// Values compares element by element a tensor that was cast; nil when that was not
	// done, as Unknown says.
	Values *Values `json:"values,omitempty"`
}

// Layer counts the tensors of one layer: those that have their names in common up to
// and with their first number, or up to their last part where there is none.
type Layer struct {
	Name string `json:"name"`
	// All counts the tensors of the first model, and those that only the second has.
	All Count `json:"all"`
	// Different is how many of them are not the same. A tensor that was only renamed
	// is: its name is in the modelID.
	Different Count `json:"different"`
}

// Share is the part of the layer's parameters that is in tensors that differ, from 0
// to 1. Of a tensor all parameters are counted: a digest does not say how many of
// them differ.
func (l Layer) Share() float64 {
	if l.All.Parameters == 0 {
		return 0
	}
	return float64(l.Different.Parameters) / float64(l.All.Parameters)
}

// Different counts the tensors that are not the same, as Layers do.
func (w *Weights) Different() (n Count) {
	for _, l := range w.Layers {
		n.Tensors += l.Different.Tensors
		n.Parameters += l.Different.Parameters
	}
	return n
}

// weights compares tensors, both sorted by name.
func weights(a, b []model.Tensor) *Weights {
	w := &Weights{Changed: []Pair{}, Cast: []Pair{}, Reshaped: []Pair{}, Renamed: []Pair{}, Added: []model.Tensor{}, Removed: []model.Tensor{}}
	layers := map[string]*Layer{}
	layer := func(t model.Tensor, differs bool) {
		name := layerOf(t.Name)
		l := layers[name]
		if l == nil {
			l = &Layer{Name: name}
			layers[name] = l
		}
		l.All.add(t)
		if differs {
			l.Different.add(t)
		}
	}
	for _, t := range a {
		w.First.add(t)
	}
	for _, t := range b {
		w.Second.add(t)
	}
	var onlyA, onlyB []model.Tensor
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name:
			onlyA = append(onlyA, a[0])
			layer(a[0], true)
			a = a[1:]
		case len(a) == 0 || b[0].Name < a[0].Name:
			onlyB = append(onlyB, b[0])
			b = b[1:]
		default:
			layer(a[0], !w.pair(a[0], b[0]))
			a, b = a[1:], b[1:]
		}
	}
	w.rename(onlyA, onlyB)
	for _, t := range w.Added {
		layer(t, true)
	}
	for _, l := range layers {
		w.Layers = append(w.Layers, *l)
	}
	slices.SortFunc(w.Layers, func(a, b Layer) int { return compareNatural(a.Name, b.Name) })
	return w
}

// pair files two tensors of one name and reports whether they are the same.
func (w *Weights) pair(a, b model.Tensor) bool {
	p := Pair{First: a, Second: b}
	switch {
	case a.DType != b.DType:
		w.Cast = append(w.Cast, p)
	case !slices.Equal(a.Shape, b.Shape):
		w.Reshaped = append(w.Reshaped, p)
	case a.SHA256 != b.SHA256:
		w.Changed = append(w.Changed, p)
	default:
		w.Same.add(a)
		return true
	}
	return false
}

// rename pairs tensors of different names that are the same otherwise. Several can be:
// biases of zeros, for example. They are paired in the order of their names.
func (w *Weights) rename(a, b []model.Tensor) {
	key := func(t model.Tensor) string { return fmt.Sprint(t.DType, t.Shape, t.SHA256) }
	waiting := map[string][]model.Tensor{}
	for _, t := range b {
		waiting[key(t)] = append(waiting[key(t)], t)
	}
	for _, t := range a {
		k := key(t)
		if left := waiting[k]; len(left) > 0 {
			w.Renamed = append(w.Renamed, Pair{First: t, Second: left[0]})
			waiting[k] = left[1:]
		} else {
			w.Removed = append(w.Removed, t)
		}
	}
	for _, left := range waiting {
		w.Added = append(w.Added, left...)
	}
	slices.SortFunc(w.Added, func(a, b model.Tensor) int { return strings.Compare(a.Name, b.Name) })
}

// elements is how many numbers a shape has. What was read from a file or a manifest
// fits into 64 bits of bytes, so into as many of elements.
func elements(shape []uint64) uint64 {
	n := uint64(1)
	for _, dim := range shape {
		n *= dim
	}
	return n
}

// layerOf is the part of a tensor's name that says to which layer it belongs:
// "model.layers.12" of "model.layers.12.mlp.up_proj.weight".
func layerOf(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			return strings.Join(parts[:i+1], ".")
		}
	}
	if len(parts) > 1 {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ".")
}

// compareNatural orders names as people count: layers.2 before layers.10.
func compareNatural(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		// A longer number without zeros before it is the larger one.
		if isNumber(x[i]) && isNumber(y[i]) && len(x[i]) != len(y[i]) {
			return cmp.Compare(len(x[i]), len(y[i]))
		}
		if c := strings.Compare(x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func isNumber(s string) bool {
	return s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}
