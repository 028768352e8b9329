package durable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAcquireExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Acquire(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second Acquire = %v, want the deadline", err)
	}
	if l, err := TryAcquire(path); l != nil || err != nil {
		t.Errorf("TryAcquire of what is held = %v, %v; want neither", l, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	third, err := TryAcquire(path)
	if err != nil || third == nil {
		t.Fatalf("TryAcquire after Release = %v, %v", third, err)
	}
	third.Release()
	second, err := Acquire(t.Context(), path)
	if err != nil {
		t.Fatalf("Acquire after Release: %v", err)
	}
	second.Release()
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, want := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("file has %q, want %q", got, want)
		}
	}
	if err := WriteFile(filepath.Join(dir, "no", "file"), nil, 0o600); err == nil {
		t.Error("WriteFile into a missing directory succeeded")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("directory has %d files, want 1", len(entries))
	}
}
