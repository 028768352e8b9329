package model

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetadata(t *testing.T) {
	g := tiny()
	g.kv = append(g.kv,
		ggufKV("a.bool", kvBool, []byte{1}),
		ggufKV("a.i8", kvI8, []byte{0xff}),
		ggufKV("a.u64", kvU64, le64(math.MaxUint64)),
		ggufKV("a.f32", kvF32, le32(math.Float32bits(1e-5))),
		ggufKV("a.f64", kvF64, le64(math.Float64bits(math.Inf(-1)))),
		ggufKV("a.deep", kvArray, slices.Concat(le32(kvArray), le64(2), le32(kvU8), le64(1), []byte{7}, le32(kvString), le64(0))),
		ggufKV("split.count", kvU16, []byte{0, 0}),
	)
	dir := gguf(g.bytes())
	m := digest(t, dir)
	got, err := Metadata(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"general.architecture": "llama", "llama.block_count": json.Number("2"), templateKey: "{{ messages }}",
		"tokenizer.ggml.tokens": []any{"<s>", "bytes ff"},
		"a.bool":                true, "a.i8": json.Number("-1"), "a.u64": json.Number("18446744073709551615"),
		"a.f32": json.Number("1e-05"), "a.f64": "-Inf", "a.deep": []any{[]any{json.Number("7")}, []any{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	dir["m.gguf"] = gguf(tiny().bytes())["m.gguf"]
	_, err = Metadata(dir, m)
	wantError(t, "a file that changed", err, `"m.gguf"`)
	if got, err := Metadata(two(t), digest(t, two(t))); got != nil || err != nil {
		t.Errorf("without a GGUF: %v, %v", got, err)
	}
}

// Lists that would fill the memory are shown by their hash.
func TestMetadataLong(t *testing.T) {
	long := make([]byte, maxElements+1)
	g := tiny()
	g.kv = append(g.kv,
		ggufKV("a.deep", kvArray, slices.Concat(le32(kvArray), le64(2), le32(kvU8), le64(1), []byte{7}, le32(kvU8), le64(uint64(len(long))), long)),
		ggufKV("a.short", kvArray, slices.Concat(le32(kvU8), le64(1), []byte{7})),
	)
	dir := gguf(g.bytes())
	got, err := Metadata(dir, digest(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	raw := g.kv[4][8+len("a.deep")+4:]
	want := fmt.Sprintf("%d bytes of SHA-256 %s", len(raw), sum(raw))
	if got["a.deep"] != want {
		t.Errorf("a.deep is %.80v, want %s", got["a.deep"], want)
	}
	if diff := cmp.Diff([]any{json.Number("7")}, got["a.short"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
