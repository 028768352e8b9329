package model

import (
	"fmt"
	"path"

	"github.com/proctor-attest/proctor/attest"
)

const (
	adapterConfig  = "adapter_config.json"
	adapterWeights = "adapter_model.safetensors"
	adapterTorch   = "adapter_model.bin"
)

// Adapter is a LoRA or other PEFT adapter: what it adds to a base model that its
// configuration names.
type Adapter struct {
	Path    string   `json:"path"` // of its adapter_config.json
	Tensors []Tensor `json:"tensors"`
}

// Digest is the digest of its role, over its weights and its configuration.
func (a Adapter) Digest(config attest.Hash) attest.Hash {
	root := weightsRoot(a.Tensors)
	return attest.TaggedHash("adapter", append(root[:], config[:]...))
}

// adapterPlan is an adapter whose weights are not read yet.
type adapterPlan struct {
	config  string
	weights part
}

// findAdapters takes every adapter_config.json, in folders too, with the weights
// that PEFT writes beside it. Their order, which numbers the roles, is that of
// their paths.
func (p *plan) findAdapters(entries []entry) error {
	present := make(map[string]bool, len(entries))
	for _, e := range entries {
		present[e.path] = true
	}
	for _, e := range entries {
		if path.Base(e.path) != adapterConfig {
			continue
		}
		weights, read := folder(e.path, adapterWeights), format(readSafetensors)
		if !present[weights] {
			weights, read = folder(e.path, adapterTorch), readTorch
		}
		if !present[weights] {
			return fmt.Errorf("%q: an adapter without weights: neither %s nor %s is beside it", e.path, adapterWeights, adapterTorch)
		}
		p.readers[weights] = read
		p.adapters = append(p.adapters, adapterPlan{e.path, part{files: []string{weights}}})
	}
	return nil
}
