//go:build unix

package tiles_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

const origin = "ledger.example/log"

// keyOf returns the key pair of an origin that a name gives.
func keyOf(t testing.TB, origin, name string) (vkey string, signer note.Signer) {
	t.Helper()
	seed := sha256.Sum256([]byte("test key of " + name))
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(vkey, "+")[1]
	signer, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	return vkey, signer
}

// configIn returns the Config of a ledger under a directory.
func configIn(t testing.TB, root string) tiles.Config {
	t.Helper()
	vkey, signer := keyOf(t, origin, "log")
	return tiles.Config{Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer}
}

// newLedger creates a ledger with n entries, entry(0) and on.
func newLedger(t testing.TB, n int) tiles.Config {
	t.Helper()
	c := configIn(t, t.TempDir())
	if err := tiles.Create(t.Context(), c); err != nil {
		t.Fatalf("Create = %v", err)
	}
	appendTo(t, c, 0, n)
	return c
}

// appendTo opens a ledger and appends entry(from) and on, up to entry(to-1).
func appendTo(t testing.TB, c tiles.Config, from, to int) {
	t.Helper()
	if from == to {
		return
	}
	l := open(t, c)
	for i := from; i < to; i++ {
		a, err := l.Append(t.Context(), entry(i))
		if err != nil || a.Index != uint64(i) || a.Dup {
			t.Fatalf("Append(%q) = %d, %v, %v; want index %d", entry(i), a.Index, a.Dup, err, i)
		}
		verify(t, c, entry(i), a)
	}
	closeLog(t, l)
}

func entry(i int) []byte { return fmt.Appendf(nil, "entry %d", i) }

func open(t testing.TB, c tiles.Config) *tiles.Log {
	t.Helper()
	l, err := tiles.Open(t.Context(), c)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return l
}

func closeLog(t testing.TB, l *tiles.Log) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Fatalf("Close = %v", err)
	}
}

// verify checks a proof as a stranger would, with a policy that asks no witness.
func verify(t testing.TB, c tiles.Config, entry []byte, a ledger.Appended) {
	t.Helper()
	policy, err := ledger.ParsePolicy([]byte("log " + c.Key + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := policy.Verify(entry, a.Proof, time.Unix(0, 0))
	if err != nil || v.Index != a.Index {
		t.Errorf("Verify(%q, %q) = %+v, %v; want index %d", entry, a.Proof, v, err, a.Index)
	}
}

// clone copies a ledger's directory and returns the copy's Config, which has the
// same anchor.
func clone(t testing.TB, c tiles.Config) tiles.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(dir, os.DirFS(c.Dir)); err != nil {
		t.Fatal(err)
	}
	c.Dir = dir
	return c
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// flip inverts the last bit of a file.
func flip(t testing.TB, name string) {
	t.Helper()
	data := []byte(readFile(t, name))
	data[len(data)-1] ^= 1
	writeFile(t, name, string(data))
}

// snapshot returns the files under a directory, without its lock files.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.Contains(strings.ToLower(d.Name()), "lock") {
			files[name] = readFile(t, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantError checks that err wraps is, if any, and contains text.
func wantError(t testing.TB, call string, err, is error, text string) {
	t.Helper()
	if err == nil || is != nil && !isError(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want %v with %q", call, err, is, text)
	}
}
