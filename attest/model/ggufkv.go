package model

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// KV is one value of a GGUF's metadata. Key and Type are inside Leaf.
type KV struct {
	Key  string      `json:"key"`
	Type uint32      `json:"type"`
	Leaf attest.Hash `json:"leaf"`
}

// The types of values.
const (
	kvU8, kvI8, kvU16, kvI16    = 0, 1, 2, 3
	kvU32, kvI32, kvF32, kvBool = 4, 5, 6, 7
	kvString, kvArray           = 8, 9
	kvU64, kvI64, kvF64         = 10, 11, 12
)

// kvWidth is the size in bytes of the types that have one.
var kvWidth = map[uint32]uint64{
	kvU8: 1, kvI8: 1, kvBool: 1, kvU16: 2, kvI16: 2,
	kvU32: 4, kvI32: 4, kvF32: 4, kvU64: 8, kvI64: 8, kvF64: 8,
}

const (
	splitPrefix = "split."
	templateKey = "tokenizer.chat_template"

	maxKey   = 1<<16 - 1 // the format's limit in bytes
	maxDepth = 8         // of arrays in arrays

	maxValues = 1 << 16 // models have fewer than a hundred
)

// rawKV is where the file has a value.
type rawKV struct {
	key         string
	kind        uint32
	begin, size uint64
}

// rawKVs are the values of a file, sorted by key.
type rawKVs struct {
	src source
	all []rawKV
}

func readKVs(c *cursor, n uint64) (rawKVs, error) {
	if n > maxValues {
		return rawKVs{}, fmt.Errorf("says that it has %d values, the most is %d", n, maxValues)
	}
	kvs := rawKVs{src: c.src}
	for i := range n {
		kv, err := readKV(c)
		if err != nil {
			return rawKVs{}, fmt.Errorf("value %d of %d: %w", i+1, n, err)
		}
		kvs.all = append(kvs.all, kv)
	}
	slices.SortStableFunc(kvs.all, func(a, b rawKV) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(kvs.all); i++ {
		if kvs.all[i].key == kvs.all[i-1].key {
			return rawKVs{}, fmt.Errorf("duplicate key %.200q", kvs.all[i].key)
		}
	}
	return kvs, nil
}

func readKV(c *cursor) (rawKV, error) {
	key, err := c.name()
	if err != nil {
		return rawKV{}, fmt.Errorf("key: %w", err)
	}
	kind, err := c.u32()
	if err != nil {
		return rawKV{}, err
	}
	begin := c.at
	if err := skipValue(c, kind, 0); err != nil {
		return rawKV{}, fmt.Errorf("%.200q: %w", key, err)
	}
	return rawKV{key, kind, begin, c.at - begin}, nil
}

// skipValue moves behind a value.
func skipValue(c *cursor, kind uint32, depth int) error {
	if width := kvWidth[kind]; width > 0 {
		return skipNumbers(c, kind, width)
	}
	switch kind {
	case kvString:
		n, err := c.u64()
		if err != nil {
			return err
		}
		return c.skip(n)
	case kvArray:
		return skipArray(c, depth+1)
	}
	return fmt.Errorf("values of type %d are unknown", kind)
}

func skipArray(c *cursor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("arrays within arrays, deeper than %d", maxDepth)
	}
	kind, err := c.u32()
	if err != nil {
		return err
	}
	n, err := c.u64()
	if err != nil {
		return err
	}
	if width := kvWidth[kind]; width > 0 {
		if n > (1<<64-1)/width {
			return fmt.Errorf("array of %d values", n)
		}
		return skipNumbers(c, kind, n*width)
	}
	// A string or array takes bytes, or else c ends after them.
	for range n {
		if err := skipValue(c, kind, depth); err != nil {
			return err
		}
	}
	return nil
}

// skipNumbers moves behind values of a type that together have size bytes. It refuses
// booleans that are neither 0 nor 1: the format says that they are invalid, and readers
// take them for true or cut them to a bit.
func skipNumbers(c *cursor, kind uint32, size uint64) error {
	if kind != kvBool {
		return c.skip(size)
	}
	for size > 0 {
		b, err := c.take(min(size, aheadSize))
		if err != nil {
			return err
		}
		for _, x := range b {
			if x > 1 {
				return fmt.Errorf("boolean of value %d", x)
			}
		}
		size -= uint64(len(b))
	}
	return nil
}

func (kvs rawKVs) find(key string) *rawKV {
	i, ok := slices.BinarySearchFunc(kvs.all, key, func(kv rawKV, key string) int { return strings.Compare(kv.key, key) })
	if !ok {
		return nil
	}
	return &kvs.all[i]
}

// number is an unsigned integer of whatever width writers give it.
func (kvs rawKVs) number(key string) (value uint64, found bool, err error) {
	kv := kvs.find(key)
	if kv == nil {
		return 0, false, nil
	}
	var buf [8]byte
	raw, err := kvs.src.read(kv.begin, min(kv.size, 8))
	if err != nil {
		return 0, false, err
	}
	copy(buf[:], raw)
	value = binary.LittleEndian.Uint64(buf[:])
	switch kv.kind {
	case kvU8, kvU16, kvU32, kvU64:
		return value, true, nil
	case kvI8, kvI16, kvI32, kvI64:
		if raw[len(raw)-1] < 0x80 {
			return value, true, nil
		}
	}
	return 0, false, fmt.Errorf("%s is not an integer from 0 on", key)
}

func (kvs rawKVs) alignment() (uint64, error) {
	n, found, err := kvs.number(alignmentKey)
	if err != nil || !found {
		return defaultAlignment, err
	}
	if n < 8 || n > maxAlignment || n&(n-1) != 0 {
		return 0, fmt.Errorf("%s is %d, want a power of two from 8 to %d", alignmentKey, n, maxAlignment)
	}
	return n, nil
}

// template is the digest of the chat template's text, nil without one.
func (kvs rawKVs) template() (*attest.Hash, error) {
	kv := kvs.find(templateKey)
	if kv == nil {
		return nil, nil
	}
	if kv.kind != kvString {
		return nil, errors.New(templateKey + " is not a string")
	}
	const length = 8
	h := sha256.New()
	if err := kvs.src.copy(h, kv.begin+length, kv.size-length); err != nil {
		return nil, err
	}
	digest := attest.Hash(h.Sum(nil))
	return &digest, nil
}

// leaves are the values that are part of the model: all but how it was split.
func (kvs rawKVs) leaves() ([]KV, error) {
	var out []KV
	for _, kv := range kvs.all {
		if strings.HasPrefix(kv.key, splitPrefix) {
			continue
		}
		// leaf(d) = H(0x00‖d); the value may be as long as the header.
		buf := attest.AppendLP(attest.AppendTag([]byte{0}, "kv"), kv.key)
		buf = binary.BigEndian.AppendUint32(buf, kv.kind)
		h := sha256.New()
		h.Write(binary.BigEndian.AppendUint64(buf, kv.size))
		if err := kvs.src.copy(h, kv.begin, kv.size); err != nil {
			return nil, err
		}
		out = append(out, KV{kv.key, kv.kind, attest.Hash(h.Sum(nil))})
	}
	return out, nil
}

// kvRoot is the digest of role gguf-kv; values are sorted by key.
func kvRoot(kvs []KV) attest.Hash {
	leaves := make([]attest.Hash, len(kvs))
	for i, kv := range kvs {
		leaves[i] = kv.Leaf
	}
	return attest.Root(leaves)
}
