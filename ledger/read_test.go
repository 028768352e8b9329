package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/ledger"
)

func TestProveInclusion(t *testing.T) {
	ctx := t.Context()
	for _, n := range []uint64{1, 2, 3, 255, 256, 257, 511, 600, 66000} {
		tr := newTree(n)
		for _, size := range []uint64{n, n - n%256} {
			for _, index := range []uint64{0, 1, 255, 256, size / 2, size - 1, rand.Uint64N(n)} {
				if index >= size {
					continue
				}
				hashes, err := ledger.ProveInclusion(ctx, tr.reader(), size, index)
				if err == nil {
					err = ledger.CheckInclusion(tr.at(size), index, tr.leaves[index], hashes)
				}
				if err != nil {
					t.Errorf("ProveInclusion(%d, %d) does not hold: %v", size, index, err)
				}
			}
		}
	}
}

func TestProveInclusionFails(t *testing.T) {
	tr := newTree(600)
	for _, tc := range []struct {
		name        string
		size, index uint64
		want        string
		is          error
	}{
		{"outside", 600, 600, "inclusion of 600 in 600", nil},
		{"empty tree", 0, 0, "inclusion of 0 in 0", nil},
		{"size not published", 599, 598, "reading tile 0/2", fs.ErrNotExist},
		{"size not reached", 1000, 5, "reading tile", fs.ErrNotExist},
	} {
		_, err := ledger.ProveInclusion(t.Context(), tr.reader(), tc.size, tc.index)
		wantError(t, fmt.Sprintf("ProveInclusion(%d, %d) (%s)", tc.size, tc.index, tc.name), err, tc.want)
		if tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("ProveInclusion(%d, %d) = %v, want %v", tc.size, tc.index, err, tc.is)
		}
	}
	for _, cut := range []struct {
		name  string
		data  []byte
		index uint64
		want  string
	}{
		{"tile/0/002.p/88", make([]byte, 87*32), 598, "tile 0/2 has 87 hashes, want 88"},
		{"tile/0/002.p/88", make([]byte, 88*32-1), 598, "tile 0/2 has 2815 bytes"},
		{"tile/0/002.p/88", make([]byte, 256*32+1), 598, "more than 8192 bytes"},
		{"tile/0/001", make([]byte, 255*32), 510, "tile 0/1 has 255 hashes, want 256"},
	} {
		tr := newTree(600)
		tr.files[cut.name].Data = cut.data
		_, err := ledger.ProveInclusion(t.Context(), tr.reader(), 600, cut.index)
		wantError(t, fmt.Sprintf("ProveInclusion with %d bytes in %s", len(cut.data), cut.name), err, cut.want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ledger.ProveInclusion(ctx, tr.reader(), 600, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("ProveInclusion after cancelling = %v, want %v", err, context.Canceled)
	}
}

// A Reader is not believed to be bounded: it may answer more than a tile.
func TestOversizedTile(t *testing.T) {
	_, err := ledger.ProveInclusion(t.Context(), fatReader{newTree(600).reader()}, 600, 5)
	wantError(t, "ProveInclusion", err, "has 8224 bytes")
}

type fatReader struct{ ledger.Reader }

func (fatReader) ReadTile(context.Context, uint64, uint64, uint8) ([]byte, error) {
	return make([]byte, 257*32), nil
}

func TestCheckInclusion(t *testing.T) {
	tr := newTree(7)
	hashes := tr.prove(t, 7, 2)
	if err := ledger.CheckInclusion(tr.at(7), 2, tr.leaves[2], hashes); err != nil {
		t.Fatalf("CheckInclusion = %v", err)
	}
	if err := ledger.CheckInclusion(tr.at(7), 2, tr.leaves[3], hashes); err == nil {
		t.Error("CheckInclusion of another leaf = nil, want an error")
	}
	if err := ledger.CheckInclusion(tr.at(7), 3, tr.leaves[2], hashes); err == nil {
		t.Error("CheckInclusion at another index = nil, want an error")
	}
	err := ledger.CheckInclusion(tr.at(2), 2, tr.leaves[2], hashes)
	wantError(t, "CheckInclusion of index 2 in 2", err, "index 2 is outside a tree of 2")
}

func TestProveConsistency(t *testing.T) {
	tr := newTree(600)
	for _, sizes := range [][2]uint64{{0, 600}, {1, 600}, {2, 600}, {255, 600}, {256, 600}, {257, 600}, {511, 600}, {512, 600}, {599, 600}, {600, 600}, {100, 256}, {256, 512}, {300, 512}} {
		old, size := sizes[0], sizes[1]
		hashes, err := ledger.ProveConsistency(t.Context(), tr.reader(), old, size)
		if err == nil {
			err = ledger.CheckConsistency(tr.at(old), tr.at(size), hashes)
		}
		if err != nil {
			t.Errorf("ProveConsistency(%d, %d) does not hold: %v", old, size, err)
		}
		if len(hashes) == 0 {
			continue
		}
		bad := tr.at(old)
		bad.Root[0] ^= 1
		err = ledger.CheckConsistency(bad, tr.at(size), hashes)
		wantError(t, "CheckConsistency of another root", err, fmt.Sprintf("consistency of %d and %d", old, size))
		if err := ledger.CheckConsistency(tr.at(old), tr.at(size), hashes[1:]); err == nil {
			t.Errorf("CheckConsistency(%d, %d) without a hash = nil, want an error", old, size)
		}
	}
	if _, err := ledger.ProveConsistency(t.Context(), tr.reader(), 601, 600); err == nil {
		t.Error("ProveConsistency(601, 600) = nil, want an error")
	}
}

func TestCheckConsistent(t *testing.T) {
	tr := newTree(600)
	for _, old := range []uint64{0, 1, 300, 512, 599, 600} {
		if err := ledger.CheckConsistent(t.Context(), tr.reader(), tr.at(old), tr.at(600)); err != nil {
			t.Errorf("CheckConsistent(%d, 600) = %v, want no error", old, err)
		}
	}
}

func TestRollback(t *testing.T) {
	tr := newTree(600)
	forged := tr.at(300)
	forged.Root[0] ^= 1
	other := tr.at(600)
	other.Root[0] ^= 1
	for _, tc := range []struct {
		name     string
		old, cur ledger.Checkpoint
		proof    bool
		text     string
	}{
		{"smaller", tr.at(600), tr.at(512), false, "size 512, root " + fmt.Sprintf("%x", tr.at(512).Root) + ") is smaller than (" + tr.at(600).String()},
		{"to nothing", tr.at(600), tr.at(0), false, "is smaller than"},
		{"one size, two roots", other, tr.at(600), false, "does not begin with (" + other.String()},
		{"another history", forged, tr.at(600), true, "does not begin with (" + forged.String()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := ledger.CheckConsistent(t.Context(), tr.reader(), tc.old, tc.cur)
			wantError(t, "CheckConsistent", err, tc.text)
			var got *ledger.RollbackError
			if !errors.Is(err, ledger.ErrRollback) || !errors.As(err, &got) {
				t.Fatalf("CheckConsistent = %v, want a RollbackError", err)
			}
			if got.Old.Root != tc.old.Root || got.New.Root != tc.cur.Root || (got.Proof != nil) != tc.proof {
				t.Errorf("CheckConsistent = %+v, want old %v, new %v, proof %v", got, tc.old, tc.cur, tc.proof)
			}
			if !tc.proof {
				return
			}
			// It is evidence: it leads from the true tree to New, and not from Old.
			if err := ledger.CheckConsistency(tr.at(300), got.New, got.Proof); err != nil {
				t.Errorf("the proof does not lead to New: %v", err)
			}
			if err := ledger.CheckConsistency(got.Old, got.New, got.Proof); err == nil {
				t.Error("the proof leads from Old to New")
			}
		})
	}
}

// Whoever damages tiles must not make the log look like a liar.
func TestCheckConsistentAccusesNobody(t *testing.T) {
	damaged := newTree(600)
	for i := range 88 {
		damaged.flip("tile/0/002.p/88", i*32)
	}
	missing := newTree(600)
	delete(missing.files, "tile/0/001")
	foreign := newTree(600).at(600)
	foreign.Origin = "other.example"
	forged := newTree(600).at(600)
	forged.Root[0] ^= 1
	for _, tc := range []struct {
		name     string
		tr       *tree
		old, cur ledger.Checkpoint
		want     string
	}{
		{"tiles damaged", damaged, damaged.at(300), damaged.at(600), "the tiles do not match checkpoint 600"},
		{"tile missing", missing, missing.at(300), missing.at(600), "reading tile 0/1"},
		{"checkpoint of other tiles", newTree(600), damaged.at(300), forged, "the tiles do not match checkpoint 600"},
		{"two ledgers", newTree(600), foreign, newTree(600).at(300), `checkpoints of two ledgers: "other.example" and "ledger.example/log"`},
	} {
		err := ledger.CheckConsistent(t.Context(), tc.tr.reader(), tc.old, tc.cur)
		wantError(t, "CheckConsistent ("+tc.name+")", err, tc.want)
		if errors.Is(err, ledger.ErrRollback) {
			t.Errorf("CheckConsistent (%s) = %v, want no rollback", tc.name, err)
		}
	}
}

func TestLeafHashes(t *testing.T) {
	tr := newTree(600)
	for _, r := range [][2]uint64{{0, 600}, {0, 512}, {255, 600}, {256, 600}, {599, 600}, {600, 600}, {601, 600}, {0, 0}} {
		from, size := r[0], r[1]
		var want [][32]byte
		if from < size {
			want = tr.leaves[from:size]
		}
		got, err := ledger.LeafHashes(t.Context(), tr.reader(), from, size)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("LeafHashes(%d, %d) = %d hashes, %v; want those of the leaves", from, size, len(got), err)
		}
	}
	delete(tr.files, "tile/0/001")
	if _, err := ledger.LeafHashes(t.Context(), tr.reader(), 0, 600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LeafHashes without a tile = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestScanVerified(t *testing.T) {
	for _, n := range []uint64{0, 1, 256, 600} {
		tr := newTree(n)
		for _, from := range []uint64{0, 1, 255, 256, 300, n} {
			if from > n {
				continue
			}
			next := from
			err := ledger.ScanVerified(t.Context(), tr.reader(), tr.at(n), from, func(i uint64, e []byte) error {
				if i != next || !bytes.Equal(e, entry(i)) {
					t.Errorf("entry %d is %q at %d, want %q", next, e, i, entry(next))
				}
				next++
				return nil
			})
			if err != nil || next != n {
				t.Errorf("ScanVerified(%d, from %d) = %v after entry %d, want all", n, from, err, next)
			}
		}
	}
}

func TestScanVerifiedRefuses(t *testing.T) {
	stop := errors.New("stop")
	for _, tc := range []struct {
		name  string
		spoil func(*tree, *ledger.Checkpoint)
		from  uint64
		want  string
	}{
		{"entry changed", func(tr *tree, _ *ledger.Checkpoint) { tr.flip("tile/entries/001", 9) }, 0, "the entries have root"},
		{"last entry changed", func(tr *tree, _ *ledger.Checkpoint) {
			tr.flip("tile/entries/002.p/88", len(tr.files["tile/entries/002.p/88"].Data)-1)
		}, 599, "the entries have root"},
		{"hash before from changed", func(tr *tree, _ *ledger.Checkpoint) { tr.flip("tile/1/000.p/2", 0) }, 600, "the entries have root"},
		{"another checkpoint", func(_ *tree, c *ledger.Checkpoint) { c.Root[0] ^= 1 }, 600, "the entries have root"},
		{"from outside", func(*tree, *ledger.Checkpoint) {}, 601, "scan from 601 is outside a tree of 600"},
		{"bundle missing", func(tr *tree, _ *ledger.Checkpoint) { delete(tr.files, "tile/entries/001") }, 0, "reading entry bundle 1"},
		{"bundle short", func(tr *tree, _ *ledger.Checkpoint) {
			f := tr.files["tile/entries/002.p/88"]
			f.Data = f.Data[:len(f.Data)-2-len(entry(599))]
		}, 0, "entry bundle 2 has 87 entries, want 88"},
		{"bundle cut in an entry", func(tr *tree, _ *ledger.Checkpoint) {
			f := tr.files["tile/entries/002.p/88"]
			f.Data = f.Data[:len(f.Data)-1]
		}, 0, "entry bundle 2: cut short"},
		{"bundle cut in a length", func(tr *tree, _ *ledger.Checkpoint) {
			f := tr.files["tile/entries/002.p/88"]
			f.Data = append(f.Data, 0)
		}, 0, "entry bundle 2: cut short"},
		{"bundle of 257", func(tr *tree, _ *ledger.Checkpoint) {
			f := tr.files["tile/entries/001"]
			f.Data = append(f.Data, 0, 0)
		}, 0, "entry bundle 1: more than 256 entries"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTree(600)
			c := tr.at(600)
			tc.spoil(tr, &c)
			err := ledger.ScanVerified(t.Context(), tr.reader(), c, tc.from, func(uint64, []byte) error { return nil })
			wantError(t, "ScanVerified", err, tc.want)
		})
	}
	tr, calls := newTree(600), 0
	err := ledger.ScanVerified(t.Context(), tr.reader(), tr.at(600), 0, func(uint64, []byte) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("ScanVerified with a failing fn = %v after %d calls, want %v after 1", err, calls, stop)
	}
}

// After a bundle grew, the first entries of the full one are those of the partial.
func TestEntries(t *testing.T) {
	tr := newTree(600)
	for _, r := range [][2]uint64{{0, 600}, {0, 300}, {100, 300}, {256, 256}, {300, 301}} {
		next := r[0]
		for e, err := range ledger.Entries(t.Context(), tr.reader(), r[0], r[1]) {
			if err != nil || !bytes.Equal(e, entry(next)) {
				t.Fatalf("Entries(%d, %d) has %q, %v at %d", r[0], r[1], e, err, next)
			}
			next++
		}
		if next != r[1] {
			t.Errorf("Entries(%d, %d) ended at %d", r[0], r[1], next)
		}
	}
	for range ledger.Entries(t.Context(), tr.reader(), 0, 600) {
		break
	}
	failures := 0
	for _, err := range ledger.Entries(t.Context(), tr.reader(), 600, 700) {
		if err != nil {
			failures++
		}
	}
	if failures != 1 {
		t.Errorf("Entries beyond the end gave %d errors, want 1", failures)
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	tr := newTree(600)
	text := treeText(logParty.name, 600, tr.at(600).Root)
	tr.files["checkpoint"] = &fstest.MapFile{Data: []byte(note(text, logParty.sign(text)))}
	if err := os.CopyFS(dir, tr.files); err != nil {
		t.Fatal(err)
	}
	r := ledger.Dir(dir)
	signed, err := r.ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.ScanVerified(t.Context(), r, c, 0, func(uint64, []byte) error { return nil }); err != nil {
		t.Errorf("ScanVerified of a directory = %v", err)
	}
	empty := ledger.Dir(t.TempDir())
	if _, err := empty.ReadCheckpoint(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadCheckpoint of nothing = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestFS(t *testing.T) {
	ctx := t.Context()
	r := ledger.FS(fstest.MapFS{
		"checkpoint":            {Data: make([]byte, 512<<10+1)},
		"tile/0/x001/x234/067":  {Data: []byte("tile")},
		"tile/63/999":           {Data: []byte("high")},
		"tile/0/x001/000.p/7":   {Data: []byte("partial")},
		"tile/0/x001/000":       {Data: []byte("full")},
		"tile/entries/x001/234": {Data: []byte("bundle")},
		"tile/entries/000.p/1":  {Data: make([]byte, 256*(2+65535)+1)},
	})
	for _, tc := range []struct {
		level, index uint64
		p            uint8
		want         string
	}{
		{0, 1234067, 0, "tile"},
		{63, 999, 0, "high"},
		{0, 1000, 7, "partial"},
		{0, 1000, 0, "full"},
		{0, 1000, 8, "full"}, // partial tiles go away when the full one is there
	} {
		if got, err := r.ReadTile(ctx, tc.level, tc.index, tc.p); err != nil || string(got) != tc.want {
			t.Errorf("ReadTile(%d, %d, %d) = %q, %v; want %q", tc.level, tc.index, tc.p, got, err, tc.want)
		}
	}
	if got, err := r.ReadEntryBundle(ctx, 1234, 9); err != nil || string(got) != "bundle" {
		t.Errorf("ReadEntryBundle(1234, 9) = %q, %v; want %q", got, err, "bundle")
	}
	_, err := r.ReadCheckpoint(ctx)
	wantError(t, "ReadCheckpoint", err, "checkpoint has more than 524288 bytes")
	_, err = r.ReadEntryBundle(ctx, 0, 1)
	wantError(t, "ReadEntryBundle", err, "has more than 16777472 bytes")
}
