package attest

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/fstest"
)

// retraction is the payload of a small statement.
func retraction(t testing.TB) []byte {
	t.Helper()
	s, err := NewStatement(&Retraction{Header: Header{Issuer: "https://lab.example"}, Target: Hash{1}, Reason: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	return s.Payload
}

// What encoding/json takes for a member is not one to another reader, who would see
// another statement, or none.
func TestMembersAreSpelled(t *testing.T) {
	payload := string(retraction(t))
	if _, err := ParseStatement([]byte(payload)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new string }{
		{`"predicate":`, `"Predicate":`},
		{`"_type":`, `"_TYPE":`},
		{`"subject":`, `"ſubject":`},
		{`"name":`, `"Name":`},
		{`"digest":`, `"digeſt":`},
		{`"subject":[`, `"subject":[{"digest":{"sha256":"00"},"name":"x"}],"ſubject":[`},
	} {
		text, err := Canonicalize([]byte(strings.Replace(payload, tt.old, tt.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseStatement(text); err == nil {
			t.Errorf("ParseStatement accepts %s for %s", tt.new, tt.old)
		}
	}
	bundle, err := FormatBundle([]byte(payload), []byte("signature"), "hint")
	if err != nil {
		t.Fatal(err)
	}
	other := base64.StdEncoding.EncodeToString([]byte("another payload"))
	for _, tt := range []struct{ old, new string }{
		{`"mediaType":`, `"mediatype":`},
		{`"dsseEnvelope":`, `"dsseenvelope":`},
		{`"dsseEnvelope":`, `"dſseEnvelope":{"payload":"` + other + `"},"dsseEnvelope":`},
		{`"payload":`, `"PAYLOAD":"` + other + `","payload":`},
		{`"signatures":`, `"ſignatures":`},
		{`"sig":`, `"ſig":"` + other + `","sig":`},
	} {
		text, err := Canonicalize([]byte(strings.Replace(string(bundle), tt.old, tt.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := ParseBundle(text); err == nil {
			t.Errorf("ParseBundle accepts %s for %s: payload %.20q", tt.new, tt.old, b.Payload)
		}
	}
	var more map[string]any
	if err := json.Unmarshal(bundle, &more); err != nil {
		t.Fatal(err)
	}
	more["somethingElse"] = 1
	raw, err := json.Marshal(more)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Canonicalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseBundle(text); err != nil {
		t.Errorf("ParseBundle refuses a member of its own name: %v", err)
	}
}

// Of an ECDSA signature anybody can make a second: another bundle, another leaf, and
// the same statement.
func TestSignatureMadeAgain(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	payload := retraction(t)
	digest := sha256.Sum256(PAE(payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &parts); err != nil {
		t.Fatal(err)
	}
	parts.S.Sub(elliptic.P256().Params().N, parts.S)
	again, err := asn1.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	var entries []*Entry
	for _, s := range [][]byte{sig, again} {
		bundle, err := FormatBundle(payload, s, "hint")
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseEntry(bundle)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Bundle.SignedBy(key) {
			t.Errorf("signature %x does not verify", s)
		}
		entries = append(entries, e)
	}
	if a, b := entries[0], entries[1]; a.Statement.ID != b.Statement.ID || bytes.Equal(a.Bytes, b.Bytes) {
		t.Errorf("ids %s and %s, equal bytes %v; want one id and other bytes", a.Statement.ID, b.Statement.ID, bytes.Equal(a.Bytes, b.Bytes))
	}
}

// zeros is a file of size zeros, which takes no room until it is read.
func zeros(size int64) packFile {
	return packFile{size, func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeroReader{}, size)), nil
	}}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Proofs and rounds are held in memory, all of them: many small files are a bomb too.
func TestManySmallFiles(t *testing.T) {
	files := map[string]packFile{}
	for i := range maxSmallBytes/maxSmallFile + 1 {
		files[fmt.Sprintf("beacons/%064x-1.json", i)] = zeros(maxSmallFile)
	}
	if _, err := (Reader{}).read(files); err == nil || !strings.Contains(err.Error(), "beside its artifacts") {
		t.Errorf("readPack of %d MiB beside artifacts: %v", len(files), err)
	}
}

// A megabyte that unfolds to gigabytes is no artifact.
func TestZipBomb(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("artifacts/" + Hash{}.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeroReader{}, 2*bombSize); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadZip(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil || !strings.Contains(err.Error(), "unfolds") {
		t.Errorf("ReadZip of %d bytes that unfold to %d: %v", b.Len(), int64(2*bombSize), err)
	}
}

// Whether a file is a link or elsewhere, it is not part of a pack.
func TestReadDirRefuses(t *testing.T) {
	for _, name := range []string{"other/file", "entries/x", "artifacts/" + strings.ToUpper(fmt.Sprintf("%064x", 0xabc)), "beacons/1.json", "policy.toml"} {
		if _, err := ReadDir(fstest.MapFS{name: {Data: []byte("{}")}}); err == nil {
			t.Errorf("ReadDir accepts %s", name)
		}
	}
}

// Whatever is read of an artifact, it counts only if all of it is there and has the
// digest.
func TestReadArtifact(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, tt := range []struct {
		name  string
		there []byte // under the digest of data
		said  int
		want  string // in the error
	}{
		{"whole", data, len(data), ""},
		{"another byte at the end", append(bytes.Clone(data[:len(data)-1]), 'x'), len(data), "holds other bytes"},
		{"cut short", data[:len(data)-1], len(data), "does not have the 1000000 bytes it declares"},
		{"longer", append(bytes.Clone(data), 'x'), len(data), "does not have the 1000000 bytes it declares"},
		{"of another size", data, len(data) - 1, "has 999999 bytes, want 1000000"},
	} {
		p := NewPack()
		a := p.AddArtifact(data, "text/plain", "digits")
		p.artifacts[a.SHA256] = packFile{int64(tt.said), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tt.there)), nil }}
		for _, most := range []int64{0, 10, 1 << 30} {
			var read []byte
			err := p.ReadArtifact(a, func(r io.Reader) { read, _ = io.ReadAll(io.LimitReader(r, most)) })
			if tt.want == "" {
				if err != nil || !bytes.Equal(read, data[:min(most, int64(len(data)))]) {
					t.Errorf("%s: %d bytes read, %v", tt.name, len(read), err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: ReadArtifact, %d bytes read: %v, want an error with %q", tt.name, len(read), err, tt.want)
			}
		}
		got, err := p.Artifact(a)
		if tt.want == "" && (err != nil || !bytes.Equal(got, data)) || tt.want != "" && (err == nil || got != nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: Artifact = %d bytes, %v, want an error with %q", tt.name, len(got), err, tt.want)
		}
	}
	if err := NewPack().ReadArtifact(Artifact{}, func(io.Reader) { t.Error("read") }); !errors.Is(err, ErrNoArtifact) {
		t.Errorf("ReadArtifact of what is not there: %v", err)
	}
}
