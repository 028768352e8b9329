package oms

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/blake2b"

	"github.com/proctor-attest/proctor/attest/model"
)

// with is the model of the tests with more files, or fewer where one is "-".
func with(more ...string) fstest.MapFS {
	out := maps.Clone(files)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
		if more[i+1] == "-" {
			delete(out, more[i])
		}
	}
	return out
}

func TestCompare(t *testing.T) {
	plain := statement(twoResources, byFilesJSON)
	hidden := statement(twoResources, `{"method":"files","hash_type":"sha256","allow_symlinks":true,"ignore_paths":["x.bin","lib"]}`)
	git := statement(twoResources+","+resource(".gitattributes", hexSum("lfs")), byFilesJSON)
	parts := statement(resource("d/w.bin:0:4", hexSum("weig"))+","+resource("config.json:0:2", hexSum("{}"))+","+resource("d/w.bin:4:7", hexSum("hts")),
		`{"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":4}`)
	for _, c := range []struct {
		name    string
		payload string
		dir     fstest.MapFS
		opts    Options
		want    string // the differences
		left    string
	}{
		{"the signed model", plain, with(), Options{}, "", ""},
		{"a changed file", plain, with("d/w.bin", "Weights"), Options{}, "d/w.bin changed", ""},
		{"a longer file", plain, with("d/w.bin", "weights "), Options{}, "d/w.bin changed", ""},
		{"a missing file", plain, with("d/w.bin", "-"), Options{}, "d/w.bin missing", ""},
		{"a file more", plain, with("x.bin", "x"), Options{}, "x.bin not signed", ""},
		{"an empty file more", plain, with("x.bin", ""), Options{}, "x.bin not signed", ""},
		{"two files with swapped names", plain, with("config.json", "weights", "d/w.bin", "{}"), Options{}, "config.json changed, d/w.bin changed", ""},
		{"a pointer", plain, with("d/w.bin", "version https://git-lfs.github.com/spec/v1\n"), Options{}, `d/w.bin changed (a Git LFS pointer instead of the file: run "git lfs pull")`, ""},

		{"the reader leaves a file out", plain, with("x.bin", "x"), Options{Ignore: []string{"x.bin"}}, "", "x.bin"},
		{"the reader leaves a folder out", plain, with("lib/a", "x", "lib/b", "x"), Options{Ignore: []string{"lib"}}, "", "lib"},
		{"not what begins alike", plain, with("lib2/a", "x"), Options{Ignore: []string{"lib"}}, "lib2/a not signed", ""},
		{"the reader leaves out all that is unsigned", plain, with("x.bin", "x"), Options{IgnoreUnsigned: true}, "", "x.bin"},
		{"what is signed is not left out", plain, with("d/w.bin", "Weights"), Options{Ignore: []string{"d/w.bin"}}, "d/w.bin changed", ""},
		{"nor below a folder", plain, with("d/w.bin", "Weights", "d/x", "x"), Options{Ignore: []string{"d"}}, "d/w.bin changed", "d"},
		{"nor where it is missing", plain, with("d/w.bin", "-"), Options{Ignore: []string{"d"}}, "d/w.bin missing", ""},

		{"the signer leaves a file out, the reader does not", hidden, with("x.bin", "x"), Options{}, "x.bin not signed (the signer left it out)", ""},
		{"the signer leaves a folder out", hidden, with("lib/a", "x"), Options{}, "lib/a not signed (the signer left it out)", ""},

		{"git's own files", plain, with(".git/HEAD", "x", ".gitignore", "x", ".gitattributes", "x", ".github/ci.yml", "x"), Options{}, "", ".git, .gitattributes, .github, .gitignore"},
		{"git's own only at the top", plain, with("d/.git/HEAD", "x", "d/.gitignore", "x"), Options{}, "d/.git/HEAD not signed, d/.gitignore not signed", ""},
		{"git's own, signed", git, with(".gitattributes", "lfs"), Options{}, "", ""},
		{"git's own, signed and changed", git, with(".gitattributes", "x"), Options{}, ".gitattributes changed", ""},
		{"other files with a dot", plain, with(".cache/x", "x"), Options{}, ".cache/x not signed", ""},

		{"the signature itself", plain, with("model.sig", "x"), Options{Signature: "model.sig"}, "", ""},
		{"another's signature", plain, with("model.sig", "x", "d/model.sig", "x"), Options{Signature: "d/model.sig"}, "model.sig not signed", ""},

		{"shards", parts, with(), Options{}, "", ""},
		{"a changed shard", parts, with("d/w.bin", "weigHts"), Options{}, "d/w.bin changed (bytes 4 to 7)", ""},
		{"bytes behind the last shard", parts, with("d/w.bin", "weights!"), Options{}, "d/w.bin changed (it has 8 bytes, and 7 were signed)", ""},
		{"bytes missing from the last shard", parts, with("d/w.bin", "weight"), Options{}, "d/w.bin changed (it has 6 bytes, and 7 were signed)", ""},
		{"a file more beside shards", parts, with("x.bin", ""), Options{}, "x.bin not signed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := content(t, c.payload).Compare(t.Context(), c.dir, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, inWords(got)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if left := strings.Join(got.Left, ", "); left != c.left {
				t.Errorf("left out %q, want %q", left, c.left)
			}
		})
	}
}

func inWords(c *Comparison) string {
	var all []string
	for _, d := range c.Differs {
		text := d.Path + " " + d.What
		if d.Note != "" {
			text += " (" + d.Note + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestCompareSingleFile(t *testing.T) {
	one := func(name string) string { return statement(resource(name, hexSum("weights")), byFilesJSON) }
	for _, c := range []struct{ name, payload, file, want, fails string }{
		{"by its name", one("w.bin"), "d/w.bin", "", ""},
		{"by a dot, as older signers have it", one("."), "d/w.bin", "", ""},
		{"another file", one("."), "config.json", ". changed", ""},
		{"another name", one("v.bin"), "d/w.bin", "v.bin missing, w.bin not signed", ""},
		{"a directory's signature", statement(twoResources, byFilesJSON), "d/w.bin", "", "give their directory"},
		{"a file's signature for a directory", one("."), "", "", "give the file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := content(t, c.payload).Compare(t.Context(), with(), Options{File: c.file})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("Compare = %v, want an error with %q", err, c.fails)
				}
				return
			}
			if err != nil || inWords(got) != c.want {
				t.Errorf("Compare = %q, %v, want %q", inWords(got), err, c.want)
			}
		})
	}
}

func TestCompareHashes(t *testing.T) {
	sum := blake2b.Sum512([]byte("weights"))
	payload := func(name string, digest []byte) string {
		res := fmt.Sprintf(`{"name":"w","digest":"%x","algorithm":%q}`, digest, name)
		return statement(res, `{"method":"files","hash_type":"`+name+`","allow_symlinks":false}`)
	}
	dir := fstest.MapFS{"w": {Data: []byte("weights")}}
	if got, err := content(t, payload("blake2b", sum[:])).Compare(t.Context(), dir, Options{}); err != nil || got.Differs != nil {
		t.Errorf("Compare(blake2b) = %v, %v, want no difference", got, err)
	}
	sum[0] ^= 1
	got, err := content(t, payload("blake2b", sum[:])).Compare(t.Context(), dir, Options{})
	if err != nil || len(got.Differs) != 1 || got.Differs[0].Want != hex.EncodeToString(sum[:]) {
		t.Errorf("Compare(another blake2b) = %v, %v, want a difference", got, err)
	}
	// As Python's blake3 package has it.
	sum3, err := hex.DecodeString("3edc5c4a5df8c79ef4f8dbdc373cd21ca041ccf39fe5693250d004092094dc4a")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := content(t, payload("blake3", sum3)).Compare(t.Context(), dir, Options{}); err != nil || got.Differs != nil {
		t.Errorf("Compare(blake3) = %v, %v, want no difference", got, err)
	}
	sum3[0] ^= 1
	if got, err := content(t, payload("blake3", sum3)).Compare(t.Context(), dir, Options{}); err != nil || len(got.Differs) != 1 {
		t.Errorf("Compare(another blake3) = %v, %v, want a difference", got, err)
	}
	for _, name := range []string{"md5", "sha512", "BLAKE3"} {
		res := fmt.Sprintf(`{"name":"w","digest":"%x","algorithm":%q}`, sum[:32], name)
		_, err := Parse([]byte(bundle(statement(res, `{"method":"files","hash_type":"`+name+`","allow_symlinks":false}`), keyMaterial, []byte("sig"))))
		if err == nil || !strings.Contains(err.Error(), "want sha256, blake2b or blake3") {
			t.Errorf("Parse of a signature over %s = %v, want an error that names the hashes", name, err)
		}
	}
}

// Links are followed inside the model alone, and only where nothing else can be
// reached.
func TestCompareLinks(t *testing.T) {
	make := func(t *testing.T, link, to string) string {
		dir := filepath.Join(t.TempDir(), "m")
		if err := os.CopyFS(dir, files); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "..", "outside"), []byte("weights"), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Remove(filepath.Join(dir, link))
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
		return dir
	}
	c := content(t, statement(twoResources+","+resource("l", hexSum("weights")), byFilesJSON))
	for _, test := range []struct{ name, link, to, want string }{
		{"to a file inside", "l", "d/w.bin", ""},
		{"to a file outside", "l", "../outside", "l"},
		{"to an absolute path", "l", "/etc/passwd", "l"},
		{"to nothing", "l", "nothing", "l"},
		{"to a folder", "l", "d", "not a regular file"},
		{"to itself", "l", "l", "l"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := make(t, test.link, test.to)
			dir, err := model.OpenDir(name)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			got, err := c.Compare(t.Context(), dir, Options{})
			if test.want == "" && (err != nil || got.Differs != nil) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Compare = %+v, %v, want an error with %q", got, err, test.want)
			}
			if _, err := c.Compare(t.Context(), os.DirFS(name).(fs.ReadLinkFS), Options{}); err == nil {
				t.Error("Compare in a file system that may lead outside = nil, want an error")
			}
		})
	}
}

// A snapshot in the Hub's cache is of links to blobs beside it, which are read.
func TestCompareSnapshot(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "models--o--m")
	snapshot := filepath.Join(cache, "snapshots", "abc")
	for _, dir := range []string{filepath.Join(cache, "blobs"), filepath.Join(snapshot, "d")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, blob := range map[string]string{"config.json": "../../blobs/1", "d/w.bin": "../../../blobs/2"} {
		if err := os.WriteFile(filepath.Join(cache, "blobs", filepath.Base(blob)), files[name].Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(blob, filepath.Join(snapshot, name)); err != nil {
			t.Skip(err)
		}
	}
	dir, err := model.OpenDir(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	got, err := content(t, statement(twoResources, byFilesJSON)).Compare(t.Context(), dir, Options{})
	if err != nil || got.Differs != nil || got.Files != 2 {
		t.Errorf("Compare(snapshot) = %+v, %v, want two files without a difference", got, err)
	}
	if _, err := Describe(t.Context(), dir, "m", Options{}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("Describe(snapshot) = %v, want an error: links are not signed", err)
	}
}

// restless is a model that changes as its file config.json is opened, or read.
type restless struct {
	fstest.MapFS
	change func()
	late   bool // at the first read, not before
}

func (r *restless) Open(name string) (fs.File, error) {
	if name == "config.json" && !r.late {
		r.change()
	}
	f, err := r.MapFS.Open(name)
	if err != nil || name != "config.json" || !r.late {
		return f, err
	}
	return &restlessFile{f, r}, nil
}

type restlessFile struct {
	fs.File
	of *restless
}

func (f *restlessFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.of.change()
	return n, err
}

// Stat is of what the name stands for now, as it is of a file on disk.
func (f *restlessFile) Stat() (fs.FileInfo, error) { return f.of.MapFS.Stat("config.json") }

func TestChangingModel(t *testing.T) {
	// One file is read at a time, the larger d/w.bin first.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	later := &fstest.MapFile{Data: []byte("{}"), ModTime: time.Unix(1, 0)}
	c := content(t, statement(twoResources, byFilesJSON))
	for _, test := range []struct {
		name   string
		late   bool
		change func(fstest.MapFS)
		want   string
	}{
		{"a file is added", false, func(m fstest.MapFS) { m["x"] = &fstest.MapFile{} }, `"x": changed`},
		{"a file that was read is replaced", true, func(m fstest.MapFS) { m["d/w.bin"] = later }, `"d/w.bin": changed`},
		{"a file that was read is removed", true, func(m fstest.MapFS) { delete(m, "d/w.bin") }, `"d/w.bin": changed`},
		{"a file is replaced before it is opened", false, func(m fstest.MapFS) { m["config.json"] = later }, `"config.json": changed`},
		{"a file is written to while it is read", true, func(m fstest.MapFS) { m["config.json"] = later }, `"config.json": changed`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, do := range map[string]func(fs.FS) error{
				"Compare":  func(m fs.FS) error { _, err := c.Compare(t.Context(), m, Options{}); return err },
				"Describe": func(m fs.FS) error { _, err := Describe(t.Context(), m, "m", Options{}); return err },
			} {
				m := &restless{MapFS: with(), late: test.late}
				m.change = func() { test.change(m.MapFS) }
				if err := do(m); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s = %v, want an error with %q", name, err, test.want)
				}
			}
		})
	}
}

// fleeting is a model in which another file has the name of config.json while it is
// open, from the nth look at it on, and never else.
type fleeting struct {
	fstest.MapFS
	looks *int
}

type fleetingFile struct {
	fs.File
	of fleeting
}

func (f fleeting) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if err != nil || name != "config.json" {
		return file, err
	}
	return fleetingFile{file, f}, nil
}

func (f fleetingFile) Stat() (fs.FileInfo, error) {
	if *f.of.looks--; *f.of.looks >= 0 {
		return f.File.Stat()
	}
	return fstest.MapFS{"config.json": {Data: []byte("{}"), ModTime: time.Unix(1, 0)}}.Stat("config.json")
}

func TestOpenedFileIsTheListedOne(t *testing.T) {
	c := content(t, statement(twoResources, byFilesJSON))
	for looks, fails := range []bool{true, true, false} { // before it is read, after it
		left := looks
		_, err := c.Compare(t.Context(), fleeting{with(), &left}, Options{})
		if fails != (err != nil) || fails && !strings.Contains(err.Error(), `"config.json": changed`) {
			t.Errorf("Compare where look %d shows another file = %v, want an error: %v", looks, err, fails)
		}
	}
}
