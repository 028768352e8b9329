//go:build unix

package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// hostile is what a witness answers that is up to no good, or not up to anything.
var hostile = map[string]http.HandlerFunc{
	"garbage":   func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "\x00\xff— garbage\n\n") },
	"silent":    func(rw http.ResponseWriter, _ *http.Request) {},
	"hanging":   func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() },
	"unfounded": func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no\nsuch\nthing", http.StatusTeapot) },
	"ahead": func(rw http.ResponseWriter, _ *http.Request) {
		conflict(rw, "18446744073709551615\n")
	},
	"fickle": func(rw http.ResponseWriter, r *http.Request) { // says 0 to whoever says 1
		body, _ := io.ReadAll(r.Body)
		conflict(rw, map[bool]string{true: "1\n", false: "0\n"}[bytes.HasPrefix(body, []byte("old 0\n"))])
	},
	"wordy": func(rw http.ResponseWriter, _ *http.Request) { conflict(rw, strings.Repeat("9", 1<<16)) },
	"endless": func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	},
	"trickling": func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(rw, "— ")
			rw.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	},
	"elsewhere": func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
	},
}

func conflict(rw http.ResponseWriter, size string) {
	rw.Header().Set("Content-Type", "text/x.tlog.size")
	rw.WriteHeader(http.StatusConflict)
	io.WriteString(rw, size)
}

// asked is a witness behind HTTP as a ledger asks it.
type asked struct {
	*witness.Client
	own  *witness.Witness
	key  ledger.WitnessKey
	down atomic.Bool
}

// newAsked serves a witness; answer, if it is not nil, answers in its place.
func newAsked(t *testing.T, name, logKey string, answer http.HandlerFunc) *asked {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "w")
	err := witness.Create(dir, name+".example", "https://"+name+".example")
	a := &asked{}
	if err == nil {
		a.own, err = witness.Open(dir)
	}
	if err == nil {
		err = a.own.AddLog(logKey)
	}
	if err == nil {
		a.key, err = ledger.ParseWitnessKey(a.own.VKey())
	}
	if err != nil {
		t.Fatal(err)
	}
	honest := witness.Handler(a.own, nil)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case a.down.Load():
			http.Error(rw, "down", http.StatusBadGateway)
		case answer != nil:
			answer(rw, r)
		default:
			honest.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(s.Close)
	client := &http.Client{Timeout: 2 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	a.Client = witness.NewClient(s.URL, a.key, client)
	return a
}

// witnessed is a served ledger that two of some witnesses must cosign.
func witnessed(t *testing.T, list func(logKey string) []*asked) (s *served, policy *ledger.Policy, failed func() map[string]string) {
	t.Helper()
	var mu sync.Mutex
	why := map[string]string{}
	s = serveWith(t, nil, func(c *tiles.Config) {
		text := "log " + c.Key + "\n"
		var cosigners []witness.Cosigner
		var names []string
		for i, a := range list(c.Key) {
			names = append(names, fmt.Sprintf("W%d", i))
			text += fmt.Sprintf("witness %s %s\n", names[i], a.VKey())
			cosigners = append(cosigners, a)
		}
		var err error
		if policy, err = ledger.ParsePolicy([]byte(text + "group two 2 " + strings.Join(names, " ") + "\nquorum two\n")); err != nil {
			t.Fatal(err)
		}
		check := func(signed []byte) error {
			_, err := policy.VerifyCheckpoint(signed, time.Now().Add(time.Minute))
			return err
		}
		c.Cosign = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
			signed, errs := witness.Gather(ctx, r, checkpoint, cosigners, func(signed []byte) bool { return check(signed) == nil })
			mu.Lock()
			defer mu.Unlock()
			for _, err := range errs {
				var f *witness.FailedError
				if errors.As(err, &f) {
					why[f.Witness] = f.Err.Error()
				}
			}
			return signed, check(signed)
		}
	})
	return s, policy, func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return why
	}
}

// Of twelve witnesses two are honest, which is the quorum: what the others answer, or do
// not, delays nothing, is in no proof, is told of, and leaves nothing behind.
func TestHostileWitnesses(t *testing.T) {
	honest := map[string]bool{"one.example": true, "two.example": true}
	var all []*asked
	s, policy, failed := witnessed(t, func(logKey string) []*asked {
		for name, answer := range hostile {
			all = append(all, newAsked(t, name, logKey, answer))
		}
		one, two := newAsked(t, "one", logKey, nil), newAsked(t, "two", logKey, nil)
		// A line in its name that its key did not make.
		all = append(all, one, two, newAsked(t, "lying", logKey, func(rw http.ResponseWriter, r *http.Request) {
			io.WriteString(rw, "— lying.example "+strings.Repeat("A", 96)+"\n")
		}))
		return all
	})
	count := func(n int, at string) {
		for i := range n {
			begin := time.Now()
			entry := fmt.Sprintf("lab:%s%d", at, i)
			resp, body := s.post(t, entry)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", entry, resp.StatusCode, body)
			}
			if took := time.Since(begin); took > 1500*time.Millisecond {
				t.Errorf("%s took %v: a witness holds it up", entry, took)
			}
			if _, err := policy.Verify([]byte(entry), []byte(body), time.Now().Add(time.Minute)); err != nil {
				t.Errorf("%s: %v", entry, err)
			}
			p, err := ledger.ParseProof([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(p.Checkpoint, []byte("\n— ")); lines != 3 {
				t.Errorf("%s: %d signatures, want those of the ledger and of two witnesses:\n%s", entry, lines, p.Checkpoint)
			}
		}
	}
	count(3, "warm")
	runtime.GC()
	goroutines, memory := runtime.NumGoroutine(), heap()
	count(20, "load")
	var after int
	for range 50 {
		if after = runtime.NumGoroutine(); after <= goroutines+20 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if after > goroutines+20 {
		t.Errorf("%d goroutines before, %d after", goroutines, after)
	}
	if now := heap(); now > memory+16<<20 {
		t.Errorf("%d MB of memory before, %d MB after", memory>>20, now>>20)
	}
	why := failed()
	for _, a := range all {
		if name := a.Name(); (why[name] == "") != honest[name] {
			t.Errorf("%s: told %q", name, why[name])
		} else if len(why[name]) > 400 || strings.ContainsAny(why[name], "\x00\n") {
			t.Errorf("%s: told %.500q", name, why[name])
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// With too few witnesses nothing is acknowledged, what is read stays what was cosigned,
// and all is answered when they are back.
func TestTooFewWitnesses(t *testing.T) {
	var one, two *asked
	s, policy, _ := witnessed(t, func(logKey string) []*asked {
		one, two = newAsked(t, "one", logKey, nil), newAsked(t, "two", logKey, nil)
		return []*asked{one, two, newAsked(t, "garbage", logKey, hostile["garbage"])}
	})
	if resp, body := s.post(t, "lab:0"); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	two.down.Store(true)
	for range 2 { // it is logged, and still not cosigned
		resp, body := s.post(t, "lab:1")
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "logged, and not cosigned yet; send it again") {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
	}
	signed, err := s.remote().ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := policy.VerifyCheckpoint(signed, time.Now().Add(time.Minute)); err != nil || v.Size != 1 {
		t.Errorf("the checkpoint that everybody reads is %s, %v; want the one of size 1", signed, err)
	}
	two.down.Store(false)
	resp, body := s.post(t, "lab:1")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if v, err := policy.Verify([]byte("lab:1"), []byte(body), time.Now().Add(time.Minute)); err != nil || v.Index != 1 {
		t.Errorf("%+v, %v; want index 1", v, err)
	}
}
