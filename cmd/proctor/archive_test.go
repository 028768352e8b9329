package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

const testManifest = `{"version":1,"issuer":"https://lab.example","made":"2026-06-01T12:00:00Z","ledger":true}`

// tarOf makes an archive of these entries, after a manifest.
func tarOf(t testing.TB, text string, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	write := func(h tar.Header, body string) {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	write(tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Mode: 0o644, Size: int64(len(text))}, text)
	for _, h := range entries {
		write(h, strings.Repeat("x", int(h.Size)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unarchiveInto(t testing.TB, data []byte, most int64) (string, archived, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "around", "home")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, sum, err := unarchive(t.Context(), bytes.NewReader(data), most, root, func(int64) {})
	if files, _ := os.ReadDir(filepath.Dir(dir)); len(files) != 1 {
		t.Errorf("files outside of the home: %v", files)
	}
	return dir, sum, err
}

func noProgress(int64) {}

// filesOf describes what is in a directory: mode, time and content of each file.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += fmt.Sprint(" ", info.ModTime().UnixNano(), " ", data)
		}
		rel, err := filepath.Rel(dir, name)
		files[filepath.ToSlash(rel)] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestArchiveRoundTrip(t *testing.T) {
	h := &home{dir: t.TempDir()}
	for name, mode := range map[string]fs.FileMode{
		"config.toml": 0o644, "keys/ledger.key": 0o600, "keys/ledger.pub": 0o644, "secrets/sets/a/secret": 0o600,
		"ledger/.state/treeState": 0o644, "statements/pending/1": 0o644, strings.Repeat("long/", 12) + strings.Repeat("n", 200): 0o600,
	} {
		name = filepath.Join(h.dir, filepath.FromSlash(name))
		dir := fs.FileMode(0o755)
		if strings.Contains(name, "secrets") {
			dir = 0o700
		}
		if err := os.MkdirAll(filepath.Dir(name), dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, len(name), time.UTC)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(h.dir, "beacons"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := filesOf(t, h.dir)
	for _, name := range []string{"lock", "restored", ".new-1", "ledger/.ledger.lock", "secrets/.new-2", "ledger/left"} {
		if err := os.WriteFile(filepath.Join(h.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	sum, err := h.archive(t.Context(), &b, manifest{Version: 1}, func(name string) bool { return name == "ledger/left" }, noProgress)
	if err != nil || sum.files != 7 {
		t.Fatalf("archive = %+v, %v; want 7 files", sum, err)
	}
	dir, got, err := unarchiveInto(t, b.Bytes(), int64(b.Len()))
	if err != nil || got != sum {
		t.Fatalf("unarchive = %+v, %v; want %+v", got, err, sum)
	}
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	if diff := cmp.Diff(want, filesOf(t, dir)); diff != "" {
		t.Errorf("what came back differs (-want +got):\n%s", diff)
	}
}

func TestArchiveRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		spoil      func(dir string) error
	}{
		{"a link", "secrets: neither a file nor a directory", func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "secrets")) }},
		{"a name with a newline", "has a control character", func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o600) }},
		{"no home", "no such file", os.RemoveAll},
	} {
		h := &home{dir: t.TempDir()}
		if err := tc.spoil(h.dir); err != nil {
			t.Skip(err) // not every system has these
		}
		_, err := h.archive(t.Context(), io.Discard, manifest{}, func(string) bool { return false }, noProgress)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("archive with %s = %v, want an error with %q", tc.name, err, tc.want)
		}
	}
	h := &home{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(h.dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.archive(ctx, io.Discard, manifest{}, func(string) bool { return false }, noProgress); !errors.Is(err, context.Canceled) {
		t.Errorf("archive when interrupted = %v, want %v", err, context.Canceled)
	}
}

func TestUnarchiveRefuses(t *testing.T) {
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 3}
	}
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
	good := tarOf(t, testManifest, dir("keys/"), file("keys/a"))
	if _, sum, err := unarchiveInto(t, good, int64(len(good))); err != nil || sum != (archived{1, 3}) {
		t.Fatalf("unarchive = %+v, %v; want one file of 3 bytes", sum, err)
	}
	sparse := tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 3, PAXRecords: map[string]string{"comment": "x"}, Format: tar.FormatPAX}
	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "it is empty", nil},
		{"no tar", "", []byte(strings.Repeat("x", 2048))},
		{"no manifest", "does not begin with backup.json", func() []byte {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "config.toml"})
			w.Close()
			return b.Bytes()
		}()},
		{"a manifest that is none", "backup.json", tarOf(t, "[]")},
		{"a later version", "a newer proctor", tarOf(t, `{"version":2}`)},
		{"a long manifest", "does not begin with backup.json", tarOf(t, testManifest+strings.Repeat(" ", maxManifest))},
		{"a way out", "is no plain path", tarOf(t, testManifest, file("../around/evil"))},
		{"a way around", "is no plain path", tarOf(t, testManifest, dir("keys/"), file("keys/../../evil"))},
		{"an absolute path", "is no plain path", tarOf(t, testManifest, file("/evil"))},
		{"a path of another system", "is no plain path", tarOf(t, testManifest, file(`c:\evil`))},
		{"the home itself", "is no plain path", tarOf(t, testManifest, dir("./"))},
		{"a control character", "has a control character", tarOf(t, testManifest, file("a\x1bb"))},
		{"a long path", "is longer than", tarOf(t, testManifest, file(strings.Repeat("a", maxFileName+1)))},
		{"a deep path", "is longer than", tarOf(t, testManifest, file(strings.Repeat("a/", maxDepth)+"a"))},
		{"a symbolic link", "neither a file nor a directory", tarOf(t, testManifest, tar.Header{Typeflag: tar.TypeSymlink, Name: "keys", Linkname: "/etc"})},
		{"a hard link", "neither a file nor a directory", tarOf(t, testManifest, tar.Header{Typeflag: tar.TypeLink, Name: "keys", Linkname: "/etc/passwd"})},
		{"a device", "neither a file nor a directory", tarOf(t, testManifest, tar.Header{Typeflag: tar.TypeChar, Name: "keys"})},
		{"a pipe", "neither a file nor a directory", tarOf(t, testManifest, tar.Header{Typeflag: tar.TypeFifo, Name: "keys"})},
		{"an attribute", `has the attribute "comment"`, tarOf(t, testManifest, sparse)},
		{"a file twice", "file exists", tarOf(t, testManifest, file("a"), file("a"))},
		{"a directory twice", "file exists", tarOf(t, testManifest, dir("a/"), dir("a/"))},
		{"a file in no directory", "no such file", tarOf(t, testManifest, file("a/b"))},
		{"a file in a file", "a/b", tarOf(t, testManifest, file("a"), file("a/b"))},
		{"the mark", "nothing that a backup holds", tarOf(t, testManifest, file("restored"))},
		{"a lock", "nothing that a backup holds", tarOf(t, testManifest, file("lock"))},
		{"cut short", "unexpected EOF", good[:len(good)-1024-511]},
		{"more after its end", "data after its end", append(bytes.Clone(good), 'x')},
	} {
		_, _, err := unarchiveInto(t, tc.data, 1<<20)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("unarchive of %s = %v, want an error with %q", tc.name, err, tc.want)
		}
	}
	if _, _, err := unarchiveInto(t, tarOf(t, testManifest, file("a"), file("b"), file("c")), 8); err == nil || !strings.Contains(err.Error(), `"c" has 3 bytes, more than the whole archive`) {
		t.Errorf("unarchive of more than there can be = %v", err)
	}
	// Five bytes that say that they are a gigabyte.
	bomb := tarOf(t, testManifest, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 5, Format: tar.FormatGNU})
	copy(bomb[1024+124:], "10000000000\x00")
	fixChecksum(bomb[1024:1536])
	if _, _, err := unarchiveInto(t, bomb, int64(len(bomb))); err == nil || !strings.Contains(err.Error(), "more than the whole archive") {
		t.Errorf("unarchive of a bomb = %v", err)
	}
}

func fixChecksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header[:512] {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestArchivedMode(t *testing.T) {
	for _, tc := range []struct {
		name string
		mode int64
		dir  bool
		want fs.FileMode
	}{
		{"config.toml", 0o644, false, 0o644},
		{"config.toml", 0o7777, false, 0o644},
		{"config.toml", 0o600, false, 0o600},
		{"keys", 0o755, true, 0o755},
		{"keys", 0o777, true, 0o755},
		{"keys/ledger.key", 0o644, false, 0o600},
		{"keys/ledger.pub", 0o644, false, 0o644},
		{"witness", 0o700, true, 0o700},
		{"witness/key", 0o666, false, 0o600},
		{"secrets", 0o777, true, 0o700},
		{"secrets/runs/a", 0o777, true, 0o700},
		{"secrets/runs/a/responses.jsonl", 0o777, false, 0o600},
		{"statements", 0, true, 0o700},
	} {
		if got := archivedMode(tc.name, tc.mode, tc.dir); got != tc.want {
			t.Errorf("archivedMode(%q, %o, %v) = %o, want %o", tc.name, tc.mode, tc.dir, got, tc.want)
		}
	}
}

// decrypting runs decrypt as the command line would.
func decrypting(t *testing.T, archive io.Reader) error {
	t.Helper()
	t.Setenv(passphraseVariable, "passphrase")
	e := testEnv()
	_, err := e.decrypt(cli.NewContext(e.app(), flag.NewFlagSet("", flag.ContinueOnError), nil), archive)
	return err
}

// What comes before the key is known is bounded too.
func TestDecryptLimits(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(ageIntro), &repeat{text: "-> X25519 " + strings.Repeat("A", 43) + "\n" + strings.Repeat("A", 43) + "\n"})
	if err := decrypting(t, endless); err == nil {
		t.Error("decrypt of an endless header succeeded")
	}
	r, err := age.NewScryptRecipient("passphrase")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r)
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if err := decrypting(t, bytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("decrypt = %v", err)
	}
	hard := bytes.Replace(b.Bytes(), []byte(" 10\n"), []byte(" 21\n"), 1)
	if err := decrypting(t, bytes.NewReader(hard)); err == nil || !strings.Contains(err.Error(), "work factor too large") {
		t.Errorf("decrypt with a work factor of 21 = %v", err)
	}
}

// repeat is a text without an end.
type repeat struct {
	text string
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(p), nil
}

func FuzzUnarchive(f *testing.F) {
	f.Add(tarOf(f, testManifest, tar.Header{Typeflag: tar.TypeDir, Name: "keys/", Mode: 0o755}, tar.Header{Typeflag: tar.TypeReg, Name: "keys/a", Mode: 0o600, Size: 3}))
	f.Add(tarOf(f, testManifest, tar.Header{Typeflag: tar.TypeSymlink, Name: "keys", Linkname: "/etc"}))
	f.Add(tarOf(f, testManifest, tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat("long/", 30) + "n", Format: tar.FormatPAX}))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir, sum, err := unarchiveInto(t, data, int64(len(data)))
		if err != nil {
			return
		}
		var got archived
		err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() || info.Mode().Perm()&^0o644 != 0 {
				t.Errorf("%s has mode %s", name, info.Mode())
			}
			got.files++
			got.bytes += info.Size()
			return nil
		})
		if err != nil || got != sum || sum.bytes > int64(len(data)) {
			t.Errorf("unarchive says %+v, and there are %+v, %v", sum, got, err)
		}
	})
}

// BenchmarkArchive packs 64 MiB of secrets, encrypted; the memory it takes is not that
// of the archive.
func BenchmarkArchive(b *testing.B) {
	h := &home{dir: b.TempDir()}
	if err := os.WriteFile(filepath.Join(h.dir, "items.jsonl"), make([]byte, 64<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		w, err := age.Encrypt(io.Discard, identity.Recipient())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.archive(b.Context(), w, manifest{}, func(string) bool { return false }, noProgress); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
