package foreign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Key is a key and whose it is, by the word of the caller.
type Key struct {
	Owner  string
	Key    *attest.PublicKey
	Denied bool
}

// maxSignatures of an envelope are checked under every key.
const maxSignatures = 16

// readSigned reads an in-toto statement, bare or in a DSSE envelope or in a Sigstore
// bundle. It returns nil for any other JSON.
func readSigned(data []byte, keys []Key) *Reading {
	var c checker
	tree, err := parseJSON(data)
	o, ok := tree.(map[string]any)
	switch {
	case err != nil:
		return readBroken(data, err)
	case !ok:
		return nil
	case o["_type"] == attest.StatementType:
		r := readStatement(o, "")
		if r != nil {
			r.Found = append(r.Found, "Nobody signed it")
		}
		return r
	}
	kind, envelope := "a DSSE envelope", o
	if media, _ := o["mediaType"].(string); strings.HasPrefix(media, "application/vnd.dev.sigstore.bundle") {
		kind = "a Sigstore bundle"
		inner, signs := o["dsseEnvelope"]
		if !signs {
			return &Reading{Kind: kind, Broken: errors.New("it has no DSSE envelope, and so no statement"), Lacks: lacksAll}
		}
		envelope = c.object("dsseEnvelope", inner, "payload", "payloadType", "signatures")
	}
	if _, ok := envelope["payloadType"]; !ok && c.err == nil {
		return nil
	}
	payload, signatures := c.envelope(envelope)
	if c.err != nil {
		return &Reading{Kind: kind, Broken: c.err, Lacks: lacksAll}
	}
	inner, err := parseJSON(payload)
	if err != nil {
		return &Reading{Kind: kind, Broken: fmt.Errorf("payload: %w", err), Lacks: lacksAll}
	}
	r := readStatement(inner, " in "+kind)
	if r == nil {
		return nil
	}
	r.checkSignatures(payload, signatures, keys)
	if material, ok := o["verificationMaterial"].(map[string]any); ok {
		r.mention(material)
	}
	return r
}

// readBroken recognises what looks like an eval-result statement and is no strict JSON.
func readBroken(data []byte, err error) *Reading {
	for _, uri := range evalResultTypes {
		if strings.Contains(string(data), `"`+uri+`"`) {
			return &Reading{Kind: "an in-toto eval-result statement", Broken: err, Lacks: lacksAll}
		}
	}
	return nil
}

// envelope checks the members of a DSSE envelope of an in-toto statement.
func (c *checker) envelope(o map[string]any) (payload []byte, signatures [][]byte) {
	o = c.object("", o, "payload", "payloadType", "signatures")
	if t := c.text("", o, "payloadType"); t != attest.PayloadType {
		c.fail("payloadType is %q, want %q", clip(t), attest.PayloadType)
	}
	payload = c.base64("", o, "payload")
	list, _ := o["signatures"].([]any)
	if len(list) == 0 || len(list) > maxSignatures {
		c.fail("%d signatures, want 1 to %d", len(list), maxSignatures)
		return nil, nil
	}
	for i, v := range list {
		path := fmt.Sprintf("signatures[%d]", i)
		signatures = append(signatures, c.base64(path, c.object(path, v, "sig", "keyid"), "sig"))
	}
	return payload, signatures
}

// base64 takes both alphabets, as DSSE asks of readers, and nothing lax.
func (c *checker) base64(path string, o map[string]any, name string) []byte {
	text := c.text(path, o, name)
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	data, err := encoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		c.fail("%s is not base64", under(path, name))
	}
	return data
}

// checkSignatures says whose of the keys signed. A hint in the envelope decides
// nothing.
func (r *Reading) checkSignatures(payload []byte, signatures [][]byte, keys []Key) {
	signed := attest.PAE(payload)
	for _, sig := range signatures {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.Key.Verify(signed, sig) })
		if i < 0 {
			r.Found = append(r.Found, "It has a signature that is of no key that the reader knows, and was not checked")
			continue
		}
		k := keys[i]
		said := fmt.Sprintf("It is signed under the key %s of %s", k.Key.Fingerprint().Short(), k.Owner)
		if k.Denied {
			r.Found = append(r.Found, said+", which the reader denies")
			continue
		}
		r.Found = append(r.Found, said+"; nothing shows when")
		r.Trusting = append(r.Trusting, k.Owner+", for the key "+k.Key.Fingerprint().Short()+" under which the statement is signed")
	}
}

// mention says what a bundle carries and nobody looked at.
func (r *Reading) mention(material map[string]any) {
	var has []string
	for _, m := range []struct{ name, what string }{
		{"certificate", "certificate"}, {"x509CertificateChain", "certificate chain"},
		{"tlogEntries", "log entries"}, {"timestampVerificationData", "timestamps"},
	} {
		switch v := material[m.name].(type) {
		case nil:
		case []any:
			if len(v) > 0 {
				has = append(has, m.what)
			}
		default:
			has = append(has, m.what)
		}
	}
	if len(has) > 0 {
		r.Found = append(r.Found, "Of the bundle, not checked: "+strings.Join(has, ", "))
	}
}
