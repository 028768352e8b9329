package verify

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// spoil makes of a pack what a stranger would hand on to hide it: every statement
// with a false signature, every round with other bytes, every artifact too.
func (w *world) spoil() *attest.Pack {
	for _, id := range w.pack.IDs() {
		proof := w.pack.Entries[id].Proof
		w.keyless(w.pack.Entries[id])
		w.pack.Entries[id].Proof = proof
	}
	for round, data := range w.pack.Beacons {
		w.pack.Beacons[round] = bytes.Replace(data, []byte(`"signature":"`), []byte(`"signature":"00`), 1)
	}
	p := w.releaseOf()
	result := w.pack.Entries[p.Scores[0].Result].Statement.Predicate.(*attest.Result)
	w.must(w.pack.ReplaceArtifact(result.Rows.SHA256, []byte("other bytes")))
	return w.pack
}

// In whatever order packs are put together, a stranger's copies displace nothing.
func TestMergeInto(t *testing.T) {
	for _, order := range []string{"good then bad", "bad then good", "bad, good, bad"} {
		w := newWorld(t, hooks{})
		policy, bad, into := w.policy(), newWorld(t, hooks{}).spoil(), attest.NewPack()
		for _, p := range map[string][]*attest.Pack{
			"good then bad":  {w.pack, bad},
			"bad then good":  {bad, w.pack},
			"bad, good, bad": {bad, w.pack, bad},
		}[order] {
			MergeInto(into, p, policy, judgedAt)
		}
		if v, err := Pack(t.Context(), into, policy, Options{At: judgedAt}); err != nil || v.Headline != Supported {
			t.Errorf("%s: %v, %v", order, v, err)
		}
	}
}

// Whose policy knows nobody keeps what it has, and the proofs for it.
func TestMergeWithoutPolicy(t *testing.T) {
	w, bad := newWorld(t, hooks{}), newWorld(t, hooks{}).spoil()
	proofs := map[attest.Hash][]byte{}
	for id, e := range w.pack.Entries {
		proofs[id] = e.Proof
		e.Proof = nil
	}
	w.pack.Merge(bad)
	for id, e := range w.pack.Entries {
		if e.Proof != nil {
			t.Errorf("%s got the proof of other bytes", id.Short())
		}
	}
	good := newWorld(t, hooks{}).pack
	w.pack.Merge(good)
	for id, e := range w.pack.Entries {
		if !bytes.Equal(e.Proof, proofs[id]) {
			t.Errorf("%s did not get its proof", id.Short())
		}
	}
}

// Copies of one statement are dated by the earliest.
func TestMergeKeepsTheEarlier(t *testing.T) {
	dates := func(v *Verdict) map[attest.Hash]time.Time {
		found := map[attest.Hash]time.Time{}
		for _, e := range v.Claims[0].Rows[0].Timeline {
			found[e.ID] = e.NotAfter
		}
		return found
	}
	w := newWorld(t, hooks{})
	policy, want := w.policy(), dates(w.verify())
	late := newWorld(t, hooks{})
	for i := range late.log {
		late.log[i].Proof = late.proof(i, uint64(len(late.log)), headTime.Add(24*time.Hour))
	}
	for _, packs := range [][]*attest.Pack{{w.pack, late.pack}, {late.pack, w.pack}} {
		into := attest.NewPack()
		for _, p := range packs {
			MergeInto(into, p, policy, judgedAt)
		}
		v, err := Pack(t.Context(), into, policy, Options{At: judgedAt})
		if err != nil {
			t.Fatal(err)
		}
		if got := dates(v); !maps.Equal(got, want) {
			t.Errorf("dated %v, want %v", got, want)
		}
	}
}

// A statement that is wrapped again is the same statement: whoever logs it forty
// times has announced one run, and reported it once.
func TestFortyBundles(t *testing.T) {
	again := func(w *world, e *attest.Entry) {
		for i := range 40 {
			bundle, err := attest.FormatBundle(e.Statement.Payload, e.Bundle.Signature, fmt.Sprint("hint ", i))
			w.must(err)
			other, err := attest.ParseEntry(bundle)
			w.must(err)
			w.log = append(w.log, other)
		}
	}
	h := forgeryNamed("hidden-registration").base
	h.beforeLog = func(w *world, e *attest.Entry) {
		if slices.Contains([]string{"registration", "result"}, e.Statement.Kind()) {
			again(w, e)
		}
	}
	h.pack = func(w *world) {
		if len(w.log) < 80 {
			t.Fatalf("%d entries in the ledger", len(w.log))
		}
	}
	v, _ := newWorld(t, h).scanned(t)
	if r := v.Claims[0].Rows[0]; v.Headline != Supported || *r.Runs != (Runs{Registered: 1, Reported: 1, Rank: 1, Compared: 1}) {
		t.Errorf("%s, %+v", v.Headline, r.Runs)
		for _, c := range r.Checks {
			t.Logf("%s %s: %s", c.State, c.Name, c.Detail)
		}
	}
}
