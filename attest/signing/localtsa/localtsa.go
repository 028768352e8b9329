// Package localtsa is a timestamp authority (RFC 3161) in one process, for tests and
// trials. Its root, its intermediate certificate and the key that signs tokens exist as
// long as it does; it says whatever time it is told.
package localtsa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"
)

// Config says how an authority is made. Its zero value is an honest one.
type Config struct {
	Name        string
	From, Until time.Time                  // of its certificates; zero: 2020 to 2040
	Leaf        func(*x509.Certificate)    // may change the certificate that signs, before it is issued
	Stamp       func(*timestamp.Timestamp) // may change what a token says, before it is signed
}

// Authority makes tokens. It is safe for concurrent use.
type Authority struct {
	config              Config
	root, between, leaf *x509.Certificate
	key                 crypto.Signer
}

// Critical is the extension by which a certificate is for signing times alone.
var Critical = pkix.Extension{
	Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true,
	Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}, // id-kp-timeStamping
}

var policy = asn1.ObjectIdentifier{1, 2, 3, 4, 1}

// New makes an authority.
func New(c Config) (*Authority, error) {
	if c.From.IsZero() {
		c.From = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.Until.IsZero() {
		c.Until = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	a := &Authority{config: c}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: c.Name + name, Organization: []string{c.Name}},
			NotBefore: c.From, NotAfter: c.Until, BasicConstraintsValid: true,
		}
	}
	ca := func(n int64, name string) *x509.Certificate {
		t := template(n, name)
		t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		return t
	}
	var rootKey, betweenKey crypto.Signer
	var err error
	if a.root, rootKey, err = issue(ca(1, " root"), nil, nil); err != nil {
		return nil, err
	}
	if a.between, betweenKey, err = issue(ca(2, " issuing"), a.root, rootKey); err != nil {
		return nil, err
	}
	leaf := template(3, " timestamps")
	leaf.KeyUsage, leaf.ExtraExtensions = x509.KeyUsageDigitalSignature, []pkix.Extension{Critical}
	if c.Leaf != nil {
		c.Leaf(leaf)
	}
	a.leaf, a.key, err = issue(leaf, a.between, betweenKey)
	return a, err
}

// issue makes a key and its certificate, which vouches for itself where nobody else does.
func issue(template, by *x509.Certificate, byKey crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if by == nil {
		by, byKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), byKey)
	if err != nil {
		return nil, nil, err
	}
	c, err := x509.ParseCertificate(der)
	return c, key, err
}

// Chain is the certificates in PEM, as authorities publish them: what signs first, the
// root last.
func (a *Authority) Chain() []byte { return pemOf(a.leaf, a.between, a.root) }

// Roots is what vouches for it, without what signs.
func (a *Authority) Roots() []byte { return pemOf(a.between, a.root) }

// Root is the root alone.
func (a *Authority) Root() []byte { return pemOf(a.root) }

func pemOf(list ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range list {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}

// Stamp returns a token that says that the message existed at that time.
func (a *Authority) Stamp(message []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(message)
	return a.sign(&timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at})
}

func (a *Authority) sign(t *timestamp.Timestamp) ([]byte, error) {
	t.Policy, t.AddTSACertificate = policy, true
	t.Certificates = []*x509.Certificate{a.between, a.root}
	if a.config.Stamp != nil {
		a.config.Stamp(t)
	}
	return t.CreateResponseWithOpts(a.leaf, a.key, crypto.SHA256)
}

// Sign signs a SHA-256 with the key of its tokens, as who makes a token by hand needs it.
func (a *Authority) Sign(sum []byte) ([]byte, error) {
	return a.key.Sign(rand.Reader, sum, crypto.SHA256)
}

const maxQuery = 1 << 16

// Handler answers requests, as RFC 3161 §3.4 has it, with tokens of the time that now
// says; GET shows the certificates.
func (a *Authority) Handler(now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write(a.Chain())
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		query, err := timestamp.ParseRequest(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		token, err := a.sign(&timestamp.Timestamp{HashAlgorithm: query.HashAlgorithm, HashedMessage: query.HashedMessage, Time: now().UTC(), Nonce: query.Nonce})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(token)
	})
}
