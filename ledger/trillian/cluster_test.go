//go:build unix

package trillian_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/ledger/trillian"
)

// control stops, kills or starts a part of the cluster, as .ci/trillian has it.
func control(t *testing.T, verb, part string) {
	t.Helper()
	if out, err := exec.Command(os.Getenv("PROCTOR_TRILLIAN_CONTROL"), verb, part).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", verb, part, err, out)
	}
	t.Logf("%s %s", verb, part)
}

// The log server is killed and the database stopped, while many append: nothing that was
// acknowledged is lost, and appending goes on.
func TestServerAndDatabaseFaults(t *testing.T) {
	underLoad(t, func(goesOn func() time.Duration) {
		control(t, "kill", "server")
		control(t, "start", "server")
		goesOn()
		control(t, "stop", "database")
		time.Sleep(2 * time.Second)
		control(t, "start", "database")
		goesOn()
	})
}

// Of two signers the master is killed, and the other takes over, in the minute that etcd
// holds a lease.
func TestSignerFaults(t *testing.T) {
	underLoad(t, func(goesOn func() time.Duration) {
		for _, signer := range []string{"signer1", "signer2"} {
			control(t, "kill", signer)
			took := goesOn()
			control(t, "start", signer)
			goesOn()
			if took > 20*time.Second {
				return // that was the master
			}
		}
	})
}

// underLoad appends side by side while a fault is made, and checks what became of it.
// GoesOn waits until a hundred more entries are acknowledged, and says how long that took.
func underLoad(t *testing.T, fault func(goesOn func() time.Duration)) {
	t.Helper()
	if os.Getenv("PROCTOR_TRILLIAN_CONTROL") == "" {
		t.Skip("PROCTOR_TRILLIAN_CONTROL is not set; .ci/trillian sets it")
	}
	d := newDisaster(t, os.Getenv("PROCTOR_TRILLIAN"))
	d.c.Interval = 100 * time.Millisecond
	l := open(t, d.c)
	var stop atomic.Bool
	var done, failed atomic.Int64
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				text := fmt.Sprintf("%d/%d", n, i)
				a, err := l.Append(t.Context(), []byte(text))
				for ; err != nil && t.Context().Err() == nil; a, err = l.Append(t.Context(), []byte(text)) {
					if failed.Add(1) <= 5 {
						t.Log(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
				d.mu.Lock()
				d.acknowledged[text] = a
				d.mu.Unlock()
				done.Add(1)
			}
		})
	}
	goesOn := func() time.Duration {
		t.Helper()
		begin, before := time.Now(), done.Load()
		for done.Load() < before+100 {
			if time.Since(begin) > 3*time.Minute {
				t.Fatal("appending does not go on")
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("100 more entries after %v", time.Since(begin).Round(100*time.Millisecond))
		return time.Since(begin)
	}
	goesOn()
	fault(goesOn)
	stop.Store(true)
	wg.Wait()
	closeLog(t, l)
	d.check()
	t.Logf("%d answers were errors", failed.Load())
}

// A tree that Trillian's own program made is as good as one of ours.
func TestForeignTree(t *testing.T) {
	tree, err := strconv.ParseInt(os.Getenv("PROCTOR_TRILLIAN_TREE"), 10, 64)
	if err != nil {
		t.Skip("PROCTOR_TRILLIAN_TREE is not set; .ci/trillian sets it")
	}
	c := configAt(t, os.Getenv("PROCTOR_TRILLIAN"))
	c.Tree = tree
	if err := trillian.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	l := open(t, c)
	defer closeLog(t, l)
	add(t, l, c.Key, 0, 3)
}
