//go:build unix && !race

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// machine is a home that processes of their own work on.
type machine struct {
	t   *testing.T
	bin string
	dir string
}

func newMachine(t *testing.T, dir string) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir(), dir: dir}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(m.bin, "proctor")); err != nil { // TestMain runs main under that name
		t.Fatal(err)
	}
	m.write("endpoint.json", []byte(`{"provider":"cloud.example","url":"https://api.cloud.example","model":"m"}`))
	m.must("init", "--issuer", machineIssuer)
	return m
}

const machineIssuer = "https://evaluator.example"

func (m *machine) write(name string, data []byte) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(m.bin, "proctor"), args...)
	c.Dir = m.dir
	c.Env = append(os.Environ(), "PROCTOR_PASSWORD=demo", "PROCTOR_YES=1", "PROCTOR_HOME=")
	return c
}

func (m *machine) must(args ...string) string {
	m.t.Helper()
	out, err := m.command(m.t.Context(), args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("proctor %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// commit returns a command that logs one statement.
func (m *machine) commit(ctx context.Context, name string) *exec.Cmd {
	return m.command(ctx, "commit", "model", "--endpoint", "endpoint.json", "--name", name, "--quiet")
}

// entries are the ids in the ledger, in order.
func (m *machine) entries() []string {
	var ids []string
	for line := range strings.Lines(m.must("ledger", "show")) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "statement" {
			ids = append(ids, f[1])
		}
	}
	return ids
}

// home is the machine's home, read from outside.
func (m *machine) home() *home {
	return &home{dir: filepath.Join(m.dir, homeName), config: config{Issuer: machineIssuer}}
}

// check wants a sound ledger of statements that are all there once, in which the
// acknowledged ones are, with nothing pending, and a whole pack of each.
func (m *machine) check(acknowledged []string) {
	m.t.Helper()
	m.must("ledger", "fsck")
	seen := map[string]bool{}
	for _, id := range m.entries() {
		if seen[id] {
			m.t.Errorf("statement %s is logged twice", id)
		}
		seen[id] = true
	}
	for _, id := range acknowledged {
		if !seen[id] {
			m.t.Errorf("statement %s was acknowledged and is not in the ledger", id)
		}
	}
	h := m.home()
	chain, err := h.readChain()
	if err != nil {
		m.t.Fatal(err)
	}
	if len(chain) != len(seen) {
		m.t.Errorf("%d statements are kept and %d logged", len(chain), len(seen))
	}
	pending, err := readEntries(h.path(pendingDir))
	if err != nil || len(pending) > 0 {
		m.t.Errorf("%d statements are pending still, %v", len(pending), err)
	}
	for _, entry := range chain {
		m.checkPack(h.packFile(entry.Statement.ID), entry)
	}
}

// checkPack wants a pack with the statement, its proof and what it is about.
func (m *machine) checkPack(name string, entry *attest.Entry) {
	m.t.Helper()
	pack, done, err := openPack(name)
	if err != nil {
		m.t.Error(err)
		return
	}
	defer done()
	if e := pack.Entries[entry.Statement.ID]; e == nil || len(e.Proof) == 0 {
		m.t.Errorf("the pack of %s %s has no proof of it", entry.Statement.Kind(), entry.Statement.ID.Short())
	}
	var parts []attest.Artifact
	switch p := entry.Statement.Predicate.(type) {
	case *attest.Testset:
		parts = []attest.Artifact{p.Skeleton, p.Bitmap}
	case *attest.Registration:
		parts = []attest.Artifact{p.Configuration}
	case *attest.Result:
		parts = []attest.Artifact{p.Outcome.Rows}
	}
	for _, a := range parts {
		if _, err := pack.Artifact(a); err != nil {
			m.t.Errorf("the pack of %s %s: %v", entry.Statement.Kind(), entry.Statement.ID.Short(), err)
		}
	}
}

// statementID is the statement that a command acknowledged; a registration's is called
// a run.
func statementID(output []byte) string {
	for _, prefix := range []string{"statement ", "run "} {
		for line := range strings.Lines(string(output)) {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return strings.TrimSpace(rest)
			}
		}
	}
	return ""
}

// thorough is how often a fault is tried: in full with PROCTOR_THOROUGH=1.
func thorough(full, otherwise int) int {
	if os.Getenv("PROCTOR_THOROUGH") == "1" {
		return full
	}
	return otherwise
}

// Many processes append at once: each gets a number of its own, none fails.
func TestConcurrentProcesses(t *testing.T) {
	m := newMachine(t, t.TempDir())
	n := thorough(50, 8)
	var acknowledged []string
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			out, err := m.commit(t.Context(), fmt.Sprintf("m%d", i)).CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
				return
			}
			acknowledged = append(acknowledged, statementID(out))
		})
	}
	all.Wait()
	if got := len(m.entries()); got != n {
		t.Errorf("the ledger has %d entries, want %d", got, n)
	}
	m.check(acknowledged)
}

// Whenever a process is killed, what it had acknowledged is there, and what it had
// begun is finished by the next one or was never signed.
func TestKilledProcesses(t *testing.T) {
	m := newMachine(t, t.TempDir())
	start := time.Now()
	acknowledged := []string{statementID([]byte(m.must("commit", "model", "--endpoint", "endpoint.json", "--name", "first")))}
	whole := time.Since(start)
	for i := range thorough(50, 8) {
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(whole*3/2))
		c := m.commit(ctx, fmt.Sprintf("m%d", i)) // CommandContext kills with SIGKILL
		var out bytes.Buffer
		c.Stdout = &out
		err := c.Run()
		cancel()
		if id := statementID(out.Bytes()); err == nil && id != "" {
			acknowledged = append(acknowledged, id)
		}
	}
	acknowledged = append(acknowledged, statementID([]byte(m.must("commit", "model", "--endpoint", "endpoint.json", "--name", "last"))))
	m.check(acknowledged)
	t.Logf("%d of the commands came to their end", len(acknowledged)-2)
}
