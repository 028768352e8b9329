package witness_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// post sends an add-checkpoint request as it is.
func post(t testing.TB, url, body string) (status int, contentType, answer string) {
	t.Helper()
	resp, err := http.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(data)
}

func request(old uint64, proof [][32]byte, checkpoint []byte) string {
	body := fmt.Sprintf("old %d\n", old)
	for _, h := range proof {
		body += base64.StdEncoding.EncodeToString(h[:]) + "\n"
	}
	return body + "\n" + string(checkpoint)
}

// The statuses of c2sp.org/tlog-witness, one after another on one witness.
func TestHandler(t *testing.T) {
	l, other := newLog(t, origin, "log", 0), newLog(t, "other.example", "other", 0)
	forger, fork := newLog(t, origin, "forger", 0), newLog(t, origin, "log", 9)
	w := newWitness(t, "a.example", l)
	var failed []int
	s := httptest.NewServer(witness.Handler(w, func(status int, _ []byte, err error) {
		if err == nil {
			t.Error("told of a failure without an error")
		}
		failed = append(failed, status)
	}))
	defer s.Close()
	falseLine := func(signed []byte) []byte { // right name and ID, wrong signature
		lines := bytes.SplitAfter(signed, []byte("\n"))
		last := lines[len(lines)-2]
		raw, err := base64.StdEncoding.DecodeString(string(last[bytes.LastIndexByte(last, ' ')+1 : len(last)-1]))
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)-1] ^= 1
		return fmt.Appendf(signed, "— %s %s\n", origin, base64.StdEncoding.EncodeToString(raw))
	}
	hash := [32]byte{1}
	for _, tt := range []struct {
		name, body string
		status     int
		answer     string // "" for any
	}{
		{"no line", "", 400, ""},
		{"no old size", "new 0\n\n" + string(l.checkpoint(t, 3)), 400, ""},
		{"leading zero", strings.Replace(request(0, nil, l.checkpoint(t, 3)), "old 0", "old 00", 1), 400, ""},
		{"sign", strings.Replace(request(0, nil, l.checkpoint(t, 3)), "old 0", "old +0", 1), 400, ""},
		{"short hash", "old 0\nAAAA\n\n" + string(l.checkpoint(t, 3)), 400, ""},
		{"64 proof lines", request(0, make([][32]byte, 64), l.checkpoint(t, 3)), 400, ""},
		{"no checkpoint", "old 0\n\n", 400, ""},
		{"too large", strings.Repeat("x", 1<<20), 413, ""},
		{"unknown log", request(0, nil, other.checkpoint(t, 3)), 404, ""},
		{"another key", request(0, nil, forger.checkpoint(t, 3)), 403, ""},
		{"a false line of the key", request(0, nil, falseLine(l.checkpoint(t, 3))), 403, ""},
		{"old above", request(4, nil, l.checkpoint(t, 3)), 400, ""},
		{"nothing cosigned yet", request(2, l.consistency(t, 2, 3), l.checkpoint(t, 3)), 409, "0\n"},
		{"a proof from nothing", request(0, [][32]byte{hash}, l.checkpoint(t, 3)), 422, ""},
		{"an empty tree with another root", request(0, nil, l.sign(t, origin+"\n0\n"+base64.StdEncoding.EncodeToString(hash[:])+"\n")), 422, ""},
		{"the first", request(0, nil, l.checkpoint(t, 3)), 200, ""},
		{"wrong old", request(0, nil, l.checkpoint(t, 5)), 409, "3\n"},
		{"the next", request(3, l.consistency(t, 3, 5), l.checkpoint(t, 5)), 200, ""},
		{"again", request(5, nil, l.checkpoint(t, 5)), 200, ""},
		{"one size, another root", request(5, nil, fork.checkpoint(t, 5)), 422, ""},
		{"a fork", request(5, fork.consistency(t, 5, 8), fork.checkpoint(t, 8)), 422, ""},
		{"a proof that is short", request(5, l.consistency(t, 5, 8)[1:], l.checkpoint(t, 8)), 422, ""},
	} {
		before := len(failed)
		status, contentType, answer := post(t, s.URL, tt.body)
		if status != tt.status || tt.answer != "" && answer != tt.answer {
			t.Errorf("%s: %d %q, want %d %q", tt.name, status, answer, tt.status, tt.answer)
		}
		if status == http.StatusConflict && contentType != "text/x.tlog.size" {
			t.Errorf("%s: content type %q", tt.name, contentType)
		}
		if status != http.StatusOK && (len(failed) != before+1 || failed[before] != status) {
			t.Errorf("%s: failures told %v", tt.name, failed[before:])
		}
		if status == http.StatusOK {
			_, checkpoint, _ := strings.Cut(tt.body, "\n\n")
			cosigned(t, w, []byte(checkpoint), []byte(answer), 1000)
		}
	}
	w.Now = clock(900)
	if status, _, _ := post(t, s.URL, request(5, nil, l.checkpoint(t, 5))); status != http.StatusServiceUnavailable {
		t.Errorf("with a clock set back: %d, want 503", status)
	}
	if resp, err := http.Get(s.URL + "/add-checkpoint"); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET add-checkpoint: %v, %v", resp, err)
	}
}

// What a monitor gets accuses the log: its signature is on it.
func TestHandlerCheckpoint(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "a.example", l)
	s := httptest.NewServer(witness.Handler(w, nil))
	defer s.Close()
	get := func(origin string) (int, []byte) {
		sum := sha256.Sum256([]byte(origin))
		resp, err := http.Get(s.URL + "/" + hex.EncodeToString(sum[:]) + "/checkpoint")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, data
	}
	for _, unknown := range []string{origin, "other.example"} {
		if status, _ := get(unknown); status != http.StatusNotFound {
			t.Errorf("before anything was cosigned, %s: %d, want 404", unknown, status)
		}
	}
	if _, err := w.AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 3)); err != nil {
		t.Fatal(err)
	}
	status, signed := get(origin)
	key, err := ledger.ParseLogKey(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := key.Open(signed); status != http.StatusOK || err != nil || c.Size != 3 {
		t.Errorf("%d, %v of size %d: %s", status, err, c.Size, signed)
	}
	if got := cosigners(t, signed, w); got != "a.example" {
		t.Errorf("cosigned by %q: %s", got, signed)
	}

	own, err := ledger.ParseWitnessKey(w.VKey())
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ledger.ParseWitnessKey(newWitness(t, "a.example", l).VKey())
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := ledger.ParseLogKey(newLog(t, "other.example", "other", 0).vkey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := witness.NewClient(s.URL, own, s.Client()).Checkpoint(t.Context(), key); err != nil || !bytes.Equal(got, signed) {
		t.Errorf("client: %s, %v", got, err)
	}
	if got, err := witness.NewClient(s.URL, own, s.Client()).Checkpoint(t.Context(), unknown); got != nil || err != nil {
		t.Errorf("client, of an unknown log: %s, %v", got, err)
	}
	if got, err := witness.NewClient(s.URL, stranger, s.Client()).Checkpoint(t.Context(), key); err == nil {
		t.Errorf("client of another key believes %s", got)
	}
}

// Of many that race, the tree only grows, and each that is cosigned continues it.
func TestHandlerConcurrent(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "a.example", l)
	s := httptest.NewServer(witness.Handler(w, nil))
	defer s.Close()
	key, err := ledger.ParseWitnessKey(w.VKey())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for size := uint8(1); size <= 20; size++ {
		wg.Go(func() {
			c := witness.NewClient(s.URL, key, s.Client())
			signed, errs := witness.Gather(t.Context(), l, l.checkpoint(t, size), []witness.Cosigner{c}, nil)
			if len(errs) == 0 && cosigners(t, signed, w) != "a.example" {
				t.Errorf("size %d: %s", size, signed)
			}
		})
	}
	wg.Wait()
	c := witness.NewClient(s.URL+"/", key, s.Client())
	if _, errs := witness.Gather(t.Context(), l, l.checkpoint(t, 21), []witness.Cosigner{c}, nil); len(errs) != 0 {
		t.Errorf("after the race: %v", errs)
	}
	if got := c.LastSize(origin); got != 21 {
		t.Errorf("last size %d, want 21", got)
	}
}

// A client that knows the size asks once.
func TestClientRemembers(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	w := newWitness(t, "a.example", l)
	requests := 0
	h := witness.Handler(w, nil)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		requests++
		h.ServeHTTP(rw, r)
	}))
	defer s.Close()
	key, err := ledger.ParseWitnessKey(w.VKey())
	if err != nil {
		t.Fatal(err)
	}
	c := witness.NewClient(s.URL, key, s.Client())
	for _, size := range []uint8{3, 7, 9} {
		if _, errs := witness.Gather(t.Context(), l, l.checkpoint(t, size), []witness.Cosigner{c}, nil); len(errs) != 0 {
			t.Fatal(errs)
		}
	}
	if requests != 3 {
		t.Errorf("%d requests for three checkpoints, want 3", requests)
	}
}

func TestClientAnswers(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	key, err := ledger.ParseWitnessKey(newWitness(t, "a.example", l).VKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status int
		header string
		body   string
		is     error
		says   string
	}{
		{404, "", "unknown\nmore", witness.ErrUnknownLog, `status 404: "unknown"`},
		{403, "", "", witness.ErrNotSigned, ""},
		{400, "", "", witness.ErrBadRequest, ""},
		{422, "", "", witness.ErrNotConsistent, ""},
		{500, "", strings.Repeat("x", 1000), nil, "xxx…"},
		{302, "", "", nil, "302"},
		{409, "text/plain", "3\n", nil, "without the size"},
		{409, "text/x.tlog.size", "three\n", nil, "without the size"},
		{409, "text/x.tlog.size", "3\n", nil, "last cosigned size 3"},
		{200, "", strings.Repeat("x", 64<<10), nil, "more than"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if tt.header != "" {
				rw.Header().Set("Content-Type", tt.header)
			}
			rw.WriteHeader(tt.status)
			io.WriteString(rw, tt.body)
		}))
		_, err := witness.NewClient(s.URL, key, s.Client()).AddCheckpoint(t.Context(), 0, nil, l.checkpoint(t, 3))
		s.Close()
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%d %q: error %v, want %v that says %q", tt.status, tt.body, err, tt.is, tt.says)
		}
	}
}

// A witness that is down delays nothing once the others are enough.
func TestGatherEnough(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	a, b := newWitness(t, "a.example", l), newWitness(t, "b.example", l)
	hangs := &slow{Witness: b}
	enough := func(signed []byte) bool { return cosigners(t, signed, a, b) != "" }
	signed, errs := witness.Gather(t.Context(), l, l.checkpoint(t, 5), []witness.Cosigner{hangs, a}, enough)
	if got := cosigners(t, signed, a, b); got != "a.example" || len(errs) != 1 || !errors.Is(errs[0], witness.ErrNotAwaited) {
		t.Errorf("cosigned by %q, errors %v; want a.example, and that b.example was not awaited", got, errs)
	}
}

// slow does not answer before it is told to stop.
type slow struct{ *witness.Witness }

func (s *slow) AddCheckpoint(ctx context.Context, _ uint64, _ [][32]byte, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMLDSA(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	dir := t.TempDir() + "/w"
	if err := witness.Create(dir, "a.example", "https://a.example"); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir)
	if w.VKeyMLDSA() != "" {
		t.Error("a new witness has an ML-DSA-44 key")
	}
	if err := errors.Join(w.AddLog(l.vkey), w.AddMLDSA()); err != nil {
		t.Fatal(err)
	}
	if err := w.AddMLDSA(); err == nil {
		t.Error("a second ML-DSA-44 key was made")
	}
	w = open(t, dir)
	checkpoint := l.checkpoint(t, 5)
	lines, err := w.AddCheckpoint(t.Context(), 0, nil, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, vkey := range []string{w.VKey(), w.VKeyMLDSA()} {
		key, err := ledger.ParseWitnessKey(vkey)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := key.Cosigned(append(bytes.Clone(checkpoint), lines...)); err != nil || at.Unix() != 1000 {
			t.Errorf("cosigned at %v by %.40s: %v, want at 1000", at, vkey, err)
		}
	}
	if signed, err := w.Checkpoint(origin); err != nil || !bytes.HasSuffix(signed, lines) {
		t.Errorf("the record lacks a cosignature: %s, %v", signed, err)
	}
}

func FuzzHandler(f *testing.F) {
	l := newLog(f, origin, "log", 0)
	w := newWitness(f, "a.example", l)
	h := witness.Handler(w, nil)
	f.Add([]byte(request(0, nil, l.checkpoint(f, 3))))
	f.Add([]byte(request(3, l.consistency(f, 3, 5), l.checkpoint(f, 5))))
	f.Fuzz(func(t *testing.T, body []byte) {
		rw := httptest.NewRecorder()
		h.ServeHTTP(rw, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
		if rw.Code == http.StatusInternalServerError {
			t.Errorf("%q: status 500", body)
		}
	})
}
