package testset

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

// mustNext makes the next version of a store, in a store of its own.
func mustNext(t *testing.T, s *Store, change Change) (*Version, *Store) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "next")
	v, err := CreateStore(dir, s.Secret(), func(private io.Writer) (*Version, error) { return s.Next(t.Context(), change, private) })
	if err != nil {
		t.Fatal(err)
	}
	later, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { later.Close() })
	return v, later
}

func find(t *testing.T, s *Store, key Key) []uint64 {
	t.Helper()
	found, err := s.Find(key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNext(t *testing.T) {
	first, s := mustStore(t, source("f", arithmetic), Options{})
	retired, revised := find(t, s, `"c"`)[0], find(t, s, `"b"`)[0]

	// The whole file once more, with b revised and two items appended.
	text := strings.Replace(arithmetic, "Paris", "Paris.", 1) + `{"id":"z","prompt":"1+1?","answer":2}` + "\n" + `{"id":"y","prompt":"1+2?","answer":3}` + "\n"
	v, later := mustNext(t, s, Change{Source: source("g", text), Retire: []Key{`"c"`}, Reason: "checked again"})

	if v.Size != 8 || !slices.Equal(v.Leaves[:5], first.Leaves) {
		t.Fatalf("size %d with leaves %v, want 8 that begin with the first version's", v.Size, v.Leaves)
	}
	if err := attest.CheckConsistency(first.Size, first.Root, v.Size, v.Root, v.Consistency); err != nil {
		t.Errorf("consistency: %v", err)
	}
	if err := attest.CheckConsistency(first.Size, v.Root, v.Size, v.Root, v.Consistency); err == nil {
		t.Error("another first root is consistent too")
	}
	both := find(t, later, `"b"`)
	if len(both) != 2 || both[0] != revised || both[1] < 5 {
		t.Fatalf("revisions of b are at %v, want %d and one that was appended", both, revised)
	}
	want := []attest.Edit{{Retired: revised, Successor: &both[1], Reason: "checked again"}, {Retired: retired, Reason: "checked again"}}
	slices.SortFunc(want, func(a, b attest.Edit) int { return int(a.Retired) - int(b.Retired) })
	if diff := cmp.Diff(want, v.Edits); diff != "" {
		t.Errorf("edits: %s", diff)
	}
	for i := range v.Size {
		if got, want := IsActive(v.Bitmap, i), i != revised && i != retired; got != want {
			t.Errorf("item %d active = %v, want %v", i, got, want)
		}
	}
	if !slices.IsSortedFunc([]Key{key(t, later, 5), key(t, later, 6), key(t, later, 7)}, func(a, b Key) int {
		x, y := later.salts.Order(a), later.salts.Order(b)
		return bytes.Compare(x[:], y[:])
	}) {
		t.Error("the appended batch is not in its secret order")
	}

	// Everything opens against the new version, both revisions of b too.
	all := []uint64{0, 1, 2, 3, 4, 5, 6, 7}
	o, err := ReadOpening(bytes.NewReader(opening(t, later, all, nil)), v.Set, OpeningConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.Items[both[0]].Fields["answer"]) + string(o.Items[both[1]].Fields["answer"]); got != `"Paris""Paris."` {
		t.Errorf("answers of b are %s", got)
	}
	if rev := o.Items[both[1]].Rev; rev != 1 {
		t.Errorf("the revision of b is %d, want 1", rev)
	}

	// And so on: a third version only retires, and keeps size and root.
	third, last := mustNext(t, later, Change{Retire: []Key{`"z"`}})
	if third.Root != v.Root || third.Active == v.Active || len(third.Consistency) != 0 {
		t.Errorf("a version that only retires has root %s, active %s, %d hashes", third.Root, third.Active, len(third.Consistency))
	}
	if IsActive(last.Bitmap(), retired) {
		t.Error("an item that was retired is active again")
	}
}

func TestNextRefusals(t *testing.T) {
	_, s := mustStore(t, source("f", arithmetic), Options{})
	_, later := mustNext(t, s, Change{Retire: []Key{`"c"`}})
	for _, tt := range []struct {
		name   string
		change Change
		want   string
	}{
		{"nothing", Change{}, "nothing changes"},
		{"the same file", Change{Source: source("g", arithmetic)}, "nothing changes"},
		{"an unknown key", Change{Retire: []Key{`"q"`}}, `no item "q"`},
		{"retired twice", Change{Retire: []Key{`"c"`}}, "retired already"},
		{"named twice", Change{Retire: []Key{`"b"`, `"b"`}}, "both revised and retired"},
		{"revised and retired", Change{Source: source("g", `{"id":"b","prompt":"?","answer":1}`), Retire: []Key{`"b"`}}, "both revised and retired"},
		{"back again", Change{Source: source("g", `{"id":"c","prompt":"?","answer":1}`)}, "stays retired"},
		{"a key twice", Change{Source: source("g", "{\"id\":\"n\",\"prompt\":\"?\"}\n{\"id\":\"n\",\"prompt\":\"!\"}\n")}, "is also that of row 0"},
		{"no key", Change{Source: source("g", `{"prompt":"?","answer":1}`)}, "id"},
		{"an item that is there", Change{Source: source("g", `{"id":"n","prompt":{"text":"CAPITAL of  France?"},"answer":"paris"}`)}, "the set has already"},
	} {
		if v, err := later.Next(t.Context(), tt.change, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Next(%s) = %v, %v, want an error with %q", tt.name, v, err, tt.want)
		}
	}
	if _, err := later.Next(t.Context(), Change{}, io.Discard); !errors.Is(err, ErrNoChange) {
		t.Errorf("Next(nothing) = %v, want ErrNoChange", err)
	}
	duplicate := Change{Source: source("g", `{"id":"n","prompt":{"text":"CAPITAL of  France?"},"answer":"paris"}`), AllowDuplicates: true}
	if v, _ := mustNext(t, later, duplicate); len(v.Duplicates) != 1 {
		t.Errorf("allowed duplicates are %v, want one group", v.Duplicates)
	}
}
