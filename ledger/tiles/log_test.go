//go:build unix

package tiles_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// TestMain runs a child when a test asks for one.
func TestMain(m *testing.M) {
	role, ok := os.LookupEnv("TILES_TEST_CHILD")
	if !ok {
		os.Exit(m.Run())
	}
	if err := children[role](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child prepares a process of this binary in another role.
func child(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "TILES_TEST_CHILD="+role)
	return cmd
}

var children = map[string]func(args []string) error{
	"append": childAppend,
	"die":    childDie,
	"open":   childOpen,
}

// A fatal is a testing.TB for helpers in a child.
type fatal struct{ testing.TB }

func (fatal) Helper()                   {}
func (fatal) Context() context.Context  { return context.Background() }
func (fatal) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (fatal) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// childAppend appends args[2] entries whose text begins with args[1] to the
// ledger under args[0], opening it for each, and prints what it got.
func childAppend(args []string) error {
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	for i := range n {
		l, err := tiles.Open(context.Background(), configIn(fatal{}, args[0]))
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s/%d", args[1], i)
		a, err := l.Append(context.Background(), []byte(text))
		if err := errors.Join(err, l.Close(context.Background())); err != nil {
			return err
		}
		fmt.Println(text, a.Index, a.Dup, base64.StdEncoding.EncodeToString(a.Proof))
	}
	return nil
}

// childDie appends an entry and is killed before it gets the proof.
func childDie(args []string) error {
	c := configIn(fatal{}, args[0])
	c.Cosign = func(context.Context, ledger.Reader, []byte) ([]byte, error) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return nil, err
		}
		select {}
	}
	l, err := tiles.Open(context.Background(), c)
	if err != nil {
		return err
	}
	_, err = l.Append(context.Background(), []byte(args[1]))
	return fmt.Errorf("survived: %v", err)
}

// childOpen opens the ledger as a user who may not write to it.
func childOpen(args []string) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	_, err := tiles.Open(context.Background(), configIn(fatal{}, args[0]))
	fmt.Print(errors.Is(err, tiles.ErrReadOnly), ": ", err)
	return nil
}

func isError(err, target error) bool { return errors.Is(err, target) }

func TestAppend(t *testing.T) {
	c := newLedger(t, 3)
	appendTo(t, c, 3, 5)
	signed := readFile(t, filepath.Join(c.Dir, "checkpoint"))
	if got := readFile(t, c.Anchor); got != signed {
		t.Errorf("the anchor is %q, want %q", got, signed)
	}
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := key.Open([]byte(signed))
	if err != nil || cp.Size != 5 {
		t.Fatalf("the checkpoint is %v, %v; want size 5", cp, err)
	}
	n := 0
	err = ledger.ScanVerified(t.Context(), ledger.Dir(c.Dir), cp, 0, func(i uint64, e []byte) error {
		n++
		if string(e) != string(entry(int(i))) {
			t.Errorf("entry %d is %q", i, e)
		}
		return nil
	})
	if err != nil || n != 5 {
		t.Errorf("ScanVerified = %v after %d entries, want 5", err, n)
	}
}

func TestAppendSizes(t *testing.T) {
	c := newLedger(t, 0)
	l := open(t, c)
	defer closeLog(t, l)
	for _, size := range []int{0, ledger.MaxEntry + 1} {
		_, err := l.Append(t.Context(), make([]byte, size))
		wantError(t, fmt.Sprintf("Append of %d bytes", size), err, nil, fmt.Sprintf("entry has %d bytes, want 1 to 65535", size))
	}
	for i, size := range []int{1, ledger.MaxEntry} {
		a, err := l.Append(t.Context(), make([]byte, size))
		if err != nil || a.Index != uint64(i) {
			t.Fatalf("Append of %d bytes = %d, %v; want index %d", size, a.Index, err, i)
		}
		verify(t, c, make([]byte, size), a)
	}
}

// An entry is appended once, whoever has it in memory or on disk.
func TestAppendTwice(t *testing.T) {
	c := newLedger(t, 2)
	for range 2 {
		l := open(t, c)
		for i := range 3 {
			a, err := l.Append(t.Context(), entry(1))
			if err != nil || a.Index != 1 || !a.Dup {
				t.Errorf("Append again (%d) = %d, %v, %v; want index 1, a duplicate", i, a.Index, a.Dup, err)
			}
			verify(t, c, entry(1), a)
		}
		closeLog(t, l)
	}
}

// One Log in many goroutines, of which some have the same entry.
func TestAppendConcurrently(t *testing.T) {
	c := newLedger(t, 0)
	l := open(t, c)
	defer closeLog(t, l)
	var wg sync.WaitGroup
	got := make([]ledger.Appended, 12)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = l.Append(t.Context(), entry(i%6)); err != nil {
				t.Errorf("Append(%q) = %v", entry(i%6), err)
			}
		})
	}
	wg.Wait()
	seen := map[uint64]int{}
	for i, a := range got {
		verify(t, c, entry(i%6), a)
		if a.Index != got[i%6].Index || a.Index > 5 {
			t.Errorf("%q is at %d and %d, want one index below 6", entry(i%6), a.Index, got[i%6].Index)
		}
		if !a.Dup {
			seen[a.Index]++
		}
	}
	if want := map[uint64]int{0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}; !cmp.Equal(seen, want) {
		t.Errorf("first appends are at %v, want %v", seen, want)
	}
}

func TestAppendWaitsForItsTurn(t *testing.T) {
	c := newLedger(t, 0)
	cosigning, done := make(chan bool), make(chan bool)
	c.Cosign = func(_ context.Context, _ ledger.Reader, checkpoint []byte) ([]byte, error) {
		close(cosigning)
		<-done
		return checkpoint, nil
	}
	l := open(t, c)
	defer closeLog(t, l)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := l.Append(t.Context(), entry(0)); err != nil {
			t.Errorf("Append = %v", err)
		}
	})
	<-cosigning
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, entry(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append meanwhile = %v, want %v", err, context.Canceled)
	}
	close(done)
	wg.Wait()
}

// Eight processes open one directory over and over.
func TestProcesses(t *testing.T) {
	const processes, each = 8, 4
	c := newLedger(t, 0)
	root := filepath.Dir(c.Dir)
	var wg sync.WaitGroup
	outputs := make([]string, processes)
	for i := range outputs {
		cmd := child(t, "append", root, fmt.Sprint("process ", i), fmt.Sprint(each))
		wg.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
			}
			outputs[i] = string(out)
		})
	}
	wg.Wait()
	indexes := map[uint64]string{}
	for line := range strings.Lines(strings.Join(outputs, "")) {
		f := strings.Fields(line) // process I/N INDEX DUP PROOF
		if len(f) != 5 || f[3] != "false" {
			t.Fatalf("a process printed %q", line)
		}
		index, err := strconv.ParseUint(f[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := base64.StdEncoding.DecodeString(f[4])
		if err != nil {
			t.Fatal(err)
		}
		text := f[0] + " " + f[1]
		if other, ok := indexes[index]; ok {
			t.Errorf("%q and %q are both at index %d", text, other, index)
		}
		indexes[index] = text
		verify(t, c, []byte(text), ledger.Appended{Index: index, Proof: proof})
	}
	if len(indexes) != processes*each {
		t.Errorf("%d entries were appended, want %d", len(indexes), processes*each)
	}
	if cp, err := tiles.Fsck(t.Context(), c); err != nil || cp.Size != processes*each {
		t.Errorf("Fsck = %v, %v; want size %d", cp, err, processes*each)
	}
}

func TestOpenWaits(t *testing.T) {
	c := newLedger(t, 0)
	l := open(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := tiles.Open(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second Open = %v, want %v", err, context.DeadlineExceeded)
	}
	closeLog(t, l)
	closeLog(t, open(t, c))
}

func TestCreateRefuses(t *testing.T) {
	c := newLedger(t, 1)
	before := snapshot(t, c.Dir)
	fresh := func() tiles.Config { return configIn(t, t.TempDir()) }

	moved := c
	moved.Anchor = filepath.Join(t.TempDir(), "anchor")
	anchored := fresh()
	anchored.Anchor = c.Anchor
	wrongKey := fresh()
	wrongKey.Key, _ = keyOf(t, origin, "another")
	for _, tc := range []struct {
		name string
		c    tiles.Config
		is   error
		want string
	}{
		{"a ledger", c, fs.ErrExist, "anchor"},
		{"a directory that is not empty", moved, fs.ErrExist, "the directory is not empty"},
		{"an anchor", anchored, fs.ErrExist, "anchor " + c.Anchor},
		{"a signer of another key", wrongKey, tiles.ErrWrongKey, ""},
	} {
		wantError(t, "Create of "+tc.name, tiles.Create(t.Context(), tc.c), tc.is, tc.want)
	}
	if diff := cmp.Diff(before, snapshot(t, c.Dir)); diff != "" {
		t.Errorf("Create changed a ledger (-before +after):\n%s", diff)
	}
	if files, _ := os.ReadDir(wrongKey.Dir); len(files) > 0 {
		t.Errorf("Create with a signer of another key left %v", files)
	}
	if _, err := os.Stat(anchored.Dir); err == nil {
		t.Error("Create beside an anchor left a directory")
	}
}

// What Open must refuse, and without signing anything.
func TestGuards(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, c *tiles.Config)
		is    error
		want  string
	}{
		{"no ledger", func(t *testing.T, c *tiles.Config) { *c = configIn(t, t.TempDir()) }, tiles.ErrNoLedger, ""},
		{"empty directory", func(t *testing.T, c *tiles.Config) {
			*c = configIn(t, t.TempDir())
			if err := os.Mkdir(c.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}, tiles.ErrNoAnchor, "without it a rollback could not be noticed"},
		{"directory gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Dir) }, ledger.ErrRollback, "the directory is gone, and the anchor"},
		{"directory emptied", func(t *testing.T, c *tiles.Config) {
			remove(t, c.Dir)
			if err := os.Mkdir(c.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}, ledger.ErrRollback, "its checkpoint is gone"},
		{"checkpoint gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Dir, "checkpoint") }, ledger.ErrRollback, "remembers size 3"},
		{"directory a file", func(t *testing.T, c *tiles.Config) {
			remove(t, c.Dir)
			writeFile(t, c.Dir, "")
		}, tiles.ErrReadOnly, ""},
		{"state gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Dir, ".state") }, tiles.ErrStateLost, "restore it together with the tiles"},
		{"tree state gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Dir, ".state/treeState") }, tiles.ErrStateLost, ""},
		{"anchor gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Anchor) }, tiles.ErrNoAnchor, ""},
		{"anchor damaged", func(t *testing.T, c *tiles.Config) { writeFile(t, c.Anchor, "x") }, tiles.ErrWrongKey, "anchor"},
		{"anchor unsigned", func(t *testing.T, c *tiles.Config) {
			writeFile(t, c.Anchor, strings.Replace(readFile(t, c.Anchor), "\n3\n", "\n0\n", 1))
		}, tiles.ErrWrongKey, "anchor"},
		{"checkpoint unsigned", func(t *testing.T, c *tiles.Config) {
			name := filepath.Join(c.Dir, "checkpoint")
			writeFile(t, name, strings.Replace(readFile(t, name), "\n3\n", "\n4\n", 1))
		}, tiles.ErrWrongKey, "checkpoint"},
		{"another key", func(t *testing.T, c *tiles.Config) { c.Key, c.Signer = keyOf(t, origin, "another") }, tiles.ErrWrongKey, ""},
		{"another origin", func(t *testing.T, c *tiles.Config) { c.Key, c.Signer = keyOf(t, "other.example", "log") }, tiles.ErrWrongKey, ""},
		{"a signer of another origin", func(t *testing.T, c *tiles.Config) { _, c.Signer = keyOf(t, "other.example", "log") }, tiles.ErrWrongKey, "other.example"},
		{"a signer of another key", func(t *testing.T, c *tiles.Config) { _, c.Signer = keyOf(t, origin, "another") }, tiles.ErrWrongKey, ""},
		{"key malformed", func(t *testing.T, c *tiles.Config) { c.Key = "x" }, nil, "is not a verifier key"},
		{"anchor of a larger tree", func(t *testing.T, c *tiles.Config) {
			later := clone(t, *c)
			appendTo(t, later, 3, 4)
		}, ledger.ErrRollback, "is smaller than"},
		{"anchor of another tree", func(t *testing.T, c *tiles.Config) { fork(t, c, 3) }, ledger.ErrRollback, "does not begin with"},
		{"anchor of another, smaller tree", func(t *testing.T, c *tiles.Config) { fork(t, c, 2) }, ledger.ErrRollback, "does not begin with"},
		{"tile damaged", func(t *testing.T, c *tiles.Config) { flip(t, filepath.Join(c.Dir, "tile/0/000.p/3")) }, nil, "root"},
		{"tile gone", func(t *testing.T, c *tiles.Config) { remove(t, c.Dir, "tile/0/000.p/3") }, fs.ErrNotExist, "tile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newLedger(t, 3)
			root := filepath.Dir(c.Dir)
			tc.spoil(t, &c)
			before := snapshot(t, root)
			l, err := tiles.Open(t.Context(), c)
			if err == nil {
				_, appendErr := l.Append(t.Context(), entry(9))
				closeLog(t, l)
				t.Errorf("Append after Open = %v", appendErr)
			}
			wantError(t, "Open", err, tc.is, tc.want)
			if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
				t.Errorf("Open changed files (-before +after):\n%s", diff)
			}
		})
	}
}

func remove(t testing.TB, path ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

// fork makes the anchor that of another ledger under the same key, of size n.
func fork(t testing.TB, c *tiles.Config, n int) {
	t.Helper()
	other := newLedger(t, 0)
	l := open(t, other)
	for i := range n {
		if _, err := l.Append(t.Context(), entry(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	writeFile(t, c.Anchor, readFile(t, other.Anchor))
}

// A ledger restored from a backup is refused before it signs a fork, and the
// error has both signed checkpoints.
func TestRestoredBackup(t *testing.T) {
	c := newLedger(t, 2)
	backup := clone(t, c)
	appendTo(t, c, 2, 4)
	before := snapshot(t, backup.Dir)
	_, err := tiles.Open(t.Context(), backup)
	var rollback *ledger.RollbackError
	if !errors.As(err, &rollback) || rollback.Old.Size != 4 || rollback.New.Size != 2 {
		t.Fatalf("Open of a backup = %v, want a RollbackError from size 4 to 2", err)
	}
	key, err := ledger.ParseLogKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, cp := range []ledger.Checkpoint{rollback.Old, rollback.New} {
		if got, err := key.Open(cp.Signed); err != nil || got.Size != cp.Size {
			t.Errorf("the RollbackError has %q, %v; want what the log signed", cp.Signed, err)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, backup.Dir)); diff != "" {
		t.Errorf("Open changed the backup (-before +after):\n%s", diff)
	}
	appendTo(t, c, 4, 5) // the ledger itself goes on
}

// The state of a backup beside newer tiles, or one that a failing disk did not keep:
// Tessera would sign a fork. What was published says how to go on.
func TestRestoredState(t *testing.T) {
	c := newLedger(t, 2)
	name := filepath.Join(c.Dir, ".state/treeState")
	state := readFile(t, name)
	appendTo(t, c, 2, 4)
	writeFile(t, name, state)
	appendTo(t, c, 4, 5)
	if cp, err := tiles.Fsck(t.Context(), c); err != nil || cp.Size != 5 {
		t.Errorf("Fsck = %v, %v; want size 5", cp, err)
	}
}

// A state of which Tessera would sign what nobody appended.
func TestFalseState(t *testing.T) {
	for _, tt := range []struct{ state, want string }{
		{"", "unexpected end"},
		{`{"size":3,"root":""}`, "a root of 0 bytes"},
		{`{"size":2,"root":"` + strings.Repeat("A", 43) + `="}`, "does not continue the checkpoint"},
		{`{"size":9,"root":"` + strings.Repeat("A", 43) + `="}`, "does not continue the checkpoint"},
	} {
		c := newLedger(t, 2)
		writeFile(t, filepath.Join(c.Dir, ".state/treeState"), tt.state)
		before := snapshot(t, c.Dir)
		_, err := tiles.Open(t.Context(), c)
		wantError(t, "Open with state "+tt.state, err, tiles.ErrStateLost, tt.want)
		if errors.Is(err, ledger.ErrRollback) {
			t.Errorf("%v, which nobody signed", err)
		}
		if diff := cmp.Diff(before, snapshot(t, c.Dir)); diff != "" {
			t.Errorf("Open changed files (-before +after):\n%s", diff)
		}
	}
}

func TestReadOnly(t *testing.T) {
	c := newLedger(t, 1)
	root := filepath.Dir(c.Dir)
	// The child may have to be another user, because root may write anywhere.
	for _, dir := range []string{filepath.Dir(root), root} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(c.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(c.Dir, 0o755) })
	out, err := child(t, "open", root).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "true: opening ledger ") {
		t.Errorf("Open without permission to write printed %q, %v; want %v", out, err, tiles.ErrReadOnly)
	}
}

// A process killed between append and proof leaves an entry that the next one
// finds.
func TestKilledBeforeProof(t *testing.T) {
	c := newLedger(t, 2)
	out, err := child(t, "die", filepath.Dir(c.Dir), string(entry(2))).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v, want it killed\n%s", err, out)
	}
	l := open(t, c)
	defer closeLog(t, l)
	a, err := l.Append(t.Context(), entry(2))
	if err != nil || a.Index != 2 || !a.Dup {
		t.Errorf("Append = %d, %v, %v; want index 2, a duplicate", a.Index, a.Dup, err)
	}
	verify(t, c, entry(2), a)
}

// A process killed between integrating and publishing leaves a checkpoint that
// does not cover the newest entry.
func TestKilledBeforePublishing(t *testing.T) {
	c := newLedger(t, 2)
	name := filepath.Join(c.Dir, "checkpoint")
	checkpoint, anchor := readFile(t, name), readFile(t, c.Anchor)
	appendTo(t, c, 2, 3)
	writeFile(t, name, checkpoint)
	writeFile(t, c.Anchor, anchor)
	l := open(t, c)
	defer closeLog(t, l)
	a, err := l.Append(t.Context(), entry(2))
	if err != nil || a.Index != 2 || !a.Dup {
		t.Errorf("Append = %d, %v, %v; want index 2, a duplicate", a.Index, a.Dup, err)
	}
	verify(t, c, entry(2), a)
}

// A checkpoint that cannot be written, for want of room perhaps, is waited for, and
// not for ever. What was integrated meanwhile is not integrated again.
func TestNotPublished(t *testing.T) {
	c := newLedger(t, 2)
	c.Patience = 50 * time.Millisecond
	lock := filepath.Join(c.Dir, ".state/publish.lock")
	l := open(t, c)
	remove(t, lock)
	if err := os.Mkdir(lock, 0o755); err != nil { // stands in for a full disk
		t.Fatal(err)
	}
	for range 2 {
		_, err := l.Append(t.Context(), entry(2))
		wantError(t, "Append", err, nil, "a checkpoint of size 3 could not be written")
	}
	l.Close(t.Context())
	_, err := tiles.Open(t.Context(), c)
	wantError(t, "Open", err, nil, "a checkpoint of size 3 could not be written")
	remove(t, lock)
	c.Patience = 0
	l = open(t, c)
	defer closeLog(t, l)
	a, err := l.Append(t.Context(), entry(2))
	if err != nil || a.Index != 2 || !a.Dup {
		t.Errorf("Append = %d, %v, %v; want index 2, a duplicate", a.Index, a.Dup, err)
	}
	verify(t, c, entry(2), a)
}

// The clock is set back while the ledger is open, which then has a checkpoint of the future.
func TestClockSetBackWhileOpen(t *testing.T) {
	for _, batch := range []uint{0, 64} {
		c := newLedger(t, 1)
		c.Batch, c.Patience = batch, 5*time.Second
		l := open(t, c)
		for i := 1; i < 4; i++ {
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(filepath.Join(c.Dir, "checkpoint"), later, later); err != nil {
				t.Fatal(err)
			}
			a, err := l.Append(t.Context(), entry(i))
			if err != nil || a.Index != uint64(i) {
				t.Fatalf("batch %d: Append = %d, %v; want index %d", batch, a.Index, err, i)
			}
		}
		closeLog(t, l)
	}
}

// After the clock was set back, or a copy kept another clock's times.
func TestCheckpointFromTheFuture(t *testing.T) {
	c := newLedger(t, 1)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(c.Dir, "checkpoint"), later, later); err != nil {
		t.Fatal(err)
	}
	l := open(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a, err := l.Append(ctx, entry(1))
	if err != nil || a.Index != 1 {
		t.Errorf("Append = %d, %v; want index 1", a.Index, err)
	}
	if err == nil {
		closeLog(t, l)
	}
}

func TestCosignFails(t *testing.T) {
	c := newLedger(t, 2)
	down := errors.New("witnesses are down")
	anchor := readFile(t, c.Anchor)
	c.Cosign = func(context.Context, ledger.Reader, []byte) ([]byte, error) { return nil, down }
	l := open(t, c)
	for range 2 {
		a, err := l.Append(t.Context(), entry(2))
		wantError(t, "Append", err, down, "logged at index 2, not cosigned: ")
		if a.Proof != nil {
			t.Errorf("Append has proof %q, want none", a.Proof)
		}
	}
	closeLog(t, l)
	if got := readFile(t, c.Anchor); got != anchor {
		t.Errorf("the anchor is %q, want %q", got, anchor)
	}
	c.Cosign = nil
	l = open(t, c)
	defer closeLog(t, l)
	a, err := l.Append(t.Context(), entry(2))
	if err != nil || a.Index != 2 || !a.Dup {
		t.Errorf("Append again = %d, %v, %v; want index 2, a duplicate", a.Index, a.Dup, err)
	}
	verify(t, c, entry(2), a)
}

// Damage that came while the ledger was open is noticed before anybody cosigns.
func TestDamagedWhileOpen(t *testing.T) {
	c := newLedger(t, 3)
	asked := false
	c.Cosign = func(_ context.Context, _ ledger.Reader, checkpoint []byte) ([]byte, error) {
		asked = true
		return checkpoint, nil
	}
	anchor := readFile(t, c.Anchor)
	l := open(t, c)
	defer closeLog(t, l)
	flip(t, filepath.Join(c.Dir, "tile/0/000.p/3"))
	_, err := l.Append(t.Context(), entry(0))
	wantError(t, "Append of an old entry", err, nil, "the ledger's own proof does not hold")
	a, err := l.Append(t.Context(), entry(3))
	if !errors.Is(err, ledger.ErrRollback) || a.Proof != nil || asked {
		t.Errorf("Append = %+v, %v, cosigners asked %v; want an error before", a, err, asked)
	}
	if got := readFile(t, c.Anchor); got != anchor {
		t.Errorf("the anchor is %q, want %q", got, anchor)
	}
}

// Files that a killed Tessera left go away; what is like them stays.
func TestSweep(t *testing.T) {
	c := newLedger(t, 2)
	want := snapshot(t, c.Dir)
	for _, name := range []string{"tile/0/000.p/2.bak", "notes1234567890", "tile/entries/1234567890.txt"} {
		name = filepath.Join(c.Dir, name)
		writeFile(t, name, "mine")
		want[name] = "mine"
	}
	for _, name := range []string{"checkpoint1234567890", ".state/treeState1234567890", ".state/gcState1234567890", "tile/0/000.p/21234567890", "tile/0/0001234567890", "tile/entries/000.p/21234567890"} {
		writeFile(t, filepath.Join(c.Dir, name), "left")
	}
	if err := os.Mkdir(filepath.Join(c.Dir, "tile/9991234567890"), 0o755); err != nil {
		t.Fatal(err)
	}
	closeLog(t, open(t, c))
	if diff := cmp.Diff(want, snapshot(t, c.Dir)); diff != "" {
		t.Errorf("files differ after Open (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "tile/9991234567890")); err != nil {
		t.Errorf("the sweep took a directory: %v", err)
	}
}

func TestFsck(t *testing.T) {
	c := newLedger(t, 0)
	if cp, err := tiles.Fsck(t.Context(), c); err != nil || cp.Size != 0 {
		t.Errorf("Fsck of an empty ledger = %v, %v; want size 0", cp, err)
	}
	appendTo(t, c, 0, 3)
	c.Signer = nil
	if cp, err := tiles.Fsck(t.Context(), c); err != nil || cp.Size != 3 || cp.Origin != origin {
		t.Errorf("Fsck = %v, %v; want size 3 of %s", cp, err, origin)
	}
	for _, tc := range []struct {
		name  string
		spoil func(c *tiles.Config)
		is    error
	}{
		{"tile damaged", func(c *tiles.Config) { flip(t, filepath.Join(c.Dir, "tile/0/000.p/3")) }, nil},
		{"bundle damaged", func(c *tiles.Config) { flip(t, filepath.Join(c.Dir, "tile/entries/000.p/3")) }, nil},
		{"bundle cut", func(c *tiles.Config) { writeFile(t, filepath.Join(c.Dir, "tile/entries/000.p/3"), "\x00") }, nil},
		{"tile gone", func(c *tiles.Config) { remove(t, c.Dir, "tile/0") }, nil},
		{"bundle gone", func(c *tiles.Config) { remove(t, c.Dir, "tile/entries") }, nil},
		{"checkpoint gone", func(c *tiles.Config) { remove(t, c.Dir, "checkpoint") }, fs.ErrNotExist},
		{"another key", func(c *tiles.Config) { c.Key, _ = keyOf(t, origin, "another") }, tiles.ErrWrongKey},
		{"key malformed", func(c *tiles.Config) { c.Key = "x" }, nil},
	} {
		c := clone(t, c)
		tc.spoil(&c)
		_, err := tiles.Fsck(t.Context(), c)
		if err == nil || tc.is != nil && !errors.Is(err, tc.is) || tc.is == nil && len(err.Error()) > 310 {
			t.Errorf("Fsck (%s) = %v, want %v", tc.name, err, tc.is)
		}
	}
}

// cosigned makes a ledger whose proofs need a witness.
func cosigned(t testing.TB) (tiles.Config, *ledger.Policy) {
	t.Helper()
	c := newLedger(t, 0)
	dir := filepath.Join(t.TempDir(), "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	w, err := witness.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return time.Unix(1000, 0) }
	if err := w.AddLog(c.Key); err != nil {
		t.Fatal(err)
	}
	policy, err := ledger.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness W %s\nquorum W\n", c.Key, w.VKey()))
	if err != nil {
		t.Fatal(err)
	}
	c.Cosign = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
		signed, errs := witness.Gather(ctx, r, checkpoint, []witness.Cosigner{w}, nil)
		return signed, errors.Join(errs...)
	}
	return c, policy
}

func TestCosigned(t *testing.T) {
	c, policy := cosigned(t)
	for i := range 2 {
		l := open(t, c)
		for j := range 2 {
			e := entry(2*i + j)
			a, err := l.Append(t.Context(), e)
			if err != nil {
				t.Fatalf("Append(%q) = %v", e, err)
			}
			v, err := policy.Verify(e, a.Proof, time.Unix(2000, 0))
			if err != nil || v.Index != uint64(2*i+j) || v.NotAfter.Unix() != 1000 {
				t.Errorf("Verify(%q) = %+v, %v; want index %d, not after 1000", e, v, err, 2*i+j)
			}
		}
		closeLog(t, l)
	}
	if anchor := readFile(t, c.Anchor); !strings.Contains(anchor, "— w.example ") {
		t.Errorf("the anchor is %q, want it with the cosignature", anchor)
	}
}

// BenchmarkAppend takes an entry to its cosigned proof.
func BenchmarkAppend(b *testing.B) {
	c, _ := cosigned(b)
	l := open(b, c)
	defer closeLog(b, l)
	for i := 0; b.Loop(); i++ {
		if _, err := l.Append(b.Context(), entry(i)); err != nil {
			b.Fatal(err)
		}
	}
}
