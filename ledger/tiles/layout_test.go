//go:build unix

package tiles_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

// grow appends entry(from) and on, up to entry(to-1), at once and with Tessera alone.
func grow(t testing.TB, c tiles.Config, from, to int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	driver, err := posix.New(ctx, posix.Config{Path: c.Dir})
	if err != nil {
		t.Fatal(err)
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(c.Signer).WithBatching(200, 10*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond).WithCheckpointRepublishInterval(0)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, opts)
	if err != nil {
		t.Fatal(err)
	}
	var futures []tessera.IndexFuture
	for i := from; i < to; i++ {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(entry(i))))
	}
	for i, f := range futures {
		if at, err := f(); err != nil || at.Index != uint64(from+i) {
			t.Fatalf("Add(%q) = %d, %v; want index %d", entry(from+i), at.Index, err, from+i)
		}
	}
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

// A ledger of more than one tile, grown by Tessera itself: package ledger reads
// what Tessera writes, and Open goes on from there.
func TestManyTiles(t *testing.T) {
	const size = 600
	c := newLedger(t, 3)
	grow(t, c, 3, size)
	partial := filepath.Join(c.Dir, "tile/0/000.p")
	if _, err := os.Stat(partial); err != nil {
		t.Fatalf("nothing to sweep: %v", err)
	}
	appendTo(t, c, size, size+2)
	for _, name := range []string{"tile/0/000.p", "tile/entries/000.p"} {
		if _, err := os.Stat(filepath.Join(c.Dir, name)); err == nil {
			t.Errorf("%s is there beside the full one", name)
		}
	}
	cp, err := tiles.Fsck(t.Context(), c)
	if err != nil || cp.Size != size+2 {
		t.Fatalf("Fsck = %v, %v; want size %d", cp, err, size+2)
	}
	r := ledger.Dir(c.Dir)
	leaves, err := ledger.LeafHashes(t.Context(), r, 0, cp.Size)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.ScanVerified(t.Context(), r, cp, 0, func(i uint64, e []byte) error {
		if string(e) != string(entry(int(i))) {
			t.Errorf("entry %d is %q", i, e)
		}
		hashes, err := ledger.ProveInclusion(t.Context(), r, cp.Size, i)
		if err != nil {
			return err
		}
		return ledger.CheckInclusion(cp, i, leaves[i], hashes)
	})
	if err != nil {
		t.Errorf("ScanVerified = %v", err)
	}
	l := open(t, c)
	defer closeLog(t, l)
	if a, err := l.Append(t.Context(), entry(1)); err != nil || a.Index != 1 || !a.Dup {
		t.Errorf("Append(%q) again = %d, %v, %v; want index 1, a duplicate", entry(1), a.Index, a.Dup, err)
	}
}

// A directory that is called like partial tiles is not swept with its ledger.
func TestSweepSparesTheLedger(t *testing.T) {
	root := t.TempDir()
	c := configIn(t, root)
	c.Dir = filepath.Join(root, "000.p")
	writeFile(t, filepath.Join(root, "000"), "not a tile")
	if err := tiles.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	appendTo(t, c, 0, 2)
	appendTo(t, c, 2, 3)
}
