//go:build unix

package tiles_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

// mirror copies a ledger as anybody can: without Tessera's state.
func mirror(t testing.TB, c tiles.Config) ledger.Reader {
	t.Helper()
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	if _, err := ledger.Mirror(t.Context(), ledger.Dir(c.Dir), dir, key.Open, nil); err != nil {
		t.Fatal(err)
	}
	return ledger.Dir(dir)
}

// A ledger that was set back, or lost, goes on from a copy.
func TestRestore(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(c, backup tiles.Config)
	}{
		{"set back together with its anchor", func(c, backup tiles.Config) {
			remove(t, c.Dir)
			if err := os.CopyFS(c.Dir, os.DirFS(backup.Dir)); err != nil {
				t.Fatal(err)
			}
			writeFile(t, c.Anchor, readFile(t, filepath.Join(backup.Dir, "checkpoint")))
		}},
		{"lost", func(c, _ tiles.Config) { remove(t, c.Dir) }},
		{"without its state", func(c, _ tiles.Config) { remove(t, c.Dir, ".state") }},
		{"as it was", func(tiles.Config, tiles.Config) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newLedger(t, 2)
			backup := clone(t, c)
			appendTo(t, c, 2, 5)
			from := mirror(t, c)
			tc.spoil(c, backup)
			cp, err := tiles.Restore(t.Context(), c, from, nil)
			if err != nil || cp.Size != 5 {
				t.Fatalf("Restore = %v, %v; want size 5", cp, err)
			}
			if signed := readFile(t, filepath.Join(c.Dir, "checkpoint")); signed != readFile(t, c.Anchor) {
				t.Errorf("the anchor is %q, want %q", readFile(t, c.Anchor), signed)
			}
			if files, _ := os.ReadDir(filepath.Dir(c.Dir)); len(files) != 2 {
				t.Errorf("Restore left %v", files)
			}
			appendTo(t, c, 5, 7)
			l := open(t, c)
			defer closeLog(t, l)
			a, err := l.Append(t.Context(), entry(3))
			if err != nil || a.Index != 3 || !a.Dup {
				t.Errorf("Append of an entry of the copy = %d, %v, %v; want index 3, a duplicate", a.Index, a.Dup, err)
			}
		})
	}
}

func TestRestoreManyTiles(t *testing.T) {
	c := newLedger(t, 0)
	grow(t, c, 0, 300)
	from := mirror(t, c)
	remove(t, c.Dir)
	if _, err := tiles.Restore(t.Context(), c, from, nil); err != nil {
		t.Fatal(err)
	}
	appendTo(t, c, 300, 302)
}

func TestRestoreRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, c *tiles.Config, copied string)
		is    error
		want  string
	}{
		{"older than the anchor", func(t *testing.T, c *tiles.Config, _ string) { appendTo(t, *c, 3, 4) }, ledger.ErrRollback, "is smaller than"},
		{"older than the ledger", func(t *testing.T, c *tiles.Config, _ string) {
			anchor := readFile(t, c.Anchor)
			appendTo(t, *c, 3, 4)
			writeFile(t, c.Anchor, anchor)
		}, ledger.ErrRollback, "is smaller than"},
		{"another tree than the anchor's", func(t *testing.T, c *tiles.Config, _ string) {
			remove(t, c.Dir)
			fork(t, c, 2)
		}, ledger.ErrRollback, "does not begin with"},
		{"no anchor", func(t *testing.T, c *tiles.Config, _ string) { remove(t, c.Anchor) }, tiles.ErrNoAnchor, ""},
		{"another key", func(t *testing.T, c *tiles.Config, _ string) { c.Key, c.Signer = keyOf(t, origin, "another") }, tiles.ErrWrongKey, ""},
		{"a false entry", func(t *testing.T, c *tiles.Config, copied string) {
			flip(t, filepath.Join(copied, "tile/entries/000.p/3"))
		}, nil, "root"},
		{"a false tile", func(t *testing.T, c *tiles.Config, copied string) { flip(t, filepath.Join(copied, "tile/0/000.p/3")) }, nil, ""},
		{"a missing tile", func(t *testing.T, c *tiles.Config, copied string) { remove(t, copied, "tile/0") }, fs.ErrNotExist, ""},
		{"nothing", func(t *testing.T, c *tiles.Config, copied string) { remove(t, copied) }, fs.ErrNotExist, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newLedger(t, 3)
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(c.Dir)); err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, &c, copied)
			before := snapshot(t, filepath.Dir(c.Dir))
			_, err := tiles.Restore(t.Context(), c, ledger.Dir(copied), nil)
			wantError(t, "Restore", err, tc.is, tc.want)
			if diff := cmp.Diff(before, snapshot(t, filepath.Dir(c.Dir))); diff != "" {
				t.Errorf("Restore changed files (-before +after):\n%s", diff)
			}
			if _, err := os.Stat(c.Dir); err != nil && !errors.Is(tc.is, ledger.ErrRollback) {
				t.Error(err)
			}
		})
	}
}
