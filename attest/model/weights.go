package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

const (
	shardSuffix   = ".safetensors"
	indexSuffix   = ".safetensors.index.json"
	adapterConfig = "adapter_config.json"

	// maxJSON bounds the files that are read as a whole.
	maxJSON = 100_000_000
)

// plan says which files hold the model's weights.
type plan struct {
	shards    map[string]bool
	indexPath string            // empty without an index
	index     map[string]string // tensor to file, from the index
	indexSum  attest.Hash
	uncovered []string
}

// planWeights applies the first rule of role weights that fits: "the files
// named by *.safetensors.index.json, else all *.safetensors at the root".
// Weights in other formats are refused, because another rule would name them.
func planWeights(fsys fs.FS, entries []entry) (*plan, error) {
	var indexes, shards []string
	for _, e := range entries {
		if path.Base(e.path) == adapterConfig {
			return nil, fmt.Errorf("%q: the directory holds an adapter, whose weights would change the model: adapters are not supported (merge it, or move it out)", e.path)
		}
		switch {
		case atRoot(e.path) && strings.HasSuffix(e.path, indexSuffix):
			indexes = append(indexes, e.path)
		case atRoot(e.path) && strings.HasSuffix(e.path, shardSuffix):
			shards = append(shards, e.path)
		}
	}
	p := &plan{shards: map[string]bool{}}
	switch {
	case len(indexes) > 1:
		return nil, fmt.Errorf("several indexes of weights (%s): remove all but the one that is meant", quoteAll(indexes))
	case len(indexes) == 1:
		var err error
		if shards, err = p.readIndex(fsys, indexes[0], entries); err != nil {
			return nil, fmt.Errorf("%q: %w", indexes[0], err)
		}
	case len(shards) == 0:
		return nil, noWeights(entries)
	}
	for _, name := range shards {
		p.shards[name] = true
	}
	p.uncovered = []string{}
	for _, e := range entries {
		if looksLikeWeights(e.path) && !p.shards[e.path] {
			p.uncovered = append(p.uncovered, e.path)
		}
	}
	return p, nil
}

// readIndex takes the index at name and returns the files that it names.
func (p *plan) readIndex(fsys fs.FS, name string, entries []entry) ([]string, error) {
	var at entry
	present := make(map[string]bool, len(entries))
	for _, e := range entries {
		present[e.path] = true
		if e.path == name {
			at = e
		}
	}
	if at.size > maxJSON {
		return nil, fmt.Errorf("index of %d bytes, the most is %d", at.size, maxJSON)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	if err := checkPointer(data); err != nil {
		return nil, err
	}
	index, err := parseIndex(data)
	if err != nil {
		return nil, err
	}
	shards := slices.Compact(slices.Sorted(maps.Values(index)))
	for _, shard := range shards {
		if !present[shard] {
			return nil, fmt.Errorf("weight_map names %q, which is not in the directory (download it)", shard)
		}
	}
	p.indexPath, p.index, p.indexSum = name, index, sum(data)
	return shards, nil
}

// parseIndex reads the weight_map of a safetensors index: tensor to file.
func parseIndex(data []byte) (map[string]string, error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, errors.New("index is not a JSON object")
	}
	var index map[string]string
	if err := json.Unmarshal(members["weight_map"], &index); err != nil {
		return nil, errors.New("weight_map is missing or not a map from tensors to file names")
	}
	if len(index) == 0 {
		return nil, errors.New("weight_map names no tensors")
	}
	for tensor, file := range index {
		if strings.ContainsAny(file, `/\`) || !strings.HasSuffix(file, shardSuffix) {
			return nil, fmt.Errorf("weight_map: tensor %.200q is said to be in %.200q, want the name of a %s file beside the index", tensor, file, shardSuffix)
		}
	}
	return index, nil
}

// noWeights says what was found instead of safetensors.
func noWeights(entries []entry) error {
	for _, e := range entries {
		if !looksLikeWeights(e.path) {
			continue
		}
		if strings.HasSuffix(e.path, shardSuffix) {
			return fmt.Errorf("no *%s at the top of the directory, only in folders (%q): give the folder of one model", shardSuffix, e.path)
		}
		return fmt.Errorf("no *%s: weights in the format of %q are not supported (convert them to safetensors)", shardSuffix, e.path)
	}
	return fmt.Errorf("no weights: the directory holds no *%s", shardSuffix)
}

// merge puts the tensors of all shards in order. It refuses a name that two of
// them have, and an index that says otherwise than the shards: loaders that
// trust the one and those that trust the other would run two models.
func (p *plan) merge(byShard map[string][]Tensor) ([]Tensor, error) {
	tensors := []Tensor{}
	where := map[string]string{}
	for _, shard := range slices.Sorted(maps.Keys(byShard)) {
		for _, t := range byShard[shard] {
			if first, twice := where[t.Name]; twice {
				return nil, fmt.Errorf("tensor %.200q is in %q and in %q (keep one variant of the weights, or add an index)", t.Name, first, shard)
			}
			where[t.Name] = shard
			if said, ok := p.index[t.Name]; p.index != nil && said != shard {
				if !ok {
					said = "no file"
				}
				return nil, fmt.Errorf("tensor %.200q is in %q, but %q has it in %s", t.Name, shard, p.indexPath, said)
			}
			tensors = append(tensors, t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.index)) {
		if where[name] == "" {
			return nil, fmt.Errorf("tensor %.200q is not in %q, where %q has it", name, p.index[name], p.indexPath)
		}
	}
	if len(tensors) == 0 {
		return nil, errors.New("the weights hold no tensors")
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return tensors, nil
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}
