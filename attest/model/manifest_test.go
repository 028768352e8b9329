package model

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func manifest(t testing.TB, dir fstest.MapFS) string {
	t.Helper()
	m := digest(t, dir)
	data, err := m.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestManifest(t *testing.T) {
	dirs := map[string]fstest.MapFS{
		"plain": two(t),
		"full": two(t, "config.json", "{}", "tokenizer_config.json", `{"chat_template":"x"}`,
			"a.py", "", "x.bin", "y", "o/model.onnx", "y", "nämé <&>\u2028.txt", "z", "vocab.txt", "v"),
		"jinja":   two(t, "chat_template.jinja", "x"),
		"indexed": sharded(t, indexOfTwo),
		"scalar":  {"m.safetensors": file(encode(t, TensorData{"s", "F32", nil, make([]byte, 4)}))},
		"gguf":    gguf(tiny().bytes(), "left.safetensorz", "x", "left.bin", "y"),
		"splits":  splits(t),
		"adapter": adapter(t),
		"adapters": two(t, "b/adapter_config.json", `{"r":8}`, "b/adapter_model.safetensors", string(encode(t, TensorData{"x", "U8", []uint64{1}, []byte("y")})),
			"a/adapter_config.json", `{"r":8}`, "a/adapter_model.safetensors", string(encode(t, TensorData{"x", "U8", nil, []byte("y")}))),
		"large": {"m.safetensors": file(encode(t, TensorData{"s", "U8", []uint64{MaxBlob}, make([]byte, MaxBlob)}))},
	}
	for name, dir := range dirs {
		want := digest(t, dir)
		data, err := want.Manifest()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := ParseManifest(data)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, data)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: model differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	good := manifest(t, two(t, "config.json", "{}", "left.bin", "x", "tokenizer.json", "t"))
	m := digest(t, two(t, "config.json", "{}", "left.bin", "x", "tokenizer.json", "t"))
	tests := []struct{ name, old, new, want string }{
		{"space", `{"files"`, `{ "files"`, "canonical"},
		{"trailing data", `{"files"`, `{}{"files"`, "data after"},
		{"unknown member", `{"files"`, `{"a":1,"files"`, "unknown"},
		{"other case", `"uncovered"`, `"uncovereD"`, ""},
		{"no list", `"uncovered":["left.bin"]`, `"uncovered":null`, "left.bin"},
		{"package", m.Package.String(), m.ID.String(), "package is"},
		{"modelID", `"modelID":"` + m.ID.String(), `"modelID":"` + m.Package.String(), "modelID is"},
		{"upper case", m.ID.String(), strings.ToUpper(m.ID.String()), "lower-case"},
		{"tensor hash", m.Tensors[0].SHA256.String(), m.ID.String(), "role 0 is not weights"},
		{"tensor name", `"name":"a"`, `"name":"c"`, "ascend"},
		{"tensor size", `"shape":[3],"size":3`, `"shape":[3],"size":4`, "needs 3"},
		{"tensor dtype", `"dtype":"U8"`, `"dtype":"X8"`, "dtype"},
		{"file size", `"path":"config.json"`, `"path":"config.jsom"`, "package is"},
		{"file hash", sum([]byte("{}")).String(), m.ID.String(), "package is"},
		{"path up", `"path":"config.json"`, `"path":"../fig.json"`, "not a path"},
		{"path is absolute", `"path":"config.json"`, `"path":"/onfig.json"`, "not a path"},
		{"git blob", find(m.Files, "config.json").GitBlob.String(), GitBlob{}.String(), "git blob"},
		{"short git blob", find(m.Files, "config.json").GitBlob.String(), "00", "git blob"},
		{"role left out", `{"digest":"` + sum([]byte("{}")).String() + `","role":"config"},`, "", "role 1"},
		{"role added", `"role":"tokenizer"}]`, `"role":"tokenizer"},{"digest":"` + m.ID.String() + `","role":"code"}]`, "nothing in the files"},
		{"chat template from nowhere", `"role":"tokenizer"}]`, `"role":"tokenizer"},{"digest":"` + m.ID.String() + `","role":"chat-template"}]`, "nothing in the files"},
		{"uncovered hidden", `["left.bin"]`, `[]`, "left.bin"},
		{"uncovered invented", `["left.bin"]`, `["left.bin","z.bin"]`, "z.bin"},
		{"uncovered shard", `["left.bin"]`, `["left.bin","model.safetensors"]`, "nothing excludes"},
	}
	for _, test := range tests {
		bad := strings.Replace(good, test.old, test.new, 1)
		if bad == good {
			t.Errorf("%s: %q is not in the manifest", test.name, test.old)
			continue
		}
		_, err := ParseManifest([]byte(bad))
		wantError(t, test.name, err, test.want)
	}
	// The same refusals keep such a manifest from being written.
	m.Uncovered = nil
	_, err := m.Manifest()
	wantError(t, "Manifest", err, "left.bin")
	_, err = new(Model).Manifest()
	wantError(t, "Manifest of nothing", err, "no tensors")
}

// The example in the package's documentation is a manifest.
func TestManifestExample(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var example bytes.Buffer
	for line := range bytes.Lines(source) {
		if text, ok := bytes.CutPrefix(line, []byte("//\t")); ok {
			example.Write(bytes.TrimRight(text, "\r\n"))
		}
	}
	want := manifest(t, fstest.MapFS{"model.safetensors": file(encode(t, TensorData{"bias", "F32", []uint64{2}, make([]byte, 8)}))})
	if got := example.String(); got != want {
		t.Errorf("example is\n%s\nwant\n%s", got, want)
	}
	if _, err := ParseManifest(example.Bytes()); err != nil {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifest(f, two(f))))
	f.Add([]byte(manifest(f, two(f, "config.json", "{}", "x.bin", "", "tokenizer_config.json", `{"chat_template":"x"}`))))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		again, err := m.Manifest()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("manifest is written as %q, %v; want %q", again, err, data)
		}
	})
}

func TestWriteRefuses(t *testing.T) {
	ok := TensorData{"a", "U8", []uint64{1}, []byte("x")}
	tests := []struct {
		name string
		data []TensorData
		want string
	}{
		{"size", []TensorData{{"a", "F32", []uint64{1}, []byte("x")}}, "needs 4"},
		{"dtype", []TensorData{{"a", "X", nil, nil}}, "dtype"},
		{"twice", []TensorData{ok, ok}, "repeated"},
		{"reserved", []TensorData{{metadataName, "U8", []uint64{1}, []byte("x")}}, "reserved"},
		{"not UTF-8", []TensorData{{"\xff", "U8", []uint64{1}, []byte("x")}}, "UTF-8"},
	}
	for _, test := range tests {
		wantError(t, test.name, Write(new(bytes.Buffer), test.data), test.want)
	}
	x := TensorData{"x", "F4", []uint64{2}, []byte("y")}
	if !bytes.Equal(encode(t, ok, x), encode(t, x, ok)) {
		t.Error("the file depends on the order of its tensors")
	}
}
