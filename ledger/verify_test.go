package ledger_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	fnote "github.com/transparency-dev/formats/note"

	"github.com/proctor-attest/proctor/ledger"
)

// A claim is everything that Policy.Verify looks at, for a test to spoil.
type claim struct {
	policy string
	entry  []byte
	index  uint64
	hashes [][32]byte
	text   string
	sigs   []string
	at     int64
}

// newClaim makes a claim that holds: entry 300 of 600, cosigned by W1 at 100 and
// by W2 at 200, which is a quorum.
func newClaim(t *testing.T, tr *tree) *claim {
	text := treeText(logParty.name, 600, tr.at(600).Root)
	return &claim{
		policy: logAndWitnesses + "group g 2 W1 W2 W3\nquorum g\n",
		entry:  entry(300),
		index:  300,
		hashes: tr.prove(t, 600, 300),
		text:   text,
		sigs:   []string{logParty.sign(text), w2.cosign(text, 200), w1.cosign(text, 100)},
		at:     1000,
	}
}

func (c *claim) verify(t *testing.T) (*ledger.Verified, error) {
	t.Helper()
	proof := ledger.FormatProof(ledger.Proof{Index: c.index, Hashes: c.hashes, Checkpoint: []byte(note(c.text, c.sigs...))})
	return parsePolicy(t, c.policy).Verify(c.entry, proof, time.Unix(c.at, 0))
}

func (c *claim) verifyCheckpoint(t *testing.T) (*ledger.Verified, error) {
	t.Helper()
	return parsePolicy(t, c.policy).VerifyCheckpoint([]byte(note(c.text, c.sigs...)), time.Unix(c.at, 0))
}

func TestVerify(t *testing.T) {
	tr := newTree(600)
	c := newClaim(t, tr)
	want := &ledger.Verified{
		Origin: logParty.name, Index: 300, Size: 600, Root: tr.at(600).Root,
		Cosignatures: []ledger.Cosignature{{Witness: "W1", Time: time.Unix(100, 0).UTC()}, {Witness: "W2", Time: time.Unix(200, 0).UTC()}},
		NotAfter:     time.Unix(200, 0).UTC(),
		Text:         []byte(c.text),
		Signed:       []byte(note(c.text, c.sigs...)),
	}
	got, err := c.verify(t)
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Verify differs (-want +got):\n%s", diff)
	}
	want.Index = 0
	if got, err = c.verifyCheckpoint(t); err != nil {
		t.Fatalf("VerifyCheckpoint = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("VerifyCheckpoint differs (-want +got):\n%s", diff)
	}
}

func TestVerifyAccepts(t *testing.T) {
	tr := newTree(600)
	stranger := newParty("stranger.example")
	second := newParty(logParty.name + "/2")
	second.name = logParty.name
	for _, tc := range []struct {
		name     string
		change   func(*claim)
		notAfter int64
	}{
		{"third cosignature", func(c *claim) { c.sigs = append(c.sigs, w3.cosign(c.text, 300)) }, 200},
		{"third cosignature in the middle", func(c *claim) { c.sigs = append(c.sigs, w3.cosign(c.text, 150)) }, 150},
		{"a witness's earlier word counts", func(c *claim) { c.sigs = append(c.sigs, w2.cosign(c.text, 120)) }, 120},
		{"a witness's later word does not", func(c *claim) { c.sigs = append(c.sigs, w2.cosign(c.text, 900)) }, 200},
		{"dated now", func(c *claim) { c.at = 200 }, 200},
		{"dated zero beside", func(c *claim) { c.sigs = append(c.sigs, w3.cosign(c.text, 0)) }, 200},
		{"future beside", func(c *claim) { c.sigs = append(c.sigs, w3.cosign(c.text, 1001)) }, 200},
		{"stranger beside", func(c *claim) { c.sigs = append(c.sigs, stranger.cosign(c.text, 1)) }, 200},
		{"stranger's nonsense beside", func(c *claim) { c.sigs = append(c.sigs, stranger.sign("x")) }, 200},
		{"two keys of the log", func(c *claim) {
			c.policy = "log " + second.vkey() + "\n" + c.policy
		}, 200},
		{"quorum none", func(c *claim) {
			c.policy, c.sigs = logAndWitnesses+"quorum none\n", c.sigs[:1]
		}, time.Time{}.Unix()},
		{"quorum none with cosignatures", func(c *claim) { c.policy = logAndWitnesses + "quorum none\n" }, time.Time{}.Unix()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClaim(t, tr)
			tc.change(c)
			v, err := c.verify(t)
			if err != nil || v.NotAfter.Unix() != tc.notAfter {
				t.Errorf("Verify = %+v, %v; want not after %d", v, err, tc.notAfter)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	tr := newTree(600)
	impostor := newParty("impostor")
	impostor.name = logParty.name
	retext := func(c *claim, text string, sigs ...party) {
		c.text, c.sigs = text, []string{w1.cosign(text, 100), w2.cosign(text, 200)}
		for _, p := range sigs {
			c.sigs = append(c.sigs, p.sign(text))
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*claim)
		want   string
	}{
		{"another entry", func(c *claim) { c.entry = entry(301) }, "proof: the entry is not at index 300 of checkpoint 600"},
		{"empty entry", func(c *claim) { c.entry = nil }, "the entry is not at index 300"},
		{"entry too large", func(c *claim) { c.entry = make([]byte, 65536) }, "entry of 65536 bytes, want at most 65535"},
		{"leaf hash's preimage of a node", func(c *claim) { c.entry = slices.Concat(tr.leaves[300][:], c.hashes[0][:]) }, "the entry is not at index 300"},
		{"another index", func(c *claim) { c.index = 301 }, "the entry is not at index 301"},
		{"index outside", func(c *claim) { c.index = 600 }, "index 600 is outside a tree of 600"},
		{"hash changed", func(c *claim) { c.hashes[3][0] ^= 1 }, "the entry is not at index 300"},
		{"hash missing", func(c *claim) { c.hashes = c.hashes[:len(c.hashes)-1] }, "the entry is not at index 300"},
		{"hash added", func(c *claim) { c.hashes = append(c.hashes, [32]byte{}) }, "the entry is not at index 300"},
		{"checkpoint's root changed", func(c *claim) { c.text = treeText(logParty.name, 600, [32]byte{1}) }, "signature by ledger.example/log+"},
		{"checkpoint's size changed", func(c *claim) { c.text = treeText(logParty.name, 601, tr.at(600).Root) }, "signature by ledger.example/log+"},
		{"other checkpoint, all signatures good", func(c *claim) { retext(c, treeText(logParty.name, 600, [32]byte{1}), logParty) }, "the entry is not at index 300"},
		{"unknown log", func(c *claim) { retext(c, treeText("other.example", 600, tr.at(600).Root), logParty) }, `the policy has no log "other.example"`},
		{"unknown log with its own key", func(c *claim) {
			retext(c, treeText("other.example", 600, tr.at(600).Root), newParty("other.example"))
		}, `the policy has no log "other.example"`},
		{"log's signature missing", func(c *claim) { c.sigs = c.sigs[1:] }, `checkpoint not signed by the policy's key of "ledger.example/log"`},
		{"another key of the log's name", func(c *claim) { c.sigs[0] = impostor.sign(c.text) }, "checkpoint not signed by the policy's key"},
		{"log's signature as a cosignature", func(c *claim) { c.sigs[0] = logParty.cosign(c.text, 5) }, "checkpoint not signed by the policy's key"},
		{"log's signature of another text", func(c *claim) { c.sigs[0] = logParty.sign("x") }, "signature by ledger.example/log+"},
		{"second signature of the log false", func(c *claim) { c.sigs = append(c.sigs, logParty.sign("x")) }, "does not verify"},
		{"witness's cosignature of another text", func(c *claim) { c.sigs[1] = w2.cosign("x", 200) }, "signature by w2.example+"},
		{"superfluous cosignature false", func(c *claim) { c.sigs = append(c.sigs, w3.cosign("x", 200)) }, "signature by w3.example+"},
		{"cosignature redated", func(c *claim) { c.sigs[1] = redate(c.sigs[1], 100) }, "signature by w2.example+"},
		{"extension line that the log did not sign", func(c *claim) { c.text += "x\n" }, "signature by ledger.example/log+"},
		{"empty extension line", func(c *claim) { retext(c, c.text+"\n", logParty) }, "empty extension line"},
		{"no signature", func(c *claim) { c.sigs = nil }, "does not end with a signature line"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClaim(t, tr)
			tc.change(c)
			_, err := c.verify(t)
			wantError(t, "Verify", err, tc.want)
			if q := (*ledger.QuorumError)(nil); errors.As(err, &q) {
				t.Errorf("Verify = %v, want no QuorumError", err)
			}
		})
	}
}

// An extension line changes nothing of what a checkpoint says.
func TestVerifyExtended(t *testing.T) {
	c := newClaim(t, newTree(600))
	want, err := c.verify(t)
	if err != nil {
		t.Fatal(err)
	}
	c.text += "an extension line\n"
	c.sigs = []string{w1.cosign(c.text, 100), w2.cosign(c.text, 200), logParty.sign(c.text)}
	got, err := c.verify(t)
	if err != nil || got.Index != want.Index || got.Size != want.Size || got.Root != want.Root || !got.NotAfter.Equal(want.NotAfter) {
		t.Errorf("Verify with an extension line = %+v, %v; want %+v", got, err, want)
	}
}

// redate changes the time in a cosignature line.
func redate(line string, at uint64) string {
	f := strings.Fields(line)
	raw := unb64(f[2])
	return sigLine(f[1], binary.BigEndian.Uint32(raw), append(binary.BigEndian.AppendUint64(nil, at), raw[12:]...))
}

func TestQuorumError(t *testing.T) {
	tr := newTree(600)
	stranger := newParty("stranger.example")
	for _, tc := range []struct {
		name   string
		change func(*claim)
		got    []string
	}{
		{"nobody", func(c *claim) { c.sigs = c.sigs[:1] }, nil},
		{"one", func(c *claim) { c.sigs = c.sigs[:2] }, []string{"W2"}},
		{"one twice", func(c *claim) { c.sigs[1] = w1.cosign(c.text, 200) }, []string{"W1"}},
		{"one line twice", func(c *claim) { c.sigs[1] = c.sigs[2] }, []string{"W1"}},
		{"one and the log", func(c *claim) { c.sigs[1] = logParty.cosign(c.text, 200) }, []string{"W1"}},
		{"one and a stranger", func(c *claim) { c.sigs[1] = stranger.cosign(c.text, 200) }, []string{"W1"}},
		{"one under another's name", func(c *claim) { c.sigs[1] = party{w2.name, w3.key}.cosign(c.text, 200) }, []string{"W1"}},
		{"one undated", func(c *claim) { c.sigs[1] = w2.cosign(c.text, 0) }, []string{"W1"}},
		{"one in the future", func(c *claim) { c.sigs[1] = w2.cosign(c.text, 1001) }, []string{"W1"}},
		{"one beyond int64", func(c *claim) { c.sigs[1] = w2.cosign(c.text, 1<<63+200) }, []string{"W1"}},
		{"one signed the bare text", func(c *claim) { c.sigs[1] = w2.sign(c.text) }, []string{"W1"}},
		{"judged before", func(c *claim) { c.at = 199 }, []string{"W1"}},
		{"judged before 1970", func(c *claim) { c.at = -1 }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClaim(t, tr)
			tc.change(c)
			want := &ledger.QuorumError{Origin: logParty.name, Size: 600, Got: tc.got, Want: "2 of (W1, W2, W3)"}
			for name, verify := range map[string]func(*testing.T) (*ledger.Verified, error){"Verify": c.verify, "VerifyCheckpoint": c.verifyCheckpoint} {
				v, err := verify(t)
				var got *ledger.QuorumError
				if !errors.As(err, &got) || v != nil {
					t.Fatalf("%s = %+v, %v; want a QuorumError", name, v, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", name, diff)
				}
			}
		})
	}
	err := &ledger.QuorumError{Origin: "o", Size: 7, Want: "W1"}
	if got, want := err.Error(), "quorum not met: checkpoint 7 of o is cosigned by nobody, want W1"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	err.Got = []string{"W2", "W3"}
	if got, want := err.Error(), "quorum not met: checkpoint 7 of o is cosigned by W2, W3, want W1"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestNotAfter(t *testing.T) {
	text := treeText(logParty.name, 7, [32]byte{7})
	all := []string{w1.cosign(text, 100), w2.cosign(text, 200), w3.cosign(text, 300)}
	for _, tc := range []struct {
		quorum string
		sigs   []string
		want   int64 // 0: not met
	}{
		{"quorum W3\n", all, 300},
		{"quorum W3\n", all[:2], 0},
		{"group g any W1 W2 W3\nquorum g\n", all, 100},
		{"group g any W1 W2 W3\nquorum g\n", all[2:], 300},
		{"group g any W1 W2 W3\nquorum g\n", nil, 0},
		{"group g 2 W1 W2 W3\nquorum g\n", all, 200},
		{"group g 2 W1 W2 W3\nquorum g\n", all[1:], 300},
		{"group g all W1 W2 W3\nquorum g\n", all, 300},
		{"group g all W1 W2 W3\nquorum g\n", all[:2], 0},
		{"group a any W2 W3\ngroup g all W1 a\nquorum g\n", all, 200},
		{"group a all W2 W3\ngroup g any W1 a\nquorum g\n", all, 100},
		{"group a all W2 W3\ngroup g any W1 a\nquorum g\n", all[1:], 300},
		{"group a all W2 W3\ngroup g all W1 a\nquorum g\n", all[1:], 0},
	} {
		p := parsePolicy(t, logAndWitnesses+tc.quorum)
		v, err := p.VerifyCheckpoint([]byte(note(text, append([]string{logParty.sign(text)}, tc.sigs...)...)), time.Unix(1000, 0))
		switch {
		case tc.want == 0 && err == nil:
			t.Errorf("%q: not after %v, want the quorum not met", tc.quorum, v.NotAfter)
		case tc.want != 0 && (err != nil || v.NotAfter.Unix() != tc.want):
			t.Errorf("%q: %+v, %v; want not after %d", tc.quorum, v, err, tc.want)
		}
	}
}

func TestNotAfterWith(t *testing.T) {
	text := treeText(logParty.name, 7, [32]byte{7})
	signed := []byte(note(text, logParty.sign(text), w3.cosign(text, 300), w2.cosign(text, 200), w1.cosign(text, 100)))
	for _, tc := range []struct {
		quorum string
		counts string
		want   int64 // 0: no bound
	}{
		{"quorum W2\n", "W1", 200},
		{"quorum W2\n", "W2", 200},
		{"quorum W2\n", "W3", 300},
		{"quorum W2\n", "W1 W3", 200},
		{"quorum W2\n", "", 0},
		{"quorum none\n", "W1 W2 W3", 0},
	} {
		v, err := parsePolicy(t, logAndWitnesses+tc.quorum).VerifyCheckpoint(signed, time.Unix(1000, 0))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := v.NotAfterWith(func(w string) bool { return slices.Contains(strings.Fields(tc.counts), w) })
		if ok != (tc.want != 0) || ok && got.Unix() != tc.want {
			t.Errorf("%q: NotAfterWith(%q) = %v, %v; want %d", tc.quorum, tc.counts, got, ok, tc.want)
		}
	}
}

// ML-DSA-44 works for logs and witnesses. It does not cover extension lines: anybody
// can add some, and they must change nothing.
func TestMLDSA(t *testing.T) {
	root := [32]byte{7}
	text := treeText(logParty.name, 7, root)
	mldsa := func(name string) (vkey string, cosign func(at uint64) string) {
		skey, vkey, err := fnote.GenerateMLDSAKey(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := fnote.NewMLDSASigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		return vkey, func(at uint64) string {
			sig, err := s.SignSubtree(at, logParty.name, 0, 7, root[:])
			if err != nil {
				t.Fatal(err)
			}
			return sigLine(name, s.KeyHash(), sig)
		}
	}
	logKey, logSign := mldsa(logParty.name)
	witKey, witSign := mldsa(w1.name)
	p := parsePolicy(t, "log "+logKey+"\nwitness W1 "+witKey+"\nwitness W2 "+w2.vkey()+"\nquorum W1\n")
	v, err := p.VerifyCheckpoint([]byte(note(text, logSign(0), witSign(100))), time.Unix(1000, 0))
	if err != nil || v.NotAfter.Unix() != 100 {
		t.Errorf("VerifyCheckpoint = %+v, %v; want not after 100", v, err)
	}
	v2, err := p.VerifyCheckpoint([]byte(note(text+"quorum none\n", logSign(0), witSign(100))), time.Unix(1000, 0))
	if err != nil || v2.Root != v.Root || v2.Size != v.Size || !v2.NotAfter.Equal(v.NotAfter) {
		t.Errorf("VerifyCheckpoint with a line added = %+v, %v; want %+v", v2, err, v)
	}
	for _, tc := range []struct{ name, note, want string }{
		{"redated", note(text, logSign(0), redate(witSign(100), 50)), "does not verify"},
		{"log's signature redated", note(text, redate(logSign(100), 50), witSign(100)), "does not verify"},
		{"undated", note(text, logSign(0), witSign(0)), "quorum not met"},
	} {
		_, err := p.VerifyCheckpoint([]byte(tc.note), time.Unix(1000, 0))
		wantError(t, fmt.Sprintf("VerifyCheckpoint (%s)", tc.name), err, tc.want)
	}
}

// Leaf 7271 of a public log, with keys that did not come from the log.
func TestVerifyRealProof(t *testing.T) {
	const dir = "vectors/tlog-proof/proof_7271/"
	leaf, proof := sharedData(t, dir+"leaf_7271.raw"), sharedData(t, dir+"proof_7271.tlog-proof")
	var text strings.Builder
	var names []string
	for line := range strings.Lines(string(sharedData(t, dir+"keys_unabhaengig.txt"))) {
		switch key := strings.TrimSpace(line); {
		case key == "" || key[0] == '#':
		case strings.HasPrefix(key, "markovianprotocol.com/log+"):
			fmt.Fprintln(&text, "log", key)
		default:
			names = append(names, strings.Join(strings.SplitN(key, "+", 3)[:2], "+"))
			fmt.Fprintln(&text, "witness", names[len(names)-1], key)
		}
	}
	if len(names) != 7 {
		t.Fatalf("%d witness keys, want 7", len(names))
	}
	fmt.Fprintln(&text, "group ed25519 4", strings.Join(names[:5], " "))
	fmt.Fprintln(&text, "group ml-dsa-44 all", strings.Join(names[5:], " "))
	fmt.Fprintln(&text, "group both all ed25519 ml-dsa-44\nquorum both")
	policy := parsePolicy(t, text.String())
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

	v, err := policy.Verify(leaf, proof, at)
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	if v.Origin != "markovianprotocol.com/log" || v.Index != 7271 || v.Size != 7341 || b64(v.Root[:]) != "uNXWHpdGz73l2cku1fdg/u3Uff0NdKOGOfjHkTiZPjE=" {
		t.Errorf("Verify = %s, index %d, size %d, root %s; want leaf 7271 of 7341", v.Origin, v.Index, v.Size, b64(v.Root[:]))
	}
	times := map[string]int64{}
	for _, c := range v.Cosignatures {
		times[c.Witness] = c.Time.Unix()
	}
	want := map[string]int64{
		"witness.stagemole.eu+67f7aea0":                             1786689302,
		"transparency.dev/DEV:witness-little-garden+d8042a87":       1786689303,
		"staging.witness.transparency.goog/ring-any-bells+2e1a8dc9": 1786689303,
		"remora.n621.de+da77ade7":                                   1786689304,
		"witness.navigli.sunlight.geomys.org+a3e00fe2":              1786689302,
		"staging.witness.transparency.goog/ring-any-bells+5774b075": 1786689303,
		"witness.navigli.sunlight.geomys.org+6bc44249":              1786689302,
	}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Errorf("cosignatures differ (-want +got):\n%s", diff)
	}
	if got := v.NotAfter.Unix(); got != 1786689303 {
		t.Errorf("NotAfter = %d, want 1786689303", got)
	}

	p, err := ledger.ParseProof(proof)
	if err != nil || string(ledger.FormatProof(p)) != string(proof) || len(p.Hashes) != 11 {
		t.Errorf("ParseProof of the real proof = %d hashes, %v; want 11 and a round trip", len(p.Hashes), err)
	}
	leaf[365] ^= 1
	_, err = policy.Verify(leaf, proof, at)
	wantError(t, "Verify of a changed leaf", err, "the entry is not at index 7271")
	if _, err := policy.VerifyCheckpoint(p.Checkpoint, at); err != nil {
		t.Errorf("VerifyCheckpoint beside a changed leaf = %v, want no error", err)
	}

	later := sharedData(t, "vectors/tlog-proof/checkpoint_7397/checkpoint_7397.txt")
	v, err = policy.VerifyCheckpoint(later, at)
	if err != nil || v.Size != 7397 || hex.EncodeToString(v.Root[:4]) != "75a9ae62" {
		t.Errorf("VerifyCheckpoint of the later checkpoint = %+v, %v; want size 7397", v, err)
	}
}
