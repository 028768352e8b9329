package attest

import (
	"bytes"
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
	payload, sig, byKey := cutBundle(entry)
	if !byKey {
		var err error
		if payload, sig, byKey, err = readBundle(entry); err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
	}
	b := &Bundle{Certificate: !byKey}
	var err error
	if b.Payload, err = base64.StdEncoding.Strict().DecodeString(payload); err != nil {
		return nil, fmt.Errorf("bundle: payload: %w", err)
	}
	if b.Signature, err = base64.StdEncoding.Strict().DecodeString(sig); err != nil {
		return nil, fmt.Errorf("bundle: signature: %w", err)
	}
	return b, nil
}

// bundleForm is what FormatBundle writes around payload, signature and hint.
var bundleForm = [4]string{
	`{"dsseEnvelope":{"payload":"`,
	`","payloadType":"` + PayloadType + `","signatures":[{"keyid":"","sig":"`,
	`"}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":"`,
	`"}}}`,
}

// cutBundle takes payload and signature, as they are written, out of a canonical bundle
// that has the very form of FormatBundle, as most in a ledger have; ok is whether it
// has.
func cutBundle(entry []byte) (payload, sig string, ok bool) {
	var values [len(bundleForm) - 1]string
	for i, form := range bundleForm {
		if entry, ok = bytes.CutPrefix(entry, []byte(form)); !ok {
			return "", "", false
		}
		if i < len(values) {
			end := bytes.IndexAny(entry, `"\`) // an escape is left to those who know it
			if end < 0 {
				return "", "", false
			}
			values[i], entry = string(entry[:end]), entry[end:]
		}
	}
	return values[0], values[1], len(entry) == 0
}

// readBundle is cutBundle for every form that a bundle can have.
func readBundle(entry []byte) (payload, sig string, byKey bool, err error) {
	var mediaType string
	var material map[string]json.RawMessage
	var envelope json.RawMessage
	if err := decodeMembers(entry, map[string]any{"mediaType": &mediaType, "verificationMaterial": &material, "dsseEnvelope": &envelope}); err != nil {
		return "", "", false, err
	}
	switch {
	case mediaType != BundleMediaType:
		return "", "", false, fmt.Errorf("media type is %q, want %q", clip(mediaType), BundleMediaType)
	case len(envelope) == 0 || string(envelope) == "null":
		return "", "", false, errors.New("no dsseEnvelope")
	}
	payload, sig, err = readEnvelope(envelope)
	_, byKey = material["publicKey"]
	return payload, sig, byKey, err
}

func readEnvelope(envelope []byte) (payload, sig string, err error) {
	var payloadType string
	var signatures []json.RawMessage
	if err := decodeMembers(envelope, map[string]any{"payload": &payload, "payloadType": &payloadType, "signatures": &signatures}); err != nil {
		return "", "", err
	}
	switch {
	case payloadType != PayloadType:
		return "", "", fmt.Errorf("payload type is %q, want %q", clip(payloadType), PayloadType)
	case len(signatures) != 1:
		return "", "", fmt.Errorf("%d signatures, want 1", len(signatures))
	}
	var keyID string
	err = decodeMembers(signatures[0], map[string]any{"sig": &sig, "keyid": &keyID})
	return payload, sig, err
}

// SignedBy reports whether the bundle's signature is the key's.
func (b *Bundle) SignedBy(key *PublicKey) bool {
	return key.Verify(PAE(b.Payload), b.Signature)
}
