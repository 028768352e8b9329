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
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/proctor-attest/proctor/attest"
)

// Options are the choices of Digest. The zero value is fine.
type Options struct {
	// Workers is how many files are read at once; zero means one per CPU.
	Workers int

	// Weights names the GGUF, or the first of its splits, where a directory holds
	// several. It chooses nothing else.
	Weights string

	// WithoutPackage leaves out the hash of whole files, which takes half of the
	// time. The model has no Package then, and Files are those that roles need.
	WithoutPackage bool

	// Cache has hashes of files that need not be read again, and takes those of files
	// that were read. Nil reads everything.
	Cache *Cache

	// Progress is told how many of the bytes to read were read. It is called by one
	// goroutine at a time and should return quickly.
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
	p, err := planWeights(fsys, before, opts.Weights)
	if err != nil {
		return nil, err
	}
	if err := p.readLayouts(fsys); err != nil {
		return nil, err
	}
	r := &reader{fsys: fsys, plan: p, opts: opts}
	read, err := r.readAll(ctx, before)
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
	for i, e := range before {
		if whole, l := r.want(e); whole {
			opts.Cache.keep(e, &read[i].File, l)
		} else if l != nil {
			opts.Cache.keep(e, nil, l)
		}
	}
	return assemble(p, read, opts)
}

// readLayouts reads where the tensors are.
func (p *plan) readLayouts(fsys fs.FS) error {
	for _, name := range slices.Sorted(maps.Keys(p.layouts)) {
		l, err := readLayout(fsys, p.layouts[name], p.readers[name], &p.room)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		p.read[name] = l
	}
	if p.format == formatGGUF {
		return p.checkSplits()
	}
	return nil
}

// assemble makes the model of files that were read, in the order of their paths.
func assemble(p *plan, read []reading, opts Options) (*Model, error) {
	m := &Model{Uncovered: p.uncovered, Files: []File{}}
	kept := map[string][]byte{}
	for _, f := range read {
		if f.Path == "" {
			continue // nothing asked for it
		}
		m.Files = append(m.Files, f.File)
		if x := p.weights.index; x != nil && x.path == f.Path && x.sum != f.SHA256 {
			return nil, changedError(f.Path)
		}
		if f.kept != nil {
			if err := checkParsed(f.Path, f.kept); err != nil {
				return nil, fmt.Errorf("%q: %w", f.Path, err)
			}
			kept[f.Path] = f.kept
		}
	}
	if err := m.takeTensors(p); err != nil {
		return nil, err
	}
	m.OutsideCode = outsideCode(m.Files, kept)
	template, err := chatTemplate(m.Files, kept)
	if err != nil {
		return nil, err
	}
	if template == nil && p.format == formatGGUF {
		template = p.read[p.weights.files[0]].text
	}
	if !opts.WithoutPackage {
		m.Package = filesRoot(m.Files)
	}
	m.Roles = m.roles(template)
	m.ID, err = ID(m.Roles)
	return m, err
}

// takeTensors takes what the weight files hold.
func (m *Model) takeTensors(p *plan) (err error) {
	m.Tensors = []Tensor{}
	if p.format != "" {
		if m.Tensors, err = p.weights.merge(p.read); err != nil {
			return err
		}
	}
	if p.format == formatGGUF {
		m.KV = p.read[p.weights.files[0]].kv
	}
	for _, a := range p.adapters {
		tensors, err := a.weights.merge(p.read)
		if err != nil {
			return err
		}
		m.Adapters = append(m.Adapters, Adapter{a.config, tensors})
	}
	return nil
}

// reading is what one pass over a file gives.
type reading struct {
	File
	kept []byte // the bytes of a file that is parsed
}

// reader reads the files of a directory.
type reader struct {
	fsys fs.FS
	plan *plan
	opts Options

	mu          sync.Mutex // guards read, and keeps progress to one call at a time
	read, total int64
}

func (r *reader) advance(n int) {
	if r.opts.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read += int64(n)
	r.opts.Progress(r.read, r.total)
}

// job is a file that one worker reads, or some pieces of it.
type job struct {
	entry  int
	pieces []piece // nil for the whole file
	size   int64
}

// want says what is read of a file.
func (r *reader) want(e entry) (whole bool, l *layout) {
	l = r.plan.read[e.path]
	return !r.opts.WithoutPackage || l == nil && (inRoles(e.path) || r.plan.weights.index.at(e.path)), l
}

// jobs says what is read, the largest first so that no worker is left alone with
// one at the end. What the cache knows goes to out.
func (r *reader) jobs(entries []entry, out []reading) []job {
	var jobs []job
	for i, e := range entries {
		whole, l := r.want(e)
		if (whole || l != nil) && !isParsed(e.path) {
			if file, ok := r.opts.Cache.lookup(e, whole, l); ok {
				out[i].File = file
				continue
			}
		}
		switch {
		case whole:
			jobs = append(jobs, job{entry: i, size: e.size})
		case l != nil:
			jobs = append(jobs, pieceJobs(i, l.pieces[1:])...)
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(b.size, a.size) })
	for _, j := range jobs {
		r.total += j.size
	}
	return jobs
}

// readAll does all jobs. A file that none of them asked for is a zero reading.
func (r *reader) readAll(ctx context.Context, entries []entry) ([]reading, error) {
	out := make([]reading, len(entries))
	return out, r.do(ctx, entries, r.jobs(entries, out), out)
}

// do does some jobs, and puts what they read into out, by the numbers of entries.
func (r *reader) do(ctx context.Context, entries []entry, todo []job, out []reading) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan job)
	var wg sync.WaitGroup
	workers := r.opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for range min(workers, len(todo)) {
		wg.Go(func() {
			var bufs buffers
			for j := range jobs {
				var err error
				if e := entries[j.entry]; j.pieces == nil {
					out[j.entry], err = r.readFile(ctx, e, &bufs)
				} else {
					err = r.readPieces(ctx, e, j.pieces, &bufs)
				}
				if err != nil {
					cancel(fmt.Errorf("%q: %w", entries[j.entry].path, err))
				}
			}
		})
	}
	for _, j := range todo {
		if ctx.Err() != nil {
			break
		}
		jobs <- j
	}
	close(jobs)
	wg.Wait()
	return context.Cause(ctx)
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
	var kept bytes.Buffer
	if l := r.plan.read[e.path]; l != nil {
		sinks = append(sinks, newPieceSum(l))
	} else if isParsed(e.path) {
		if e.size > maxParsed {
			return reading{}, fmt.Errorf("JSON of %d bytes, the most is %d", e.size, maxParsed)
		}
		kept.Grow(int(e.size))
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
	if isParsed(e.path) {
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
