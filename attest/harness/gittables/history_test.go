package gittables

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest/harness"
)

// historyOf reads a history beside the files at HEAD.
func historyOf(t testing.TB, b *builder, within ...string) *History {
	t.Helper()
	r := b.open()
	files, err := r.FS()
	b.must(err)
	in, err := harness.Import(t.Context(), files, []string{"."}, nil)
	b.must(err)
	h, err := r.History(t.Context(), Config{At: ".", Within: within, Now: in.Tables})
	b.must(err)
	return h
}

// told is a line for each lineage: its versions, by day and file, with their rows.
func told(h *History) []string {
	var all []string
	for _, l := range h.Lineages {
		var parts []string
		for _, v := range l.Versions {
			var rows []string
			for _, row := range v.Rows {
				rows = append(rows, row.Entry+" "+row.Values[0])
			}
			parts = append(parts, fmt.Sprintf("%s %s: %s", v.Date[len("2025-01-"):], v.File.Path, strings.Join(rows, ", ")))
		}
		switch {
		case l.Gone != nil:
			parts = append(parts, fmt.Sprintf("gone %s", l.Gone.Date[len("2025-01-"):]))
		case l.Now == nil:
			parts = append(parts, "not now")
		}
		all = append(all, strings.Join(parts, " | "))
	}
	return all
}

func wantTold(t *testing.T, h *History, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(h)); diff != "" {
		t.Errorf("lineages (-want +got):\n%s", diff)
	}
}

func TestHistory(t *testing.T) {
	b := newBuilder(t)
	first := b.commit(map[string]string{"a/t.csv": csv("m 1.5", "k 2.5"), "main.go": "package main"})
	b.commit(map[string]string{"a/t.csv": csv("m 1.5", "k 2.5"), "main.go": "package other"})
	b.commit(map[string]string{"a/t.csv": csv("m 3.5"), "main.go": "package other"})
	h := historyOf(t, b)
	// Days are those of the committer, in UTC: an evening west of it is the next day.
	wantTold(t, h, "02 a/t.csv: m 1.5, k 2.5 | 04 a/t.csv: m 3.5")
	v := h.Lineages[0].Versions[0]
	if v.Commit != first.String() || v.Rows[1].Line != 3 || v.File.Size == 0 || v.File.SHA256.IsZero() {
		t.Errorf("version %+v", v)
	}
	if h.Commits != 3 || h.Versions != 2 || len(h.Gaps) != 0 {
		t.Errorf("%d commits, %d versions, gaps %q", h.Commits, h.Versions, h.Gaps)
	}
	if diff := cmp.Diff(h, historyOf(t, b)); diff != "" {
		t.Errorf("a second reading is another:\n%s", diff)
	}
}

// Of versions with the same numbers the first is kept: in it they came.
func TestSameNumbers(t *testing.T) {
	b := newBuilder(t)
	b.commit(one("t.csv", csv("m 1.5")))
	b.commit(one("t.csv", csv("m 2.5")))
	b.commit(one("t.csv", csv("m 2.5")+"\n"))
	b.commit(one("t.csv", csv("m 1.5")))
	wantTold(t, historyOf(t, b), "02 t.csv: m 1.5 | 03 t.csv: m 2.5 | 05 t.csv: m 1.5")
}

func TestRenames(t *testing.T) {
	rows := []string{"m 1.5", "k 2.5", "l 3.5"}
	changed := []string{"m 1.5", "k 2.5", "l 4.5", "n 5.5"}
	for _, c := range []struct {
		name    string
		commits []map[string]string
		want    []string
	}{
		{"the same bytes", []map[string]string{one("a.csv", csv(rows...)), one("b/c.csv", csv(rows...)), one("b/c.csv", csv(changed...))},
			[]string{"02 a.csv: m 1.5, k 2.5, l 3.5 | 04 b/c.csv: m 1.5, k 2.5, l 4.5, n 5.5"}},
		{"other bytes", []map[string]string{one("a.csv", csv(rows...)), one("b.csv", csv(changed...))},
			[]string{"02 a.csv: m 1.5, k 2.5, l 3.5 | 03 b.csv: m 1.5, k 2.5, l 4.5, n 5.5"}},
		{"other spelling", []map[string]string{one("a.csv", csv("GPT-4 1.5", "k 2.5")), one("b.csv", csv("gpt 4 1.5"))},
			[]string{"02 a.csv: GPT-4 1.5, k 2.5 | 03 b.csv: gpt 4 1.5"}},
		{"renamed twice", []map[string]string{one("a.csv", csv("m 1.5")), one("b.csv", csv("m 2.5")), one("c.csv", csv("m 3.5"))},
			[]string{"02 a.csv: m 1.5 | 03 b.csv: m 2.5 | 04 c.csv: m 3.5"}},
		{"no rename", []map[string]string{one("a.csv", csv(rows...)), one("b.csv", csv("x 1.5", "y 2.5"))},
			[]string{"03 b.csv: x 1.5, y 2.5", "02 a.csv: m 1.5, k 2.5, l 3.5 | gone 03"}},
		{"a copy", []map[string]string{one("a.csv", csv(rows...)), {"a.csv": csv(rows...), "b.csv": csv(rows...)}},
			[]string{"02 a.csv: m 1.5, k 2.5, l 3.5", "03 b.csv: m 1.5, k 2.5, l 3.5"}},
		{"removed", []map[string]string{{"a.csv": csv(rows...), "x.go": "package x"}, one("x.go", "package x")},
			[]string{"02 a.csv: m 1.5, k 2.5, l 3.5 | gone 03"}},
		{"there again", []map[string]string{one("a.csv", csv("m 1.5")), one("x.go", ""), one("a.csv", csv("m 2.5"))},
			[]string{"02 a.csv: m 1.5 | 04 a.csv: m 2.5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBuilder(t)
			for _, files := range c.commits {
				b.commit(files)
			}
			wantTold(t, historyOf(t, b), c.want...)
		})
	}
}

// A page may have several tables, of which one ends.
func TestTablesOfOneFile(t *testing.T) {
	page := func(boards ...string) map[string]string {
		var all []string
		for _, name := range boards {
			all = append(all, fmt.Sprintf(`{"name":%q,"results":[{"name":"m","resolved":%d}]}`, name, len(boards)))
		}
		return one("leaderboards.json", `{"leaderboards":[`+strings.Join(all, ",")+`]}`)
	}
	b := newBuilder(t)
	b.commit(page("Lite"))
	b.commit(page("Lite", "Test"))
	b.commit(page("Lite"))
	wantTold(t, historyOf(t, b),
		"02 leaderboards.json: m 1 | 03 leaderboards.json: m 2 | 04 leaderboards.json: m 1",
		"03 leaderboards.json: m 2 | gone 04")
}

// Only what the branch showed is its history: what a merge brought came with the merge.
func TestFirstParents(t *testing.T) {
	b := newBuilder(t)
	base := b.commit(one("t.csv", csv("m 1.5")))
	side := b.commit(one("t.csv", csv("m 9.5")))
	b.tip[0] = base
	b.commit(one("t.csv", csv("m 2.5")))
	b.commit(one("t.csv", csv("m 3.5")), side)
	wantTold(t, historyOf(t, b), "02 t.csv: m 1.5 | 04 t.csv: m 2.5 | 05 t.csv: m 3.5")
}

// A link in a tree is no table, wherever it leads.
func TestLinks(t *testing.T) {
	b := newBuilder(t)
	secret := filepath.Join(t.TempDir(), "t.csv")
	b.must(os.WriteFile(secret, []byte(csv("m 1.5")), 0o600))
	b.commit(map[string]string{"l.csv": "-> " + secret, "t.csv": csv("m 2.5")})
	b.commit(map[string]string{"t.csv": "-> " + secret, "l.csv": "-> " + secret})
	wantTold(t, historyOf(t, b), "02 t.csv: m 2.5 | gone 03")
	files, err := b.open().FS()
	b.must(err)
	if _, err := files.Open("l.csv"); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("opening a link: %v", err)
	}
}

func TestWithin(t *testing.T) {
	b := newBuilder(t)
	b.commit(map[string]string{"a/t.csv": csv("m 1.5"), "b/t.csv": csv("m 1.5"), "a/u.csv": csv("k 1.5")})
	b.commit(map[string]string{"a/t.csv": csv("m 2.5"), "b/t.csv": csv("m 2.5")})
	wantTold(t, historyOf(t, b, "a"), "02 a/t.csv: m 1.5 | 03 a/t.csv: m 2.5", "02 a/u.csv: k 1.5 | gone 03")
	wantTold(t, historyOf(t, b, "a/t.csv"), "02 a/t.csv: m 1.5 | 03 a/t.csv: m 2.5")
}

// What cannot be read is told, and ends no row.
func TestGaps(t *testing.T) {
	b := newBuilder(t)
	b.commit(one("t.csv", csv("m 1.5", "k 1.5")))
	b.commit(one("t.csv", csv("m 1.5", "k 1.5")+"x\n"))
	b.commit(one("t.csv", csv("m 2.5", "k 1.5")))
	h := historyOf(t, b)
	wantTold(t, h, "02 t.csv: m 1.5, k 1.5 | 04 t.csv: m 2.5, k 1.5")
	if len(h.Gaps) != 1 || !strings.HasPrefix(h.Gaps[0], "1 of 3 versions of tables could not be read, first t.csv in commit ") {
		t.Errorf("gaps %q", h.Gaps)
	}
}

func TestShallow(t *testing.T) {
	b := newBuilder(t)
	b.commit(one("t.csv", csv("m 1.5")))
	edge := b.commit(one("t.csv", csv("m 2.5")))
	b.commit(one("t.csv", csv("m 3.5")))
	b.must(os.WriteFile(filepath.Join(b.dir, "shallow"), []byte(edge.String()+"\n"), 0o600))
	h := historyOf(t, b)
	wantTold(t, h, "03 t.csv: m 2.5 | 04 t.csv: m 3.5")
	want := fmt.Sprintf("history is read back to commit %.12s of 2025-01-03 only: the clone is shallow", edge)
	if len(h.Gaps) != 1 || h.Gaps[0] != want {
		t.Errorf("gaps %q, want %q", h.Gaps, want)
	}
}

// Objects may be missing, as in a partial clone, or have other bytes than their name
// says.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(file string) error
		want   string
	}{
		"missing": {os.Remove, "is not in this copy of the repository"},
		"another's": {func(file string) error {
			other, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(file)), "other"))
			return errors.Join(err, os.Chmod(file, 0o600), os.WriteFile(file, other, 0o600))
		}, "is damaged or forged: its"},
		"cut short": {func(file string) error {
			return errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 20))
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t)
			b.commit(one("t.csv", csv("m 1.5")))
			b.commit(one("t.csv", csv("m 2.5")))
			loose := func(text string) string {
				h := b.blob(text).String()
				return filepath.Join(b.dir, "objects", h[:2], h[2:])
			}
			other, err := os.ReadFile(loose("other"))
			b.must(err)
			b.must(os.WriteFile(filepath.Join(b.dir, "objects", "other"), other, 0o600))
			b.must(c.damage(loose(csv("m 1.5"))))
			h := historyOf(t, b)
			wantTold(t, h, "03 t.csv: m 2.5")
			if len(h.Gaps) != 1 || !strings.Contains(h.Gaps[0], c.want) {
				t.Errorf("gaps %q, want %q", h.Gaps, c.want)
			}
		})
	}
}

// A partial clone lacks files of HEAD, too.
func TestPartial(t *testing.T) {
	b := newBuilder(t)
	b.commit(map[string]string{"t.csv": csv("m 1.5"), "a/big.json": "{}"})
	h := b.blob("{}").String()
	b.must(os.Remove(filepath.Join(b.dir, "objects", h[:2], h[2:])))
	got := historyOf(t, b)
	wantTold(t, got, "02 t.csv: m 1.5")
	if want := "1 files of HEAD are not in this copy of the repository, first a/big.json"; len(got.Gaps) != 1 || got.Gaps[0] != want {
		t.Errorf("gaps %q, want %q", got.Gaps, want)
	}
}

func TestOpenFails(t *testing.T) {
	empty := newBuilder(t)
	sha256 := newBuilder(t)
	sha256.commit(one("a", "b"))
	sha256.must(os.WriteFile(filepath.Join(sha256.dir, "config"), []byte("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"), 0o600))
	for want, b := range map[string]*builder{
		"git repository has no commit":                                       empty,
		"git repository has objects named by sha256, and only SHA-1 is read": sha256,
	} {
		if _, err := Open(b.dir); err == nil || err.Error() != want {
			t.Errorf("Open = %v, want %s", err, want)
		}
	}
}

// A few objects can be a repository of more folders than there is time for.
func TestBomb(t *testing.T) {
	b := newBuilder(t)
	tree := b.tree(one("x.csv", "y"))
	for range 12 {
		tree = b.wide(tree, 20)
	}
	b.commitTree(tree)
	r := b.open()
	got, err := r.History(t.Context(), Config{At: "."})
	if err != nil || len(got.Gaps) != 1 || !strings.Contains(got.Gaps[0], "more than") {
		t.Errorf("History = %+v, %v", got, err)
	}
	files, err := r.FS()
	b.must(err)
	if _, err := harness.Import(t.Context(), files, []string{"."}, nil); err == nil {
		t.Error("a bomb was imported")
	}
}

func TestCancelled(t *testing.T) {
	b := newBuilder(t)
	b.commit(one("t.csv", csv("m 1.5")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.open().History(ctx, Config{At: "."}); !errors.Is(err, context.Canceled) {
		t.Errorf("History = %v", err)
	}
}

// Reading leaves a repository as it was.
func TestReadsOnly(t *testing.T) {
	b := newBuilder(t)
	b.commit(one("t.csv", csv("m 1.5")))
	b.commit(one("t.csv", csv("m 2.5")))
	before := listing(t, b.dir)
	historyOf(t, b)
	if diff := cmp.Diff(before, listing(t, b.dir)); diff != "" {
		t.Errorf("the repository changed:\n%s", diff)
	}
}

func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err == nil {
			all = append(all, fmt.Sprint(name, info.Size(), info.ModTime(), info.Mode()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
