package model

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// ggufFile writes a GGUF, a wrong one too.
type ggufFile struct {
	version   uint32
	kv        [][]byte
	infos     [][]byte
	data      []byte
	tensors   uint64 // if not as many as infos
	alignment int
	end       int // zero bytes at the end
}

func le32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func le64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func ggufText(s string) []byte { return append(le64(uint64(len(s))), s...) }

func ggufKV(key string, kind uint32, raw []byte) []byte {
	return slices.Concat(ggufText(key), le32(kind), raw)
}

func ggufString(key, value string) []byte { return ggufKV(key, kvString, ggufText(value)) }

func ggufInfo(name string, kind uint32, offset uint64, shape ...uint64) []byte {
	out := append(ggufText(name), le32(uint32(len(shape)))...)
	for _, dim := range shape {
		out = append(out, le64(dim)...)
	}
	return slices.Concat(out, le32(kind), le64(offset))
}

func (g ggufFile) bytes() []byte {
	if g.version == 0 {
		g.version = 3
	}
	if g.alignment == 0 {
		g.alignment = defaultAlignment
	}
	if g.tensors == 0 {
		g.tensors = uint64(len(g.infos))
	}
	out := slices.Concat([]byte(ggufMagic), le32(g.version), le64(g.tensors), le64(uint64(len(g.kv))))
	out = append(out, bytes.Join(g.kv, nil)...)
	out = append(out, bytes.Join(g.infos, nil)...)
	if len(g.infos) > 0 {
		out = append(out, make([]byte, (g.alignment-len(out)%g.alignment)%g.alignment)...)
	}
	return slices.Concat(out, g.data, make([]byte, g.end))
}

// tiny is a GGUF of two tensors, the second of which needs padding before it.
func tiny() ggufFile {
	return ggufFile{
		kv: [][]byte{
			ggufString("general.architecture", "llama"),
			ggufKV("llama.block_count", kvU32, le32(2)),
			ggufString(templateKey, "{{ messages }}"),
			ggufKV("tokenizer.ggml.tokens", kvArray, slices.Concat(le32(kvString), le64(2), ggufText("<s>"), ggufText("\xff"))),
		},
		infos: [][]byte{ggufInfo("b", 2, 32, 32, 1), ggufInfo("a", 0, 0, 3)},
		data:  slices.Concat([]byte("abcdabcdabcd"), make([]byte, 20), bytes.Repeat([]byte("q"), 18)),
	}
}

func gguf(data []byte, extra ...string) fstest.MapFS {
	dir := fstest.MapFS{"m.gguf": file(data)}
	for i := 0; i < len(extra); i += 2 {
		dir[extra[i]] = file([]byte(extra[i+1]))
	}
	return dir
}

func TestDigestGGUF(t *testing.T) {
	m := digest(t, gguf(tiny().bytes()))
	want := []Tensor{
		{"a", "ggml:F32", []uint64{3}, 12, sum([]byte("abcdabcdabcd"))},
		{"b", "ggml:Q4_0", []uint64{32, 1}, 18, sum(bytes.Repeat([]byte("q"), 18))},
	}
	if diff := cmp.Diff(want, m.Tensors); diff != "" {
		t.Errorf("tensors differ (-want +got):\n%s", diff)
	}
	if got := roleDigest(m, "chat-template"); got != sum([]byte("{{ messages }}")) {
		t.Errorf("chat-template = %s", got)
	}
	if len(m.KV) != 4 || len(m.Roles) != 3 || m.Roles[2].Role != "gguf-kv" {
		t.Errorf("values %v, roles %v", m.KV, m.Roles)
	}
	// A file beside it says otherwise how messages become a prompt.
	if got := roleDigest(digest(t, gguf(tiny().bytes(), "chat_template.jinja", "J")), "chat-template"); got != sum([]byte("J")) {
		t.Errorf("chat-template with a file beside = %s", got)
	}
}

// What changes where bytes lie, and nothing else, leaves the modelID alone.
func TestDigestGGUFInvariance(t *testing.T) {
	want := digest(t, gguf(tiny().bytes())).ID
	old, end, mixed := tiny(), tiny(), tiny()
	old.version, end.end = 2, 14
	slices.Reverse(mixed.kv)
	slices.Reverse(mixed.infos)
	one := tiny()
	one.kv = append(one.kv, ggufKV("split.count", kvU16, []byte{1, 0}), ggufKV("split.no", kvU16, []byte{0, 0}), ggufKV("split.tensors.count", kvI32, le32(2)))
	merged := tiny()
	merged.kv = append(merged.kv, ggufKV("split.count", kvU16, []byte{0, 0}))
	for name, g := range map[string]ggufFile{"version 2": old, "padded end": end, "order": mixed, "one split of one": one, "merged": merged} {
		if got := digest(t, gguf(g.bytes())).ID; got != want {
			t.Errorf("%s: ID %s, want %s", name, got, want)
		}
	}
	if got := digest(t, splits(t)).ID; got != want {
		t.Errorf("splits: ID %s, want %s", got, want)
	}
	other := tiny()
	other.kv[1] = ggufKV("llama.block_count", kvU32, le32(3))
	wide := tiny()
	wide.kv[1] = ggufKV("llama.block_count", kvI32, le32(2))
	shape := tiny()
	shape.infos[0] = ggufInfo("b", 2, 32, 32)
	cast := tiny()
	cast.infos[1] = ggufInfo("a", 26, 0, 3)
	for name, g := range map[string]ggufFile{"value": other, "type of value": wide, "shape": shape, "type": cast} {
		if got := digest(t, gguf(g.bytes())).ID; got == want {
			t.Errorf("another %s: ID is the same", name)
		}
	}
}

// splits is tiny in two files, as llama.cpp cuts it.
func splits(t *testing.T) fstest.MapFS {
	t.Helper()
	whole := tiny()
	part := func(no, of uint16, tensors uint32) [][]byte {
		return [][]byte{
			ggufKV("split.no", kvU16, binary.LittleEndian.AppendUint16(nil, no)),
			ggufKV("split.count", kvU16, binary.LittleEndian.AppendUint16(nil, of)),
			ggufKV("split.tensors.count", kvI32, le32(tensors)),
		}
	}
	one := ggufFile{kv: append(part(0, 2, 2), whole.kv...), infos: [][]byte{ggufInfo("a", 0, 0, 3)}, data: whole.data[:12], end: 20}
	two := ggufFile{kv: append(part(1, 2, 2), whole.kv[0]), infos: [][]byte{ggufInfo("b", 2, 0, 32, 1)}, data: whole.data[32:]}
	return fstest.MapFS{"m-00001-of-00002.gguf": file(one.bytes()), "m-00002-of-00002.gguf": file(two.bytes())}
}

func TestDigestChoosesGGUF(t *testing.T) {
	dir := splits(t)
	other := tiny()
	other.data[0]++
	dir["m-Q8.gguf"] = file(other.bytes())
	dir["mmproj.gguf"] = file(tiny().bytes())
	_, err := Digest(context.Background(), dir, Options{})
	wantError(t, "several", err, "name one", `"m-00001-of-00002.gguf", "m-Q8.gguf", "mmproj.gguf"`)
	_, err = Digest(context.Background(), dir, Options{Weights: "none.gguf"})
	wantError(t, "another name", err, `"none.gguf"`, `"m-Q8.gguf"`)
	_, err = Digest(context.Background(), two(t), Options{Weights: "model.safetensors"})
	wantError(t, "a name where nothing is chosen", err, "only one of several GGUF")

	m := must(Digest(context.Background(), dir, Options{Weights: "m-00001-of-00002.gguf"}))
	if diff := cmp.Diff([]string{"m-Q8.gguf", "mmproj.gguf"}, m.Uncovered); diff != "" {
		t.Errorf("uncovered differs (-want +got):\n%s", diff)
	}
	if want := digest(t, gguf(tiny().bytes())).ID; m.ID != want {
		t.Errorf("ID of the named one = %s, want %s", m.ID, want)
	}
	q8 := must(Digest(context.Background(), dir, Options{Weights: "m-Q8.gguf"}))
	if q8.ID == m.ID || q8.Tensors[0].SHA256 == m.Tensors[0].SHA256 {
		t.Error("another file has the same ID")
	}
}

func TestDigestRefusesSplits(t *testing.T) {
	lost := splits(t)
	delete(lost, "m-00002-of-00002.gguf")
	first := splits(t)
	delete(first, "m-00001-of-00002.gguf")
	swapped := splits(t)
	swapped["m-00001-of-00002.gguf"], swapped["m-00002-of-00002.gguf"] = swapped["m-00002-of-00002.gguf"], swapped["m-00001-of-00002.gguf"]
	extra := splits(t)
	extra["m-00003-of-00002.gguf"] = extra["m-00002-of-00002.gguf"]
	twice := splits(t)
	twice["m-00002-of-00002.gguf"] = twice["m-00001-of-00002.gguf"]
	renamed := fstest.MapFS{"m.gguf": splits(t)["m-00001-of-00002.gguf"]}
	unsaid := splits(t)
	unsaid["m-00002-of-00002.gguf"] = file(tiny().bytes())
	other := splits(t)
	other["m-00002-of-00002.gguf"] = file(bytes.Replace(other["m-00002-of-00002.gguf"].Data, []byte("llama"), []byte("gemma"), 1))
	count := splits(t)
	for _, f := range count {
		f.Data = bytes.Replace(f.Data, ggufKV("split.tensors.count", kvI32, le32(2)), ggufKV("split.tensors.count", kvI32, le32(3)), 1)
	}
	tests := []struct {
		name string
		dir  fstest.MapFS
		want []string
	}{
		{"second is missing", lost, []string{`"m-00002-of-00002.gguf" is not in the directory`}},
		{"first is missing", first, []string{`"m-00001-of-00002.gguf" is not in the directory`}},
		{"swapped", swapped, []string{`"m-00001-of-00002.gguf"`, "number 1 of 2", "want number 0"}},
		{"one too many", extra, []string{`"m-00003-of-00002.gguf"`}},
		{"the same twice", twice, []string{`"m-00002-of-00002.gguf"`, "number 0 of 2"}},
		{"one alone", renamed, []string{`"m.gguf"`, "number 0 of 2"}},
		{"not a split", unsaid, []string{`"m-00002-of-00002.gguf"`, "number 0 of 0"}},
		{"another value", other, []string{`"m-00002-of-00002.gguf"`, `"general.architecture"`}},
		{"count of tensors", count, []string{"2 tensors, and split.tensors.count says 3"}},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), test.dir, Options{})
		wantError(t, test.name, err, test.want...)
	}
}

func TestDigestRefusesGGUF(t *testing.T) {
	with := func(change func(g *ggufFile)) []byte {
		g := tiny()
		change(&g)
		return g.bytes()
	}
	value := func(key string, kind uint32, raw ...[]byte) []byte {
		return with(func(g *ggufFile) { g.kv = append(g.kv, ggufKV(key, kind, bytes.Join(raw, nil))) })
	}
	info := func(infos ...[]byte) []byte { return with(func(g *ggufFile) { g.infos = infos }) }
	good := tiny().bytes()
	counts := func(tensors, values uint64) []byte {
		return slices.Concat(good[:8], le64(tensors), le64(values), good[24:])
	}
	nested := le32(kvArray)
	for range 20 {
		nested = slices.Concat(nested, le64(1), le32(kvArray))
	}
	const huge = 1 << 60
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"empty", nil, []string{"begins with"}},
		{"magic", []byte("GGJT\x03\x00\x00\x00"), []string{`"GGJT"`}},
		{"version 1", with(func(g *ggufFile) { g.version = 1 }), []string{"version 1"}},
		{"version 4", with(func(g *ggufFile) { g.version = 4 }), []string{"version 4"}},
		{"big-endian", with(func(g *ggufFile) { g.version = 3 << 24 }), []string{"big-endian"}},
		{"ends in the head", good[:20], []string{"beyond the file"}},
		{"ends in the values", good[:60], []string{"beyond the file"}},
		{"ends in the list", good[:270], []string{"beyond the file"}},
		{"ends in the data", good[:len(good)-1], []string{`tensor "b"`, "wants 18 bytes"}},
		{"2^60 tensors", counts(huge, 4), []string{"1152921504606846976 tensors"}},
		{"2^60 values", counts(2, huge), []string{"1152921504606846976 values"}},
		{"2^63 values", counts(2, 1<<63), []string{"9223372036854775808 values"}},
		{"string of 2^60", value("x", kvString, le64(huge)), []string{`"x"`, "1152921504606846976 bytes"}},
		{"string of 2^64-1", value("x", kvString, le64(1<<64-1)), []string{`"x"`}},
		{"array of 2^60 numbers", value("x", kvArray, le32(kvU8), le64(huge)), []string{`"x"`, "1152921504606846976 bytes"}},
		{"array of 2^63 wide numbers", value("x", kvArray, le32(kvF64), le64(1<<63)), []string{`"x"`, "array of 9223372036854775808"}},
		{"array of 2^60 strings", value("x", kvArray, le32(kvString), le64(huge)), []string{`"x"`}},
		{"array of an unknown type", value("x", kvArray, le32(13), le64(1)), []string{`"x"`, "type 13"}},
		{"deep array", value("x", kvArray, nested), []string{`"x"`, "deeper"}},
		{"unknown type of value", value("x", 99), []string{`"x"`, "type 99"}},
		{"boolean of 2", value("x", kvBool, []byte{2}), []string{`"x"`, "boolean"}},
		{"array of booleans of 2", value("x", kvArray, le32(kvBool), le64(2), []byte{1, 2}), []string{`"x"`, "boolean"}},
		{"key of 2^60", with(func(g *ggufFile) { g.kv = append(g.kv, le64(huge)) }), []string{"key"}},
		{"key is not UTF-8", value("\xff", kvU8, []byte{1}), []string{"UTF-8"}},
		{"duplicate key", value("general.architecture", kvU8, []byte{1}), []string{`duplicate key "general.architecture"`}},
		{"chat template is a number", with(func(g *ggufFile) { g.kv[2] = ggufKV(templateKey, kvU8, []byte{1}) }), []string{templateKey}},
		{"alignment 0", value(alignmentKey, kvU32, le32(0)), []string{alignmentKey}},
		{"alignment 24", value(alignmentKey, kvU32, le32(24)), []string{alignmentKey, "power of two"}},
		{"alignment 2^31", value(alignmentKey, kvU32, le32(1<<31)), []string{alignmentKey}},
		{"alignment is text", value(alignmentKey, kvString, ggufText("32")), []string{alignmentKey, "integer"}},
		{"negative count", value("split.count", kvI32, le32(1<<31)), []string{"split.count", "integer"}},
		{"duplicate name", info(ggufInfo("a", 0, 0, 3), ggufInfo("a", 2, 32, 32)), []string{`duplicate name "a"`}},
		{"name is not UTF-8", info(ggufInfo("\xff", 0, 0, 3)), []string{"UTF-8"}},
		{"five dimensions", info(ggufInfo("a", 0, 0, 1, 1, 1, 1, 1)), []string{`"a"`, "5 dimensions"}},
		{"withdrawn type", info(ggufInfo("a", 4, 0, 32)), []string{`"a"`, "type 4"}},
		{"broken block", info(ggufInfo("a", 2, 0, 33)), []string{`"a"`, "blocks of 32"}},
		{"overflow", info(ggufInfo("a", 0, 0, 1<<32, 1<<32)), []string{"overflows"}},
		{"overflow of a row", info(ggufInfo("a", 27, 0, 1<<62)), []string{"overflows"}},
		{"offset out of line", info(ggufInfo("a", 0, 0, 3), ggufInfo("b", 2, 33, 32)), []string{`tensor "b"`, "multiple of the alignment"}},
		{"overlap", info(ggufInfo("a", 0, 0, 9), ggufInfo("b", 2, 32, 32)), []string{`tensor "b"`, `inside tensor "a"`}},
		{"same bytes twice", info(ggufInfo("a", 0, 0, 3), ggufInfo("c", 0, 0, 3), ggufInfo("b", 2, 32, 32)), []string{`inside tensor`}},
		{"hole at the start", info(ggufInfo("b", 2, 32, 32)), []string{`tensor "b"`, "hole"}},
		{"bytes at the end", info(ggufInfo("a", 0, 0, 3)), []string{"18 bytes from byte", "no tensor"}},
		{"more than padding at the end", with(func(g *ggufFile) { g.end = 15 }), []string{"1 bytes from byte", "no tensor"}},
		{"offset at the end of the range", info(ggufInfo("a", 0, 0, 3), ggufInfo("b", 2, 1<<64-32, 32)), []string{`tensor "b"`, "beyond"}},
		{"no tensors", ggufFile{kv: tiny().kv}.bytes(), []string{"no tensors"}},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), gguf(test.data), Options{})
		wantError(t, test.name, err, append(test.want, `"m.gguf"`)...)
	}
}

func TestDigestGGUFTypes(t *testing.T) {
	for number, kind := range ggmlTypes {
		size := kind.bytes * 3
		g := ggufFile{
			kv:        [][]byte{ggufKV(alignmentKey, kvU32, le32(64))},
			alignment: 64,
			infos:     [][]byte{ggufInfo("x", number, 0, kind.elements, 3)},
			data:      make([]byte, size),
		}
		m := digest(t, gguf(g.bytes()))
		if got := m.Tensors[0]; got.Size != size || got.DType != "ggml:"+kind.name {
			t.Errorf("%s[%d,3] = %+v, want %d bytes", kind.name, kind.elements, got, size)
		}
		if _, err := ParseManifest(must(m.Manifest())); err != nil {
			t.Errorf("%s: %v", kind.name, err)
		}
	}
}

// A GGUF whose values are more than a header may have is not read to its end.
func TestReadGGUFLimit(t *testing.T) {
	head := slices.Concat([]byte(ggufMagic), le32(3), le64(0), le64(1), ggufText("x"), le32(kvString), le64(maxHeader))
	_, err := readGGUF(source{long(head), 1 << 40}, &room{})
	wantError(t, "string of 100 MB", err, fmt.Sprint("more than ", maxHeader))
}

// long is a file that goes on with zeros for ever.
type long []byte

func (l long) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(l)) {
		copy(p, l[at:])
	}
	return len(p), nil
}

func FuzzReadGGUF(f *testing.F) {
	f.Add(tiny().bytes())
	f.Add(ggufFile{kv: [][]byte{ggufKV(alignmentKey, kvU32, le32(8)), ggufKV("x", kvArray, slices.Concat(le32(kvArray), le64(1), le32(kvBool), le64(2), []byte{0, 1}))}, infos: [][]byte{ggufInfo("", 24, 0)}, data: []byte{1}, alignment: 8}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := readGGUF(source{bytes.NewReader(data), uint64(len(data))}, &room{})
		if err != nil {
			return
		}
		for i, x := range l.tensors {
			p := l.pieces[l.at[i]]
			if size, err := sizeOf(x.DType, x.Shape); err != nil || size != x.Size || p.size != size || p.begin+p.size > uint64(len(data)) {
				t.Fatalf("accepted tensor %+v at %+v of %d bytes", x, p, len(data))
			}
		}
	})
}

func TestCutSplit(t *testing.T) {
	tests := []struct {
		name, stem, count string
		ok                bool
	}{
		{"m-00001-of-00002.gguf", "m", "00002", true},
		{"-00001-of-00002.gguf", "", "00002", true},
		{"m-Q4-of-5-00011-of-00012.gguf", "m-Q4-of-5", "00012", true},
		{"m.gguf", "", "", false},
		{"m-0001-of-0002.gguf", "", "", false},
		{"mx00001-of-00002.gguf", "", "", false},
		{"m-0000a-of-00002.gguf", "", "", false},
		{"m-00001-of-0000b.gguf", "", "", false},
		{"m-0000-of-000002.gguf", "", "", false},
		{"m-00001-of-00002.ggu", "", "", false},
		{"00001-of-00002.gguf", "", "", false},
	}
	for _, test := range tests {
		stem, count, ok := cutSplit(test.name)
		if ok != test.ok || ok && (stem != test.stem || count != test.count) {
			t.Errorf("cutSplit(%q) = %q, %q, %v; want %q, %q, %v", test.name, stem, count, ok, test.stem, test.count, test.ok)
		}
	}
}
