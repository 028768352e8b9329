package trillian_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/google/trillian"
	"github.com/google/trillian/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/ledgertest"
	"github.com/proctor-attest/proctor/ledger/trillian"
	"github.com/proctor-attest/proctor/ledger/trillian/trilliantest"
)

// fake is a Trillian for tests, and the tree that a ledger is over.
type fake struct {
	*trilliantest.Server
	tree int64
}

func startFake(t testing.TB) (s *trilliantest.Server, address string) {
	t.Helper()
	s, address, err := trilliantest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, address
}

// overFake creates an empty ledger over a fake.
func overFake(t testing.TB) (*fake, trillian.Config) {
	t.Helper()
	s, address := startFake(t)
	c := newLedger(t, address)
	c.Patience = 5 * time.Second
	return &fake{s, c.Tree}, c
}

// do changes the fake while it answers nobody.
func (f *fake) do(change func(t *trilliantest.Tree)) { f.Do(f.tree, change) }

func (f *fake) before(fn func(req any) error) {
	f.do(func(*trilliantest.Tree) { f.Before = fn })
}

func (f *fake) after(fn func(req any, resp proto.Message) error) {
	f.do(func(*trilliantest.Tree) { f.After = fn })
}

func (f *fake) hold(held bool) {
	f.do(func(t *trilliantest.Tree) { t.Held = held })
}

// The suite once more, over a fake: it runs under the race detector, too.
func TestSuiteOverFake(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Engine {
		_, c := overFake(t)
		return ledgertest.Engine{Key: c.Key, Open: func(t testing.TB, cosign ledgertest.CosignFunc) ledger.Log {
			c.Cosign = cosign
			return open(t, c)
		}}
	})
}

// wantError checks that err wraps is, if any, and contains text.
func wantError(t testing.TB, call string, err, is error, text string) {
	t.Helper()
	if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want %v with %q", call, err, is, text)
	}
}

// sizeOf is the size of the ledger in a directory, as whoever reads it sees it.
func sizeOf(t testing.TB, c trillian.Config) uint64 {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(c.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	return cp.Size
}

// A Trillian that lies gets nothing signed, and no reader sees what it said.
func TestLies(t *testing.T) {
	leaves := func(change func(list []*api.LogLeaf)) func(any, proto.Message) error {
		return func(_ any, resp proto.Message) error {
			if r, ok := resp.(*api.GetLeavesByRangeResponse); ok && len(r.Leaves) > 1 {
				change(r.Leaves)
			}
			return nil
		}
	}
	root := func(change func(r *types.LogRootV1)) func(any, proto.Message) error {
		return func(_ any, resp proto.Message) error {
			r, ok := resp.(*api.GetLatestSignedLogRootResponse)
			if !ok {
				return nil
			}
			var root types.LogRootV1
			if err := root.UnmarshalBinary(r.SignedLogRoot.LogRoot); err != nil {
				return err
			}
			change(&root)
			var err error
			r.SignedLogRoot.LogRoot, err = root.MarshalBinary()
			return err
		}
	}
	for _, test := range []struct {
		name string
		lie  func(any, proto.Message) error
		is   error
		text string
		root bool // it is told with every root: Append may fail before the entry is queued
	}{
		{"another leaf", leaves(func(l []*api.LogLeaf) { l[0].LeafValue = []byte("another") }), nil, "and that of the leaves is", false},
		{"leaves in another order", leaves(func(l []*api.LogLeaf) { l[0], l[1] = l[1], l[0] }), nil, "in the place of", false},
		{"leaves renumbered", leaves(func(l []*api.LogLeaf) { l[0].LeafValue, l[1].LeafValue = l[1].LeafValue, l[0].LeafValue }), nil, "and that of the leaves is", false},
		{"a leaf too large", leaves(func(l []*api.LogLeaf) { l[1].LeafValue = make([]byte, ledger.MaxEntry+1) }), nil, "no bundle can hold", false},
		{"another root", root(func(r *types.LogRootV1) { r.RootHash[0] ^= 1 }), ledger.ErrRollback, "", true},
		{"a short root", root(func(r *types.LogRootV1) { r.RootHash = r.RootHash[:31] }), nil, "a hash of 31 bytes", true},
		{"a smaller tree", root(func(r *types.LogRootV1) { r.TreeSize = 2 }), ledger.ErrRollback, "smaller", true},
		{"no proof", func(_ any, resp proto.Message) error {
			if r, ok := resp.(*api.GetConsistencyProofResponse); ok {
				r.Proof = nil
			}
			return nil
		}, ledger.ErrRollback, "", false},
		{"a proof that is none", func(_ any, resp proto.Message) error {
			if r, ok := resp.(*api.GetConsistencyProofResponse); ok {
				r.Proof.Hashes[0] = r.Proof.Hashes[0][:20]
			}
			return nil
		}, nil, "a hash of 20 bytes", false},
		{"no leaves", func(_ any, resp proto.Message) error {
			if r, ok := resp.(*api.GetLeavesByRangeResponse); ok {
				r.Leaves = nil
			}
			return nil
		}, nil, "got 0 leaves", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, c := overFake(t)
			l := open(t, c)
			add(t, l, c.Key, 0, 3)
			before := files(t, c.Dir)
			f.hold(true)
			f.after(test.lie)
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() {
					_, err := l.Append(t.Context(), entry(3+i))
					wantError(t, "Append", err, test.is, test.text)
				})
			}
			waitFor(t, func() (queued bool) {
				f.do(func(t *trilliantest.Tree) { queued = len(t.Leaves) == 5 })
				return queued || test.root
			})
			f.hold(false)
			wg.Wait()
			for name, want := range before {
				if got, _ := os.ReadFile(name); string(got) != want {
					t.Errorf("%s was changed", name)
				}
			}
			if after := files(t, c.Dir); len(after) != len(before) {
				t.Errorf("%d files were there, and there are %d", len(before), len(after))
			}
			f.after(nil) // it comes to its senses
			add(t, l, c.Key, 3, 3)
			if _, err := l.Append(t.Context(), entry(4)); err != nil {
				t.Errorf("Append after the lie = %v", err)
			}
			closeLog(t, l)
		})
	}
}

// files returns the files that a reader may see, and the anchor's is not among them.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	list := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != ".ledger.lock" {
			data, readErr := os.ReadFile(name)
			list[name], err = string(data), readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// More than Trillian lets wait is turned away; who comes later gets in.
func TestBusy(t *testing.T) {
	f, c := overFake(t)
	l := open(t, c)
	defer closeLog(t, l)
	f.before(func(req any) error {
		if _, ok := req.(*api.QueueLeafRequest); ok {
			return status.Error(codes.ResourceExhausted, "quota: 500000 rows")
		}
		return nil
	})
	_, err := l.Append(t.Context(), entry(0))
	wantError(t, "Append", err, ledger.ErrBusy, "500000 rows")
	f.before(nil)
	add(t, l, c.Key, 0, 1)
}

// An answer that is lost after the entry was queued loses and doubles nothing, whether it
// is in the tree by then or not.
func TestLostAnswers(t *testing.T) {
	for _, code := range []codes.Code{codes.DeadlineExceeded, codes.Unavailable, codes.Unknown} {
		f, c := overFake(t)
		l := open(t, c)
		add(t, l, c.Key, 0, 3)
		lost := 0
		f.after(func(req any, _ proto.Message) error {
			if _, ok := req.(*api.QueueLeafRequest); ok && lost < 3 {
				lost++
				return status.Error(code, "lost")
			}
			return nil
		})
		add(t, l, c.Key, 3, 6)
		closeLog(t, l)
		if n := sizeOf(t, c); n != 6 || lost != 3 {
			t.Errorf("%s: the ledger has %d entries after %d lost answers, want 6 after 3", code, n, lost)
		}
	}
}

// A log server that is away for a while delays entries, and one that stays away is named.
func TestAway(t *testing.T) {
	f, c := overFake(t)
	c.Patience = time.Second
	l := open(t, c)
	defer closeLog(t, l)
	away := func(any) error { return status.Error(codes.Unavailable, "connection refused") }
	f.before(away)
	time.AfterFunc(300*time.Millisecond, func() { f.before(nil) })
	add(t, l, c.Key, 0, 1)
	f.before(away)
	_, err := l.Append(t.Context(), entry(1))
	wantError(t, "Append", err, nil, "connection refused (Unavailable)")
	f.before(nil)
	add(t, l, c.Key, 1, 2)

	f.hold(true)
	_, err = l.Append(t.Context(), entry(2))
	wantError(t, "Append without a signer", err, nil, "does a log signer run, and is it master?")
	f.hold(false)
	add(t, l, c.Key, 2, 3)
}

// A database that was set back is noticed when the ledger is opened, and while it is open.
func TestSetBack(t *testing.T) {
	f, c := overFake(t)
	l := open(t, c)
	add(t, l, c.Key, 0, 5)
	f.do(func(t *trilliantest.Tree) { t.SetBack(3) })
	_, err := l.Append(t.Context(), []byte("another"))
	wantError(t, "Append", err, ledger.ErrRollback, "smaller")
	closeLog(t, l)
	_, err = trillian.Open(t.Context(), c)
	wantError(t, "Open", err, ledger.ErrRollback, "smaller")

	f.do(func(t *trilliantest.Tree) {
		for i := range 4 {
			t.Queue(fmt.Appendf(nil, "other %d", i))
		}
	})
	_, err = trillian.Open(t.Context(), c)
	wantError(t, "Open of a fork", err, ledger.ErrRollback, "does not begin with")
}

// A checkpoint that is newer than the anchor binds, too: another front end published it.
func TestSetBackBehindCheckpoint(t *testing.T) {
	f, c := overFake(t)
	l := open(t, c)
	add(t, l, c.Key, 0, 3)
	anchor, err := os.ReadFile(c.Anchor)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, c.Key, 3, 6)
	closeLog(t, l)
	if err := os.WriteFile(c.Anchor, anchor, 0o644); err != nil {
		t.Fatal(err)
	}
	f.do(func(t *trilliantest.Tree) { t.SetBack(4) })
	_, err = trillian.Open(t.Context(), c)
	wantError(t, "Open", err, ledger.ErrRollback, "smaller")
}

// Where an entry is that was there before, Trillian tells; the proof shows whether it is so.
func TestFoundElsewhere(t *testing.T) {
	f, c := overFake(t)
	l := open(t, c)
	defer closeLog(t, l)
	add(t, l, c.Key, 0, 3)
	for index, text := range map[int64]string{1: "proof does not hold", 3: "is at 3, in a tree of 3", -1: "in a tree of 3"} {
		f.after(func(_ any, resp proto.Message) error {
			if r, ok := resp.(*api.GetInclusionProofByHashResponse); ok {
				r.Proof[0].LeafIndex = index
			}
			return nil
		})
		_, err := l.Append(t.Context(), entry(0))
		wantError(t, "Append", err, nil, text)
	}
}

// Tiles are made again where they are lost, set back or damaged; what was signed is not
// forgotten with them.
func TestTilesLost(t *testing.T) {
	f, c := overFake(t)
	l := open(t, c)
	add(t, l, c.Key, 0, 3)
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(c.Dir)); err != nil {
		t.Fatal(err)
	}
	f.do(func(t *trilliantest.Tree) {
		for i := 3; i < 299; i++ {
			t.Queue(entry(i))
		}
	})
	add(t, l, c.Key, 299, 300)
	closeLog(t, l)
	if _, err := os.Stat(filepath.Join(c.Dir, "tile/0/000.p")); err == nil {
		t.Error("partial versions of a full tile are left")
	}
	want := reading(t, c.Dir)
	for _, test := range []struct {
		name string
		lose func() error
	}{
		{"lost", func() error { return os.RemoveAll(c.Dir) }},
		{"set back", func() error {
			return errors.Join(os.RemoveAll(c.Dir), os.CopyFS(c.Dir, os.DirFS(older)))
		}},
		{"edge lost", func() error { return os.RemoveAll(filepath.Join(c.Dir, "tile/0/001.p")) }},
		{"a hash changed", func() error {
			return os.WriteFile(filepath.Join(c.Dir, "tile/1/000.p/1"), make([]byte, 32), 0o644)
		}},
		{"edge damaged", func() error {
			return os.WriteFile(filepath.Join(c.Dir, "tile/entries/001.p/44"), []byte("\x00\x01a"), 0o644)
		}},
	} {
		if err := test.lose(); err != nil {
			t.Fatal(err)
		}
		l := open(t, c)
		if a, err := l.Append(t.Context(), entry(7)); err != nil || a.Index != 7 || !a.Dup {
			t.Errorf("%s: Append(%q) = %+v, %v; want that it is at 7", test.name, entry(7), a, err)
		}
		closeLog(t, l)
		waitFor(t, func() bool { return sizeOf(t, c) == 300 })
		if got := reading(t, c.Dir); got != want {
			t.Errorf("%s: the ledger has other entries than before", test.name)
		}
	}
	if err := os.Remove(c.Anchor); err != nil {
		t.Fatal(err)
	}
	_, err := trillian.Open(t.Context(), c)
	wantError(t, "Open without the anchor", err, ledger.ErrNoAnchor, c.Anchor)
}

// reading is all that a ledger in a directory says, hashed and compared, every file.
func reading(t testing.TB, dir string) string {
	t.Helper()
	r := ledger.Dir(dir)
	signed, err := r.ReadCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	err = ledger.ScanVerified(t.Context(), r, cp, 0, func(_ uint64, e []byte) error {
		list = append(list, string(e))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkLayout(t, dir, list)
	return strings.Join(list, ",")
}

// checkLayout compares the files of a ledger with those that its entries make.
func checkLayout(t testing.TB, dir string, entries []string) {
	t.Helper()
	for path, want := range ledgertest.Layout(entries) {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path))); string(got) != string(want) {
			t.Errorf("%s is not what the entries make: %v", path, err)
		}
	}
}

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it did not come")
}

// Two front ends on one directory: one leads, and the entries of both are in the ledger.
// When the one is gone the other leads.
func TestTwoFrontEnds(t *testing.T) {
	_, c := overFake(t)
	first, second := open(t, c), open(t, c)
	var wg sync.WaitGroup
	for i, l := range []*trillian.Log{first, second} {
		for k := range 50 {
			wg.Go(func() {
				if _, err := l.Append(t.Context(), entry(50*i+k)); err != nil {
					t.Errorf("Append(%q) of front end %d = %v", entry(50*i+k), i, err)
				}
			})
		}
	}
	wg.Wait()
	if n := sizeOf(t, c); n != 100 {
		t.Errorf("the ledger has %d entries, want 100", n)
	}
	closeLog(t, first)
	add(t, second, c.Key, 100, 103)
	if a, err := second.Append(t.Context(), entry(3)); err != nil || !a.Dup {
		t.Errorf("Append of what the other took = %+v, %v", a, err)
	}
	closeLog(t, second)
}

// What a Config must have, and what is refused.
func TestConfig(t *testing.T) {
	_, c := overFake(t)
	other, signer := keyOf(t, "other")
	wrong := func(change func(c *trillian.Config)) error {
		c := c
		change(&c)
		l, err := trillian.Open(t.Context(), c)
		if err == nil {
			l.Close(context.Background())
		}
		return err
	}
	for _, test := range []struct {
		name   string
		change func(c *trillian.Config)
		is     error
		text   string
	}{
		{"no ledger", func(c *trillian.Config) { c.Dir, c.Anchor = c.Dir+"2", c.Anchor+"2" }, ledger.ErrNoLedger, ""},
		{"another key", func(c *trillian.Config) { c.Key, c.Signer = other, signer }, ledger.ErrWrongKey, "anchor"},
		{"a key and a signer", func(c *trillian.Config) { c.Key = other }, ledger.ErrWrongKey, "the signing key is"},
		{"plaintext to another machine", func(c *trillian.Config) { c.Server = "192.0.2.1:8090" }, nil, "there is no TLS to it"},
		{"no port", func(c *trillian.Config) { c.Server = "localhost" }, nil, "not HOST:PORT"},
	} {
		wantError(t, test.name, wrong(test.change), test.is, test.text)
	}
	wantError(t, "Create", trillian.Create(t.Context(), c), fs.ErrExist, "anchor")
	os.Remove(c.Anchor)
	wantError(t, "Create", trillian.Create(t.Context(), c), fs.ErrExist, "not empty")
}

// What was signed is remembered before a witness sees it: when witnesses are down, and
// Trillian is set back to what was published, nothing else is signed for that size.
func TestSignedNotPublished(t *testing.T) {
	f, c := overFake(t)
	down := errors.New("down")
	c.Cosign = func(_ context.Context, _ ledger.Reader, checkpoint []byte) ([]byte, error) {
		if bytes.Contains(checkpoint, []byte("\n3\n")) {
			return checkpoint, nil
		}
		return nil, down
	}
	l := open(t, c)
	f.do(func(t *trilliantest.Tree) { t.Queue(entry(0)); t.Queue(entry(1)) })
	add(t, l, c.Key, 2, 3)
	_, err := l.Append(t.Context(), entry(3))
	wantError(t, "Append", err, ledger.ErrNotCosigned, "down")
	closeLog(t, l)
	if n := sizeOf(t, c); n != 3 {
		t.Errorf("a checkpoint of size %d was published, which nobody cosigned", n)
	}
	f.do(func(t *trilliantest.Tree) { t.SetBack(3); t.Queue([]byte("another")) })
	c.Cosign = nil
	_, err = trillian.Open(t.Context(), c)
	wantError(t, "Open", err, ledger.ErrRollback, "does not begin with")
}

// Tiles that cannot be put in their places leave nothing signed, and are made again.
func TestTilesInTheWay(t *testing.T) {
	_, c := overFake(t)
	l := open(t, c)
	defer closeLog(t, l)
	add(t, l, c.Key, 0, 3)
	anchor, err := os.ReadFile(c.Anchor)
	way := filepath.Join(c.Dir, "tile/0/000.p/4")
	if err := errors.Join(err, os.MkdirAll(filepath.Join(way, "in the way"), 0o755)); err != nil {
		t.Fatal(err)
	}
	_, err = l.Append(t.Context(), entry(3))
	wantError(t, "Append", err, nil, "000.p/4")
	if now, err := os.ReadFile(c.Anchor); err != nil || string(now) != string(anchor) || sizeOf(t, c) != 3 {
		t.Errorf("something was signed: %s", now)
	}
	if err := os.RemoveAll(way); err != nil {
		t.Fatal(err)
	}
	add(t, l, c.Key, 3, 6)
	reading(t, c.Dir)
}

// A front end that stands by remembers what it has seen: it does not lead a ledger that
// was set back, anchor and all.
func TestTakeOverSetBack(t *testing.T) {
	f, c := overFake(t)
	first, second := open(t, c), open(t, c)
	add(t, first, c.Key, 0, 3)
	checkpoint, err := os.ReadFile(filepath.Join(c.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	add(t, second, c.Key, 3, 6)
	f.do(func(t *trilliantest.Tree) { t.SetBack(3) })
	if err := errors.Join(os.WriteFile(c.Anchor, checkpoint, 0o644), os.WriteFile(filepath.Join(c.Dir, "checkpoint"), checkpoint, 0o644)); err != nil {
		t.Fatal(err)
	}
	closeLog(t, first)
	_, err = second.Append(t.Context(), entry(9))
	wantError(t, "Append", err, ledger.ErrRollback, "smaller")
	closeLog(t, second)
}
