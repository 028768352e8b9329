package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// Checkpoints that PyTorch wrote have the weights that PyTorch reads from them, or are
// refused in so many words. .ci/torch-checkpoints makes them; testdata has those of two
// versions.
func TestGenuineTorch(t *testing.T) {
	bases := []string{"testdata/torch-1.13", "testdata/torch-2.6"}
	if base := os.Getenv("PROCTOR_TORCH"); base != "" {
		bases = append(bases, base)
	}
	for _, base := range bases {
		data, err := os.ReadFile(filepath.Join(base, "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]struct {
			Torch   string
			Weights *attest.Hash
			Refused string
		}
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		version := all[""].Torch
		delete(all, "")
		if len(all) < 6 {
			t.Errorf("PyTorch %s: %d checkpoints", version, len(all))
		}
		for name, want := range all {
			m, err := digestDir(t, filepath.Join(base, name))
			if want.Weights == nil {
				wantError(t, version+" "+name, err, want.Refused)
				continue
			}
			if err != nil {
				t.Errorf("PyTorch %s: %s: %v", version, name, err)
			} else if got := roleDigest(m, roleWeights); got != *want.Weights {
				t.Errorf("PyTorch %s: %s: weights %s, want %s", version, name, got, want.Weights)
			}
		}
	}
}
