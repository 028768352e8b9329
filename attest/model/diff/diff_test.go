package diff

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

func tensor(name, data string, shape ...uint64) model.TensorData {
	return model.TensorData{Name: name, DType: "U8", Shape: shape, Data: []byte(data)}
}

// base is a model of three layers and an embedding.
func base() []model.TensorData {
	out := []model.TensorData{tensor("embed.weight", "abcdef", 2, 3)}
	for i := range 3 {
		out = append(out, tensor(fmt.Sprintf("layers.%d.up.weight", i), strings.Repeat(string(rune('a'+i)), 6), 3, 2),
			tensor(fmt.Sprintf("layers.%d.bias", i), "\x00\x00", 2))
	}
	return out
}

// dir is a model directory of these tensors and files.
func dir(t testing.TB, tensors []model.TensorData, files ...string) fstest.MapFS {
	t.Helper()
	var b bytes.Buffer
	if err := model.Write(&b, tensors); err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{"model.safetensors": {Data: b.Bytes()}}
	for i := 0; i < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

// side is what a directory says of itself.
func side(t testing.TB, name string, files fstest.MapFS) *Side {
	t.Helper()
	m, err := model.Digest(context.Background(), files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := FromModel(name, "directory", m)
	s.Read = func(path string) ([]byte, error) { return fs.ReadFile(files, path) }
	return s
}

func compare(t testing.TB, a, b *Side) *Report {
	t.Helper()
	r, err := Models(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSame(t *testing.T) {
	a := side(t, "a", dir(t, base(), "config.json", "{}", "README.md", "one"))
	b := side(t, "b", dir(t, base(), "config.json", "{}", "README.md", "two"))
	r := compare(t, a, b)
	if r.Answer != Same {
		t.Errorf("answer is %q, want same: a README is outside the modelID", r.Answer)
	}
	if n := r.Weights.Different(); n.Tensors != 0 || r.Weights.Same.Tensors != 7 {
		t.Errorf("%d tensors the same, %d not, want 7 and 0", r.Weights.Same.Tensors, n.Tensors)
	}
	if len(r.Files) != 1 || r.Files[0].Path != "README.md" || r.Files[0].State != Changed || r.Files[0].Role != "" {
		t.Errorf("files that differ: %+v, want README.md, of no role", r.Files)
	}
}

// Resharding changes files and no tensor.
func TestResharded(t *testing.T) {
	all := base()
	parts := dir(t, all[:3])
	parts["model-1.safetensors"] = parts["model.safetensors"]
	delete(parts, "model.safetensors")
	parts["model-2.safetensors"] = dir(t, all[3:])["model.safetensors"]
	r := compare(t, side(t, "a", dir(t, all)), side(t, "b", parts))
	if r.Answer != Same || len(r.Files) != 3 {
		t.Errorf("%s, %d files differ, want same and 3", r.Answer, len(r.Files))
	}
}

func TestTensors(t *testing.T) {
	change := func(f func(all []model.TensorData) []model.TensorData) *Weights {
		return compare(t, side(t, "a", dir(t, base())), side(t, "b", dir(t, f(base())))).Weights
	}
	names := func(w *Weights) string {
		var out []string
		for what, pairs := range map[string][]Pair{"changed": w.Changed, "cast": w.Cast, "reshaped": w.Reshaped, "renamed": w.Renamed} {
			for _, p := range pairs {
				out = append(out, what+" "+p.First.Name+" "+p.Second.Name)
			}
		}
		for what, list := range map[string][]model.Tensor{"added": w.Added, "removed": w.Removed} {
			for _, x := range list {
				out = append(out, what+" "+x.Name)
			}
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	layers := func(w *Weights) string {
		var out []string
		for _, l := range w.Layers {
			out = append(out, fmt.Sprintf("%s %d/%d %d/%d", l.Name, l.Different.Tensors, l.All.Tensors, l.Different.Parameters, l.All.Parameters))
		}
		return strings.Join(out, ", ")
	}
	const untouched = "layers.0 0/2 0/8, layers.1 0/2 0/8, layers.2 0/2 0/8"
	for _, tt := range []struct {
		name, want, layers string
		f                  func(all []model.TensorData) []model.TensorData
	}{
		{"one bit", "changed layers.1.up.weight layers.1.up.weight", "embed 0/1 0/6, layers.0 0/2 0/8, layers.1 1/2 6/8, layers.2 0/2 0/8",
			func(all []model.TensorData) []model.TensorData { all[3].Data[0] ^= 1; return all }},
		{"cast", "cast embed.weight embed.weight", "embed 1/1 6/6, " + untouched,
			func(all []model.TensorData) []model.TensorData { all[0].DType = "I8"; return all }},
		{"transposed shape", "reshaped embed.weight embed.weight", "embed 1/1 6/6, " + untouched,
			func(all []model.TensorData) []model.TensorData { all[0].Shape = []uint64{3, 2}; return all }},
		// A new name is another layer's, but the tensor counts once, where it was.
		{"renamed", "renamed embed.weight wte.weight", "embed 1/1 6/6, " + untouched,
			func(all []model.TensorData) []model.TensorData { all[0].Name = "wte.weight"; return all }},
		// Three biases are zeros alike: two that go and one that comes are one rename
		// and one removal.
		{"renamed among equals", "removed layers.2.bias, renamed layers.1.bias layers.1.b", "embed 0/1 0/6, layers.0 0/2 0/8, layers.1 1/2 2/8, layers.2 1/2 2/8",
			func(all []model.TensorData) []model.TensorData {
				all[4].Name = "layers.1.b"
				return slices.Delete(all, 6, 7)
			}},
		{"added and removed", "added layers.10.bias, removed embed.weight", "embed 1/1 6/6, " + untouched + ", layers.10 1/1 3/3",
			func(all []model.TensorData) []model.TensorData {
				return append(all[1:], tensor("layers.10.bias", "\x00\x00\x00", 3))
			}},
	} {
		w := change(tt.f)
		if got := names(w); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if got := layers(w); got != tt.layers {
			t.Errorf("%s: layers %s, want %s", tt.name, got, tt.layers)
		}
		counted := len(w.Changed) + len(w.Cast) + len(w.Reshaped) + len(w.Renamed)
		if w.Same.Tensors+counted+len(w.Removed) != w.First.Tensors || w.Same.Tensors+counted+len(w.Added) != w.Second.Tensors {
			t.Errorf("%s: not every tensor is counted once: %+v", tt.name, w)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{`{"a":1,"b":2}`, `{"b":2, "a":1}`, ``},
		{`{"a":0.00001}`, `{"a":1e-5}`, ``},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, `/a 9007199254740993 9007199254740992`}, // not as float64
		{`{"a":1e999999999}`, `{"a":1e999999998}`, `/a 1e999999999 1e999999998`},
		{`{"a":null}`, `{}`, `/a null `},
		{`{}`, `{"x":{"y":1}}`, `/x  {"y":1}`},
		{`{"x":{"y~/":1}}`, `{"x":{"y~/":"1"}}`, `/x/y~0~1 1 "1"`},
		{`{"l":[1,2,3]}`, `{"l":[1,4,3]}`, `/l/1 2 4`},
		{`{"l":[1]}`, `{"l":[1,2]}`, `/l [1] [1,2]`},
		{`{"l":[1]}`, `{"l":{}}`, `/l [1] {}`},
		{`{"l":"<a>"}`, `{"l":true}`, `/l "<a>" true`},
		{`[1]`, `{}`, ` [1] {}`},
	} {
		d := compareJSON("x.json", []byte(tt.a), []byte(tt.b))
		var got []string
		for _, m := range d.Members {
			got = append(got, fmt.Sprintf("%s %s %s", m.Pointer, m.First, m.Second))
		}
		if strings.Join(got, "; ") != tt.want || d.Text != "" {
			t.Errorf("%s and %s: %q %q, want %q", tt.a, tt.b, got, d.Text, tt.want)
		}
	}
	long := func(n int) []byte {
		raw, _ := json.Marshal(map[string]any{"l": slices.Repeat([]int{7}, n)})
		return raw
	}
	d := compareJSON("x.json", long(100), long(101))
	if len(d.Members) != 1 || !strings.Contains(d.Members[0].Note, "100 elements and one of 101, which differ from element 100 on") {
		t.Errorf("one more in a long list: %+v", d.Members)
	}
	if d := compareJSON("x.json", []byte(`{"a":NaN}`), []byte(`{"a":1}`)); !strings.Contains(d.Text, "+{\"a\":1}") {
		t.Errorf("NaN: %+v, want the difference of the texts", d)
	}
	if d := compareJSON("x.json", []byte(`{"a":1,"a":2}`), []byte(`{"a":2}`)); d.Text == "" {
		t.Error("a repeated member counts as read")
	}
}

func TestTemplate(t *testing.T) {
	long := strings.Repeat("x", longLine)
	a := side(t, "a", dir(t, base(), "tokenizer_config.json", `{"chat_template":"`+long+`{% if a %}A{% endif %}"}`))
	b := side(t, "b", dir(t, base(), "tokenizer_config.json", `{}`, "chat_template.jinja", long+"{% if b %}A{% endif %}"))
	r := compare(t, a, b)
	if !strings.Contains(r.Template, "\n-{% if a %}A\n") || !strings.Contains(r.Template, "\n+{% if b %}A\n") {
		t.Errorf("the tag that differs is not a line of its own:\n%s", r.Template)
	}
	if r := compare(t, a, a); r.Template != "" {
		t.Errorf("template of one model differs from itself: %s", r.Template)
	}
}

func TestChangedMeanwhile(t *testing.T) {
	files := dir(t, base(), "config.json", `{"a":1}`)
	a, b := side(t, "a", dir(t, base(), "config.json", "{}")), side(t, "b", files)
	files["config.json"] = &fstest.MapFile{Data: []byte(`{"a":2}`)}
	if _, err := Models(a, b); err == nil || !strings.Contains(err.Error(), `b: "config.json" changed while`) {
		t.Errorf("error %v, want one that says the file changed", err)
	}
}

// What one side does not tell is never taken for equal.
func TestHalfKnown(t *testing.T) {
	full := side(t, "full", dir(t, base(), "config.json", "{}", "vocab.json", "{}"))
	drop := func(f func(s *Side)) *Side {
		s := *full
		s.Read = nil
		f(&s)
		return &s
	}
	other := attest.Hash{1}
	for _, tt := range []struct {
		name    string
		s       *Side
		want    Answer
		unknown int
	}{
		{"all", drop(func(*Side) {}), Same, 0},
		{"only the id", drop(func(s *Side) { s.Roles, s.Tensors, s.Files = nil, nil, nil }), Same, 0},
		{"only the id, and another package", drop(func(s *Side) { s.Package, s.Roles, s.Tensors, s.Files = &other, nil, nil, nil }), Same, 1},
		{"only another id", drop(func(s *Side) { s.ID, s.Roles, s.Tensors, s.Files = &other, nil, nil, nil }), Different, 2},
		{"nothing", drop(func(s *Side) { s.ID, s.Roles, s.Tensors, s.Files = nil, nil, nil, nil }), Undecided, 2},
		{"a listing with SHA-256 of all", drop(func(s *Side) { s.ID, s.Roles, s.Tensors = nil, nil, nil }), Same, 0},
		{"a listing with SHA-1 of one", drop(func(s *Side) {
			s.ID, s.Roles, s.Tensors = nil, nil, nil
			s.Files = slices.Clone(s.Files)
			s.Files[0].SHA256 = nil
		}), Undecided, 1},
		{"a listing with another SHA-1 of one", drop(func(s *Side) {
			s.ID, s.Roles, s.Tensors = nil, nil, nil
			s.Files = slices.Clone(s.Files)
			s.Files[0].SHA256, s.Files[0].Blob = nil, &model.GitBlob{1}
		}), Different, 1},
		{"a listing with other weights", drop(func(s *Side) { // perhaps cut in another way
			s.ID, s.Roles, s.Tensors = nil, nil, nil
			s.Files = slices.Clone(s.Files)
			s.Files[1].SHA256 = &other
		}), Undecided, 1},
		{"a listing without a tokenizer", drop(func(s *Side) {
			s.ID, s.Roles, s.Tensors = nil, nil, nil
			s.Files = slices.Clone(s.Files)[:2]
		}), Different, 0},
		{"a partial listing without a tokenizer", drop(func(s *Side) {
			s.ID, s.Roles, s.Tensors, s.Partial = nil, nil, nil, "it may"
			s.Files = slices.Clone(s.Files)[:2]
		}), Undecided, 1},
		{"a partial listing of all", drop(func(s *Side) { s.ID, s.Roles, s.Tensors, s.Partial = nil, nil, nil, "it may" }), Undecided, 1},
	} {
		r := compare(t, full, tt.s)
		if r.Answer != tt.want || len(r.Unknown) != tt.unknown {
			t.Errorf("%s: %s, unknown %q, roles %+v; want %s and %d unknown", tt.name, r.Answer, r.Unknown, r.Roles, tt.want, tt.unknown)
		}
	}
}

func TestLayerOf(t *testing.T) {
	got := map[string]string{}
	for _, name := range []string{"model.layers.12.mlp.up.weight", "lm_head.weight", "weight", "h.0", "a.b.c", "blk.3.attn.2.q", ".1.x"} {
		got[name] = layerOf(name)
	}
	want := map[string]string{"model.layers.12.mlp.up.weight": "model.layers.12", "lm_head.weight": "lm_head", "weight": "weight",
		"h.0": "h.0", "a.b.c": "a.b", "blk.3.attn.2.q": "blk.3", ".1.x": ".1"}
	if !maps.Equal(got, want) {
		t.Errorf("layers %v, want %v", got, want)
	}
	names := []string{"h.10", "h.2", "h.0", "a", "h.02", "h"}
	slices.SortFunc(names, compareNatural)
	if got := strings.Join(names, " "); got != "a h h.0 h.02 h.2 h.10" {
		t.Errorf("sorted %s", got)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2e3,{"b":null}]}`), []byte(`{"a":[1,2000]}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d := compareJSON("x", a, b)
		if bytes.Equal(a, b) && (len(d.Members) > 0 || d.Text != "") {
			t.Errorf("%q differs from itself: %+v", a, d)
		}
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
	})
}

// gguf is a model of one tensor with these values, in the order of keys.
func gguf(values ...string) fstest.MapFS {
	text := func(s string) string {
		return string(binary.LittleEndian.AppendUint64(nil, uint64(len(s)))) + s
	}
	le32 := func(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }
	le64 := func(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }
	out := "GGUF" + le32(3) + le64(1) + le64(uint64(len(values)/2))
	for i := 0; i < len(values); i += 2 {
		out += text(values[i]) + le32(8) + text(values[i+1])
	}
	out += text("blk.0.w") + le32(1) + le64(1) + le32(0) + le64(0)
	out += strings.Repeat("\x00", (32-len(out)%32)%32) + "abcd"
	return fstest.MapFS{"m.gguf": {Data: []byte(out)}}
}

func TestGGUF(t *testing.T) {
	open := func(files fstest.MapFS) *Side {
		s := side(t, "m", files)
		m, err := model.Digest(context.Background(), files, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Metadata = func() (map[string]any, error) { return model.Metadata(files, m) }
		return s
	}
	a := open(gguf("general.name", "one", "gone", "x", templateKey, "{{ a }}"))
	b := open(gguf("general.name", "two", templateKey, "{{ b }}"))
	describe := func(r *Report) string {
		var out []string
		for _, d := range r.JSON {
			for _, m := range d.Members {
				out = append(out, fmt.Sprintf("%s %s %s %s", m.Pointer, m.First, m.Second, m.Note))
			}
		}
		return strings.Join(out, "; ")
	}
	r := compare(t, a, b)
	want := `/general.name "one" "two" ; /gone "x"  ; /tokenizer.chat_template "{{ a }}" "{{ b }}" `
	if got := describe(r); got != want {
		t.Errorf("values %s, want %s", got, want)
	}
	if !strings.Contains(r.Template, "-{{ a }}\n") || !strings.Contains(r.Template, "+{{ b }}\n") {
		t.Errorf("template:\n%s", r.Template)
	}
	b.Metadata = nil
	b.Read = nil
	want = "/general.name   different; /gone   only in the first; /tokenizer.chat_template   different"
	if got := describe(compare(t, a, b)); got != want {
		t.Errorf("without values: %s, want %s", got, want)
	}
}

// An adapter's tensors are behind its role's name.
func TestAdapter(t *testing.T) {
	with := func(data string) fstest.MapFS {
		files := dir(t, []model.TensorData{tensor("lora_A", data, 2)}, "adapter_config.json", "{}")
		files["adapter_model.safetensors"] = files["model.safetensors"]
		files["model.safetensors"] = dir(t, base())["model.safetensors"]
		return files
	}
	r := compare(t, side(t, "a", with("ab")), side(t, "b", with("ac")))
	if r.Answer != Different || len(r.Weights.Changed) != 1 || r.Weights.Changed[0].First.Name != "adapter/0 lora_A" {
		t.Errorf("%s: %+v", r.Answer, r.Weights)
	}
}
