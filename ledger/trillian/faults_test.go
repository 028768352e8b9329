//go:build unix

package trillian_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	api "github.com/google/trillian"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/trillian"
	"github.com/proctor-attest/proctor/ledger/trillian/trilliantest"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// TestMain runs a front end when a test asks for one.
func TestMain(m *testing.M) {
	if os.Getenv("TRILLIAN_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	if err := frontEnd(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A fatal is a testing.TB for helpers in a child.
type fatal struct{ testing.TB }

func (fatal) Helper()                   {}
func (fatal) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (fatal) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// configIn returns the Config of a ledger under a directory, that a witness there cosigns.
func configIn(t testing.TB, root, address string, tree int64) trillian.Config {
	t.Helper()
	vkey, signer := keyOf(t, "log")
	w, err := witness.Open(filepath.Join(root, "w"))
	if err != nil {
		t.Fatal(err)
	}
	return trillian.Config{
		Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer, Server: address, Tree: tree,
		Cosign: func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
			signed, errs := witness.Gather(ctx, r, checkpoint, []witness.Cosigner{w}, nil)
			return signed, errors.Join(errs...)
		},
	}
}

// killing is a signer that ends the process instead of signing for the nth time.
type killing struct {
	note.Signer
	left *int
}

func (k killing) Sign(text []byte) ([]byte, error) {
	if *k.left--; *k.left == 0 {
		die()
	}
	return k.Signer.Sign(text)
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// frontEnd appends side by side, and prints what was acknowledged, until it is killed: by
// itself at its nth try at a step, or by somebody else.
func frontEnd(args []string) error {
	root, address, name, step := args[0], args[1], args[3], args[4]
	tree, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(args[5])
	if err != nil {
		return err
	}
	c := configIn(fatal{}, root, address, tree)
	gather := c.Cosign
	switch step {
	case "sign":
		c.Signer = killing{c.Signer, &left}
	case "cosign", "cosigned":
		c.Cosign = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
			if left--; left == 0 && step == "cosign" {
				die()
			}
			signed, err := gather(ctx, r, checkpoint)
			if left == 0 {
				die()
			}
			return signed, err
		}
	}
	l, err := trillian.Open(context.Background(), c)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	for n := range 16 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("%s/%d/%d", name, n, i)
				a, err := l.Append(context.Background(), []byte(text))
				mu.Lock()
				if err != nil {
					fmt.Fprintln(os.Stderr, text, err)
				} else {
					fmt.Println(text, a.Index, base64.StdEncoding.EncodeToString(a.Proof))
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// A disaster is a ledger whose front ends are killed, and what they acknowledged.
type disaster struct {
	*testing.T
	root string
	c    trillian.Config

	mu           sync.Mutex
	acknowledged map[string]ledger.Appended
}

func newDisaster(t *testing.T, address string) *disaster {
	t.Helper()
	d := &disaster{T: t, root: t.TempDir(), acknowledged: map[string]ledger.Appended{}}
	dir := filepath.Join(d.root, "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		t.Fatal(err)
	}
	w, err := witness.Open(dir)
	vkey, _ := keyOf(t, "log")
	if err == nil {
		err = w.AddLog(vkey)
	}
	if err != nil {
		t.Fatal(err)
	}
	tree, err := trillian.CreateTree(t.Context(), trillian.Config{Server: address})
	if err != nil {
		t.Fatal(err)
	}
	d.c = configIn(t, d.root, address, tree)
	if err := trillian.Create(t.Context(), d.c); err != nil {
		t.Fatal(err)
	}
	return d
}

// start runs a front end; acked is told after each acknowledgement, how many there were.
// Wait returns when it is dead.
func (d *disaster) start(name, step string, nth int, acked func(n int, p *os.Process)) (cmd *exec.Cmd, wait func()) {
	d.Helper()
	self, err := os.Executable()
	if err != nil {
		d.Fatal(err)
	}
	cmd = exec.CommandContext(d.Context(), self, d.root, d.c.Server, fmt.Sprint(d.c.Tree), name, step, fmt.Sprint(nth))
	cmd.Env = append(os.Environ(), "TRILLIAN_TEST_CHILD=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		d.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			f := strings.Fields(lines.Text())
			if len(f) != 3 {
				continue // cut short
			}
			index, err := strconv.ParseUint(f[1], 10, 64)
			proof, err2 := base64.StdEncoding.DecodeString(f[2])
			if err != nil || err2 != nil {
				continue
			}
			d.mu.Lock()
			d.acknowledged[f[0]] = ledger.Appended{Index: index, Proof: proof}
			d.mu.Unlock()
			if acked != nil {
				acked(n, cmd.Process)
			}
		}
	}()
	return cmd, func() {
		d.Helper()
		<-done
		err := cmd.Wait()
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() {
			d.Fatalf("front end %s at %s was not killed: %v\n%s", name, step, err, stderr.String())
		}
		if stderr.Len() > 0 {
			d.Logf("front end %s: %s", name, stderr.String())
		}
	}
}

// check opens the ledger again: all that was acknowledged is there, once and at its
// index, the files are those that the entries make, and appending goes on.
func (d *disaster) check() {
	d.Helper()
	l := open(d, d.c)
	for n := range 3 {
		if _, err := l.Append(d.Context(), fmt.Appendf(nil, "afterwards %d %s", n, time.Now())); err != nil {
			d.Errorf("Append afterwards = %v", err)
		}
	}
	for text, before := range d.acknowledged {
		if a, err := l.Append(d.Context(), []byte(text)); err != nil || !a.Dup || a.Index != before.Index {
			d.Errorf("%s was acknowledged at %d, and is %d, %v, %v", text, before.Index, a.Index, a.Dup, err)
		}
		break // the others are found in the entries
	}
	closeLog(d, l)
	policy, err := ledger.ParsePolicy([]byte("log " + d.c.Key + "\nquorum none\n"))
	if err != nil {
		d.Fatal(err)
	}
	key, err := ledger.ParseLogKey(d.c.Key)
	if err != nil {
		d.Fatal(err)
	}
	dir := ledger.Dir(d.c.Dir)
	signed, err := dir.ReadCheckpoint(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	cp, err := key.Open(signed)
	if err != nil {
		d.Fatal(err)
	}
	var list []string
	at := map[string]uint64{}
	err = ledger.ScanVerified(d.Context(), dir, cp, 0, func(index uint64, e []byte) error {
		if other, twice := at[string(e)]; twice {
			d.Errorf("%s is at %d and at %d", e, other, index)
		}
		at[string(e)] = index
		list = append(list, string(e))
		return nil
	})
	if err != nil {
		d.Error(err)
	}
	for text, a := range d.acknowledged {
		if index, ok := at[text]; !ok || index != a.Index {
			d.Errorf("%s was acknowledged at %d, and is at %d, %v", text, a.Index, index, ok)
		}
		if _, err := policy.Verify([]byte(text), a.Proof, time.Now()); err != nil {
			d.Errorf("the proof of %s: %v", text, err)
		}
	}
	checkLayout(d, d.c.Dir, list)
	if _, err := tiles.Fsck(d.Context(), tiles.Config{Dir: d.c.Dir, Key: d.c.Key}); err != nil {
		d.Errorf("fsck: %v", err)
	}
	d.Logf("%d entries, of which %d were acknowledged", cp.Size, len(d.acknowledged))
}

// disasterAt is on the log server that PROCTOR_TRILLIAN names, or on a fake.
func disasterAt(t *testing.T) *disaster {
	if address := os.Getenv("PROCTOR_TRILLIAN"); address != "" {
		return newDisaster(t, address)
	}
	_, address := startFake(t)
	return newDisaster(t, address)
}

// A front end that dies at any step of tiles, signature and cosignatures loses nothing
// that it acknowledged, and signs no second history: its witness would refuse it.
func TestKilledAtEachStep(t *testing.T) {
	d := disasterAt(t)
	for _, step := range []string{"sign", "cosign", "cosigned"} {
		for nth := 1; nth <= 3; nth++ {
			_, wait := d.start(fmt.Sprint(step, nth), step, nth, nil)
			wait()
		}
	}
	d.check()
}

// Nor does one that dies while it waits for an answer of Trillian's.
func TestKilledAtEachQuestion(t *testing.T) {
	s, address := startFake(t)
	d := newDisaster(t, address)
	for _, question := range []proto.Message{
		&api.QueueLeafRequest{}, &api.GetLatestSignedLogRootRequest{}, &api.GetConsistencyProofRequest{}, &api.GetLeavesByRangeRequest{},
	} {
		for nth := 1; nth <= 4; nth++ {
			var victim *os.Process
			left := nth
			s.Do(d.c.Tree, func(*trilliantest.Tree) {
				s.After = func(req any, _ proto.Message) error {
					if reflect.TypeOf(req) == reflect.TypeOf(question) && victim != nil {
						if left--; left == 0 {
							return victim.Kill()
						}
					}
					return nil
				}
			})
			cmd, wait := d.start(fmt.Sprintf("%T%d", question, nth), "", 0, nil)
			s.Do(d.c.Tree, func(*trilliantest.Tree) { victim = cmd.Process })
			wait()
			s.Do(d.c.Tree, func(*trilliantest.Tree) { s.After = nil })
		}
	}
	d.check()
}

// Killed under load again and again, front ends keep all that they acknowledged.
func TestKilledUnderLoad(t *testing.T) {
	d := disasterAt(t)
	rounds := 5
	if os.Getenv("PROCTOR_LOAD") != "" {
		rounds = 50
	}
	for round := range rounds {
		_, wait := d.start(fmt.Sprint("round", round), "", 0, func(n int, p *os.Process) {
			if n == 20+23*(round%7) {
				p.Kill()
			}
		})
		wait()
	}
	d.check()
}

// Of two front ends the one that leads is killed, and then the next: each time the other
// takes over, with the entries of both.
func TestKilledLeader(t *testing.T) {
	d := disasterAt(t)
	leads, leader := d.start("one", "", 0, nil)
	waitFor(t, func() bool { return sizeOf(t, d.c) > 0 })
	for round := range 3 {
		next := make(chan struct{})
		follows, follower := d.start(fmt.Sprint("other", round), "", 0, func(n int, _ *os.Process) {
			if n == 50 {
				next <- struct{}{} // it was answered while the other leads
			}
			if n == 500 {
				close(next) // it must lead by now
			}
		})
		<-next
		leads.Process.Kill()
		leader()
		<-next
		leads, leader = follows, follower
	}
	leads.Process.Kill()
	leader()
	d.check()
}
