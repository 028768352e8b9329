package localbeacon

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify/challenge"
)

var genesis = time.Unix(1_700_000_000, 0)

func newBeacon(t *testing.T, name string) *Beacon {
	t.Helper()
	b, err := New(bytes.Repeat([]byte{7}, 32), name, 3, genesis)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundsVerify(t *testing.T) {
	b, other := newBeacon(t, "demo"), newBeacon(t, "other")
	file, err := b.Round(12)
	if err != nil {
		t.Fatal(err)
	}
	round, err := b.Public().Check(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := genesis.Add(33 * time.Second); round.Number != 12 || !round.Time.Equal(want) {
		t.Errorf("Check = round %d at %v, want 12 at %v", round.Number, round.Time, want)
	}
	if _, err := other.Public().Check(file); err == nil {
		t.Error("another beacon accepts the round")
	}
	if b.Public().Chain == other.Public().Chain {
		t.Error("two keys share a chain hash")
	}
	if _, err := b.Round(0); err == nil {
		t.Error("Round(0) succeeded")
	}
	if _, err := New([]byte("short"), "demo", 3, genesis); err == nil {
		t.Error("New took a seed of five bytes")
	}
	if _, err := New(bytes.Repeat([]byte{7}, 32), "demo", 0, genesis); err == nil {
		t.Error("New took a period of zero")
	}
}

// The chain hash of the public network comes out, so the construction is drand's.
func TestChainHash(t *testing.T) {
	q := challenge.Quicknet()
	key, err := hex.DecodeString(q.Key)
	if err != nil {
		t.Fatal(err)
	}
	group, err := attest.ParseHash("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e")
	if err != nil {
		t.Fatal(err)
	}
	if got := chainHash(q.Name, q.Period, q.Genesis, key, group); got != q.Chain {
		t.Errorf("chainHash(quicknet) = %v, want %v", got, q.Chain)
	}
}

func TestHandler(t *testing.T) {
	b := newBeacon(t, "demo")
	server := httptest.NewServer(b.Handler(func() time.Time { return genesis.Add(7 * time.Second) }))
	defer server.Close()
	get := func(path string) (int, []byte) {
		t.Helper()
		resp, err := http.Get(server.URL + "/" + b.Public().Chain.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body
	}
	for path, want := range map[string]uint64{"/public/latest": 3, "/public/3": 3, "/public/1": 1} {
		_, body := get(path)
		if round, err := b.Public().Check(body); err != nil || round.Number != want {
			t.Errorf("%s = round %d, %v, want %d", path, round.Number, err, want)
		}
	}
	for path, want := range map[string]int{"/info": 200, "/public/0": 404, "/public/4": 404, "/public/x": 404} {
		if status, _ := get(path); status != want {
			t.Errorf("%s = %d, want %d", path, status, want)
		}
	}
	if n := b.Latest(genesis.Add(-time.Second)); n != 0 {
		t.Errorf("Latest before genesis = %d, want 0", n)
	}
}
