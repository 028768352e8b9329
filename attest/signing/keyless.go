package signing

import (
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Keyless is what a signature without a key of its own shows: that the holder of
// an identity signed Payload, at the times that a log or a timestamp authority
// gives.
type Keyless struct {
	Payload []byte // the bytes that were signed
	Times   []Time // at least one
}

// Time is when a signature was seen, and who says so.
type Time struct {
	At time.Time
	By string // a URL
}

// CheckKeyless reports an error unless the bundle is signed by the identity, such
// as an e-mail address or the URL of a workflow, that the issuer vouches for; and
// the certificate authority, certificate log, transparency log and time are those
// of trustedRoot, in the form of Sigstore's trusted_root.json. It opens no socket.
func CheckKeyless(entry, trustedRoot []byte, identity, issuer string) (*Keyless, error) {
	return checkKeyless(entry, trustedRoot, identity, issuer, verify.WithSignedCertificateTimestamps(1))
}

// checkKeyless is CheckKeyless, except that the certificate need not be in a log of
// certificates unless more says so.
func checkKeyless(entry, trustedRoot []byte, identity, issuer string, more ...verify.VerifierOption) (*Keyless, error) {
	if identity == "" || issuer == "" {
		return nil, errors.New("want an identity and its issuer: whoever can get a certificate can sign")
	}
	material, err := root.NewTrustedRootFromJSON(trustedRoot)
	if err != nil {
		return nil, fmt.Errorf("trusted root: %w", err)
	}
	whom, err := verify.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(entry); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	// Of the statement it checks too little to rely on: the caller reads it.
	verifier, err := verify.NewVerifier(material, append(more,
		verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate())...)
	if err != nil {
		return nil, err
	}
	result, err := verifier.Verify(b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithCertificateIdentity(whom)))
	if err != nil {
		return nil, err
	}
	content, err := b.SignatureContent()
	if err != nil {
		return nil, err
	}
	envelope := content.EnvelopeContent()
	if envelope == nil {
		return nil, errors.New("bundle: no envelope")
	}
	k := &Keyless{}
	if k.Payload, err = envelope.RawEnvelope().DecodeB64Payload(); err != nil {
		return nil, fmt.Errorf("bundle: payload: %w", err)
	}
	for _, t := range result.VerifiedTimestamps {
		k.Times = append(k.Times, Time{At: t.Timestamp, By: t.URI})
	}
	return k, nil
}
