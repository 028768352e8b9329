package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/ledger"
)

// publish signs the checkpoint of the first n entries.
func (tr *tree) publish(n uint64) {
	text := treeText(logParty.name, n, tr.at(n).Root)
	tr.files["checkpoint"] = &fstest.MapFile{Data: []byte(note(text, logParty.sign(text)))}
}

func openLog(t *testing.T) func([]byte) (ledger.Checkpoint, error) {
	key, err := ledger.ParseLogKey(logParty.vkey())
	if err != nil {
		t.Fatal(err)
	}
	return key.Open
}

func TestMirror(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []uint64{0, 1, 255, 256, 300, 600, 600} { // the copy grows with the ledger
		tr := newTree(n)
		tr.publish(n)
		cp, err := ledger.Mirror(t.Context(), tr.reader(), dir, openLog(t), nil)
		if err != nil || cp.Size != n {
			t.Fatalf("Mirror(size %d) = %v, %v", n, cp, err)
		}
		count := uint64(0)
		err = ledger.ScanVerified(t.Context(), ledger.Dir(dir), cp, 0, func(uint64, []byte) error { count++; return nil })
		if err != nil || count != n {
			t.Errorf("scanning the copy of %d = %d entries, %v", n, count, err)
		}
		if n > 0 {
			if _, err := ledger.ProveInclusion(t.Context(), ledger.Dir(dir), n, n/2); err != nil {
				t.Errorf("proof from the copy: %v", err)
			}
		}
	}
}

func TestMirrorRefuses(t *testing.T) {
	dir := t.TempDir()
	tr := newTree(300)
	tr.publish(300)
	if _, err := ledger.Mirror(t.Context(), tr.reader(), dir, openLog(t), nil); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}

	smaller := newTree(200)
	smaller.publish(200)
	damaged := newTree(600)
	damaged.publish(600)
	damaged.flip("tile/entries/001", 100)
	signedByAnother := newTree(600)
	text := treeText(logParty.name, 600, signedByAnother.at(600).Root)
	signedByAnother.files["checkpoint"] = &fstest.MapFile{Data: []byte(note(text, newParty(logParty.name+"x").sign(text)))}
	short := newTree(600)
	short.publish(600)
	delete(short.files, "tile/entries/001")

	for name, from := range map[string]*tree{"rolled back": smaller, "damaged": damaged, "another key": signedByAnother, "an entry short": short} {
		_, err := ledger.Mirror(t.Context(), from.reader(), dir, openLog(t), nil)
		if err == nil || errors.Is(err, ledger.ErrRollback) != (name == "rolled back") {
			t.Errorf("Mirror(%s) = %v", name, err)
		}
		if now, _ := os.ReadFile(filepath.Join(dir, "checkpoint")); string(now) != string(kept) {
			t.Errorf("Mirror(%s) changed the copy's checkpoint", name)
		}
	}
}

// A copy that is damaged is not carried on: it would serve what does not hold.
func TestMirrorDamagedCopy(t *testing.T) {
	tr := newTree(600)
	tr.publish(600)
	for _, name := range []string{"tile/0/001", "tile/entries/001", "tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/2"} {
		dir := t.TempDir()
		if _, err := ledger.Mirror(t.Context(), tr.reader(), dir, openLog(t), nil); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = ledger.Mirror(t.Context(), tr.reader(), dir, openLog(t), nil)
		var damaged *ledger.TileError
		if partial := filepath.Dir(name) != "tile/0" && filepath.Dir(name) != "tile/entries"; partial {
			if err != nil {
				t.Errorf("%s is copied anew, and Mirror says %v", name, err)
			}
		} else if !errors.As(err, &damaged) || damaged.Tile != "tile/0/001" || damaged.Entries != "tile/entries/001" {
			t.Errorf("with %s damaged Mirror says %v", name, err)
		}
	}
}
