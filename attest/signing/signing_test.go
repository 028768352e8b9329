package signing

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/proctor-attest/proctor/attest"
)

var password = []byte("correct horse battery staple")

// pair is a generated key pair. Opening a private key takes scrypt's time, so
// tests share one pair of each algorithm.
type pair struct {
	private, public []byte
	signer          *Signer
}

var pairs = map[string]func() (*pair, error){
	ECDSA:   sync.OnceValues(func() (*pair, error) { return newPair(ECDSA) }),
	Ed25519: sync.OnceValues(func() (*pair, error) { return newPair(Ed25519) }),
}

func newPair(algorithm string) (*pair, error) {
	private, public, err := Generate(algorithm, password)
	if err != nil {
		return nil, err
	}
	signer, err := Load(private, password)
	return &pair{private, public, signer}, err
}

func pairOf(t testing.TB, algorithm string) *pair {
	t.Helper()
	p, err := pairs[algorithm]()
	if err != nil {
		t.Fatalf("Generate(%q) and Load: %v", algorithm, err)
	}
	return p
}

// each runs a test under both algorithms.
func each(t *testing.T, test func(t *testing.T, p *pair)) {
	for _, algorithm := range []string{ECDSA, Ed25519} {
		t.Run(algorithm, func(t *testing.T) { test(t, pairOf(t, algorithm)) })
	}
}

func claim(t testing.TB, text string) *attest.Statement {
	t.Helper()
	st, err := attest.NewStatement(&attest.Claim{
		Header: attest.Header{Issuer: "https://lab.example", Seq: 3, Prev: attest.StatementID([]byte("before"))},
		Text:   text,
		Scores: []attest.Score{{Label: "sums", Score: "66.7", Decimals: 1, Scale: "100", Result: attest.StatementID([]byte("result"))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func sign(t testing.TB, s *Signer, st *attest.Statement) (entry []byte, b *attest.Bundle) {
	t.Helper()
	entry, err := s.Sign(context.Background(), st)
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	if b, err = attest.ParseBundle(entry); err != nil {
		t.Fatalf("ParseBundle of what Sign made: %v", err)
	}
	return entry, b
}

func parseKey(t testing.TB, text []byte) *attest.PublicKey {
	t.Helper()
	key, err := attest.ParsePublicKey(text)
	if err != nil {
		t.Fatalf("ParsePublicKey(%q): %v", text, err)
	}
	return key
}

func TestGenerate(t *testing.T) {
	for algorithm, want := range map[string]string{ECDSA: "ECDSA P-256", Ed25519: "Ed25519"} {
		t.Run(algorithm, func(t *testing.T) {
			p := pairOf(t, algorithm)
			key := parseKey(t, p.public)
			if got := key.Algorithm(); got != want {
				t.Errorf("Generate(%q) made a key of %q, want %q", algorithm, got, want)
			}
			if got := p.signer.PublicKey().Fingerprint(); got != key.Fingerprint() {
				t.Errorf("Load gives the public key %s, want Generate's, %s", got, key.Fingerprint())
			}
			if diff := cmp.Diff(string(p.public), p.signer.PublicKey().PEM()); diff != "" {
				t.Errorf("PublicKey().PEM() (-Generate's +got):\n%s", diff)
			}
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	for _, c := range []struct {
		name, algorithm string
		password        []byte
		want            string // in the error
	}{
		{"no password", ECDSA, nil, "password"},
		{"empty password", Ed25519, []byte{}, "password"},
		{"unknown algorithm", "rsa-2048", password, `"rsa-2048"`},
		{"no algorithm", "", password, "ecdsa-p256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			private, public, err := Generate(c.algorithm, c.password)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Generate(%q, %q) = %v, want an error with %q", c.algorithm, c.password, err, c.want)
			}
			if private != nil || public != nil {
				t.Errorf("Generate(%q, %q) hands out a key beside its error", c.algorithm, c.password)
			}
		})
	}
}

func TestLoadPassword(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		for _, wrong := range [][]byte{[]byte("wrong"), {}, nil} {
			if s, err := Load(p.private, wrong); !errors.Is(err, ErrPassword) || s != nil {
				t.Errorf("Load(key, %q) = %v, %v, want %v", wrong, s, err, ErrPassword)
			}
		}
	})
}

func TestLoadDamaged(t *testing.T) {
	p := pairOf(t, ECDSA)
	block, _ := pem.Decode(p.private)
	retype := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	flipped := bytes.Clone(block.Bytes)
	at := bytes.Index(flipped, []byte(`"ciphertext":"`)) + len(`"ciphertext":"`) + 10
	flipped[at] = map[bool]byte{true: 'B', false: 'A'}[flipped[at] == 'A']
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		in       []byte
		password bool // whether the error is ErrPassword
	}{
		{"nothing", nil, false},
		{"no PEM", []byte("ssh-ed25519 AAAA"), false},
		{"cut off", p.private[:len(p.private)-40], false},
		{"a broken line", bytes.Replace(p.private, []byte("eyJr"), []byte("e!Jr"), 1), false},
		{"a public key", p.public, false},
		{"a certificate", retype("CERTIFICATE", block.Bytes), false},
		{"ciphertext under a plain label", retype("PRIVATE KEY", block.Bytes), false},
		{"RSA", retype("PRIVATE KEY", pkcs8(t, rsaKey)), false},
		{"encrypted RSA", seal(t, "ENCRYPTED COSIGN PRIVATE KEY", rsaKey), false},
		{"changed ciphertext", retype(block.Type, flipped), true},
		{"no ciphertext", retype(block.Type, []byte(`{}`)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Load(c.in, password)
			if err == nil || s != nil {
				t.Fatalf("Load(%q) = %v, %v, want an error", c.in, s, err)
			}
			if got := errors.Is(err, ErrPassword); got != c.password {
				t.Errorf("Load(%q) = %v; that it is ErrPassword = %v, want %v", c.in, err, got, c.password)
			}
		})
	}
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// seal writes a key file as cosign does: PKCS #8 in securesystemslib's encrypted
// JSON, in PEM. The parameters are those of cosign 1, which take the least time.
func seal(t testing.TB, kind string, key any) []byte {
	t.Helper()
	box, err := encrypted.EncryptWithCustomKDFParameters(pkcs8(t, key), password, encrypted.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: box})
}

// A key of ours is one that cosign opens: cosign.LoadPrivateKey decodes the PEM
// block, decrypts it with securesystemslib and parses PKCS #8. That sigstore's
// cryptoutils opens it too is what Load shows.
func TestCosignOpensOurs(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		block, rest := pem.Decode(p.private)
		if block == nil || block.Type != "ENCRYPTED SIGSTORE PRIVATE KEY" || len(rest) > 0 {
			t.Fatalf("Generate made %q, want one block of type ENCRYPTED SIGSTORE PRIVATE KEY", p.private)
		}
		der, err := encrypted.Decrypt(block.Bytes, password)
		if err != nil {
			t.Fatalf("securesystemslib does not open the key: %v", err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatalf("ParsePKCS8PrivateKey: %v", err)
		}
		signer, err := signature.LoadDefaultSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		public, err := signer.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		text, err := cryptoutils.MarshalPublicKeyToPEM(public)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(p.public), string(text)); diff != "" {
			t.Errorf("public key of the private key (-Generate's +got):\n%s", diff)
		}
	})
}

// What cosign writes, older or newer, opens here, and so do plain files of other
// tools; whatever opens also signs.
func TestLoadForeign(t *testing.T) {
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	plain := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	p256 := curve(elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string // algorithm
	}{
		{"cosign 1", seal(t, "ENCRYPTED COSIGN PRIVATE KEY", p256), "ECDSA P-256"},
		{"cosign 2", seal(t, "ENCRYPTED SIGSTORE PRIVATE KEY", p256), "ECDSA P-256"},
		{"cosign import of Ed25519", seal(t, "ENCRYPTED SIGSTORE PRIVATE KEY", edwards), "Ed25519"},
		{"SEC 1", plain("EC PRIVATE KEY", sec1), "ECDSA P-256"},
		{"PKCS #8", plain("PRIVATE KEY", pkcs8(t, edwards)), "Ed25519"},
		{"P-384", plain("PRIVATE KEY", pkcs8(t, curve(elliptic.P384()))), "ECDSA P-384"},
		{"P-521", plain("PRIVATE KEY", pkcs8(t, curve(elliptic.P521()))), "ECDSA P-521"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Load(c.in, password)
			if err != nil {
				t.Fatalf("Load(%q): %v", c.in, err)
			}
			if got := s.PublicKey().Algorithm(); got != c.want {
				t.Errorf("Load(%q) = a key of %q, want %q", c.in, got, c.want)
			}
			_, b := sign(t, s, claim(t, "Ours is better."))
			if !b.SignedBy(s.PublicKey()) {
				t.Errorf("SignedBy(%s) = false, want true", c.want)
			}
		})
	}
}

func TestSign(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		st := claim(t, "Ours is better.")
		entry, b := sign(t, p.signer, st)
		key := parseKey(t, p.public)
		if !b.SignedBy(key) {
			t.Error("SignedBy(its key) = false, want true")
		}
		if diff := cmp.Diff(string(st.Payload), string(b.Payload)); diff != "" {
			t.Errorf("payload of the entry (-statement's +got):\n%s", diff)
		}
		if b.Certificate {
			t.Error("Certificate = true, want false: it was signed with a key")
		}
		if err := attest.CheckCanonical(entry); err != nil {
			t.Errorf("CheckCanonical(entry) = %v, want nil", err)
		}
		der, _ := pem.Decode(p.public)
		sum := sha256.Sum256(der.Bytes)
		if hint := `"publicKey":{"hint":"` + base64.StdEncoding.EncodeToString(sum[:]) + `"}`; !bytes.Contains(entry, []byte(hint)) {
			t.Errorf("entry %s has no %s", entry, hint)
		}
	})
}

func TestTampered(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		_, b := sign(t, p.signer, claim(t, "Ours is better."))
		key := p.signer.PublicKey()
		for i := range b.Payload {
			changed := *b
			changed.Payload = bytes.Clone(b.Payload)
			changed.Payload[i] ^= 1
			if changed.SignedBy(key) {
				t.Errorf("SignedBy = true with bit 0 of payload byte %d flipped, want false", i)
			}
		}
		for name, payload := range map[string][]byte{
			"cut off":        b.Payload[:len(b.Payload)-1],
			"extended":       append(bytes.Clone(b.Payload), '\n'),
			"empty":          nil,
			"of another":     claim(t, "Ours is best.").Payload,
			"encoded as PAE": attest.PAE(b.Payload),
		} {
			if (&attest.Bundle{Payload: payload, Signature: b.Signature}).SignedBy(key) {
				t.Errorf("SignedBy = true for a payload %s, want false", name)
			}
		}
		for i := range b.Signature {
			sig := bytes.Clone(b.Signature)
			sig[i] ^= 0x10
			if (&attest.Bundle{Payload: b.Payload, Signature: sig}).SignedBy(key) {
				t.Errorf("SignedBy = true with signature byte %d changed, want false", i)
			}
		}
		if p.signer.PublicKey().Verify(b.Payload, b.Signature) {
			t.Error("Verify(payload itself) = true, want false: DSSE signs the PAE")
		}
	})
	_, b := sign(t, pairOf(t, ECDSA).signer, claim(t, "Ours is better."))
	if b.SignedBy(pairOf(t, Ed25519).signer.PublicKey()) {
		t.Error("SignedBy(another's key) = true, want false")
	}
}

type rs struct{ R, S *big.Int }

func parseSig(t testing.TB, sig []byte) rs {
	t.Helper()
	var v rs
	if rest, err := asn1.Unmarshal(sig, &v); err != nil || len(rest) > 0 {
		t.Fatalf("signature %x: %v, with %d bytes behind", sig, err, len(rest))
	}
	return v
}

// respell gives a P-256 signature its other s.
func respell(t testing.TB, sig []byte) []byte {
	t.Helper()
	v := parseSig(t, sig)
	other, err := asn1.Marshal(rs{v.R, new(big.Int).Sub(elliptic.P256().Params().N, v.S)})
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func TestLowS(t *testing.T) {
	p := pairOf(t, ECDSA)
	st := claim(t, "Ours is better.")
	order := elliptic.P256().Params().N
	half := new(big.Int).Rsh(order, 1)
	// One signature in two is high without lowS: 96 are all low by accident once
	// in 2^96 runs.
	for range 96 {
		_, b := sign(t, p.signer, st)
		low := parseSig(t, b.Signature)
		if low.S.Cmp(half) > 0 {
			t.Fatalf("Sign gave s = %x, want at most %x", low.S, half)
		}
		high := respell(t, b.Signature)
		got, err := lowS(high, order)
		if err != nil || !bytes.Equal(got, b.Signature) {
			t.Fatalf("lowS(%x) = %x, %v, want %x", high, got, err, b.Signature)
		}
	}
}

// Somebody else can respell our signature with the other s. It still verifies,
// and that is harmless: ids and references are made from the payload alone.
func TestHighS(t *testing.T) {
	p := pairOf(t, ECDSA)
	st := claim(t, "Ours is better.")
	entry, b := sign(t, p.signer, st)
	respelled, err := attest.FormatBundle(b.Payload, respell(t, b.Signature), "")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(respelled, entry) {
		t.Fatal("the respelled entry is the entry")
	}
	other, err := attest.ParseBundle(respelled)
	if err != nil {
		t.Fatal(err)
	}
	if !other.SignedBy(p.signer.PublicKey()) {
		t.Error("SignedBy of a signature with high s = false, want true: other signers make them")
	}
	if got := attest.StatementID(other.Payload); got != st.ID {
		t.Errorf("StatementID(respelled) = %s, want %s", got, st.ID)
	}
}

func TestLowSBounds(t *testing.T) {
	order := big.NewInt(23)
	for s, want := range map[int64]int64{1: 1, 2: 2, 11: 11, 12: 11, 13: 10, 22: 1} {
		in, err := asn1.Marshal(rs{big.NewInt(5), big.NewInt(s)})
		if err != nil {
			t.Fatal(err)
		}
		out, err := lowS(in, order)
		if err != nil {
			t.Errorf("lowS(s = %d): %v", s, err)
			continue
		}
		if got := parseSig(t, out); got.S.Int64() != want || got.R.Int64() != 5 {
			t.Errorf("lowS(r = 5, s = %d) = %v, %v, want 5, %d", s, got.R, got.S, want)
		}
		if _, err := lowS(append(in, 0), order); err == nil {
			t.Errorf("lowS(s = %d, trailing byte) succeeds, want an error", s)
		}
		if _, err := lowS(in[:len(in)-1], order); err == nil {
			t.Errorf("lowS(s = %d, cut off) succeeds, want an error", s)
		}
	}
}

// crooked signs with something else than the key that it shows.
type crooked struct {
	signature.Signer
	sig []byte
	err error
}

func (c crooked) SignMessage(io.Reader, ...signature.SignOption) ([]byte, error) { return c.sig, c.err }

func TestSignRefuses(t *testing.T) {
	ec, ed := pairOf(t, ECDSA).signer, pairOf(t, Ed25519).signer
	st := claim(t, "Ours is better.")
	_, other := sign(t, ec, claim(t, "Ours is best."))
	for _, c := range []struct {
		name   string
		signer *Signer
		st     *attest.Statement
		want   string
	}{
		{"no signature", &Signer{signer: crooked{err: errors.New("token removed")}, public: ec.public, order: ec.order}, st, "token removed"},
		{"a signature that is not ASN.1", &Signer{signer: crooked{sig: []byte("??")}, public: ec.public, order: ec.order}, st, "ASN.1"},
		{"a signature of another payload", &Signer{signer: crooked{sig: other.Signature}, public: ec.public, order: ec.order}, st, "does not verify"},
		{"another key", &Signer{signer: ed.signer, public: ec.public}, st, "does not verify"},
		{"a statement too large for a ledger", ed, &attest.Statement{Payload: bytes.Repeat([]byte("a"), attest.MaxEntry)}, "65535"},
	} {
		t.Run(c.name, func(t *testing.T) {
			entry, err := c.signer.Sign(t.Context(), c.st)
			if err == nil || !strings.Contains(err.Error(), c.want) || entry != nil {
				t.Errorf("Sign with %s = %q, %v, want an error with %q", c.name, entry, err, c.want)
			}
		})
	}
}

func TestSignConcurrently(t *testing.T) {
	each(t, func(t *testing.T, p *pair) {
		st := claim(t, "Ours is better.")
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				entry, err := p.signer.Sign(context.Background(), st)
				if err != nil {
					t.Errorf("Sign: %v", err)
					return
				}
				if b, err := attest.ParseBundle(entry); err != nil || !b.SignedBy(p.signer.PublicKey()) {
					t.Errorf("ParseBundle(entry) = %v, %v, want a bundle that verifies", b, err)
				}
			})
		}
		group.Wait()
	})
}
