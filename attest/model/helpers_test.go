package model

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest"
)

func file(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data, Mode: 0o644} }

func encode(t testing.TB, tensors ...TensorData) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw is a safetensors file with exactly this header.
func raw(header string, data string) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}

func digest(t testing.TB, dir fs.FS) *Model {
	t.Helper()
	m, err := Digest(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func roleDigest(m *Model, role string) attest.Hash {
	for _, r := range m.Roles {
		if r.Role == role {
			return r.Digest
		}
	}
	return attest.Hash{}
}

// two is a model of two tensors with these files beside them.
func two(t testing.TB, extra ...string) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{"model.safetensors": file(encode(t,
		TensorData{"a", "U8", []uint64{3}, []byte("abc")},
		TensorData{"b", "F16", []uint64{2}, []byte("wxyz")},
	))}
	for i := 0; i < len(extra); i += 2 {
		dir[extra[i]] = file([]byte(extra[i+1]))
	}
	return dir
}

// diffTensors names the tensors that are not the same in both.
func diffTensors(a, b []Tensor) []string {
	leaves := map[string]attest.Hash{}
	for _, t := range a {
		leaves[t.Name] = t.Leaf()
	}
	differ := map[string]bool{}
	for _, t := range b {
		if leaves[t.Name] != t.Leaf() {
			differ[t.Name] = true
		}
		delete(leaves, t.Name)
	}
	for name := range leaves {
		differ[name] = true
	}
	return slices.Sorted(maps.Keys(differ))
}

// wantError reports unless err names every one of the parts.
func wantError(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one that says %q", what, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %q does not say %q", what, err, part)
		}
	}
}

func header(pairs ...any) string {
	var b strings.Builder
	b.WriteString("{")
	for i := 0; i < len(pairs); i += 5 {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, pairs[i:i+5]...)
	}
	return b.String() + "}"
}
