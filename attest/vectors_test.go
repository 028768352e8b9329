package attest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gowebpki/jcs"
)

// vectors runs a test over the project's copy of a file of known answers and over
// the original where that is at hand.
func vectors(t *testing.T, name string, v any, test func(t *testing.T)) {
	for _, path := range []string{filepath.Join("testdata", name), filepath.Join("../../shared/vectors", name)} {
		t.Run(filepath.Dir(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if os.IsNotExist(err) && path != filepath.Join("testdata", name) {
				t.Skipf("%s is not here; the project's copy was tested", path)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, v); err != nil {
				t.Fatal(err)
			}
			test(t)
		})
	}
}

func TestCanonicalizeVectors(t *testing.T) {
	var v struct {
		Canonical  []struct{ In, Out string }
		Refused    []struct{ Why, In string }
		RefusedHex []struct{ Why, In string }
	}
	vectors(t, "json.json", &v, func(t *testing.T) {
		if len(v.Canonical) == 0 || len(v.Refused) == 0 || len(v.RefusedHex) == 0 {
			t.Fatal("no vectors")
		}
		for _, c := range v.Canonical {
			got, err := Canonicalize([]byte(c.In))
			if err != nil || string(got) != c.Out {
				t.Errorf("Canonicalize(%q) = %q, %v, want %q", c.In, got, err, c.Out)
			}
		}
		for _, c := range v.Refused {
			if got, err := Canonicalize([]byte(c.In)); err == nil {
				t.Errorf("Canonicalize(%q) = %q, want it refused: %s", c.In, got, c.Why)
			}
		}
		for _, c := range v.RefusedHex {
			in, err := hex.DecodeString(c.In)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Canonicalize(in); err == nil {
				t.Errorf("Canonicalize(%x) = %q, want it refused: %s", in, got, c.Why)
			}
		}
	})
}

func TestMerkleVectors(t *testing.T) {
	var v []struct {
		Leaves     uint64
		Root       Hash
		Opened     []uint64
		Multiproof []Hash
	}
	vectors(t, "merkle.json", &v, func(t *testing.T) {
		if len(v) == 0 {
			t.Fatal("no vectors")
		}
		for _, c := range v {
			leaves := make([]Hash, c.Leaves)
			for i := range leaves {
				leaves[i] = LeafHash([]byte(strconv.Itoa(i)))
			}
			tree := NewTree(leaves)
			if got := tree.Root(); got != c.Root {
				t.Errorf("root of %d leaves = %s, want %s", c.Leaves, got, c.Root)
			}
			proof, err := tree.ProveOpening(c.Opened)
			if err != nil {
				t.Fatal(err)
			}
			if len(proof) != len(c.Multiproof) {
				t.Fatalf("multiproof of %v in %d has %d hashes, want %d", c.Opened, c.Leaves, len(proof), len(c.Multiproof))
			}
			var opened []OpenedLeaf
			for i, x := range c.Opened {
				opened = append(opened, OpenedLeaf{x, leaves[x]})
				_ = i
			}
			for i := range proof {
				if proof[i] != c.Multiproof[i] {
					t.Errorf("multiproof of %v in %d differs at %d", c.Opened, c.Leaves, i)
				}
			}
			checkTampering(t, c.Leaves, c.Root, opened, proof)
		}
	})
}

// checkTampering accepts the true opening and refuses every simple change of it.
func checkTampering(t *testing.T, size uint64, root Hash, opened []OpenedLeaf, proof []Hash) {
	t.Helper()
	if err := CheckOpening(size, root, opened, proof); err != nil {
		t.Errorf("CheckOpening of %v in %d: %v", opened, size, err)
	}
	refuse := func(what string, size uint64, opened []OpenedLeaf, proof []Hash) {
		t.Helper()
		if CheckOpening(size, root, opened, proof) == nil {
			t.Errorf("CheckOpening accepts %s of a tree of %d", what, size)
		}
	}
	refuse("a hash too many", size, opened, append(append([]Hash{}, proof...), Hash{}))
	if len(proof) > 0 {
		refuse("a hash too few", size, opened, proof[1:])
	}
	for i := range opened {
		changed := append([]OpenedLeaf{}, opened...)
		changed[i].Hash[0] ^= 1
		refuse("another leaf", size, changed, proof)
		changed = append([]OpenedLeaf{}, opened...)
		changed[i].Index = size
		refuse("an index outside", size, changed, proof)
		refuse("a repeated index", size, append(append([]OpenedLeaf{}, opened[:i+1]...), opened[i:]...), proof)
	}
}

func TestStatementIDVector(t *testing.T) {
	// From challenge.json of the protocol's known answers.
	const want = "a8e4d95c970184871980409779c58eb76e7521ea878199ef3e73ca83022b3ab3"
	if got := StatementID([]byte(`{"a":1}`)).String(); got != want {
		t.Errorf("StatementID = %s, want %s", got, want)
	}
}

func TestEd25519Keys(t *testing.T) {
	for _, y := range smallOrderY {
		for _, sign := range []byte{0, 0x80} {
			key := append([]byte{}, y...)
			key[31] |= sign
			if _, err := ParsePublicKey(ed25519PEM(key)); err == nil {
				t.Errorf("key %x of small order is accepted", key)
			}
		}
	}
	for _, p := range []string{
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		key, _ := hex.DecodeString(p)
		if _, err := ParsePublicKey(ed25519PEM(key)); err == nil {
			t.Errorf("key %s is not canonical and accepted", p)
		}
	}
}

func ed25519PEM(key []byte) []byte {
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, key...)
	return []byte("-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END PUBLIC KEY-----\n")
}

// The cases of "Taming the many EdDSAs" (speccheck): those whose key or R has
// small order, or is not canonical, must not verify here, whatever a library says.
func TestEd25519SpecCheck(t *testing.T) {
	data, err := os.ReadFile("../../shared/data/vectors/ed25519/ed25519_speccheck_cases.json")
	if os.IsNotExist(err) {
		t.Skip("the speccheck cases are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Message   string `json:"message"`
		PubKey    string `json:"pub_key"`
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	// By the case's number: what strict verification answers. Case 3 is an
	// ordinary signature with mixed-order key and R, case 4 needs the cofactor.
	want := map[int]bool{3: true}
	for i, c := range cases {
		key, _ := hex.DecodeString(c.PubKey)
		message, _ := hex.DecodeString(c.Message)
		sig, _ := hex.DecodeString(c.Signature)
		k, err := ParsePublicKey(ed25519PEM(key))
		if got := err == nil && k.Verify(message, sig); got != want[i] {
			t.Errorf("case %d verifies: %v, want %v", i, got, want[i])
		}
	}
}

func FuzzCanonicalize(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"\u20ac"]}`, `"\ud83d\ude00"`, `[]`, `1e2`, `{"a":{"b":null}}`,
		`"\u0007\b\u000b\f\u001f\"\\"`, `"\u001F"`, `"\u000a"`, `"\/"`, `"plain text, longer than a word"`, `"é in a text longer than a word"`,
		`{"b":1,"a":2}`, `{"é":1,"😀":2,"￿":3}`, `{"a\n":1}`, `-0`, `-12`, `0.5`, `-0.5`, `2.50`, `0.000001`, `0.0000001`, `0.0000012`, `-0.0`, `0.1234567890123`, `123456789012.345`, `1.0`, `1e5`, `1234567890123456`, `[true,false]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Canonicalize(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Errorf("Canonicalize accepts %q, which is not JSON", data)
		}
		if want, err := jcs.Transform(data); err != nil || string(want) != string(out) {
			t.Errorf("Canonicalize(%q) = %q, want %q (%v)", data, out, want, err)
		}
		again, err := Canonicalize(out)
		if err != nil || string(again) != string(out) {
			t.Errorf("Canonicalize is not idempotent: %q, then %q, %v", out, again, err)
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":""}]},"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":""}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEntry(data)
		if err == nil && StatementID(e.Bundle.Payload) != e.Statement.ID {
			t.Error("id does not follow from the payload")
		}
		payload, sig, ok := cutBundle(data)
		if !ok || CheckCanonical(data) != nil {
			return
		}
		if p, s, byKey, err := readBundle(data); p != payload || s != sig || !byKey || err != nil {
			t.Errorf("cut out of %q: %q, %q; read: %q, %q, %v, %v", data, payload, sig, p, s, byKey, err)
		}
	})
}

// What FormatBundle writes need not be read as JSON, and is read so all the same.
func TestCutBundle(t *testing.T) {
	for hint, plain := range map[string]bool{"": true, "SHA256:abc+/=": true, "<é>": true, "\"": false, "\"}}}": false, "\\": false} {
		entry, err := FormatBundle([]byte("payload"), []byte("signature"), hint)
		if err != nil {
			t.Fatal(err)
		}
		payload, sig, ok := cutBundle(entry)
		p, s, byKey, err := readBundle(entry)
		if ok != plain || !byKey || err != nil || ok && (payload != p || sig != s) {
			t.Errorf("hint %q: cut %q, %q, %v; read %q, %q, %v, %v", hint, payload, sig, ok, p, s, byKey, err)
		}
		b, err := ParseBundle(entry)
		if err != nil || string(b.Payload) != "payload" || string(b.Signature) != "signature" || b.Certificate {
			t.Errorf("hint %q: ParseBundle = %+v, %v", hint, b, err)
		}
	}
}

func FuzzNumberToDecimal(f *testing.F) {
	for _, s := range []string{"1.50", "1e2", "-0.25", "0", "-0", "1e-18"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !json.Valid([]byte(s)) {
			return
		}
		d, err := NumberToDecimal(s)
		if err != nil {
			return
		}
		got, err := ParseDecimal(d)
		if err != nil {
			t.Fatalf("NumberToDecimal(%q) = %q: %v", s, d, err)
		}
		if again, err := NumberToDecimal(d); err != nil || again != d {
			t.Errorf("NumberToDecimal(%q) = %q, %v", d, again, err)
		}
		_ = got
	})
}
