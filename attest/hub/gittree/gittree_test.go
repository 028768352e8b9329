package gittree

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/hub/hubtest"
)

var weights = bytes.Repeat([]byte("tensor"), 1000)

// repository commits files to a new bare repository and returns where and what.
func repository(t testing.TB, files map[string][]byte) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := git.PlainInit(dir, true); err != nil {
		t.Fatal(err)
	}
	store := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	return dir, commitOf(t, store, treeOf(t, store, files)).String()
}

func put(t testing.TB, store *filesystem.Storage, kind plumbing.ObjectType, data []byte) plumbing.Hash {
	t.Helper()
	var o plumbing.MemoryObject
	o.SetType(kind)
	o.Write(data)
	id, err := store.SetEncodedObject(&o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// treeOf writes a tree of files and of folders one deep.
func treeOf(t testing.TB, store *filesystem.Storage, files map[string][]byte) plumbing.Hash {
	t.Helper()
	folders := map[string]map[string][]byte{}
	var entries []object.TreeEntry
	for name, data := range files {
		if folder, inner, ok := strings.Cut(name, "/"); ok {
			if folders[folder] == nil {
				folders[folder] = map[string][]byte{}
			}
			folders[folder][inner] = data
			continue
		}
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: put(t, store, plumbing.BlobObject, data)})
	}
	for name, inner := range folders {
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: treeOf(t, store, inner)})
	}
	return writeTree(t, store, entries)
}

func writeTree(t testing.TB, store *filesystem.Storage, entries []object.TreeEntry) plumbing.Hash {
	t.Helper()
	var b bytes.Buffer
	for _, e := range entries {
		mode := strings.TrimLeft(e.Mode.String(), "0")
		fmt.Fprintf(&b, "%s %s\x00%s", mode, e.Name, e.Hash[:])
	}
	return put(t, store, plumbing.TreeObject, b.Bytes())
}

func commitOf(t testing.TB, store *filesystem.Storage, tree plumbing.Hash) plumbing.Hash {
	t.Helper()
	return put(t, store, plumbing.CommitObject, fmt.Appendf(nil, "tree %s\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nfirst\n", tree))
}

func tiny() map[string][]byte {
	return map[string][]byte{
		".gitattributes":    []byte("*.safetensors filter=lfs\n"),
		"config.json":       []byte("{}"),
		"model.safetensors": hubtest.Pointer(weights),
		"onnx/model.onnx":   hubtest.Pointer([]byte("onnx")),
		"empty":             {},
	}
}

func lines(l *hub.Listing) []string {
	var out []string
	for _, f := range l.Files {
		text := fmt.Sprintf("%s %d %s", f.Path, *f.Size, f.SHA256.Short())
		if f.Blob != nil {
			text += " " + f.Blob.String()[:8]
		}
		out = append(out, text)
	}
	return out
}

func TestRead(t *testing.T) {
	dir, commit := repository(t, tiny())
	// The ids are git's: "git hash-object" prints 9e26dfee… for {}, e69de29b… for no byte.
	want := []string{
		".gitattributes 25 68f9ef10 0fe04deb",
		"config.json 2 44136fa3 9e26dfee",
		"empty 0 e3b0c442 e69de29b",
		"model.safetensors 6000 " + sumOf(weights),
		"onnx/model.onnx 4 " + sumOf([]byte("onnx")),
	}
	check := func(dir string) {
		t.Helper()
		l, err := Read(t.Context(), dir, commit)
		if err != nil {
			t.Fatal(err)
		}
		got := lines(l)
		want[0] = got[0] // made up here
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if l.Revision != commit || l.Tier() != 2 || l.Partial != "" {
			t.Errorf("revision %s, tier %d, partial %q", l.Revision, l.Tier(), l.Partial)
		}
	}
	check(dir)

	// A checkout keeps the same in .git, whatever lies beside it.
	checkout := t.TempDir()
	if err := os.CopyFS(filepath.Join(checkout, ".git"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(checkout, "config.json"), []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(checkout)

	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git to make a pack with")
	}
	for _, args := range [][]string{{"update-ref", "refs/heads/main", commit}, {"repack", "-adq"}, {"prune-packed"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	check(dir)
}

func sumOf(data []byte) string {
	f, _, err := hub.Pointer(hubtest.Pointer(data))
	if err != nil {
		panic(err)
	}
	return f.SHA256.Short()
}

func TestReadRefuses(t *testing.T) {
	files := tiny()
	dir, commit := repository(t, files)
	store := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	blob := put(t, store, plumbing.BlobObject, []byte("target"))
	of := func(entries ...object.TreeEntry) string {
		return commitOf(t, store, writeTree(t, store, entries)).String()
	}
	for name, test := range map[string]struct{ dir, commit, want string }{
		"branch":           {dir, "main", "a branch or a tag can be moved"},
		"short id":         {dir, commit[:12], "not a commit"},
		"another commit":   {dir, strings.Repeat("12", 20), "is not in the repository"},
		"not a repository": {t.TempDir(), commit, "not a git repository"},
		"a blob":           {dir, blob.String(), "is a blob, want a commit"},
		"no tree":          {dir, put(t, store, plumbing.CommitObject, []byte("author a\ntree "+commit+"\n")).String(), "tree header must be first"},
		"missing blob":     {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Regular, Hash: plumbing.NewHash(strings.Repeat("34", 20))}), `"a": object 3434`},
		"link":             {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Symlink, Hash: blob}), `"a" is a symbolic link`},
		"submodule":        {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Submodule, Hash: blob}), `"a" is neither a file nor a folder`},
		"parent":           {dir, of(object.TreeEntry{Name: "..", Mode: filemode.Regular, Hash: blob}), `".." is not a name`},
		"slash":            {dir, of(object.TreeEntry{Name: "a/b", Mode: filemode.Regular, Hash: blob}), `"a/b" is not a name`},
		"twice":            {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Regular, Hash: blob}, object.TreeEntry{Name: "a", Mode: filemode.Regular, Hash: blob}), "listed twice"},
		"blob as folder":   {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Dir, Hash: blob}), "is a blob, want a tree"},
		"no files":         {dir, of(), "names no files"},
		"bad pointer": {dir, of(object.TreeEntry{Name: "a", Mode: filemode.Regular,
			Hash: put(t, store, plumbing.BlobObject, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"))}), `"a": LFS pointer: oid`},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Read(t.Context(), test.dir, test.commit)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Read = %v, %v; want an error with %q", l, err, test.want)
			}
		})
	}
}

// Whoever keeps a repository can write other bytes under an object's name: git itself
// looks only when it is told to (git fsck).
func TestForgedObjects(t *testing.T) {
	for kind, forged := range map[string][]byte{
		"blob":   []byte("blob 2\x00[]"),
		"tree":   []byte("tree 0\x00"),
		"commit": []byte("commit 46\x00tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
	} {
		t.Run(kind, func(t *testing.T) {
			dir, commit := repository(t, map[string][]byte{"config.json": []byte("{}")})
			found := 0
			err := filepath.WalkDir(filepath.Join(dir, "objects"), func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				if data := inflate(t, name); bytes.HasPrefix(data, []byte(kind)) {
					found++
					if err := os.Remove(name); err != nil {
						return err
					}
					return os.WriteFile(name, deflate(forged), 0o644)
				}
				return nil
			})
			if err != nil || found != 1 {
				t.Fatalf("%d objects forged, %v", found, err)
			}
			l, err := Read(t.Context(), dir, commit)
			if err == nil || !strings.Contains(err.Error(), "damaged or forged") {
				t.Errorf("Read = %v, %v; want an error about a forged object", l, err)
			}
		})
	}
}

func inflate(t *testing.T, name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	files := map[string][]byte{}
	for i := range 200 {
		files[fmt.Sprintf("model-%05d-of-00200.safetensors", i)] = hubtest.Pointer(fmt.Append(nil, i))
	}
	dir, commit := repository(b, files)
	b.ResetTimer()
	start := time.Now()
	for b.Loop() {
		if _, err := Read(b.Context(), dir, commit); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(time.Since(start).Seconds()/float64(b.N), "s/check")
}
