//go:build linux && !race

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

// Wherever the disk runs full, nothing that was acknowledged is lost and nothing
// half-written stays; once there is room again the next command finishes what was
// begun.
func TestFullDisk(t *testing.T) {
	for _, verb := range []struct{ name, command string }{
		{"model", "commit model --endpoint endpoint.json --name other"},
		{"testset", "commit testset items.jsonl --name other"},
		{"register", "register --model m --testset base --config config.json --deadline 14d --out other.proctor"},
		{"result", "result answers.jsonl --registration run.proctor --items base.opening.jsonl --row key=id,response=output,grade=correct --out other.proctor"},
	} {
		t.Run(verb.name, func(t *testing.T) {
			d := newDisk(t)
			party := newParty(t, t.TempDir())
			failed, left := 0, int64(0)
			for d.try(party, left, strings.Fields(verb.command)) {
				failed++
				left += int64(thorough(4<<10, 24<<10))
			}
			if failed < 2 {
				t.Errorf("the disk ran full %d times, want it oftener", failed)
			}
			t.Logf("with %d KiB the command came to its end; with less it failed, %d times", left>>10, failed)
		})
	}
}

// try runs a command on a copy of the party that has so much room left, and reports
// whether it failed. Whether or not, the party must be in order and go on.
func (d *disk) try(party *machine, left int64, command []string) (failed bool) {
	d.t.Helper()
	m := &machine{t: d.t, bin: party.bin, dir: filepath.Join(d.dir, "party")}
	if out, err := exec.Command("cp", "-Rp", party.dir, m.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
	d.fill(left)
	var stdout, stderr bytes.Buffer
	c := m.command(d.t.Context(), append(command, "--quiet")...)
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	d.empty()
	var acknowledged []string
	if err == nil {
		acknowledged = append(acknowledged, statementID(stdout.Bytes()))
	} else {
		checkFailure(d.t, fmt.Sprintf("%s with %d KiB", command[0], left>>10), err, stderr.String())
	}
	after := m.must("commit", "model", "--endpoint", "endpoint.json", "--name", "after")
	m.check(append(acknowledged, statementID([]byte(after))))
	m.checkSecrets()
	m.noLeftovers()
	if err := os.RemoveAll(m.dir); err != nil {
		d.t.Fatal(err)
	}
	return err != nil
}

// A backup and a restore that find no room leave nothing behind.
func TestFullDiskBackup(t *testing.T) {
	d := newDisk(t)
	m := newParty(t, d.dir)
	run := func(want int, args ...string) {
		t.Helper()
		c := m.command(t.Context(), args...)
		c.Env = append(c.Env, "PROCTOR_HOME=home")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		err := c.Run()
		if want == exitFailed {
			checkFailure(t, args[0], err, stderr.String())
		} else if err != nil {
			t.Errorf("%v: %v\n%s", args, err, stderr.String())
		}
	}
	if err := os.Rename(filepath.Join(m.dir, homeName), filepath.Join(m.dir, "home")); err != nil {
		t.Fatal(err)
	}
	m.write("identity", []byte("AGE-SECRET-KEY-1MUNA7E6RRSYADY7LZY3LKWS2N644KD7APJGM4FHAQ9LTTCE4S5KS9GT9KP\n"))
	backup := []string{"backup", "home.age", "--to", "age1vcunc4jc7l7ekwxmrmterfkwhrh4wh0qr5rue0n4wcx5y0aj7c8qc7ekyt", "--quiet"}
	d.fill(16 << 10)
	run(exitFailed, backup...)
	d.empty()
	m.noLeftovers()
	if _, err := os.Stat(filepath.Join(m.dir, "home.age")); err == nil {
		t.Error("half a backup is there")
	}
	run(exitOK, backup...)
	if err := os.RemoveAll(filepath.Join(m.dir, "home")); err != nil {
		t.Fatal(err)
	}
	restore := []string{"restore", "home.age", "--identity", "identity", "--quiet"}
	d.fill(16 << 10)
	run(exitFailed, restore...)
	d.empty()
	m.noLeftovers()
	if _, err := os.Stat(filepath.Join(m.dir, "home")); err == nil {
		t.Error("half a home is there")
	}
	run(exitOK, restore...)
}

// A served ledger whose disk is full says so to those who add to it, goes on being read, and
// takes what they have when there is room, without a new start.
func TestFullDiskServed(t *testing.T) {
	d := newDisk(t)
	operator := newMachine(t, filepath.Join(d.dir))
	lab := newMachine(t, t.TempDir())
	s := operator.startService("--interval", "100ms")
	if err := os.RemoveAll(filepath.Join(lab.dir, homeName)); err != nil {
		t.Fatal(err)
	}
	lab.must("init", "--issuer", "https://lab.example", "--ledger", s.url, "--ledger-key", filepath.Join(operator.dir, homeName, ledgerPubFile), "--ledger-operator", machineIssuer)
	operator.must("policy", "add", filepath.Join(lab.dir, homeName, policyFile), "--role", "lab")
	for n := 0; lab.commit(t.Context(), fmt.Sprint("first", n)).Run() != nil; n++ { // the service reads its policy again
		if n == 50 {
			t.Fatal("the lab is not let in")
		}
	}
	d.fill(0)
	var stderr bytes.Buffer
	c := lab.commit(t.Context(), "second")
	c.Stderr = &stderr
	if err := c.Run(); err == nil || !strings.Contains(stderr.String(), `"the ledger's disk is full; send it again when there is room" (HTTP status 507)`) {
		t.Errorf("on a full disk: %v\n%s", err, stderr.String())
	}
	s.answers(3)
	d.empty()
	lab.must("commit", "model", "--endpoint", "endpoint.json", "--name", "third")
	operator.must("ledger", "healthy")
	lab.must("ledger", "mirror", s.url, "--out", "copy")
	h := lab.home()
	h.config.Issuer = "https://lab.example"
	if chain, err := h.readChain(); err != nil || len(chain) < 3 {
		t.Errorf("%d statements are kept, %v; want the second too", len(chain), err)
	}
}

// newParty is a machine on which a test set and a model are committed to, and a run is
// registered.
func newParty(t *testing.T, dir string) *machine {
	t.Helper()
	m := newMachine(t, dir)
	items, answers := demoQuestions()
	config, err := demoConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	m.write("items.jsonl", items)
	m.write("answers.jsonl", answers)
	m.write("config.json", config)
	m.must("commit", "testset", "items.jsonl", "--name", "base")
	m.must("commit", "model", "--endpoint", "endpoint.json", "--name", "m")
	m.must("open", "base", "--all", "--private")
	m.must("register", "--model", "m", "--testset", "base", "--config", "config.json", "--deadline", "14d", "--out", "run.proctor")
	return m
}

// checkFailure wants one line that says why, and at most a hint.
func checkFailure(t *testing.T, name string, err error, stderr string) {
	t.Helper()
	var exit *exec.ExitError
	lines := strings.Split(strings.TrimRight(stderr, "\n"), "\n")
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || len(lines) > 2 || !strings.HasPrefix(lines[0], "proctor: ") ||
		!strings.Contains(lines[0], "no space left on device") || len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("%s on a full disk: %v, and it says\n%s", name, err, stderr)
	}
}

var temporary = regexp.MustCompile(`^\.(new|write|proctor-new)-|^(checkpoint|treeState|[0-9]{1,3})[0-9]{6,}$`)

// noLeftovers wants no temporary file, once the ledger has been opened again: then
// Tessera's are swept.
func (m *machine) noLeftovers() {
	m.t.Helper()
	err := filepath.WalkDir(m.dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && temporary.MatchString(e.Name()) {
			m.t.Errorf("%s was left behind", name)
		}
		return err
	})
	if err != nil {
		m.t.Error(err)
	}
}

// checkSecrets wants what opens each set and run that was logged, and nothing else.
func (m *machine) checkSecrets() {
	m.t.Helper()
	h := m.home()
	chain, err := h.readChain()
	if err != nil {
		m.t.Fatal(err)
	}
	want := map[string]bool{}
	for _, e := range chain {
		switch p := e.Statement.Predicate.(type) {
		case *attest.Testset:
			want[p.SetID.String()] = true
			store, err := testset.OpenStore(h.path(setSecretsDir, p.SetID.String()))
			if err != nil {
				m.t.Error(err)
				continue
			}
			if store.Set().Root != p.Version.Root {
				m.t.Errorf("the store of %q has another root than its statement", p.Name)
			}
			store.Close()
		case *attest.Result:
			want[p.RunID.String()] = true
			for _, file := range []string{"secret", "responses.jsonl"} {
				if info, err := os.Stat(h.path(runSecretsDir, p.RunID.String(), file)); err != nil || info.Size() == 0 {
					m.t.Errorf("secrets of run %s: %v", p.RunID.Short(), err)
				}
			}
		}
	}
	for _, dir := range []string{setSecretsDir, runSecretsDir} {
		files, err := os.ReadDir(h.path(dir))
		if err != nil {
			m.t.Fatal(err)
		}
		for _, f := range files {
			if !want[f.Name()] {
				m.t.Errorf("%s/%s is of no statement", dir, f.Name())
			}
		}
	}
}

// disk is a small file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

const inNamespace = "PROCTOR_TEST_NAMESPACE"

// newDisk mounts one. Who may not mount runs the test again in a namespace of his own.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t, t.TempDir()}
	err := syscall.Mount("proctor-test", d.dir, "tmpfs", 0, "size=16m")
	if err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return d
	}
	if os.Getenv(inNamespace) != "" || exec.Command("unshare", "-rm", "true").Run() != nil {
		t.Skipf("no small disk can be mounted here, nor in a namespace: %v", err)
	}
	c := exec.CommandContext(t.Context(), "unshare", "-rm", os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
	c.Env = append(os.Environ(), inNamespace+"=1")
	out, err := c.CombinedOutput()
	t.Logf("in a namespace:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skip("no small disk can be mounted in a namespace")
	}
	t.SkipNow() // it has passed there
	return nil
}

// fill leaves this much room.
func (d *disk) fill(left int64) {
	d.t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &stat); err != nil {
		d.t.Fatal(err)
	}
	free := int64(stat.Bavail) * stat.Bsize
	if err := os.WriteFile(filepath.Join(d.dir, "filler"), make([]byte, free-left), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "filler")); err != nil {
		d.t.Fatal(err)
	}
}
