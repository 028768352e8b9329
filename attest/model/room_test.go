package model

import (
	"bytes"
	"context"
	"encoding/json"
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

// What is left for tensors is the same for all files of a model, of whatever format.
func TestRoom(t *testing.T) {
	one := two(t)["model.safetensors"]
	other := file(encode(t, TensorData{"c", "U8", []uint64{1}, []byte("x")}))
	tests := []struct {
		name string
		dir  fstest.MapFS
	}{
		{"safetensors", fstest.MapFS{"a.safetensors": one, "b.safetensors": other}},
		{"adapter", fstest.MapFS{"a.safetensors": one, "x/adapter_model.safetensors": other, "x/adapter_config.json": file([]byte("{}"))}},
		{"GGUF", gguf(ggufFile{infos: [][]byte{ggufInfo("a", 0, 0, 0), ggufInfo("b", 0, 0, 0), ggufInfo("c", 0, 0, 0)}}.bytes())},
		{"PyTorch", fstest.MapFS{"m.bin": file(torchTwo(t, pDict(
			pItem("a", pRebuild(pStorage("ByteStorage", "0", 3), 0, pInts(3), pInts(1))),
			pItem("b", pRebuild(pStorage("HalfStorage", "1", 2), 0, pInts(2), pInts(1))),
			pItem("c", pRebuild(pStorage("HalfStorage", "1", 2), 0, pInts(2), pInts(1))))))}},
	}
	for _, test := range tests {
		for what, room := range map[string]room{
			"enough":    {tensors: maxTensors - 3, names: maxNames - 3 - 3*8},
			"a tensor":  {tensors: maxTensors - 2},
			"one byte":  {names: maxNames - 3 - 3*8 + 1},
			"two bytes": {names: maxNames - 3 - 3*8 + 2},
		} {
			p, err := planWeights(test.dir, must(list(test.dir)), "")
			if err != nil {
				t.Fatal(err)
			}
			p.room = room
			if err := p.readLayouts(test.dir); (err == nil) != (what == "enough") {
				t.Errorf("%s, %s: %v", test.name, what, err)
			} else if what == "a tensor" {
				wantError(t, test.name, err, fmt.Sprintf("more than %d tensors", maxTensors))
			} else if err != nil {
				wantError(t, test.name, err, fmt.Sprintf("names and shapes of tensors of more than %d bytes", maxNames))
			}
		}
	}
	d := json.NewDecoder(strings.NewReader(`{"a":"m.safetensors"}`))
	_, err := decodeWeightMap(d, shardSuffix, &room{tensors: maxTensors})
	wantError(t, "index", err, "weight_map: more than")
}

func TestDigestRefusesMany(t *testing.T) {
	dims := func(n int) string { return "[0" + strings.Repeat(",1", n-1) + "]" }
	values := make([][]byte, maxValues+1)
	for i := range values {
		values[i] = ggufKV(fmt.Sprint(i), kvU8, []byte{0})
	}
	tests := []struct {
		name string
		dir  fstest.MapFS
		want string
	}{
		{"dimensions", fstest.MapFS{"m.safetensors": file(raw(header("a", "U8", dims(maxRank+1), 0, 0), ""))}, "shape: more than 64 integers"},
		{"values of a GGUF", gguf(ggufFile{kv: values}.bytes()), fmt.Sprintf("%d values, the most is %d", maxValues+1, maxValues)},
		{"metadata", fstest.MapFS{"m.safetensors": file(raw(`{"__metadata__":{"x":"`+strings.Repeat("x", maxMember)+`"}}`, ""))}, fmt.Sprintf("more than %d bytes", maxMember)},
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
	for i := range 30_000 {
		name := fmt.Sprint(i, strings.Repeat("n", 300), names[i%len(names)])
		data = append(data, TensorData{name, "U8", []uint64{1}, []byte{byte(i)}})
	}
	text := encode(t, data...)
	m := digest(t, fstest.MapFS{"m.safetensors": file(text)})
	if len(text) < 2*windowSize || len(m.Tensors) != len(data) {
		t.Fatalf("%d tensors of %d, header of %d bytes", len(m.Tensors), len(data), len(text))
	}
	for _, x := range data {
		i, ok := slices.BinarySearchFunc(m.Tensors, x.Name, func(t Tensor, name string) int { return strings.Compare(t.Name, name) })
		if !ok || m.Tensors[i].SHA256 != sum(x.Data) {
			t.Errorf("tensor %q is not as it was written", x.Name)
		}
	}
	for _, broken := range []string{`{"__metadata__":{}`, `{"__metadata__":{},}`, `{,}`, `{"__metadata__":{}]`, `{"__metadata__":{}}}`, `{"__metadata__":{},"__metadata__":{}}`, `{"__metadata__":{"a":"","a":""}}`, `{"__metadata__":{"a":[}}`, `{"__metadata__" {}}`} {
		_, err := Digest(context.Background(), fstest.MapFS{"m.safetensors": file(raw(broken, ""))}, Options{})
		wantError(t, broken, err, `"m.safetensors": header`)
	}
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
