package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify"
)

// watchedEntry is a signed head of an issuer.
func watchedEntry(t *testing.T, key ed25519.PrivateKey, issuer string, seq uint64) []byte {
	t.Helper()
	p := &attest.ChainHead{Header: attest.Header{Issuer: issuer, Seq: seq + 1, Prev: attest.Hash{1}, NotBefore: &attest.Round{Chain: attest.Hash{2}, Round: 3}}, Newest: seq}
	st, err := attest.NewStatement(p)
	if err != nil {
		t.Fatal(err)
	}
	data, err := attest.FormatBundle(st.Payload, ed25519.Sign(key, attest.PAE(st.Payload)), "")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What a ledger serves accuses nobody until it is proven to be what it signed, and what
// is read again after a failure counts once.
func TestWatchedSettles(t *testing.T) {
	seed := sha256.Sum256([]byte("watched"))
	key := ed25519.NewKeyFromSeed(seed[:])
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	policy, err := verify.ParsePolicy([]byte("version = 1\n[require]\nlevel = \"CAL-0\"\n[time]\nmargin = \"1m\"\nskew = \"1m\"\nfreshness = \"1h\"\n" +
		"[ledger]\npolicy = \"\"\"\nlog ledger.example/log+5ebb0e78+Ad6fWUfgq/ptnbTTnwobypvTmKGbiJj5k0X1OUeCGqie\nquorum none\n\"\"\"\n" +
		fmt.Sprintf("[[issuer]]\nuri = \"https://owner.example\"\nroles = [\"owner\"]\n[[issuer.key]]\npem = '''\n%s'''\n", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))))
	if err != nil {
		t.Fatal(err)
	}
	w := newWatched(t.TempDir(), policy, time.Now)
	take := func() {
		w.take("l", 0, watchedEntry(t, key, "https://owner.example", 0))
		w.take("l", 1, watchedEntry(t, key, "https://stranger.example", 0))
		w.take("l", 2, []byte("no statement"))
	}
	take()
	w.drop() // the rest could not be read
	if len(w.numbers) > 0 || w.strange > 0 {
		t.Errorf("of what was dropped %v and %d strangers are remembered", w.numbers, w.strange)
	}
	take()
	events := w.settle(t.Context())
	if len(events) != 1 || events[0].Kind != "malformed" || !strings.HasPrefix(events[0].Detail, "entry 2 ") {
		t.Errorf("events %+v, want one of entry 2", events)
	}
	if w.strange != 1 || len(w.numbers["https://owner.example"]) != 1 {
		t.Errorf("%d strangers, numbers %v", w.strange, w.numbers)
	}
}

// What another monitor read is held against what this one sees.
func TestSightingsOfInventories(t *testing.T) {
	data, err := schemas.Example("inventory")
	if err != nil {
		t.Fatal(err)
	}
	var p attest.Inventory
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	st, err := attest.NewStatement(&p)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := attest.FormatBundle(st.Payload, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := attest.ParseEntry(bundle)
	if err != nil {
		t.Fatal(err)
	}
	pack := attest.NewPack()
	pack.Entries[st.ID] = entry
	name := filepath.Join(t.TempDir(), "inventories.proctor")
	if err := writePack(name, pack); err != nil {
		t.Fatal(err)
	}
	seen, err := sightings([]string{name})
	if err != nil || len(seen) != 1 || string(seen[0].Signed) != p.Checkpoint || !strings.HasPrefix(seen[0].From, "the inventory of https://monitor.example") {
		t.Errorf("sightings %+v, %v", seen, err)
	}
}
