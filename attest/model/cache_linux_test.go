package model

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCache(t *testing.T) {
	dir := t.TempDir()
	weights := encode(t, TensorData{"a", "U8", []uint64{2 << 20}, make([]byte, 2<<20)}, TensorData{"b", "U8", []uint64{1}, []byte("x")})
	write(t, filepath.Join(dir, "m.safetensors"), weights)
	write(t, filepath.Join(dir, "left.bin"), make([]byte, leastKept))
	write(t, filepath.Join(dir, "config.json"), []byte(`{}`))

	later := time.Now().Add(time.Hour)
	saved := []byte(nil)
	run := func(what string, without bool, taken int) *Model {
		t.Helper()
		c := must(ParseCache(saved, later))
		d := must(OpenDir(dir))
		defer d.Close()
		m, err := Digest(context.Background(), d, Options{Cache: c, WithoutPackage: without})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if c.Taken() != taken {
			t.Errorf("%s: %d files taken from the cache, want %d", what, c.Taken(), taken)
		}
		saved = must(c.Format())
		return m
	}
	short := run("first, without package", true, 0)
	want := run("first with package", false, 0)
	if diff := cmp.Diff(want, run("second", false, 2)); diff != "" {
		t.Errorf("model differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(short, run("second, without package", true, 1)); diff != "" {
		t.Errorf("model differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, run("third", false, 2)); diff != "" {
		t.Errorf("model differs (-want +got):\n%s", diff)
	}

	// What the cache says is believed, which is why it must be asked for.
	honest := saved
	saved = []byte(strings.ReplaceAll(string(saved), sum([]byte("x")).String(), sum([]byte("y")).String()))
	if run("forged", false, 2).ID == want.ID {
		t.Error("the cache is not used")
	}
	saved = honest

	// Other bytes of the same size and time are another file.
	info := must(os.Stat(filepath.Join(dir, "m.safetensors")))
	weights[len(weights)-1] ^= 1
	write(t, filepath.Join(dir, "m.safetensors"), weights)
	if err := os.Chtimes(filepath.Join(dir, "m.safetensors"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if run("changed", false, 1).ID == want.ID {
		t.Error("a changed file has its old hash")
	}
}

// A file that was written just now could be written again in the same tick of the
// file system's clock.
func TestCacheKeepsNothingFresh(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "m.safetensors"), encode(t, TensorData{"a", "U8", []uint64{2 << 20}, make([]byte, 2<<20)}))
	d := must(OpenDir(dir))
	defer d.Close()
	c := must(ParseCache(nil, time.Now()))
	must(Digest(context.Background(), d, Options{Cache: c}))
	if got := string(must(c.Format())); got != `{"version":1,"files":[]}` {
		t.Errorf("cache = %s, want no files", got)
	}
}

func TestParseCacheRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"not JSON", "x", "cache"},
		{"trailing data", `{"version":1,"files":[]}{}`, "cache"},
		{"duplicate name", `{"version":1,"version":1,"files":[]}`, "duplicate name"},
		{"unknown member", `{"version":1,"files":[],"x":1}`, "unknown field"},
		{"another version", `{"version":2,"files":[]}`, "version 2"},
		{"no inode", `{"version":1,"files":[{"size":1,"modified":1,"device":1,"inode":0,"changed":1}]}`, "without inode"},
		{"half of the hashes", `{"version":1,"files":[{"size":1,"modified":1,"device":1,"inode":1,"changed":1,"sha256":"` + strings.Repeat("0", 64) + `"}]}`, "without inode, time or hash"},
	}
	for _, test := range tests {
		_, err := ParseCache([]byte(test.data), time.Time{})
		wantError(t, test.name, err, test.want)
	}
}
