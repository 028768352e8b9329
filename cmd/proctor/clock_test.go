//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// commands runs commands in this process, in a folder of their own, at times that the
// test gives.
type commands struct{ t *testing.T }

func newCommands(t *testing.T) *commands {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv(passwordVariable, "demo")
	t.Setenv(yesVariable, "1")
	t.Setenv("PROCTOR_HOME", "")
	return &commands{t}
}

// at wants an exit code and returns what the command printed, the answer and the rest.
func (c *commands) at(now time.Time, want int, command string) (stdout, stderr string) {
	c.t.Helper()
	var out, trouble bytes.Buffer
	e := &env{ctx: c.t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &trouble, now: func() time.Time { return now }}
	if code := e.run(splitWords(command)); code != want {
		c.t.Fatalf("%s: exit code %d, want %d\n%s", command, code, want, trouble.String())
	}
	return out.String(), trouble.String()
}

// A witness dates no cosignature before its last: it would say that it had not yet
// seen what it has cosigned. What was signed meanwhile waits for the right time.
func TestClockSetBack(t *testing.T) {
	c := newCommands(t)
	if err := os.WriteFile("endpoint.json", []byte(`{"provider":"cloud.example","url":"https://api.cloud.example","model":"m"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	const commit = "proctor commit model --endpoint endpoint.json --name "
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	back := now.Add(-72 * time.Hour)
	c.at(now, exitOK, "proctor init --issuer https://lab.example")
	c.at(now, exitOK, commit+"one")
	for _, name := range []string{"two", "three"} { // the second finds the first pending
		_, trouble := c.at(back, exitFailed, commit+name)
		if !strings.Contains(trouble, "the clock is behind the last cosignature, of 2026-06-01T12:00:00Z\nhint: the statement is signed and kept") || strings.Count(trouble, "\n") != 2 {
			t.Errorf("with the clock set back %s says\n%s", commit+name, trouble)
		}
		if _, err := os.Stat(name + ".model.proctor"); err == nil {
			t.Errorf("with the clock set back there is a pack of %s", name)
		}
	}
	if shown, _ := c.at(back, exitOK, "proctor ledger show"); !strings.Contains(shown, "size      2\n") {
		t.Errorf("after one statement more the ledger is\n%s", shown)
	}
	c.at(back, exitOK, "proctor ledger fsck")
	if _, said := c.at(now.Add(time.Hour), exitOK, commit+"four"); !strings.Contains(said, "finished model ") {
		t.Errorf("with the clock right again %s says\n%s", commit+"four", said)
	}
	h := &home{dir: homeName, config: config{Issuer: "https://lab.example"}}
	chain, err := h.readChain()
	if err != nil || len(chain) != 3 {
		t.Fatalf("%d statements are kept, %v; want 3", len(chain), err)
	}
	policy, err := h.policy()
	if err != nil {
		t.Fatal(err)
	}
	last := now
	for _, entry := range chain {
		v, err := policy.Ledger.Verify(entry.Bytes, entry.Proof, now.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if v.NotAfter.Before(last) {
			t.Errorf("statement %d is cosigned at %s, the one before at %s", entry.Statement.Head().Seq, v.NotAfter, last)
		}
		last = v.NotAfter
	}
}

// A home whose files are all of the future, after the machine's clock was set back, is
// used like any other.
func TestFilesFromTheFuture(t *testing.T) {
	c := newCommands(t)
	if err := os.WriteFile("items.jsonl", []byte(`{"id":"a","question":"1+1","answer":"2"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.at(now, exitOK, "proctor init --issuer https://lab.example")
	c.at(now, exitOK, "proctor commit testset items.jsonl --name one")
	later := now.Add(72 * time.Hour)
	err := filepath.WalkDir(homeName, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(name, later, later)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.at(now, exitOK, "proctor commit testset items.jsonl --name two")
	c.at(now, exitOK, "proctor ledger fsck")
}
