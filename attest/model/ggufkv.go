package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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
)

// rawKV is a value as the file has it.
type rawKV struct {
	key  string
	kind uint32
	raw  []byte
}

type rawKVs []rawKV

func readKVs(c *cursor, n uint64) (rawKVs, error) {
	var kvs rawKVs
	for i := range n {
		kv, err := readKV(c)
		if err != nil {
			return nil, fmt.Errorf("value %d of %d: %w", i+1, n, err)
		}
		kvs = append(kvs, kv)
	}
	slices.SortStableFunc(kvs, func(a, b rawKV) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(kvs); i++ {
		if kvs[i].key == kvs[i-1].key {
			return nil, fmt.Errorf("duplicate key %.200q", kvs[i].key)
		}
	}
	return kvs, nil
}

func readKV(c *cursor) (rawKV, error) {
	key, err := c.text()
	if err != nil {
		return rawKV{}, fmt.Errorf("key: %w", err)
	}
	if !utf8.ValidString(key) || len(key) > maxKey {
		return rawKV{}, fmt.Errorf("key %.200q is not UTF-8 of at most %d bytes", key, maxKey)
	}
	kind, err := c.u32()
	if err != nil {
		return rawKV{}, err
	}
	begin := c.at
	if err := skipValue(c, kind, 0); err != nil {
		return rawKV{}, fmt.Errorf("%.200q: %w", key, err)
	}
	return rawKV{key, kind, bytes.Clone(c.buf[begin:c.at])}, nil
}

// skipValue moves behind a value.
func skipValue(c *cursor, kind uint32, depth int) error {
	if width := kvWidth[kind]; width > 0 {
		b, err := c.take(width)
		if err == nil && kind == kvBool {
			err = checkBools(b)
		}
		return err
	}
	switch kind {
	case kvString:
		_, err := c.text()
		return err
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
		b, err := c.take(n * width)
		if err == nil && kind == kvBool {
			err = checkBools(b)
		}
		return err
	}
	// A string or array takes bytes, or else c ends after them.
	for range n {
		if err := skipValue(c, kind, depth); err != nil {
			return err
		}
	}
	return nil
}

// checkBools refuses what is neither 0 nor 1: the format says that it is invalid,
// and readers take it for true or cut it to a bit.
func checkBools(b []byte) error {
	for _, x := range b {
		if x > 1 {
			return fmt.Errorf("boolean of value %d", x)
		}
	}
	return nil
}

func (kvs rawKVs) find(key string) *rawKV {
	i, ok := slices.BinarySearchFunc(kvs, key, func(kv rawKV, key string) int { return strings.Compare(kv.key, key) })
	if !ok {
		return nil
	}
	return &kvs[i]
}

// number is an unsigned integer of whatever width writers give it.
func (kvs rawKVs) number(key string) (value uint64, found bool, err error) {
	kv := kvs.find(key)
	if kv == nil {
		return 0, false, nil
	}
	var buf [8]byte
	copy(buf[:], kv.raw)
	value = binary.LittleEndian.Uint64(buf[:])
	switch kv.kind {
	case kvU8, kvU16, kvU32, kvU64:
		return value, true, nil
	case kvI8, kvI16, kvI32, kvI64:
		if kv.raw[len(kv.raw)-1] < 0x80 {
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
	digest := sum(kv.raw[8:])
	return &digest, nil
}

// leaves are the values that are part of the model: all but how it was split.
func (kvs rawKVs) leaves() []KV {
	var out []KV
	for _, kv := range kvs {
		if strings.HasPrefix(kv.key, splitPrefix) {
			continue
		}
		buf := attest.AppendLP(attest.AppendTag(nil, "kv"), kv.key)
		buf = binary.BigEndian.AppendUint32(buf, kv.kind)
		out = append(out, KV{kv.key, kv.kind, attest.LeafHash(attest.AppendLP(buf, kv.raw))})
	}
	return out
}

// kvRoot is the digest of role gguf-kv; values are sorted by key.
func kvRoot(kvs []KV) attest.Hash {
	leaves := make([]attest.Hash, len(kvs))
	for i, kv := range kvs {
		leaves[i] = kv.Leaf
	}
	return attest.Root(leaves)
}
