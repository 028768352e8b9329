//go:build !race

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/server"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/witness"
)

const childRoot = "PROCTOR_TEST_SERVE"

// TestMain serves a ledger when a test asks for a process that does.
func TestMain(m *testing.M) {
	root, ok := os.LookupEnv(childRoot)
	if !ok {
		os.Exit(m.Run())
	}
	if err := serveUntilTold(root); err != nil {
		fmt.Fprintln(os.Stderr, "ended:", err)
		os.Exit(1)
	}
}

// ledgerIn is a ledger below a directory with one witness, whose files are there too.
func ledgerIn(root string) (tiles.Config, *witness.Witness, error) {
	keys, err := os.ReadFile(filepath.Join(root, "keys"))
	if err != nil {
		return tiles.Config{}, nil, err
	}
	skey, vkey, _ := strings.Cut(string(keys), "\n")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return tiles.Config{}, nil, err
	}
	w, err := witness.Open(filepath.Join(root, "witness"))
	if err != nil {
		return tiles.Config{}, nil, err
	}
	return tiles.Config{Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer,
		Batch: 64, Patience: time.Second,
		Cosign: func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
			signed, errs := witness.Gather(ctx, r, checkpoint, []witness.Cosigner{w}, nil)
			return signed, errors.Join(errs...)
		}}, w, nil
}

// createIn makes such a ledger.
func createIn(t *testing.T, root string) tiles.Config {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "keys"), []byte(skey+"\n"+vkey), 0o600)
	}
	if err == nil {
		err = witness.Create(filepath.Join(root, "witness"), "witness.example", "https://witness.example")
	}
	if err != nil {
		t.Fatal(err)
	}
	c, w, err := ledgerIn(root)
	if err == nil {
		err = w.AddLog(vkey)
	}
	if err == nil {
		err = tiles.Create(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serveUntilTold(root string) error {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Tessera warns there of what it could not remove
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, w, err := ledgerIn(root)
	if err != nil {
		return err
	}
	log, err := tiles.Open(ctx, c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", server.Handler(server.Config{Log: log, Admit: admit}))
	mux.Handle("/witness/", http.StripPrefix("/witness", witness.Handler(w, nil)))
	s := &http.Server{Handler: mux}
	go s.Serve(l)
	fmt.Println(l.Addr())
	<-ctx.Done()
	waiting, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(s.Shutdown(waiting), log.Close(context.Background()))
}

// tormented is a served ledger on a bad disk, and what it said.
type tormented struct {
	t      *testing.T
	root   string
	conf   tiles.Config
	key    ledger.LogKey
	by     ledger.WitnessKey
	client *http.Client

	*victim
	url    string
	stderr string
	deaths int // by Tessera, which ends the program when it cannot lock

	mu       sync.Mutex
	cut      int // requests without an answer, of the last load
	next     int
	acked    map[string]uint64
	refused  map[string]bool
	statuses map[int]int
	seen     map[uint64]ledger.Checkpoint
}

func newTormented(t *testing.T) *tormented {
	t.Helper()
	d := &tormented{t: t, root: t.TempDir(), client: &http.Client{Timeout: 30 * time.Second},
		acked: map[string]uint64{}, refused: map[string]bool{}, seen: map[uint64]ledger.Checkpoint{}}
	d.conf = createIn(t, d.root)
	_, w, err := ledgerIn(d.root)
	if err == nil {
		d.by, err = ledger.ParseWitnessKey(w.VKey())
	}
	if err == nil {
		d.key, err = ledger.ParseLogKey(d.conf.Key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// start begins to serve; with a fault there may be nothing to serve.
func (d *tormented) start(f fault) (serves bool) {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childRoot+"="+d.root)
	d.stderr = filepath.Join(d.t.TempDir(), "stderr")
	stderr, err := os.Create(d.stderr)
	if err != nil {
		d.t.Fatal(err)
	}
	defer stderr.Close()
	out, in, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stderr, cmd.Stdout = stderr, in
	d.victim = torment(d.t, cmd, d.root)
	d.set(f)
	in.Close()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		d.url = "http://" + strings.TrimSpace(address)
		return true
	}
	<-d.done
	return false
}

// stop ends the service in good order.
func (d *tormented) stop() {
	d.t.Helper()
	d.cmd.Process.Signal(syscall.SIGTERM)
	<-d.done
	if said := d.said(); said != "" {
		d.t.Errorf("at the end of the service: %s", said)
	}
	d.client.CloseIdleConnections()
}

func (d *tormented) said() string {
	said, err := os.ReadFile(d.stderr)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(said)
}

// gone reports whether the program has ended. It may, of a panic of Tessera's that it
// cannot lock.
func (d *tormented) gone(f fault) bool {
	if d.cut > 0 {
		<-d.done
	}
	select {
	case <-d.done:
	default:
		return false
	}
	said := d.said()
	if !strings.HasPrefix(said, "panic: ") || !strings.Contains(said, "tessera/storage/posix.(*appender).sequenceBatch") || f.call != "openat" && f.call != "close" {
		d.t.Errorf("%v: the program ended: %v %.2000s", f, d.err, said)
	}
	d.deaths++
	return true
}

// load sends n entries side by side.
func (d *tormented) load(f fault, n int) {
	var wg sync.WaitGroup
	d.mu.Lock()
	d.statuses, d.cut = map[int]int{}, 0
	from := d.next
	d.next += n
	d.mu.Unlock()
	for i := range n {
		wg.Go(func() { d.send(f, fmt.Sprintf("lab:%d", from+i)) })
	}
	wg.Go(func() { d.send(f, "lab:0") }) // which is there
	wg.Go(func() { d.fork(f) })
	wg.Wait()
}

// fork asks the witness to cosign another root of the size that was cosigned last. It never
// does, whatever it can read of what it has cosigned.
func (d *tormented) fork(f fault) {
	d.mu.Lock()
	size := uint64(0)
	for n := range d.seen {
		size = max(size, n)
	}
	d.mu.Unlock()
	if size == 0 {
		return
	}
	root := sha256.Sum256([]byte("another history"))
	forked, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))}, d.conf.Signer)
	if err != nil {
		d.t.Error(err)
		return
	}
	for _, old := range []uint64{0, size} {
		resp, err := d.client.Post(d.url+"/witness/add-checkpoint", "text/plain", strings.NewReader(fmt.Sprintf("old %d\n\n%s", old, forked)))
		if err != nil {
			d.mu.Lock()
			d.cut++
			d.mu.Unlock()
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		refused := resp.StatusCode == http.StatusConflict || resp.StatusCode == http.StatusUnprocessableEntity
		if resp.StatusCode < 400 || f == (fault{}) && !refused {
			d.t.Errorf("%v: a fork got from the witness: %d %q, %v", f, resp.StatusCode, body, err)
		}
	}
}

// send sends an entry and holds the answer to what an answer must be.
func (d *tormented) send(f fault, text string) (status int) {
	resp, err := d.client.Post(d.url+"/add", "application/octet-stream", strings.NewReader(text))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[text] = true
	if err != nil {
		d.cut++
		if f.call != "openat" && f.call != "close" {
			d.t.Errorf("%v: %s: %v", f, text, err)
		}
		return 0
	}
	d.statuses[resp.StatusCode]++
	if resp.StatusCode == http.StatusOK {
		delete(d.refused, text)
		d.acknowledged(text, body)
		return http.StatusOK
	}
	clear := len(body) > 20 && bytes.Count(body, []byte("\n")) == 1 && !bytes.Contains(body, []byte(d.root))
	full := resp.StatusCode == http.StatusInsufficientStorage
	if !clear || resp.StatusCode != http.StatusServiceUnavailable && !full || full && f.errno != syscall.ENOSPC || resp.Header.Get("Retry-After") == "" {
		d.t.Errorf("%v: %d, Retry-After %q, %q", f, resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	return resp.StatusCode
}

// acknowledged checks a proof, and that one entry has one place.
func (d *tormented) acknowledged(text string, answer []byte) {
	p, err := ledger.ParseProof(answer)
	var cp ledger.Checkpoint
	if err == nil {
		cp, err = d.key.Open(p.Checkpoint)
	}
	if err == nil {
		_, err = d.by.Cosigned(p.Checkpoint)
	}
	if err == nil {
		err = ledger.CheckInclusion(cp, p.Index, [32]byte(rfc6962.DefaultHasher.HashLeaf([]byte(text))), p.Hashes)
	}
	if err != nil {
		d.t.Errorf("%s was acknowledged with %q: %v", text, answer, err)
		return
	}
	if other, ok := d.seen[cp.Size]; ok && other.Root != cp.Root {
		d.t.Errorf("two roots of size %d are signed", cp.Size)
	}
	d.seen[cp.Size] = cp
	if at, ok := d.acked[text]; ok && at != p.Index {
		d.t.Errorf("%s is at %d and at %d", text, at, p.Index)
	}
	d.acked[text] = p.Index
}

// check serves again without faults: what was refused is taken now, and all that was
// acknowledged is there, once, in one history.
func (d *tormented) check() {
	d.t.Helper()
	if !d.start(fault{}) {
		d.t.Fatalf("the ledger is not served any more: %s", d.said())
	}
	for text := range d.refused {
		if status := d.send(fault{}, text); status != http.StatusOK {
			d.t.Errorf("%s is refused still: %d", text, status)
		}
	}
	fsckOverHTTP(d.t, d.url, d.conf.Key)
	d.stop()
	ctx := d.t.Context()
	final, err := tiles.Fsck(ctx, d.conf)
	if err != nil {
		d.t.Fatal(err)
	}
	dir := ledger.Dir(d.conf.Dir)
	for _, cp := range d.seen {
		if err := ledger.CheckConsistent(ctx, dir, cp, final); err != nil {
			d.t.Errorf("what was acknowledged at size %d: %v", cp.Size, err)
		}
	}
	found := map[string]int{}
	err = ledger.ScanVerified(ctx, dir, final, 0, func(index uint64, entry []byte) error {
		found[string(entry)]++
		if at, ok := d.acked[string(entry)]; ok && at != index {
			d.t.Errorf("%s is at %d, and was acknowledged at %d", entry, index, at)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	for text := range d.acked {
		if found[text] != 1 {
			d.t.Errorf("%s was acknowledged, and is in the ledger %d times", text, found[text])
		}
	}
	if len(found) != len(d.acked) {
		d.t.Errorf("%d entries are in the ledger, %d were acknowledged", len(found), len(d.acked))
	}
}

// once makes a call fail once, and sends some entries meanwhile. It reports what failed.
func (d *tormented) once(f fault) (failed []string) {
	d.t.Helper()
	d.set(f)
	d.load(f, 3)
	answers := d.statuses
	failed = d.set(fault{})
	if d.gone(f) && !d.start(fault{}) {
		d.t.Fatalf("after %v: not served any more: %s", f, d.said())
	}
	if len(failed) == 0 {
		return nil
	}
	d.load(fault{}, 1) // it goes on without being started anew
	if d.statuses[http.StatusOK] != 2 {
		d.t.Errorf("after %v of %q, answered with %v: %v", f, failed, answers, d.statuses)
	}
	return failed
}

// upTo sends entries until the next begins a new tile.
func (d *tormented) upToTile() {
	d.load(fault{}, 1)
	d.mu.Lock()
	size := uint64(0)
	for n := range d.seen {
		size = max(size, n)
	}
	d.mu.Unlock()
	d.load(fault{}, int(255-size%256))
}

// badCalls are the system calls that fail. Of some that are many, only each step-th is
// tried, and some only where there is time.
var badCalls = []struct {
	name  string
	errno syscall.Errno
	step  int
}{
	{"write", syscall.ENOSPC, 1},
	{"fsync", syscall.EIO, 1},
	{"renameat", syscall.EIO, 2},
	{"fchmod", syscall.EIO, 1},
	{"mkdirat", syscall.ENOSPC, 0},
	{"mkdirat", syscall.EIO, 0},
	{"write", syscall.EIO, 0},
	{"fsync", syscall.ENOSPC, 0},
	{"renameat", syscall.ENOSPC, 0},
	{"openat", syscall.EIO, 0},
	{"openat", syscall.ENOSPC, 0},
	{"openat", syscall.EMFILE, 0},
	{"close", syscall.EIO, 0},
	{"read", syscall.EIO, 0},
}

func inFull() bool { return os.Getenv("PROCTOR_LOAD") != "" }

// On a disk that fails in every way, what was acknowledged stays, what is refused is
// refused clearly, and the ledger goes on when the disk does.
func TestBadDisk(t *testing.T) {
	d := newTormented(t)
	if !d.start(fault{}) {
		t.Fatal(d.said())
	}
	d.load(fault{}, 8)
	if d.statuses[http.StatusOK] != 9 {
		t.Fatalf("without faults: %v", d.statuses)
	}
	for _, call := range badCalls {
		step, tried := call.step, map[string]int{}
		if inFull() {
			step = 1
		}
		if step == 0 {
			continue
		}
		for nth := 1; ; nth += step {
			if call.name == "mkdirat" {
				d.upToTile()
			}
			failed := d.once(fault{call.name, call.errno, nth, false})
			if len(failed) == 0 {
				break
			}
			tried[strings.TrimRight(failed[0], "0123456789")]++
		}
		d.once(fault{call.name, call.errno, 1, true})
		t.Logf("%s, %v: %v", call.name, call.errno, tried)
		if len(tried) == 0 {
			t.Errorf("no %s was made to fail", call.name)
		}
	}
	d.stop()
	d.check()
	t.Logf("%d entries acknowledged; Tessera ended the program %d times", len(d.acked), d.deaths)
}

// A disk that fails when the ledger is opened, or is closed, is told of in one line, and
// costs nothing.
func TestBadDiskOpening(t *testing.T) {
	d := newTormented(t)
	if !d.start(fault{}) {
		t.Fatal(d.said())
	}
	d.load(fault{}, 8)
	old, err := os.ReadFile(filepath.Join(d.conf.Dir, ".state/treeState"))
	if err != nil {
		t.Fatal(err)
	}
	d.load(fault{}, 8)
	d.stop()
	tell := func(f fault) {
		said := d.said()
		if said != "" && (!strings.HasPrefix(said, "ended: ") || !strings.Contains(said, d.root) || strings.Contains(said, "goroutine")) {
			t.Errorf("%v: it ended with %q", f, said)
		}
	}
	for _, call := range append(slices.Clip(badCalls), struct {
		name  string
		errno syscall.Errno
		step  int
	}{"unlinkat", syscall.EIO, 1}) {
		if call.step == 0 && !inFull() {
			continue
		}
		opening, closing := 0, 0
		for begun, nth := false, 1; ; nth++ {
			// What an earlier process left behind, and what a disk did not keep, is put
			// in order when the ledger is opened.
			for _, name := range []string{".state/treeState", ".state/treeState1234567"} {
				if err := os.WriteFile(filepath.Join(d.conf.Dir, name), old, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f := fault{call.name, call.errno, nth, false}
			first := f
			if begun {
				first = fault{}
			}
			if !d.start(first) {
				opening++
				tell(f)
				continue
			}
			if len(d.set(fault{})) == 0 && !begun {
				begun, nth = true, 0 // and from here on when it is closed
			}
			d.load(fault{}, 1)
			d.set(f)
			d.cmd.Process.Signal(syscall.SIGTERM)
			<-d.done
			tell(f)
			if begun && nth > 0 && len(d.set(fault{})) == 0 {
				break
			}
			closing++
		}
		t.Logf("%s, %v: %d times when it was opened, %d when it was closed", call.name, call.errno, opening, closing)
		if opening+closing == 0 {
			t.Errorf("no %s was made to fail", call.name)
		}
	}
	d.check()
}
