package model

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// jobSize is how much a worker takes at a time of a file of which only the
// pieces are hashed: little enough that all end together.
const jobSize = 64 << 20

// pieceJobs cuts a file between its pieces.
func pieceJobs(entry int, pieces []piece) []job {
	var jobs []job
	now := job{entry: entry}
	first := 0
	for i, p := range pieces {
		now.size += int64(p.size)
		if now.size >= jobSize || i == len(pieces)-1 {
			now.pieces = pieces[first : i+1]
			jobs = append(jobs, now)
			now, first = job{entry: entry}, i+1
		}
	}
	return jobs
}

// readPieces hashes some pieces of a file. It reads them like everybody else, and
// never maps the file: one that shrinks would end the process.
func (r *reader) readPieces(ctx context.Context, e entry, pieces []piece, bufs *buffers) error {
	f, err := r.fsys.Open(e.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkSame(f, e); err != nil {
		return err
	}
	src, err := sourceOf(f, e)
	if err != nil {
		return err
	}
	if bufs[0] == nil {
		bufs[0] = make([]byte, bufferSize)
	}
	for i := range pieces {
		p := &pieces[i]
		h := sha256.New()
		for at, end := p.begin, p.begin+p.size; at < end; {
			if err := ctx.Err(); err != nil {
				return err
			}
			buf := bufs[0][:min(bufferSize, end-at)]
			if n, err := src.ReadAt(buf, int64(at)); n < len(buf) {
				if err == io.EOF {
					err = errors.New("the file became shorter while it was being read")
				}
				return fmt.Errorf("after %d bytes: %w", at+uint64(n), err)
			}
			h.Write(buf)
			at += uint64(len(buf))
			r.advance(len(buf))
		}
		h.Sum(p.sum[:0])
	}
	return checkSame(f, e)
}
