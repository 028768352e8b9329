package model

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// adapter is a LoRA adapter alone, with these files beside it.
func adapter(t testing.TB, extra ...string) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{
		"adapter_config.json":       file([]byte(`{"peft_type":"LORA","r":8,"lora_alpha":Infinity}`)),
		"adapter_model.safetensors": file(encode(t, TensorData{"lora_A", "F32", []uint64{1}, []byte("abcd")})),
	}
	for i := 0; i < len(extra); i += 2 {
		dir[extra[i]] = file([]byte(extra[i+1]))
	}
	return dir
}

// rolesOf names the roles of a model.
func rolesOf(m *Model) (names []string) {
	for _, r := range m.Roles {
		names = append(names, r.Role)
	}
	return names
}

func TestDigestAdapters(t *testing.T) {
	one := string(encode(t, TensorData{"lora_A", "F32", []uint64{1}, []byte("abcd")}))
	tests := []struct {
		name      string
		dir       fstest.MapFS
		want      []string
		uncovered []string
	}{
		{"alone", adapter(t), []string{"adapter/0"}, []string{}},
		{"with tokenizer", adapter(t, "tokenizer.json", "x", "README.md", "x"), []string{"tokenizer", "adapter/0"}, []string{}},
		{"beside a model", func() fstest.MapFS {
			dir := adapter(t)
			dir["model.safetensors"] = two(t)["model.safetensors"]
			return dir
		}(), []string{"weights", "adapter/0"}, []string{}},
		{"in folders", two(t,
			"vision/adapter_config.json", "{}", "vision/adapter_model.safetensors", one,
			"speech/adapter_config.json", "{}", "speech/adapter_model.safetensors", one, "speech/adapter_model.bin", "left over"),
			[]string{"weights", "adapter/0", "adapter/1"}, []string{"speech/adapter_model.bin"}},
		{"of a GGUF", gguf(tiny().bytes(), "adapter_config.json", "{}", "adapter_model.safetensors", one),
			[]string{"weights", "chat-template", "gguf-kv", "adapter/0"}, []string{}},
	}
	for _, test := range tests {
		m, err := Digest(context.Background(), test.dir, Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, rolesOf(m)); diff != "" {
			t.Errorf("%s: roles differ (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.uncovered, m.Uncovered); diff != "" {
			t.Errorf("%s: uncovered differs (-want +got):\n%s", test.name, diff)
		}
	}
}

// Weights, configuration and place of an adapter are in its role; tensors of the
// model and of adapters do not meet.
func TestDigestAdapterParts(t *testing.T) {
	want := digest(t, adapter(t)).ID
	changed := map[string]fstest.MapFS{
		"configuration": adapter(t, "adapter_config.json", `{"r":9}`),
		"weights":       adapter(t, "adapter_model.safetensors", string(encode(t, TensorData{"lora_A", "F32", []uint64{1}, []byte("abce")}))),
	}
	for name, dir := range changed {
		if digest(t, dir).ID == want {
			t.Errorf("another %s: same ID", name)
		}
	}
	same := digest(t, two(t, "x/adapter_config.json", "{}", "x/adapter_model.safetensors", string(two(t)["model.safetensors"].Data)))
	if diff := cmp.Diff(same.Tensors, same.Adapters[0].Tensors); diff != "" {
		t.Errorf("tensors of one name differ:\n%s", diff)
	}
	_, err := Digest(context.Background(), adapter(t, "adapter_config.json", `{"r":8,"r":9}`), Options{})
	wantError(t, "duplicate name", err, `"adapter_config.json"`, `duplicate name "r"`)
	_, err = Digest(context.Background(), adapter(t, "adapter_config.json", `[]`), Options{})
	wantError(t, "list", err, `"adapter_config.json"`, "object")
}

func TestParseManifestRefusesAdapters(t *testing.T) {
	manifestOf := func(change func(m *Model)) error {
		m := digest(t, adapter(t, "left.onnx", "x"))
		change(m)
		_, err := m.Manifest()
		return err
	}
	tests := []struct {
		name   string
		change func(m *Model)
		want   string
	}{
		{"left out", func(m *Model) { m.Adapters = nil }, "no tensors"},
		{"left out beside a model", func(m *Model) { m.Adapters, m.Tensors = nil, m.Adapters[0].Tensors }, "its adapter is not listed"},
		{"from nowhere", func(m *Model) { m.Adapters = append(m.Adapters, Adapter{Path: "x/adapter_config.json"}) }, `"x/adapter_config.json" is not among`},
		{"uncovered", func(m *Model) { m.Uncovered = []string{"adapter_model.safetensors", "left.onnx"} }, "uncovered"},
		{"without tensors", func(m *Model) { m.Adapters[0].Tensors = nil }, "no tensors"},
		{"larger than its file", func(m *Model) { m.Adapters[0].Tensors[0] = Tensor{"x", "U8", []uint64{999}, 999, m.ID} }, "do not fit"},
		{"another tensor", func(m *Model) { m.Adapters[0].Tensors[0].SHA256 = m.ID }, "role 0 is not adapter/0"},
	}
	for _, test := range tests {
		wantError(t, test.name, manifestOf(test.change), test.want)
	}
}

// A manifest cannot cover weights by another rule than the protocol's.
func TestParseManifestRefusesOtherRule(t *testing.T) {
	quantised := digest(t, gguf(tiny().bytes(), "left.bin", "x"))
	quantised.KV[0], quantised.KV[1] = quantised.KV[1], quantised.KV[0]
	_, err := quantised.Manifest()
	wantError(t, "values out of order", err, "keys must ascend")

	m := digest(t, two(t, "m.gguf", "x"))
	m.Uncovered = nil
	_, err = m.Manifest()
	wantError(t, "GGUF beside safetensors", err, `"m.gguf" looks like weights`)

	m = digest(t, gguf(tiny().bytes(), "pytorch_model.bin", "x"))
	m.Uncovered = nil
	_, err = m.Manifest()
	wantError(t, "PyTorch beside GGUF", err, `"pytorch_model.bin" looks like weights`)

	m = digest(t, gguf(tiny().bytes()))
	m.Tensors = digest(t, two(t)).Tensors
	_, err = m.Manifest()
	wantError(t, "tensors of safetensors in a GGUF", err, "another format")
	m = digest(t, gguf(tiny().bytes()))
	m.Tensors[0].DType = "F32"
	_, err = m.Manifest()
	wantError(t, "tensors of two formats", err, "another format")
	m = digest(t, gguf(tiny().bytes()))
	m.KV[0].Leaf = m.ID
	_, err = m.Manifest()
	wantError(t, "another value", err, "role 2 is not gguf-kv")
}
