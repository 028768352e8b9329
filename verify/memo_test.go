package verify

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proctor-attest/proctor/attest"
)

// No pack changes the verdict on another, whichever a verifier sees first: the forgeries
// are all of one world, and most of what they hold is the same.
func TestVerifierForgetsNoDifference(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(forgeryDir, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no forgeries: %v", err)
	}
	packs := map[string]archived{}
	alone := map[string]judgement{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		packs[name] = readArchive(t, txtar.Parse(data))
		alone[name] = judged(packs[name].judge(t, New, nil))
	}
	for range 2 {
		verifiers := map[attest.Hash]*Verifier{}
		for _, name := range names {
			together := judged(packs[name].judge(t, func(p *Policy) *Verifier {
				if verifiers[p.Hash] == nil {
					verifiers[p.Hash] = New(p)
				}
				return verifiers[p.Hash]
			}, nil))
			if diff := cmp.Diff(alone[name], together); diff != "" {
				t.Errorf("%s alone and after others: %s", name, diff)
			}
		}
		slices.Reverse(names)
	}
}

// judgement is what there is of a verdict.
type judgement struct {
	Verdict *Verdict
	Error   string
}

func judged(v *Verdict, err error) judgement {
	if err != nil {
		return judgement{Error: err.Error()}
	}
	return judgement{Verdict: v}
}

// What is remembered of a statement is of its signature, its proof and its round as
// they are in one pack, not of its id.
func TestVerifierTakesNoWord(t *testing.T) {
	for name, spoil := range map[string]func(*world, *attest.Entry){
		"signature": (*world).keyless,
		"proof": func(w *world, e *attest.Entry) {
			other := *e
			other.Proof = w.log[0].Proof
			w.pack.Entries[e.Statement.ID] = &other
		},
		"round": func(w *world, e *attest.Entry) {
			round := *e.Statement.Head().NotBefore
			n := round
			n.Round--
			data, err := w.beacon.Round(n.Round)
			w.must(err)
			w.pack.Beacons[round] = data
		},
		"configuration": func(w *world, e *attest.Entry) {
			w.pack.RemoveArtifact(w.chains[evaluator][0].Statement.Predicate.(*attest.Registration).Configuration.SHA256)
		},
	} {
		honest, forged := newWorld(t, hooks{}), newWorld(t, hooks{})
		spoil(forged, forged.chains[lab][2]) // a head
		want, err := Pack(t.Context(), forged.pack, forged.policy(), Options{At: judgedAt})
		if err != nil || want.OK() {
			t.Fatalf("false %s: %+v, %v", name, want, err)
		}
		for _, order := range [][]*world{{honest, forged, honest, forged}, {forged, honest, forged}} {
			v := New(honest.policy())
			for i, w := range order {
				got, err := v.Pack(t.Context(), w.pack, Options{At: judgedAt})
				if err != nil {
					t.Fatal(err)
				}
				if w == honest && !got.OK() {
					t.Errorf("pack %d, after one with a false %s, is %s", i, name, got.Headline)
				}
				if diff := cmp.Diff(want, got); w == forged && diff != "" {
					t.Errorf("pack %d, with a false %s, alone and after others: %s", i, name, diff)
				}
			}
		}
	}
}

// A verifier that has judged as of one time judges as of another.
func TestVerifierAtOtherTimes(t *testing.T) {
	w := newWorld(t, hooks{})
	v := New(w.policy())
	for range 2 {
		for _, at := range []int{-28, 0, 400} {
			opts := Options{At: judgedAt.AddDate(0, 0, at)}
			want, err := Pack(t.Context(), w.pack, w.policy(), opts)
			w.must(err)
			got, err := v.Pack(t.Context(), w.pack, opts)
			w.must(err)
			if diff := cmp.Diff(want, got); diff != "" || got.OK() != (at == 0) {
				t.Errorf("as of %s: %s, %s", opts.At, got.Headline, diff)
			}
		}
	}
}

func TestMemo(t *testing.T) {
	var m memo
	made := 0
	of := func(size int, parts ...string) int {
		var all [][]byte
		for _, p := range parts {
			all = append(all, []byte(p))
		}
		return recall(&m, "test", size, func() int { made++; return made }, all...)
	}
	a, b := of(0, "a", "bc"), of(0, "ab", "c")
	if a == b || of(0, "a", "bc") != a || of(0, "ab", "c") != b || made != 2 {
		t.Errorf("what is made of other parts is %d and %d, and %d were made", a, b, made)
	}
	for range 100 {
		of(maxMemo/10, "part", string(rune('a'+made)))
		if m.held > maxMemo || len(m.known) > 12 {
			t.Fatalf("%d values of %d bytes are held", len(m.known), m.held)
		}
	}
	if len(m.known) == 0 {
		t.Error("nothing is held")
	}
}
