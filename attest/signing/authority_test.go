package signing

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/timestamp-authority/v2/pkg/verification"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing/localtsa"
)

var (
	stampTime = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	message   = []byte("ledger.example/log\n7\n…\n\n— ledger.example/log …\n")
)

func newTSA(t testing.TB, c localtsa.Config) *localtsa.Authority {
	t.Helper()
	if c.Name == "" {
		c.Name = "Test"
	}
	a, err := localtsa.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func stampOf(t testing.TB, a *localtsa.Authority, at time.Time) []byte {
	t.Helper()
	token, err := a.Stamp(message, at)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func parseAuthority(t testing.TB, chain []byte, oid string) *Authority {
	t.Helper()
	a, err := ParseAuthority(chain, oid)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCheckToken(t *testing.T) {
	tsa := newTSA(t, localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.Accuracy = 1500 * time.Millisecond }})
	token := stampOf(t, tsa, stampTime)
	for name, chain := range map[string][]byte{"chain": tsa.Chain(), "without what signs": tsa.Roots()} {
		got, err := parseAuthority(t, chain, "1.2.3.4.1").Check(token, message)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := stampTime.Add(1500 * time.Millisecond); !got.NotAfter().Equal(want) || !got.Time.Equal(stampTime) {
			t.Errorf("%s: %v, not after %v, want %v and %v", name, got.Time, got.NotAfter(), stampTime, want)
		}
	}
	bare := newTSA(t, localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.AddTSACertificate, s.Certificates = false, nil }})
	if _, err := parseAuthority(t, bare.Chain(), "").Check(stampOf(t, bare, stampTime), message); err != nil {
		t.Errorf("a token that brings no certificate: %v", err)
	}
}

func TestCheckTokenRefuses(t *testing.T) {
	honest := newTSA(t, localtsa.Config{})
	token := stampOf(t, honest, stampTime)
	edit := func(from, to string) []byte {
		if !bytes.Contains(token, []byte(from)) {
			t.Fatalf("there is no %q in the token", from)
		}
		return bytes.ReplaceAll(token, []byte(from), []byte(to))
	}
	twoSeconds := stampOf(t, newTSA(t, localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.Accuracy = 2 * time.Second }}), stampTime)
	usage := func(critical bool, more ...byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			e := localtsa.Critical
			e.Critical = critical
			if more != nil {
				e.Value = append([]byte{0x30, byte(len(more))}, more...)
			}
			c.ExtraExtensions = []pkix.Extension{e}
		}
	}
	codeSigning := []byte{0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03}
	for _, c := range []struct {
		name  string
		made  *localtsa.Config // by which the token is made, and under whose chain it is checked
		token []byte
		chain []byte
		oid   string
		want  string
	}{
		{name: "unknown authority", token: token, chain: newTSA(t, localtsa.Config{}).Chain(), want: "another certificate"},
		{name: "unknown authority of another name", token: token, chain: newTSA(t, localtsa.Config{Name: "Else"}).Chain(), want: "is not a certificate of the authority"},
		{name: "unknown authority of the same names", token: token, chain: newTSA(t, localtsa.Config{}).Roots(), want: "unknown authority"},
		{name: "chain in the token alone", token: token, chain: honest.Root(), want: "unknown authority"},
		{name: "expired", made: &localtsa.Config{Until: stampTime.Add(-time.Second)}, want: "expired"},
		{name: "not valid yet", made: &localtsa.Config{From: stampTime.Add(time.Second)}, want: "not yet valid"},
		{name: "by an authority for certificates", made: &localtsa.Config{Leaf: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }}, want: "not a CA"},
		{name: "other policy", token: token, chain: honest.Chain(), oid: "1.2.3.4.2", want: "OID"},
		{name: "another time", token: edit("20260201120000Z", "20250201120000Z"), chain: honest.Chain(), want: "mismatch"},
		{name: "not for times", made: &localtsa.Config{Leaf: usage(true, codeSigning...)}, want: "incompatible key usage"},
		{name: "for times among others", made: &localtsa.Config{Leaf: usage(true, append(codeSigning, localtsa.Critical.Value[2:]...)...)}, want: "extended key usage"},
		{name: "for times, not critical", made: &localtsa.Config{Leaf: usage(false)}, want: "critical"},
		{name: "less than accurate", token: bytes.ReplaceAll(twoSeconds, []byte("\x30\x03\x02\x01\x02"), []byte("\x30\x03\x02\x01\xfe")), chain: honest.Chain(), want: "accuracy of -2 s"},
		{name: "hardly accurate", made: &localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.Accuracy = 48 * time.Hour }}, want: "accuracy"},
		{name: "over a shorter hash", token: edit("\x60\x86\x48\x01\x65\x03\x04\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x04"), chain: honest.Chain(), want: "want SHA-256"},
		{name: "over part of a hash", made: &localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.HashedMessage = s.HashedMessage[:1] }}, want: "hash of 1 bytes"},
		{name: "with what is not known and must be", made: &localtsa.Config{Stamp: func(s *timestamp.Timestamp) {
			s.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}}, want: "critical extension 1.2.3"},
		{name: "a refusal", token: []byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02}, chain: honest.Chain(), want: "status 2"},
		{name: "nothing", token: nil, chain: honest.Chain(), want: "token"},
		{name: "bytes behind", token: append(bytes.Clone(token), 0), chain: honest.Chain(), want: "token"},
		{name: "cut off", token: token[:len(token)-1], chain: honest.Chain(), want: "not DER"},
		{name: "too long", token: make([]byte, attest.MaxToken+1), chain: honest.Chain(), want: "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, chain := c.token, c.chain
			if c.made != nil {
				tsa := newTSA(t, *c.made)
				token, chain = stampOf(t, tsa, stampTime), tsa.Roots()
			}
			got, err := parseAuthority(t, chain, c.oid).Check(token, message)
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, %v, want an error with %q", got, err, c.want)
			}
		})
	}
	if _, err := parseAuthority(t, honest.Chain(), "").Check(token, message[1:]); !errors.Is(err, ErrOtherBytes) {
		t.Errorf("Check of other bytes = %v, want %v", err, ErrOtherBytes)
	}
}

// resign changes a token's signed attributes and has the authority sign them anew.
func resign(t *testing.T, tsa *localtsa.Authority, from, to string) []byte {
	t.Helper()
	token := stampOf(t, tsa, stampTime)
	parsed, err := ParseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	old := parsed.signer.Attributes.FullBytes
	now := bytes.Replace(old, []byte(from), []byte(to), 1)
	if bytes.Equal(old, now) || len(old) != len(now) {
		t.Fatalf("%x has no %x", old, from)
	}
	signed := append([]byte{0x31}, now[1:]...) // as a SET, RFC 5652 §5.4
	sum := sha256.Sum256(signed)
	for range 100 { // until it is as long as the one in its place
		sig, err := tsa.Sign(sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if len(sig) == len(parsed.signer.Signature) {
			token = bytes.Replace(token, old, now, 1)
			return bytes.Replace(token, parsed.signer.Signature, sig, 1)
		}
	}
	t.Fatal("no signature of that length")
	return nil
}

// A signature holds for what it says that it is over, under the certificate that it says.
func TestSignedAttributes(t *testing.T) {
	tsa := newTSA(t, localtsa.Config{})
	authority := parseAuthority(t, tsa.Roots(), "")
	leaf := parseAuthority(t, tsa.Chain(), "").leaves[0]
	hash := sha256.Sum256(leaf.Raw)
	oid := func(o asn1.ObjectIdentifier) string {
		der, err := asn1.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(der)
	}
	other := func(s string) string { return s[:len(s)-1] + string([]byte{s[len(s)-1] ^ 1}) }
	for name, c := range map[string]struct{ from, want string }{
		"over something else":       {oid(oidTSTInfo), "does not say that it is over a time"},
		"of no type":                {oid(oidContentType), "does not say that it is over a time"},
		"under another certificate": {string(hash[:]), "under another certificate"},
		"under no certificate":      {oid(oidSigningV2), "not under which certificate"},
	} {
		token := resign(t, tsa, c.from, other(c.from))
		if _, err := authority.Check(token, message); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Check = %v, want an error with %q", name, err, c.want)
		}
	}
	same := resign(t, tsa, string(hash[:]), other(string(hash[:])))
	same = bytes.Replace(same, []byte(other(string(hash[:]))), hash[:], 1)
	if _, err := authority.Check(same, message); err == nil {
		t.Error("Check of attributes that were not signed succeeds")
	}
}

// Weak hashes are refused wherever they are.
func TestWeakSigning(t *testing.T) {
	parsed, err := ParseToken(stampOf(t, newTSA(t, localtsa.Config{}), stampTime))
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.checkSigning(); err != nil {
		t.Error(err)
	}
	digest, signing := *parsed, *parsed
	digest.signer.Digest.Algorithm = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26} // SHA-1
	signing.signer.Signing.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	for _, weak := range []*Token{&digest, &signing} {
		if err := weak.checkSigning(); err == nil {
			t.Errorf("checkSigning of %v and %v succeeds", weak.signer.Digest, weak.signer.Signing)
		}
	}
	if err := checkDER([]byte{0x30, 0x00}, 0); err != nil {
		t.Error(err)
	}
	deep := []byte{}
	for range maxDepth + 2 {
		deep = append([]byte{0x30, byte(len(deep))}, deep...)
	}
	if err := checkDER(deep, 0); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("checkDER of %d levels = %v", maxDepth+2, err)
	}
}

func TestParseAuthority(t *testing.T) {
	tsa := newTSA(t, localtsa.Config{})
	chain, roots := string(tsa.Chain()), string(tsa.Roots())
	leaf, _, _ := strings.Cut(chain, roots)
	for _, c := range []struct{ name, chain, oid, want string }{
		{"nothing", "", "", "no root"},
		{"no PEM", "MIIB", "", "PEM"},
		{"words between", roots + "and more\n" + leaf, "", "nothing else"},
		{"a key", strings.ReplaceAll(chain, "CERTIFICATE", "PUBLIC KEY"), "", "PEM"},
		{"what signs alone", leaf, "", "no root"},
		{"not vouched for", leaf + string(tsa.Root()), "", "unknown authority"},
		{"another's", leaf + string(newTSA(t, localtsa.Config{}).Roots()), "", "unknown authority"},
		{"many", strings.Repeat(chain, 6), "", "more than"},
		{"a policy in words", chain, "baseline", "object identifier"},
		{"a policy of nothing", chain, "1..2", "object identifier"},
	} {
		if a, err := ParseAuthority([]byte(c.chain), c.oid); err == nil || a != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ParseAuthority = %v, %v, want an error with %q", c.name, a, err, c.want)
		}
	}
}

// The requests are those of RFC 3161, and no other answer than the one asked for is taken.
func TestRequestToken(t *testing.T) {
	tsa := newTSA(t, localtsa.Config{})
	now := func() time.Time { return stampTime }
	old := stampOf(t, tsa, stampTime)
	answer := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	other := newTSA(t, localtsa.Config{Stamp: func(s *timestamp.Timestamp) { s.HashedMessage[0] ^= 1 }})
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"honest", tsa.Handler(now), ""},
		{"an old token", answer(http.StatusOK, old), "another request"},
		{"over other bytes", other.Handler(now), "other bytes"},
		{"busy", answer(http.StatusServiceUnavailable, old), "503"},
		{"elsewhere", answer(http.StatusFound, old), "302"},
		{"a page", answer(http.StatusOK, []byte("<html>")), "DER"},
		{"without end", answer(http.StatusOK, bytes.Repeat([]byte{0x30}, 1<<20)), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			token, err := RequestToken(t.Context(), client, server.URL, message)
			if c.want != "" {
				if err == nil || token != nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("RequestToken = %x, %v, want an error with %q", token, err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseAuthority(t, tsa.Chain(), "").Check(token, message); err != nil {
				t.Error(err)
			}
		})
	}
}

// OpenSSL says of a token what Check says, also of one of two in a file.
func TestOpenSSLAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one, two := newTSA(t, localtsa.Config{Name: "One"}), newTSA(t, localtsa.Config{Name: "Two"})
	file := append(stampOf(t, one, stampTime), stampOf(t, two, stampTime)...)
	tokens, err := attest.SplitTokens(file)
	if err != nil || len(tokens) != 2 {
		t.Fatalf("SplitTokens = %d tokens, %v, want 2", len(tokens), err)
	}
	for _, c := range []struct {
		name    string
		token   []byte // as openssl reads it
		message []byte
		tsa     *localtsa.Authority
		ours    []byte
	}{
		{"first of two", file, message, one, tokens[0]},
		{"second of two", tokens[1], message, two, tokens[1]},
		{"another's", file, message, two, tokens[0]},
		{"over other bytes", tokens[1], message[1:], two, tokens[1]},
	} {
		token, data, chain := write("t.tsr", c.token), write("data", c.message), write("ca.pem", c.tsa.Roots())
		out, theirs := exec.Command(openssl, "ts", "-verify", "-in", token, "-data", data, "-CAfile", chain).CombinedOutput()
		_, ours := parseAuthority(t, c.tsa.Chain(), "").Check(c.ours, c.message)
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%s: openssl: %v, Check: %v\n%s", c.name, theirs, ours, out)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	tsa := newTSA(f, localtsa.Config{})
	token := stampOf(f, tsa, stampTime)
	authority := parseAuthority(f, tsa.Roots(), "")
	f.Add(token)
	f.Add([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := attest.SplitTokens(data)
		if err == nil && !bytes.Equal(bytes.Join(tokens, nil), data) {
			t.Errorf("SplitTokens(%x) = %x", data, tokens)
		}
		got, err := authority.Check(data, message)
		if err == nil && !got.Time.Equal(stampTime) {
			t.Errorf("Check believes a token of %v: %x", got.Time, data)
		}
		if parsed, err := ParseToken(data); err == nil {
			parsed.checkAttributes(authority.roots[0])
			parsed.Covers(message)
			// Also what no attribute holds together reaches the library here.
			verification.VerifyTimestampResponse(data, bytes.NewReader(message), verification.VerifyOpts{Roots: authority.roots, TSACertificate: authority.roots[0]})
		}
	})
}

func BenchmarkCheckToken(b *testing.B) {
	tsa := newTSA(b, localtsa.Config{})
	token, authority := stampOf(b, tsa, stampTime), parseAuthority(b, tsa.Chain(), "")
	for b.Loop() {
		if _, err := authority.Check(token, message); err != nil {
			b.Fatal(err)
		}
	}
}
