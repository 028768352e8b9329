package model

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// span is a tensor and where its bytes begin in the file. Its hash is not known
// yet.
type span struct {
	Tensor
	begin uint64
}

// piece is a run of bytes that is hashed by itself. Several tensors may show the
// same piece.
type piece struct {
	begin, size uint64
	sum         attest.Hash
}

// layout says where a weight file keeps its tensors, which is known before they
// are read.
type layout struct {
	tensors []Tensor // in the order of their bytes
	at      []int    // tensor to piece
	pieces  []piece  // in the order of the file, without overlaps; each has a byte at least, but the first, which has none
	kv      []KV     // of a GGUF
	split   split
	text    *attest.Hash // of the chat template inside
}

// newLayout takes tensors whose bytes are either the same or disjoint.
func newLayout(spans []span) *layout {
	l := &layout{tensors: make([]Tensor, 0, len(spans)), at: make([]int, 0, len(spans)), pieces: make([]piece, 1, len(spans)+1)}
	l.pieces[0].sum = sum(nil)
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	for _, s := range spans {
		last := len(l.pieces) - 1
		switch {
		case s.Size == 0:
			last = 0
		case last == 0 || l.pieces[last].begin != s.begin:
			l.pieces = append(l.pieces, piece{begin: s.begin, size: s.Size})
			last++
		}
		l.tensors, l.at = append(l.tensors, s.Tensor), append(l.at, last)
	}
	return l
}

// hashed are the tensors once every piece was hashed.
func (l *layout) hashed() []Tensor {
	for i := range l.tensors {
		l.tensors[i].SHA256 = l.pieces[l.at[i]].sum
	}
	return l.tensors
}

// pieceSum hashes the pieces of a file that is written to it from the first byte
// on.
type pieceSum struct {
	left []piece // to come, the current one first; a window into layout.pieces
	at   uint64  // in the file
	sum  hash.Hash
}

func newPieceSum(l *layout) *pieceSum { return &pieceSum{left: l.pieces[1:], sum: sha256.New()} }

// Write implements io.Writer.
func (s *pieceSum) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && len(s.left) > 0 {
		now := &s.left[0]
		if s.at < now.begin {
			skip := min(uint64(len(p)), now.begin-s.at)
			s.at, p = s.at+skip, p[skip:]
			continue
		}
		end := now.begin + now.size
		take := min(uint64(len(p)), end-s.at)
		s.sum.Write(p[:take])
		s.at, p = s.at+take, p[take:]
		if s.at == end {
			s.sum.Sum(now.sum[:0])
			s.sum.Reset()
			s.left = s.left[1:]
		}
	}
	s.at += uint64(len(p))
	return n, nil
}

// source is a weight file that is read at offsets.
type source struct {
	io.ReaderAt
	size uint64
}

// read returns n bytes from an offset; the caller has bounded n. What the file
// cannot hold is not made room for.
func (s source) read(at, n uint64) ([]byte, error) {
	if at > s.size || n > s.size-at {
		return nil, fmt.Errorf("bytes %d to %d are beyond the file of %d (a download that stopped early? fetch the file again)", at, at+n, s.size)
	}
	buf := make([]byte, n)
	return buf, s.fill(buf, at)
}

// fill reads what buf has room for.
func (s source) fill(buf []byte, at uint64) error {
	got, err := s.ReadAt(buf, int64(at))
	if got == len(buf) {
		return nil
	}
	if err == io.EOF {
		err = errors.New("the file became shorter while it was being read")
	}
	return err
}

// copy writes n bytes from an offset to w.
func (s source) copy(w io.Writer, at, n uint64) error {
	buf := make([]byte, min(n, aheadSize)+1)
	got, err := io.CopyBuffer(w, io.NewSectionReader(s, int64(at), int64(n)), buf)
	if err == nil && uint64(got) < n {
		err = errors.New("the file became shorter while it was being read")
	}
	return err
}

// format reads where a file of weights keeps its tensors.
type format func(source, *room) (*layout, error)

// readLayout opens a weight file and reads where its tensors are.
func readLayout(fsys fs.FS, e entry, read format, room *room) (*layout, error) {
	f, err := fsys.Open(e.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkSame(f, e); err != nil {
		return nil, err
	}
	src, err := sourceOf(f, e)
	if err != nil {
		return nil, err
	}
	if e.size < maxPointer {
		data, err := src.read(0, src.size)
		if err != nil {
			return nil, err
		}
		if err := checkPointer(data); err != nil {
			return nil, err
		}
	}
	return read(src, room)
}

func sourceOf(f fs.File, e entry) (source, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		return source{}, errors.New("weights in a file system without random access")
	}
	return source{at, uint64(e.size)}, nil
}
