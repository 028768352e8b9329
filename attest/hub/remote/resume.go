package remote

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/proctor-attest/proctor/attest/hub"
)

// resuming goes on where a connection broke: the samples of a large model are hundreds
// of megabytes, and all of them have to come. What comes later is a range of the same
// file at the same commit, and checked as the first answer was.
type resuming struct {
	c            *Client
	ctx          context.Context
	name, commit string
	file         hub.File
	body         *exact
	at, left     int64

	failures int   // in a row
	since    int64 // how many bytes came after the last one
}

// worthwhile is how many bytes must come between failures that are not in a row.
const worthwhile = 1 << 20

// Read implements io.Reader.
func (r *resuming) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.at, r.left, r.since = r.at+int64(n), r.left-int64(n), r.since+int64(n)
	if err == nil || err == io.EOF || r.left == 0 || errors.Is(err, errTooMuch) || r.ctx.Err() != nil {
		return n, err
	}
	if r.since >= worthwhile {
		r.failures = 0
	}
	r.since = 0
	if r.failures++; r.failures == attempts {
		return n, err
	}
	if err := r.c.sleep(r.ctx, time.Second<<r.failures); err != nil {
		return n, err
	}
	body, err := r.c.open(r.ctx, r.name, r.commit, r.file, r.at, r.left, false)
	if err != nil {
		return n, err // it was asked for several times
	}
	r.body.Close()
	r.body = body
	return n, nil
}

// Close implements io.Closer.
func (r *resuming) Close() error { return r.body.Close() }
