package oms

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/proctor-attest/proctor/attest/model"
)

// BenchmarkDescribe hashes four files of 64 MiB.
func BenchmarkDescribe(b *testing.B) {
	name := b.TempDir()
	const size = 64 << 20
	for i := range 4 {
		if err := os.WriteFile(filepath.Join(name, fmt.Sprintf("%d.bin", i)), make([]byte, size), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	dir, err := model.OpenDir(name)
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	b.SetBytes(4 * size)
	for b.Loop() {
		if _, err := Describe(b.Context(), dir, "m", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse reads a signature of 20,000 files.
func BenchmarkParse(b *testing.B) {
	c := &Content{Name: "m", Hash: "sha256"}
	for i := range 20_000 {
		c.Resources = append(c.Resources, Resource{Path: fmt.Sprintf("layers/%05d.bin", i), Digest: make([]byte, 32)})
	}
	c.Root = rootOf(c.Resources)
	payload, err := c.Statement()
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(bundle(string(payload), keyMaterial, []byte("sig")))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
