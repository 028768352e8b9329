package oms_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/attest/signing"
)

const shared = "../../../../shared/data"

// a time at which every certificate of the fixtures but the expired one is valid.
var now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// conformanceCase is config.json of a case of the conformance suite.
type conformanceCase struct {
	Method        string
	Model         string
	ModelRelative string `json:"model_relative_to"`
	Expect        string
	Signed        []string `json:"expected_signed_files"`
	Changes       struct {
		Delete   []string
		Inject   map[string]string
		Tamper   map[string]string
		Symlinks map[string]string
	} `json:"model_modifications"`
	Sign struct {
		PrivateKey  string   `json:"private_key"`
		Certificate string   `json:"signing_cert"`
		Chain       []string `json:"cert_chain"`
	}
	Inside bool `json:"sig_inside_model"`
	Verify struct {
		PublicKey      string   `json:"public_key"`
		Chain          []string `json:"cert_chain"`
		Identity       string
		Issuer         string   `json:"identity_provider"`
		Ignore         []string `json:"ignore_paths"`
		IgnoreUnsigned bool     `json:"ignore_unsigned_files"`
	}
}

// why is what makes each negative case fail.
var why = map[string]string{
	"certificate-expired_fail":            "valid from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z",
	"certificate-simple-wrong-ca_fail":    "leads to none of the 1 roots given",
	"key-simple-corrupted-bundle_fail":    "not a bundle: ",
	"key-simple-extra-file_fail":          "injected.bin not signed",
	"key-simple-missing-file_fail":        "signme-2 missing",
	"key-simple-no-signature_fail":        "0 signatures, want 1",
	"key-simple-tampered-content_fail":    "signme-1 changed",
	"key-simple-truncated-bundle_fail":    "not a bundle: ",
	"key-simple-wrong-key_fail":           "not by the key",
	"key-simple-wrong-mediatype_fail":     `media type is "application/json"`,
	"key-verify-as-certificate_fail":      "signed by the method key",
	"malformed-empty-bundle_fail":         "the file is empty",
	"malformed-empty-resources_fail":      "no file is listed",
	"malformed-missing-envelope_fail":     "no dsseEnvelope",
	"malformed-no-predicate_fail":         "no predicate",
	"malformed-no-subject_fail":           "0 subjects, want 1",
	"malformed-wrong-payload-type_fail":   `payload type is "application/json"`,
	"malformed-wrong-predicate_fail":      `predicateType is "https://example.com/wrong-predicate/v1.0"`,
	"malformed-wrong-statement-type_fail": `_type is "https://in-toto.io/Statement/v0.1"`,
	"sigstore-tampered-content_fail":      "signme-1 changed",
	"sigstore-verify-as-key_fail":         "signed by the method sigstore",
	"sigstore-wrong-identity_fail":        "certificate identity",
	"sigstore-wrong-issuer_fail":          "certificate identity",
}

// TestConformance is the conformance suite of OpenSSF Model Signing, from
// github.com/sampras343/model-signing-conformance, and what the Python reference
// signed from version 0.2.0 to 1.1.0.
func TestConformance(t *testing.T) {
	suite := filepath.Join(shared, "oms/oms-conformance")
	cases, err := filepath.Glob(filepath.Join(suite, "test-cases/verify/*/*"))
	if err != nil || len(cases) == 0 {
		t.Skip("the conformance suite is not beside the repository (shared/data/oms)")
	}
	if len(cases) != 43 {
		t.Errorf("%d cases, want 43", len(cases))
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var c conformanceCase
			if err := json.Unmarshal(read(t, filepath.Join(dir, "config.json")), &c); err != nil {
				t.Fatal(err)
			}
			from := filepath.Join(suite, "assets", c.Model)
			if c.ModelRelative == "test_dir" {
				from = filepath.Join(dir, c.Model)
			}
			err := c.verify(t, filepath.Join(suite, "assets"), read(t, filepath.Join(dir, "bundle.sig")), c.prepare(t, from))
			switch want := why[filepath.Base(dir)]; {
			case c.Expect != "fail" && err != nil:
				t.Errorf("verified: %v, want nil", err)
			case c.Expect == "fail" && (err == nil || want == "" || !strings.Contains(err.Error(), want)):
				t.Errorf("verified: %v, want an error with %q", err, want)
			case err != nil && strings.Contains(err.Error(), "\n"):
				t.Errorf("the error has several lines: %v", err)
			}
		})
	}
}

// prepare copies the model and changes it as the case says.
func (c *conformanceCase) prepare(t *testing.T, from string) string {
	t.Helper()
	if info, err := os.Stat(from); err == nil && !info.IsDir() {
		return from
	}
	to := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Changes.Delete {
		if err := os.Remove(filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range []map[string]string{c.Changes.Inject, c.Changes.Tamper} {
		for name, text := range change {
			os.Remove(filepath.Join(to, name)) // it may be read-only
			if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, target := range c.Changes.Symlinks {
		if err := os.Symlink(target, filepath.Join(to, name)); err != nil {
			t.Skip(err)
		}
	}
	return to
}

func (c *conformanceCase) verify(t *testing.T, assets string, bundle []byte, model string) error {
	t.Helper()
	s, err := oms.Parse(bundle)
	if err != nil {
		return err
	}
	if err := c.signed(t, assets, bundle, s); err != nil {
		return err
	}
	if c.Signed != nil {
		var names []string
		for _, r := range s.Content.Resources {
			names = append(names, r.Path)
		}
		if diff := cmp.Diff(c.Signed, names); diff != "" {
			t.Errorf("signed files (-want +got):\n%s", diff)
		}
	}
	return compare(t, &s.Content, model, oms.Options{Ignore: c.Verify.Ignore, IgnoreUnsigned: c.Verify.IgnoreUnsigned})
}

func (c *conformanceCase) signed(t *testing.T, assets string, bundle []byte, s *oms.Signature) error {
	switch c.Method {
	case "key":
		name := filepath.Join(assets, c.Verify.PublicKey)
		if _, err := os.Stat(name); err != nil { // one case names a key that the suite does not have
			name = filepath.Join(assets, "keys/certificate/signing-key-pub.pem")
		}
		return s.CheckKey(parseKey(t, read(t, name)))
	case "certificate":
		roots, err := oms.ParseRoots(read(t, filepath.Join(assets, c.Verify.Chain[0])))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.CheckChain(roots, now)
		return err
	}
	return keyless(t, bundle, s, c.Verify.Identity, c.Verify.Issuer)
}

func keyless(t *testing.T, bundle []byte, s *oms.Signature, identity, issuer string) error {
	t.Helper()
	k, err := signing.CheckKeyless(bundle, read(t, filepath.Join(shared, "sigstore/trust/trusted_root.json")), identity, issuer)
	if err != nil {
		return err
	}
	if !bytes.Equal(k.Payload, s.Payload()) {
		t.Error("CheckKeyless verified other bytes than Parse read")
	}
	if len(k.Times) == 0 || k.Times[0].At.Year() != 2025 {
		t.Errorf("times of the signature are %v, want some in 2025", k.Times)
	}
	return nil
}

// compare makes an error of the differences.
func compare(t *testing.T, c *oms.Content, name string, opts oms.Options) error {
	t.Helper()
	if info, err := os.Stat(name); err != nil {
		t.Fatal(err)
	} else if !info.IsDir() {
		name, opts.File = filepath.Split(name)
	}
	dir, err := model.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	got, err := c.Compare(t.Context(), dir, opts)
	if err != nil {
		return err
	}
	var all []string
	for _, d := range got.Differs {
		all = append(all, d.Path+" "+d.What)
	}
	if all != nil {
		return errors.New(strings.Join(all, ", "))
	}
	return nil
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parseKey(t testing.TB, text []byte) *attest.PublicKey {
	t.Helper()
	key, err := attest.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestReference checks what the Python reference signed over the years.
func TestReference(t *testing.T) {
	base := filepath.Join(shared, "oms/oms-reference")
	dirs, err := filepath.Glob(filepath.Join(base, "v*"))
	if err != nil || len(dirs) == 0 {
		t.Skip("the reference's signatures are not beside the repository (shared/data/oms)")
	}
	key := parseKey(t, read(t, filepath.Join(base, "keys/certificate/signing-key-pub.pem")))
	roots, err := oms.ParseRoots(read(t, filepath.Join(base, "keys/certificate/ca-cert.pem")))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			bundle := read(t, filepath.Join(dir, "model.sig"))
			s, err := oms.Parse(bundle)
			if err != nil {
				t.Fatal(err)
			}
			switch s.Method {
			case oms.ByKey:
				err = s.CheckKey(key)
			case oms.ByCertificate:
				_, err = s.CheckChain(roots, now)
			case oms.BySigstore:
				err = keyless(t, bundle, s, "stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")
			}
			if err != nil {
				t.Error(err)
			}
			name := dir
			if s.Content.Resources[0].Path == "." {
				name = filepath.Join(dir, "signme-1")
			}
			if err := compare(t, &s.Content, name, oms.Options{Ignore: []string{"model.sig", "ignore-me"}}); err != nil {
				t.Error(err)
			}
			for i := range s.Payload() {
				if i%97 == 0 && s.Method != oms.BySigstore && flipped(t, bundle, i, key, roots) {
					t.Errorf("verified with a bit of payload byte %d flipped", i)
				}
			}
		})
	}
}

// flipped reports whether a signature verifies after a bit of its payload changed.
func flipped(t *testing.T, bundle []byte, at int, key *attest.PublicKey, roots []*x509.Certificate) bool {
	t.Helper()
	var b map[string]json.RawMessage
	var envelope map[string]json.RawMessage
	var payload []byte
	for _, err := range []error{
		json.Unmarshal(bundle, &b), json.Unmarshal(b["dsseEnvelope"], &envelope), json.Unmarshal(envelope["payload"], &payload),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	payload = slices.Clone(payload)
	payload[at] ^= 1
	envelope["payload"], _ = json.Marshal(payload)
	b["dsseEnvelope"], _ = json.Marshal(envelope)
	again, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := oms.Parse(again)
	if err != nil {
		return false
	}
	_, err = s.CheckChain(roots, now)
	return err == nil || s.CheckKey(key) == nil
}

// TestRoundtrip signs and verifies as the suite's round trips do, but for those that
// need an identity's token.
func TestRoundtrip(t *testing.T) {
	suite := filepath.Join(shared, "oms/oms-conformance")
	cases, err := filepath.Glob(filepath.Join(suite, "test-cases/roundtrip/*"))
	if err != nil || len(cases) == 0 {
		t.Skip("the conformance suite is not beside the repository (shared/data/oms)")
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var c conformanceCase
			if err := json.Unmarshal(read(t, filepath.Join(dir, "config.json")), &c); err != nil {
				t.Fatal(err)
			}
			if c.Method == "sigstore" {
				t.Skip("needs a token of an identity")
			}
			assets := filepath.Join(suite, "assets")
			name := c.prepare(t, filepath.Join(assets, c.Model))
			opts := oms.Options{Ignore: c.Verify.Ignore}
			if c.Inside {
				opts.Signature = "model.sig"
			}
			bundle, err := c.sign(t, assets, name, opts)
			if c.Expect == "fail" {
				if err == nil {
					t.Error("signed, want an error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Inside {
				if err := os.WriteFile(filepath.Join(name, "model.sig"), bundle, 0o644); err != nil {
					t.Fatal(err)
				}
				c.Verify.Ignore = append(c.Verify.Ignore, "model.sig")
			}
			if err := c.verify(t, assets, bundle, name); err != nil {
				t.Error(err)
			}
		})
	}
}

func (c *conformanceCase) sign(t *testing.T, assets, name string, opts oms.Options) ([]byte, error) {
	t.Helper()
	dir, err := model.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	content, err := oms.Describe(t.Context(), dir, filepath.Base(name), opts)
	if err != nil {
		return nil, err
	}
	payload, err := content.Statement()
	if err != nil {
		return nil, err
	}
	signer, err := signing.Load(read(t, filepath.Join(assets, c.Sign.PrivateKey)), nil)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signer.SignPayload(t.Context(), payload)
	if err != nil {
		return nil, err
	}
	if c.Method == "key" {
		return oms.Format(payload, sig, signer.PublicKey())
	}
	var chain []*x509.Certificate
	for _, file := range append([]string{c.Sign.Certificate}, c.Sign.Chain...) {
		some, err := oms.ParseRoots(read(t, filepath.Join(assets, file)))
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, some...)
	}
	return oms.FormatChain(payload, sig, chain)
}
