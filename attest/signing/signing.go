// Package signing holds issuer keys and signs statements with them. Keys are
// what cosign makes and takes: ECDSA P-256 or Ed25519 in an encrypted PEM file
// (https://github.com/sigstore/cosign, KEY_MANAGEMENT). Only this package
// imports sigstore; checking a signature needs none of it (package attest).
package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/proctor-attest/proctor/attest"
)

// Algorithms of Generate.
const (
	ECDSA   = "ecdsa-p256"
	Ed25519 = "ed25519"
)

// ErrPassword marks a private key that the password does not open.
var ErrPassword = errors.New("the password does not open this key")

// Generate makes a key pair. The private key comes encrypted under the password
// in cosign's PEM format, the public key as SubjectPublicKeyInfo in PEM. An empty
// password is refused: whoever finds the file could sign.
func Generate(algorithm string, password []byte) (private, public []byte, err error) {
	if len(password) == 0 {
		return nil, nil, errors.New("an issuer key needs a password")
	}
	var key crypto.Signer
	switch algorithm {
	case ECDSA:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, nil, fmt.Errorf("key algorithm %q: want %s or %s", algorithm, ECDSA, Ed25519)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("generating key: %w", err)
	}
	der, err := cryptoutils.MarshalPrivateKeyToEncryptedDER(key, cryptoutils.StaticPasswordFunc(password))
	if err != nil {
		return nil, nil, fmt.Errorf("encrypting key: %w", err)
	}
	public, err = cryptoutils.MarshalPublicKeyToPEM(key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("encoding public key: %w", err)
	}
	return cryptoutils.PEMEncode(cryptoutils.EncryptedSigstorePrivateKeyPEMType, der), public, nil
}

// Signer signs statements with one key. It is safe for concurrent use.
type Signer struct {
	signer signature.Signer
	public *attest.PublicKey
	order  *big.Int // of the curve, for ECDSA
}

// Load opens a private key in one of cosign's PEM formats. The error is
// ErrPassword where the password is wrong.
func Load(private, password []byte) (*Signer, error) {
	block, _ := pem.Decode(private)
	if block == nil {
		return nil, errors.New("private key: want a PEM file")
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(private, cryptoutils.StaticPasswordFunc(password))
	if err != nil {
		if bytes.HasPrefix([]byte(block.Type), []byte("ENCRYPTED")) {
			return nil, ErrPassword
		}
		return nil, fmt.Errorf("private key: %w", err)
	}
	return newSigner(key)
}

func newSigner(key crypto.PrivateKey) (*Signer, error) {
	loaded, err := signature.LoadDefaultSigner(key)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	public, err := loaded.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	text, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	s := &Signer{signer: loaded}
	if s.public, err = attest.ParsePublicKey(text); err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if k, ok := public.(*ecdsa.PublicKey); ok {
		s.order = k.Params().N
	}
	return s, nil
}

// PublicKey is the key under which others verify.
func (s *Signer) PublicKey() *attest.PublicKey { return s.public }

// Sign returns the ledger entry of a statement: its signed bundle.
func (s *Signer) Sign(ctx context.Context, st *attest.Statement) ([]byte, error) {
	sig, err := s.SignPayload(ctx, st.Payload)
	if err != nil {
		return nil, err
	}
	fingerprint := s.public.Fingerprint()
	return attest.FormatBundle(st.Payload, sig, base64.StdEncoding.EncodeToString(fingerprint[:]))
}

// SignPayload returns the signature of an envelope around a statement's bytes.
func (s *Signer) SignPayload(ctx context.Context, payload []byte) ([]byte, error) {
	message := attest.PAE(payload)
	sig, err := s.signer.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if s.order != nil {
		if sig, err = lowS(sig, s.order); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	}
	// A signature that our own check refuses must not reach a log.
	if !s.public.Verify(message, sig) {
		return nil, errors.New("signing: the new signature does not verify")
	}
	return sig, nil
}

// lowS picks the smaller of the two values of s that fit an ECDSA signature, so
// that a signature of ours cannot be respelled into another without being noticed
// as not ours.
func lowS(sig []byte, order *big.Int) ([]byte, error) {
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &rs); err != nil || len(rest) > 0 {
		return nil, errors.New("ECDSA signature is not ASN.1")
	}
	if other := new(big.Int).Sub(order, rs.S); other.Cmp(rs.S) < 0 {
		rs.S = other
	}
	return asn1.Marshal(rs)
}
