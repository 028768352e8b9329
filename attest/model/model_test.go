package model

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/proctor-attest/proctor/attest"
)

type vectors struct {
	Tensors []struct {
		Name, DType, Data string
		Shape             []uint64
		Leaf              attest.Hash
	}
	Weights attest.Hash
	Files   []struct {
		Path, Data  string
		GitBlobSHA1 GitBlob
		Leaf        attest.Hash
	}
	Package attest.Hash
	Roles   []Role
	ModelID attest.Hash
	Sealed  struct {
		Key        attest.Hash
		Issuer     string
		Commitment attest.Hash
	}
	More       map[string]attest.Hash
	MoreInputs struct {
		Tokenizer    map[string]string `json:"tokenizer of two files"`
		Preprocessor map[string]string
		Code         map[string]string
		Adapter      map[string]string `json:"adapter/0"`
		Endpoint     []string
		KV           []struct {
			Key, RawHex string
			Type        uint32
		} `json:"gguf-kv"`
		GGML struct {
			Name, DType string
			Shape       []uint64
		} `json:"ggml tensor leaf"`
	}
}

func TestVectors(t *testing.T) {
	t.Run("testdata", func(t *testing.T) { testVectors(t, filepath.Join("testdata", "model.json")) })
	t.Run("shared", func(t *testing.T) {
		path := filepath.Join("..", "..", "..", "shared", "vectors", "model.json")
		if _, err := os.Stat(path); err != nil {
			t.Skipf("shared vectors are not here: %v", err)
		}
		testVectors(t, path)
	})
}

func testVectors(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	m, tensors := vectorModel(t, v)
	for i, want := range v.Tensors {
		if got := m.Tensors[i].Leaf(); got != want.Leaf {
			t.Errorf("leaf of tensor %q = %s, want %s", want.Name, got, want.Leaf)
		}
	}
	for _, want := range v.Files {
		f := find(m.Files, want.Path)
		if f == nil || f.Leaf() != want.Leaf || f.GitBlob != want.GitBlobSHA1 {
			t.Errorf("file %q = %+v, want leaf %s and blob %s", want.Path, f, want.Leaf, want.GitBlobSHA1)
		}
	}
	// The vector's package is over the files it lists, which have no weights.
	listed := slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return f.Path == "model.safetensors" })
	if got := filesRoot(listed); got != v.Package {
		t.Errorf("package = %s, want %s", got, v.Package)
	}
	if got := weightsRoot(m.Tensors); got != v.Weights {
		t.Errorf("weights = %s, want %s", got, v.Weights)
	}
	if diff := cmp.Diff(v.Roles, m.Roles); diff != "" {
		t.Errorf("roles differ (-want +got):\n%s", diff)
	}
	if m.ID != v.ModelID {
		t.Errorf("modelID = %s, want %s", m.ID, v.ModelID)
	}
	if got := Seal(v.Sealed.Key, v.Sealed.Issuer, m.ID); got != v.Sealed.Commitment {
		t.Errorf("Seal = %s, want %s", got, v.Sealed.Commitment)
	}
	testMore(t, v, tensors)
}

// vectorModel digests the vector's directory.
func vectorModel(t *testing.T, v vectors) (*Model, []TensorData) {
	t.Helper()
	var tensors []TensorData
	for _, x := range v.Tensors {
		raw, err := hex.DecodeString(x.Data)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, TensorData{Name: x.Name, DType: x.DType, Shape: x.Shape, Data: raw})
	}
	dir := fstest.MapFS{"model.safetensors": file(encode(t, tensors...))}
	for _, f := range v.Files {
		dir[f.Path] = file([]byte(f.Data))
	}
	return digest(t, dir), tensors
}

func testMore(t *testing.T, v vectors, tensors []TensorData) {
	role := func(name string, files map[string]string) attest.Hash {
		dir := fstest.MapFS{"model.safetensors": file(encode(t, tensors...))}
		for path, text := range files {
			dir[path] = file([]byte(text))
		}
		return roleDigest(digest(t, dir), name)
	}
	got := map[string]attest.Hash{
		"tokenizer of two files": role("tokenizer", v.MoreInputs.Tokenizer),
		"preprocessor":           role("preprocessor", v.MoreInputs.Preprocessor),
		"code":                   role("code", v.MoreInputs.Code),
		"endpoint":               EndpointID(v.MoreInputs.Endpoint[0], v.MoreInputs.Endpoint[1], v.MoreInputs.Endpoint[2]),
		"ggml tensor leaf": Tensor{
			Name: v.MoreInputs.GGML.Name, DType: v.MoreInputs.GGML.DType, Shape: v.MoreInputs.GGML.Shape,
			Size: 18, SHA256: sum(make([]byte, 18)),
		}.Leaf(),
	}
	big := digest(t, fstest.MapFS{
		"model.safetensors": file(encode(t, tensors...)),
		"big.bin":           file(make([]byte, MaxBlob+1)),
	})
	got["file over 16 MiB, leaf"] = find(big.Files, "big.bin").Leaf()
	if diff := cmp.Diff([]string{"big.bin"}, big.Uncovered); diff != "" {
		t.Errorf("uncovered differs (-want +got):\n%s", diff)
	}
	adapter := fstest.MapFS{"adapter_model.safetensors": file(encode(t, tensors...))}
	for path, text := range v.MoreInputs.Adapter {
		if path == "adapter_config.json" {
			adapter[path] = file([]byte(text))
		}
	}
	got["adapter/0"] = roleDigest(digest(t, adapter), "adapter/0")
	g := tiny()
	g.kv = nil
	for _, kv := range v.MoreInputs.KV {
		value, err := hex.DecodeString(kv.RawHex)
		if err != nil {
			t.Fatal(err)
		}
		g.kv = append(g.kv, ggufKV(kv.Key, kv.Type, value))
	}
	got["gguf-kv"] = roleDigest(digest(t, gguf(g.bytes())), "gguf-kv")
	if diff := cmp.Diff(v.More, got); diff != "" {
		t.Errorf("digests differ (-want +got):\n%s", diff)
	}
}
