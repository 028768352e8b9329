package signing

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/proctor-attest/proctor/attest"
)

// trusting gives sigstore-go one key, which it is to use whatever the hint.
func trusting(t testing.TB, public []byte) func(hint string) (root.TimeConstrainedVerifier, error) {
	t.Helper()
	key, err := cryptoutils.UnmarshalPEMToPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.LoadVerifier(key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
	}
}

// bySigstore verifies an entry as sigstore-go does, with a public key and no log.
func bySigstore(t testing.TB, entry []byte, material root.TrustedMaterial) (*verify.VerificationResult, error) {
	t.Helper()
	v, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(entry); err != nil {
		return nil, err
	}
	return v.Verify(&b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithKey()))
}

// byBoth verifies an entry here and with sigstore-go.
func byBoth(t testing.TB, entry, public []byte) (here, there bool) {
	t.Helper()
	if b, err := attest.ParseBundle(entry); err == nil {
		here = b.SignedBy(parseKey(t, public))
	}
	_, err := bySigstore(t, entry, root.NewTrustedPublicKeyMaterial(trusting(t, public)))
	return here, err == nil
}

func TestSigstoreVerifiesOurs(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		st := claim(t, "Ours is better.")
		entry, _ := sign(t, p.signer, st)
		result, err := bySigstore(t, entry, root.NewTrustedPublicKeyMaterial(trusting(t, p.public)))
		if err != nil {
			t.Fatalf("sigstore-go does not verify %s: %v", entry, err)
		}
		checkStatement(t, result.Statement, st)
	})
}

// checkStatement compares a statement as in-toto's own types hold it.
func checkStatement(t *testing.T, got *intoto.Statement, st *attest.Statement) {
	t.Helper()
	if err := got.Validate(); err != nil {
		t.Errorf("in-toto's Validate = %v, want nil", err)
	}
	if want := "https://in-toto.io/Statement/v1"; got.GetType() != want {
		t.Errorf("_type = %q, want %q", got.GetType(), want)
	}
	if want := "https://proctor-attest.github.io/schemas/claim/v1"; got.GetPredicateType() != want {
		t.Errorf("predicateType = %q, want %q", got.GetPredicateType(), want)
	}
	var subjects []attest.Subject
	for _, s := range got.GetSubject() {
		subjects = append(subjects, attest.Subject{Name: s.GetName(), Digest: s.GetDigest()})
	}
	if diff := cmp.Diff(st.Predicate.Subjects(), subjects); diff != "" {
		t.Errorf("subject (-want +got):\n%s", diff)
	}
	predicate := got.GetPredicate().AsMap()
	if got, want := predicate["text"], st.Predicate.(*attest.Claim).Text; got != want {
		t.Errorf("predicate.text = %v, want %q", got, want)
	}
	if got, want := predicate["issuer"], st.Head().Issuer; got != want {
		t.Errorf("predicate.issuer = %v, want %q", got, want)
	}
}

func TestBothRefuse(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		_, b := sign(t, p.signer, claim(t, "Ours is better."))
		stranger := pairOf(t, map[string]string{"ECDSA P-256": Ed25519, "Ed25519": ECDSA}[p.signer.PublicKey().Algorithm()])
		format := func(payload, sig []byte) []byte {
			entry, err := attest.FormatBundle(payload, sig, "")
			if err != nil {
				t.Fatal(err)
			}
			return entry
		}
		changedSig := bytes.Clone(b.Signature)
		changedSig[len(changedSig)-1] ^= 1
		for _, c := range []struct {
			name   string
			entry  []byte
			public []byte
			want   bool
		}{
			{"as it was signed", format(b.Payload, b.Signature), p.public, true},
			{"another text", format(bytes.Replace(b.Payload, []byte("better"), []byte("BETTER"), 1), b.Signature), p.public, false},
			{"another score", format(bytes.Replace(b.Payload, []byte("66.7"), []byte("76.7"), 1), b.Signature), p.public, false},
			{"another statement", format(claim(t, "Ours is best.").Payload, b.Signature), p.public, false},
			{"a changed signature", format(b.Payload, changedSig), p.public, false},
			{"no signature", format(b.Payload, nil), p.public, false},
			{"another key", format(b.Payload, b.Signature), stranger.public, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				if here, there := byBoth(t, c.entry, c.public); here != c.want || there != c.want {
					t.Errorf("%s: verified here = %v, by sigstore-go = %v, want %v", c.name, here, there, c.want)
				}
			})
		}
	})
}

// A hint finds a key among many; that it is wrong changes no outcome, and that it
// is right helps no other key.
func TestHint(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		entry, b := sign(t, p.signer, claim(t, "Ours is better."))
		stranger := pairOf(t, map[string]string{"ECDSA P-256": Ed25519, "Ed25519": ECDSA}[p.signer.PublicKey().Algorithm()])
		fingerprint := stranger.signer.PublicKey().Fingerprint()
		for _, hint := range []string{"", "wrong", base64.StdEncoding.EncodeToString(fingerprint[:])} {
			other, err := attest.FormatBundle(b.Payload, b.Signature, hint)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(other, entry) {
				t.Fatalf("hint %q is the signer's own", hint)
			}
			if here, there := byBoth(t, other, p.public); !here || !there {
				t.Errorf("hint %q: verified here = %v, by sigstore-go = %v, want true", hint, here, there)
			}
			if here, there := byBoth(t, other, stranger.public); here || there {
				t.Errorf("hint %q, a stranger's key: verified here = %v, by sigstore-go = %v, want false", hint, here, there)
			}
		}
		// Our own hint is the one by which cosign's users name a key.
		own := p.signer.PublicKey().Fingerprint()
		found, err := trusting(t, p.public)("")
		if err != nil {
			t.Fatal(err)
		}
		named := root.NewTrustedPublicKeyMaterialFromMapping(map[string]*root.ExpiringKey{
			base64.StdEncoding.EncodeToString(own[:]): found.(*root.ExpiringKey),
		})
		if _, err := bySigstore(t, entry, named); err != nil {
			t.Errorf("sigstore-go does not find the key by its hint: %v", err)
		}
	})
}

func TestSigstoreTakesHighS(t *testing.T) {
	p := pairOf(t, ECDSA)
	_, b := sign(t, p.signer, claim(t, "Ours is better."))
	entry, err := attest.FormatBundle(b.Payload, respell(t, b.Signature), "")
	if err != nil {
		t.Fatal(err)
	}
	if here, there := byBoth(t, entry, p.public); !here || !there {
		t.Errorf("high s: verified here = %v, by sigstore-go = %v, want both true", here, there)
	}
}
