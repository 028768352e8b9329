package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/verify/challenge/localbeacon"
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

// share makes n packs of 50 rows each: a run of its own, reported, claimed and followed
// by a head, beside the set, the model and their owners' heads, which all packs have
// in common. It is one ledger, and each statement's proof is under a checkpoint of
// its own.
func share(t testing.TB, n int) (packs []*attest.Pack, policy string) {
	const rows = 50
	w := &world{t: t, chains: map[string][]*attest.Entry{}, pack: attest.NewPack(), version: manyItems(t, rows)}
	var err error
	w.beacon, err = localbeacon.New(bytes.Repeat([]byte{7}, 32), "test", 3, genesis)
	w.must(err)
	set, m := w.issue(owner, w.testset()), w.commitModel()
	pkg := digest("package")
	w.issue(lab, &attest.Release{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: m.Statement.ID}}},
		Name:   "tiny", Model: weightsOf(t, modelRoles()), Published: []string{"https://hub.example/tiny"}, Package: &pkg,
	})
	w.head(owner, headTime)
	w.head(lab, headTime)
	common, round := w.pack, w.chains[lab][2].Statement.Head().NotBefore
	for i := range n {
		w.pack = attest.NewPack()
		w.pack.Merge(common)
		reg := w.register(set, m)
		graded := make([]run.Row, rows)
		for j := range graded {
			graded[j] = run.Row{Item: uint64(j), Response: attest.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i))), Grade: fmt.Sprint(min(1, j%3))}
		}
		result := w.issue(evaluator, w.result(reg.Statement.ID, graded))
		w.issue(evaluator, &attest.Claim{Text: fmt.Sprint("run ", i), Scores: []attest.Score{
			{Label: "sums", Score: "66", Decimals: 1, Scale: "100", Result: result.Statement.ID},
		}})
		w.issue(evaluator, &attest.ChainHead{Header: attest.Header{NotBefore: round}, Newest: uint64(len(w.chains[evaluator]) - 1)})
		packs = append(packs, w.pack)
	}
	w.proveAll()
	return packs, w.policyText()
}

// proveAll is prove for a log of any length.
func (w *world) proveAll() {
	var levels [][]attest.Hash // roots of perfect subtrees
	var root func(lo, hi int) attest.Hash
	root = func(lo, hi int) attest.Hash {
		if n := hi - lo; n&(n-1) == 0 {
			return levels[bits.TrailingZeros(uint(n))][lo/n]
		}
		mid := lo + 1<<(bits.Len(uint(hi-lo-1))-1)
		l, r := root(lo, mid), root(mid, hi)
		return attest.Hash(rfc6962.DefaultHasher.HashChildren(l[:], r[:]))
	}
	for i, e := range w.log {
		node := attest.LeafHash(e.Bytes)
		for k := 0; ; k++ {
			if k == len(levels) {
				levels = append(levels, nil)
			}
			levels[k] = append(levels[k], node)
			if len(levels[k])%2 == 1 {
				break
			}
			left := levels[k][len(levels[k])-2]
			node = attest.Hash(rfc6962.DefaultHasher.HashChildren(left[:], node[:]))
		}
		var path [][32]byte // of the last leaf: what is left of it
		for lo, hi := 0, i+1; hi-lo > 1; {
			mid := lo + 1<<(bits.Len(uint(hi-lo-1))-1)
			path = append(path, root(lo, mid))
			lo = mid
		}
		slices.Reverse(path)
		e.Proof = w.proofOf(uint64(i), uint64(i+1), root(0, i+1), path, map[string]time.Time{witName: headTime.Add(time.Duration(i) * time.Second)})
	}
}

// Packs that share most of their statements, in one go.
func BenchmarkVerifyPacks(b *testing.B) {
	packs, text := share(b, 300)
	policy, err := ParsePolicy([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	var files [][]byte
	for _, p := range packs {
		var file bytes.Buffer
		if err := p.WriteZip(&file); err != nil {
			b.Fatal(err)
		}
		files = append(files, file.Bytes())
	}
	b.ReportAllocs()
	for b.Loop() {
		verifier := New(policy)
		for _, data := range files {
			pack, err := verifier.Reader().Zip(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				b.Fatal(err)
			}
			v, err := verifier.Pack(b.Context(), pack, Options{At: judgedAt})
			if err != nil || !v.OK() {
				b.Fatalf("%+v, %v", v, err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(files)), "µs/pack")
}
