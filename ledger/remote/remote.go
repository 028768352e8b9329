// Package remote is a ledger that somebody else serves: c2sp.org/tlog-tiles to read,
// POST /add to write. It is the ledger.Log of those who keep none themselves.
//
// It believes nothing that the log's key has not signed: an answer to Append is the
// proof of this very entry, or an error.
package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/proctor-attest/proctor/ledger"
)

const (
	maxAnswer  = 1 << 20
	maxTile    = 256 * (2 + ledger.MaxEntry)
	attempts   = 5
	longestNap = 30 * time.Second
)

// A Log is a ledger behind HTTP. It is safe for concurrent use.
type Log struct {
	base string
	key  ledger.LogKey
	http *http.Client
}

var _ ledger.Log = (*Log)(nil)

// Open returns the ledger with this key at a URL. Nothing is asked yet.
func Open(url string, key ledger.LogKey, c *http.Client) *Log {
	return &Log{base: strings.TrimSuffix(url, "/"), key: key, http: c}
}

// Append implements ledger.Log. A server that is busy is asked again, up to five times,
// when it says. Sending an entry again is harmless.
func (l *Log) Append(ctx context.Context, entry []byte) (ledger.Appended, error) {
	for attempt := 1; ; attempt++ {
		answer, nap, err := l.send(ctx, entry)
		if err == nil {
			return l.check(entry, answer)
		}
		if nap == 0 || attempt == attempts {
			return ledger.Appended{}, err
		}
		select {
		case <-time.After(nap):
		case <-ctx.Done():
			return ledger.Appended{}, ctx.Err()
		}
	}
}

// send returns what the server answered, or how long to wait before it is asked again.
func (l *Log) send(ctx context.Context, entry []byte) (answer []byte, nap time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+"/add", bytes.NewReader(entry))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := l.http.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return nil, 0, err
	}
	if len(answer) > maxAnswer {
		return nil, 0, fmt.Errorf("%s answered more than %d bytes", l.base, maxAnswer)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return answer, 0, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		nap = min(max(time.Second, time.Duration(seconds)*time.Second), longestNap)
	}
	return nil, nap, fmt.Errorf("%s did not add the entry: %s (HTTP status %d)", l.base, firstLine(answer), resp.StatusCode)
}

// check makes sure that the answer proves the entry under a checkpoint of the log.
func (l *Log) check(entry, answer []byte) (ledger.Appended, error) {
	p, err := ledger.ParseProof(answer)
	if err != nil {
		return ledger.Appended{}, fmt.Errorf("%s did not answer with a proof: %w", l.base, err)
	}
	cp, err := l.key.Open(p.Checkpoint)
	if err != nil {
		return ledger.Appended{}, err
	}
	if err := ledger.CheckInclusion(cp, p.Index, [32]byte(rfc6962.DefaultHasher.HashLeaf(entry)), p.Hashes); err != nil {
		return ledger.Appended{}, fmt.Errorf("the proof from %s does not hold: %w", l.base, err)
	}
	return ledger.Appended{Index: p.Index, Proof: answer}, nil
}

// Close implements ledger.Log.
func (l *Log) Close(context.Context) error {
	l.http.CloseIdleConnections()
	return nil
}

// ReadCheckpoint implements ledger.Reader.
func (l *Log) ReadCheckpoint(ctx context.Context) ([]byte, error) {
	return l.get(ctx, "checkpoint", maxAnswer)
}

// ReadTile implements ledger.Reader.
func (l *Log) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return l.partial(ctx, ledger.TileRef{Level: level, Index: index, Width: p})
}

// ReadEntryBundle implements ledger.Reader.
func (l *Log) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return l.partial(ctx, ledger.TileRef{Entries: true, Index: index, Width: p})
}

// partial falls back to the full tile: servers remove partial ones when it is there.
func (l *Log) partial(ctx context.Context, t ledger.TileRef) ([]byte, error) {
	data, err := l.get(ctx, t.String(), maxTile)
	if t.Width > 0 && errors.Is(err, fs.ErrNotExist) {
		t.Width = 0
		return l.get(ctx, t.String(), maxTile)
	}
	return data, err
}

func (l *Log) get(ctx context.Context, name string, limit int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
		return nil, fmt.Errorf("%s: %w", r.URL, fs.ErrNotExist)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: HTTP status %d: %s", r.URL, resp.StatusCode, firstLine(data))
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%s has more than %d bytes", r.URL, limit)
	}
	return data, nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	const most = 200
	if len(line) > most {
		line = line[:most] + "…"
	}
	return strconv.Quote(line)
}
