//go:build unix

package trillian_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "github.com/google/trillian"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/ledgertest"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/trillian"
)

// A ledger that the embedded engine kept goes on at Trillian: the same entries at the same
// places, the same checkpoint, and no entry twice that was not there twice.
func TestCreateTreeOf(t *testing.T) {
	address := os.Getenv("PROCTOR_TRILLIAN")
	if address == "" {
		_, address = startFake(t)
	}
	vkey, signer := keyOf(t, "log")
	root := t.TempDir()
	own := tiles.Config{Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer, Batch: 64}
	if err := tiles.Create(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	embedded, err := tiles.Open(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	proofs := map[string]ledger.Appended{}
	for i := range 20 {
		if proofs[string(entry(i))], err = embedded.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := embedded.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := os.ReadFile(own.Anchor)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := key.Open(signed)
	if err != nil {
		t.Fatal(err)
	}

	c := trillian.Config{Dir: own.Dir, Anchor: own.Anchor, Key: vkey, Signer: signer, Server: address}
	if c.Tree, err = trillian.CreateTreeOf(t.Context(), c, ledger.Dir(own.Dir), cp, nil); err != nil {
		t.Fatal(err)
	}
	l := open(t, c)
	for text, before := range proofs {
		if a, err := l.Append(t.Context(), []byte(text)); err != nil || !a.Dup || a.Index != before.Index {
			t.Errorf("%q was at %d, and is %+v, %v", text, before.Index, a, err)
		}
	}
	add(t, l, vkey, 20, 23)
	closeLog(t, l)
	if _, err := tiles.Fsck(t.Context(), own); err != nil {
		t.Errorf("fsck: %v", err)
	}

	if err := trillian.Freeze(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	l = open(t, c)
	defer closeLog(t, l)
	if a, err := l.Append(t.Context(), entry(30)); err == nil {
		t.Errorf("a frozen tree takes an entry: %+v", a)
	}
}

// smallLedger is a ledger of some entries.
func smallLedger(t *testing.T, entries []string) (ledger.Reader, ledger.Checkpoint) {
	t.Helper()
	dir := t.TempDir()
	for path, data := range ledgertest.Layout(entries) {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	leaf := func(e string) [32]byte { return sha256.Sum256([]byte("\x00" + e)) }
	root := leaf(entries[0])
	for _, e := range entries[1:] { // right for up to two entries, which is enough here
		right := leaf(e)
		root = sha256.Sum256(append(append([]byte{1}, root[:]...), right[:]...))
	}
	vkey, signer := keyOf(t, "log")
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, len(entries), base64.StdEncoding.EncodeToString(root[:]))}, signer)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := key.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Dir(dir), cp
}

// An entry may be in a ledger twice.
func TestCreateTreeOfTwice(t *testing.T) {
	address := os.Getenv("PROCTOR_TRILLIAN")
	if address == "" {
		_, address = startFake(t)
	}
	r, cp := smallLedger(t, []string{"same", "same"})
	if _, err := trillian.CreateTreeOf(t.Context(), trillian.Config{Server: address}, r, cp, nil); err != nil {
		t.Error(err)
	}
}

// A tree that did not become the ledger's is not used.
func TestCreateTreeOfFails(t *testing.T) {
	s, address := startFake(t)
	r, cp := smallLedger(t, []string{"one", "two"})
	c := trillian.Config{Server: address, Patience: 5 * time.Second}
	for text, lie := range map[string]func(req any, resp proto.Message) error{
		"entry 1: it is there (AlreadyExists)": func(req any, resp proto.Message) error {
			if r, ok := resp.(*api.AddSequencedLeavesResponse); ok {
				r.Results[1].Status = status.New(codes.AlreadyExists, "it is there").Proto()
			}
			return nil
		},
		"no (PermissionDenied)": func(req any, _ proto.Message) error {
			if _, ok := req.(*api.AddSequencedLeavesRequest); ok {
				return status.Error(codes.PermissionDenied, "no")
			}
			return nil
		},
	} {
		s.Lock(func() { s.After = lie })
		_, err := trillian.CreateTreeOf(t.Context(), c, r, cp, nil)
		wantError(t, "CreateTreeOf", err, nil, text)
	}
	s.Lock(func() {
		s.After = nil
		s.Before = func(req any) error {
			if r, ok := req.(*api.AddSequencedLeavesRequest); ok {
				r.Leaves[1].LeafValue = []byte("three")
			}
			return nil
		}
	})
	_, err := trillian.CreateTreeOf(t.Context(), c, r, cp, nil)
	wantError(t, "CreateTreeOf", err, nil, "and the ledger's is")
}
