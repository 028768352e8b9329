package foreign

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// testKey is a key pair from a seed.
func testKey(t *testing.T, seed byte) (ed25519.PrivateKey, *attest.PublicKey) {
	t.Helper()
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize)))
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, err := attest.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func envelopeOf(payload string, sig []byte) string {
	return fmt.Sprintf(`{"payload":%q,"payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"hint","sig":%q}]}`,
		base64.StdEncoding.EncodeToString([]byte(payload)), base64.StdEncoding.EncodeToString(sig))
}

func bundleOf(envelope, material string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{` + material + `},"dsseEnvelope":` + envelope + `}`
}

func TestSignatures(t *testing.T) {
	private, public := testKey(t, 'a')
	_, stranger := testKey(t, 'b')
	signed := envelopeOf(small, ed25519.Sign(private, attest.PAE([]byte(small))))
	bare := envelopeOf(small, ed25519.Sign(private, []byte(small))) // without DSSE's encoding around it
	moved := envelopeOf(strings.Replace(small, "0.98", "0.99", 1), ed25519.Sign(private, attest.PAE([]byte(small))))
	keys := []Key{{Owner: "https://other.example", Key: stranger}, {Owner: "https://lab.example", Key: public}}
	const is, not = "It is signed under the key ", "was not checked"
	for _, tt := range []struct {
		name, text string
		keys       []Key
		want       string
		trusting   int
	}{
		{"known", signed, keys, is, 1},
		{"bundle", bundleOf(signed, `"publicKey":{"hint":"x"},"tlogEntries":[{}]`), keys, is, 1},
		{"entries of a bundle", bundleOf(signed, `"publicKey":{"hint":"x"},"tlogEntries":[{}]`), keys, "Of the bundle, not checked: log entries", 1},
		{"certificate", bundleOf(signed, `"certificate":{"rawBytes":""},"tlogEntries":[]`), nil, "Of the bundle, not checked: certificate", 0},
		{"unknown", signed, keys[:1], not, 0},
		{"no keys", signed, nil, not, 0},
		{"denied", signed, []Key{{"https://lab.example", public, true}}, "which the reader denies", 0},
		{"other bytes", moved, keys, not, 0},
		{"without PAE", bare, keys, not, 0},
		{"unsigned", small, keys, "Nobody signed it", 0},
	} {
		r := Read([]byte(tt.text), tt.keys)
		if r == nil || r.Broken != nil || !strings.Contains(r.String(), tt.want) || len(r.Trusting) != tt.trusting {
			t.Errorf("%s: %v, trusting %v; want %q", tt.name, r, r.Trusting, tt.want)
		}
		if tt.want == not && strings.Contains(r.String(), is) {
			t.Errorf("%s: %v", tt.name, r)
		}
	}
}

func TestEnvelope(t *testing.T) {
	good := envelopeOf(small, []byte("sig"))
	for _, tt := range []struct{ old, new, want string }{
		{"", "", ""},
		{"application/vnd.in-toto+json", "text/plain", "payloadType is"},
		{`"payload":`, `"Payload":`, `Payload is not spelled "payload"`},
		{`"payload":"`, `"payload":"!`, "payload is not base64"},
		{`"payload":"`, `"payload":"e30=`, "payload is not base64"},
		{`"sig":"c2ln"`, `"sig":""`, "signatures[0].sig must be a text"},
		{`"sig":"c2ln"`, `"sig":"c2lnC"`, "signatures[0].sig is not base64"},
		{`"sig":`, `"SIG":`, `signatures[0].SIG is not spelled "sig"`},
		{`[{"keyid":"hint","sig":"c2ln"}]`, `[]`, "0 signatures"},
		{`[{"keyid":"hint","sig":"c2ln"}]`, `[` + strings.Repeat(`{"sig":"c2ln"},`, maxSignatures) + `{"sig":"c2ln"}]`, "17 signatures"},
		{`[{"keyid":"hint","sig":"c2ln"}]`, `{}`, "0 signatures"},
	} {
		for form, text := range map[string]string{"envelope": good, "bundle": bundleOf(good, "")} {
			r := Read([]byte(strings.Replace(text, tt.old, tt.new, 1)), nil)
			if r == nil || tt.want == "" && r.Broken != nil || !strings.Contains(errorText(r.Broken), tt.want) {
				t.Errorf("%s, %s for %s: %v, want %q", form, tt.new, tt.old, r, tt.want)
			}
		}
	}
	for _, tt := range []struct{ text, want string }{
		{envelopeOf(`{"a":1,"a":2}`, []byte("s")), "payload: duplicate name"},
		{envelopeOf(strings.Replace(small, `"m"`, `""`, 1), []byte("s")), "claims[0].metric"},
		{`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{}}`, "no DSSE envelope"},
	} {
		if r := Read([]byte(tt.text), nil); r == nil || !strings.Contains(errorText(r.Broken), tt.want) {
			t.Errorf("%.60s: %v, want %q", tt.text, r, tt.want)
		}
	}
}

// Statements of other types are named; PRML's says where its manifest is.
func TestOtherStatements(t *testing.T) {
	other := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + hexA + `"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`
	for _, tt := range []struct{ old, new, want string }{
		{"", "", "is not known here"},
		{`https://slsa.dev/provenance/v1","predicate":{`, `https://falsify.dev/prml/v0.1","predicate":{"manifest_sha256":"` + hexA + `"`, "manifest that it is about is not part of it"},
		{`https://slsa.dev/provenance/v1","predicate":{`, `https://falsify.dev/prml/v0.1","predicate":{"manifest_sha256":"` + hexA[1:] + `b"`, "no subject has the digest that manifest_sha256 says"},
		{`https://slsa.dev/provenance/v1`, `https://falsify.dev/prml/v0.1`, "missing required field: predicate.manifest_sha256"},
		{hexA, "aa", "breaks the rules"},
	} {
		if r := Read([]byte(strings.Replace(other, tt.old, tt.new, 1)), nil); r == nil || !strings.Contains(r.String(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.new, r, tt.want)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(envelopeOf(small, []byte("sig"))))
	f.Add([]byte(bundleOf(envelopeOf(older, []byte("sig")), `"tlogEntries":[{}]`)))
	der, _ := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	key, err := attest.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := Read(data, []Key{{Owner: "o", Key: key}}); r != nil && len(r.Trusting) > 0 {
			t.Error("a signature that nobody made")
		}
	})
}
