//go:build unix

package tiles_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
)

func init() { children["together"] = childTogether }

// togetherIn is a ledger that takes appends side by side.
func togetherIn(t testing.TB, root string) tiles.Config {
	c := configIn(t, root)
	c.Batch = 64
	return c
}

// Many append at once, some of them the same: each gets a proof that holds, equal ones
// the same index, and what is left is a ledger like any other.
func TestAppendTogether(t *testing.T) {
	c := newLedger(t, 3)
	w := filepath.Join(t.TempDir(), "w")
	if err := witness.Create(w, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	cosigner, err := witness.Open(w)
	if err == nil {
		err = cosigner.AddLog(c.Key)
	}
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	c.Batch = 64
	c.Cosign = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
		asked.Add(1)
		signed, errs := witness.Gather(ctx, r, checkpoint, []witness.Cosigner{cosigner}, nil)
		return signed, errors.Join(errs...)
	}
	l := open(t, c)
	const distinct, each = 200, 3
	var mu sync.Mutex
	at := map[int]uint64{}
	fresh := 0
	var wg sync.WaitGroup
	for n := range distinct * each {
		wg.Go(func() {
			i := n % distinct
			a, err := l.Append(t.Context(), entry(i))
			if err != nil {
				t.Errorf("Append(%q): %v", entry(i), err)
				return
			}
			verify(t, c, entry(i), a)
			mu.Lock()
			defer mu.Unlock()
			if before, ok := at[i]; ok && before != a.Index {
				t.Errorf("%q is at %d and at %d", entry(i), before, a.Index)
			}
			at[i] = a.Index
			if !a.Dup {
				fresh++
			}
		})
	}
	wg.Wait()
	if fresh != distinct-3 { // three were there
		t.Errorf("%d entries were new, want %d", fresh, distinct-3)
	}
	if n := asked.Load(); n > distinct/2 {
		t.Errorf("the witness was asked %d times for %d entries", n, distinct)
	}
	key, err := ledger.ParseWitnessKey(cosigner.VKey())
	if err != nil {
		t.Fatal(err)
	}
	cosigned := func(where string, r ledger.Reader) {
		t.Helper()
		signed, err := r.ReadCheckpoint(t.Context())
		if err == nil {
			_, err = key.Cosigned(signed)
		}
		if cp, _ := ledger.ParseCheckpoint(signed); err != nil || cp.Size != distinct {
			t.Errorf("%s: checkpoint %v, %v; want a cosigned one of size %d", where, cp, err, distinct)
		}
	}
	cosigned("open", l)
	cosigned("open, read as a directory", ledger.Dir(c.Dir))
	closeLog(t, l)
	cosigned("closed", ledger.Dir(c.Dir))
	if _, err := os.Stat(filepath.Join(c.Dir, ledger.CosignedName)); err == nil {
		t.Error("a second checkpoint is left behind")
	}
	if _, err := l.Append(t.Context(), entry(1000)); err == nil {
		t.Error("a closed ledger takes entries")
	}
	c.Batch = 0
	appendTo(t, c, distinct, distinct+1)
}

// What is there already is found again in tiles of every width.
func TestAppendTogetherAgain(t *testing.T) {
	c := newLedger(t, 3)
	c.Batch = 64
	l := open(t, c)
	defer closeLog(t, l)
	for i := range 4 {
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() {
				if _, err := l.Append(t.Context(), entry(3+5*i+n)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for i := range 23 {
		a, err := l.Append(t.Context(), entry(i))
		if err != nil || !a.Dup {
			t.Errorf("Append(%q) again = %d, %v, %v; want that it is there", entry(i), a.Index, a.Dup, err)
		}
		verify(t, c, entry(i), a)
	}
	signed, err := l.ReadCheckpoint(t.Context())
	if cp, _ := ledger.ParseCheckpoint(signed); err != nil || cp.Size != 23 {
		t.Errorf("checkpoint %v, %v; want size 23", cp, err)
	}
}

// What could not be cosigned is logged, and gets its proof when it is appended again.
func TestAppendTogetherNotCosigned(t *testing.T) {
	c := newLedger(t, 0)
	c.Batch = 64
	down := errors.New("down")
	var fails atomic.Bool
	fails.Store(true)
	c.Cosign = func(_ context.Context, _ ledger.Reader, checkpoint []byte) ([]byte, error) {
		if fails.Load() {
			return nil, down
		}
		return checkpoint, nil
	}
	l := open(t, c)
	defer closeLog(t, l)
	_, err := l.Append(t.Context(), entry(0))
	wantError(t, "Append", err, down, "logged, not cosigned: down")
	fails.Store(false)
	a, err := l.Append(t.Context(), entry(0))
	if err != nil || !a.Dup || a.Index != 0 {
		t.Fatalf("Append again = %+v, %v; want index 0, found", a, err)
	}
	verify(t, c, entry(0), a)
}

// Who goes away loses nothing.
func TestAppendTogetherCancelled(t *testing.T) {
	c := newLedger(t, 0)
	c.Batch = 64
	l := open(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, entry(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want canceled", err)
	}
	closeLog(t, l) // waits for it
	l = open(t, c)
	defer closeLog(t, l)
	if a, err := l.Append(t.Context(), entry(0)); err != nil || !a.Dup {
		t.Errorf("Append again = %+v, %v; want that it is there", a, err)
	}
}

// childTogether appends side by side until it is killed, and prints what was
// acknowledged.
func childTogether(args []string) error {
	l, err := tiles.Open(context.Background(), togetherIn(fatal{}, args[0]))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	for n := range 64 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("%s/%d/%d", args[1], n, i)
				a, err := l.Append(context.Background(), []byte(text))
				mu.Lock()
				if err != nil {
					fmt.Println("failed", err)
				} else {
					fmt.Println(text, a.Index, base64.StdEncoding.EncodeToString(a.Proof))
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// Killed under load again and again, the ledger keeps all that it acknowledged.
func TestKilledTogether(t *testing.T) {
	c := newLedger(t, 0)
	root := filepath.Dir(c.Dir)
	acknowledged := map[string]ledger.Appended{}
	rounds := 3
	if os.Getenv("PROCTOR_LOAD") != "" {
		rounds = 50
	}
	for round := range rounds {
		cmd := child(t, "together", root, fmt.Sprint("round", round))
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for n := 0; lines.Scan(); n++ {
			f := strings.Fields(lines.Text())
			var a ledger.Appended
			if len(f) == 3 {
				fmt.Sscan(f[1], &a.Index)
				a.Proof, err = base64.StdEncoding.DecodeString(f[2])
			}
			if len(f) == 3 && err == nil {
				acknowledged[f[0]] = a
			} // else it was cut short
			if n == 100+50*(round%7) {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
	}
	c.Batch = 64
	l := open(t, c)
	defer closeLog(t, l)
	indexes := map[uint64]string{}
	for text, before := range acknowledged {
		verify(t, c, []byte(text), before)
		if other := indexes[before.Index]; other != "" {
			t.Errorf("%s and %s are both at %d", text, other, before.Index)
		}
		indexes[before.Index] = text
	}
	for text, before := range acknowledged {
		a, err := l.Append(t.Context(), []byte(text))
		if err != nil || !a.Dup || a.Index != before.Index {
			t.Errorf("%s was acknowledged at %d, and is %+v, %v", text, before.Index, a, err)
		}
		break // one waits for a checkpoint; the others are found in the entries
	}
	cp, err := ledger.Dir(c.Dir).ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ledger.ParseCheckpoint(cp)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = ledger.ScanVerified(t.Context(), ledger.Dir(c.Dir), signed, 0, func(index uint64, entry []byte) error {
		if indexes[index] == string(entry) {
			found++
		}
		return nil
	})
	if err != nil || found != len(acknowledged) {
		t.Errorf("%d of %d acknowledged entries are in the ledger, %v", found, len(acknowledged), err)
	}
}

// BenchmarkAppendTogether appends entries of 1 KiB, 4,096 at a time side by side, and bare
// Tessera does so with the same settings.
func BenchmarkAppendTogether(b *testing.B) {
	const batch, at = 1024, 4096
	load := func(b *testing.B, add func(entry []byte) error) {
		var next atomic.Int64
		b.SetParallelism(at)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				e := make([]byte, 1024)
				copy(e, fmt.Sprint(next.Add(1)))
				if err := add(e); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("ledger", func(b *testing.B) {
		c := newLedger(b, 0)
		c.Batch = batch
		l := open(b, c)
		load(b, func(e []byte) error {
			_, err := l.Append(context.Background(), e)
			return err
		})
		b.StopTimer()
		closeLog(b, l)
	})
	b.Run("tessera", func(b *testing.B) {
		ctx := b.Context()
		driver, err := posix.New(ctx, posix.Config{Path: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		_, signer := keyOf(b, origin, "log")
		appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
			WithCheckpointSigner(signer).WithBatching(batch, 50*time.Millisecond).
			WithCheckpointInterval(100*time.Millisecond).WithCheckpointRepublishInterval(0))
		if err != nil {
			b.Fatal(err)
		}
		awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 2*time.Millisecond)
		load(b, func(e []byte) error {
			_, _, err := awaiter.Await(ctx, appender.Add(ctx, tessera.NewEntry(e)))
			return err
		})
		b.StopTimer()
		if err := shutdown(ctx); err != nil {
			b.Fatal(err)
		}
	})
}
