package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

func TestResultVectors(t *testing.T) {
	for _, path := range []string{"testdata/result.json", "../../../shared/vectors/result.json"} {
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) && path != "testdata/result.json" {
			t.Skipf("%s is not here; the project's copy was tested", path)
		}
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			KRun  attest.Hash
			RunID attest.Hash
			Rows  []struct {
				Item                      uint64
				Sample                    uint32
				ItemLeaf                  attest.Hash
				ResponseValue, TraceValue json.RawMessage
				ResponseSalt, Response    attest.Hash
				TraceSalt, Trace          attest.Hash
				Grade                     string
				Leaf                      attest.Hash
			}
			Root attest.Hash
		}
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if len(v.Rows) == 0 {
			t.Fatal("no vectors")
		}
		k := Secret(v.KRun)
		skeleton := make([]attest.Hash, 5)
		var rows []Row
		for _, r := range v.Rows {
			skeleton[r.Item] = r.ItemLeaf
			row := Row{Item: r.Item, Sample: r.Sample, Grade: r.Grade}
			row.Response = commitVector(t, k, v.RunID, r.Item, r.Sample, FieldResponse, r.ResponseValue, r.ResponseSalt)
			row.Trace = commitVector(t, k, v.RunID, r.Item, r.Sample, FieldTrace, r.TraceValue, r.TraceSalt)
			if row.Response != r.Response || row.Trace != r.Trace {
				t.Errorf("item %d sample %d: commitments %s, %s, want %s, %s", r.Item, r.Sample, row.Response, row.Trace, r.Response, r.Trace)
			}
			if got := row.Leaf(v.RunID, r.ItemLeaf); got != r.Leaf {
				t.Errorf("item %d sample %d: leaf %s, want %s", r.Item, r.Sample, got, r.Leaf)
			}
			rows = append(rows, row)
		}
		root, err := Root(v.RunID, rows, skeleton)
		if err != nil || root != v.Root {
			t.Errorf("root %s, %v, want %s", root, err, v.Root)
		}
		if err := CheckItems(rows, []uint64{0, 1, 2, 3, 4}, 2); err != nil {
			t.Error(err)
		}
		text := FormatRows(rows)
		again, err := ParseRows(text)
		if err != nil || !bytes.Equal(FormatRows(again), text) {
			t.Errorf("ParseRows of FormatRows: %v", err)
		}
	}
}

func commitVector(t *testing.T, k Secret, runID attest.Hash, item uint64, sample uint32, field string, value json.RawMessage, want attest.Hash) attest.Hash {
	t.Helper()
	// A null in the vectors stands for nothing committed.
	if len(value) == 0 || string(value) == "null" {
		return attest.Hash{}
	}
	salt, err := k.Salt(runID, item, sample, field)
	if err != nil || salt != want {
		t.Errorf("salt of item %d sample %d %s: %s, %v, want %s", item, sample, field, salt, err, want)
	}
	canonical, err := attest.Canonicalize(value)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Commit(runID, item, sample, field, canonical)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheckItems(t *testing.T) {
	rows := func(pairs ...uint64) (list []Row) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, Row{Item: pairs[i], Sample: uint32(pairs[i+1])})
		}
		return list
	}
	items := []uint64{1, 3}
	for _, c := range []struct {
		name string
		rows []Row
		ok   bool
	}{
		{"exact", rows(1, 0, 1, 1, 3, 0, 3, 1), true},
		{"dropped", rows(1, 0, 1, 1, 3, 0), false},
		{"dropped first", rows(1, 1, 3, 0, 3, 1), false},
		{"added", rows(1, 0, 1, 1, 3, 0, 3, 1, 4, 0), false},
		{"retired item", rows(1, 0, 1, 1, 2, 0, 3, 0, 3, 1), false},
		{"twice", rows(1, 0, 1, 0, 1, 1, 3, 0, 3, 1), false},
		{"swapped", rows(3, 0, 3, 1, 1, 0, 1, 1), false},
		{"none", nil, false},
	} {
		if err := CheckItems(c.rows, items, 2); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckGrade(t *testing.T) {
	m := attest.Metric{Name: "mean", Min: "0", Max: "1", Better: "higher"}
	answered := attest.Hash{1}
	for _, c := range []struct {
		row Row
		ok  bool
	}{
		{Row{Grade: "0.5", Response: answered}, true},
		{Row{Grade: "1", Response: answered}, true},
		{Row{Grade: "1.5", Response: answered}, false},
		{Row{Grade: "-1", Response: answered}, false},
		{Row{Grade: "1"}, false},
		{Row{Grade: "excluded:timeout"}, true},
		{Row{Grade: "excluded:timeout", Response: answered}, true},
		{Row{Grade: "excluded:hard"}, false},
	} {
		if err := CheckGrade(c.row, m, []string{"timeout"}); (err == nil) != c.ok {
			t.Errorf("CheckGrade(%+v) = %v", c.row, err)
		}
	}
}

// The first row that is wrong is found behind others of its grade, with and without a
// response.
func TestCheckGrades(t *testing.T) {
	m := attest.Metric{Name: "mean", Min: "0", Max: "1", Better: "higher"}
	answered := attest.Hash{1}
	good := []Row{{Grade: "1", Response: answered}, {Grade: "excluded:timeout"}, {Grade: "0.5", Response: answered}}
	if row, err := CheckGrades(append(good, good...), m, []string{"timeout"}); err != nil {
		t.Errorf("row %d: %v", row, err)
	}
	for _, bad := range []Row{{Grade: "1"}, {Grade: "0.5"}, {Grade: "2", Response: answered}, {Grade: "excluded:hard", Response: answered}} {
		rows := append(append(append([]Row{}, good...), good...), bad, good[0], bad)
		if row, err := CheckGrades(rows, m, []string{"timeout"}); err == nil || row != 6 {
			t.Errorf("CheckGrades with %+v in row 6 = %d, %v", bad, row, err)
		}
	}
	many := make([]Row, maxGrades+3)
	for i := range many {
		many[i] = Row{Grade: fmt.Sprintf("0.%d1", i), Response: answered}
	}
	many[maxGrades+2].Grade = "1.01"
	if row, err := CheckGrades(many, m, nil); err == nil || row != maxGrades+2 {
		t.Errorf("CheckGrades of %d different grades = %d, %v", len(many), row, err)
	}
}
