// Package ledgertest holds every engine to what ledger.Log promises: one suite for the
// embedded ledger, for Trillian and for either of them behind HTTP. It judges proofs as a
// stranger does, and compares every tile with one that it makes itself, in the plainest
// way, from the entries.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/ledger"
)

// A CosignFunc is what engines ask for cosignatures.
type CosignFunc = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error)

// An Engine is an empty ledger under test.
type Engine struct {
	Key string // verifier key

	// Open opens the ledger, again and again; cosign may be nil. The suite closes it.
	Open func(t testing.TB, cosign CosignFunc) ledger.Log

	// Remote says that the answers come over HTTP: they do not say of an entry that it
	// was there, and what is closed is only the client.
	Remote bool

	// Forgetful says that the engine does not find an entry again that was appended
	// before it was opened, as Trillian's in-memory storage does not.
	Forgetful bool

	// Slow says that entries follow each other, a tenth of a second each: fewer will do.
	Slow bool
}

// Run runs the suite; start makes a new ledger for each test.
func Run(t *testing.T, start func(t testing.TB) Engine) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"Append", (*suite).testAppend},
		{"Sizes", (*suite).testSizes},
		{"Together", (*suite).testTogether},
		{"Again", (*suite).testAgain},
		{"Cancelled", (*suite).testCancelled},
		{"NotCosigned", (*suite).testNotCosigned},
		{"Closed", (*suite).testClosed},
		{"Tiles", (*suite).testTiles},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Engine: start(t)}
			var err error
			if s.policy, err = ledger.ParsePolicy([]byte("log " + s.Key + "\nquorum none\n")); err != nil {
				t.Fatal(err)
			}
			test.run(s)
		})
	}
}

type suite struct {
	*testing.T
	Engine
	policy *ledger.Policy
}

func entry(i int) []byte { return fmt.Appendf(nil, "entry %d", i) }

func (s *suite) open(cosign CosignFunc) ledger.Log {
	s.Helper()
	l := s.Open(s, cosign)
	if l == nil {
		s.Fatal("Open gave no ledger")
	}
	return l
}

func (s *suite) close(l ledger.Log) {
	s.Helper()
	if err := l.Close(context.Background()); err != nil {
		s.Errorf("Close = %v", err)
	}
}

// append appends an entry and verifies its proof.
func (s *suite) append(l ledger.Log, entry []byte) ledger.Appended {
	s.Helper()
	a, err := l.Append(s.Context(), entry)
	if err != nil {
		s.Errorf("Append(%.40q) = %v", entry, err)
		return a
	}
	v, err := s.policy.Verify(entry, a.Proof, time.Unix(0, 0))
	if err != nil || v.Index != a.Index {
		s.Errorf("the proof of %.40q gives %+v, %v; want index %d", entry, v, err, a.Index)
	}
	return a
}

// appendAll appends entry(from) and on, up to entry(to-1), side by side, and returns where
// each is.
func (s *suite) appendAll(l ledger.Log, from, to int) map[uint64]string {
	s.Helper()
	at := map[uint64]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := from; i < to; i++ {
		wg.Go(func() {
			a := s.append(l, entry(i))
			mu.Lock()
			defer mu.Unlock()
			if other, taken := at[a.Index]; taken {
				s.Errorf("%q and %q are both at %d", other, entry(i), a.Index)
			}
			at[a.Index] = string(entry(i))
		})
	}
	wg.Wait()
	return at
}

// entries reads the whole ledger, hashes it, and compares it with its checkpoint.
func (s *suite) entries(l ledger.Reader) (ledger.Checkpoint, []string) {
	s.Helper()
	signed, err := l.ReadCheckpoint(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	key, err := ledger.ParseLogKey(s.Key)
	if err != nil {
		s.Fatal(err)
	}
	cp, err := key.Open(signed)
	if err != nil {
		s.Fatal(err)
	}
	var list []string
	err = ledger.ScanVerified(s.Context(), l, cp, 0, func(_ uint64, e []byte) error {
		list = append(list, string(e))
		return nil
	})
	if err != nil {
		s.Error(err)
	}
	return cp, list
}

// Entries that follow one another are in the ledger in their order.
func (s *suite) testAppend() {
	l := s.open(nil)
	defer s.close(l)
	var want []string
	for i := range 5 {
		if a := s.append(l, entry(i)); a.Index != uint64(i) || a.Dup {
			s.Errorf("Append(%q) = %d, %v; want index %d, which is new", entry(i), a.Index, a.Dup, i)
		}
		want = append(want, string(entry(i)))
	}
	if _, got := s.entries(l); !cmp.Equal(got, want) {
		s.Errorf("the ledger has (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// What no bundle can hold is refused, and nothing smaller.
func (s *suite) testSizes() {
	l := s.open(nil)
	defer s.close(l)
	for _, size := range []int{0, ledger.MaxEntry + 1} {
		if a, err := l.Append(s.Context(), make([]byte, size)); err == nil {
			s.Errorf("Append of %d bytes = %+v, want an error", size, a)
		}
	}
	for i, size := range []int{1, ledger.MaxEntry} {
		if a := s.append(l, make([]byte, size)); a.Index != uint64(i) {
			s.Errorf("Append of %d bytes is at %d, want %d", size, a.Index, i)
		}
	}
}

// Many append at once, some of them the same: equal ones get the same index.
func (s *suite) testTogether() {
	const each = 3
	distinct := 100
	if s.Slow {
		distinct = 5
	}
	l := s.open(nil)
	defer s.close(l)
	at := make([][each]uint64, distinct)
	var wg sync.WaitGroup
	for n := range distinct * each {
		wg.Go(func() { at[n%distinct][n/distinct] = s.append(l, entry(n%distinct)).Index })
	}
	wg.Wait()
	_, list := s.entries(l)
	if len(list) != distinct && !s.Forgetful {
		s.Errorf("the ledger has %d entries, want %d", len(list), distinct)
	}
	for i, indexes := range at {
		for _, index := range indexes {
			if list[index] != string(entry(i)) || !s.Forgetful && index != indexes[0] {
				s.Errorf("%q is at %d, where there is %q", entry(i), indexes, list[index])
			}
		}
	}
}

// An entry is appended once, whoever has it in memory or on disk.
func (s *suite) testAgain() {
	if s.Forgetful {
		s.Skip("this storage does not find an entry again")
	}
	for round := range 3 {
		l := s.open(nil)
		for i := range 3 {
			if a := s.append(l, entry(i)); a.Index != uint64(i) || a.Dup != (round > 0) && !s.Remote {
				s.Errorf("Append(%q) in round %d = %d, %v; want index %d, and whether it was there", entry(i), round, a.Index, a.Dup, i)
			}
		}
		s.close(l)
	}
}

// Who goes away loses nothing.
func (s *suite) testCancelled() {
	l := s.open(nil)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if _, err := l.Append(ctx, entry(0)); !errors.Is(err, context.Canceled) {
		s.Errorf("Append = %v, want canceled", err)
	}
	s.close(l)
	l = s.open(nil)
	defer s.close(l)
	if a := s.append(l, entry(0)); a.Index > 0 && !s.Forgetful {
		s.Errorf("Append again is at %d, want 0", a.Index)
	}
}

// What could not be cosigned is logged, and gets its proof when it is appended again.
func (s *suite) testNotCosigned() {
	if s.Remote {
		s.Skip("whoever serves asks the witnesses")
	}
	down, fails := errors.New("down"), true
	var mu sync.Mutex
	l := s.open(func(_ context.Context, _ ledger.Reader, checkpoint []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if fails {
			return nil, down
		}
		return checkpoint, nil
	})
	defer s.close(l)
	if _, err := l.Append(s.Context(), entry(0)); !errors.Is(err, ledger.ErrNotCosigned) || !errors.Is(err, down) {
		s.Errorf("Append = %v, want %v: %v", err, ledger.ErrNotCosigned, down)
	}
	mu.Lock()
	fails = false
	mu.Unlock()
	if a := s.append(l, entry(0)); a.Index != 0 && !s.Forgetful {
		s.Errorf("Append again is at %d, want 0", a.Index)
	}
}

func (s *suite) testClosed() {
	if s.Remote {
		s.Skip("only the client is closed")
	}
	l := s.open(nil)
	s.append(l, entry(0))
	s.close(l)
	if a, err := l.Append(s.Context(), entry(1)); err == nil {
		s.Errorf("a closed ledger appends: %+v", a)
	}
}

// The ledger grows over several sizes, opened again and again, and each tile and bundle of
// the last one is what its entries make, byte for byte.
func (s *suite) testTiles() {
	at := map[uint64]string{}
	next := 0
	sizes := []int{1, 255, 256, 257, 600}
	if s.Slow {
		sizes = []int{1, 2, 5}
	}
	for _, size := range sizes {
		l := s.open(nil)
		for index, text := range s.appendAll(l, next, size) {
			at[index] = text
		}
		next = size
		s.close(l)
	}
	l := s.open(nil)
	defer s.close(l)
	cp, list := s.entries(l)
	if len(list) != next && !s.Forgetful {
		s.Fatalf("the ledger has %d entries, want %d", len(list), next)
	}
	for index, text := range at {
		if list[index] != text {
			s.Errorf("%d is %q, want %q", index, list[index], text)
		}
	}
	s.compare(l, cp.Size, Layout(list))
}

// compare reads the files of a layout.
func (s *suite) compare(r ledger.Reader, size uint64, layout map[string][]byte) {
	s.Helper()
	for path, want := range layout {
		ref, err := ledger.ParseTilePath(path)
		if err != nil {
			s.Fatal(err)
		}
		var got []byte
		if ref.Entries {
			got, err = r.ReadEntryBundle(s.Context(), ref.Index, ref.Width)
		} else {
			got, err = r.ReadTile(s.Context(), ref.Level, ref.Index, ref.Width)
		}
		if err != nil || string(got) != string(want) {
			s.Errorf("%s of the tree of %d has %d bytes, %v; want other %d", path, size, len(got), err, len(want))
		}
	}
}
