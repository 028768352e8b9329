package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/proctor-attest/proctor/attest"
)

const (
	maxMemo  = 64 << 20 // bytes that a memo holds, as far as its users can tell
	overhead = 256      // of what they cannot
)

// memo remembers what was made of some bytes, by the hash of all of them, so that what
// many packs share is checked once. It is never asked by a statement's id: a bundle
// with a false signature can be put around the same payload, and a false proof beside
// it.
type memo struct {
	mu    sync.Mutex
	known map[attest.Hash]any
	held  int
}

// recall returns what it knows of the parts, or has it made. What one kind of bytes
// makes is always of one type. The size is roughly what there is to be held.
func recall[V any](m *memo, kind string, size int, make func() V, parts ...[]byte) V {
	if m == nil {
		return make()
	}
	key := memoKey(kind, parts)
	m.mu.Lock()
	known, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return known.(V)
	}
	v := make()
	m.mu.Lock()
	defer m.mu.Unlock()
	// What is full is forgotten, all of it: what is shared comes again.
	if m.held += size + overhead; m.known == nil || m.held > maxMemo {
		m.known, m.held = map[attest.Hash]any{}, size+overhead
	}
	m.known[key] = v
	return v
}

func memoKey(kind string, parts [][]byte) attest.Hash {
	h := sha256.New()
	var start [64]byte
	h.Write(attest.AppendTag(start[:0], kind))
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(start[:0], uint64(len(p))))
		h.Write(p)
	}
	return attest.Hash(h.Sum(start[:0]))
}
