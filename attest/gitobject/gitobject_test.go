package gitobject

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// repository is an empty repository, and a function that puts objects into it.
func repository(t testing.TB) (dir string, put func(kind plumbing.ObjectType, data string) plumbing.Hash) {
	t.Helper()
	dir = t.TempDir()
	files := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	if err := files.Init(); err != nil {
		t.Fatal(err)
	}
	return dir, func(kind plumbing.ObjectType, data string) plumbing.Hash {
		o := &plumbing.MemoryObject{}
		o.SetType(kind)
		o.Write([]byte(data))
		id, err := files.SetEncodedObject(o)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

func TestStore(t *testing.T) {
	dir, put := repository(t)
	blob := put(plumbing.BlobObject, "some bytes")
	large := put(plumbing.BlobObject, strings.Repeat("x", maxInMemory+1))
	up := put(plumbing.TreeObject, "100644 ..\x00"+string(blob[:]))
	empty := put(plumbing.CommitObject, "author a <a> 0 +0000\n\n")
	commit := put(plumbing.CommitObject, "tree "+up.String()+"\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx\n")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, id := range []plumbing.Hash{blob, large} {
		data, err := s.Read(plumbing.BlobObject, id, maxInMemory+1)
		if err != nil || plumbing.ComputeHash(plumbing.BlobObject, data) != id || !s.Has(id) {
			t.Errorf("Read(%s) = %d bytes, %v", id, len(data), err)
		}
	}
	if c, err := s.Commit(commit); err != nil || c.TreeHash != up {
		t.Errorf("Commit = %v, %v; want the tree %s", c, err, up)
	}
	read := func(kind plumbing.ObjectType, id plumbing.Hash, most int64) error {
		_, err := s.Copy(io.Discard, kind, id, most)
		return err
	}
	tree := func(id plumbing.Hash) error { _, err := s.Tree(id); return err }
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"too large":        {read(plumbing.BlobObject, blob, 9), "of 10 bytes, the most is 9"},
		"another type":     {read(plumbing.TreeObject, blob, 10), "is a blob, want a tree"},
		"absent":           {read(plumbing.BlobObject, plumbing.NewHash(strings.Repeat("ab", 20)), 10), "is not in the repository"},
		"name of a folder": {tree(up), `".." is not a name of a file`},
		"no tree":          {func() error { _, err := s.Commit(empty); return err }(), "commit " + empty.String()},
		"no HEAD":          {func() error { _, err := s.Head(); return err }(), "no commit"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, test.err, test.want)
		}
	}
	if err := read(plumbing.BlobObject, plumbing.NewHash(strings.Repeat("ab", 20)), 10); !errors.Is(err, ErrAbsent) {
		t.Errorf("%v is not ErrAbsent", err)
	}
}

// FuzzRead reads an object whose file is anything: an error, or the very object.
func FuzzRead(f *testing.F) {
	dir, put := repository(f)
	id := put(plumbing.BlobObject, "some bytes").String()
	file := filepath.Join(dir, "objects", id[:2], id[2:])
	good, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "objects", id[:2]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "objects", id[:2], id[2:]), data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got, err := s.Read(plumbing.BlobObject, plumbing.NewHash(id), 100); err == nil && string(got) != "some bytes" {
			t.Errorf("accepted %q", got)
		}
	})
}
