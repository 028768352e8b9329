package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Metadata reads the values behind a model's KV, as JSON has them: numbers are
// json.Number, an infinity or NaN is a string, and so is text that is not UTF-8, in
// hex. It is an error when the file no longer is what was digested.
func Metadata(fsys fs.FS, m *Model) (map[string]any, error) {
	i := slices.IndexFunc(m.Files, func(f File) bool {
		return strings.HasSuffix(f.Path, ggufSuffix) && !slices.Contains(m.Uncovered, f.Path)
	})
	if len(m.KV) == 0 || i < 0 {
		return nil, nil
	}
	out, err := readValues(fsys, m.Files[i], m.KV)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", m.Files[i].Path, err)
	}
	return out, nil
}

func readValues(fsys fs.FS, file File, want []KV) (map[string]any, error) {
	f, err := fsys.Open(file.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := sourceOf(f, entry{size: int64(file.Size)})
	if err != nil {
		return nil, err
	}
	c := &cursor{src: src}
	_, n, err := readGGUFHead(c)
	if err != nil {
		return nil, err
	}
	kvs, err := readKVs(c, n)
	if err != nil {
		return nil, err
	}
	leaves, err := kvs.leaves()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(leaves, want) {
		return nil, errors.New("changed since it was read (wait until nothing writes to the directory)")
	}
	out, left := map[string]any{}, maxElements
	for _, kv := range kvs.all {
		if strings.HasPrefix(kv.key, splitPrefix) {
			continue
		}
		raw, err := src.read(kv.begin, kv.size)
		if err != nil {
			return nil, err
		}
		v := valueReader{left: raw, elements: &left}
		if out[kv.key] = v.value(kv.kind); v.full {
			out[kv.key] = fmt.Sprintf("%d bytes of SHA-256 %s", len(raw), sum(raw))
		}
	}
	return out, nil
}

// maxElements bounds how many elements of arrays are taken apart, of all values
// together: each takes ten times as much room as in the file. The lists of the largest
// tokenizers have a million and a half.
const maxElements = 1 << 22

// valueReader reads a raw value, whose lengths readKVs has checked.
type valueReader struct {
	left     []byte
	elements *int
	full     bool // the value has more, and was not read
}

func (r *valueReader) take(n uint64) []byte {
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

func (r *valueReader) value(kind uint32) any {
	switch kind {
	case kvString:
		return textValue(r.take(binary.LittleEndian.Uint64(r.take(8))))
	case kvArray:
		return r.array()
	}
	return numberValue(kind, r.take(kvWidth[kind]))
}

func (r *valueReader) array() any {
	kind := binary.LittleEndian.Uint32(r.take(4))
	n := binary.LittleEndian.Uint64(r.take(8))
	if r.full = r.full || n > uint64(*r.elements); r.full {
		return nil
	}
	*r.elements -= int(n)
	all := []any{}
	for i := uint64(0); i < n && !r.full; i++ {
		all = append(all, r.value(kind))
	}
	return all
}

func textValue(b []byte) any {
	if !utf8.Valid(b) {
		return fmt.Sprintf("bytes %x", b)
	}
	return string(b)
}

func numberValue(kind uint32, raw []byte) any {
	var buf [8]byte
	copy(buf[:], raw)
	n := binary.LittleEndian.Uint64(buf[:])
	shift := 64 - 8*len(raw)
	switch kind {
	case kvBool:
		return n != 0
	case kvF32:
		return floatValue(float64(math.Float32frombits(uint32(n))), 32)
	case kvF64:
		return floatValue(math.Float64frombits(n), 64)
	case kvI8, kvI16, kvI32, kvI64:
		return json.Number(strconv.FormatInt(int64(n<<shift)>>shift, 10))
	}
	return json.Number(strconv.FormatUint(n, 10))
}

func floatValue(f float64, bits int) any {
	text := strconv.FormatFloat(f, 'g', -1, bits)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return text
	}
	return json.Number(text)
}
