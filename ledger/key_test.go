package ledger_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/proctor-attest/proctor/ledger"
)

// parsers are the two doors by which an Ed25519 key comes in.
var parsers = []struct {
	name  string
	typ   byte
	parse func(string) error
}{
	{"ParseLogKey", typeNote, func(s string) error { _, err := ledger.ParseLogKey(s); return err }},
	{"ParseWitnessKey", typeNote, func(s string) error { _, err := ledger.ParseWitnessKey(s); return err }},
	{"ParseWitnessKey", typeCosignature, func(s string) error { _, err := ledger.ParseWitnessKey(s); return err }},
}

func TestEd25519Points(t *testing.T) {
	const (
		small     = "the Ed25519 key has small order"
		canonical = "the Ed25519 key is not encoded canonically"
		curve     = "the Ed25519 key is not a point of the curve"
		f30       = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		z30       = "000000000000000000000000000000000000000000000000000000000000"
	)
	for _, tc := range []struct{ name, key, want string }{
		// Points whose order divides 8, and the two encodings of x = 0 with a sign.
		{"order 1", "01" + z30 + "00", small},
		{"order 1, -0", "01" + z30 + "80", small},
		{"order 2", "ec" + f30 + "7f", small},
		{"order 2, -0", "ec" + f30 + "ff", small},
		{"order 4", "00" + z30 + "00", small},
		{"order 4, negative", "00" + z30 + "80", small},
		{"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", small},
		{"order 8, negative", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", small},
		{"order 8, other y", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", small},
		{"order 8, other y, negative", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", small},

		// y = p + k, which crypto/ed25519 reads as k.
		{"p", "ed" + f30 + "7f", canonical},
		{"p, negative", "ed" + f30 + "ff", canonical},
		{"p+1", "ee" + f30 + "7f", canonical},
		{"p+1, negative", "ee" + f30 + "ff", canonical},
		{"p+3, of large order", "f0" + f30 + "7f", canonical},
		{"p+4, of large order", "f1" + f30 + "ff", canonical},
		{"2²⁵⁵-1", "ff" + f30 + "7f", canonical},
		{"2²⁵⁶-1", "ff" + f30 + "ff", canonical},

		{"y = 2", "02" + z30 + "00", curve},
		{"y = 7, negative", "07" + z30 + "80", curve},

		{"y = 3", "03" + z30 + "00", ""},
		{"y = 4, negative", "04" + z30 + "80", ""},
		{"base point", "5866666666666666666666666666666666666666666666666666666666666666", ""},
		{"RFC 8032, test 1", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", ""},

		{"31 bytes", z30 + "03", "an Ed25519 key has 32 bytes"},
		{"33 bytes", "03" + z30 + "0000", "an Ed25519 key has 32 bytes"},
	} {
		pub, err := hex.DecodeString(tc.key)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parsers {
			text := vkey("k.example", p.typ, pub)
			err := p.parse(text)
			if tc.want == "" && err != nil {
				t.Errorf("%s(%q) (%s) = %v, want no error", p.name, text, tc.name, err)
			}
			if tc.want != "" {
				wantError(t, fmt.Sprintf("%s(%q) (%s)", p.name, text, tc.name), err, tc.want)
			}
		}
	}
}

func TestEd25519GoodKeys(t *testing.T) {
	for i := range 64 {
		text := newParty(fmt.Sprint("good/", i)).vkey()
		for _, p := range parsers {
			if err := p.parse(text); err != nil {
				t.Errorf("%s(%q) = %v, want no error", p.name, text, err)
			}
		}
	}
}

// The keys of https://c2sp.org/CCTV/ed25519 come with what is wrong with them.
func TestEd25519CCTV(t *testing.T) {
	var vectors []struct {
		Number int
		Key    string
		Flags  []string
	}
	if err := json.Unmarshal(sharedData(t, "vectors/ed25519/cctv_ed25519vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		pub, err := hex.DecodeString(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		refuse := slices.Contains(v.Flags, "low_order_A") || slices.Contains(v.Flags, "non_canonical_A")
		if _, err := ledger.ParseLogKey(vkey("k.example", typeNote, pub)); (err != nil) != refuse {
			t.Errorf("vector %d: ParseLogKey of %s = %v, want refused %v (%q)", v.Number, v.Key, err, refuse, v.Flags)
		}
	}
	if len(vectors) < 900 {
		t.Errorf("%d vectors, want 914", len(vectors))
	}
}

func TestParseKeyRefuses(t *testing.T) {
	good := logParty.vkey()
	name, rest, _ := strings.Cut(good, "+")
	id, key, _ := strings.Cut(rest, "+")
	_, mldsa, err := fnote.GenerateMLDSAKey(name)
	if err != nil {
		t.Fatal(err)
	}
	// Its 1313 bytes leave two bits of the last digit unused.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(mldsa) - 2
	loose := mldsa[:last] + string(digits[strings.IndexByte(digits, mldsa[last])+1]) + "="
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "is not a verifier key"},
		{"name alone", name, "is not a verifier key"},
		{"no key", name + "+" + id, "is not a verifier key"},
		{"empty name", "+" + id + "+" + key, "empty key name"},
		{"space in name", vkey("k example", typeNote, logParty.pub()), "has a space"},
		{"no-break space in name", vkey("k\u00a0example", typeNote, logParty.pub()), "has a space"},
		{"invalid UTF-8 in name", vkey("k\xff", typeNote, logParty.pub()), "invalid UTF-8"},
		{"long name", vkey(strings.Repeat("k", 256), typeNote, logParty.pub()), "key name of 256 bytes, want at most 255"},
		{"another ID", name + "+00000000+" + key, `has ID "00000000", want ` + id},
		{"ID in capitals", name + "+" + strings.ToUpper(id) + "+" + key, "want " + id},
		{"short ID", name + "+" + id[:7] + "+" + key, "want " + id},
		{"ID of another name", "x.example+" + id + "+" + key, `key of "x.example" has ID`},
		{"key not base64", name + "+" + id + "+" + key[:43] + "!", "is not base64"},
		{"key with trailing bits", loose, "is not base64"},
		{"key with a newline", name + "+" + id + "+" + key[:20] + "\n" + key[20:], "is not base64"},
		{"key with a newline at the end", good + "\n", "is not base64"},
		{"key with CR at the end", good + "\r", "is not base64"},
		{"no key bytes", vkey(name, typeNote, nil), "is not base64"},
		{"unknown type", vkey(name, 0xff, logParty.pub()), "0xff"},
		{"ECDSA", vkey(name, 0x02, logParty.pub()), "0x02"},
		{"ML-DSA-44 of 32 bytes", vkey(name, 0x06, logParty.pub()), "key"},
		{"signing key", "PRIVATE+KEY+" + good, "is not base64"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ledger.ParseLogKey(tc.text)
			wantError(t, fmt.Sprintf("ParseLogKey(%q)", tc.text), err, tc.want)
			_, err = ledger.ParseWitnessKey(tc.text)
			wantError(t, fmt.Sprintf("ParseWitnessKey(%q)", tc.text), err, tc.want)
		})
	}
	if _, err := ledger.ParseLogKey(vkey(strings.Repeat("k", 255), typeNote, logParty.pub())); err != nil {
		t.Errorf("ParseLogKey of a name of 255 bytes = %v, want no error", err)
	}
	_, err = ledger.ParseLogKey(vkey(name, typeCosignature, logParty.pub()))
	wantError(t, "ParseLogKey of type 0x04", err, "a log key has type 0x01 or 0x06, got 0x04")
}

func TestLogKeyOpen(t *testing.T) {
	text := treeText(logParty.name, 7, [32]byte{7})
	key, err := ledger.ParseLogKey(logParty.vkey())
	if err != nil {
		t.Fatal(err)
	}
	signed := []byte(note(text, w1.cosign(text, 5), logParty.sign(text)))
	c, err := key.Open(signed)
	if err != nil || c.Origin != logParty.name || c.Size != 7 || c.Root != [32]byte{7} || string(c.Signed) != string(signed) {
		t.Errorf("Open(%q) = %+v, %v; want the checkpoint of size 7", signed, c, err)
	}

	foreign := treeText("other.example/log", 7, [32]byte{7})
	extended := text + "extension\n"
	for _, tc := range []struct{ name, note, want string }{
		{"unsigned by the log", note(text, w1.cosign(text, 5)), "checkpoint not signed by " + logParty.name},
		{"other text", note(text, logParty.sign(foreign)), "does not verify"},
		{"other origin", note(foreign, logParty.sign(foreign)), `checkpoint of "other.example/log", want "ledger.example/log"`},
		{"extension line of somebody else", note(extended, logParty.sign(text)), "does not verify"},
		{"second signature false", note(text, logParty.sign(text), logParty.sign(foreign)), "does not verify"},
		{"not a note", text, "note"},
		{"cosignature by the log", note(text, logParty.cosign(text, 5)), "checkpoint not signed by"},
	} {
		_, err := key.Open([]byte(tc.note))
		wantError(t, fmt.Sprintf("Open(%q) (%s)", tc.note, tc.name), err, tc.want)
	}
}

func TestWitnessKeyCosigned(t *testing.T) {
	text := treeText(logParty.name, 7, [32]byte{7})
	key, err := ledger.ParseWitnessKey(w1.vkey())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, note string
		want       int64
		err        string
	}{
		{"once", note(text, w1.cosign(text, 50)), 50, ""},
		{"the earlier is second", note(text, w1.cosign(text, 50), w1.cosign(text, 40)), 40, ""},
		{"zero is no time", note(text, w1.cosign(text, 0), w1.cosign(text, 50)), 50, ""},
		{"zero alone", note(text, w1.cosign(text, 0)), 0, "no dated cosignature by w1.example+"},
		{"beyond int64", note(text, w1.cosign(text, 1<<63)), 0, "no dated cosignature by w1.example+"},
		{"another's", note(text, w2.cosign(text, 50)), 0, "no dated cosignature by w1.example+"},
		{"of the bare text", note(text, w1.sign(text)), 0, "no dated cosignature by w1.example+"},
		{"of another text", note(text, w1.cosign("x"+text, 50)), 0, "does not verify"},
		{"not a note", text, 0, "note"},
	} {
		got, err := key.Cosigned([]byte(tc.note))
		if tc.err != "" {
			wantError(t, fmt.Sprintf("Cosigned(%q) (%s)", tc.note, tc.name), err, tc.err)
		} else if err != nil || !got.Equal(time.Unix(tc.want, 0)) {
			t.Errorf("Cosigned(%q) (%s) = %v, %v; want %d", tc.note, tc.name, got, err, tc.want)
		}
	}
}
