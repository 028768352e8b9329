package model

import (
	"context"
	"testing"
	"testing/fstest"
)

// What is read of a model by its layout names it as Digest does, with the hashes of a
// known model for what is not read.
func TestLayoutDigest(t *testing.T) {
	dir := two(t, "config.json", "{}", "README.md", "hello")
	adapter := encode(t, TensorData{"lora", "U8", []uint64{2}, []byte("lo")})
	dir["lora/adapter_config.json"], dir["lora/adapter_model.safetensors"] = file([]byte("{}")), file(adapter)
	known := digest(t, dir)
	read := func(dir fstest.MapFS, chosen ...int) *Model {
		t.Helper()
		l, err := OpenLayout(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(l.Pieces()); n != 3 {
			t.Fatalf("%d pieces, want 3", n)
		}
		m, err := l.Digest(context.Background(), chosen, known)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, chosen := range [][]int{nil, {0}, {1, 2}, {0, 1, 2}} {
		if m := read(dir, chosen...); m.ID != known.ID {
			t.Errorf("pieces %v: modelID %s, want %s", chosen, m.ID, known.ID)
		}
	}
	// The last byte of the adapter is another one, in piece 0; that of the model's own
	// weights, in piece 2.
	for name, piece := range map[string]int{"lora/adapter_model.safetensors": 0, "model.safetensors": 2} {
		changed := fstest.MapFS{}
		for n, f := range dir {
			changed[n] = file(append([]byte{}, f.Data...))
		}
		data := changed[name].Data
		data[len(data)-1] ^= 1
		for i := range 3 {
			if m := read(changed, i); (m.ID != known.ID) != (i == piece) {
				t.Errorf("%s changed, piece %d read: modelID differs: %v", name, i, m.ID != known.ID)
			}
		}
	}
	// A tensor that the known model does not have has no hash to take.
	other := two(t, "config.json", "{}")
	other["lora/adapter_config.json"], other["lora/adapter_model.safetensors"] = file([]byte("{}")), file(adapter)
	other["model.safetensors"] = file(encode(t, TensorData{"a", "U8", []uint64{3}, []byte("abc")}, TensorData{"c", "F16", []uint64{2}, []byte("wxyz")}))
	if m := read(other); m.ID == known.ID {
		t.Error("a renamed tensor has the hash of the old one")
	}
	l, err := OpenLayout(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := l.Digest(context.Background(), []int{3}, known); err == nil {
		t.Errorf("piece 3 of 3 was read: %v", m)
	}
	if m, err := l.Digest(context.Background(), []int{1, 0}, known); err == nil {
		t.Errorf("pieces out of order were read: %v", m)
	}
}
