package model

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// manyTensors is a safetensors file of n tensors without bytes.
func manyTensors(n int, name string) []byte {
	b := bytes.NewBufferString("{")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `"%d%s":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i, name)
	}
	b.WriteByte('}')
	return raw(b.String(), "")
}

func TestDigestRefusesMany(t *testing.T) {
	long := strings.Repeat("n", 1<<10)
	dims := func(n int) string { return "[0" + strings.Repeat(",1", n-1) + "]" }
	ggufInfos := make([][]byte, maxTensors+1)
	for i := range ggufInfos {
		ggufInfos[i] = ggufInfo(fmt.Sprint(i), 0, 0, 0)
	}
	values := make([][]byte, maxValues+1)
	for i := range values {
		values[i] = ggufKV(fmt.Sprint(i), kvU8, []byte{0})
	}
	half := manyTensors(maxTensors/2+1, "")
	tests := []struct {
		name string
		dir  fstest.MapFS
		want string
	}{
		{"tensors", fstest.MapFS{"m.safetensors": file(manyTensors(maxTensors+1, ""))}, fmt.Sprintf("more than %d tensors", maxTensors)},
		{"tensors of two files", fstest.MapFS{"a.safetensors": file(half), "b.safetensors": file(half)}, fmt.Sprintf("more than %d tensors", maxTensors)},
		{"tensors of a GGUF", gguf(ggufFile{infos: ggufInfos}.bytes()), fmt.Sprintf("more than %d tensors", maxTensors)},
		{"names", fstest.MapFS{"m.safetensors": file(manyTensors(maxNames>>10, long))}, fmt.Sprintf("more than %d bytes", maxNames)},
		{"dimensions", fstest.MapFS{"m.safetensors": file(raw(header("a", "U8", dims(maxRank+1), 0, 0), ""))}, "shape: more than 64 integers"},
		{"values of a GGUF", gguf(ggufFile{kv: values}.bytes()), fmt.Sprintf("%d values, the most is %d", maxValues+1, maxValues)},
		{"metadata", fstest.MapFS{"m.safetensors": file(raw(`{"__metadata__":{"x":"`+strings.Repeat("x", maxMember)+`"}}`, ""))}, fmt.Sprintf("more than %d bytes", maxMember)},
		{"index", fstest.MapFS{
			"m.safetensors": two(t)["model.safetensors"],
			"m.safetensors.index.json": file([]byte(`{"weight_map":{"` + strings.Repeat(long, 4) + `":"m.safetensors"` +
				manyLines(maxTensors) + `}}`)),
		}, fmt.Sprintf("more than %d tensors", maxTensors)},
		{"items of dicts", fstest.MapFS{"m.bin": file(torchTwo(t, pDict(slices.Repeat([]string{strings.Repeat(pItem("", "N"), 1<<12) + "u("}, maxItems>>12+1)...)))}, fmt.Sprintf("more than %d items", maxItems)},
		{"configuration", two(t, "config.json", `{"x":"`+strings.Repeat("x", maxParsed)+`"}`), fmt.Sprintf("the most is %d", maxParsed)},
	}
	for _, test := range tests {
		_, err := Digest(context.Background(), test.dir, Options{})
		wantError(t, test.name, err, test.want)
	}
	if _, err := Digest(context.Background(), fstest.MapFS{"m.safetensors": file(raw(header("a", "U8", dims(maxRank), 0, 0), ""))}, Options{}); err != nil {
		t.Error(err)
	}
}

// A header is cut at the right commas wherever its windows end.
func TestDigestLongHeader(t *testing.T) {
	names := []string{`a`, `{"`, `},"`, `\\`, `\"`, "é ]", `\`, ` : `}
	var data []TensorData
	for i := range 4000 {
		data = append(data, TensorData{fmt.Sprint(i, names[i%len(names)]), "U8", []uint64{1}, []byte{byte(i)}})
	}
	text := encode(t, data...)
	m := digest(t, fstest.MapFS{"m.safetensors": file(text)})
	if len(text) < 3*windowSize || len(m.Tensors) != len(data) {
		t.Fatalf("%d tensors of %d, header of %d bytes", len(m.Tensors), len(data), len(text))
	}
	for _, x := range data {
		i := slices.IndexFunc(m.Tensors, func(t Tensor) bool { return t.Name == x.Name })
		if i < 0 || m.Tensors[i].SHA256 != sum(x.Data) {
			t.Errorf("tensor %q is not as it was written", x.Name)
		}
	}
	for _, broken := range []string{`{"__metadata__":{}`, `{"__metadata__":{},}`, `{,}`, `{"__metadata__":{}]`, `{"__metadata__":{}}}`, `{"__metadata__":{},"__metadata__":{}}`, `{"__metadata__":{"a":"","a":""}}`, `{"__metadata__":{"a":[}}`, `{"__metadata__" {}}`} {
		_, err := Digest(context.Background(), fstest.MapFS{"m.safetensors": file(raw(broken, ""))}, Options{})
		wantError(t, broken, err, `"m.safetensors": header`)
	}
}

// manyLines are n more lines of an index.
func manyLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":"m.safetensors"`, i)
	}
	return b.String()
}

// BenchmarkHostileHeader reports what a header of the most tensors that are taken, and
// of as many bytes as the format allows, takes of memory.
func BenchmarkHostileHeader(b *testing.B) {
	name := strings.Repeat("n", 80)
	file := manyTensors(maxTensors, name)
	file = append(file, bytes.Repeat([]byte(" "), maxHeader-len(file))...)
	head := raw(string(file[lengthSize:]), "")
	src := source{bytes.NewReader(head), uint64(len(head))}
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	var live uint64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l, err := readSafetensors(src, &room{})
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		live = after.HeapAlloc - before.HeapAlloc
		runtime.KeepAlive(l)
	}
	b.ReportMetric(float64(live)/1e6, "MB-kept")
}
