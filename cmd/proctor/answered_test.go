package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

func TestScanAnswers(t *testing.T) {
	runID, secret := attest.Hash{1}, run.Secret{2}
	var rows []run.Row
	var hashes []attest.Hash
	for i := range uint64(4) {
		response, err := secret.Commit(runID, i, 0, run.FieldResponse, []byte(`"yes"`))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, run.Row{Item: i, Grade: "1", Response: response})
		hashes = append(hashes, rows[i].Leaf(runID, attest.Hash{3}))
	}
	tree := attest.NewTree(hashes)
	open := func(fields bool, indexes ...uint64) []byte {
		var leaves []run.OpenedLeaf
		for _, i := range indexes {
			l := run.OpenedLeaf{Index: i, Row: rows[i], ItemLeaf: attest.Hash{3}, Fields: map[string][]byte{}}
			if fields {
				l.Fields[run.FieldResponse] = []byte(`"yes"`)
			}
			leaves = append(leaves, l)
		}
		var b bytes.Buffer
		if err := secret.Open(&b, run.Tree{RunID: runID, Size: 4, Root: tree.Root()}, tree, leaves); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	scan := func(data []byte, rows []run.Row) error {
		a := &answered{planned: &planned{
			rows: rows, plan: &challenge.Plan{Open: []uint64{1, 3}},
			result: &attest.Result{RunID: runID, Outcome: &attest.Outcome{Leaves: 4, Root: tree.Root()}},
		}}
		return a.scan(data)
	}
	for _, good := range [][]byte{open(true, 1, 3), open(true, 0, 1, 3)} {
		if err := scan(good, rows); err != nil {
			t.Error(err)
		}
	}
	for name, bad := range map[string][]byte{"of other leaves": open(true, 0, 1, 2), "without responses": open(false, 1, 3)} {
		if err := scan(bad, rows); err == nil || !strings.Contains(err.Error(), "of the 2 drawn leaves are not opened") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	other := append([]run.Row{}, rows...)
	other[3].Grade = "0"
	var mismatch *run.MismatchError
	if err := scan(open(true, 1, 3), other); !errors.As(err, &mismatch) {
		t.Errorf("other rows: got %v", err)
	}
}
