//go:build unix

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/remote"
	"github.com/proctor-attest/proctor/ledger/server"
)

// load is for how long the tests below put load on a ledger; .ci/load sets it.
func load(t *testing.T) time.Duration {
	d, err := time.ParseDuration(os.Getenv("PROCTOR_LOAD"))
	if err != nil {
		t.Skip("PROCTOR_LOAD is not set to a duration, such as 60s")
	}
	return d
}

func manyConnections() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1000
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// A thousand submit at once, for a time. What is acknowledged is in the ledger, once, at
// its index, and in the order of each submitter.
func TestLoad(t *testing.T) {
	const submitters = 1000
	s := serve(t, nil)
	l := remote.Open(s.URL, s.key, manyConnections())
	ctx, stop := context.WithTimeout(t.Context(), load(t))
	defer stop()
	indexes, waits := make([][]uint64, submitters), make([][]time.Duration, submitters)
	var wg sync.WaitGroup
	for n := range submitters {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				begin := time.Now()
				a, err := l.Append(context.Background(), submitted(n, i))
				if err != nil {
					t.Errorf("submitter %d: %v", n, err)
					return
				}
				indexes[n], waits[n] = append(indexes[n], a.Index), append(waits[n], time.Since(begin))
			}
		})
	}
	begin := time.Now()
	wg.Wait()
	took := time.Since(begin)

	at := map[uint64]string{}
	for n, list := range indexes {
		if !slices.IsSorted(list) {
			t.Errorf("submitter %d: entries are out of order", n)
		}
		for i, index := range list {
			if other, twice := at[index]; twice {
				t.Errorf("%d is of submitter %d and %s", index, n, other)
			}
			at[index] = string(submitted(n, i))
		}
	}
	signed, err := l.ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := s.key.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	if cp.Size != uint64(len(at)) {
		t.Errorf("%d entries are in the ledger, %d were acknowledged", cp.Size, len(at))
	}
	err = ledger.ScanVerified(t.Context(), l, cp, 0, func(index uint64, entry []byte) error {
		if at[index] != string(entry) {
			return fmt.Errorf("%d is not what was acknowledged", index)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	fsckOverHTTP(t, s.URL, s.key.VKey)
	all := slices.Sorted(slices.Values(slices.Concat(waits...)))
	t.Logf("%d submitters, %d entries in %.0f s: %.0f a second; p50 %v, p99 %v", submitters, len(all), took.Seconds(),
		float64(len(all))/took.Seconds(), all[len(all)/2].Round(time.Millisecond), all[len(all)*99/100].Round(time.Millisecond))
}

func submitted(n, i int) []byte {
	return append(fmt.Appendf(nil, "lab%d:%d:", n, i), make([]byte, 1024)...)
}

// A hundred thousand requests of garbage get their codes, and leave nothing behind.
func TestGarbage(t *testing.T) {
	load(t)
	s := serve(t, func(c *server.Config) { c.Rate, c.Burst = 1, 1 })
	client := manyConnections()
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	requests := []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/add", strings.Repeat("x", ledger.MaxEntry+1), 413},
		{"POST", "/add", "no issuer", 400},
		{"POST", "/add", "", 400},
		{"POST", "/add", "mallory:x", 403},
		{"GET", "/tile/0/x999/999", "", 404},
		{"GET", "/tile/../../../etc/passwd", "", 404},
		{"GET", "/tile/entries/%00", "", 404},
		{"DELETE", "/checkpoint", "", 405},
	}
	var wg sync.WaitGroup
	for n := range 100 {
		wg.Go(func() {
			for i := range 1000 {
				q := requests[(n+i)%len(requests)]
				r, err := http.NewRequest(q.method, s.URL+q.path, strings.NewReader(q.body))
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := client.Do(r)
				if err != nil {
					continue // the server hangs up on one that says too much
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != q.status {
					t.Errorf("%s %s: %d, want %d", q.method, q.path, resp.StatusCode, q.status)
					return
				}
			}
		})
	}
	wg.Wait()
	client.CloseIdleConnections()
	if after := memory(); after > before+64<<20 {
		t.Errorf("%d MB of memory before, %d MB after", before>>20, after>>20)
	}
}
