package ledger_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/ledger"
)

var goodNote = func() string {
	text := treeText(logParty.name, 7, [32]byte{7})
	return note(text, logParty.sign(text))
}()

func hashLines(n int) string { return strings.Repeat(b64(make([]byte, 32))+"\n", n) }

func TestProofRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		text string
		want ledger.Proof
	}{
		{"c2sp.org/tlog-proof@v1\nindex 0\n\n", ledger.Proof{}},
		{"c2sp.org/tlog-proof@v1\nindex 18446744073709551615\n" + hashLines(2) + "\n", ledger.Proof{Index: 1<<64 - 1, Hashes: make([][32]byte, 2)}},
		{"c2sp.org/tlog-proof@v1\nindex 0\n" + hashLines(64) + "\n", ledger.Proof{Hashes: make([][32]byte, 64)}},
		{"c2sp.org/tlog-proof@v1\nextra aGk=\nindex 5\n\n", ledger.Proof{Index: 5, Extra: []byte("hi")}},
		{"c2sp.org/tlog-proof@v1\nextra \nindex 5\n\n", ledger.Proof{Index: 5, Extra: []byte{}}},
	} {
		tc.want.Checkpoint = []byte(goodNote)
		text := tc.text + goodNote
		got, err := ledger.ParseProof([]byte(text))
		if err != nil {
			t.Errorf("ParseProof(%q) = %v", text, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("ParseProof(%q) differs (-want +got):\n%s", text, diff)
		}
		if back := ledger.FormatProof(got); string(back) != text {
			t.Errorf("FormatProof(%+v) = %q, want %q", got, back, text)
		}
	}
}

func TestParseProofRefuses(t *testing.T) {
	const header = "c2sp.org/tlog-proof@v1\n"
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "without an empty line"},
		{"no empty line", header + "index 5\n" + strings.ReplaceAll(goodNote, "\n\n", "\n"), "without an empty line"},
		{"header alone", header + "\n" + goodNote, "without an index line"},
		{"checkpoint alone", goodNote, "first line is"},
		{"long first line", strings.Repeat("x", 1000) + "\n\n" + goodNote, "first line is \"" + strings.Repeat("x", 64) + "…\""},
		{"version 2", "c2sp.org/tlog-proof@v2\nindex 5\n\n" + goodNote, "first line is"},
		{"CRLF", "c2sp.org/tlog-proof@v1\r\nindex 5\n\n" + goodNote, "first line is"},
		{"index missing", header + hashLines(1) + "\n" + goodNote, "without an index line"},
		{"index in capitals", header + "Index 5\n\n" + goodNote, "without an index line"},
		{"index empty", header + "index \n\n" + goodNote, "index: "},
		{"index with leading zero", header + "index 05\n\n" + goodNote, "index: "},
		{"index with plus", header + "index +5\n\n" + goodNote, "index: "},
		{"index negative", header + "index -5\n\n" + goodNote, "index: "},
		{"index with a space", header + "index 5 \n\n" + goodNote, "index: "},
		{"index of 65 bits", header + "index 18446744073709551616\n\n" + goodNote, "index: "},
		{"index twice", header + "index 5\nindex 5\n\n" + goodNote, "hash 0: "},
		{"extra after index", header + "index 5\nextra aGk=\n\n" + goodNote, "hash 0: "},
		{"extra twice", header + "extra aGk=\nextra aGk=\nindex 5\n\n" + goodNote, "without an index line"},
		{"extra alone", header + "extra aGk=\n\n" + goodNote, "without an index line"},
		{"extra not base64", header + "extra aGk\nindex 5\n\n" + goodNote, "extra line"},
		{"extra with trailing bits", header + "extra aGl=\nindex 5\n\n" + goodNote, "extra line"},
		{"extra with CR", header + "extra aG\rk=\nindex 5\n\n" + goodNote, "extra line"},
		{"hash of 31 bytes", header + "index 5\n" + b64(make([]byte, 31)) + "\n\n" + goodNote, "hash 0: "},
		{"hash with CR", header + "index 5\n" + strings.TrimSuffix(hashLines(1), "\n") + "\r\n\n" + goodNote, "hash 0: "},
		{"hash with trailing bits", header + "index 5\n" + strings.Repeat("A", 42) + "B=\n\n" + goodNote, "hash 0: "},
		{"second hash bad", header + "index 5\n" + hashLines(1) + "x\n\n" + goodNote, "hash 1: "},
		{"65 hashes", header + "index 5\n" + hashLines(65) + "\n" + goodNote, "proof of 65 hashes, want at most 64"},
		{"two empty lines", header + "index 5\n\n\n" + goodNote, "origin of 0 bytes"},
		{"no checkpoint", header + "index 5\n\n", "note without"},
		{"checkpoint cut", header + "index 5\n\n" + goodNote[:len(goodNote)-1], "does not end with a signature line"},
		{"oversized", header + "extra " + strings.Repeat("AAAA", 256<<10) + "\nindex 5\n\n" + goodNote, "want at most 1048576"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ledger.ParseProof([]byte(tc.text))
			wantError(t, fmt.Sprintf("ParseProof(%.300q)", tc.text), err, tc.want)
		})
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 5\n" + hashLines(3) + "\n" + goodNote))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra aGk=\nindex 5\n\n" + goodNote))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n" + goodNote))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ledger.ParseProof(data)
		if err != nil {
			return
		}
		if back := ledger.FormatProof(p); !bytes.Equal(back, data) {
			t.Errorf("FormatProof(ParseProof(%q)) = %q", data, back)
		}
	})
}
