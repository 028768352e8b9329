package challenge

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/sign/bls"
)

// The beacon schemes that Check knows, by drand's names. All are BLS signatures on
// BLS12-381 with the RFC 9380 ciphersuite of the signature's own group.
const (
	// SchemeQuicknet has keys on G2 and signatures on G1 over SHA-256 of the round.
	SchemeQuicknet = "bls-unchained-g1-rfc9380"
	// SchemeUnchained has keys on G1 and signatures on G2 over SHA-256 of the round.
	SchemeUnchained = "pedersen-bls-unchained"
	// SchemeChained is as SchemeUnchained, over SHA-256 of the signature of the round
	// before and the round.
	SchemeChained = "pedersen-bls-chained"
)

const (
	g1Size = 48 // a compressed point of G1
	g2Size = 96 // a compressed point of G2

	// genesisSeedSize is that of what the first round of a chain signs instead of a
	// signature: the hash of the group file.
	genesisSeedSize = sha256.Size
)

// scheme is how a beacon signs.
type scheme struct {
	keySize, signatureSize int
	keyGroup               string
	chained                bool
	key                    func([]byte) error
	verify                 func(key, message, signature []byte) bool
}

var schemes = map[string]scheme{
	SchemeQuicknet:  {keySize: g2Size, signatureSize: g1Size, keyGroup: "G2", key: validKey[bls.KeyG2SigG1], verify: verifyKey[bls.KeyG2SigG1]},
	SchemeUnchained: {keySize: g1Size, signatureSize: g2Size, keyGroup: "G1", key: validKey[bls.KeyG1SigG2], verify: verifyKey[bls.KeyG1SigG2]},
	SchemeChained:   {keySize: g1Size, signatureSize: g2Size, keyGroup: "G1", key: validKey[bls.KeyG1SigG2], verify: verifyKey[bls.KeyG1SigG2], chained: true},
}

var (
	errNoPoint  = errors.New("is not a point of")
	errSubgroup = errors.New("is outside the prime-order subgroup of")
)

func validKey[K bls.KeyGroup](raw []byte) error {
	key := new(bls.PublicKey[K])
	if key.UnmarshalBinary(raw) != nil {
		return errNoPoint
	}
	if !key.Validate() {
		return errSubgroup
	}
	return nil
}

// verifyKey decompresses the signature, and refuses a point outside the subgroup of
// prime order and the identity, which would verify under the key zero.
func verifyKey[K bls.KeyGroup](raw, message, signature []byte) bool {
	key := new(bls.PublicKey[K])
	return key.UnmarshalBinary(raw) == nil && bls.Verify(key, message, signature)
}

// message is what a round's signature is over. Only a chain of rounds says with each
// what the one before was.
func (s scheme) message(file roundFile) ([]byte, error) {
	h := sha256.New()
	if s.chained {
		want := s.signatureSize
		if file.number == 1 {
			want = genesisSeedSize
		}
		if len(file.previous) != want {
			return nil, fmt.Errorf("member previous_signature of round %d: got %d bytes, want %d", file.number, len(file.previous), want)
		}
		h.Write(file.previous)
	}
	h.Write(binary.BigEndian.AppendUint64(nil, file.number))
	return h.Sum(nil), nil
}
