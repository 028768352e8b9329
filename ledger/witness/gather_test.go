package witness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// A fake changes what a witness answers and counts how often it was asked.
type fake struct {
	*witness.Witness
	asked  int
	change func(line []byte, err error) ([]byte, error)
}

func (f *fake) AddCheckpoint(ctx context.Context, old uint64, proof [][32]byte, checkpoint []byte) ([]byte, error) {
	f.asked++
	line, err := f.Witness.AddCheckpoint(ctx, old, proof, checkpoint)
	if f.change != nil {
		return f.change(line, err)
	}
	return line, err
}

// cosigners reports which of the witnesses cosigned.
func cosigners(t testing.TB, signed []byte, list ...*witness.Witness) string {
	t.Helper()
	var names []string
	for _, w := range list {
		key, err := ledger.ParseWitnessKey(w.VKey())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.Cosigned(signed); err == nil {
			names = append(names, w.Name())
		}
	}
	return strings.Join(names, " ")
}

func TestGather(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	a, b := newWitness(t, "a.example", l), newWitness(t, "b.example", l)
	policy, err := ledger.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness A %s\nwitness B %s\ngroup g all A B\nquorum g\n", l.vkey, a.VKey(), b.VKey()))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []uint8{3, 8, 8, 200} { // from nothing, on, again, and from two sizes
		if size == 200 {
			if _, err := a.AddCheckpoint(t.Context(), 8, l.consistency(t, 8, 10), l.checkpoint(t, 10)); err != nil {
				t.Fatal(err)
			}
		}
		signed, errs := witness.Gather(t.Context(), l, l.checkpoint(t, size), []witness.Cosigner{a, b}, nil)
		if len(errs) != 0 {
			t.Fatalf("Gather(%d) has errors %v, want none", size, errs)
		}
		v, err := policy.VerifyCheckpoint(signed, time.Unix(2000, 0))
		if err != nil || v.Size != uint64(size) || v.NotAfter.Unix() != 1000 {
			t.Errorf("VerifyCheckpoint of %q = %+v, %v; want size %d", signed, v, err, size)
		}
	}
}

// Who has cosigned already is not asked again, and nothing is lost.
func TestGatherResumes(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	a, b := newWitness(t, "a.example", l), newWitness(t, "b.example", l)
	down := errors.New("down")
	fa, fb := &fake{Witness: a}, &fake{Witness: b, change: func([]byte, error) ([]byte, error) { return nil, down }}
	checkpoint := l.checkpoint(t, 5)

	first, errs := witness.Gather(t.Context(), l, checkpoint, []witness.Cosigner{fa, fb}, nil)
	if len(errs) != 1 || !errors.Is(errs[0], down) || !strings.HasPrefix(errs[0].Error(), "witness b.example: ") {
		t.Errorf("Gather has errors %v, want that b.example is down", errs)
	}
	if got := cosigners(t, first, a, b); got != "a.example" {
		t.Errorf("Gather has cosignatures by %q, want a.example", got)
	}
	fb.change, fa.asked = nil, 0
	second, errs := witness.Gather(t.Context(), l, first, []witness.Cosigner{fa, fb}, nil)
	if len(errs) != 0 || fa.asked != 0 {
		t.Errorf("Gather again has errors %v and asked a.example %d times, want none and 0", errs, fa.asked)
	}
	if got := cosigners(t, second, a, b); got != "a.example b.example" || !bytes.HasPrefix(second, first) {
		t.Errorf("Gather again has cosignatures by %q, want both", got)
	}
	third, errs := witness.Gather(t.Context(), l, second, []witness.Cosigner{fa, fb}, nil)
	if len(errs) != 0 || !bytes.Equal(third, second) {
		t.Errorf("Gather when all is there = %q, %v; want no change", third, errs)
	}
}

func TestGatherAnswers(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	checkpoint := l.checkpoint(t, 5)
	stranger := newWitness(t, "b.example", l)
	foreign, err := stranger.AddCheckpoint(t.Context(), 0, nil, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		answer func(line []byte) []byte
		want   string // of the error; none if empty
	}{
		{"its line", func(line []byte) []byte { return line }, ""},
		{"another's line first", func(line []byte) []byte { return slices.Concat(foreign, line) }, ""},
		{"nonsense first", func(line []byte) []byte { return slices.Concat([]byte("x\n"), line) }, ""},
		{"its line twice", func(line []byte) []byte { return slices.Concat(line, line) }, ""},
		{"nothing", func([]byte) []byte { return nil }, "without a valid cosignature"},
		{"another's line", func([]byte) []byte { return foreign }, "without a valid cosignature"},
		{"a false line", func(line []byte) []byte { return bytes.Replace(foreign, []byte("b.example"), []byte("a.example"), 1) }, "without a valid cosignature"},
		{"a line without its end", func(line []byte) []byte { return line[:len(line)-1] }, "without a valid cosignature"},
		{"too much", func(line []byte) []byte { return slices.Concat(line, make([]byte, 32<<10)) }, "want at most 32768"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newWitness(t, "a.example", l)
			f := &fake{Witness: a, change: func(line []byte, err error) ([]byte, error) { return tc.answer(line), err }}
			signed, errs := witness.Gather(t.Context(), l, checkpoint, []witness.Cosigner{f}, nil)
			if tc.want == "" {
				if len(errs) != 0 || cosigners(t, signed, a) != "a.example" || bytes.Count(signed, []byte("\n— ")) != 2 {
					t.Errorf("Gather = %q, %v; want one cosignature by a.example", signed, errs)
				}
				return
			}
			if len(errs) != 1 || !strings.Contains(errs[0].Error(), tc.want) || !bytes.Equal(signed, checkpoint) {
				t.Errorf("Gather = %q, %v; want the checkpoint as it was and an error with %q", signed, errs, tc.want)
			}
		})
	}
}

func TestGatherFails(t *testing.T) {
	l, fork := newLog(t, origin, "log", 0), newLog(t, origin, "log", 1)
	w := newWitness(t, "a.example", l)
	if _, errs := witness.Gather(t.Context(), l, l.checkpoint(t, 8), []witness.Cosigner{w}, nil); len(errs) != 0 {
		t.Fatal(errs)
	}
	for _, tc := range []struct {
		name       string
		r          ledger.Reader
		checkpoint []byte
		want       string
		is         error
	}{
		{"not a checkpoint", l, []byte("x"), "note", nil},
		{"behind the witness", l, l.checkpoint(t, 5), "it has cosigned size 8, above 5", nil},
		{"fork", fork, fork.checkpoint(t, 9), "witness a.example: ", witness.ErrNotConsistent},
		{"fork of one size", fork, fork.checkpoint(t, 8), "witness a.example: ", ledger.ErrRollback},
		{"no tiles", ledger.Dir(t.TempDir()), l.checkpoint(t, 9), "reading tile", nil},
	} {
		signed, errs := witness.Gather(t.Context(), tc.r, tc.checkpoint, []witness.Cosigner{w}, nil)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), tc.want) || !bytes.Equal(signed, tc.checkpoint) {
			t.Errorf("Gather (%s) = %q, %v; want the checkpoint as it was and an error with %q", tc.name, signed, errs, tc.want)
		} else if tc.is != nil && !errors.Is(errs[0], tc.is) {
			t.Errorf("Gather (%s) = %v, want %v", tc.name, errs[0], tc.is)
		}
	}
}

// A witness that moves on each time it is asked is not asked for ever.
func TestGatherGivesUp(t *testing.T) {
	l := newLog(t, origin, "log", 0)
	f := &fake{Witness: newWitness(t, "a.example", l)}
	f.change = func([]byte, error) ([]byte, error) { return nil, &witness.ConflictError{Size: uint64(f.asked)} }
	if _, errs := witness.Gather(t.Context(), l, l.checkpoint(t, 8), []witness.Cosigner{f}, nil); len(errs) != 1 || f.asked != 2 {
		t.Errorf("Gather has errors %v after %d requests, want one after 2", errs, f.asked)
	}
}
