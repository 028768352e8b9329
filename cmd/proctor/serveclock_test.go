//go:build unix && !race

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// A served ledger whose clock jumps says so, acknowledges nothing that is dated wrongly,
// stalls on nothing else, and goes on when the clock is right.
func TestServeClockJumps(t *testing.T) {
	c := newCommands(t)
	if err := os.WriteFile("endpoint.json", []byte(`{"provider":"cloud.example","url":"https://api.cloud.example","model":"m"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	const commit = "proctor commit model --endpoint endpoint.json --quiet --name "
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c.at(now, exitOK, "proctor init --issuer https://lab.example")
	var clock atomic.Pointer[time.Time]
	set := func(at time.Time) { clock.Store(&at) }
	set(now)
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var said lines
	ended := make(chan int, 1)
	go func() {
		e := &env{ctx: ctx, stdin: strings.NewReader(""), stdout: in, stderr: &said, now: func() time.Time { return *clock.Load() }}
		ended <- e.run(splitWords("proctor ledger serve --listen 127.0.0.1:0 --interval 100ms"))
	}()
	defer func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("serving ended with exit code %d:\n%s", code, said.String())
		}
	}()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	at := func(want int, name string) string {
		t.Helper()
		begin := time.Now()
		_, trouble := c.at(now, want, commit+name)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		return trouble
	}
	at(exitOK, "one")

	set(now.Add(-72 * time.Hour))
	if trouble := at(exitFailed, "two"); !strings.Contains(trouble, "not cosigned yet; send it again") {
		t.Errorf("with the clock back: %s", trouble)
	}
	if !strings.Contains(said.String(), "the clock is behind the last cosignature, of 2026-06-01T12:00:00Z") {
		t.Errorf("with the clock back the service says\n%s", said.String())
	}
	set(now.Add(time.Second))
	if trouble := at(exitOK, "three"); !strings.Contains(trouble, "finished model ") {
		t.Errorf("with the clock right again: %s", trouble)
	}

	// Ahead, the service accepts its own witness's dates; who reads them does not.
	set(now.Add(72 * time.Hour))
	if trouble := at(exitFailed, "four"); !strings.Contains(trouble, "quorum not met") {
		t.Errorf("with the clock ahead: %s", trouble)
	}
	// What was dated so is of no use before that time comes, wherever the clock is then.
	set(now.Add(2 * time.Second))
	if trouble := at(exitFailed, "five"); !strings.Contains(trouble, "quorum not met") {
		t.Errorf("after the clock was ahead: %s", trouble)
	}
	now = now.Add(72*time.Hour + time.Minute)
	set(now)
	at(exitOK, "six")
	if shown, _ := c.at(now, exitOK, "proctor ledger show"); !strings.Contains(shown, "size      5\n") {
		t.Errorf("in the end the ledger is\n%s", shown)
	}
}

// A witness whose clock is ahead of the service's is told of with both times.
func TestWitnessClockAhead(t *testing.T) {
	c := newCommands(t)
	now := time.Now().Truncate(time.Second)
	c.at(now, exitOK, "proctor ledger witness create watch --name witness.example --operator https://witness.example")
	w, err := witness.Open("watch")
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return now.Add(72 * time.Hour) }
	s := httptest.NewServer(witness.Handler(w, nil))
	defer s.Close()
	shown, _ := c.at(now, exitOK, "proctor ledger witness show --dir watch --url "+s.URL)
	if err := os.WriteFile("witness.txt", []byte(shown), 0o644); err != nil {
		t.Fatal(err)
	}
	c.at(now, exitOK, "proctor init --issuer https://lab.example --witness witness.txt")
	c.at(now, exitOK, "proctor ledger witness add --dir watch "+homeName+"/"+ledgerPubFile)
	var said lines
	e := &env{ctx: t.Context(), stderr: &said, now: func() time.Time { return now }}
	h, err := e.openHome()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := e.freshHomePolicy(h)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := h.ledgerConfig()
	if err != nil {
		t.Fatal(err)
	}
	conf.Cosign = newCosigning(h, policy, e.logger()).cosign
	log, err := tiles.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(t.Context())
	if _, err := log.Append(t.Context(), []byte("entry")); !errors.Is(err, ledger.ErrNotCosigned) {
		t.Errorf("Append = %v, want %v", err, ledger.ErrNotCosigned)
	}
	want := "it cosigned at " + now.Add(72*time.Hour).UTC().Format(time.RFC3339) + ", and here it is " + now.UTC().Format(time.RFC3339)
	if !strings.Contains(said.String(), want) {
		t.Errorf("it says %s, want %q", said.String(), want)
	}
}

// A witness that is added to the home while its ledger is served is asked from then on.
func TestWitnessAdded(t *testing.T) {
	c := newCommands(t)
	now := time.Now().Truncate(time.Second)
	c.at(now, exitOK, "proctor init --issuer https://lab.example")
	c.at(now, exitOK, "proctor ledger witness create watch --name witness.example --operator https://witness.example")
	c.at(now, exitOK, "proctor ledger witness add --dir watch "+homeName+"/"+ledgerPubFile)
	w, err := witness.Open("watch")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(witness.Handler(w, nil))
	defer s.Close()
	e := &env{ctx: t.Context(), stderr: io.Discard, now: func() time.Time { return now.Add(time.Minute) }}
	h, err := e.openHome()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := e.freshHomePolicy(h)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := h.ledgerConfig()
	if err != nil {
		t.Fatal(err)
	}
	conf.Cosign = newCosigning(h, policy, e.logger()).cosign
	log, err := tiles.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(t.Context())
	if _, err := log.Append(t.Context(), []byte("one")); err != nil {
		t.Fatal(err)
	}
	for file, change := range map[string][2]string{
		configFile: {"witnesses = [", "witnesses = [\"" + s.URL + "\", "},
		policyFile: {`\nquorum lab-example-witness\n`, `\nwitness new ` + w.VKey() + " " + s.URL + `\ngroup both all new lab-example-witness\nquorum both\n`},
	} {
		data, err := os.ReadFile(h.path(file))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(data), change[0], change[1], 1)
		if changed == string(data) {
			t.Fatalf("%s has no %q:\n%s", file, change[0], data)
		}
		if err := os.WriteFile(h.path(file), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	policy.again(e.logger())
	a, err := log.Append(t.Context(), []byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := policy.get().Ledger.Verify([]byte("two"), a.Proof, now.Add(time.Hour))
	if err != nil || len(v.Cosignatures) != 2 {
		t.Errorf("%+v, %v; want two cosignatures", v, err)
	}
}
