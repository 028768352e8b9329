package oms

import (
	"crypto/elliptic"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func describe(t testing.TB, dir fstest.MapFS, opts Options) *Content {
	t.Helper()
	c, err := Describe(t.Context(), dir, "m", opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is described and signed is read again, whatever the method.
func TestDescribe(t *testing.T) {
	dir := with("d.txt", "x", ".git/HEAD", "x", ".gitignore", "x", "d/.gitignore", "y", "empty", "", "lib/a", "x", "model.sig", "old", "ü \"x\".bin", "u")
	c := describe(t, dir, Options{Ignore: []string{"lib"}, Signature: "model.sig"})
	payload, err := c.Statement()
	if err != nil {
		t.Fatal(err)
	}
	p384 := newKey(t, elliptic.P384())
	key := public(t, p384.Public())
	bundled, err := Format(payload, sign(t, p384, string(payload)), key)
	if err != nil {
		t.Fatal(err)
	}
	s := parse(t, string(bundled))
	if err := s.CheckKey(key); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(c, &s.Content); diff != "" {
		t.Errorf("content (-described +read):\n%s", diff)
	}
	var names []string
	for _, r := range s.Content.Resources {
		names = append(names, r.Path)
	}
	// By bytes: Python would have d/w.bin before d.txt, and takes either.
	want := []string{"config.json", "d.txt", "d/.gitignore", "d/w.bin", "empty", "ü \"x\".bin"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{".git", ".gitattributes", ".github", ".gitignore", "lib", "model.sig"}, s.Content.Ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	got, err := s.Content.Compare(t.Context(), dir, Options{Ignore: []string{"lib"}, Signature: "model.sig"})
	if err != nil || got.Differs != nil || got.Files != len(want) || slices.Contains(got.Left, "model.sig") {
		t.Errorf("Compare = %+v, %v, want %d files without a difference", got, err, len(want))
	}

	leaf := issue(t, "self", nil, p384, func(*x509.Certificate) {})
	chained, err := FormatChain(payload, sign(t, p384, string(payload)), []*x509.Certificate{leaf.cert})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(t, string(chained)).CheckChain([]*x509.Certificate{leaf.cert}, noon); err != nil {
		t.Error(err)
	}
	for name, chain := range map[string][]*x509.Certificate{
		"no certificate":                nil,
		"a certificate of another":      {issue(t, "other", nil, newKey(t, elliptic.P384()), func(*x509.Certificate) {}).cert},
		"a certificate for no such use": {issue(t, "ca", nil, p384, authority).cert},
	} {
		if _, err := FormatChain(payload, sign(t, p384, string(payload)), chain); err == nil {
			t.Errorf("FormatChain with %s = nil, want an error", name)
		}
	}
}

func TestDescribeSingleFile(t *testing.T) {
	c := describe(t, with(), Options{File: "d/w.bin"})
	if len(c.Resources) != 1 || c.Resources[0].Path != "." {
		t.Errorf("Describe(one file) lists %v, want a dot", c.Resources)
	}
	if got, err := c.Compare(t.Context(), with(), Options{File: "d/w.bin"}); err != nil || got.Differs != nil {
		t.Errorf("Compare(the file) = %+v, %v, want no difference", got, err)
	}
}

// Swapped names leave the root as it is: it is not what files are compared by.
func TestRootBindsNoNames(t *testing.T) {
	a := describe(t, fstest.MapFS{"a": {Data: []byte("1")}, "b": {Data: []byte("2")}}, Options{})
	b := describe(t, fstest.MapFS{"x": {Data: []byte("1")}, "y": {Data: []byte("2")}}, Options{})
	if a.Root != b.Root {
		t.Error("the root depends on names; then the specification was misread")
	}
}

func TestDescribeRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		dir  fstest.MapFS
		opts Options
		want string
	}{
		{"nothing", fstest.MapFS{}, Options{}, "no file to sign"},
		{"git's own alone", fstest.MapFS{".gitignore": {Data: []byte("x")}}, Options{}, "no file to sign"},
		{"a pointer", with("w.safetensors", "version https://git-lfs.github.com/spec/v1\n"), Options{}, "git lfs pull"},
		{"to ignore what is elsewhere", with(), Options{Ignore: []string{"../x"}}, "not a path inside"},
		{"to ignore everything", with(), Options{Ignore: []string{"."}}, "not a path inside"},
		{"a name that is not UTF-8", with("\xff", "x"), Options{}, "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Describe(t.Context(), c.dir, "m", c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Describe = %v, want an error with %q", err, c.want)
			}
		})
	}
	t.Run("a link", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("a", filepath.Join(dir, "b")); err != nil {
			t.Skip(err)
		}
		if _, err := Describe(t.Context(), os.DirFS(dir), "m", Options{}); err == nil || !strings.Contains(err.Error(), `"b": symbolic link`) {
			t.Errorf("Describe = %v, want an error that names the link", err)
		}
		if _, err := Describe(t.Context(), os.DirFS(dir), "m", Options{Ignore: []string{"b"}}); err != nil {
			t.Errorf("Describe without the link = %v, want nil", err)
		}
	})
}
