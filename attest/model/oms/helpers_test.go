package oms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// The model of the tests: two files in a folder and out of it.
var files = fstest.MapFS{
	"config.json": {Data: []byte("{}")},
	"d/w.bin":     {Data: []byte("weights")},
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func resource(name, digest string) string {
	return fmt.Sprintf(`{"name":%q,"digest":%q,"algorithm":"sha256"}`, name, digest)
}

var twoResources = resource("config.json", hexSum("{}")) + "," + resource("d/w.bin", hexSum("weights"))

const byFilesJSON = `{"method":"files","hash_type":"sha256","allow_symlinks":false}`

// statement is a payload over these resources, with the root that they have.
func statement(resources, serialization string) string {
	h := sha256.New()
	for _, part := range strings.Split(resources, `"digest":"`)[1:] {
		digest, _ := hex.DecodeString(part[:strings.IndexByte(part, '"')])
		h.Write(digest)
	}
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"%x"}}],`+
		`"predicateType":"https://model_signing/signature/v1.0","predicate":{"resources":[%s],"serialization":%s}}`, h.Sum(nil), resources, serialization)
}

const keyMaterial = `{"publicKey":{"hint":"some"},"tlogEntries":[]}`

func bundle(payload, material string, sig []byte) string {
	return fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":%s,"dsseEnvelope":`+
		`{"payload":%q,"payloadType":"application/vnd.in-toto+json","signatures":[{"sig":%q,"keyid":""}]}}`,
		material, base64.StdEncoding.EncodeToString([]byte(payload)), base64.StdEncoding.EncodeToString(sig))
}

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t testing.TB, key any) *attest.PublicKey {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := attest.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sign signs a payload as DSSE wants it, with the hash of the key's curve.
func sign(t testing.TB, key *ecdsa.PrivateKey, payload string) []byte {
	t.Helper()
	message := attest.PAE([]byte(payload))
	var sum []byte
	switch key.Curve {
	case elliptic.P256():
		s := sha256.Sum256(message)
		sum = s[:]
	case elliptic.P384():
		s := sha512.Sum384(message)
		sum = s[:]
	default:
		s := sha512.Sum512(message)
		sum = s[:]
	}
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func parse(t testing.TB, text string) *Signature {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

// content is what a statement says.
func content(t testing.TB, payload string) *Content {
	t.Helper()
	return &parse(t, bundle(payload, keyMaterial, []byte("sig"))).Content
}

// issued is a certificate and its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate, by itself where by is nil. change sees the template.
func issue(t testing.TB, name string, by *issued, key crypto.Signer, change func(*x509.Certificate)) *issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(template)
	out := &issued{cert: template, key: key}
	if by == nil {
		by = out
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if out.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return out
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func chainMaterial(certs ...*issued) string {
	var b bytes.Buffer
	for i, c := range certs {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"rawBytes":%q}`, base64.StdEncoding.EncodeToString(c.cert.Raw))
	}
	return `{"x509CertificateChain":{"certificates":[` + b.String() + `]}}`
}
