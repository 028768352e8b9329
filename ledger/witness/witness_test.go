package witness_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// A testLog signs trees of up to 255 leaves, of which leaf i is byte seed+i, and
// serves their one tile.
type testLog struct {
	origin string
	seed   byte
	signer note.Signer
	vkey   string
}

func newLog(t testing.TB, origin, keyName string, seed byte) *testLog {
	t.Helper()
	sum := sha256.Sum256([]byte("test key of " + keyName))
	key := ed25519.NewKeyFromSeed(sum[:])
	vkey, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(vkey, "+")[1]
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, base64.StdEncoding.EncodeToString(append([]byte{1}, sum[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{origin, seed, signer, vkey}
}

func (l *testLog) ReadTile(_ context.Context, _, _ uint64, p uint8) ([]byte, error) {
	var tile []byte
	for i := range p {
		tile = append(tile, rfc6962.DefaultHasher.HashLeaf([]byte{l.seed + i})...)
	}
	return tile, nil
}

func (l *testLog) ReadCheckpoint(context.Context) ([]byte, error) { return nil, fs.ErrNotExist }

func (l *testLog) ReadEntryBundle(context.Context, uint64, uint8) ([]byte, error) {
	return nil, fs.ErrNotExist
}

func (l *testLog) root(from, to int) []byte {
	switch to - from {
	case 0:
		return rfc6962.DefaultHasher.EmptyRoot()
	case 1:
		return rfc6962.DefaultHasher.HashLeaf([]byte{l.seed + byte(from)})
	}
	k := 1
	for k*2 < to-from {
		k *= 2
	}
	return rfc6962.DefaultHasher.HashChildren(l.root(from, from+k), l.root(from+k, to))
}

// checkpoint returns the signed checkpoint of the first size leaves.
func (l *testLog) checkpoint(t testing.TB, size uint8) []byte {
	t.Helper()
	return l.sign(t, fmt.Sprintf("%s\n%d\n%s\n", l.origin, size, base64.StdEncoding.EncodeToString(l.root(0, int(size)))))
}

func (l *testLog) sign(t testing.TB, text string) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (l *testLog) consistency(t testing.TB, old, size uint8) [][32]byte {
	t.Helper()
	proof, err := ledger.ProveConsistency(t.Context(), l, uint64(old), uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

const origin = "ledger.example/log"

// newWitness makes a witness of one log, whose clock says 1000.
func newWitness(t testing.TB, name string, l *testLog) *witness.Witness {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "w")
	if err := witness.Create(dir, name, "https://"+name); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir)
	if err := w.AddLog(l.vkey); err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t testing.TB, dir string) *witness.Witness {
	t.Helper()
	w, err := witness.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = clock(1000)
	return w
}

func clock(seconds int64) func() time.Time {
	return func() time.Time { return time.Unix(seconds, 999) }
}

// cosigned fails the test unless line is w's cosignature of the checkpoint.
func cosigned(t testing.TB, w *witness.Witness, checkpoint, line []byte, want int64) {
	t.Helper()
	key, err := ledger.ParseWitnessKey(w.VKey())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(line, []byte("\n")) != 1 {
		t.Errorf("answer is %q, want one line", line)
	}
	got, err := key.Cosigned(append(bytes.Clone(checkpoint), line...))
	if err != nil || got.Unix() != want {
		t.Errorf("the cosignature %q is of %v, %v; want %d", line, got, err, want)
	}
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := witness.Create(dir, "w.example/1", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir)
	if w.Name() != "w.example/1" || w.Operator() != "https://w.example" {
		t.Errorf("Open = %q by %q, want %q by %q", w.Name(), w.Operator(), "w.example/1", "https://w.example")
	}
	if logs, err := w.Logs(); len(logs) != 0 || err != nil {
		t.Errorf("Logs() = %v, %v; want none", logs, err)
	}
	policy := "log " + newLog(t, origin, "log", 0).vkey + "\nwitness W " + w.VKey() + "\nquorum W\n"
	if _, err := ledger.ParsePolicy([]byte(policy)); err != nil {
		t.Errorf("ParsePolicy(%q) = %v, want no error", policy, err)
	}
	for _, f := range []struct {
		name string
		perm fs.FileMode
	}{{"key", 0o600}, {"pub", 0o644}} {
		info, err := os.Stat(filepath.Join(dir, f.name))
		if err != nil || info.Mode().Perm() != f.perm && os.PathSeparator == '/' {
			t.Errorf("Stat(%q) = %v, %v; want mode %v", f.name, info, err, f.perm)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, tc := range []struct{ name, witness, operator, want string }{
		{"no operator", "w.example", " ", "operator"},
		{"operator of two lines", "w.example", "a\nb", "operator"},
		{"operator with CR", "w.example", "a\rb", "operator"},
		{"no name", "", "https://w.example", "name"},
		{"name with a space", "w example", "https://w.example", "name"},
		{"name with plus", "w+example", "https://w.example", "name"},
		{"long name", strings.Repeat("w", 256), "https://w.example", "256 bytes"},
	} {
		dir := filepath.Join(t.TempDir(), "w")
		err := witness.Create(dir, tc.witness, tc.operator)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Create(%q, %q) = %v, want an error with %q", tc.witness, tc.operator, err, tc.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("Create(%q, %q) failed and left a directory", tc.witness, tc.operator)
		}
	}
	for _, name := range []string{"key", "pub", "logs", "restored"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := witness.Create(dir, "w.example", "https://w.example"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create beside %q = %v, want %v", name, err, fs.ErrExist)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(dir string) error
		want  string
	}{
		{"no operator", func(d string) error { return os.Remove(filepath.Join(d, "operator")) }, "operator"},
		{"no pub", func(d string) error { return os.Remove(filepath.Join(d, "pub")) }, "pub"},
		{"no key", func(d string) error { return os.Remove(filepath.Join(d, "key")) }, "key"},
		{"operator of two lines", func(d string) error { return write(d, "operator", "a\nb\n") }, "operator is not one line"},
		{"pub cut", func(d string) error { return write(d, "pub", "w.example+") }, "pub is not one line"},
		{"pub malformed", func(d string) error { return write(d, "pub", "w.example\n") }, "is not a verifier key"},
		{"key malformed", func(d string) error { return write(d, "key", "PRIVATE+KEY+w.example+00000000+secret!\n") }, "malformed signing key"},
		{"key cut", func(d string) error { return write(d, "key", "PRIVATE+KEY\n") }, "malformed signing key"},
		{"key of another kind", func(d string) error {
			skey, err := os.ReadFile(filepath.Join(d, "key"))
			return errors.Join(err, write(d, "key", strings.Replace(string(skey), "PRIVATE", "PUBLIC", 1)))
		}, "malformed signing key"},
		{"key of another witness", func(d string) error {
			skey, _, err := note.GenerateKey(nil, "w.example")
			return errors.Join(err, write(d, "key", skey+"\n"))
		}, "does not belong to"},
		{"key of another name", func(d string) error {
			skey, err := os.ReadFile(filepath.Join(d, "key"))
			return errors.Join(err, write(d, "key", strings.Replace(string(skey), "w.example", "x.example", 1)))
		}, "does not belong to"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "w")
			if err := errors.Join(witness.Create(dir, "w.example", "https://w.example"), tc.spoil(dir)); err != nil {
				t.Fatal(err)
			}
			_, err := witness.Open(dir)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Open = %v, want an error with %q", err, tc.want)
			}
			if skey, _ := os.ReadFile(filepath.Join(dir, "key")); err != nil && len(skey) > 0 {
				// Five parts at most: base64 of a seed can hold a plus itself.
				parts := strings.SplitN(strings.TrimSpace(string(skey)), "+", 5)
				if secret := parts[len(parts)-1]; strings.Contains(err.Error(), secret) {
					t.Errorf("Open = %v, which tells the key", err)
				}
			}
		})
	}
}

func write(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
}

func TestAddLog(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	second := newLog(t, "second.example/log", "second", 0)
	for range 2 {
		for _, vkey := range []string{l.vkey, second.vkey} {
			if err := w.AddLog(vkey); err != nil {
				t.Errorf("AddLog(%q) = %v, want no error", vkey, err)
			}
		}
	}
	logs, err := w.Logs()
	if err != nil || len(logs) != 2 || logs[0].VKey != l.vkey || logs[1].VKey != second.vkey {
		t.Errorf("Logs() = %+v, %v; want the two added", logs, err)
	}
	if err := w.AddLog(newLog(t, origin, "another key", 0).vkey); err == nil || !strings.Contains(err.Error(), "by another key") {
		t.Errorf("AddLog with another key = %v, want an error", err)
	}
	if err := w.AddLog("nonsense"); err == nil {
		t.Error(`AddLog("nonsense") = nil, want an error`)
	}
	// To add a log again must not make the witness forget.
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
		t.Fatal(err)
	}
	if err := w.AddLog(l.vkey); err != nil {
		t.Fatal(err)
	}
	if signed, err := w.Checkpoint(origin); err != nil || len(signed) == 0 {
		t.Errorf("Checkpoint(%q) = %q, %v; want that of size 5", origin, signed, err)
	}
}

// A crash after the state was written and before the list: the state stays.
func TestAddLogKeepsState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	w, l := open(t, dir), newLog(t, origin, "log", 0)
	if err := w.AddLog(l.vkey); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, "logs", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.AddLog(l.vkey); err != nil {
		t.Fatal(err)
	}
	var conflict *witness.ConflictError
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); !errors.As(err, &conflict) || conflict.Size != 5 {
		t.Errorf("AddCheckpoint = %v, want a conflict with size 5", err)
	}
}

func TestAddCheckpoint(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	if signed, err := w.Checkpoint(origin); signed != nil || err != nil {
		t.Errorf("Checkpoint(%q) of a new witness = %q, %v; want none", origin, signed, err)
	}
	for _, step := range []struct {
		old, size uint8
		now       int64
	}{
		{0, 0, 1000}, // an empty tree
		{0, 3, 1000}, // no proof from 0
		{3, 8, 1001},
		{8, 8, 1001}, // again
		{8, 8, 1005}, // again, later
		{8, 200, 1005},
	} {
		w.Now = clock(step.now)
		checkpoint := l.checkpoint(t, step.size)
		line, err := w.AddCheckpoint(t.Context(), uint64(step.old), l.consistency(t, step.old, step.size), checkpoint)
		if err != nil {
			t.Fatalf("AddCheckpoint(%d → %d) = %v", step.old, step.size, err)
		}
		cosigned(t, w, checkpoint, line, step.now)
		signed, err := w.Checkpoint(origin)
		if c, _ := ledger.ParseCheckpoint(signed); err != nil || c.Size != uint64(step.size) || !bytes.Contains(signed, line) {
			t.Errorf("Checkpoint(%q) = %q, %v; want that of size %d with %q", origin, signed, err, step.size, line)
		}
	}
}

// What a log adds to its checkpoint is cosigned with it, though no witness says that
// it is so.
func TestAddCheckpointWithExtension(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	w.Now = clock(1000)
	text, _, _ := strings.Cut(string(l.checkpoint(t, 8)), "\n\n")
	extended := l.sign(t, text+"\nan extension line\n")
	line, err := w.AddCheckpoint(t.Context(), 0, nil, extended)
	if err != nil {
		t.Fatal(err)
	}
	cosigned(t, w, extended, line, 1000)
}

func TestAddCheckpointRefuses(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	fork := newLog(t, origin, "log", 1)
	stranger := newLog(t, "stranger.example/log", "stranger", 0)
	impostor := newLog(t, origin, "impostor", 0)
	good := l.checkpoint(t, 8)
	proof := l.consistency(t, 5, 8)
	text, sigs, _ := strings.Cut(string(good), "\n\n")
	for _, tc := range []struct {
		name       string
		old        uint64
		proof      [][32]byte
		checkpoint []byte
		want       error
	}{
		{"no checkpoint", 5, nil, nil, witness.ErrBadRequest},
		{"not a checkpoint", 5, proof, []byte("x\n\n" + sigs), witness.ErrBadRequest},
		{"empty extension line", 5, proof, l.sign(t, text+"\n\n"), witness.ErrBadRequest},
		{"old size above", 9, nil, good, witness.ErrBadRequest},
		{"unknown log", 0, nil, stranger.checkpoint(t, 8), witness.ErrUnknownLog},
		{"another key", 5, proof, impostor.checkpoint(t, 8), witness.ErrNotSigned},
		{"another text", 5, proof, []byte(strings.Replace(string(good), "\n8\n", "\n9\n", 1)), witness.ErrNotSigned},
		{"bad proof", 5, append([][32]byte{{1}}, proof[1:]...), good, witness.ErrNotConsistent},
		{"no proof", 5, nil, good, witness.ErrNotConsistent},
		{"proof too long", 5, append(proof[:len(proof):len(proof)], [32]byte{}), good, witness.ErrNotConsistent},
		{"superfluous proof", 5, [][32]byte{{1}}, l.checkpoint(t, 5), witness.ErrNotConsistent},
		{"fork", 5, fork.consistency(t, 5, 8), fork.checkpoint(t, 8), witness.ErrNotConsistent},
		{"fork of one size", 5, nil, fork.checkpoint(t, 5), ledger.ErrRollback},
		{"fork of one size", 5, nil, fork.checkpoint(t, 5), witness.ErrNotConsistent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWitness(t, "w.example", l)
			if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
				t.Fatal(err)
			}
			line, err := w.AddCheckpoint(t.Context(), tc.old, tc.proof, tc.checkpoint)
			if !errors.Is(err, tc.want) || line != nil {
				t.Errorf("AddCheckpoint = %q, %v; want %v", line, err, tc.want)
			}
			// The refused request changed nothing.
			if line, err = w.AddCheckpoint(t.Context(), 5, proof, good); err != nil {
				t.Errorf("AddCheckpoint(5 → 8) = %v, want no error", err)
			}
			cosigned(t, w, good, line, 1000)
		})
	}
}

func TestConflict(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ old, size uint8 }{{0, 8}, {4, 8}, {6, 8}, {0, 5}, {3, 3}, {0, 3}, {0, 0}} {
		_, err := w.AddCheckpoint(t.Context(), uint64(tc.old), l.consistency(t, tc.old, tc.size), l.checkpoint(t, tc.size))
		var conflict *witness.ConflictError
		if !errors.As(err, &conflict) || conflict.Size != 5 {
			t.Errorf("AddCheckpoint(%d → %d) = %v, want a conflict with size 5", tc.old, tc.size, err)
		}
	}
}

func TestClock(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	for _, step := range []struct {
		old, size uint8
		now       int64
		want      error
	}{
		{0, 3, 0, witness.ErrClock}, // zero says "no time"
		{0, 3, -5, witness.ErrClock},
		{0, 3, 1000, nil},
		{3, 8, 999, witness.ErrClock},
		{3, 3, 999, witness.ErrClock},
		{3, 8, 1000, nil},
	} {
		w.Now = clock(step.now)
		_, err := w.AddCheckpoint(t.Context(), uint64(step.old), l.consistency(t, step.old, step.size), l.checkpoint(t, step.size))
		if !errors.Is(err, step.want) {
			t.Errorf("AddCheckpoint(%d → %d) at %d = %v, want %v", step.old, step.size, step.now, err, step.want)
		}
	}
}

// A witness that reads a lost, empty or foreign record as "nothing yet" would
// cosign a second history.
func TestState(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	fork := newLog(t, origin, "log", 1)
	second := newLog(t, "second.example/log", "second", 0)
	sum := sha256.Sum256([]byte(origin))
	state := fmt.Sprintf("%x", sum)
	sum = sha256.Sum256([]byte(second.origin))
	secondState := fmt.Sprintf("%x", sum)
	for _, tc := range []struct {
		name  string
		spoil func(dir string) error
		want  string
	}{
		{"untouched", func(string) error { return nil }, "last cosigned size 5"},
		{"lost", func(d string) error { return os.Remove(filepath.Join(d, state)) }, "is lost"},
		{"damaged", func(d string) error { return write(d, state, "x") }, "note without"},
		{"not cosigned", func(d string) error { return write(d, state, string(fork.checkpoint(t, 5))) }, "no dated cosignature"},
		{"of another log", func(d string) error { return os.Rename(filepath.Join(d, secondState), filepath.Join(d, state)) }, "it is of another log"},
		{"text changed", func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, state))
			return errors.Join(err, write(d, state, strings.Replace(string(b), "\n5\n", "\n4\n", 1)))
		}, "does not verify"},
		{"list of logs damaged", func(d string) error { return write(d, "logs", "x\n") }, "line 1"},
		{"list of logs lost", func(d string) error { return os.Remove(filepath.Join(d, "logs")) }, "logs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "w")
			if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
				t.Fatal(err)
			}
			w := open(t, dir)
			for _, l := range []*testLog{l, second} {
				if err := w.AddLog(l.vkey); err != nil {
					t.Fatal(err)
				}
				if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tc.spoil(dir); err != nil {
				t.Fatal(err)
			}
			line, err := open(t, dir).AddCheckpoint(t.Context(), 0, nil, fork.checkpoint(t, 5))
			if err == nil || line != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("AddCheckpoint = %q, %v; want an error with %q", line, err, tc.want)
			}
		})
	}
}

// grown is a testLog of some size, as a Reader.
type grown struct {
	*testLog
	checkpoint []byte
}

func (g grown) ReadCheckpoint(context.Context) ([]byte, error) { return g.checkpoint, nil }

// A witness from a backup knows the tree of size 5 and has cosigned one of size 8
// since. Until it is told, it cosigns nothing; told, it goes on from there.
func TestRestored(t *testing.T) {
	l, fork := newLog(t, origin, "log", 0), newLog(t, origin, "log", 1)
	second, third := newLog(t, "second.example/log", "second", 0), newLog(t, "third.example/log", "third", 0)
	dir := filepath.Join(t.TempDir(), "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir)
	w.Now = clock(1000)
	for _, l := range []*testLog{l, second} {
		if err := w.AddLog(l.vkey); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if logs, err := w.Restored(); len(logs) != 0 || err != nil {
		t.Errorf("Restored() = %v, %v; want none", logs, err)
	}
	if err := witness.MarkRestored(dir); err != nil {
		t.Fatal(err)
	}
	if logs, err := w.Restored(); len(logs) != 2 || err != nil {
		t.Errorf("Restored() = %v, %v; want both", logs, err)
	}
	if err := witness.Create(dir, "w.example", "https://w.example"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create = %v, want %v", err, fs.ErrExist)
	}
	for _, l := range []*testLog{l, fork, second} {
		if line, err := w.AddCheckpoint(t.Context(), 5, l.consistency(t, 5, 8), l.checkpoint(t, 8)); line != nil || !errors.Is(err, witness.ErrRestored) {
			t.Errorf("AddCheckpoint = %q, %v; want %v", line, err, witness.ErrRestored)
		}
	}
	if err := w.AddLog(third.vkey); !errors.Is(err, witness.ErrRestored) {
		t.Errorf("AddLog = %v, want %v", err, witness.ErrRestored)
	}

	since := l.checkpoint(t, 8) // as it was cosigned after the backup
	since = append(since, cosignedAt(t, dir, l, 8, 2000)...)
	for _, tc := range []struct {
		name string
		copy grown
		now  int64
		want error
	}{
		{"a fork", grown{fork, fork.checkpoint(t, 8)}, 3000, ledger.ErrRollback},
		{"an older copy", grown{l, l.checkpoint(t, 3)}, 3000, ledger.ErrRollback},
		{"an unknown log", grown{third, third.checkpoint(t, 8)}, 3000, witness.ErrUnknownLog},
		{"an earlier clock than the record's", grown{l, l.checkpoint(t, 8)}, 999, witness.ErrClock},
		{"an earlier clock than the copy's", grown{l, since}, 1500, witness.ErrClock},
	} {
		w.Now = clock(tc.now)
		if err := w.Renew(t.Context(), tc.copy); !errors.Is(err, tc.want) {
			t.Errorf("Renew from %s = %v, want %v", tc.name, err, tc.want)
		}
	}
	w.Now = clock(3000)
	if err := w.Renew(t.Context(), grown{l, since}); err != nil {
		t.Fatal(err)
	}
	if logs, err := w.Restored(); len(logs) != 1 || logs[0].Origin != second.origin || err != nil {
		t.Errorf("Restored() = %v, %v; want the second log", logs, err)
	}
	var conflict *witness.ConflictError
	if _, err := w.AddCheckpoint(t.Context(), 5, fork.consistency(t, 5, 9), fork.checkpoint(t, 9)); !errors.As(err, &conflict) || conflict.Size != 8 {
		t.Errorf("AddCheckpoint of a fork = %v, want a conflict with size 8", err)
	}
	line, err := w.AddCheckpoint(t.Context(), 8, l.consistency(t, 8, 9), l.checkpoint(t, 9))
	if err != nil {
		t.Fatal(err)
	}
	cosigned(t, w, l.checkpoint(t, 9), line, 3000)
	if err := w.Renew(t.Context(), grown{second, second.checkpoint(t, 5)}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "restored")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("once nothing waits the list is there still: %v", err)
	}
	if err := w.AddLog(third.vkey); err != nil {
		t.Error(err)
	}
}

// cosignedAt is a cosignature that another copy of a restored witness gives.
func cosignedAt(t testing.TB, from string, l *testLog, size uint8, now int64) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "restored")); err != nil {
		t.Fatal(err)
	}
	other := open(t, dir)
	other.Now = clock(now)
	line, err := other.AddCheckpoint(t.Context(), 5, l.consistency(t, 5, size), l.checkpoint(t, size))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// Of two histories offered at once from the same size, one is cosigned.
func TestConcurrentForks(t *testing.T) {
	l, dir := newLog(t, origin, "log", 0), filepath.Join(t.TempDir(), "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).AddLog(l.vkey); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	lines := make([][]byte, 16)
	for i := range lines {
		w, checkpoint := open(t, dir), newLog(t, origin, "log", byte(i)).checkpoint(t, 5)
		wg.Go(func() { lines[i], _ = w.AddCheckpoint(t.Context(), 0, nil, checkpoint) })
	}
	wg.Wait()
	n := 0
	for _, line := range lines {
		if line != nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of %d histories were cosigned, want 1", n, len(lines))
	}
}

func TestAddCheckpointWaits(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "w.example", l)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w.Now = func() time.Time {
		// The lock is held now.
		w := *w
		if _, err := w.AddCheckpoint(ctx, 0, nil, l.checkpoint(t, 5)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second AddCheckpoint = %v, want %v", err, context.DeadlineExceeded)
		}
		return time.Unix(1000, 0)
	}
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 5)); err != nil {
		t.Errorf("AddCheckpoint = %v, want no error", err)
	}
}
