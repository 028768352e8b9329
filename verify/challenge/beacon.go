package challenge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// MaxRoundSize is the largest round file that Check reads, in bytes.
const MaxRoundSize = 16 << 10

// lastSecond is the end of the year 9999, after which RFC 3339 has no times.
const lastSecond = 253402300799

var (
	// ErrSignature is wrapped by Check's error when the file is a round in form
	// but its signature is not one of this beacon over this round.
	ErrSignature = errors.New("signature does not verify")
	// ErrRandomness is wrapped by Check's error when the signature verifies and
	// the file states other randomness than follows from it.
	ErrRandomness = errors.New("stated randomness is not the hash of the signature")
)

// Beacon names a randomness beacon and holds what its rounds are checked by. A
// policy lists the beacons it trusts; nothing in an evidence pack does.
type Beacon struct {
	Name    string
	Scheme  string      // one of the Scheme constants
	Chain   attest.Hash // drand's chain hash: the beacon's identity in statements
	Key     string      // public key, compressed, lower-case hex
	Period  uint32      // seconds from one round to the next
	Genesis int64       // Unix time of round 1
	URLs    []string    // where rounds may be fetched; never used here
}

// Quicknet returns drand's League of Entropy beacon with a round every three
// seconds.
func Quicknet() Beacon {
	return Beacon{
		Name:   "quicknet",
		Scheme: SchemeQuicknet,
		Chain: attest.Hash{
			0x52, 0xdb, 0x9b, 0xa7, 0x0e, 0x0c, 0xc0, 0xf6, 0xea, 0xf7, 0x80, 0x3d, 0xd0, 0x74, 0x47, 0xa1,
			0xf5, 0x47, 0x77, 0x35, 0xfd, 0x3f, 0x66, 0x17, 0x92, 0xba, 0x94, 0x60, 0x0c, 0x84, 0xe9, 0x71,
		},
		Key: "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c" +
			"8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb" +
			"5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
		Period:  3,
		Genesis: 1692803367,
		URLs:    []string{"https://api.drand.sh", "https://api2.drand.sh", "https://api3.drand.sh", "https://drand.cloudflare.com"},
	}
}

// Round is one round whose signature was verified.
type Round struct {
	Number     uint64
	Randomness attest.Hash // SHA-256 of the signature
	Time       time.Time   // when it was due, in UTC; nobody knew it before
}

// Time returns when a round is due: genesis + (round−1)·period. Rounds count
// from one; round zero and times past the year 9999 are errors.
func (b Beacon) Time(round uint64) (time.Time, error) {
	if b.Period == 0 || b.Genesis < 0 || b.Genesis > lastSecond {
		return time.Time{}, fmt.Errorf("beacon %q: period %d s, genesis %d: want a period above zero and a genesis from 1970 on", b.Name, b.Period, b.Genesis)
	}
	if round == 0 {
		return time.Time{}, errors.New("round 0: rounds count from 1")
	}
	over, since := bits.Mul64(round-1, uint64(b.Period))
	if over != 0 || since > uint64(lastSecond-b.Genesis) {
		return time.Time{}, fmt.Errorf("round %d is due after the year 9999", round)
	}
	return time.Unix(b.Genesis+int64(since), 0).UTC(), nil
}

// RoundAt returns the first round that is due at a time or after it.
func (b Beacon) RoundAt(at time.Time) (uint64, error) {
	if _, err := b.Time(1); err != nil {
		return 0, err
	}
	since := at.Sub(time.Unix(b.Genesis, 0))
	if since <= 0 {
		return 1, nil
	}
	period := time.Duration(b.Period) * time.Second
	return uint64((since+period-1)/period) + 1, nil
}

// Valid reports why b cannot check rounds: an unknown scheme, a key that is no
// point of the right group, a period of zero.
func (b Beacon) Valid() error {
	if _, err := b.Time(1); err != nil {
		return err
	}
	_, _, err := b.scheme()
	return err
}

// Check reads one round in the JSON form of drand's HTTP API and verifies its
// signature under the beacon's key. The file may have members unknown here; it may not
// repeat a name, and a randomness member must agree with the signature. The
// error wraps ErrSignature or ErrRandomness when the file is well formed and
// false, so that a caller can tell a forgery from rubbish.
func (b Beacon) Check(roundJSON []byte) (Round, error) {
	file, err := parseRound(roundJSON)
	if err != nil {
		return Round{}, fmt.Errorf("reading beacon round: %w", err)
	}
	due, err := b.Time(file.number)
	if err != nil {
		return Round{}, err
	}
	scheme, key, err := b.scheme()
	if err != nil {
		return Round{}, err
	}
	if len(file.signature) != scheme.signatureSize {
		return Round{}, fmt.Errorf("reading beacon round: member signature: got %d bytes, want %d", len(file.signature), scheme.signatureSize)
	}
	message, err := scheme.message(file)
	if err != nil {
		return Round{}, fmt.Errorf("reading beacon round: %w", err)
	}
	if !scheme.verify(key, message, file.signature) {
		return Round{}, fmt.Errorf("round %d of beacon %q: %w", file.number, b.Name, ErrSignature)
	}
	randomness := attest.Hash(sha256.Sum256(file.signature))
	if file.stated != nil && *file.stated != randomness {
		return Round{}, fmt.Errorf("round %d of beacon %q: %w: got %s, want %s", file.number, b.Name, ErrRandomness, *file.stated, randomness)
	}
	return Round{Number: file.number, Randomness: randomness, Time: due}, nil
}

// scheme returns how b signs, and its key in bytes.
func (b Beacon) scheme() (scheme, []byte, error) {
	s, ok := schemes[b.Scheme]
	if !ok {
		return scheme{}, nil, fmt.Errorf("beacon %q has scheme %q, want %q, %q or %q", b.Name, b.Scheme, SchemeQuicknet, SchemeUnchained, SchemeChained)
	}
	raw, err := parseHex(b.Key, s.keySize)
	if err != nil {
		return scheme{}, nil, fmt.Errorf("key of beacon %q: %w", b.Name, err)
	}
	if err := s.key(raw); err != nil {
		return scheme{}, nil, fmt.Errorf("key of beacon %q %w %s", b.Name, err, s.keyGroup)
	}
	return s, raw, nil
}

// roundFile is a round as it was read: nothing in it is verified.
type roundFile struct {
	number    uint64
	signature []byte
	previous  []byte       // the previous_signature member, when there is one
	stated    *attest.Hash // the randomness member, when there is one
}

var roundNumber = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)

func parseRound(data []byte) (roundFile, error) {
	if len(data) > MaxRoundSize {
		return roundFile{}, fmt.Errorf("got %d bytes, want at most %d", len(data), MaxRoundSize)
	}
	if err := attest.CheckForeignJSON(data); err != nil {
		return roundFile{}, err
	}
	// A map, because a struct would let "Round" stand for "round".
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return roundFile{}, errors.New("want a JSON object")
	}
	var file roundFile
	number := string(members["round"])
	if !roundNumber.MatchString(number) {
		return roundFile{}, fmt.Errorf("member round is %q, want a positive integer", clip(number))
	}
	var err error
	if file.number, err = strconv.ParseUint(number, 10, 64); err != nil {
		return roundFile{}, fmt.Errorf("member round is %s, want at most 2^64−1", number)
	}
	signature, err := stringMember(members, "signature")
	if err != nil {
		return roundFile{}, err
	}
	if file.signature, err = decodeHex(signature); err != nil {
		return roundFile{}, fmt.Errorf("member signature: %w", err)
	}
	// Beacons without a chain may say null.
	if raw, ok := members["previous_signature"]; ok && string(raw) != "null" {
		text, err := stringMember(members, "previous_signature")
		if err != nil {
			return roundFile{}, err
		}
		if file.previous, err = decodeHex(text); err != nil {
			return roundFile{}, fmt.Errorf("member previous_signature: %w", err)
		}
	}
	if _, ok := members["randomness"]; ok {
		text, err := stringMember(members, "randomness")
		if err != nil {
			return roundFile{}, err
		}
		stated, err := attest.ParseHash(text)
		if err != nil {
			return roundFile{}, fmt.Errorf("member randomness: %w", err)
		}
		file.stated = &stated
	}
	return file, nil
}

func stringMember(members map[string]json.RawMessage, name string) (string, error) {
	raw, ok := members[name]
	if !ok {
		return "", fmt.Errorf("member %s is missing", name)
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("member %s is not a string", name)
	}
	return *s, nil
}

func decodeHex(s string) ([]byte, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || hex.EncodeToString(raw) != s {
		return nil, fmt.Errorf("%q is not lower-case hex", clip(s))
	}
	return raw, nil
}

// parseHex reads exactly size bytes of lower-case hex.
func parseHex(s string, size int) ([]byte, error) {
	raw, err := decodeHex(s)
	if err != nil {
		return nil, err
	}
	if len(raw) != size {
		return nil, fmt.Errorf("got %d bytes, want %d", len(raw), size)
	}
	return raw, nil
}

// clip shortens foreign text that goes into an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
