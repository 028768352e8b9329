package monitor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/monitor"
)

const origin = "ledger.example/log"

// fake is a log of fewer than 256 entries that serves what it is told to.
type fake struct {
	signer  note.Signer
	entries []string
	size    int            // of the checkpoint
	broken  map[string]int // reads that fail or lie, by name

	cosigners []*cosigner // who cosign whatever it signs
}

// cosigner is a witness that cosigns whatever it is shown.
type cosigner struct {
	signer note.Signer
	key    ledger.WitnessKey
}

func newCosigner(t testing.TB, name string) *cosigner {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	if vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		t.Fatal(err)
	}
	key, err := ledger.ParseWitnessKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &cosigner{signer, key}
}

func newFake(t testing.TB, keyName string, entries ...string) (*fake, ledger.LogKey) {
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
	logKey, err := ledger.ParseLogKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &fake{signer: signer, entries: entries, size: len(entries), broken: map[string]int{}}, logKey
}

var errDown = errors.New("down")

func (f *fake) ReadCheckpoint(context.Context) ([]byte, error) {
	if f.broken["checkpoint"] > 0 {
		return nil, errDown
	}
	return f.checkpoint(f.size), nil
}

func (f *fake) checkpoint(size int) []byte {
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, e := range f.entries[:size] {
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf([]byte(e)), nil); err != nil {
			panic(err)
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		panic(err)
	}
	signers := []note.Signer{f.signer}
	for _, c := range f.cosigners {
		signers = append(signers, c.signer)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root))}, signers...)
	if err != nil {
		panic(err)
	}
	return signed
}

func (f *fake) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	if f.broken["tile"] > 0 {
		return nil, errDown
	}
	if level != 0 || index != 0 || int(p) > len(f.entries) {
		return nil, fs.ErrNotExist
	}
	var tile []byte
	for _, e := range f.entries[:p] {
		tile = append(tile, rfc6962.DefaultHasher.HashLeaf([]byte(e))...)
	}
	return tile, nil
}

func (f *fake) ReadEntryBundle(_ context.Context, index uint64, p uint8) ([]byte, error) {
	var bundle []byte
	for _, e := range f.entries[:p] {
		if f.broken["bundle"] > 0 {
			e = "forged"
		}
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
	}
	return bundle, nil
}

// check runs a check and returns the kinds of what it found and the entries it was told.
func check(t testing.TB, m *monitor.Monitor, seen ...monitor.Sighting) (kinds, entries string, events []monitor.Event) {
	t.Helper()
	var told []string
	events, err := m.Check(t.Context(), seen, func(_ uint64, data []byte) error {
		told = append(told, string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range events {
		names = append(names, e.Kind)
		if lies := e.Kind == monitor.SplitView || e.Kind == monitor.Rollback; lies != (e.Evidence != "") {
			t.Errorf("%+v: evidence only of what lies", e)
		}
	}
	return strings.Join(names, " "), strings.Join(told, ""), events
}

func open(t testing.TB, dir string, key ledger.LogKey, r ledger.Reader) *monitor.Monitor {
	t.Helper()
	m, err := monitor.Open(dir, key, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFollows(t *testing.T) {
	dir := t.TempDir()
	log, key := newFake(t, "log", "a", "b", "c")
	log.size = 2
	m := open(t, dir, key, log)
	if kinds, entries, _ := check(t, m); kinds != "" || entries != "ab" {
		t.Errorf("first: %q, %q", kinds, entries)
	}
	log.size = 3
	if kinds, entries, _ := check(t, m); kinds != "" || entries != "c" {
		t.Errorf("then: %q, %q", kinds, entries)
	}
	if kinds, entries, _ := check(t, m); kinds != "" || entries != "" {
		t.Errorf("again: %q, %q", kinds, entries)
	}
	m = open(t, dir, key, log)
	if kinds, entries, _ := check(t, m); kinds != "" || entries != "abc" || m.Last().Size != 3 {
		t.Errorf("after a restart: %q, %q", kinds, entries)
	}
}

// A ledger that changes what it signed is caught, with evidence, also after a restart,
// and is caught again.
func TestLies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(log *fake)
		kind   string
	}{
		{"rollback", func(l *fake) { l.size = 2 }, monitor.Rollback},
		{"one size, another root", func(l *fake) { l.entries[1] = "x" }, monitor.SplitView},
		{"larger, another history", func(l *fake) { l.entries = []string{"a", "x", "c", "d"}; l.size = 4 }, monitor.SplitView},
	} {
		dir := t.TempDir()
		log, key := newFake(t, "log", "a", "b", "c")
		check(t, open(t, dir, key, log))
		old := string(log.checkpoint(3))
		tt.change(log)
		for range 2 {
			kinds, _, events := check(t, open(t, dir, key, log))
			if kinds != tt.kind {
				t.Errorf("%s: %q, want %q", tt.name, kinds, tt.kind)
				continue
			}
			evidence, err := os.ReadFile(events[0].Evidence)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{old, string(log.checkpoint(log.size))} {
				if !strings.Contains(string(evidence), want) {
					t.Errorf("%s: the evidence lacks a note:\n%s", tt.name, evidence)
				}
			}
		}
	}
}

// Others' checkpoints accuse the log only if it signed them.
func TestSightings(t *testing.T) {
	log, key := newFake(t, "log", "a", "b", "c")
	fork, _ := newFake(t, "log", "a", "x", "c", "d")
	forged, _ := newFake(t, "forger", "a", "x", "c")
	for _, tt := range []struct {
		name string
		seen []byte
		want string
	}{
		{"an older one", log.checkpoint(2), ""},
		{"the same", log.checkpoint(3), ""},
		{"a fork of one size", fork.checkpoint(3), monitor.SplitView},
		{"a smaller fork", fork.checkpoint(2), monitor.SplitView},
		{"a larger one", fork.checkpoint(4), monitor.Behind},
		{"of another key", forged.checkpoint(3), ""},
		{"no checkpoint", []byte("x"), ""},
	} {
		m := open(t, t.TempDir(), key, log)
		if kinds, _, _ := check(t, m, monitor.Sighting{From: "witness w", Signed: tt.seen}); kinds != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, kinds, tt.want)
		}
		if (m.Last().Signed == nil) != (tt.want == monitor.SplitView) {
			t.Errorf("%s: the checkpoint is held to: %v", tt.name, m.Last())
		}
	}
}

// A witness that cosigned two histories is named with them, and one that cosigned one is
// not.
func TestColludingWitness(t *testing.T) {
	log, key := newFake(t, "log", "a", "b", "c")
	fork, _ := newFake(t, "log", "a", "x", "c", "d")
	honest, colluding := newCosigner(t, "honest.example"), newCosigner(t, "colluding.example")
	log.cosigners, fork.cosigners = []*cosigner{honest, colluding}, []*cosigner{colluding}
	m := open(t, t.TempDir(), key, log)
	m.Witnesses = []ledger.WitnessKey{honest.key, colluding.key}
	_, _, events := check(t, m, monitor.Sighting{From: "a pack", Signed: fork.checkpoint(3)})
	if len(events) != 1 || !strings.HasSuffix(events[0].Detail, "; both are cosigned by colluding.example") {
		t.Errorf("%+v, want that colluding.example cosigned both", events)
	}
}

// What cannot be read accuses nobody; what is not what was signed does.
func TestUnreadable(t *testing.T) {
	for _, tt := range []struct{ broken, want string }{
		{"checkpoint", "error"}, {"tile", "error"}, {"bundle", monitor.Damaged},
	} {
		log, key := newFake(t, "log", "a", "b", "c")
		log.size = 2
		m := open(t, t.TempDir(), key, log)
		check(t, m)
		log.size = 3
		log.broken[tt.broken] = 1
		events, err := m.Check(t.Context(), nil, func(uint64, []byte) error { return nil })
		got := "error"
		if err == nil {
			got = fmt.Sprint(len(events))
			if len(events) > 0 {
				got = events[0].Kind
			}
		}
		if got != tt.want || m.Last().Size != 2 {
			t.Errorf("%s: %s, %v, at size %d; want %s, and size 2", tt.broken, got, err, m.Last().Size, tt.want)
		}
		log.broken = map[string]int{}
		if kinds, entries, _ := check(t, m); kinds != "" || entries != "c" {
			t.Errorf("%s: after it was mended: %q, %q", tt.broken, kinds, entries)
		}
	}
}
