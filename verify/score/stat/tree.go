package stat

import (
	"fmt"
	"math/big"
	"strings"
)

// By is how a group's parts are averaged.
type By int

const (
	Macro    By = iota // each part counts once
	Micro              // each part counts as many times as it has items
	Weighted           // each part counts by its Weight
)

// String is macro, micro or weighted.
func (b By) String() string {
	if b < Macro || b > Weighted {
		return fmt.Sprintf("By(%d)", int(b))
	}
	return [...]string{"macro", "micro", "weighted"}[b]
}

// Tree says how a published mean is made of tasks' scores: a mean of means is another
// number than the mean over all items, so that a figure without its tree can not be
// recomputed. One without Parts is a task, with a Score and a number of Items; any
// other is a group.
type Tree struct {
	Name   string
	Weight *big.Rat // within a group that is Weighted

	Score *big.Rat // of a task
	Items int64    // of a task; needed below a group that is Micro

	By    By // of a group
	Parts []Tree
}

// Value is the tree's score.
func (t Tree) Value() (*big.Rat, error) {
	if len(t.Parts) == 0 {
		if t.Score == nil {
			return nil, fmt.Errorf("task %q has no score", t.Name)
		}
		return t.Score, nil
	}
	sum, total := new(big.Rat), new(big.Rat)
	for _, p := range t.Parts {
		score, err := p.Value()
		if err != nil {
			return nil, err
		}
		weight, err := p.weight(t.By)
		if err != nil {
			return nil, fmt.Errorf("%s mean %q: %w", t.By, t.Name, err)
		}
		sum.Add(sum, times(weight, score))
		total.Add(total, weight)
	}
	if total.Sign() == 0 {
		return nil, fmt.Errorf("%s mean %q: its parts weigh nothing", t.By, t.Name)
	}
	return sum.Quo(sum, total), nil
}

func (t Tree) weight(by By) (*big.Rat, error) {
	switch {
	case by == Macro:
		return big.NewRat(1, 1), nil
	case by == Micro:
		n, err := t.items()
		if err != nil {
			return nil, err
		}
		return new(big.Rat).SetInt(n), nil
	case by != Weighted:
		return nil, fmt.Errorf("it is neither macro, micro nor weighted")
	case t.Weight == nil || t.Weight.Sign() < 0:
		return nil, fmt.Errorf("part %q has no weight, or one below 0", t.Name)
	}
	return t.Weight, nil
}

// items is how many there are in all tasks.
func (t Tree) items() (*big.Int, error) {
	if len(t.Parts) == 0 {
		if t.Items < 1 {
			return nil, fmt.Errorf("task %q: how many items it has is not given", t.Name)
		}
		return big.NewInt(t.Items), nil
	}
	sum := new(big.Int)
	for _, p := range t.Parts {
		n, err := p.items()
		if err != nil {
			return nil, err
		}
		sum.Add(sum, n)
	}
	return sum, nil
}

// String states the tree: average = macro(stem = micro(physics × 102, law × 1534), code).
func (t Tree) String() string {
	var b strings.Builder
	t.write(&b, Macro)
	return b.String()
}

func (t Tree) write(b *strings.Builder, in By) {
	b.WriteString(t.Name)
	if len(t.Parts) > 0 {
		fmt.Fprintf(b, " = %s(", t.By)
		for i, p := range t.Parts {
			if i > 0 {
				b.WriteString(", ")
			}
			p.write(b, t.By)
		}
		b.WriteString(")")
	}
	switch {
	case in == Micro && len(t.Parts) == 0:
		fmt.Fprintf(b, " × %d", t.Items)
	case in == Weighted && t.Weight != nil:
		fmt.Fprintf(b, " × %s", t.Weight.RatString())
	}
}
