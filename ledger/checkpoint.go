package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	maxNote       = 512 << 10 // 100 ML-DSA-44 lines need 330 KB
	maxSignatures = 100
	maxTime       = math.MaxInt64
)

// A Checkpoint is a tree as its log signed it: c2sp.org/tlog-checkpoint.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   [32]byte
	Signed []byte // the note it was read from, or nil; not to be changed
}

func (c Checkpoint) String() string {
	return fmt.Sprintf("%s, size %d, root %x", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint reads a signed checkpoint and trusts nobody: the signatures
// are not verified. Use [LogKey.Open] or [Policy.VerifyCheckpoint] for that.
func ParseCheckpoint(signed []byte) (Checkpoint, error) {
	n, err := parseNote(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	return n.checkpoint()
}

// A signedNote is a c2sp.org/signed-note of which no signature was verified.
type signedNote struct {
	signed []byte
	text   []byte // with its final newline
	sigs   []signature
}

type signature struct {
	name string
	id   uint32
	sig  []byte // without the key ID
}

// parseNote does what note.Open of x/mod does before it verifies. Note.Open
// itself looks at the first line of each key only, and of two cosignatures by
// one witness the second may be the earlier.
func parseNote(signed []byte) (signedNote, error) {
	if len(signed) > maxNote {
		return signedNote{}, fmt.Errorf("note of %d bytes, want at most %d", len(signed), maxNote)
	}
	if err := checkNoteBytes(signed); err != nil {
		return signedNote{}, err
	}
	// "the text is separated from the signatures by the last empty line in the
	// note."
	split := bytes.LastIndex(signed, []byte("\n\n"))
	if split < 0 {
		return signedNote{}, errors.New("note without an empty line before its signatures")
	}
	n := signedNote{signed: signed, text: signed[:split+1]}
	lines := signed[split+2:]
	if len(lines) == 0 || lines[len(lines)-1] != '\n' {
		return signedNote{}, errors.New("note does not end with a signature line")
	}
	for line := range bytes.Lines(lines) {
		s, err := parseSignature(line[:len(line)-1])
		if err != nil {
			return signedNote{}, fmt.Errorf("signature line %d: %w", len(n.sigs)+1, err)
		}
		if n.sigs = append(n.sigs, s); len(n.sigs) > maxSignatures {
			return signedNote{}, fmt.Errorf("note with more than %d signatures", maxSignatures)
		}
	}
	return n, nil
}

func checkNoteBytes(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("note is not UTF-8")
	}
	for _, c := range b {
		if c < 0x20 && c != '\n' {
			return fmt.Errorf("note with control character %#02x", c)
		}
	}
	return nil
}

func parseSignature(line []byte) (signature, error) {
	rest, ok := bytes.CutPrefix(line, []byte("— "))
	if !ok {
		return signature{}, errors.New(`want "— name base64"`)
	}
	name, b64, _ := bytes.Cut(rest, []byte(" "))
	if err := checkName(string(name)); err != nil {
		return signature{}, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(b64))
	if err != nil || len(raw) < 5 {
		return signature{}, errors.New("signature is not base64 of a key ID and a signature")
	}
	return signature{string(name), binary.BigEndian.Uint32(raw), raw[4:]}, nil
}

// signedBy returns the signatures by key. "If a signature from a known key
// fails to verify, clients SHOULD reject the whole note": so it does, and
// whoever adds a false line to a proof makes it useless, never stronger.
func (n signedNote) signedBy(key vkey) ([]signature, error) {
	var found []signature
	for _, s := range n.sigs {
		if s.name != key.name || s.id != key.id {
			continue
		}
		if !key.verify(n.text, s.sig) {
			return nil, fmt.Errorf("signature by %s does not verify", key)
		}
		found = append(found, s)
	}
	return found, nil
}

// earliest returns the time of the earliest of some verified cosignatures,
// among those dated 1 to limit, in seconds. "Timestamp zero" says that the
// cosigner vouches for no time, and one after limit has not happened yet.
func earliest(cosignatures []signature, limit int64) (time.Time, bool) {
	first := uint64(math.MaxUint64)
	for _, s := range cosignatures {
		if t := binary.BigEndian.Uint64(s.sig); t > 0 && t < first {
			first = t
		}
	}
	if limit < 0 || first > uint64(limit) {
		return time.Time{}, false
	}
	return time.Unix(int64(first), 0).UTC(), true
}

func (n signedNote) checkpoint() (Checkpoint, error) {
	c, err := parseTree(n.text)
	c.Signed = n.signed
	return c, err
}

// ErrEmptyRoot is of a checkpoint that no tree can have.
var ErrEmptyRoot = errors.New("checkpoint of size 0 has a root other than that of the empty tree")

// parseTree reads the text of a checkpoint: origin, size and root. Behind them
// there may be extension lines, "opaque and OPTIONAL", of which a cosigner states
// nothing and which an ML-DSA-44 signature leaves out: nothing here looks at them,
// and nothing that is decided may come to rest on them.
func parseTree(text []byte) (Checkpoint, error) {
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) < 3 {
		return Checkpoint{}, errors.New("checkpoint has fewer than three lines")
	}
	// "Extension lines, if any, MUST be non-empty."
	for _, line := range lines[3:] {
		if len(line) == 0 {
			return Checkpoint{}, errors.New("checkpoint has an empty extension line")
		}
	}
	if len(lines[0]) == 0 || len(lines[0]) > maxName {
		return Checkpoint{}, fmt.Errorf("origin of %d bytes, want 1 to %d", len(lines[0]), maxName)
	}
	c := Checkpoint{Origin: string(lines[0])}
	var err error
	if c.Size, err = parseNumber(string(lines[1])); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint size: %w", err)
	}
	if c.Root, err = parseHash(string(lines[2])); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint root: %w", err)
	}
	if c.Size == 0 && c.Root != sha256.Sum256(nil) {
		return Checkpoint{}, ErrEmptyRoot
	}
	return c, nil
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s != strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("%q is not a decimal number without leading zeros", abbreviate(s))
	}
	return n, nil
}

func parseHash(s string) ([32]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(s) != 44 || len(raw) != 32 {
		return [32]byte{}, fmt.Errorf("%q is not the base64 of 32 bytes", abbreviate(s))
	}
	return [32]byte(raw), nil
}
