package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
)

func TestParseCheckpoint(t *testing.T) {
	empty := sha256.Sum256(nil)
	for _, tc := range []struct {
		name, origin string
		size         uint64
		root         [32]byte
	}{
		{"plain", "ledger.example/log", 7, [32]byte{7}},
		{"empty tree", "ledger.example/log", 0, empty},
		{"largest", "ledger.example/log", 1<<64 - 1, [32]byte{7}},
		{"origin with spaces", "go.sum database tree", 7, [32]byte{7}},
		{"long origin", strings.Repeat("o", 255), 7, [32]byte{7}},
	} {
		text := treeText(tc.origin, tc.size, tc.root)
		for _, signed := range []string{
			note(text, logParty.sign(text)),
			note(text, strings.Repeat(w1.sign(text), 100)),
			note(text+"one\n two \n", logParty.sign(text)),
		} {
			c, err := ledger.ParseCheckpoint([]byte(signed))
			if err != nil || c.Origin != tc.origin || c.Size != tc.size || c.Root != tc.root || string(c.Signed) != signed {
				t.Errorf("ParseCheckpoint(%.200q) (%s) = %v, %v; want %s, size %d, root %x", signed, tc.name, c, err, tc.origin, tc.size, tc.root)
			}
		}
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	root := b64(bytes.Repeat([]byte{7}, 32))
	text := "ledger.example/log\n7\n" + root + "\n"
	sig := logParty.sign(text)
	for _, tc := range []struct{ name, note, want string }{
		{"empty", "", "without an empty line"},
		{"no signatures", text, "without an empty line"},
		{"no signature line", text + "\n", "does not end with a signature line"},
		{"signature line cut", text + "\n" + sig[:len(sig)-1], "does not end with a signature line"},
		{"line after the signatures", text + "\n" + sig + "x\n", "signature line 2: want"},
		{"hyphen for dash", text + "\n-" + strings.TrimPrefix(sig, "—"), "signature line 1: want"},
		{"signature without a name", text + "\n—  AAAAAAA=\n", "signature line 1: empty key name"},
		{"signature by a name with plus", text + "\n— a+b AAAAAAA=\n", "signature line 1: key name"},
		{"signature by a long name", text + "\n— " + strings.Repeat("n", 256) + " AAAAAAA=\n", "signature line 1: key name of 256 bytes"},
		{"signature without base64", text + "\n— a.example\n", "signature line 1: signature is not base64"},
		{"signature not base64", text + "\n— a.example !AAAAAA=\n", "signature line 1: signature is not base64"},
		{"signature with junk", text + "\n— a.example AAAAAAA= x\n", "signature line 1: signature is not base64"},
		{"signature of a key ID alone", text + "\n— a.example AAAAAA==\n", "signature line 1: signature is not base64"},
		{"101 signatures", note(text, strings.Repeat(sig, 101)), "more than 100 signatures"},
		{"oversized", note(text, fmt.Sprintf("— a.example %s\n", strings.Repeat("AAAA", 128<<10))), "want at most 524288"},
		{"not UTF-8", note("ledger\xff\n7\n"+root+"\n", sig), "not UTF-8"},
		{"CRLF", note(strings.ReplaceAll(text, "\n", "\r\n"), sig), "control character 0x0d"},
		{"tab in origin", note("ledger\texample\n7\n"+root+"\n", sig), "control character 0x09"},
		{"NUL in signature", text + "\n— a\x00b AAAAAAA=\n", "control character 0x00"},
		{"no root line", note("ledger.example/log\n7\n", sig), "fewer than three lines"},
		{"origin alone", note("ledger.example/log\n", sig), "fewer than three lines"},
		{"no text", "\n\n" + sig, "fewer than three lines"},
		{"empty extension line", note(text+"\n", sig), "empty extension line"},
		{"empty line between extension lines", note(text+"x\n\ny\n", sig), "empty extension line"},
		{"extension line with a control character", note(text+"x\x1b[2J\n", sig), "control character 0x1b"},
		{"empty origin", note("\n7\n"+root+"\n", sig), "origin of 0 bytes"},
		{"long origin", note(strings.Repeat("o", 256)+"\n7\n"+root+"\n", sig), "origin of 256 bytes"},
		{"size with leading zero", note("l\n07\n"+root+"\n", sig), "checkpoint size"},
		{"size with plus", note("l\n+7\n"+root+"\n", sig), "checkpoint size"},
		{"size negative", note("l\n-7\n"+root+"\n", sig), "checkpoint size"},
		{"size in hex", note("l\n0x7\n"+root+"\n", sig), "checkpoint size"},
		{"size with a space", note("l\n7 \n"+root+"\n", sig), "checkpoint size"},
		{"size with underscore", note("l\n1_0\n"+root+"\n", sig), "checkpoint size"},
		{"size empty", note("l\n\n"+root+"\n", sig), "checkpoint size"},
		{"size of 65 bits", note("l\n18446744073709551616\n"+root+"\n", sig), "checkpoint size"},
		{"root of 31 bytes", note("l\n7\n"+b64(make([]byte, 31))+"\n", sig), "checkpoint root"},
		{"root of 33 bytes", note("l\n7\n"+b64(make([]byte, 33))+"\n", sig), "checkpoint root"},
		{"root without padding", note("l\n7\n"+root[:43]+"\n", sig), "checkpoint root"},
		{"root with trailing bits", note("l\n7\n"+root[:42]+"d=\n", sig), "checkpoint root"},
		{"root of the URL alphabet", note("l\n7\n"+strings.Repeat("_", 42)+"8=\n", sig), "checkpoint root"},
		{"size 0 with a root", note("l\n0\n"+root+"\n", sig), "root other than that of the empty tree"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ledger.ParseCheckpoint([]byte(tc.note))
			wantError(t, fmt.Sprintf("ParseCheckpoint(%.300q)", tc.note), err, tc.want)
		})
	}
}

// A signature line's base64 is not bound by the signature: a note may be written
// in two ways. It is the first three lines of the text that count, and they are unique.
func FuzzParseCheckpoint(f *testing.F) {
	text := treeText(logParty.name, 7, [32]byte{7})
	f.Add([]byte(note(text, logParty.sign(text))))
	f.Add([]byte(note(text, logParty.sign(text), w1.cosign(text, 5))))
	f.Add([]byte(note(text+"\n", logParty.sign(text))))
	f.Add([]byte(note(text+"x\n", logParty.sign(text))))
	f.Add([]byte("\n\n— "))
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, err := ledger.ParseCheckpoint(signed)
		if err != nil {
			return
		}
		if want := treeText(c.Origin, c.Size, c.Root); !bytes.HasPrefix(signed, []byte(want)) {
			t.Errorf("ParseCheckpoint(%q) = %v, which is written %q", signed, c, want)
		}
		if !bytes.Equal(c.Signed, signed) {
			t.Errorf("Signed = %q, want %q", c.Signed, signed)
		}
	})
}

// Checkpoints of live logs. That of the Go checksum database has an origin with
// spaces; Rekor's is signed by a key that this package does not read.
func TestParseLiveCheckpoints(t *testing.T) {
	for _, tc := range []struct{ file, origin string }{
		{"vectors/checkpoint/sumdb_latest.txt", "go.sum database tree"},
		{"vectors/checkpoint/rekor_v2_checkpoint.txt", ""},
	} {
		signed := sharedData(t, tc.file)
		c, err := ledger.ParseCheckpoint(signed)
		if err != nil || c.Size == 0 || tc.origin != "" && c.Origin != tc.origin {
			t.Errorf("ParseCheckpoint(%q) = %v, %v; want one of %q", signed, c, err, tc.origin)
		}
	}
	const sumdb = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
	key, err := ledger.ParseLogKey(sumdb)
	if err != nil {
		t.Fatal(err)
	}
	_, err = key.Open(sharedData(t, "vectors/checkpoint/sumdb_latest.txt"))
	wantError(t, "Open", err, `checkpoint of "go.sum database tree", want "sum.golang.org"`)
}
