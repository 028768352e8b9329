package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/proctor-attest/proctor/ledger"
)

// maxCheckpoint bounds a checkpoint with its signatures.
const maxCheckpoint = 64 << 10

// A Client is a Cosigner behind HTTP: a c2sp.org/tlog-witness. It is safe for
// concurrent use.
type Client struct {
	url  string
	key  ledger.WitnessKey
	http *http.Client

	mu    sync.Mutex
	sizes map[string]uint64 // by origin: what it cosigned last, as far as it said
}

// NewClient makes a client of the witness with this submission prefix and key. The
// HTTP client says how long to wait, and follows no redirects where it is careful.
func NewClient(url string, key ledger.WitnessKey, c *http.Client) *Client {
	return &Client{url: strings.TrimSuffix(url, "/"), key: key, http: c, sizes: map[string]uint64{}}
}

// Name returns the name in the key.
func (c *Client) Name() string { return c.key.Name }

// VKey returns the verifier key.
func (c *Client) VKey() string { return c.key.VKey }

// LastSize is the size of the tree that the witness said it cosigned last for a log.
func (c *Client) LastSize(origin string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sizes[origin]
}

func (c *Client) remember(origin string, size uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes[origin] = size
}

// AddCheckpoint asks the witness to cosign. The errors are those of Witness as far as
// the status tells them apart; what else it answers is quoted in one line.
func (c *Client) AddCheckpoint(ctx context.Context, old uint64, proof [][32]byte, checkpoint []byte) ([]byte, error) {
	cp, err := ledger.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+addPath, bytes.NewReader(formatRequest(old, proof, checkpoint)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("answered more than %d bytes", maxAnswer)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		c.remember(cp.Origin, cp.Size)
		return answer, nil
	case http.StatusConflict:
		size, err := parseSize(resp.Header.Get("Content-Type"), answer)
		if err != nil {
			return nil, err
		}
		c.remember(cp.Origin, size)
		return nil, &ConflictError{Size: size}
	}
	return nil, fmt.Errorf("%w (HTTP status %d: %q)", statusError(resp.StatusCode), resp.StatusCode, firstLine(answer))
}

// Checkpoint returns the last checkpoint that the witness cosigned for a log, with the
// log's signature and its own, or nil if it has cosigned none. It asks the submission
// prefix, which witnesses can have for both.
func (c *Client) Checkpoint(ctx context.Context, log ledger.LogKey) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/"+originHash(log.Origin)+"/checkpoint", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	signed, err := io.ReadAll(io.LimitReader(resp.Body, maxCheckpoint+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it did not answer with a checkpoint (HTTP status %d: %q)", resp.StatusCode, firstLine(signed))
	case len(signed) > maxCheckpoint:
		return nil, fmt.Errorf("answered more than %d bytes", maxCheckpoint)
	}
	if _, err := log.Open(signed); err != nil {
		return nil, err
	}
	if _, err := c.key.Cosigned(signed); err != nil {
		return nil, err
	}
	return signed, nil
}

func parseSize(contentType string, answer []byte) (uint64, error) {
	text, ok := strings.CutSuffix(string(answer), "\n")
	size, err := strconv.ParseUint(text, 10, 64)
	if contentType != sizeType || !ok || err != nil {
		return 0, fmt.Errorf("answered a conflict without the size that it has: %q", firstLine(answer))
	}
	return size, nil
}

var errStatus = errors.New("it did not cosign")

func statusError(status int) error {
	switch status {
	case http.StatusBadRequest:
		return ErrBadRequest
	case http.StatusForbidden:
		return ErrNotSigned
	case http.StatusNotFound:
		return ErrUnknownLog
	case http.StatusUnprocessableEntity:
		return ErrNotConsistent
	}
	return errStatus
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	const most = 200
	if len(line) > most {
		line = line[:most] + "…"
	}
	return line
}
