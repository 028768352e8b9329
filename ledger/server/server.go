// Package server serves a ledger over HTTP: c2sp.org/tlog-tiles for everybody to read,
// and POST /add for those whom an admission function lets write.
//
// An entry is answered with its c2sp.org/tlog-proof when a published checkpoint covers
// it, never before: a promise of inclusion is what public logs have failed to keep.
// An entry that is there already gets the proof that it has. What is in an entry is for
// the admission function to say; its answer, and how much each issuer may send, decide
// before anything is written.
//
// It leaves to others who the issuers are, what is served beside the ledger, and TLS.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/proctor-attest/proctor/ledger"
)

// Config says what is served, and to whom.
type Config struct {
	Log ledger.Log

	// Admit says whose entry it is, or why it does not belong into the ledger, as a
	// *Refusal. It is called by many at once.
	Admit func(ctx context.Context, entry []byte) (issuer string, err error)

	// Rate is how many entries a second each issuer may add in the long run, and Burst
	// how many at once. A Rate of 0 is no limit.
	Rate  float64
	Burst int

	// Waiting is how many entries may be on their way at once; zero is 4,096. Who
	// comes then is told to come back.
	Waiting int

	// Buffered is how many bytes of entries that have not arrived whole may be held at
	// once; zero is 128 MiB. Many who send slowly are told to come back beyond that.
	Buffered int64

	// Added is told of every request to add, with its status; it may be nil.
	Added func(issuer string, status int, took time.Duration, err error)
}

const (
	defaultWaiting = 4096
	defaultBuffer  = 128 << 20
)

// A Refusal is why an entry is not added.
type Refusal struct {
	Status int // 400, or 403 of one who may not
	Err    error
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Handler serves the ledger.
func Handler(c Config) http.Handler {
	if c.Waiting <= 0 {
		c.Waiting = defaultWaiting
	}
	if c.Buffered <= 0 {
		c.Buffered = defaultBuffer
	}
	if c.Added == nil {
		c.Added = func(string, int, time.Duration, error) {}
	}
	h := &handler{Config: c, room: make(chan struct{}, c.Waiting), limits: map[string]*rate.Limiter{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add", h.add)
	mux.HandleFunc("GET /checkpoint", h.checkpoint)
	mux.HandleFunc("GET /tile/", h.tile)
	return mux
}

type handler struct {
	Config
	room     chan struct{}
	buffered atomic.Int64 // bytes of entries that are being read

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by issuer, of whom Admit knows only some
}

func (h *handler) add(rw http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	issuer, status, err := h.tryAdd(rw, r)
	h.Added(issuer, status, time.Since(begin), err)
	if err == nil {
		return
	}
	text := err.Error()
	// What is wrong with the ledger is for who runs it.
	switch status {
	case http.StatusTooManyRequests:
		rw.Header().Set("Retry-After", "1")
		if errors.Is(err, ledger.ErrBusy) {
			text = errBusy.Error()
		}
	case http.StatusServiceUnavailable:
		rw.Header().Set("Retry-After", "1")
		if text = "the ledger could not take it now, and may have it already; send it again"; errors.Is(err, ledger.ErrNotCosigned) {
			text = "logged, and not cosigned yet; send it again"
		}
	case http.StatusInsufficientStorage:
		rw.Header().Set("Retry-After", "60")
		text = "the ledger's disk is full; send it again when there is room"
	case http.StatusInternalServerError:
		text = "the ledger cannot take it now"
	}
	http.Error(rw, text, status)
}

var (
	errBusy = errors.New("too many entries are on their way; come back")
	errRate = errors.New("more entries than this issuer may add now; come back")
)

func (h *handler) tryAdd(rw http.ResponseWriter, r *http.Request) (issuer string, status int, err error) {
	entry, done, err := h.read(rw, r)
	defer done()
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errBusy):
		return "", http.StatusTooManyRequests, errBusy
	case errors.As(err, &large):
		return "", http.StatusRequestEntityTooLarge, fmt.Errorf("an entry has at most %d bytes", ledger.MaxEntry)
	case err != nil:
		return "", http.StatusBadRequest, fmt.Errorf("reading the entry: %w", err)
	case len(entry) == 0:
		return "", http.StatusBadRequest, errors.New("the entry is empty")
	}
	// Room is for entries that are there: many who send slowly take up none.
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		return "", http.StatusTooManyRequests, errBusy
	}
	issuer, err = h.Admit(r.Context(), entry)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return issuer, refusal.Status, refusal.Err
	case err != nil:
		return issuer, http.StatusInternalServerError, err
	case !h.allow(issuer):
		return issuer, http.StatusTooManyRequests, errRate
	}
	added, err := h.Log.Append(r.Context(), entry)
	switch {
	case r.Context().Err() != nil:
		return issuer, 499, r.Context().Err() // nobody reads the answer
	case errors.Is(err, ledger.ErrFull):
		return issuer, http.StatusInsufficientStorage, err
	case errors.Is(err, ledger.ErrBusy):
		return issuer, http.StatusTooManyRequests, err
	case err != nil:
		return issuer, http.StatusServiceUnavailable, err
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Write(added.Proof)
	return issuer, http.StatusOK, nil
}

// read reads an entry. What all requests together have sent so far is bounded: done gives
// this one's share back.
func (h *handler) read(rw http.ResponseWriter, r *http.Request) (entry []byte, done func(), err error) {
	done = func() { h.buffered.Add(-int64(cap(entry))) }
	body := http.MaxBytesReader(rw, r.Body, ledger.MaxEntry)
	for {
		if len(entry) == cap(entry) {
			grown := make([]byte, len(entry), min(max(4<<10, 4*cap(entry)), ledger.MaxEntry+1))
			if h.buffered.Add(int64(cap(grown)-cap(entry))) > h.Buffered {
				h.buffered.Add(-int64(cap(grown) - cap(entry)))
				return entry, done, errBusy
			}
			copy(grown, entry)
			entry = grown
		}
		n, err := body.Read(entry[len(entry):cap(entry)])
		entry = entry[:len(entry)+n]
		if errors.Is(err, io.EOF) {
			return entry, done, nil
		}
		if err != nil {
			return entry, done, err
		}
	}
}

func (h *handler) allow(issuer string) bool {
	if h.Rate <= 0 {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.limits[issuer]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(h.Rate), max(1, h.Burst))
		h.limits[issuer] = l
	}
	return l.Allow()
}

// Full tiles never change; a checkpoint is as new as whoever asks.
const (
	forever = "public, max-age=31536000, immutable"
	never   = "no-cache"
)

func (h *handler) checkpoint(rw http.ResponseWriter, r *http.Request) {
	data, err := h.Log.ReadCheckpoint(r.Context())
	h.send(rw, data, "text/plain; charset=utf-8", never, err)
}

func (h *handler) tile(rw http.ResponseWriter, r *http.Request) {
	t, err := ledger.ParseTilePath(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		http.Error(rw, "not found", http.StatusNotFound)
		return
	}
	var data []byte
	if t.Entries {
		data, err = h.Log.ReadEntryBundle(r.Context(), t.Index, t.Width)
	} else {
		data, err = h.Log.ReadTile(r.Context(), t.Level, t.Index, t.Width)
	}
	if err == nil {
		data, err = t.Cut(data)
	}
	h.send(rw, data, "application/octet-stream", forever, err)
}

func (h *handler) send(rw http.ResponseWriter, data []byte, contentType, cache string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(rw, "not found", http.StatusNotFound)
	case err != nil:
		rw.Header().Set("Retry-After", "1")
		http.Error(rw, "the ledger cannot be read now", http.StatusServiceUnavailable)
	default:
		rw.Header().Set("Content-Type", contentType)
		rw.Header().Set("Cache-Control", cache)
		rw.Header().Set("Content-Length", strconv.Itoa(len(data)))
		rw.Write(data)
	}
}
