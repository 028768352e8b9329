package run

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

var openingSecret = Secret{7, 7}

// openable is a result of five items, two of which have a trace and one of which was
// excluded without a response, with what its evaluator keeps.
func openable(t testing.TB) (Tree, *attest.Tree, []OpenedLeaf) {
	t.Helper()
	runID := attest.Hash{1, 2, 3}
	var leaves []OpenedLeaf
	var hashes []attest.Hash
	for i := range uint64(5) {
		l := OpenedLeaf{Index: i, ItemLeaf: attest.Hash{9, byte(i)}, Fields: map[string][]byte{}, Row: Row{Item: i, Grade: "1"}}
		if i == 3 {
			l.Row.Grade = "excluded:timeout"
		} else {
			l.Fields[FieldResponse] = fmt.Appendf(nil, `"answer %d"`, i)
		}
		if i < 2 {
			l.Fields[FieldTrace] = fmt.Appendf(nil, `{"steps":[%d]}`, i)
		}
		for name, value := range l.Fields {
			c, err := openingSecret.Commit(runID, i, 0, name, value)
			if err != nil {
				t.Fatal(err)
			}
			if name == FieldResponse {
				l.Row.Response = c
			} else {
				l.Row.Trace = c
			}
		}
		leaves = append(leaves, l)
		hashes = append(hashes, l.Row.Leaf(runID, l.ItemLeaf))
	}
	tree := attest.NewTree(hashes)
	return Tree{RunID: runID, Size: 5, Root: tree.Root()}, tree, leaves
}

func open(t testing.TB, tree Tree, prover Prover, leaves []OpenedLeaf) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := openingSecret.Open(&b, tree, prover, leaves); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func scan(data []byte, tree Tree) (got []OpenedLeaf, err error) {
	_, err = ScanOpening(bytes.NewReader(data), tree, func(l OpenedLeaf) error {
		got = append(got, l)
		return nil
	})
	return got, err
}

// What is proven of any choice of leaves is what was committed to.
func TestOpenEveryChoice(t *testing.T) {
	tree, prover, leaves := openable(t)
	for choice := 1; choice < 1<<len(leaves); choice++ {
		var some []OpenedLeaf
		for i, l := range leaves {
			if choice>>i&1 == 1 {
				some = append(some, l)
			}
		}
		got, err := scan(open(t, tree, prover, some), tree)
		if err != nil {
			t.Fatalf("choice %b: %v", choice, err)
		}
		for i, l := range got {
			want := some[i]
			if l.Index != want.Index || l.Row != want.Row || l.ItemLeaf != want.ItemLeaf || len(l.Fields) != len(want.Fields) || string(l.Fields[FieldResponse]) != string(want.Fields[FieldResponse]) {
				t.Errorf("choice %b: leaf %+v, want %+v", choice, l, want)
			}
		}
	}
}

// A field may stay closed: its commitment is enough for the leaf.
func TestOpenSomeFields(t *testing.T) {
	tree, prover, leaves := openable(t)
	leaf := leaves[0]
	leaf.Fields = map[string][]byte{FieldResponse: leaf.Fields[FieldResponse]}
	got, err := scan(open(t, tree, prover, []OpenedLeaf{leaf}), tree)
	if err != nil || got[0].Row.Trace.IsZero() || got[0].Fields[FieldTrace] != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tree, prover, leaves := openable(t)
	forged := leaves[1]
	forged.Fields = map[string][]byte{FieldResponse: []byte(`"another answer"`)}
	nothing := leaves[3]
	nothing.Fields = map[string][]byte{FieldResponse: []byte(`"late"`)}
	unknown := leaves[1]
	unknown.Fields = map[string][]byte{"reasoning": []byte(`"x"`)}
	for name, l := range map[string]OpenedLeaf{"another answer": forged, "an answer where there was none": nothing, "no field": unknown} {
		if err := openingSecret.Open(&bytes.Buffer{}, tree, prover, []OpenedLeaf{l}); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
	if err := openingSecret.Open(&bytes.Buffer{}, tree, prover, []OpenedLeaf{leaves[1], leaves[1]}); err == nil {
		t.Error("a leaf is opened twice")
	}
}

// What broke other tools' audits.
func TestScanRefuses(t *testing.T) {
	tree, prover, leaves := openable(t)
	two := string(open(t, tree, prover, leaves[1:3]))
	lines := strings.SplitAfter(two, "\n")
	replace := func(old, now string) string {
		if !strings.Contains(two, old) {
			t.Fatalf("no %q in %s", old, two)
		}
		return strings.Replace(two, old, now, 1)
	}
	other := tree
	other.Root[0] ^= 1
	otherRun := tree
	otherRun.RunID[0] ^= 1
	for name, c := range map[string]struct {
		data     string
		tree     Tree
		mismatch bool
	}{
		"an answer at another index": {replace(`"index":1`, `"index":0`), tree, true},
		"one leaf for two indexes":   {lines[0] + lines[1] + strings.Replace(lines[1], `"index":1`, `"index":2`, 1), tree, true},
		"a leaf twice":               {lines[0] + lines[1] + lines[1], tree, true},
		"leaves out of order":        {lines[0] + lines[2] + lines[1], tree, true},
		"another grade":              {replace(`"grade":"1"`, `"grade":"0"`), tree, true},
		"another item":               {replace(`"item":1`, `"item":2`), tree, true},
		"another sample":             {replace(`"sample":0`, `"sample":1`), tree, true},
		"an index beyond the tree":   {replace(`"index":2`, `"index":5`), tree, true},
		"another answer":             {replace(`"bytes":"ImFuc3dlciAxIg=="`, `"bytes":"ImFuc3dlciAyIg=="`), tree, true},
		"one leaf less":              {lines[0] + lines[1], tree, false},
		"one leaf more":              {two + lines[2], tree, false},
		"a line cut off":             {two[:len(two)-1], tree, false},
		"spaces":                     {replace(`"size":5`, `"size": 5`), tree, false},
		"an unknown member":          {replace(`"size":5`, `"size":5,"x":1`), tree, false},
		"another letter case":        {replace(`"index":1`, `"Index":1`), tree, false},
		"a grade that is none":       {replace(`"grade":"1"`, `"grade":"one"`), tree, false},
		"nothing":                    {"", tree, false},
		"another root":               {two, other, false},
		"another run":                {two, otherRun, false},
	} {
		_, err := scan([]byte(c.data), c.tree)
		var mismatch *MismatchError
		if err == nil || errors.As(err, &mismatch) != c.mismatch {
			t.Errorf("%s: %v, mismatch wanted: %t", name, err, c.mismatch)
		}
	}
}

// A root that is passed as a leaf, with an empty path, is in a tree of one leaf and in no
// other.
func TestScanRefusesRootAsLeaf(t *testing.T) {
	tree, prover, leaves := openable(t)
	data := string(open(t, tree, prover, leaves[:1]))
	at := strings.Index(data, `"proof":"`) + len(`"proof":"`)
	empty := data[:at] + data[at+strings.Index(data[at:], `"`):]
	if _, err := scan([]byte(empty), tree); err == nil {
		t.Error("an empty proof is accepted")
	}
}

// Any change of a byte makes an opening fail.
func TestScanFlippedBytes(t *testing.T) {
	tree, prover, leaves := openable(t)
	data := open(t, tree, prover, leaves[:2])
	for i := range data {
		for _, bit := range []byte{1, 0x10} {
			flipped := slices.Clone(data)
			flipped[i] ^= bit
			if _, err := scan(flipped, tree); err == nil {
				t.Fatalf("byte %d flipped by %#x is accepted: %s", i, bit, flipped)
			}
		}
	}
}

func FuzzScanOpening(f *testing.F) {
	tree, prover, leaves := openable(f)
	f.Add(open(f, tree, prover, leaves))
	f.Add(open(f, tree, prover, leaves[2:4]))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := scan(data, tree)
		if err != nil {
			return
		}
		for _, l := range got {
			if want := leaves[l.Index]; l.Row != want.Row || l.ItemLeaf != want.ItemLeaf {
				t.Fatalf("leaf %d is %+v, want %+v", l.Index, l, want)
			}
		}
	})
}
