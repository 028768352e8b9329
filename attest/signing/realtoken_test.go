package signing

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest/signing/localtsa"
)

// fromShared reads real data beside the repository into a value.
func fromShared(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/data/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the real data are not here: ../shared/data")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func certificatesPEM(list ...[]byte) []byte {
	var text []byte
	for _, der := range list {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text
}

// checkReal wants a token to be of that time, and of no other bytes.
func checkReal(t *testing.T, chain, token, message []byte, oid, want string) {
	t.Helper()
	got, err := parseAuthority(t, chain, oid).Check(token, message)
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Time.Format(time.RFC3339); s != want {
		t.Errorf("Check = a time of %s, want %s", s, want)
	}
	if _, err := parseAuthority(t, chain, oid).Check(token, append(message, 0)); !errors.Is(err, ErrOtherBytes) {
		t.Errorf("Check of more bytes = %v, want %v", err, ErrOtherBytes)
	}
	other := parseAuthority(t, newTSA(t, localtsa.Config{}).Chain(), "")
	if _, err := other.Check(token, message); err == nil || !strings.Contains(err.Error(), "not a certificate of the authority") {
		t.Errorf("Check under another authority = %v", err)
	}
}

// A token of freetsa.org: ECDSA P-384 under RSA roots, over a SHA-512, in a response that
// brings no certificate.
func TestFreeTSAToken(t *testing.T) {
	var anchor struct {
		CanonicalRoot, Proof []byte
		Frozen               struct {
			RootCertsDerB64 [][]byte
			TSACertDerB64   []byte
		}
	}
	fromShared(t, "vectors/rfc3161/freetsa_receipt_anchor.json", &anchor)
	chain := certificatesPEM(append([][]byte{anchor.Frozen.TSACertDerB64}, anchor.Frozen.RootCertsDerB64...)...)
	checkReal(t, chain, anchor.Proof, anchor.CanonicalRoot, "1.2.3.4.1", "2026-07-05T15:59:59Z")
	if _, err := parseAuthority(t, certificatesPEM(anchor.Frozen.RootCertsDerB64...), "").Check(anchor.Proof, anchor.CanonicalRoot); err == nil {
		t.Error("Check without the certificate that signs, which the token lacks too, succeeds")
	}
}

// A token of timestamp.sigstore.dev, over the signature of a bundle.
func TestSigstoreToken(t *testing.T) {
	var bundle struct {
		VerificationMaterial struct {
			TimestampVerificationData struct {
				RFC3161Timestamps []struct{ SignedTimestamp []byte }
			}
		}
		DSSEEnvelope struct{ Signatures []struct{ Sig []byte } }
	}
	var root struct {
		TimestampAuthorities []struct {
			CertChain struct {
				Certificates []struct{ RawBytes []byte }
			}
		}
	}
	fromShared(t, "oms/oms-reference/v1.1.0-sigstore/model.sig", &bundle)
	fromShared(t, "sigstore/trust/trusted_root.json", &root)
	var certificates [][]byte
	for _, c := range root.TimestampAuthorities[0].CertChain.Certificates {
		certificates = append(certificates, c.RawBytes)
	}
	stamps, signatures := bundle.VerificationMaterial.TimestampVerificationData.RFC3161Timestamps, bundle.DSSEEnvelope.Signatures
	checkReal(t, certificatesPEM(certificates...), stamps[0].SignedTimestamp, signatures[0].Sig, "1.3.6.1.4.1.57264.2", "2025-10-10T02:12:20Z")
}
