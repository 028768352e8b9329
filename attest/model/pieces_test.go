package model

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Without the package, whatever is in the modelID is the same, and only what
// roles need is read.
func TestDigestWithoutPackage(t *testing.T) {
	big := make([]byte, jobSize/2+1)
	for i := range big {
		big[i] = byte(i >> 12)
	}
	several := fstest.MapFS{"m.safetensors": file(encode(t,
		TensorData{"a", "U8", []uint64{jobSize / 2}, big[1:]}, TensorData{"b", "U8", []uint64{jobSize/2 + 1}, big},
		TensorData{"c", "U8", []uint64{0}, nil}, TensorData{"d", "U8", []uint64{5}, big[:5]}))}
	dirs := map[string]fstest.MapFS{
		"one":     two(t, "config.json", "{}", "README.md", "x", "left.bin", "x", "a.py", "x", "tokenizer_config.json", `{"chat_template":"T"}`),
		"indexed": sharded(t, indexOfTwo),
		"large":   several,
		"gguf":    gguf(tiny().bytes(), "README.md", "x"),
		"splits":  splits(t),
		"adapter": adapter(t),
	}
	for name, dir := range dirs {
		want := digest(t, dir)
		var last, whole int64
		got, err := Digest(context.Background(), dir, Options{WithoutPackage: true, Progress: func(read, total int64) { last, whole = read, total }})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.ID != want.ID || got.Package != (Model{}).Package {
			t.Errorf("%s: ID %s and package %s, want %s and none", name, got.ID, got.Package, want.ID)
		}
		if diff := cmp.Diff(want.Tensors, got.Tensors); diff != "" {
			t.Errorf("%s: tensors differ (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.Uncovered, got.Uncovered); diff != "" {
			t.Errorf("%s: uncovered differs (-want +got):\n%s", name, diff)
		}
		for _, f := range got.Files {
			if !inRoles(f.Path) && f.Path != "model.safetensors.index.json" {
				t.Errorf("%s: %q was read", name, f.Path)
			}
		}
		if last != whole || whole == 0 {
			t.Errorf("%s: progress ended at %d of %d", name, last, whole)
		}
		if _, err := got.Manifest(); err == nil {
			t.Errorf("%s: a manifest without a package", name)
		}
	}
}

// A file that becomes shorter, or another one, while it is read is noticed. It is
// never mapped, so that nothing worse happens.
func TestDigestRefusesShrinking(t *testing.T) {
	data := encode(t, TensorData{"a", "U8", []uint64{8 << 20}, make([]byte, 8<<20)})
	for _, without := range []bool{false, true} {
		for _, size := range []int64{0, 5, 3 << 20, int64(len(data)) - 1} {
			dir := t.TempDir()
			name := filepath.Join(dir, "m.safetensors")
			write(t, name, data)
			d := must(OpenDir(dir))
			done := false
			_, err := Digest(context.Background(), d, Options{WithoutPackage: without, Progress: func(read, total int64) {
				if !done {
					done = true
					if err := os.Truncate(name, size); err != nil {
						t.Error(err)
					}
				}
			}})
			wantError(t, fmt.Sprintf("cut to %d, without package %v", size, without), err, `"m.safetensors"`, "while it was being read")
			d.Close()
		}
	}
}
