package oms

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// signedByOld checks a signature of model-signing 0.2, which signed Python's
// spelling of the payload under a prefix in other case, and SHA-256 of it
// whatever the curve.
func signedByOld(payload, sig []byte, key *attest.PublicKey) bool {
	block, _ := pem.Decode([]byte(key.PEM()))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return false
	}
	ec, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "DSSEV1 %d %s %d %s", len(attest.PayloadType), attest.PayloadType, len(payload), pythonBytes(payload)))
	return ecdsa.VerifyASN1(ec, sum[:], sig)
}

// pythonBytes writes bytes as Python's repr does.
func pythonBytes(data []byte) string {
	quote := byte('\'')
	if text := string(data); strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = '"'
	}
	out := []byte{'b', quote}
	for _, c := range data {
		switch {
		case c == quote || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c > '~':
			out = append(out, `\x`...)
			out = append(out, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			out = append(out, c)
		}
	}
	return string(append(out, quote))
}
