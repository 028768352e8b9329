package verify

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// manyItems is a set of n items, of which only the leaf hashes exist.
func manyItems(t testing.TB, n int) *testset.Version {
	v := &testset.Version{Leaves: make([]attest.Hash, n), Bitmap: testset.AllActive(uint64(n))}
	v.Fields = []string{"answer", "question"}
	for i := range v.Leaves {
		v.Leaves[i] = attest.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	v.ID = testset.ID(owner, "sums")
	v.Size, v.Root = uint64(n), attest.Root(v.Leaves)
	var err error
	if v.Active, err = testset.Active(v.Size, v.Bitmap); err != nil {
		t.Fatal(err)
	}
	return v
}

// large is a world whose result has one row for each of n items, two in three of
// them right.
func large(t testing.TB, n int) *world {
	return newWorld(t, hooks{
		version: manyItems(t, n),
		rows: func(_ *world, _ []run.Row) []run.Row {
			rows := make([]run.Row, n)
			for i := range rows {
				rows[i] = run.Row{Item: uint64(i), Response: attest.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(n+i))), Grade: "1"}
				if i%3 == 2 {
					rows[i].Grade = "0"
				}
			}
			return rows
		},
	})
}

// What a verifier does with a result of a million rows: reading the pack is part of
// it, reading the policy is not.
func BenchmarkVerifyMillionRows(b *testing.B) {
	const rows = 1_000_000
	w := large(b, rows)
	policy := w.policy()
	var file bytes.Buffer
	w.must(w.pack.WriteZip(&file))
	w.pack = nil
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		pack, err := attest.ReadZip(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			b.Fatal(err)
		}
		v, err := Pack(b.Context(), pack, policy, Options{At: judgedAt})
		if err != nil || !v.OK() {
			b.Fatalf("%v, %v", v, err)
		}
	}
}
