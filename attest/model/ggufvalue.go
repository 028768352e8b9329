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
	kvs, err := readValues(fsys, m.Files[i])
	if err == nil && !slices.Equal(kvs.leaves(), m.KV) {
		err = errors.New("changed since it was read (wait until nothing writes to the directory)")
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", m.Files[i].Path, err)
	}
	out := map[string]any{}
	for _, kv := range kvs {
		if !strings.HasPrefix(kv.key, splitPrefix) {
			v := valueReader{kv.raw}
			out[kv.key] = v.value(kv.kind)
		}
	}
	return out, nil
}

func readValues(fsys fs.FS, file File) (rawKVs, error) {
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
	return readKVs(c, n)
}

// valueReader reads a raw value, whose lengths readKVs has checked.
type valueReader struct{ left []byte }

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
		kind := binary.LittleEndian.Uint32(r.take(4))
		all := []any{}
		for range binary.LittleEndian.Uint64(r.take(8)) {
			all = append(all, r.value(kind))
		}
		return all
	}
	return numberValue(kind, r.take(kvWidth[kind]))
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
