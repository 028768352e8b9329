package signing

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/verification"
)

// ErrOtherBytes marks a token that is over something else.
var ErrOtherBytes = errors.New("the token is over other bytes")

// Authority is a timestamp authority, with exactly the certificates under which its
// tokens count. It is safe for concurrent use.
type Authority struct {
	roots, between, leaves []*x509.Certificate
	oid                    asn1.ObjectIdentifier
}

// ParseAuthority reads certificates in PEM: the roots, the certificates between them
// and what signs the tokens, and perhaps the latter. Where it is there, no other
// certificate counts; else any that these vouch for. Tokens bring certificates along:
// those vouch for nothing. oid is the policy that tokens must be made under, or empty.
func ParseAuthority(chain []byte, oid string) (*Authority, error) {
	a := &Authority{}
	for rest := bytes.TrimSpace(chain); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || !bytes.HasPrefix(rest, []byte("-----BEGIN")) {
			return nil, errors.New("want certificates in PEM, and nothing else")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		switch {
		case !c.IsCA:
			a.leaves = append(a.leaves, c)
		case bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil:
			a.roots = append(a.roots, c)
		default:
			a.between = append(a.between, c)
		}
		rest = after
	}
	if len(a.roots) == 0 {
		return nil, errors.New("no root: want the certificate that vouches for all others and for itself too")
	}
	if len(a.leaves)+len(a.between)+len(a.roots) > maxCertificates {
		return nil, fmt.Errorf("more than %d certificates", maxCertificates)
	}
	for _, leaf := range a.leaves {
		// At a time at which it is valid: it can be there for old tokens.
		if err := a.vouches(leaf, leaf.NotBefore); err != nil {
			return nil, fmt.Errorf("the certificate %q: %w", leaf.Subject, err)
		}
	}
	if oid == "" {
		return a, nil
	}
	for part := range strings.SplitSeq(oid, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("policy %q: want an object identifier such as 1.2.3", oid)
		}
		a.oid = append(a.oid, int(n))
	}
	return a, nil
}

// Check reports an error unless the authority made the token, over these bytes, while
// the certificates were valid. The error is ErrOtherBytes where nothing else was looked
// at. Whether a certificate was revoked is not asked.
func (a *Authority) Check(token, message []byte) (*Token, error) {
	t, err := ParseToken(token)
	if err != nil {
		return nil, err
	}
	if !t.Covers(message) {
		return nil, ErrOtherBytes
	}
	if err := t.checkSigning(); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	signers := a.leaves
	if len(signers) == 0 {
		signers = t.certificates
	}
	err = fmt.Errorf("its signer, %s, is not a certificate of the authority", t.Signer)
	for _, c := range signers {
		if !bytes.Equal(c.RawIssuer, t.signer.Signer.Issuer.FullBytes) || c.SerialNumber.Cmp(t.signer.Signer.Serial) != 0 {
			continue
		}
		if err = a.checkBy(c, t, token, message); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("token: %w", err)
}

// checkBy is Check for tokens that c signed.
func (a *Authority) checkBy(c *x509.Certificate, t *Token, token, message []byte) error {
	if err := a.vouches(c, t.Time); err != nil {
		return err
	}
	if err := t.checkAttributes(c); err != nil {
		return err
	}
	_, err := verification.VerifyTimestampResponse(token, bytes.NewReader(message), verification.VerifyOpts{
		OID: a.oid, TSACertificate: c, Intermediates: a.between, Roots: a.roots, CurrentTime: t.Time,
	})
	return err
}

// vouches asks whether the authority's own certificates vouch for one. The library
// would take those that come with a token as well.
func (a *Authority) vouches(c *x509.Certificate, at time.Time) error {
	o := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, CurrentTime: at,
	}
	for _, r := range a.roots {
		o.Roots.AddCert(r)
	}
	for _, i := range a.between {
		o.Intermediates.AddCert(i)
	}
	_, err := c.Verify(o)
	return err
}

var (
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidSigningCert = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12} // by SHA-1, RFC 2634
	oidSigningV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // by any hash, RFC 5035
)

type (
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue
	}
	signingCert struct {
		Certs    []asn1.RawValue
		Policies asn1.RawValue `asn1:"optional"`
	}
	certID struct {
		Hash         []byte
		IssuerSerial asn1.RawValue `asn1:"optional"`
	}
	certIDv2 struct {
		Algorithm    pkix.AlgorithmIdentifier `asn1:"optional"`
		Hash         []byte
		IssuerSerial asn1.RawValue `asn1:"optional"`
	}
)

// checkAttributes asks what the library does not: that the signature says what kind of
// thing it is over, and under which certificate it is. That one could be exchanged for
// another of the same key is what RFC 3161 asks for the attribute for.
func (t *Token) checkAttributes(signer *x509.Certificate) error {
	typed, named := false, false
	for rest := t.signer.Attributes.Bytes; len(rest) > 0; {
		var at attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &at); err != nil {
			return fmt.Errorf("attribute: %w", err)
		}
		switch {
		case at.Type.Equal(oidContentType):
			var kind asn1.ObjectIdentifier
			if err := unmarshal(at.Values.Bytes, &kind, "content type"); err != nil {
				return err
			}
			typed = kind.Equal(oidTSTInfo)
		case at.Type.Equal(oidSigningCert), at.Type.Equal(oidSigningV2):
			if err := names(at, signer); err != nil {
				return err
			}
			named = true
		}
	}
	if !typed || !named {
		return errors.New("the signature does not say that it is over a time, or not under which certificate")
	}
	return nil
}

// names asks whether the first certificate that the attribute lists is the signer's.
func names(at attribute, signer *x509.Certificate) error {
	var list signingCert
	if err := unmarshal(at.Values.Bytes, &list, "signing certificate"); err != nil {
		return err
	}
	if len(list.Certs) == 0 {
		return errors.New("it names no signing certificate")
	}
	var want, got []byte
	if at.Type.Equal(oidSigningCert) {
		var id certID
		if err := unmarshal(list.Certs[0].FullBytes, &id, "signing certificate"); err != nil {
			return err
		}
		sum := sha1.Sum(signer.Raw) // a second preimage is what it would take
		want, got = id.Hash, sum[:]
	} else {
		var id certIDv2
		if err := unmarshal(list.Certs[0].FullBytes, &id, "signing certificate"); err != nil {
			return err
		}
		hash := crypto.SHA256 // unless another is named
		if len(id.Algorithm.Algorithm) > 0 {
			var ok bool
			if hash, ok = hashes[id.Algorithm.Algorithm.String()]; !ok {
				return fmt.Errorf("it names its certificate by the hash %s", id.Algorithm.Algorithm)
			}
		}
		h := hash.New()
		h.Write(signer.Raw)
		want, got = id.Hash, h.Sum(nil)
	}
	if !bytes.Equal(want, got) {
		return errors.New("it says that it was signed under another certificate")
	}
	return nil
}

// Describe has a line for each certificate, with its SHA-256.
func (a *Authority) Describe() []string {
	var lines []string
	for _, group := range []struct {
		what string
		list []*x509.Certificate
	}{{"signs", a.leaves}, {"between", a.between}, {"root", a.roots}} {
		for _, c := range group.list {
			lines = append(lines, fmt.Sprintf("%-7s sha256:%x %s", group.what, sha256.Sum256(c.Raw), c.Subject))
		}
	}
	return lines
}
