package attest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// BundleMediaType is that of the Sigstore bundle v0.3.
const BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Bundle is a Sigstore bundle around one DSSE envelope with one signature. None
// of it is authenticated; of the verification material Proctor reads only
// whether it is a certificate, never a key.
type Bundle struct {
	Payload     []byte // the statement's bytes
	Signature   []byte
	Certificate bool // signed under a certificate, not a key that a policy can name
}

type wireBundle struct {
	MediaType            string                     `json:"mediaType"`
	VerificationMaterial map[string]json.RawMessage `json:"verificationMaterial"`
	Envelope             *wireEnvelope              `json:"dsseEnvelope"`
}

type wireEnvelope struct {
	Payload     string          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	Sig   string `json:"sig"`
	KeyID string `json:"keyid"`
}

// PAE is DSSE's pre-authentication encoding of a statement's payload: what is
// signed (https://github.com/secure-systems-lab/dsse, protocol.md).
func PAE(payload []byte) []byte {
	out := append([]byte("DSSEv1 "), strconv.Itoa(len(PayloadType))...)
	out = append(out, ' ')
	out = append(out, PayloadType...)
	out = append(out, ' ')
	out = append(out, strconv.Itoa(len(payload))...)
	out = append(out, ' ')
	return append(out, payload...)
}

// FormatBundle wraps a payload and its signature as a ledger entry: the JCS
// bytes of a bundle. The hint helps others to find the key; it proves nothing.
func FormatBundle(payload, sig []byte, hint string) ([]byte, error) {
	publicKey, err := json.Marshal(map[string]string{"hint": hint})
	if err != nil {
		return nil, fmt.Errorf("encoding bundle: %w", err)
	}
	raw, err := json.Marshal(wireBundle{
		MediaType:            BundleMediaType,
		VerificationMaterial: map[string]json.RawMessage{"publicKey": publicKey},
		Envelope: &wireEnvelope{
			Payload:     base64.StdEncoding.EncodeToString(payload),
			PayloadType: PayloadType,
			Signatures:  []wireSignature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding bundle: %w", err)
	}
	entry, err := Canonicalize(raw)
	if err != nil {
		return nil, fmt.Errorf("encoding bundle: %w", err)
	}
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("signed statement has %d bytes, and a ledger entry at most %d", len(entry), MaxEntry)
	}
	return entry, nil
}

// ParseBundle reads a ledger entry. The entry must be its own canonical form:
// there must be one leaf for one bundle.
func ParseBundle(entry []byte) (*Bundle, error) {
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("bundle has %d bytes, and a ledger entry at most %d", len(entry), MaxEntry)
	}
	if err := CheckCanonical(entry); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var mediaType string
	var material map[string]json.RawMessage
	var envelope json.RawMessage
	if err := decodeMembers(entry, map[string]any{"mediaType": &mediaType, "verificationMaterial": &material, "dsseEnvelope": &envelope}); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	switch {
	case mediaType != BundleMediaType:
		return nil, fmt.Errorf("bundle: media type is %q, want %q", clip(mediaType), BundleMediaType)
	case len(envelope) == 0 || string(envelope) == "null":
		return nil, errors.New("bundle: no dsseEnvelope")
	}
	b, err := parseEnvelope(envelope)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	_, byKey := material["publicKey"]
	b.Certificate = !byKey
	return b, nil
}

func parseEnvelope(envelope []byte) (*Bundle, error) {
	var payload, payloadType string
	var signatures []json.RawMessage
	if err := decodeMembers(envelope, map[string]any{"payload": &payload, "payloadType": &payloadType, "signatures": &signatures}); err != nil {
		return nil, err
	}
	switch {
	case payloadType != PayloadType:
		return nil, fmt.Errorf("payload type is %q, want %q", clip(payloadType), PayloadType)
	case len(signatures) != 1:
		return nil, fmt.Errorf("%d signatures, want 1", len(signatures))
	}
	var sig, keyID string
	if err := decodeMembers(signatures[0], map[string]any{"sig": &sig, "keyid": &keyID}); err != nil {
		return nil, err
	}
	var b Bundle
	var err error
	if b.Payload, err = base64.StdEncoding.Strict().DecodeString(payload); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if b.Signature, err = base64.StdEncoding.Strict().DecodeString(sig); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return &b, nil
}

// SignedBy reports whether the bundle's signature is the key's.
func (b *Bundle) SignedBy(key *PublicKey) bool {
	return key.Verify(PAE(b.Payload), b.Signature)
}
