package model

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func needLinks(t *testing.T) {
	t.Helper()
	switch runtime.GOOS {
	case "windows", "js", "plan9":
		t.Skipf("symbolic links need rights or a file system that %s may not have", runtime.GOOS)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func digestDir(t *testing.T, path string) (*Model, error) {
	t.Helper()
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	return Digest(context.Background(), dir, Options{})
}

// The directory, a copy with links inside, and a snapshot of the Hub's cache are
// the same model and the same package.
func TestOpenDir(t *testing.T) {
	needLinks(t)
	weights := two(t)["model.safetensors"].Data
	want := digest(t, two(t, "sub/vocab.txt", "x"))

	plain := t.TempDir()
	write(t, filepath.Join(plain, "model.safetensors"), weights)
	write(t, filepath.Join(plain, "sub", "vocab.txt"), []byte("x"))
	write(t, filepath.Join(plain, ".cache", "huggingface", "x.metadata"), []byte("x"))
	write(t, filepath.Join(plain, ".git", "config"), []byte("x"))

	inside := t.TempDir()
	write(t, filepath.Join(inside, ".cache", "w"), weights)
	link(t, filepath.Join(".cache", "w"), filepath.Join(inside, "model.safetensors"))
	write(t, filepath.Join(inside, "sub", "vocab.txt"), []byte("x"))

	hub := filepath.Join(t.TempDir(), "models--org--name")
	snapshot := filepath.Join(hub, "snapshots", "0123abcd")
	write(t, filepath.Join(hub, "blobs", "b1"), weights)
	write(t, filepath.Join(hub, "blobs", "b2"), []byte("x"))
	link(t, filepath.Join("..", "..", "blobs", "b1"), filepath.Join(snapshot, "model.safetensors"))
	link(t, filepath.Join("..", "..", "..", "blobs", "b2"), filepath.Join(snapshot, "sub", "vocab.txt"))
	toSnapshot := filepath.Join(t.TempDir(), "latest")
	link(t, snapshot, toSnapshot)

	for _, path := range []string{plain, inside, snapshot, toSnapshot} {
		got, err := digestDir(t, path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got.ID != want.ID || got.Package != want.Package {
			t.Errorf("%s: ID %s and package %s, want %s and %s", path, got.ID, got.Package, want.ID, want.Package)
		}
	}
}

func TestOpenDirRefusesLinks(t *testing.T) {
	needLinks(t)
	weights := two(t)["model.safetensors"].Data
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), []byte("x"))
	write(t, filepath.Join(outside, "blobs", "b"), []byte("x"))

	tests := []struct{ name, target string }{
		{"absolute", filepath.Join(outside, "secret")},
		{"up", filepath.Join("..", filepath.Base(outside), "secret")},
		{"missing", "nowhere"},
		{"itself", "notes.txt"},
		{"folder", "sub"},
		// A cache is known by its folders' names, not by how a link looks.
		{"blobs of no cache", filepath.Join("..", "..", "blobs", "b")},
	}
	for _, test := range tests {
		dir := filepath.Join(outside, "x", "model")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "model.safetensors"), weights)
		write(t, filepath.Join(dir, "sub", "a.txt"), []byte("x"))
		link(t, test.target, filepath.Join(dir, "notes.txt"))
		_, err := digestDir(t, dir)
		wantError(t, test.name, err, `"notes.txt"`, "symbolic link")
	}

	hub := filepath.Join(outside, "models--org--name")
	snapshot := filepath.Join(hub, "snapshots", "0123abcd")
	write(t, filepath.Join(snapshot, "model.safetensors"), weights)
	link(t, filepath.Join("..", "..", "..", "secret"), filepath.Join(snapshot, "notes.txt"))
	_, err := digestDir(t, snapshot)
	wantError(t, "out of the cache", err, `"notes.txt"`, "symbolic link")
}

func TestOpenDirRefusesMissing(t *testing.T) {
	if d, err := OpenDir(filepath.Join(t.TempDir(), "none")); err == nil {
		d.Close()
		t.Error("OpenDir of nothing succeeds")
	}
}
