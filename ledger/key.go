package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	fnote "github.com/transparency-dev/formats/note"
)

// Signature types of c2sp.org/signed-note.
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04 // Ed25519, with a time
	typeMLDSA44     = 0x06 // ML-DSA-44, with a time
)

// maxName bounds key names and origins. ML-DSA cosignatures sign both with a
// length of one byte, so that a longer one could stand for two.
const maxName = 255

// A LogKey is a log that a policy trusts to keep entries, never to date them.
type LogKey struct {
	Origin string // the first line of its checkpoints
	VKey   string // as written in the policy
	URL    string // empty when the policy gives none

	key vkey
}

// A WitnessKey is a witness of a policy.
type WitnessKey struct {
	Name string // the policy's name for it, unlike the name in VKey
	VKey string // as written in the policy
	URL  string // empty when the policy gives none

	key vkey
}

// ParseLogKey reads a c2sp.org/signed-note verifier key of a log: Ed25519
// (0x01) or ML-DSA-44 (0x06). Its name is the origin.
func ParseLogKey(text string) (LogKey, error) {
	k, err := parseVKey(text)
	if err != nil {
		return LogKey{}, err
	}
	switch k.typ {
	case typeEd25519:
		pub := ed25519.PublicKey(k.pub)
		k.verify = func(text, sig []byte) bool { return ed25519.Verify(pub, text, sig) }
	case typeMLDSA44:
		v, err := fnote.NewVerifierForCosignatureV1(text)
		if err != nil {
			return LogKey{}, fmt.Errorf("ML-DSA-44 key: %w", err)
		}
		k.verify = v.Verify
	default:
		return LogKey{}, fmt.Errorf("a log key has type 0x01 or 0x06, got %#02x", k.typ)
	}
	return LogKey{Origin: k.name, VKey: text, key: k}, nil
}

// ParseWitnessKey reads a verifier key of a witness: Ed25519, written as 0x01
// or 0x04, which are one key, or ML-DSA-44 (0x06). Name is that of the key.
func ParseWitnessKey(text string) (WitnessKey, error) {
	k, err := parseVKey(text)
	if err != nil {
		return WitnessKey{}, err
	}
	switch k.typ {
	case typeEd25519, typeCosignature:
		k.id = keyID(k.name, typeCosignature, k.pub)
	case typeMLDSA44:
	default:
		return WitnessKey{}, fmt.Errorf("a witness key has type 0x01, 0x04 or 0x06, got %#02x", k.typ)
	}
	v, err := fnote.NewVerifierForCosignatureV1(text)
	if err != nil {
		return WitnessKey{}, fmt.Errorf("witness key: %w", err)
	}
	k.verify = v.Verify
	return WitnessKey{Name: k.name, VKey: text, key: k}, nil
}

// Open returns the checkpoint in a note that the log signed. Who else signed
// is not looked at.
func (k LogKey) Open(signed []byte) (Checkpoint, error) {
	n, err := parseNote(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := n.checkpoint()
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != k.Origin {
		return Checkpoint{}, fmt.Errorf("checkpoint of %q, want %q", c.Origin, k.Origin)
	}
	sigs, err := n.signedBy(k.key)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(sigs) == 0 {
		return Checkpoint{}, fmt.Errorf("checkpoint not signed by %s", k.key)
	}
	return c, nil
}

// Cosigned returns the earliest time at which the witness says that it cosigned
// the note. It does not check the log's signature.
func (k WitnessKey) Cosigned(signed []byte) (time.Time, error) {
	n, err := parseNote(signed)
	if err != nil {
		return time.Time{}, err
	}
	sigs, err := n.signedBy(k.key)
	if err != nil {
		return time.Time{}, err
	}
	t, ok := earliest(sigs, maxTime)
	if !ok {
		return time.Time{}, fmt.Errorf("no dated cosignature by %s", k.key)
	}
	return t, nil
}

// A vkey is a verifier key, verified to have the key ID that it claims.
type vkey struct {
	name   string
	id     uint32 // of its signature lines
	typ    byte
	pub    []byte
	verify func(text, sig []byte) bool
}

func (k vkey) String() string { return fmt.Sprintf("%s+%08x", k.name, k.id) }

func parseVKey(text string) (vkey, error) {
	name, rest, _ := strings.Cut(text, "+")
	id, key64, ok := strings.Cut(rest, "+")
	if !ok {
		return vkey{}, fmt.Errorf("%q is not a verifier key: want name+id+key", abbreviate(text))
	}
	if err := checkName(name); err != nil {
		return vkey{}, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(key64)
	if err != nil || len(raw) < 2 || strings.ContainsAny(key64, "\r\n") {
		return vkey{}, fmt.Errorf("key of %q is not base64", name)
	}
	k := vkey{name: name, typ: raw[0], pub: raw[1:]}
	k.id = keyID(name, k.typ, k.pub)
	if want := fmt.Sprintf("%08x", k.id); id != want {
		return vkey{}, fmt.Errorf("key of %q has ID %q, want %s", name, abbreviate(id), want)
	}
	if k.typ == typeEd25519 || k.typ == typeCosignature {
		if err := checkPoint(k.pub); err != nil {
			return vkey{}, fmt.Errorf("key of %q: %w", name, err)
		}
	}
	return k, nil
}

// checkName holds: "Key names MUST be non-empty and MUST NOT contain any
// Unicode spaces or plus (U+002B) characters."
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("empty key name")
	case len(name) > maxName:
		return fmt.Errorf("key name of %d bytes, want at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsSpace) || strings.Contains(name, "+"):
		return fmt.Errorf("key name %q has a space, a plus or invalid UTF-8", name)
	}
	return nil
}

func keyID(name string, typ byte, pub []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', typ})
	h.Write(pub)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// abbreviate keeps foreign text in an error short.
func abbreviate(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
