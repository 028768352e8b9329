package signing

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/proctor-attest/proctor/attest"
)

const (
	whom    = "lab@example.org"
	voucher = "https://id.example.org"
)

// keylessBundle is signed at an authority and a log that exist in the test alone.
func keylessBundle(t *testing.T, payload string) (bundle, trusted []byte) {
	t.Helper()
	virtual, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	entity, err := virtual.AttestAtTime(whom, voucher, []byte(payload), time.Now(), true)
	if err != nil {
		t.Fatal(err)
	}
	logs := virtual.RekorLogs()
	for id, log := range logs {
		if log.ID, err = hex.DecodeString(id); err != nil { // it has the digits there
			t.Fatal(err)
		}
	}
	trust, err := root.NewTrustedRoot(root.TrustedRootMediaType01, virtual.FulcioCertificateAuthorities(), virtual.CTLogs(), virtual.TimestampingAuthorities(), logs)
	if err != nil {
		t.Fatal(err)
	}
	if trusted, err = trust.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	content, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := entity.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	stamps, err := entity.Timestamps()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := entity.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	entry := entries[0].TransparencyLogEntry()
	envelope := signed.EnvelopeContent().RawEnvelope()
	type object = map[string]any
	proof := entry.GetInclusionProof()
	bundle, err = json.Marshal(object{
		"mediaType": attest.BundleMediaType,
		"verificationMaterial": object{
			"certificate":               object{"rawBytes": content.Certificate().Raw},
			"timestampVerificationData": object{"rfc3161Timestamps": []any{object{"signedTimestamp": stamps[0]}}},
			"tlogEntries": []any{object{
				"logIndex": entry.LogIndex, "logId": object{"keyId": entry.LogId.KeyId}, "integratedTime": entry.IntegratedTime,
				"kindVersion":       object{"kind": "dsse", "version": "0.0.1"},
				"canonicalizedBody": entry.CanonicalizedBody,
				"inclusionProof": object{
					"logIndex": proof.GetLogIndex(), "rootHash": proof.GetRootHash(), "treeSize": proof.GetTreeSize(), "hashes": proof.GetHashes(),
					"checkpoint": object{"envelope": proof.GetCheckpoint().GetEnvelope()},
				},
			}},
		},
		"dsseEnvelope": object{
			"payload": envelope.Payload, "payloadType": envelope.PayloadType,
			"signatures": []any{object{"sig": envelope.Signatures[0].Sig}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bundle, trusted
}

// unlogged takes the log's entries out of a bundle.
func unlogged(t *testing.T, bundle []byte) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	b["verificationMaterial"].(map[string]any)["tlogEntries"] = []any{}
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheckKeyless(t *testing.T) {
	payload := `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://example.org/p","predicate":{}}`
	bundle, trusted := keylessBundle(t, payload)
	_, stranger := keylessBundle(t, payload)

	got, err := checkKeyless(bundle, trusted, whom, voucher)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Payload) != payload {
		t.Errorf("payload is %q, want %q", got.Payload, payload)
	}
	if len(got.Times) != 1 || time.Since(got.Times[0].At).Abs() > time.Minute {
		t.Errorf("times are %v, want that of the authority, just now", got.Times)
	}

	edit := func(from, to string) []byte {
		if !bytes.Contains(bundle, []byte(from)) {
			t.Fatalf("there is no %q in the bundle", from)
		}
		return bytes.Replace(bundle, []byte(from), []byte(to), 1)
	}
	for _, c := range []struct {
		name             string
		bundle, trusted  []byte
		identity, issuer string
		want             string
	}{
		{"another identity", bundle, trusted, "else@example.org", voucher, `expected SAN value "else@example.org"`},
		{"another issuer", bundle, trusted, whom, "https://else.example.org", "https://else.example.org"},
		{"no identity", bundle, trusted, "", voucher, "want an identity"},
		{"no issuer", bundle, trusted, whom, "", "want an identity"},
		{"another authority", bundle, stranger, whom, voucher, ""},
		{"other bytes", edit(`"payload":"eyJ`, `"payload":"eyK`), trusted, whom, voucher, ""},
		{"in another log", edit(`"logId":{"keyId":"`, `"logId":{"keyId":"AAAA`), trusted, whom, voucher, "log"},
		{"in no log", unlogged(t, bundle), trusted, whom, voucher, "log"},
		{"no bundle", []byte("{}"), trusted, whom, voucher, "bundle"},
		{"no trusted root", bundle, []byte("{}"), whom, voucher, "trusted root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := checkKeyless(c.bundle, c.trusted, c.identity, c.issuer)
			if err == nil || k != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("checkKeyless = %v, %v, want an error with %q", k, err, c.want)
			}
		})
	}

	// The test's authority logs no certificates, and that is not enough.
	if _, err := CheckKeyless(bundle, trusted, whom, voucher); err == nil || !strings.Contains(err.Error(), "SCT") && !strings.Contains(err.Error(), "certificate timestamp") {
		t.Errorf("CheckKeyless = %v, want an error: the certificate is in no log", err)
	}
}
