package testset

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/proctor-attest/proctor/attest"
)

// ID is the setID of PROTOCOL §2: a benchmark is its issuer and its name.
func ID(issuer, name string) attest.Hash {
	return attest.TaggedHash("testset", attest.AppendLP(attest.AppendLP(nil, issuer), name))
}

// Secret is K of PROTOCOL §2. There is one for a benchmark, never one for a
// version; who has it can open, and guess at, every item.
type Secret [32]byte

// NewSecret draws a secret from random, which is crypto/rand.Reader outside tests.
func NewSecret(random io.Reader) (Secret, error) {
	var k Secret
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Secret{}, fmt.Errorf("drawing a secret: %w", err)
	}
	return k, nil
}

// Format keeps the secret out of logs and errors, whatever the verb.
func (k Secret) Format(f fmt.State, verb rune) { io.WriteString(f, "[secret]") }

func formatSecret(k Secret) []byte { return append(hex.AppendEncode(nil, k[:]), '\n') }

func parseSecret(text []byte) (Secret, error) {
	if len(text) != 2*len(Secret{})+1 || text[len(text)-1] != '\n' {
		return Secret{}, fmt.Errorf("secret file has %d bytes, want 64 hexadecimal digits and a newline", len(text))
	}
	h, err := attest.ParseHash(string(text[:len(text)-1]))
	if err != nil {
		return Secret{}, errors.New("secret file is not lower-case hex") // err would quote it
	}
	return Secret(h), nil
}

// Salts derives what is secret about the items of one set. It is not safe for
// concurrent use.
type Salts struct {
	salt  hash.Hash // HMAC under the pseudorandom key of (K, setID)
	order hash.Hash // HMAC under the order key
	buf   []byte
	out   attest.Hash
}

// Salts begins the derivations of PROTOCOL §2 for a set.
func (k Secret) Salts(setID attest.Hash) *Salts {
	prk, err := hkdf.Extract(sha256.New, k[:], setID[:])
	if err != nil {
		panic("testset: " + err.Error()) // only for a hash that FIPS mode forbids
	}
	s := &Salts{salt: hmac.New(sha256.New, prk)}
	s.buf = attest.AppendTag(nil, "order")
	orderKey := s.expand()
	s.order = hmac.New(sha256.New, orderKey[:])
	return s
}

// expand is HKDF-Expand (RFC 5869 §2.3) of s.buf for a length of 32, which is one
// block: T(1) = HMAC(PRK, info ‖ 0x01). It keeps the keyed state, and so costs half
// of what crypto/hkdf does for a million salts.
func (s *Salts) expand() attest.Hash { return s.mac(s.salt, append(s.buf, 1)) }

// mac uses memory that is there: what an interface is given is allocated anew
// otherwise.
func (s *Salts) mac(h hash.Hash, text []byte) attest.Hash {
	h.Reset()
	h.Write(text)
	h.Sum(s.out[:0])
	return s.out
}

// Salt is salt(key, rev, field).
func (s *Salts) Salt(key Key, rev uint32, field string) attest.Hash {
	return s.saltOf(keyContent([]byte(key)), rev, field)
}

func (s *Salts) saltOf(key []byte, rev uint32, field string) attest.Hash {
	s.buf = attest.AppendTag(s.buf[:0], "salt")
	s.buf = attest.AppendLP(s.buf, key)
	s.buf = binary.BigEndian.AppendUint32(s.buf, rev)
	s.buf = attest.AppendLP(s.buf, field)
	return s.expand()
}

// Order is what the items of one batch are sorted by, ascending.
func (s *Salts) Order(key Key) attest.Hash { return s.orderOf(keyContent([]byte(key))) }

func (s *Salts) orderOf(key []byte) attest.Hash {
	s.buf = attest.AppendLP(s.buf[:0], key)
	return s.mac(s.order, s.buf)
}

// Commitments are those of one item's fields, in declared order. A value is
// canonical JSON, or empty for an absent member.
func (s *Salts) Commitments(key Key, rev uint32, fields []string, values [][]byte) []attest.Hash {
	return s.commit(nil, keyContent([]byte(key)), rev, fields, values)
}

// commit appends the commitments to dst.
func (s *Salts) commit(dst []attest.Hash, key []byte, rev uint32, fields []string, values [][]byte) []attest.Hash {
	for i, f := range fields {
		dst = append(dst, attest.CommitField(s.saltOf(key, rev, f), f, values[i]))
	}
	return dst
}

// ItemLeaf is the leaf hash of an item with these commitments, of which there
// are at most 65,535.
func ItemLeaf(commitments []attest.Hash) attest.Hash {
	return attest.LeafHash(itemBytes(commitments))
}

func itemBytes(commitments []attest.Hash) []byte {
	return appendItem(make([]byte, 0, 24+len(commitments)*sha256.Size), commitments)
}

func appendItem(data []byte, commitments []attest.Hash) []byte {
	if len(commitments) > 1<<16-1 {
		panic("testset: an item of more than 65,535 fields")
	}
	data = attest.AppendTag(data, "item")
	data = binary.BigEndian.AppendUint16(data, uint16(len(commitments)))
	for _, c := range commitments {
		data = append(data, c[:]...)
	}
	return data
}
