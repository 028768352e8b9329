package attest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256 digest, an id or a commitment. Its text form is 64
// lower-case hexadecimal digits; anything else is refused.
type Hash [sha256.Size]byte

// ParseHash reads the text form of a Hash.
func ParseHash(s string) (h Hash, err error) {
	err = h.UnmarshalText([]byte(s))
	return h, err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is the first eight digits, for people; never compare by it.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether h is the all-zero value that stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It allocates nothing: a result
// can have millions of hashes.
func (h *Hash) UnmarshalText(text []byte) error {
	*h = Hash{}
	if len(text) != 2*len(h) {
		return fmt.Errorf("hash %q has %d characters, want %d", clip(string(text)), len(text), 2*len(h))
	}
	var parsed Hash
	var bad byte
	for i := range parsed {
		high, low := nibbles[text[2*i]], nibbles[text[2*i+1]]
		parsed[i] = high<<4 | low
		bad |= high | low
	}
	if bad > 15 {
		return fmt.Errorf("hash %q is not lower-case hex", string(text))
	}
	*h = parsed
	return nil
}

// nibbles holds the values of the lower-case hexadecimal digits, and 255 for all
// else: upper case would give one hash two spellings.
var nibbles = func() (table [256]byte) {
	for c := range table {
		table[c] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	return table
}()

const tagPrefix = "proctor/v1/"

// AppendTag appends the domain separator of tag t (PROTOCOL §0).
func AppendTag(dst []byte, t string) []byte {
	dst = append(dst, tagPrefix...)
	dst = append(dst, t...)
	return append(dst, '\n')
}

// AppendLP appends x behind its length as u64 (PROTOCOL §0: lp).
func AppendLP[T []byte | string](dst []byte, x T) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(x)))
	return append(dst, x...)
}

// TaggedHash is TH of PROTOCOL §0: SHA-256 of the tag followed by the parts.
// The caller length-prefixes every part of variable size.
func TaggedHash(t string, parts ...[]byte) Hash {
	buf := AppendTag(make([]byte, 0, 256), t)
	for _, p := range parts {
		buf = append(buf, p...)
	}
	return sha256.Sum256(buf)
}

// CommitField is the salted commitment of PROTOCOL §2 to one field's bytes:
// HMAC-SHA256(salt, tag("field") ‖ lp(field) ‖ lp(bytes)).
func CommitField(salt Hash, field string, bytes []byte) Hash {
	// A set of a million items has millions of fields, each under a key of its own,
	// for which crypto/hmac allocates two hashes. This is RFC 2104 as it is written,
	// on the stack where the field is short:
	// H(K XOR opad, H(K XOR ipad, text))
	var short [1024]byte
	inner := AppendTag(appendPad(short[:0], salt, 0x36), "field")
	inner = AppendLP(AppendLP(inner, field), bytes)
	digest := sha256.Sum256(inner)
	var outer [sha256.BlockSize + sha256.Size]byte
	return sha256.Sum256(append(appendPad(outer[:0], salt, 0x5c), digest[:]...))
}

// appendPad appends a key, made as long as a block, with pad added to every byte.
func appendPad(dst []byte, key Hash, pad byte) []byte {
	for _, c := range key {
		dst = append(dst, c^pad)
	}
	for range sha256.BlockSize - len(key) {
		dst = append(dst, pad)
	}
	return dst
}

// clip shortens foreign text that goes into an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
