package testset

import (
	"context"
	"hash/maphash"
	"io"
	"runtime"
	"sync"
)

const (
	// A batch is large enough that handing it over costs nothing beside the work on
	// it, and small enough to stay in a processor's cache.
	batchRows  = 1024
	batchBytes = 1 << 18

	// What is larger is mostly one row. It waits until the other batches are done and
	// gives its memory back: one MaxItem is worked on at a time, and one read.
	largeBatch = 1 << 23
)

// pass is one reading of a file. One goroutine cuts it into rows; several parse them
// and work on them; what came out is taken in the order of the file, so that the
// first error in the file is the one that is returned.
type pass[T any] struct {
	src      Source
	seed     maphash.Seed
	progress Progress

	// Unless nil, the members whose values are needed. Those of others are checked and
	// left empty, but for the first row's.
	only []string

	// worker is called once for each goroutine and returns its work. The rows belong to
	// the pass, and out comes back with what was left in it.
	worker func() (work func(rows []Row, out *T))
	take   func(rows []Row, out *T) error
}

// eachRow makes a pass that only parses on several goroutines.
func eachRow(ctx context.Context, p pass[struct{}], take func(Row) error) (checksum uint64, err error) {
	p.worker = func() func([]Row, *struct{}) { return func([]Row, *struct{}) {} }
	p.take = func(rows []Row, _ *struct{}) error {
		for _, row := range rows {
			if err := take(row); err != nil {
				return err
			}
		}
		return nil
	}
	return p.run(ctx)
}

// batch is rows that follow each other.
type batch[T any] struct {
	text []byte
	raw  []rawRow
	read int64 // bytes of the file on disk, up to the end of the batch
	err  error // what comes after the rows, or io.EOF

	rows  []Row
	mem   rowMemory
	out   T
	ready chan struct{} // the work is done
}

// run makes the pass and returns a checksum of the file as it is on disk, by which
// another pass notices a change. It leaves no goroutine behind.
func (p *pass[T]) run(ctx context.Context) (checksum uint64, err error) {
	tap := &tap{open: p.src.Open}
	tap.hash.SetSeed(p.seed)
	src := p.src
	src.Open = tap.source
	in, err := open(src)
	if err != nil {
		return 0, err
	}
	defer in.close()
	err = p.flow(ctx, in, tap)
	return tap.hash.Sum64(), err
}

// belt carries the batches around: from free, where n begin, to todo and order, and
// back. No channel is ever full.
type belt[T any] struct {
	n                 int
	free, todo, order chan *batch[T]
	stop              chan struct{}
}

func (p *pass[T]) flow(ctx context.Context, in *input, tap *tap) error {
	workers := min(runtime.GOMAXPROCS(0), 16)
	n := workers + 2
	belt := belt[T]{n, make(chan *batch[T], n), make(chan *batch[T], n), make(chan *batch[T], n), make(chan struct{})}
	for range n {
		belt.free <- newBatch[T]()
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer close(belt.stop)
	running.Go(func() { belt.cut(in, tap) })
	for range workers {
		parser, work := &parser{file: in.file, most: in.most, only: p.only}, p.worker()
		running.Go(func() {
			for b := range belt.todo {
				b.parse(parser)
				work(b.rows, &b.out)
				b.ready <- struct{}{}
			}
		})
	}
	return p.takeAll(ctx, belt)
}

// cut cuts the file into batches.
func (l *belt[T]) cut(in *input, tap *tap) {
	defer close(l.todo)
	defer close(l.order)
	for last := false; !last; {
		b := l.take()
		if b == nil {
			return
		}
		b.fill(in)
		b.read, last = tap.bytes, b.err != nil
		var idle []*batch[T]
		for len(b.text) > largeBatch && len(idle) < l.n-1 {
			other := l.take()
			if other == nil {
				return
			}
			idle = append(idle, other)
		}
		l.todo <- b
		l.order <- b
		for _, other := range idle {
			l.free <- other
		}
	}
}

// take waits for a free batch; nil if there is no need for one any more.
func (l *belt[T]) take() *batch[T] {
	select {
	case b := <-l.free:
		return b
	case <-l.stop:
		return nil
	}
}

func (p *pass[T]) takeAll(ctx context.Context, belt belt[T]) error {
	rows := 0
	for b := range belt.order {
		<-b.ready
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.take(b.rows, &b.out); err != nil {
			return err
		}
		rows += len(b.rows)
		if p.progress != nil {
			p.progress(rows, b.read)
		}
		if b.err == io.EOF {
			break
		}
		if b.err != nil {
			return b.err
		}
		if len(b.text) > largeBatch {
			b = newBatch[T]()
		}
		belt.free <- b
	}
	return nil
}

func newBatch[T any]() *batch[T] { return &batch[T]{ready: make(chan struct{}, 1)} }

func (b *batch[T]) fill(in *input) {
	b.text, b.raw, b.err = b.text[:0], b.raw[:0], nil
	for len(b.raw) < batchRows && len(b.text) < batchBytes {
		var row rawRow
		if row, b.text, b.err = in.nextRow(b.text); b.err != nil {
			return
		}
		b.raw = append(b.raw, row)
	}
}

func (b *batch[T]) parse(p *parser) {
	b.rows, b.mem.members, b.mem.values = b.rows[:0], b.mem.members[:0], b.mem.values[:0]
	for _, raw := range b.raw {
		row, err := p.row(raw, b.text, &b.mem)
		if err != nil {
			b.err = err
			return
		}
		b.rows = append(b.rows, row)
	}
}

// tap counts what is read from a source, as it is on disk, and takes a checksum of
// it. It guards against accidents: who can write the file can write it before.
type tap struct {
	open  func() (io.ReadCloser, error)
	hash  maphash.Hash
	bytes int64
}

func (t *tap) Write(p []byte) (int, error) {
	t.bytes += int64(len(p))
	return t.hash.Write(p)
}

func (t *tap) source() (io.ReadCloser, error) {
	f, err := t.open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(f, t), f}, nil
}
