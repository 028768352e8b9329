package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	ggufSuffix = ".gguf"
	ggufMagic  = "GGUF"

	// maxDimensions is GGML_MAX_DIMS.
	maxDimensions = 4

	// defaultAlignment is that of a file that does not say general.alignment.
	defaultAlignment = 32
	maxAlignment     = 1 << 16

	// aheadSize is how much is read at a time.
	aheadSize    = 1 << 20
	alignmentKey = "general.alignment"
)

// readGGUF reads the metadata and tensor list of a GGUF of version 2 or 3, which
// differ in nothing that a little-endian file shows.
func readGGUF(src source, room *room) (*layout, error) {
	c := &cursor{src: src}
	tensors, values, err := readGGUFHead(c)
	if err != nil {
		return nil, err
	}
	kv, err := readKVs(c, values)
	if err != nil {
		return nil, err
	}
	alignment, err := kv.alignment()
	if err != nil {
		return nil, err
	}
	spans, err := readInfos(c, tensors, room)
	if err != nil {
		return nil, err
	}
	base := alignUp(c.at, alignment)
	if len(spans) > 0 && base > src.size {
		return nil, fmt.Errorf("metadata ends at byte %d, behind which nothing follows (a download that stopped early? fetch the file again)", c.at)
	}
	for i := range spans {
		if spans[i].begin%alignment != 0 {
			return nil, fmt.Errorf("tensor %.200q: offset %d is not a multiple of the alignment %d", spans[i].Name, spans[i].begin, alignment)
		}
		if spans[i].begin > src.size {
			return nil, fmt.Errorf("tensor %.200q: offset %d is beyond the file of %d bytes", spans[i].Name, spans[i].begin, src.size)
		}
		spans[i].begin += base
	}
	l := newLayout(spans)
	if err := checkAligned(spans, base, src.size, alignment); err != nil {
		return nil, err
	}
	if l.split, err = kv.split(); err != nil {
		return nil, err
	}
	if l.text, err = kv.template(); err != nil {
		return nil, err
	}
	l.kv, err = kv.leaves()
	return l, err
}

// readGGUFHead returns how many tensors and values the file says that it has.
func readGGUFHead(c *cursor) (tensors, values uint64, err error) {
	magic, err := c.take(4)
	if err != nil || string(magic) != ggufMagic {
		return 0, 0, fmt.Errorf("begins with %q, want %s", magic, ggufMagic)
	}
	version, err := c.u32()
	switch {
	case err != nil:
		return 0, 0, err
	case version&0xffff == 0:
		return 0, 0, errors.New("a big-endian GGUF, which is not supported (convert it to little-endian)")
	case version != 2 && version != 3:
		return 0, 0, fmt.Errorf("GGUF version %d, want 2 or 3 (convert it with a newer llama.cpp)", version)
	}
	if tensors, err = c.u64(); err != nil {
		return 0, 0, err
	}
	if values, err = c.u64(); err != nil {
		return 0, 0, err
	}
	// The least that each takes says that the counts cannot be true before anything
	// is done that often.
	const leastInfo, leastValue = 8 + 4 + 4 + 8, 8 + 4 + 1
	if room := min(c.src.size, maxHeader); tensors > room/leastInfo || values > room/leastValue {
		return 0, 0, fmt.Errorf("says that it has %d tensors and %d values, for which a file of %d bytes has no room", tensors, values, c.src.size)
	}
	return tensors, values, nil
}

// readInfos reads the list of tensors. Offsets are as it states them.
func readInfos(c *cursor, n uint64, room *room) ([]span, error) {
	var spans []span
	for i := range n {
		s, err := readInfo(c)
		if err == nil {
			err = room.take(s.Tensor)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %d of %d: %w", i+1, n, err)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(spans); i++ {
		if spans[i].Name == spans[i-1].Name {
			return nil, fmt.Errorf("duplicate name %.200q of tensors", spans[i].Name)
		}
	}
	return spans, nil
}

func readInfo(c *cursor) (span, error) {
	name, err := c.name()
	if err != nil {
		return span{}, fmt.Errorf("name: %w", err)
	}
	rank, err := c.u32()
	if err != nil {
		return span{}, err
	}
	if rank > maxDimensions {
		return span{}, fmt.Errorf("%.200q has %d dimensions, the most is %d", name, rank, maxDimensions)
	}
	shape := make([]uint64, rank)
	for i := range shape {
		if shape[i], err = c.u64(); err != nil {
			return span{}, err
		}
	}
	number, err := c.u32()
	if err != nil {
		return span{}, err
	}
	kind, ok := ggmlTypes[number]
	if !ok {
		return span{}, fmt.Errorf("%.200q has type %d, which is not one of ggml, or no longer", name, number)
	}
	begin, err := c.u64()
	if err != nil {
		return span{}, err
	}
	size, err := kind.size(shape)
	if err != nil {
		return span{}, fmt.Errorf("%.200q: %w", name, err)
	}
	return span{Tensor: Tensor{Name: name, DType: ggmlPrefix + kind.name, Shape: shape, Size: size}, begin: begin}, nil
}

// checkAligned refuses bytes that belong to two tensors, or to none and are more
// than the format's padding. Spans were sorted by newLayout.
func checkAligned(spans []span, base, size, alignment uint64) error {
	end, padded := base, base
	for i, s := range spans {
		switch {
		case s.Size > 0 && s.begin < end:
			return fmt.Errorf("tensor %.200q: begins at byte %d, inside tensor %.200q that ends at byte %d", s.Name, s.begin, spans[i-1].Name, end)
		case s.begin > padded:
			return fmt.Errorf("tensor %.200q: leaves a hole: the %d bytes before it, from byte %d on, belong to no tensor", s.Name, s.begin-padded, padded)
		case s.begin > size || s.Size > size-s.begin:
			return fmt.Errorf("tensor %.200q: wants %d bytes from byte %d on, the file has %d (a download that stopped early? fetch the file again)", s.Name, s.Size, s.begin, size)
		}
		end = max(end, s.begin+s.Size)
		padded = alignUp(end, alignment)
	}
	if size > padded {
		return fmt.Errorf("%d bytes from byte %d on belong to no tensor", size-padded, padded)
	}
	return nil
}

func alignUp(n, alignment uint64) uint64 { return (n + alignment - 1) / alignment * alignment }

// cursor reads a header from its first byte on, a window of it at a time.
type cursor struct {
	src   source
	at    uint64
	buf   []byte // from byte begin on
	begin uint64
}

// take returns the next n bytes, which are valid until more are taken. It reads ahead
// of them a little, and never more than the file has or a header may be long.
func (c *cursor) take(n uint64) ([]byte, error) {
	first := c.at
	if err := c.skip(n); err != nil {
		return nil, err
	}
	if c.begin+uint64(len(c.buf)) < c.at {
		buf, err := c.src.read(first, max(n, min(aheadSize, c.src.size-first)))
		if err != nil {
			return nil, err
		}
		c.buf, c.begin = buf, first
	}
	return c.buf[first-c.begin : c.at-c.begin], nil
}

// skip moves behind the next n bytes.
func (c *cursor) skip(n uint64) error {
	if n > c.src.size-c.at {
		return fmt.Errorf("%d bytes at byte %d are beyond the file of %d (a download that stopped early? fetch the file again)", n, c.at, c.src.size)
	}
	if n > maxHeader-c.at {
		return fmt.Errorf("metadata of more than %d bytes", maxHeader)
	}
	c.at += n
	return nil
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// name reads the name of a tensor or value.
func (c *cursor) name() (string, error) {
	n, err := c.u64()
	if err != nil {
		return "", err
	}
	if n > maxKey {
		return "", fmt.Errorf("%d bytes, the most is %d", n, maxKey)
	}
	b, err := c.take(n)
	if err == nil && !utf8.Valid(b) {
		err = fmt.Errorf("%.200q is not UTF-8", b)
	}
	return string(b), err
}
