package oms

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"
)

// newHash returns the maker of a hash.
func newHash(name string) (func() hash.Hash, error) {
	switch name {
	case "sha256":
		return sha256.New, nil
	case "blake2b":
		return func() hash.Hash {
			h, err := blake2b.New512(nil)
			if err != nil {
				panic(err) // only a key that is too long does this
			}
			return h
		}, nil
	case "blake3":
		return func() hash.Hash { return blake3.New() }, nil
	}
	return nil, fmt.Errorf("files are hashed with %s, which is not supported here: sha256, blake2b and blake3 are", name)
}

// part is a stretch of a file to be hashed; digest is the outcome.
type part struct {
	name       string // in the file system
	start, end uint64
	of         entry
	digest     []byte
	pointer    bool // it is a Git LFS pointer
}

// reader hashes parts on several processors.
type reader struct {
	fsys     fs.FS
	hash     func() hash.Hash
	progress func(read, total int64)

	mu          sync.Mutex // guards read, and keeps progress to one call at a time
	read, total int64
}

func (r *reader) advance(n int) {
	if r.progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read += int64(n)
	r.progress(r.read, r.total)
}

// readAll hashes the parts, the largest first so that no processor is left alone
// with one at the end.
func (r *reader) readAll(ctx context.Context, parts []*part) error {
	order := slices.Clone(parts)
	slices.SortStableFunc(order, func(a, b *part) int { return cmp.Compare(b.end-b.start, a.end-a.start) })
	for _, p := range order {
		r.total += int64(p.end - p.start)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan *part)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(order)) {
		wg.Go(func() {
			buf := make([]byte, 1<<20)
			for p := range jobs {
				if err := r.readPart(ctx, p, buf); err != nil {
					cancel(fmt.Errorf("%q: %w", p.name, err))
				}
			}
		})
	}
	for _, p := range order {
		if ctx.Err() != nil {
			break
		}
		jobs <- p
	}
	close(jobs)
	wg.Wait()
	return context.Cause(ctx)
}

func (r *reader) readPart(ctx context.Context, p *part, buf []byte) error {
	f, err := r.fsys.Open(p.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unchanged(f, p.of); err != nil {
		return err
	}
	src := io.Reader(f)
	if p.start > 0 {
		at, ok := f.(io.ReaderAt)
		if !ok {
			return fmt.Errorf("cannot be read from byte %d on", p.start)
		}
		src = io.NewSectionReader(at, int64(p.start), int64(p.end-p.start))
	}
	h := r.hash()
	for left := p.end - p.start; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(src, buf[:min(left, uint64(len(buf)))])
		if err != nil {
			return fmt.Errorf("with %d bytes to come: %w", left, err)
		}
		p.pointer = p.pointer || p.of.size < maxPointer && bytes.HasPrefix(buf[:n], pointerStart)
		h.Write(buf[:n])
		left -= uint64(n)
		r.advance(n)
	}
	p.digest = h.Sum(nil)
	return unchanged(f, p.of)
}

// Of Git LFS pointers the specification says that they "must be less than 1024
// bytes in size".
const maxPointer = 1024

var pointerStart = []byte("version https://git-lfs.github.com/spec/")

// unchanged compares an open file with its listing.
func unchanged(f fs.File, e entry) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !e.same(info) {
		return fmt.Errorf("changed while the model was being read (wait until nothing writes to it)")
	}
	return nil
}
