package signature_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/signature"
)

var at = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) (*ecdsa.PrivateKey, *attest.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, err := attest.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

// signed signs a model of two files.
func signed(t *testing.T, dir fstest.MapFS) (bundle []byte, key *attest.PublicKey) {
	t.Helper()
	private, key := newKey(t)
	c, err := oms.Describe(t.Context(), dir, "m", oms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := c.Statement()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(attest.PAE(payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if bundle, err = oms.Format(payload, sig, key); err != nil {
		t.Fatal(err)
	}
	return bundle, key
}

func TestJudge(t *testing.T) {
	dir := func(more ...string) fstest.MapFS {
		out := fstest.MapFS{"a": {Data: []byte("1")}, "b": {Data: []byte("2")}}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
			if more[i+1] == "-" {
				delete(out, more[i])
			}
		}
		return out
	}
	bundle, key := signed(t, dir())
	_, stranger := newKey(t)
	for _, c := range []struct {
		name   string
		bundle []byte
		trust  signature.Trust
		dir    fstest.MapFS
		opts   oms.Options
		want   verify.Headline
		reason string
		shows  string // in what is not shown
	}{
		{"the signed files", bundle, signature.Trust{Key: key}, dir(), oms.Options{}, verify.Supported, "", "nothing was evaluated"},
		{"says that no time is known", bundle, signature.Trust{Key: key}, dir(), oms.Options{}, verify.Supported, "", "when it was signed"},
		{"says what the root is not", bundle, signature.Trust{Key: key}, dir(), oms.Options{}, verify.Supported, "", "binds no names"},
		{"says what was left out", bundle, signature.Trust{Key: key}, dir("c", "3"), oms.Options{IgnoreUnsigned: true}, verify.Supported, "", "files that were left out"},
		{"a changed file", bundle, signature.Trust{Key: key}, dir("a", "-", "b", "3"), oms.Options{}, verify.ContradictedClaim, `"b": changed; and 1 more`, ""},
		{"a missing file", bundle, signature.Trust{Key: key}, dir("b", "-"), oms.Options{}, verify.NotSupported, `"b": missing`, ""},
		{"a file more", bundle, signature.Trust{Key: key}, dir("c", "3"), oms.Options{}, verify.NotSupported, `"c": not signed`, ""},
		{"a stranger's key", bundle, signature.Trust{Key: stranger}, dir(), oms.Options{}, verify.NotSupported, "not by the key", ""},
		{"no key", bundle, signature.Trust{}, dir(), oms.Options{}, verify.CannotCheck, "no key, root or identity", ""},
		{"a root for a key", bundle, signature.Trust{Roots: []*x509.Certificate{{}}}, dir(), oms.Options{}, verify.NotSupported, "not with a certificate", ""},
		{"an identity for a key", bundle, signature.Trust{Identity: &signature.Identity{}}, dir(), oms.Options{}, verify.NotSupported, "not by an identity", ""},
		{"no signature", []byte("{}"), signature.Trust{Key: key}, dir(), oms.Options{}, verify.CannotCheck, "media type", ""},
		{"a file of many", bundle, signature.Trust{Key: key}, dir(), oms.Options{File: "a"}, verify.CannotCheck, "give their directory", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := signature.Judge(t.Context(), c.bundle, c.trust, at, c.dir, c.opts)
			if v.Headline != c.want || !strings.Contains(v.Reason, c.reason) || (c.reason == "") != (v.Reason == "") {
				t.Errorf("Judge = %v, %q, want %v with %q", v.Headline, v.Reason, c.want, c.reason)
			}
			if !strings.Contains(strings.Join(v.NotShown, "\n"), c.shows) {
				t.Errorf("NotShown is %q, want %q in it", v.NotShown, c.shows)
			}
			if known := v.Headline == verify.Supported || v.Files > 0 || c.opts.File != ""; known != (v.Signer != "") {
				t.Errorf("Signer = %q; that the signature counts = %v", v.Signer, known)
			}
			valid(t, v)
		})
	}
}

func valid(t *testing.T, v *signature.Verdict) {
	t.Helper()
	v.Signature, v.Model = "model.sig", "m"
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Validate("signature", data); err != nil {
		t.Errorf("%s: %v", data, err)
	}
}

// An identity is checked by another package, of which this one believes only what
// it says of the bytes that were read here.
func TestJudgeIdentity(t *testing.T) {
	dir := fstest.MapFS{"a": {Data: []byte("1")}}
	bundle, _ := signed(t, dir)
	bundle = []byte(strings.Replace(string(bundle), `"verificationMaterial":{`, `"verificationMaterial":{"certificate":{"rawBytes":"AA=="},`, 1))
	bundle = []byte(strings.Replace(string(bundle), `"tlogEntries":[]`, `"tlogEntries":[{}]`, 1))
	at1 := strings.Index(string(bundle), `"publicKey":`)
	end := at1 + strings.Index(string(bundle[at1:]), `},`) + len(`},`)
	bundle = append(bundle[:at1:at1], bundle[end:]...)
	s, err := oms.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		payload []byte
		err     error
		want    verify.Headline
		reason  string
	}{
		{"signed", s.Payload(), nil, verify.Supported, ""},
		{"other bytes", append([]byte(" "), s.Payload()...), nil, verify.CannotCheck, "not what was read"},
		{"by another", nil, errors.New("no\nmatch"), verify.NotSupported, `not by "a@example.org", for whom "https://id.example" vouches: no match`},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := &signature.Identity{Name: "a@example.org", Issuer: "https://id.example", Check: func([]byte) ([]byte, []signature.Seen, error) {
				return c.payload, []signature.Seen{{At: at, By: "https://log.example"}}, c.err
			}}
			v := signature.Judge(context.Background(), bundle, signature.Trust{Identity: id}, at, dir, oms.Options{})
			if v.Headline != c.want || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("Judge = %v, %q, want %v with %q", v.Headline, v.Reason, c.want, c.reason)
			}
			if v.Headline == verify.Supported && (len(v.Seen) != 1 || strings.Contains(strings.Join(v.NotShown, "\n"), "when it was signed")) {
				t.Errorf("Seen = %v, NotShown = %q: the time is known", v.Seen, v.NotShown)
			}
			valid(t, v)
		})
	}
}
