package testset

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proctor-attest/proctor/attest"
)

type vectors struct {
	Kset, Issuer, Name string
	SetID              attest.Hash
	Fields             []string
	Rows               []struct {
		Key    string
		Order  attest.Hash
		Item   json.RawMessage
		Fields map[string]struct {
			Salt       attest.Hash
			Bytes      string
			Commitment attest.Hash
		}
		ItemBytes string
		Leaf      attest.Hash
		Index     uint64
	}
	Root, RootOfFirst3, ActiveAll, ActiveIndex1Retired, Active11All attest.Hash
	Multiproof                                                      struct {
		Opened []uint64
		Hashes []attest.Hash
	}
	Revision1 struct {
		Key         string
		Rev         uint32
		Item        map[string]json.RawMessage
		Commitments []attest.Hash
		Leaf        attest.Hash
	}
}

func TestVectors(t *testing.T) {
	t.Run("testdata", func(t *testing.T) { testVectors(t, filepath.Join("testdata", "testset.json")) })
	t.Run("shared", func(t *testing.T) { testVectors(t, shared(t, "vectors/testset.json")) })
}

func testVectors(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want vectors
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	k, err := hex.DecodeString(want.Kset)
	if err != nil {
		t.Fatal(err)
	}
	secret := Secret(k)
	var file bytes.Buffer
	for _, r := range want.Rows {
		if err := json.Compact(&file, r.Item); err != nil {
			t.Fatal(err)
		}
		file.WriteByte('\n')
	}
	v, err := commit(t, bytesSource("vectors.jsonl", file.Bytes()), Options{Fields: want.Fields}, Config{Issuer: want.Issuer, Name: want.Name, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("setID", v.ID, want.SetID)
	check("root", v.Root, want.Root)
	check("root of first 3", attest.Root(v.Leaves[:3]), want.RootOfFirst3)
	check("active", v.Active, want.ActiveAll)
	salts := secret.Salts(v.ID)
	for _, r := range want.Rows {
		key, err := StringKey(r.Key)
		if err != nil {
			t.Fatal(err)
		}
		check(r.Key+" order", salts.Order(key), r.Order)
		check(r.Key+" leaf", v.Leaves[r.Index], r.Leaf)
		values := make([][]byte, len(want.Fields))
		for i, f := range want.Fields {
			values[i] = []byte(r.Fields[f].Bytes)
			check(r.Key+" salt "+f, salts.Salt(key, 0, f), r.Fields[f].Salt)
		}
		commitments := salts.Commitments(key, 0, want.Fields, values)
		for i, f := range want.Fields {
			check(r.Key+" commitment "+f, commitments[i], r.Fields[f].Commitment)
		}
		check(r.Key+" item bytes", hex.EncodeToString(itemBytes(commitments)), r.ItemBytes)
	}
	retired := bytes.Clone(v.Bitmap)
	retired[0] &^= 0x40
	for _, test := range []struct {
		size   uint64
		bitmap []byte
		want   attest.Hash
	}{
		{v.Size, retired, want.ActiveIndex1Retired},
		{11, AllActive(11), want.Active11All},
	} {
		got, err := Active(test.size, test.bitmap)
		if err != nil {
			t.Fatal(err)
		}
		check("active", got, test.want)
	}
	proof, err := v.Tree.ProveOpening(want.Multiproof.Opened)
	if err != nil {
		t.Fatal(err)
	}
	check("multiproof", proof, want.Multiproof.Hashes)

	r1 := want.Revision1
	key, _ := StringKey(r1.Key)
	var values [][]byte
	for _, f := range want.Fields {
		var value []byte
		if raw, ok := r1.Item[f]; ok {
			if value, err = attest.Canonicalize(raw); err != nil {
				t.Fatal(err)
			}
		}
		values = append(values, value)
	}
	commitments := salts.Commitments(key, r1.Rev, want.Fields, values)
	check("revision 1", commitments, r1.Commitments)
	check("revision 1 leaf", ItemLeaf(commitments), r1.Leaf)
}
