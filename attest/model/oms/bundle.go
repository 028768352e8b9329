package oms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/proctor-attest/proctor/attest"
)

// MaxSize is the largest signature that Parse reads: some 200,000 files.
const MaxSize = 64 << 20

// maxCertificates is the longest chain; one of a few is usual.
const maxCertificates = 16

// otherMediaType is an older spelling of attest.BundleMediaType.
const otherMediaType = "application/vnd.dev.sigstore.bundle+json;version=0.3"

// Method is how a signature is to be checked.
type Method string

// Methods.
const (
	ByKey         Method = "key"
	ByCertificate Method = "certificate"
	BySigstore    Method = "sigstore" // a certificate of minutes for an identity, in a log
)

// Signature is what a bundle holds. Nothing of it is authenticated by Parse.
type Signature struct {
	Method  Method
	Content Content

	// Hint is what the bundle says of the key, for people.
	Hint string

	payload, sig []byte
	chain        [][]byte // of a certificate in DER, the signer's first
}

// Parse reads a signature. It refuses what could be read in two ways, and every
// member of which it does not know what it would mean.
func Parse(bundle []byte) (*Signature, error) {
	if len(bundle) > MaxSize {
		return nil, fmt.Errorf("signature of %d bytes, the most is %d", len(bundle), MaxSize)
	}
	if len(bundle) == 0 {
		return nil, errors.New("the file is empty")
	}
	if err := attest.CheckForeignJSON(bundle); err != nil {
		return nil, fmt.Errorf("not a bundle: %w", err)
	}
	var mediaType string
	var material, envelope json.RawMessage
	err := members(bundle, map[string]any{"mediaType": &mediaType, "verificationMaterial": &material, "dsseEnvelope": &envelope}, false)
	switch {
	case err != nil:
		return nil, fmt.Errorf("bundle: %w", err)
	case mediaType != attest.BundleMediaType && mediaType != otherMediaType:
		return nil, fmt.Errorf("bundle: media type is %.80q, want %q", mediaType, attest.BundleMediaType)
	case material == nil:
		return nil, errors.New("bundle: no verificationMaterial")
	case envelope == nil:
		return nil, errors.New("bundle: no dsseEnvelope: nothing is signed")
	}
	s := new(Signature)
	if err := s.readMaterial(material); err != nil {
		return nil, fmt.Errorf("bundle: verificationMaterial: %w", err)
	}
	if err := s.readEnvelope(envelope); err != nil {
		return nil, fmt.Errorf("bundle: dsseEnvelope: %w", err)
	}
	if err := s.Content.parse(s.payload); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return s, nil
}

func (s *Signature) readMaterial(material []byte) error {
	var key, chain, certificate, log, stamps json.RawMessage
	err := members(material, map[string]any{
		"publicKey": &key, "x509CertificateChain": &chain, "certificate": &certificate,
		"tlogEntries": &log, "timestampVerificationData": &stamps,
	}, false)
	if err != nil {
		return err
	}
	given := 0
	for _, m := range []json.RawMessage{key, chain, certificate} {
		if m != nil {
			given++
		}
	}
	switch {
	case given != 1:
		return fmt.Errorf("%d of publicKey, x509CertificateChain and certificate, want one", given)
	case key != nil:
		s.Method = ByKey
		// Until version 1.0 the whole key was here; it is as little believed.
		return members(key, map[string]any{"hint": &s.Hint}, true)
	case chain != nil:
		s.Method = ByCertificate
		return s.readChain(chain)
	}
	s.Method = BySigstore
	var entries []json.RawMessage
	if log != nil {
		if err := json.Unmarshal(log, &entries); err != nil {
			return fmt.Errorf("tlogEntries: %w", err)
		}
	}
	if len(entries) == 0 {
		return errors.New("no tlogEntries: a certificate of minutes says nothing without a log's time")
	}
	return s.readChain([]byte(`{"certificates":[` + string(certificate) + `]}`))
}

func (s *Signature) readChain(chain []byte) error {
	var certificates []json.RawMessage
	if err := members(chain, map[string]any{"certificates": &certificates}, true); err != nil {
		return err
	}
	if n := len(certificates); n == 0 || n > maxCertificates {
		return fmt.Errorf("%d certificates, want 1 to %d", n, maxCertificates)
	}
	for i, c := range certificates {
		var der []byte
		if err := members(c, map[string]any{"rawBytes": &der}, true); err != nil {
			return fmt.Errorf("certificate %d: %w", i, err)
		}
		s.chain = append(s.chain, der)
	}
	return nil
}

func (s *Signature) readEnvelope(envelope []byte) error {
	var payload, payloadType, sig string
	var signatures []json.RawMessage
	err := members(envelope, map[string]any{"payload": &payload, "payloadType": &payloadType, "signatures": &signatures}, false)
	switch {
	case err != nil:
		return err
	case payloadType != attest.PayloadType:
		return fmt.Errorf("payload type is %.80q, want %q", payloadType, attest.PayloadType)
	case len(signatures) != 1:
		return fmt.Errorf("%d signatures, want 1", len(signatures))
	}
	var keyID *string // "", null and absent are in use
	if err := members(signatures[0], map[string]any{"sig": &sig, "keyid": &keyID}, false); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if s.payload, err = base64.StdEncoding.Strict().DecodeString(payload); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	if s.sig, err = base64.StdEncoding.Strict().DecodeString(sig); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if len(s.sig) == 0 {
		return errors.New("the signature is empty")
	}
	return nil
}

// Payload are the signed bytes, of which Content is the meaning.
func (s *Signature) Payload() []byte { return s.payload }
