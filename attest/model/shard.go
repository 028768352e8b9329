package model

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// shard takes a safetensors file in pieces of any size and hashes its tensors
// as they pass. It holds the header, never a tensor.
type shard struct {
	size uint64 // of the file
	head []byte // length and header as far as they came
	want int    // how long head must get before it can be read on

	spans   []span // nil until the header is read
	tensors []Tensor
	sum     hash.Hash // of the tensor spans[len(tensors)]
	left    uint64    // bytes of it to come
}

func newShard(size uint64) *shard { return &shard{size: size, want: lengthSize, sum: sha256.New()} }

// Write implements io.Writer.
func (s *shard) Write(p []byte) (int, error) {
	n := len(p)
	for s.spans == nil {
		take := min(len(p), s.want-len(s.head))
		s.head, p = append(s.head, p[:take]...), p[take:]
		if len(s.head) < s.want {
			return n, nil
		}
		if err := s.readHead(); err != nil {
			return 0, err
		}
	}
	for len(p) > 0 {
		if len(s.tensors) == len(s.spans) {
			return 0, errors.New("more bytes than the file had when it was opened")
		}
		take := int(min(uint64(len(p)), s.left))
		s.sum.Write(p[:take])
		s.left -= uint64(take)
		p = p[take:]
		s.finish()
	}
	return n, nil
}

// readHead reads the length, or the header once it is complete.
func (s *shard) readHead() error {
	if s.want == lengthSize {
		length := binary.LittleEndian.Uint64(s.head)
		if length > maxHeader {
			return fmt.Errorf("header of %d bytes, the most is %d: this is not a safetensors file", length, maxHeader)
		}
		if s.size < lengthSize || length > s.size-lengthSize {
			return fmt.Errorf("header of %d bytes ends beyond the file of %d (a download that stopped early? fetch the file again)", length, s.size)
		}
		s.want += int(length)
		if length > 0 {
			return nil
		}
	}
	spans, err := parseHeader(s.head[lengthSize:], s.size-uint64(len(s.head)))
	if err != nil {
		return err
	}
	s.spans, s.head = spans, nil
	if len(spans) > 0 {
		s.left = spans[0].Size
		s.finish()
	}
	return nil
}

// finish ends the current tensor if all of it came, and the ones without bytes
// behind it.
func (s *shard) finish() {
	for s.left == 0 && len(s.tensors) < len(s.spans) {
		t := s.spans[len(s.tensors)].Tensor
		s.sum.Sum(t.SHA256[:0])
		s.sum.Reset()
		s.tensors = append(s.tensors, t)
		if len(s.tensors) < len(s.spans) {
			s.left = s.spans[len(s.tensors)].Size
		}
	}
}

// done returns the tensors in file order once everything was written.
func (s *shard) done() ([]Tensor, error) {
	if s.spans == nil {
		return nil, fmt.Errorf("safetensors header ends at byte %d of at least %d (a download that stopped early? fetch the file again)", len(s.head), s.want)
	}
	if len(s.tensors) < len(s.spans) {
		return nil, fmt.Errorf("tensor %.200q: %d bytes are missing", s.spans[len(s.tensors)].Name, s.left)
	}
	return s.tensors, nil
}
