package oms

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// ErrNotSigned marks a signature that is not by whom the caller asked for.
var ErrNotSigned = errors.New("not signed so")

func notSigned(format string, args ...any) error {
	return &notSignedError{fmt.Sprintf(format, args...)}
}

type notSignedError struct{ text string }

func (e *notSignedError) Error() string { return e.text }

// Is makes it an ErrNotSigned.
func (e *notSignedError) Is(target error) bool { return target == ErrNotSigned }

// CheckKey reports an error unless the signature is by the key. The key that the
// signature names is not looked at.
func (s *Signature) CheckKey(key *attest.PublicKey) error {
	if s.Method != ByKey {
		return notSigned("it was signed by the method %s, not with a key", s.Method)
	}
	if !s.signedBy(key) {
		return notSigned("the signature is not by the key %s, or what it signs was changed", key.Fingerprint().Short())
	}
	return nil
}

func (s *Signature) signedBy(key *attest.PublicKey) bool {
	if key.Verify(attest.PAE(s.payload), s.sig) {
		return true
	}
	return s.Content.Old && signedByOld(s.payload, s.sig, key)
}

// CheckChain reports an error unless the signature is by a certificate for which
// one of the roots vouches at the time. It returns the signer's certificate.
// Roots that the signature brings along count for nothing.
func (s *Signature) CheckChain(roots []*x509.Certificate, at time.Time) (*x509.Certificate, error) {
	if s.Method != ByCertificate {
		return nil, notSigned("it was signed by the method %s, not with a certificate", s.Method)
	}
	leaf, between, err := s.certificates()
	if err != nil {
		return nil, err
	}
	if at.After(leaf.NotAfter) || at.Before(leaf.NotBefore) {
		return nil, notSigned("the signer's certificate is valid from %s to %s, not at %s, and nothing shows when it signed",
			day(leaf.NotBefore), day(leaf.NotAfter), day(at))
	}
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at,
		// What models are signed with has often no extended usage at all, which is
		// fine here; one that is for servers or mail alone is not for models.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	for _, c := range roots {
		opts.Roots.AddCert(c)
	}
	for _, c := range between {
		opts.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return nil, notSigned("the signer's certificate %.80q leads to none of the %d roots given: %v", leaf.Subject, len(roots), err)
	}
	if err := checkUsage(leaf); err != nil {
		return nil, err
	}
	key, err := keyOf(leaf)
	if err != nil {
		return nil, err
	}
	if !s.signedBy(key) {
		return nil, notSigned("the signature is not by the key of its certificate, or what it signs was changed")
	}
	return leaf, nil
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (s *Signature) certificates() (leaf *x509.Certificate, between []*x509.Certificate, err error) {
	for i, der := range s.chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d: %w", i, err)
		}
		if i == 0 {
			leaf = c
		} else {
			between = append(between, c)
		}
	}
	return leaf, between, nil
}

// checkUsage wants the usage that the reference implementation wants.
func checkUsage(leaf *x509.Certificate) error {
	if leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning) {
		return notSigned("the signer's certificate is not for signing: neither digitalSignature nor codeSigning")
	}
	return nil
}

func keyOf(leaf *x509.Certificate) (*attest.PublicKey, error) {
	key, err := attest.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: leaf.RawSubjectPublicKeyInfo}))
	if err != nil {
		return nil, fmt.Errorf("the signer's certificate: %w", err)
	}
	return key, nil
}

// ParseRoots reads certificates in PEM, to be trusted by the caller.
func ParseRoots(text []byte) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("PEM block of type %.80q, want CERTIFICATE", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("certificate " + strconv.Itoa(len(roots)) + ": " + err.Error())
		}
		roots = append(roots, c)
	}
	if len(roots) == 0 {
		return nil, errors.New("want certificates in PEM")
	}
	return roots, nil
}
