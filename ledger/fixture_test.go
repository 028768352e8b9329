package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/proctor-attest/proctor/ledger"
)

// Signature types of c2sp.org/signed-note.
const (
	typeNote        = 0x01
	typeCosignature = 0x04
)

// A party signs as a log or as a witness, with a key that its name gives.
type party struct {
	name string
	key  ed25519.PrivateKey
}

func newParty(name string) party {
	seed := sha256.Sum256([]byte("test key of " + name))
	return party{name, ed25519.NewKeyFromSeed(seed[:])}
}

func (p party) pub() []byte { return p.key.Public().(ed25519.PublicKey) }

// vkey returns the party's verifier key, of type 0x01.
func (p party) vkey() string { return vkey(p.name, typeNote, p.pub()) }

// sign returns a signature line as a log writes it.
func (p party) sign(text string) string {
	return sigLine(p.name, keyID(p.name, typeNote, p.pub()), ed25519.Sign(p.key, []byte(text)))
}

// cosign returns a signature line as a witness writes it.
func (p party) cosign(text string, at uint64) string {
	sig := ed25519.Sign(p.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return sigLine(p.name, keyID(p.name, typeCosignature, p.pub()), append(binary.BigEndian.AppendUint64(nil, at), sig...))
}

func keyID(name string, typ byte, pub []byte) uint32 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s%s", name, []byte{typ}, pub))
	return binary.BigEndian.Uint32(sum[:])
}

func vkey(name string, typ byte, pub []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyID(name, typ, pub), b64(append([]byte{typ}, pub...)))
}

func sigLine(name string, id uint32, sig []byte) string {
	return fmt.Sprintf("— %s %s\n", name, b64(append(binary.BigEndian.AppendUint32(nil, id), sig...)))
}

// note joins a text and signature lines.
func note(text string, sigs ...string) string { return text + "\n" + strings.Join(sigs, "") }

func treeText(origin string, size uint64, root [32]byte) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, b64(root[:]))
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func unb64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func entry(i uint64) []byte { return fmt.Appendf(nil, "entry %d", i) }

// A tree is a ledger of entry(0), entry(1), … in memory, written without the
// code under test.
type tree struct {
	files  fstest.MapFS
	leaves [][32]byte
}

func newTree(n uint64) *tree {
	tr := &tree{files: fstest.MapFS{}}
	for i := range n {
		tr.leaves = append(tr.leaves, [32]byte(rfc6962.DefaultHasher.HashLeaf(entry(i))))
	}
	row := tr.leaves
	for level := 0; len(row) > 0; level++ {
		var above [][32]byte
		for i := 0; i*256 < len(row); i++ {
			hashes := row[i*256 : min(len(row), (i+1)*256)]
			var data []byte
			for _, h := range hashes {
				data = append(data, h[:]...)
			}
			tr.add(fmt.Sprintf("tile/%d/%03d", level, i), len(hashes), data)
			if len(hashes) == 256 {
				above = append(above, rootOf(hashes))
			}
		}
		row = above
	}
	for i := uint64(0); i*256 < n; i++ {
		end := min(n, (i+1)*256)
		var data []byte
		for j := i * 256; j < end; j++ {
			data = append(binary.BigEndian.AppendUint16(data, uint16(len(entry(j)))), entry(j)...)
		}
		tr.add(fmt.Sprintf("tile/entries/%03d", i), int(end-i*256), data)
	}
	return tr
}

func (tr *tree) add(name string, width int, data []byte) {
	if width < 256 {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	tr.files[name] = &fstest.MapFile{Data: data}
}

// flip inverts a bit of a file.
func (tr *tree) flip(name string, at int) { tr.files[name].Data[at] ^= 1 }

func (tr *tree) reader() ledger.Reader { return ledger.FS(tr.files) }

// at returns the unsigned checkpoint of the first n entries.
func (tr *tree) at(n uint64) ledger.Checkpoint {
	return ledger.Checkpoint{Origin: logParty.name, Size: n, Root: rootOf(tr.leaves[:n])}
}

// rootOf is MTH of RFC 6962 section 2.1 over leaf hashes.
func rootOf(hashes [][32]byte) [32]byte {
	switch len(hashes) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return hashes[0]
	}
	k := 1
	for k*2 < len(hashes) {
		k *= 2
	}
	left, right := rootOf(hashes[:k]), rootOf(hashes[k:])
	return [32]byte(rfc6962.DefaultHasher.HashChildren(left[:], right[:]))
}

var (
	logParty = newParty("ledger.example/log")
	w1       = newParty("w1.example")
	w2       = newParty("w2.example")
	w3       = newParty("w3.example")
)

// prove returns the hashes of an inclusion proof of index.
func (tr *tree) prove(t testing.TB, size, index uint64) [][32]byte {
	t.Helper()
	hashes, err := ledger.ProveInclusion(context.Background(), tr.reader(), size, index)
	if err != nil {
		t.Fatal(err)
	}
	return hashes
}

// sharedData reads a file of the real material beside the repository.
func sharedData(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", name))
	if err != nil {
		t.Skipf("real material is not here: %v", err)
	}
	return data
}

// wantError reports whether err is nil or does not contain text.
func wantError(t *testing.T, call string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want an error with %q", call, err, text)
	}
}
