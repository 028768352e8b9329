package signing

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// Token is what a token of a timestamp authority says (RFC 3161). Of one that was only
// parsed nothing is known to be true.
type Token struct {
	Time     time.Time
	Accuracy time.Duration // by which Time may be off, as the authority says
	Hash     crypto.Hash
	Imprint  []byte // the hash of what was shown to the authority
	Policy   string // under which it was made, an object identifier
	Serial   string
	Signer   string // the certificate that it says it was signed under

	nonce        *big.Int
	signer       signerInfo
	certificates []*x509.Certificate // that come with it
}

// NotAfter is the time by which what was shown to the authority existed, if its word
// is good.
func (t *Token) NotAfter() time.Time { return t.Time.Add(t.Accuracy) }

// Covers reports whether the token is over these bytes.
func (t *Token) Covers(message []byte) bool {
	h := t.Hash.New()
	h.Write(message)
	return bytes.Equal(h.Sum(nil), t.Imprint)
}

// As RFC 3161, RFC 5652 and RFC 5035 have them. Members that nobody asks for are raw.
type (
	response struct {
		Status struct {
			Status   int
			Text     []asn1.RawValue `asn1:"optional"`
			FailInfo asn1.BitString  `asn1:"optional"`
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version int
		Digests asn1.RawValue
		Encap   struct {
			Type    asn1.ObjectIdentifier
			Content []byte `asn1:"explicit,tag:0"`
		}
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		CRLs         asn1.RawValue `asn1:"optional,tag:1"`
		Signers      []signerInfo  `asn1:"set"`
	}
	signerInfo struct {
		Version int
		Signer  struct {
			Issuer asn1.RawValue
			Serial *big.Int
		}
		Digest     pkix.AlgorithmIdentifier
		Attributes asn1.RawValue `asn1:"tag:0"`
		Signing    pkix.AlgorithmIdentifier
		Signature  []byte
		Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
	}
	tstInfo struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint struct {
			Algorithm pkix.AlgorithmIdentifier
			Hash      []byte
		}
		Serial   *big.Int
		Time     time.Time `asn1:"generalized"`
		Accuracy struct {
			Seconds int `asn1:"optional"`
			Millis  int `asn1:"optional,tag:0"`
			Micros  int `asn1:"optional,tag:1"`
		} `asn1:"optional"`
		Ordering   bool             `asn1:"optional"`
		Nonce      *big.Int         `asn1:"optional"`
		TSA        asn1.RawValue    `asn1:"optional,explicit,tag:0"`
		Extensions []pkix.Extension `asn1:"optional,tag:1"`
	}
)

var (
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}

	// SHA-1 is in neither list: a collision would date what nobody had shown.
	hashes = map[string]crypto.Hash{
		"2.16.840.1.101.3.4.2.1": crypto.SHA256,
		"2.16.840.1.101.3.4.2.2": crypto.SHA384,
		"2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}
	weakSigning = []string{"1.2.840.10045.4.1", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5"} // ECDSA and RSA with SHA-1, RSA with MD5
)

const (
	maxDepth        = 32
	maxAccuracy     = 24 * time.Hour
	maxCertificates = 16
)

// ParseToken reads a TimeStampResp, trusting nothing in it.
func ParseToken(token []byte) (*Token, error) {
	if len(token) > attest.MaxToken {
		return nil, fmt.Errorf("token of %d bytes, want at most %d", len(token), attest.MaxToken)
	}
	// Others' parsers read it too: what is not DER all through never reaches them.
	if err := checkDER(token, 0); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	var r response
	if err := unmarshal(token, &r, "response"); err != nil {
		return nil, err
	}
	if r.Status.Status != 0 {
		return nil, fmt.Errorf("token: the authority refused, with status %d%s", r.Status.Status, statusText(r))
	}
	var info contentInfo
	if err := unmarshal(r.Token.FullBytes, &info, "content"); err != nil {
		return nil, err
	}
	var data signedData
	if !info.Type.Equal(oidSignedData) {
		return nil, fmt.Errorf("token: content is of type %s, want signed data", info.Type)
	}
	if err := unmarshal(info.Content.Bytes, &data, "signed data"); err != nil {
		return nil, err
	}
	if !data.Encap.Type.Equal(oidTSTInfo) {
		return nil, fmt.Errorf("token: what is signed is of type %s, and not a time", data.Encap.Type)
	}
	if len(data.Signers) != 1 {
		return nil, fmt.Errorf("token: %d signers, want one", len(data.Signers))
	}
	t := &Token{signer: data.Signers[0]}
	if err := t.readInfo(data.Encap.Content); err != nil {
		return nil, err
	}
	var issuer pkix.RDNSequence
	if err := unmarshal(t.signer.Signer.Issuer.FullBytes, &issuer, "signer"); err != nil {
		return nil, err
	}
	t.Signer = fmt.Sprintf("number %x of %s", t.signer.Signer.Serial, issuer)
	var err error
	if t.certificates, err = x509.ParseCertificates(data.Certificates.Bytes); err != nil {
		return nil, fmt.Errorf("token: certificates: %w", err)
	}
	if len(t.certificates) > maxCertificates {
		return nil, fmt.Errorf("token: %d certificates, want at most %d", len(t.certificates), maxCertificates)
	}
	return t, nil
}

func statusText(r response) string {
	text := ""
	for _, s := range r.Status.Text {
		text += fmt.Sprintf(", %.200q", s.Bytes)
	}
	return text
}

// readInfo reads what is signed.
func (t *Token) readInfo(content []byte) error {
	var info tstInfo
	if err := checkDER(content, 0); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if err := unmarshal(content, &info, "time"); err != nil {
		return err
	}
	known := false
	if t.Hash, known = hashes[info.Imprint.Algorithm.Algorithm.String()]; !known {
		return fmt.Errorf("token: hash algorithm %s, want SHA-256, SHA-384 or SHA-512", info.Imprint.Algorithm.Algorithm)
	}
	if len(info.Imprint.Hash) != t.Hash.Size() {
		return fmt.Errorf("token: hash of %d bytes, want %d", len(info.Imprint.Hash), t.Hash.Size())
	}
	// One that is less than nothing would date back what was shown.
	a := info.Accuracy
	most := int(maxAccuracy / time.Second)
	if a.Seconds < 0 || a.Millis < 0 || a.Micros < 0 || a.Seconds > most || a.Millis > 999 || a.Micros > 999 {
		return fmt.Errorf("token: accuracy of %d s, %d ms, %d µs, want at most %s", a.Seconds, a.Millis, a.Micros, maxAccuracy)
	}
	for _, e := range info.Extensions {
		if e.Critical {
			return fmt.Errorf("token: critical extension %s, which is not known", e.Id)
		}
	}
	t.Time, t.Policy, t.Serial, t.Imprint, t.nonce = info.Time.UTC(), info.Policy.String(), info.Serial.Text(16), info.Imprint.Hash, info.Nonce
	t.Accuracy = time.Duration(a.Seconds)*time.Second + time.Duration(a.Millis)*time.Millisecond + time.Duration(a.Micros)*time.Microsecond
	return nil
}

// checkSigning refuses signatures by weak hashes, and such as do not say that they are
// over a time.
func (t *Token) checkSigning() error {
	if _, ok := hashes[t.signer.Digest.Algorithm.String()]; !ok || slices.Contains(weakSigning, t.signer.Signing.Algorithm.String()) {
		return fmt.Errorf("signed with %s and %s, want SHA-256 or a longer one", t.signer.Digest.Algorithm, t.signer.Signing.Algorithm)
	}
	return nil
}

func unmarshal(data []byte, into any, what string) error {
	rest, err := asn1.Unmarshal(data, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes behind its end")
	}
	if err != nil {
		return fmt.Errorf("token: %s: %w", what, err)
	}
	return nil
}

// checkDER walks through everything that is built of parts.
func checkDER(data []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("more than %d levels deep", maxDepth)
	}
	for len(data) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(data, &v)
		if err != nil {
			return fmt.Errorf("not DER: %w", err)
		}
		if v.IsCompound {
			if err := checkDER(v.Bytes, depth+1); err != nil {
				return err
			}
		}
		data = rest
	}
	return nil
}
