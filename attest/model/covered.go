package model

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// checkCovered compares the uncovered files of a manifest with the rest: weights
// that it leaves out would pass as covered. What exactly an index or a choice
// covers is not in a manifest.
func (m *Model) checkCovered() error {
	covered, err := m.splitCovered()
	if err != nil {
		return err
	}
	if covered, err = m.checkAdapters(covered); err != nil {
		return err
	}
	if err := m.checkRule(covered); err != nil {
		return err
	}
	return checkFit(m.Tensors, covered)
}

// splitCovered returns the files that look like weights and are not listed as
// uncovered.
func (m *Model) splitCovered() (covered []File, err error) {
	left := m.Uncovered
	for _, f := range m.Files {
		switch {
		case len(left) > 0 && left[0] == f.Path:
			left = left[1:]
		case looksLikeWeights(f.Path):
			covered = append(covered, f)
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("uncovered file %.200q is not among the files, or out of order", left[0])
	}
	return covered, nil
}

// checkAdapters holds the adapters against the files, and returns the files
// without theirs.
func (m *Model) checkAdapters(covered []File) ([]File, error) {
	left := m.Adapters
	for _, f := range m.Files {
		if path.Base(f.Path) != adapterConfig {
			continue
		}
		if len(left) == 0 || left[0].Path != f.Path {
			return nil, fmt.Errorf("file %.200q: its adapter is not listed, or out of order", f.Path)
		}
		weights := folder(f.Path, adapterWeights)
		if find(m.Files, weights) == nil {
			weights = folder(f.Path, adapterTorch)
		}
		own := find(covered, weights)
		if own == nil {
			return nil, fmt.Errorf("file %.200q: the weights of its adapter are uncovered, or not there", f.Path)
		}
		if len(left[0].Tensors) == 0 {
			return nil, fmt.Errorf("adapter %.200q: no tensors", f.Path)
		}
		if err := checkTensors(left[0].Tensors); err != nil {
			return nil, fmt.Errorf("adapter %.200q: %w", f.Path, err)
		}
		if err := checkFit(left[0].Tensors, []File{*own}); err != nil {
			return nil, fmt.Errorf("adapter %.200q: %w", f.Path, err)
		}
		left = left[1:]
		covered = slices.DeleteFunc(slices.Clone(covered), func(f File) bool { return f.Path == weights })
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("adapter %.200q is not among the files", left[0].Path)
	}
	return covered, nil
}

// checkRule applies the rule of role weights as far as names show it.
func (m *Model) checkRule(covered []File) error {
	count := func(suffix string) (n int) {
		for _, f := range m.Files {
			if atRoot(f.Path) && strings.HasSuffix(f.Path, suffix) && !m.isAdapter(f.Path) {
				n++
			}
		}
		return n
	}
	indexes, shards, ggufs := count(indexSuffix), count(shardSuffix), count(ggufSuffix)
	if indexes > 1 {
		return fmt.Errorf("%d indexes of weights, want one at most", indexes)
	}
	suffixes := []string{shardSuffix}
	if indexes+shards == 0 && ggufs > 0 {
		suffixes = []string{ggufSuffix}
	} else if indexes+shards == 0 {
		suffixes = torchSuffixes
	}
	for _, f := range covered {
		if !atRoot(f.Path) || !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(f.Path, s) }) {
			return fmt.Errorf("file %.200q looks like weights and is not listed as uncovered", f.Path)
		}
	}
	if indexes == 0 && shards > len(covered) {
		return fmt.Errorf("%d of %d %s are listed as uncovered, but nothing excludes them", shards-len(covered), shards, shardSuffix)
	}
	quantised := len(m.Tensors) > 0 && strings.HasPrefix(m.Tensors[0].DType, ggmlPrefix)
	if gguf := suffixes[0] == ggufSuffix; gguf != quantised && len(m.Tensors) > 0 || !gguf && len(m.KV) > 0 {
		return fmt.Errorf("tensors or metadata of another format than %s", suffixes[0])
	}
	return nil
}

func (m *Model) isAdapter(name string) bool {
	return slices.ContainsFunc(m.Adapters, func(a Adapter) bool { return folder(a.Path, adapterWeights) == name })
}

// checkFit refuses tensors that are larger than the files that hold them. Those of
// equal bytes may be one in a PyTorch checkpoint.
func checkFit(tensors []Tensor, files []File) error {
	var room, need uint64
	shared := false
	for _, f := range files {
		room = saturate(room, f.Size)
		shared = shared || !strings.HasSuffix(f.Path, shardSuffix) && !strings.HasSuffix(f.Path, ggufSuffix)
	}
	seen := map[attest.Hash]bool{}
	for _, t := range tensors {
		if !shared || !seen[t.SHA256] {
			need = saturate(need, t.Size)
		}
		seen[t.SHA256] = true
	}
	if len(tensors) > 0 && need >= room {
		return fmt.Errorf("tensors of %d bytes do not fit into weight files of %d", need, room)
	}
	return nil
}
