package diff

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// Values counts the elements of a tensor that was cast. Each is in one count.
type Values struct {
	Elements uint64 `json:"elements"`

	// Equal have the same value in both. Of the others, FirstRounded are those where
	// the second is the first's value rounded to the nearest of its dtype, ties to
	// even; SecondRounded those where the first is the second's.
	Equal         uint64 `json:"equal"`
	FirstRounded  uint64 `json:"firstRounded"`
	SecondRounded uint64 `json:"secondRounded"`
	Different     uint64 `json:"different"`
}

// CompareCasts reads the tensors that were cast, where the bytes are at hand, and says
// what became of their values. It needs little memory, and takes as long as reading them.
// An error says that a tensor could not be read, or is not what was hashed. Progress,
// which may be nil, is told how many of how many bytes were read.
func (r *Report) CompareCasts(ctx context.Context, a, b *Side, progress func(read, total int64)) error {
	if r.Weights == nil || len(r.Weights.Cast) == 0 {
		return nil
	}
	if a.Tensor == nil || b.Tensor == nil {
		r.unknown("the values of tensors that were cast", withoutBytes(a, b))
		return nil
	}
	c := &casts{ctx: ctx, a: a, b: b, progress: progress}
	var todo []*Pair
	skipped := map[string]int{}
	for i := range r.Weights.Cast {
		p := &r.Weights.Cast[i]
		if why := notNumbers(p); why != "" {
			skipped[why]++
			continue
		}
		todo = append(todo, p)
		c.total += int64(p.First.Size) + int64(p.Second.Size)
	}
	for _, why := range slices.Sorted(maps.Keys(skipped)) {
		r.unknown(fmt.Sprintf("the values of %d tensors that were cast", skipped[why]), why)
	}
	return c.compareAll(todo)
}

// notNumbers says why a pair cannot be compared element by element.
func notNumbers(p *Pair) string {
	for _, t := range []model.Tensor{p.First, p.Second} {
		if numberOf(t.DType) == nil {
			return "elements of " + t.DType + " are not compared one by one"
		}
	}
	if !slices.Equal(p.First.Shape, p.Second.Shape) {
		return "they have another shape too"
	}
	return ""
}

// casts compares tensors, several at once.
type casts struct {
	ctx  context.Context
	a, b *Side

	mu          sync.Mutex // guards read, and keeps progress to one call at a time
	progress    func(read, total int64)
	read, total int64
}

func (c *casts) advance(n int) {
	if c.progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read += int64(n)
	c.progress(c.read, c.total)
}

func (c *casts) compareAll(todo []*Pair) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	c.ctx = ctx
	pairs := make(chan *Pair)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(todo)) {
		wg.Go(func() {
			for p := range pairs {
				if err := c.compare(p); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, p := range todo {
		if ctx.Err() != nil {
			break
		}
		pairs <- p
	}
	close(pairs)
	wg.Wait()
	return context.Cause(ctx)
}

// compare fills in the values of one pair.
func (c *casts) compare(p *Pair) error {
	x, err := openElements(c.a, p.First)
	if err != nil {
		return err
	}
	defer x.Close()
	y, err := openElements(c.b, p.Second)
	if err != nil {
		return err
	}
	defer y.Close()
	v := &Values{Elements: elements(p.First.Shape)}
	for left := v.Elements; left > 0; {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		n := int(min(left, batch))
		one, err := x.next(n)
		if err != nil {
			return err
		}
		other, err := y.next(n)
		if err != nil {
			return err
		}
		v.count(x.number, y.number, one, other)
		c.advance(n * (x.number.width + y.number.width))
		left -= uint64(n)
	}
	if err := cmp.Or(x.check(), y.check()); err != nil {
		return err
	}
	p.Values = v
	return nil
}

// count compares as many elements of one type as of another.
func (v *Values) count(a, b *number, x, y []float64) {
	for i, first := range x {
		second := y[i]
		switch {
		case identical(first, second):
			v.Equal++
		case b.bits > 0 && identical(b.round(first), second):
			v.FirstRounded++
		case a.bits > 0 && identical(a.round(second), first):
			v.SecondRounded++
		default:
			v.Different++
		}
	}
}

// batch is how many elements are compared at a time.
const batch = 1 << 15

// tensorReader reads a tensor's elements, and hashes them.
type tensorReader struct {
	io.ReadCloser
	of     *Side
	tensor model.Tensor
	number *number
	sum    hash.Hash
	buf    []byte
	values []float64
}

func openElements(s *Side, t model.Tensor) (*tensorReader, error) {
	r, err := s.Tensor(t.Name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	n := numberOf(t.DType)
	some := min(batch, elements(t.Shape))
	return &tensorReader{r, s, t, n, sha256.New(), make([]byte, some*uint64(n.width)), make([]float64, some)}, nil
}

// next returns the next n elements, which are valid until it is called again.
func (r *tensorReader) next(n int) ([]float64, error) {
	buf := r.buf[:n*r.number.width]
	if _, err := io.ReadFull(r, buf); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errors.New("became shorter while it was being read")
		}
		return nil, fmt.Errorf("%s: tensor %.200q: %w", r.of.Name, r.tensor.Name, err)
	}
	r.sum.Write(buf)
	r.number.decode(r.values[:n], buf)
	return r.values[:n], nil
}

// check refuses bytes that are not those that the modelID is over.
func (r *tensorReader) check() error {
	if attest.Hash(r.sum.Sum(nil)) != r.tensor.SHA256 {
		return fmt.Errorf("%s: tensor %.200q changed since it was hashed (wait until nothing writes to the directory)", r.of.Name, r.tensor.Name)
	}
	return nil
}
