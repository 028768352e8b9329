package attest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// PublicKey is an issuer's key as a policy names it: ECDSA on a NIST curve, or
// Ed25519. It is safe for concurrent use.
type PublicKey struct {
	der    []byte
	verify func(message, sig []byte) bool
	name   string
}

// ParsePublicKey reads a PEM-encoded SubjectPublicKeyInfo. It refuses Ed25519
// keys under which one signature fits many messages.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("want a PEM block of type PUBLIC KEY")
	}
	if len(rest) > 0 {
		if more, _ := pem.Decode(rest); more != nil {
			return nil, errors.New("want one PEM block, got several")
		}
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	k := &PublicKey{der: block.Bytes}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if err := k.useECDSA(key); err != nil {
			return nil, err
		}
	case ed25519.PublicKey:
		if err := checkEd25519Key(key); err != nil {
			return nil, err
		}
		k.name = "Ed25519"
		k.verify = func(message, sig []byte) bool {
			// A small-order R makes a signature whose validity depends on how the
			// verifier treats cofactors; no honest signer makes one.
			return len(sig) == ed25519.SignatureSize && !smallOrder(sig[:32]) && ed25519.Verify(key, message, sig)
		}
	default:
		return nil, fmt.Errorf("public key is a %T, want ECDSA or Ed25519", key)
	}
	return k, nil
}

func (k *PublicKey) useECDSA(key *ecdsa.PublicKey) error {
	sum := map[elliptic.Curve]func([]byte) []byte{
		elliptic.P256(): func(b []byte) []byte { h := sha256.Sum256(b); return h[:] },
		elliptic.P384(): func(b []byte) []byte { h := sha512.Sum384(b); return h[:] },
		elliptic.P521(): func(b []byte) []byte { h := sha512.Sum512(b); return h[:] },
	}[key.Curve]
	if sum == nil {
		return fmt.Errorf("ECDSA key on %s, want P-256, P-384 or P-521", key.Curve.Params().Name)
	}
	k.name = "ECDSA " + key.Curve.Params().Name
	k.verify = func(message, sig []byte) bool { return ecdsa.VerifyASN1(key, sum(message), sig) }
	return nil
}

// Algorithm names the key's kind for people.
func (k *PublicKey) Algorithm() string { return k.name }

// Fingerprint is the SHA-256 of the key's DER, for comparison by phone.
func (k *PublicKey) Fingerprint() Hash { return sha256.Sum256(k.der) }

// PEM is the key as ParsePublicKey takes it.
func (k *PublicKey) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der}))
}

// Verify reports whether sig is the key's signature of message.
func (k *PublicKey) Verify(message, sig []byte) bool { return k.verify(message, sig) }

// The y coordinates of the eight points of small order on edwards25519, in
// canonical encoding with the sign bit cleared (RFC 8032 §5.1.2; the points
// solve 8·P = 0).
var smallOrderY = [][]byte{
	unhex("0000000000000000000000000000000000000000000000000000000000000000"),
	unhex("0100000000000000000000000000000000000000000000000000000000000000"),
	unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
	unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func checkEd25519Key(key []byte) error {
	if !canonicalPoint(key) {
		return errors.New("Ed25519 key is not canonically encoded")
	}
	if smallOrder(key) {
		return errors.New("Ed25519 key has small order: its signatures prove nothing")
	}
	return nil
}

// canonicalPoint reports whether the y coordinate is below the field's prime
// 2^255 − 19.
func canonicalPoint(p []byte) bool {
	if len(p) != 32 {
		return false
	}
	if p[31]&0x7f == 0x7f && p[0] >= 0xed {
		high := true
		for _, b := range p[1:31] {
			high = high && b == 0xff
		}
		if high {
			return false
		}
	}
	return true
}

func smallOrder(p []byte) bool {
	var y [32]byte
	copy(y[:], p)
	y[31] &= 0x7f
	for _, small := range smallOrderY {
		if [32]byte(small) == y {
			return true
		}
	}
	// A non-canonical y (p or p+1) also denotes the points with y = 0 and 1.
	return !canonicalPoint(p)
}
