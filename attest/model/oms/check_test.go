package oms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCheckKey(t *testing.T) {
	payload := statement(twoResources, byFilesJSON)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		t.Run(curve.Params().Name, func(t *testing.T) {
			key, other := newKey(t, curve), newKey(t, curve)
			sig := sign(t, key, payload)
			s := parse(t, bundle(payload, keyMaterial, sig))
			if err := s.CheckKey(public(t, key.Public())); err != nil {
				t.Errorf("CheckKey(its key) = %v, want nil", err)
			}
			if err := s.CheckKey(public(t, other.Public())); !errors.Is(err, ErrNotSigned) {
				t.Errorf("CheckKey(another key) = %v, want %v", err, ErrNotSigned)
			}
			renamed := strings.Replace(payload, "d/w.bin", "d/v.bin", 1)
			if err := parse(t, bundle(renamed, keyMaterial, sig)).CheckKey(public(t, key.Public())); !errors.Is(err, ErrNotSigned) {
				t.Errorf("CheckKey with a renamed file = %v, want %v: the root is the same, the signed bytes are not", err, ErrNotSigned)
			}
		})
	}
}

// The old way to sign is for old statements alone.
func TestOldSignature(t *testing.T) {
	old := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"it's","digest":{"sha256":"` + hexSum("a") +
		`"},"annotations":{"actual_hash_algorithm":"file-sha256"}}],"predicateType":"https://model_signing/Digests/v0.1","predicate":{}}`
	key := newKey(t, elliptic.P384())
	for payload, want := range map[string]bool{old: true, statement(twoResources, byFilesJSON): false} {
		sum := sha256.Sum256(fmt.Appendf(nil, "DSSEV1 28 application/vnd.in-toto+json %d b'%s'", len(payload), strings.ReplaceAll(payload, "'", `\'`)))
		sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if err := parse(t, bundle(payload, keyMaterial, sig)).CheckKey(public(t, key.Public())); (err == nil) != want {
			t.Errorf("CheckKey(%s) signed as of old = %v; want nil: %v", payload, err, want)
		}
	}
	other := strings.Replace(old, "file-sha256", "file-sha512", 1)
	if _, err := Parse([]byte(bundle(other, keyMaterial, []byte("sig")))); err == nil || !strings.Contains(err.Error(), "file-sha512") {
		t.Errorf("Parse of another hash = %v, want an error that names it", err)
	}
}

// What Python 3 prints for bytes.
func TestPythonBytes(t *testing.T) {
	for in, want := range map[string]string{
		"":             `b''`,
		"a\"b":         `b'a"b'`,
		"a'b":          `b"a'b"`,
		"a'b\"":        `b'a\'b"'`,
		"\\\n\r\t":     `b'\\\n\r\t'`,
		"\x00\x7f\xe6": `b'\x00\x7f\xe6'`,
	} {
		if got := pythonBytes([]byte(in)); got != want {
			t.Errorf("pythonBytes(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestCheckChain(t *testing.T) {
	p384 := newKey(t, elliptic.P384())
	root := issue(t, "root", nil, newKey(t, elliptic.P256()), authority)
	between := issue(t, "between", root, newKey(t, elliptic.P256()), authority)
	leaf := issue(t, "signer", between, p384, func(*x509.Certificate) {})
	stranger := issue(t, "stranger", nil, newKey(t, elliptic.P256()), authority)
	self := issue(t, "self", nil, p384, func(*x509.Certificate) {})
	use := func(change func(*x509.Certificate)) *issued { return issue(t, "signer", between, p384, change) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	payload := statement(twoResources, byFilesJSON)
	for _, c := range []struct {
		name  string
		chain []*issued
		root  *issued
		at    time.Time
		want  string
	}{
		{"three levels, no extended usage", []*issued{leaf, between}, root, noon, ""},
		{"with the root in the chain", []*issued{leaf, between, root}, root, noon, ""},
		{"by itself, if that is trusted", []*issued{self}, self, noon, ""},
		{"code signing alone", []*issued{use(func(c *x509.Certificate) {
			c.KeyUsage, c.ExtKeyUsage = 0, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		}), between}, root, noon, ""},
		{"for servers alone", []*issued{use(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), between}, root, noon, "incompatible key usage"},
		{"an expired intermediate", []*issued{leaf, issue(t, "between", root, between.key, func(c *x509.Certificate) {
			authority(c)
			c.NotBefore, c.NotAfter = noon.Add(-time.Hour), noon.Add(-time.Minute)
		})}, root, noon, "expired"},
		{"a root that only the chain trusts", []*issued{leaf, between, root}, stranger, noon, "leads to none of the 1 roots"},
		{"no intermediate", []*issued{leaf}, root, noon, "leads to none"},
		{"expired", []*issued{leaf, between}, root, noon.Add(2 * time.Hour), "not at 2026-06-01T14:00:00Z"},
		{"not yet valid", []*issued{leaf, between}, root, noon.Add(-2 * time.Hour), "not at"},
		{"for something else", []*issued{use(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }), between}, root, noon, "not for signing"},
		{"a certificate that is no authority", []*issued{issue(t, "sub", leaf, p384, func(*x509.Certificate) {}), leaf, between}, root, noon, "leads to none"},
		{"the key of another", []*issued{issue(t, "other", between, newKey(t, elliptic.P384()), func(*x509.Certificate) {}), between}, root, noon, "not by the key of its certificate"},
		{"RSA", []*issued{issue(t, "rsa", between, rsaKey, func(*x509.Certificate) {}), between}, root, noon, "rsa.PublicKey"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := parse(t, bundle(payload, chainMaterial(c.chain...), sign(t, p384, payload)))
			got, err := s.CheckChain([]*x509.Certificate{c.root.cert}, c.at)
			if c.want == "" && (err != nil || !got.Equal(c.chain[0].cert)) {
				t.Errorf("CheckChain = %v, want the signer's certificate", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("CheckChain = %v, want an error with %q", err, c.want)
			}
			if s.CheckKey(public(t, p384.Public())) == nil {
				t.Error("CheckKey of a signature with a certificate = nil, want an error")
			}
		})
	}
}

func TestParseRoots(t *testing.T) {
	root := issue(t, "root", nil, newKey(t, elliptic.P256()), authority)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw})
	if roots, err := ParseRoots([]byte("A comment\n" + string(text) + string(text))); err != nil || len(roots) != 2 {
		t.Errorf("ParseRoots(two certificates) = %d, %v, want 2", len(roots), err)
	}
	for name, in := range map[string]string{
		"nothing":        "",
		"a key":          string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"})),
		"no certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
	} {
		if _, err := ParseRoots([]byte(in)); err == nil {
			t.Errorf("ParseRoots(%s) = nil, want an error", name)
		}
	}
}
