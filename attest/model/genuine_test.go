package model

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

// Models that others' programs wrote have the digests that a second implementation
// computes from what those programs read.
func TestGenuine(t *testing.T) {
	base := os.Getenv("PROCTOR_WEIGHTS")
	if base == "" {
		t.Skip("PROCTOR_WEIGHTS is not set: .ci/weights makes genuine models")
	}
	data, err := os.ReadFile(filepath.Join(base, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	type digests struct {
		ID      attest.Hash `json:"modelID"`
		Package attest.Hash `json:"package"`
		Roles   []Role      `json:"roles"`
	}
	var want map[string]digests
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"minilm", "gguf", "split", "torch", "converted"} {
		m, err := digestDir(t, filepath.Join(base, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want[name], digests{m.ID, m.Package, m.Roles}); diff != "" {
			t.Errorf("%s: digests differ (-want +got):\n%s", name, diff)
		}
		if _, err := m.Manifest(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, same := range [][2]string{{"gguf", "split"}, {"torch", "converted"}} {
		if want[same[0]].ID != want[same[1]].ID {
			t.Errorf("%s and %s are two models", same[0], same[1])
		}
	}
	dir := must(OpenDir(filepath.Join(base, "lightning")))
	defer dir.Close()
	_, err = Digest(context.Background(), dir, Options{})
	wantError(t, "a checkpoint with more than tensors", err, `"omegaconf.listconfig.ListConfig"`)
}
