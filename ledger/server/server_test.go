//go:build unix

package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/remote"
	"github.com/proctor-attest/proctor/ledger/server"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

const origin = "ledger.example/log"

// served is a ledger behind HTTP whose entries begin with their issuer and a colon.
type served struct {
	*httptest.Server
	log *tiles.Log
	key ledger.LogKey
}

func serve(t testing.TB, change func(*server.Config)) *served {
	t.Helper()
	return serveWith(t, change, func(*tiles.Config) {})
}

func serveWith(t testing.TB, change func(*server.Config), changeLog func(*tiles.Config)) *served {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := tiles.Config{Dir: filepath.Join(dir, "log"), Anchor: filepath.Join(dir, "anchor"), Key: vkey, Signer: signer, Batch: 64}
	changeLog(&c)
	if err := tiles.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	log, err := tiles.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	conf := server.Config{Log: log, Admit: admit}
	if change != nil {
		change(&conf)
	}
	s := httptest.NewServer(server.Handler(conf))
	t.Cleanup(func() {
		s.Close()
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &served{s, log, key}
}

func admit(_ context.Context, entry []byte) (string, error) {
	issuer, _, ok := strings.Cut(string(entry), ":")
	switch {
	case !ok:
		return "", &server.Refusal{Status: http.StatusBadRequest, Err: errors.New("no colon")}
	case issuer == "mallory":
		return issuer, &server.Refusal{Status: http.StatusForbidden, Err: errors.New("mallory may not")}
	case issuer == "broken":
		return issuer, errors.New("the secret reason")
	}
	return issuer, nil
}

func (s *served) remote() *remote.Log { return remote.Open(s.URL+"/", s.key, s.Client()) }

func (s *served) post(t testing.TB, body string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(s.URL+"/add", "application/octet-stream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

// Many write at once and read what they wrote, as strangers do.
func TestServe(t *testing.T) {
	s := serve(t, nil)
	l := s.remote()
	var wg sync.WaitGroup
	var mu sync.Mutex
	at := map[uint64]string{}
	for i := range 300 {
		wg.Go(func() {
			text := fmt.Sprintf("lab:%d", i)
			a, err := l.Append(t.Context(), []byte(text))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if at[a.Index] != "" {
				t.Errorf("%s and %s are both at %d", text, at[a.Index], a.Index)
			}
			at[a.Index] = text
		})
	}
	wg.Wait()
	again, err := l.Append(t.Context(), []byte("lab:7"))
	if err != nil || at[again.Index] != "lab:7" {
		t.Errorf("an entry that is there: %d, %v", again.Index, err)
	}
	signed, err := l.ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := s.key.Open(signed)
	if err != nil || cp.Size != 300 {
		t.Fatalf("checkpoint %v, %v; want one of size 300", cp, err)
	}
	err = ledger.ScanVerified(t.Context(), l, cp, 0, func(index uint64, entry []byte) error {
		if at[index] != string(entry) {
			t.Errorf("%d is %q, want %q", index, entry, at[index])
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	fsckOverHTTP(t, s.URL, s.key.VKey)
}

func TestAddRefuses(t *testing.T) {
	var told atomic.Int64
	s := serve(t, func(c *server.Config) {
		c.Rate, c.Burst = 0.001, 2
		c.Added = func(_ string, status int, _ time.Duration, err error) {
			if (status == http.StatusOK) != (err == nil) {
				t.Errorf("told of status %d with %v", status, err)
			}
			told.Add(1)
		}
	})
	for i, tt := range []struct {
		body   string
		status int
		says   string
	}{
		{"", 400, "empty"},
		{"no issuer", 400, "no colon"},
		{"mallory:x", 403, "mallory may not"},
		{"broken:x", 500, "cannot take it now"},
		{strings.Repeat("x", ledger.MaxEntry+1), 413, "65535"},
		{"lab:1", 200, "tlog-proof@v1"},
		{"lab:2", 200, "tlog-proof@v1"},
		{"lab:3", 429, "this issuer"},
		{"other:1", 200, "tlog-proof@v1"},
	} {
		resp, body := s.post(t, tt.body)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.says) || strings.Contains(body, "secret") {
			t.Errorf("%d, %.20q: %d %q, want %d that says %q", i, tt.body, resp.StatusCode, body, tt.status, tt.says)
		}
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		if told.Load() != int64(i+1) {
			t.Errorf("%d: told of %d requests", i, told.Load())
		}
	}
}

// A ledger whose engine takes no more tells so, and when to come back.
func TestEngineBusy(t *testing.T) {
	s := serve(t, func(c *server.Config) { c.Log = busyLog{c.Log} })
	resp, body := s.post(t, "lab:1")
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || strings.Contains(body, "rows") {
		t.Errorf("%d, Retry-After %q, %q; want 429 that says when, and not why", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
}

type busyLog struct{ ledger.Log }

func (busyLog) Append(context.Context, []byte) (ledger.Appended, error) {
	return ledger.Appended{}, fmt.Errorf("%w: 500000 rows", ledger.ErrBusy)
}

// When too many are on their way, the next is told to come back, and nothing waits.
func TestAddBusy(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := serve(t, func(c *server.Config) {
		c.Waiting = 1
		c.Admit = func(ctx context.Context, entry []byte) (string, error) {
			entered <- struct{}{}
			<-leave
			return "lab", nil
		}
	})
	done := make(chan int)
	go func() {
		resp, _ := s.post(t, "lab:1")
		done <- resp.StatusCode
	}()
	<-entered
	if resp, body := s.post(t, "lab:2"); resp.StatusCode != 429 || !strings.Contains(body, "come back") {
		t.Errorf("%d %q, want 429", resp.StatusCode, body)
	}
	close(leave)
	if status := <-done; status != 200 {
		t.Errorf("the first got %d", status)
	}
}

// dawdle sends the beginning of an entry, and no more.
func (s *served) dawdle(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST /add HTTP/1.1\r\nHost: ledger.example\r\nContent-Length: 60000\r\n\r\nx")
	return c
}

// Who sends slowly keeps nobody waiting, and holds no more than a share of memory.
func TestAddSlowly(t *testing.T) {
	s := serve(t, func(c *server.Config) { c.Waiting, c.Buffered = 2, 64<<10 })
	for range 10 {
		s.dawdle(t)
	}
	time.Sleep(50 * time.Millisecond)
	if resp, body := s.post(t, "lab:1"); resp.StatusCode != http.StatusOK {
		t.Errorf("beside slow ones: %d %q", resp.StatusCode, body)
	}
	var much []net.Conn
	for range 6 {
		much = append(much, s.dawdle(t))
	}
	time.Sleep(50 * time.Millisecond)
	if resp, body := s.post(t, "lab:2"); resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "come back") {
		t.Errorf("with too much in memory: %d %q", resp.StatusCode, body)
	}
	for _, c := range much {
		c.Close()
	}
	time.Sleep(50 * time.Millisecond)
	if resp, body := s.post(t, "lab:2"); resp.StatusCode != http.StatusOK {
		t.Errorf("when they have gone: %d %q", resp.StatusCode, body)
	}
}

func TestTiles(t *testing.T) {
	s := serve(t, nil)
	for i := range 3 {
		if _, err := s.log.Append(t.Context(), fmt.Appendf(nil, "lab:%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path   string
		status int
		bytes  int
		cache  string
	}{
		{"/checkpoint", 200, 0, "no-cache"},
		{"/tile/0/000.p/3", 200, 96, "immutable"},
		{"/tile/entries/000.p/3", 200, 21, "immutable"},
		{"/tile/0/000.p/7", 404, 0, ""},
		{"/tile/0/000", 404, 0, ""},
		{"/tile/0/000.p/0", 404, 0, ""},
		{"/tile/0/000.p/256", 404, 0, ""},
		{"/tile/0/000.p/03", 404, 0, ""},
		{"/tile/0/0.p/3", 404, 0, ""},
		{"/tile/00/000.p/3", 404, 0, ""},
		{"/tile/64/000", 404, 0, ""},
		{"/tile/0/x000/000.p/3", 404, 0, ""},
		{"/tile/0/..%2f..%2f.state/treeState", 404, 0, ""},
		{"/tile/../.state/treeState", 404, 0, ""},
		{"/.state/treeState", 404, 0, ""},
		{"/cosigned", 404, 0, ""},
		{"/", 404, 0, ""},
	} {
		resp, err := http.Get(s.URL + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || tt.bytes > 0 && len(data) != tt.bytes || !strings.Contains(resp.Header.Get("Cache-Control"), tt.cache) {
			t.Errorf("%s: %d, %d bytes, %q, %v; want %d, %d, %q", tt.path, resp.StatusCode, len(data), resp.Header.Get("Cache-Control"), err, tt.status, tt.bytes, tt.cache)
		}
	}
}

// What a server answers is believed only as far as the log's key and the hashes go.
func TestRemoteBelieves(t *testing.T) {
	s := serve(t, nil)
	a, err := s.log.Append(t.Context(), []byte("lab:1"))
	if err != nil {
		t.Fatal(err)
	}
	other := serve(t, nil)
	foreign, err := other.log.Append(t.Context(), []byte("lab:2"))
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, tt := range []struct {
		name   string
		answer func(rw http.ResponseWriter)
		says   string
	}{
		{"of another entry", func(rw http.ResponseWriter) { rw.Write(a.Proof) }, "does not hold"},
		{"of another log", func(rw http.ResponseWriter) { rw.Write(foreign.Proof) }, "not signed"},
		{"no proof", func(rw http.ResponseWriter) { io.WriteString(rw, "ok\n") }, "did not answer with a proof"},
		{"endless", func(rw http.ResponseWriter) { rw.Write(bytes.Repeat([]byte("x"), 2<<20)) }, "more than"},
		{"refused", func(rw http.ResponseWriter) { http.Error(rw, "may not\nsecond line", http.StatusForbidden) }, `"may not" (HTTP status 403)`},
		{"busy once", func(rw http.ResponseWriter) {
			if calls++; calls == 1 {
				rw.Header().Set("Retry-After", "1")
				http.Error(rw, "come back", http.StatusTooManyRequests)
				return
			}
			http.Error(rw, "gone", http.StatusGone)
		}, "410"},
	} {
		h := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { tt.answer(rw) }))
		_, err := remote.Open(h.URL, s.key, h.Client()).Append(t.Context(), []byte("lab:2"))
		h.Close()
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want an error that says %q", tt.name, err, tt.says)
		}
	}
	if calls != 2 {
		t.Errorf("a busy server was asked %d times, want 2", calls)
	}
}

func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/entries/x001/234.p/7", "tile/7/x999/x999/999", "tile/0/.p/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ref, err := ledger.ParseTilePath(name)
		if err == nil && ref.String() != name {
			t.Errorf("%q is read as %q", name, ref)
		}
	})
}
