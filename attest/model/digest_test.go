package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/proctor-attest/proctor/attest"
)

const indexOfTwo = `{"metadata":{"total_size":7},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}`

func sharded(t *testing.T, index string) fstest.MapFS {
	return fstest.MapFS{
		"one.safetensors":              file(encode(t, TensorData{"a", "U8", []uint64{3}, []byte("abc")})),
		"two.safetensors":              file(encode(t, TensorData{"b", "F16", []uint64{2}, []byte("wxyz")})),
		"model.safetensors.index.json": file([]byte(index)),
	}
}

// One model stored in several ways has one ID and one list of tensors.
func TestDigestInvariance(t *testing.T) {
	want := digest(t, two(t))
	unindexed := sharded(t, "")
	delete(unindexed, "model.safetensors.index.json")
	ways := map[string]fs.FS{
		"two shards with index":    sharded(t, indexOfTwo),
		"two shards without index": unindexed,
		"other header order": fstest.MapFS{"x.safetensors": file(raw(
			header("b", "F16", "[2]", 3, 7, "a", "U8", "[3]", 0, 3), "abcwxyz"))},
		"other member order, spaces, padding": fstest.MapFS{"x.safetensors": file(raw(
			`{ "a" : {"data_offsets":[ 0 , 3 ], "shape":[3], "dtype":"U8"}, "b":{"shape":[2],"dtype":"F16","data_offsets":[3,7]} }`+"\n   ", "abcwxyz"))},
		"metadata": fstest.MapFS{"x.safetensors": file(raw(
			`{"__metadata__":{"format":"pt"},`+header("a", "U8", "[3]", 0, 3, "b", "F16", "[2]", 3, 7)[1:], "abcwxyz"))},
		"escaped names": fstest.MapFS{"x.safetensors": file(raw(
			strings.Replace(header("a", "U8", "[3]", 0, 3, "b", "F16", "[2]", 3, 7), `"a"`, `"\u0061"`, 1), "abcwxyz"))},
	}
	for name, dir := range ways {
		got := digest(t, dir)
		if diff := cmp.Diff(want.Tensors, got.Tensors); diff != "" || got.ID != want.ID {
			t.Errorf("%s: ID %s, want %s; tensors differ (-want +got):\n%s", name, got.ID, want.ID, diff)
		}
		if got.Package == want.Package {
			t.Errorf("%s: same package for other files", name)
		}
	}
}

func TestDigestFlippedBit(t *testing.T) {
	want := digest(t, two(t))
	dir := two(t)
	data := dir["model.safetensors"].Data
	data[len(data)-1] ^= 1 // "a" is narrower than "b" and comes last
	got := digest(t, dir)
	if diff := cmp.Diff([]string{"a"}, diffTensors(want.Tensors, got.Tensors)); diff != "" {
		t.Errorf("differing tensors (-want +got):\n%s", diff)
	}
	if got.ID == want.ID {
		t.Error("ID is the same after a bit was flipped")
	}
}

func TestDigestCastIsAnotherModel(t *testing.T) {
	cast := fstest.MapFS{"x.safetensors": file(raw(header("a", "I8", "[3]", 0, 3, "b", "F16", "[2]", 3, 7), "abcwxyz"))}
	if digest(t, two(t)).ID == digest(t, cast).ID {
		t.Error("ID is the same for another dtype")
	}
}

// Pieces of every size, and files larger than the buffer, give the same hashes.
func TestDigestLarge(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcde"), 3*bufferSize/15)
	whole := encode(t,
		TensorData{"big", "U8", []uint64{uint64(len(big))}, big},
		TensorData{"none", "F32", []uint64{0, 7}, nil},
		TensorData{"wide", "F32", []uint64{bufferSize / 4}, big[:bufferSize]},
		TensorData{"void", "U8", []uint64{0}, nil},
	)
	m := digest(t, fstest.MapFS{"m.safetensors": file(whole)})
	want := map[string]attest.Hash{"big": sum(big), "wide": sum(big[:bufferSize]), "none": sum(nil), "void": sum(nil)}
	got := map[string]attest.Hash{}
	for _, x := range m.Tensors {
		got[x.Name] = x.SHA256
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hashes differ (-want +got):\n%s", diff)
	}
	small := encode(t, TensorData{"a", "U8", []uint64{3}, []byte("abc")}, TensorData{"z", "U8", []uint64{0}, nil}, TensorData{"b", "F16", []uint64{2}, []byte("wxyz")})
	for size := 1; size <= len(small); size++ {
		tensors := feed(t, small, size)
		if len(tensors) != 3 || tensors[0].SHA256 != sum([]byte("wxyz")) || tensors[1].SHA256 != sum([]byte("abc")) || tensors[2].SHA256 != sum(nil) {
			t.Fatalf("pieces of %d: %v", size, tensors)
		}
	}
}

func TestDigestDTypes(t *testing.T) {
	for dtype, width := range dtypeBits {
		data := make([]byte, width)
		m := digest(t, fstest.MapFS{"m.safetensors": file(encode(t, TensorData{"x", dtype, []uint64{2, 4}, data}))})
		if got := m.Tensors[0]; got.Size != width || got.DType != dtype {
			t.Errorf("%s[2,4] = %+v, want %d bytes", dtype, got, width)
		}
	}
}

func TestDigestRefusesShard(t *testing.T) {
	long := raw("", "")
	long[0], long[3] = 1, 0xff // little-endian: far above the limit
	beyond := raw(header("a", "U8", "[3]", 0, 3), "")
	beyond[0] += 50
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"empty file", nil, []string{"header ends at byte 0"}},
		{"short length", []byte("\x08\x00"), []string{"header ends at byte 2"}},
		{"no header", raw("", ""), []string{"does not begin with {"}},
		{"header over the limit", long, []string{"the most is 100000000"}},
		{"header of one byte too many", append([]byte{1, 0xe1, 0xf5, 5, 0, 0, 0, 0}, make([]byte, 64)...), []string{"header of 100000001 bytes, the most is 100000000"}},
		{"header as large as allowed", append([]byte{0, 0xe1, 0xf5, 5, 0, 0, 0, 0}, make([]byte, 64)...), []string{"header of 100000000 bytes ends beyond the file of 72"}},
		{"header of 2^63", append([]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, make([]byte, 64)...), []string{"header of 9223372036854775808 bytes"}},
		{"header beyond the file", beyond, []string{"ends beyond the file"}},
		{"leading space", raw(" "+header("a", "U8", "[3]", 0, 3), "abc"), []string{"does not begin with {"}},
		{"not JSON", raw("{,", ""), []string{"at byte 9"}},
		{"zero padding", raw(header("a", "U8", "[3]", 0, 3)+"\x00", "abc"), []string{"data after the JSON value"}},
		{"duplicate name", raw(header("a", "U8", "[3]", 0, 3, "a", "U8", "[3]", 0, 3), "abc"), []string{`duplicate name "a"`}},
		{"duplicate member", raw(`{"a":{"dtype":"U8","dtype":"I8","shape":[3],"data_offsets":[0,3]}}`, "abc"), []string{`duplicate name "dtype"`}},
		{"name is not UTF-8", raw("{\"\xff\":{}}", ""), []string{"invalid UTF-8 at byte 10"}},
		{"lone surrogate", raw(`{"\ud800":{}}`, ""), []string{"lone surrogate"}},
		{"hole at the start", raw(header("a", "U8", "[3]", 1, 4), "xabc"), []string{`tensor "a"`, "hole"}},
		{"hole", raw(header("a", "U8", "[1]", 0, 1, "b", "U8", "[1]", 2, 3), "axb"), []string{`tensor "b"`, "hole", "1 bytes"}},
		{"overlap", raw(header("a", "U8", "[2]", 0, 2, "b", "U8", "[2]", 1, 3), "abc"), []string{`tensor "b"`, `inside tensor "a"`}},
		{"same bytes twice", raw(header("a", "U8", "[2]", 0, 2, "b", "U8", "[2]", 0, 2), "ab"), []string{`inside tensor "a"`}},
		{"size is not dtype × shape", raw(header("a", "F16", "[3]", 0, 3), "abc"), []string{`tensor "a"`, "F16 [3] needs 6"}},
		{"beyond the file", raw(header("a", "U8", "[3]", 0, 3), "ab"), []string{`tensor "a"`, "wants 3 bytes", "ends after 2"}},
		{"trailing bytes", raw(header("a", "U8", "[3]", 0, 3), "abcd"), []string{"1 bytes from byte", "no tensor"}},
		{"unknown dtype", raw(header("a", "F12", "[3]", 0, 3), "abc"), []string{`dtype "F12"`}},
		{"dtype in other case", raw(header("a", "u8", "[3]", 0, 3), "abc"), []string{`dtype "u8"`}},
		{"broken byte", raw(header("a", "F4", "[3]", 0, 2), "ab"), []string{"12 bits", "whole number of bytes"}},
		{"broken byte of six bits", raw(header("a", "F6_E2M3", "[2]", 0, 2), "ab"), []string{"12 bits"}},
		{"overflow", raw(header("a", "U8", "[4294967296,4294967296]", 0, 0), ""), []string{"overflows"}},
		{"overflow hidden by a zero", raw(header("a", "F64", "[4294967296,4294967296,0]", 0, 0), ""), []string{"overflows"}},
		{"number above 64 bits", raw(header("a", "U8", "[18446744073709551616]", 0, 0), ""), []string{"shape", "not an integer"}},
		{"negative", raw(header("a", "U8", "[-1]", 0, 0), ""), []string{"shape", "not an integer"}},
		{"fraction", raw(header("a", "U8", "[3.0]", 0, 3), "abc"), []string{"not an integer"}},
		{"null dimension", raw(header("a", "U8", "[null]", 0, 0), ""), []string{"not an integer"}},
		{"quoted dimension", raw(header("a", "U8", `["3"]`, 0, 3), "abc"), []string{"not an integer"}},
		{"nested shape", raw(header("a", "U8", `[[3]]`, 0, 3), "abc"), []string{"not an integer"}},
		{"null shape", raw(header("a", "U8", "null", 0, 1), "a"), []string{"shape: missing"}},
		{"no shape", raw(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, "a"), []string{"shape: missing"}},
		{"no dtype", raw(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, "a"), []string{"dtype is missing"}},
		{"shape in other case", raw(`{"a":{"dtype":"U8","Shape":[1],"data_offsets":[0,1]}}`, "a"), []string{`"Shape"`}},
		{"unknown member", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"zip":1}}`, "a"), []string{`"zip"`}},
		{"three offsets", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, "a"), []string{"data_offsets are [0 1 2]"}},
		{"offsets reversed", raw(header("a", "U8", "[1]", 1, 0), "a"), []string{"begin ≤ end"}},
		{"offsets at the end of the range", raw(header("a", "U8", "[1]", 0, 1, "b", "U8", "[1152921504606846976]", 1, uint64(1<<60+1)), "a"), []string{`tensor "b"`, "wants 1152921504606846976 bytes"}},
		{"offsets that wrap around", raw(header("a", "U8", "[1]", uint64(math.MaxUint64-8), uint64(math.MaxUint64-7)), "a"), []string{`tensor "a"`, "begins at byte 18446744073709551607 of the data"}},
		{"entry is null", raw(`{"a":null}`, ""), []string{"not an object"}},
		{"metadata of numbers", raw(`{"__metadata__":{"n":1}}`, ""), []string{"__metadata__", "not a string"}},
		{"metadata is a list", raw(`{"__metadata__":[]}`, ""), []string{"__metadata__"}},
		{"no tensors", raw(`{}`, ""), []string{"no tensors"}},
		{"git lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), []string{"git lfs pull"}},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), fstest.MapFS{"m.safetensors": file(test.data)}, Options{})
		want := test.want
		if test.name != "no tensors" {
			want = append(want, `"m.safetensors"`)
		}
		wantError(t, test.name, err, want...)
	}
}

func TestDigestRefusesDirectory(t *testing.T) {
	with := func(dir fstest.MapFS, extra ...string) fstest.MapFS {
		for i := 0; i < len(extra); i += 2 {
			dir[extra[i]] = file([]byte(extra[i+1]))
		}
		return dir
	}
	index := func(weightMap string) fstest.MapFS { return sharded(t, `{"weight_map":`+weightMap+`}`) }
	tests := []struct {
		name string
		dir  fstest.MapFS
		want []string
	}{
		{"nothing", fstest.MapFS{}, []string{"no weights"}},
		{"config only", with(fstest.MapFS{}, "config.json", "{}"), []string{"no weights"}},
		{"another format only", with(fstest.MapFS{}, "tf_model.h5", "HDF"), []string{`"tf_model.h5"`, "convert"}},
		{"case twins", two(t, "vocab.txt", "x", "Vocab.txt", "y"), []string{`"Vocab.txt"`, `"vocab.txt"`, "case"}},
		{"case twins of folders", two(t, "a/x.txt", "x", "A/x.txt", "y"), []string{`"A/x.txt"`, `"a/x.txt"`, "case"}},
		{"only in a folder", with(fstest.MapFS{}, "unet/m.safetensors", "x"), []string{`"unet/m.safetensors"`, "top"}},
		{"adapter without weights", two(t, "adapter_config.json", "{}"), []string{`"adapter_config.json"`, "adapter_model.safetensors"}},
		{"adapter without weights in a folder", two(t, "vision-lora/adapter_config.json", "{}", "adapter_model.safetensors", "x"), []string{`"vision-lora/adapter_config.json"`}},
		{"two variants", with(two(t), "model.fp16.safetensors", string(two(t)["model.safetensors"].Data)), []string{"tensor", "keep one variant", `"model.fp16.safetensors"`, `"model.safetensors"`}},
		{"several indexes", with(sharded(t, indexOfTwo), "x.safetensors.index.json", "{}"), []string{`"model.safetensors.index.json", "x.safetensors.index.json"`}},
		{"index names a missing file", index(`{"a":"one.safetensors","b":"three.safetensors"}`), []string{`"three.safetensors"`, "not in the directory", `"model.safetensors.index.json"`}},
		{"index names a path", index(`{"a":"../one.safetensors"}`), []string{`"../one.safetensors"`}},
		{"index names a Windows path", index(`{"a":"x\\one.safetensors"}`), []string{"beside the index"}},
		{"index names a folder", index(`{"a":".."}`), []string{`".."`}},
		{"index names another format", with(index(`{"a":"m.bin"}`), "m.bin", ""), []string{`"m.bin"`}},
		{"index with null", index(`{"a":null}`), []string{`tensor "a"`}},
		{"index of nothing", index(`{}`), []string{"no tensors"}},
		{"index without map", sharded(t, `{"Weight_Map":{"a":"one.safetensors"}}`), []string{"weight_map is missing"}},
		{"index with duplicate names", index(`{"a":"one.safetensors","a":"two.safetensors"}`), []string{`duplicate name "a"`}},
		{"index has tensors swapped", index(`{"b":"one.safetensors","a":"two.safetensors"}`), []string{`tensor "a"`, "one.safetensors", "two.safetensors"}},
		{"index has a tensor too many", index(`{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"}`), []string{`tensor "c" is not in "two.safetensors"`}},
		{"index lacks a tensor", func() fstest.MapFS {
			dir := index(`{"a":"one.safetensors"}`)
			dir["one.safetensors"] = two(t)["model.safetensors"]
			return dir
		}(), []string{`tensor "b"`, "no file"}},
		{"index is a pointer", sharded(t, "version https://git-lfs.github.com/spec/v1\n"), []string{"git lfs pull"}},
		{"tokenizer is a pointer", two(t, "tokenizer.json", "version https://git-lfs.github.com/spec/v1\n"), []string{`"tokenizer.json"`, "git lfs pull"}},
		{"duplicate name in config", two(t, "config.json", `{"a":1,"a":2}`), []string{`"config.json"`, `duplicate name "a" at byte 7`}},
		{"duplicate name in config beside infinity", two(t, "config.json", `{"x":"Infinity","t":[0,Infinity,-Infinity,NaN],"x":2}`), []string{`duplicate name "x"`}},
		{"duplicate name in tokenizer config", two(t, "tokenizer_config.json", `{"chat_template":"a","chat_template":"b"}`), []string{`"tokenizer_config.json"`, "duplicate name"}},
		{"duplicate name in chat template", two(t, "chat_template.json", `{"chat_template":"a","chat_template":"b"}`), []string{`"chat_template.json"`, "duplicate name"}},
		{"config is a list", two(t, "config.json", `[]`), []string{`"config.json"`, "object"}},
		{"empty config", two(t, "config.json", ``), []string{`"config.json"`}},
		{"chat template is an object", two(t, "tokenizer_config.json", `{"chat_template":{}}`), []string{"chat_template", "string or a list"}},
		{"chat template is ambiguous", two(t, "tokenizer_config.json", `{"chat_template":[9007199254740993]}`), []string{"chat_template", "not exact"}},
		{"device", fstest.MapFS{"m.safetensors": {Mode: fs.ModeDevice}}, []string{`"m.safetensors"`, "regular file"}},
		{"link", func() fstest.MapFS {
			dir := two(t)
			dir["config.json"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../etc/passwd")}
			return dir
		}(), []string{`"config.json"`, "symbolic link"}},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), test.dir, Options{})
		wantError(t, test.name, err, test.want...)
	}
}

func TestDigestUncovered(t *testing.T) {
	dir := sharded(t, indexOfTwo)
	for _, name := range []string{
		"consolidated.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "onnx/model.onnx_data",
		"flax_model.msgpack", "x.GGUF", "old/model.safetensors", "a.ckpt", "a.pt", "a.pth", "model.data-00000-of-00001",
		"README.md", "tokenizer.model", ".cache/huggingface/x.bin", ".git/x.bin",
	} {
		dir[name] = file([]byte("x"))
	}
	want := []string{
		"a.ckpt", "a.pt", "a.pth", "consolidated.safetensors", "flax_model.msgpack", "model.data-00000-of-00001",
		"old/model.safetensors", "onnx/model.onnx", "onnx/model.onnx_data", "pytorch_model.bin", "tf_model.h5", "x.GGUF",
	}
	m := digest(t, dir)
	if diff := cmp.Diff(want, m.Uncovered); diff != "" {
		t.Errorf("uncovered differs (-want +got):\n%s", diff)
	}
	if f := find(m.Files, ".git/x.bin"); f != nil {
		t.Errorf("package covers %q", f.Path)
	}
	if got := digest(t, two(t)).Uncovered; got == nil || len(got) > 0 {
		t.Errorf("uncovered = %#v, want an empty list", got)
	}
}

// Only what PROTOCOL §3 names makes a role; every file is in the package.
func TestDigestRoles(t *testing.T) {
	names := func(m *Model) string {
		var out []string
		for _, r := range m.Roles {
			out = append(out, r.Role)
		}
		return strings.Join(out, " ")
	}
	tests := []struct {
		extra []string
		want  string
	}{
		{nil, "weights"},
		{[]string{"README.md", "x", "sub/config.json", "bad", "sub/tokenizer.json", "x", ".gitattributes", "x"}, "weights"},
		{[]string{"config.json", `{"t":[0.0,Infinity],"big":1e400}`}, "weights config"},
		{[]string{"qwen.tiktoken", "x", "merges.txt", "x"}, "weights tokenizer"},
		{[]string{"sub/qwen.tiktoken", "x"}, "weights"},
		{[]string{"video_preprocessor_config.json", "not JSON", "sub/a.py", "", "generation_config.json", ""}, "weights generation-config preprocessor code"},
		{[]string{"tokenizer_config.json", `{"chat_template":null}`}, "weights tokenizer"},
		{[]string{"tokenizer_config.json", `{"Chat_Template":"x"}`}, "weights tokenizer"},
	}
	for _, test := range tests {
		m := digest(t, two(t, test.extra...))
		if got := names(m); got != test.want {
			t.Errorf("roles of %q = %q, want %q", test.extra, got, test.want)
		}
		if want := 1 + len(test.extra)/2; len(m.Files) != want {
			t.Errorf("%q: %d files in the package, want %d", test.extra, len(m.Files), want)
		}
	}
}

func TestDigestChatTemplate(t *testing.T) {
	jinja := []string{"chat_template.jinja", "J\n"}
	object := []string{"chat_template.json", `{"chat_template":"O\u00e9"}`}
	tokenizer := []string{"tokenizer_config.json", `{"chat_template":"T","model_max_length":1000000000000000019884624838656}`}
	listed := []string{"tokenizer_config.json", `{"chat_template":[ {"template":"T","name":"default"} ]}`}
	tests := []struct {
		extra []string
		want  string
	}{
		{slices.Concat(jinja, object, tokenizer), "J\n"},
		{slices.Concat(object, tokenizer), "Oé"},
		{tokenizer, "T"},
		{slices.Concat([]string{"chat_template.json", `{}`}, tokenizer), "T"},
		{listed, `[{"name":"default","template":"T"}]`},
	}
	for _, test := range tests {
		m := digest(t, two(t, test.extra...))
		if got := roleDigest(m, "chat-template"); got != sum([]byte(test.want)) {
			t.Errorf("chat-template of %q = %s, want H(%q)", test.extra, got, test.want)
		}
	}
}

func TestID(t *testing.T) {
	tests := []struct {
		roles string
		want  string // of the error; empty for none
	}{
		{"weights", ""},
		{"weights config tokenizer chat-template generation-config preprocessor code gguf-kv adapter/0 adapter/1", ""},
		{"", "at least one"},
		{"config weights", "out of order"},
		{"weights weights", "repeated"},
		{"weights Config", "unknown"},
		{"weights adapter/1", "unknown"},
		{"weights adapter/00", "unknown"},
		{"weights adapter/0 adapter/0", "unknown"},
		{"adapter/0 weights", "out of order"},
	}
	for _, test := range tests {
		var roles []Role
		for _, name := range strings.Fields(test.roles) {
			roles = append(roles, Role{Role: name})
		}
		_, err := ID(roles)
		if test.want == "" && err != nil {
			t.Errorf("ID(%s) = %v", test.roles, err)
		} else if test.want != "" {
			wantError(t, test.roles, err, test.want)
		}
	}
}

// hookFS calls a function when a file is opened.
type hookFS struct {
	fstest.MapFS
	opened func(name string)
}

func (h hookFS) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	h.opened(name)
	return f, err
}

func (h hookFS) ReadFile(name string) ([]byte, error) {
	data, err := h.MapFS.ReadFile(name)
	h.opened(name)
	return data, err
}

func TestDigestRefusesChange(t *testing.T) {
	tests := []struct {
		name string
		do   func(dir fstest.MapFS)
		want []string
	}{
		{"rewritten", func(dir fstest.MapFS) {
			dir["z.txt"] = &fstest.MapFile{Data: []byte("z"), Mode: 0o644, ModTime: time.Unix(1, 0)}
		}, []string{`"z.txt"`, "changed"}},
		{"longer", func(dir fstest.MapFS) { dir["z.txt"] = file([]byte("zz")) }, []string{`"z.txt"`, "changed"}},
		{"removed", func(dir fstest.MapFS) { delete(dir, "z.txt") }, []string{"z.txt"}},
		{"added", func(dir fstest.MapFS) { dir["late.txt"] = file(nil) }, []string{`"late.txt"`, "added"}},
		{"weights read earlier", func(dir fstest.MapFS) {
			dir["model.safetensors"] = &fstest.MapFile{Data: dir["model.safetensors"].Data, Mode: 0o644, ModTime: time.Unix(1, 0)}
		}, []string{`"model.safetensors"`, "changed"}},
	}
	for _, test := range tests {
		dir := two(t, "z.txt", "z")
		done := false
		_, err := Digest(context.Background(), hookFS{dir, func(name string) {
			if name == "z.txt" && !done {
				done = true
				test.do(dir)
			}
		}}, Options{Workers: 1})
		wantError(t, test.name, err, test.want...)
	}
	index := sharded(t, indexOfTwo)
	times := 0
	_, err := Digest(context.Background(), hookFS{index, func(name string) {
		if name == "model.safetensors.index.json" {
			if times++; times == 1 {
				index[name] = file([]byte(strings.Replace(indexOfTwo, "7", "8", 1)))
			}
		}
	}}, Options{Workers: 1})
	wantError(t, "index rewritten", err, `"model.safetensors.index.json"`, "changed")
}

// growing is a file that is longer than it says.
type growing struct{ fs.File }

func (g growing) Read(p []byte) (int, error) { return len(p), nil }

func TestDigestRefusesEndlessFile(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := pump(ctx, growing{}, new(buffers), func(int) {}, sha256.New())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pump of an endless file = %v, want the context's error", err)
	}
}

func TestDigestProgressAndCancel(t *testing.T) {
	dir := sharded(t, indexOfTwo)
	for i := range 50 {
		dir[fmt.Sprintf("%02d.txt", i)] = file(make([]byte, i))
	}
	var last, whole int64
	m, err := Digest(context.Background(), dir, Options{Workers: 4, Progress: func(read, total int64) {
		if read < last || read > total {
			t.Errorf("progress went from %d to %d of %d", last, read, total)
		}
		last, whole = read, total
	}})
	if err != nil {
		t.Fatal(err)
	}
	if last != whole || last == 0 {
		t.Errorf("progress ended at %d of %d", last, whole)
	}
	if one := must(Digest(context.Background(), dir, Options{Workers: 1})); one.Package != m.Package || one.ID != m.ID {
		t.Error("digest depends on the number of workers")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Digest(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Digest with a cancelled context = %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte(header("a", "U8", "[3]", 0, 3, "b", "F16", "[2]", 3, 7)), uint64(7))
	f.Add([]byte(`{"__metadata__":{"format":"pt"},"x":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]}} `), uint64(2))
	f.Add([]byte(`{}`), uint64(0))
	f.Fuzz(func(t *testing.T, head []byte, size uint64) {
		spans, err := headerOf(head, size)
		if err != nil {
			return
		}
		var end uint64
		for _, s := range spans {
			need, err := sizeOf(s.DType, s.Shape)
			if err != nil || s.begin-lengthSize-uint64(len(head)) != end || s.Size != need {
				t.Fatalf("accepted span %+v at %d", s, end)
			}
			end += s.Size
		}
		if end != size {
			t.Fatalf("accepted tensors of %d bytes for %d", end, size)
		}
		if size > 1<<16 {
			return
		}
		// What is written from the tensors is the same model.
		file := append(raw(string(head), ""), make([]byte, size)...)
		first, data := feed(t, file, len(file)), []TensorData(nil)
		for _, x := range first {
			data = append(data, TensorData{x.Name, x.DType, x.Shape, make([]byte, x.Size)})
		}
		again := encode(t, data...)
		if diff := diffTensors(first, feed(t, again, len(again))); len(diff) > 0 || len(first) != len(spans) {
			t.Fatalf("tensors change when written again: %q", diff)
		}
	})
}

// headerOf parses a header with so many bytes of data behind it.
func headerOf(head []byte, data uint64) ([]span, error) {
	begin := uint64(lengthSize + len(head))
	if data > 1<<63 {
		return nil, errors.New("no file is so large")
	}
	return parseHeader(source{bytes.NewReader(raw(string(head), "")), begin + data}, begin, &room{})
}

// feed hashes the tensors of a safetensors file that comes in pieces of a size.
func feed(t *testing.T, data []byte, size int) []Tensor {
	t.Helper()
	l := must(readSafetensors(source{bytes.NewReader(data), uint64(len(data))}, &room{}))
	s := newPieceSum(l)
	for piece := range slices.Chunk(data, size) {
		s.Write(piece)
	}
	return l.hashed()
}

// BenchmarkDigest reports how many times the duration of SHA-256 alone over the
// same bytes it takes to hash a single file and its tensors.
func BenchmarkDigest(b *testing.B) {
	const size = 128 << 20
	data := encode(b,
		TensorData{"a", "U8", []uint64{size / 2}, make([]byte, size/2)},
		TensorData{"b", "U8", []uint64{size / 2}, make([]byte, size/2)})
	dir := fstest.MapFS{"m.safetensors": file(data)}
	b.SetBytes(int64(len(data)))
	var alone time.Duration
	for b.Loop() {
		if _, err := Digest(context.Background(), dir, Options{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		start := time.Now()
		sha256.Sum256(data)
		alone += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(alone), "×sha256")
}
