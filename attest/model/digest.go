package model

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/proctor-attest/proctor/attest"
)

// Options are the choices of Digest. The zero value is fine.
type Options struct {
	// Workers is how many files are read at once; zero means one per CPU.
	Workers int

	// Progress is told how many of the directory's bytes were read. It is called
	// by one goroutine at a time and should return quickly.
	Progress func(read, total int64)
}

// Digest reads every file of a model directory once and names the model. The
// directory is usually an OpenDir; in any other file system a symbolic link is
// refused. An error says which file is in the way; there is no partial result.
func Digest(ctx context.Context, fsys fs.FS, opts Options) (*Model, error) {
	before, err := list(fsys)
	if err != nil {
		return nil, err
	}
	p, err := planWeights(fsys, before)
	if err != nil {
		return nil, err
	}
	r := &reader{fsys: fsys, plan: p, progress: opts.Progress}
	read, err := r.readAll(ctx, before, opts.Workers)
	if err != nil {
		return nil, err
	}
	after, err := list(fsys)
	if err != nil {
		return nil, err
	}
	if err := checkUnchanged(before, after); err != nil {
		return nil, err
	}
	return assemble(p, read)
}

// assemble makes the model of files that were read, in the order of their paths.
func assemble(p *plan, read []reading) (*Model, error) {
	m := &Model{Uncovered: p.uncovered, Files: make([]File, len(read))}
	shards := map[string][]Tensor{}
	kept := map[string][]byte{}
	for i, f := range read {
		m.Files[i] = f.File
		switch {
		case p.shards[f.Path]:
			shards[f.Path] = f.tensors
		case f.Path == p.indexPath && f.SHA256 != p.indexSum:
			return nil, changedError(f.Path)
		case f.kept != nil:
			if err := checkParsed(f.Path, f.kept); err != nil {
				return nil, fmt.Errorf("%q: %w", f.Path, err)
			}
			kept[f.Path] = f.kept
		}
	}
	var err error
	if m.Tensors, err = p.merge(shards); err != nil {
		return nil, err
	}
	template, err := chatTemplate(m.Files, kept)
	if err != nil {
		return nil, err
	}
	m.Package = filesRoot(m.Files)
	m.Roles = roles(weightsRoot(m.Tensors), template, m.Files)
	if m.ID, err = ID(m.Roles); err != nil {
		return nil, err
	}
	return m, nil
}

// reading is what one pass over a file gives.
type reading struct {
	File
	tensors []Tensor // of a shard
	kept    []byte   // the bytes of a file that is parsed
}

// reader reads the files of a directory.
type reader struct {
	fsys     fs.FS
	plan     *plan
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

// readAll reads the files, the largest first so that no worker is left alone
// with one at the end.
func (r *reader) readAll(ctx context.Context, entries []entry, workers int) ([]reading, error) {
	order := make([]int, len(entries))
	for i, e := range entries {
		order[i] = i
		r.total += e.size
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(entries[b].size, entries[a].size) })

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan int)
	out := make([]reading, len(entries))
	var wg sync.WaitGroup
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for range min(workers, len(entries)) {
		wg.Go(func() {
			var bufs buffers
			for i := range jobs {
				var err error
				if out[i], err = r.readFile(ctx, entries[i], &bufs); err != nil {
					cancel(fmt.Errorf("%q: %w", entries[i].path, err))
				}
			}
		})
	}
	for _, i := range order {
		if ctx.Err() != nil {
			break
		}
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	return out, context.Cause(ctx)
}

// readFile makes the one pass over a file.
func (r *reader) readFile(ctx context.Context, e entry, bufs *buffers) (_ reading, err error) {
	f, err := r.fsys.Open(e.path)
	if err != nil {
		return reading{}, err
	}
	defer f.Close()
	if err := checkSame(f, e); err != nil {
		return reading{}, err
	}
	src, err := skipPointer(f, e.size)
	if err != nil {
		return reading{}, err
	}
	got := reading{File: File{Path: e.path, Size: uint64(e.size)}}
	whole := newFileSum(got.Size)
	sinks := []io.Writer{whole}
	var tensors *shard
	var kept bytes.Buffer
	switch {
	case r.plan.shards[e.path]:
		tensors = newShard(got.Size)
		sinks = append(sinks, tensors)
	case slices.Contains(parsed, e.path):
		if e.size > maxJSON {
			return reading{}, fmt.Errorf("JSON of %d bytes, the most is %d", e.size, maxJSON)
		}
		sinks = append(sinks, &kept)
	}
	n, err := pump(ctx, src, bufs, r.advance, sinks...)
	if err != nil {
		return reading{}, err
	}
	if n != got.Size {
		return reading{}, fmt.Errorf("%d bytes came, %d were listed: the file changed while it was being read", n, got.Size)
	}
	if err := checkSame(f, e); err != nil {
		return reading{}, err
	}
	if tensors != nil {
		if got.tensors, err = tensors.done(); err != nil {
			return reading{}, err
		}
	}
	if slices.Contains(parsed, e.path) {
		got.kept = append([]byte{}, kept.Bytes()...)
	}
	got.SHA256, got.GitBlob = whole.done()
	return got, nil
}

// checkSame compares an open file with its listing.
func checkSame(f fs.File, e entry) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !e.same(info) {
		return errors.New("changed while it was being read (wait until nothing writes to the directory)")
	}
	return nil
}

// buffers are one worker's: one is filled while the other is hashed.
type buffers [2][]byte

const bufferSize = 1 << 20

// pump reads r to its end and gives every piece to all sinks, which work at the
// same time: the hash of a file and those of its tensors are over the same
// bytes and as slow as each other.
func pump(ctx context.Context, r io.Reader, bufs *buffers, advance func(int), sinks ...io.Writer) (uint64, error) {
	results := make(chan error, len(sinks))
	working := 0
	wait := func() (err error) {
		for ; working > 0; working-- {
			err = cmp.Or(err, <-results)
		}
		return err
	}
	defer wait() // the buffers are the next file's
	var total uint64
	for i := 0; ; i = 1 - i {
		if bufs[i] == nil {
			bufs[i] = make([]byte, bufferSize)
		}
		n, readErr := io.ReadFull(r, bufs[i])
		if err := cmp.Or(wait(), ctx.Err()); err != nil {
			return total, err
		}
		if n > 0 {
			for _, s := range sinks {
				working++
				go func(piece []byte) {
					_, err := s.Write(piece)
					results <- err
				}(bufs[i][:n])
			}
			total += uint64(n)
			advance(n)
		}
		switch readErr {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return total, wait()
		default:
			return total, fmt.Errorf("after %d bytes: %w", total, readErr)
		}
	}
}

// fileSum hashes a whole file as File wants it.
type fileSum struct {
	io.Writer
	done func() (attest.Hash, GitBlob)
}

func newFileSum(size uint64) fileSum {
	h := sha256.New()
	if size > MaxBlob {
		return fileSum{h, func() (attest.Hash, GitBlob) { return attest.Hash(h.Sum(nil)), GitBlob{} }}
	}
	git := sha1.New()
	fmt.Fprintf(git, "blob %d\x00", size)
	return fileSum{io.MultiWriter(h, git), func() (attest.Hash, GitBlob) {
		return attest.Hash(h.Sum(nil)), GitBlob(git.Sum(nil))
	}}
}

func sum(data []byte) attest.Hash { return sha256.Sum256(data) }

// maxPointer is larger than any Git LFS pointer, of which the specification says
// "Pointer files must be less than 1024 bytes in size".
const maxPointer = 1024

// skipPointer returns a reader of f unless f is a Git LFS pointer.
func skipPointer(f io.Reader, size int64) (io.Reader, error) {
	if size >= maxPointer {
		return f, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPointer))
	if err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(data), f), checkPointer(data)
}

// checkPointer refuses a Git LFS pointer: what it stands for is part of the
// model, its own text is not.
func checkPointer(data []byte) error {
	if len(data) < maxPointer && bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")) {
		return errors.New(`a Git LFS pointer instead of the file (run "git lfs pull")`)
	}
	return nil
}
