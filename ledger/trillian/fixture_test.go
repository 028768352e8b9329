package trillian_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/ledgertest"
	"github.com/proctor-attest/proctor/ledger/trillian"
)

const origin = "ledger.example/log"

// silence turns off what Trillian's own programs log, which run in this process here.
var silence = sync.OnceFunc(func() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(flags)
	flags.Set("stderrthreshold", "FATAL")
})

// cluster returns the address of a log server: the one that PROCTOR_TRILLIAN names, whose
// leaves are in a database, or one in this process.
func cluster(t testing.TB) (address string, forgetful bool) {
	t.Helper()
	if address := os.Getenv("PROCTOR_TRILLIAN"); address != "" {
		return address, false
	}
	t.Log("PROCTOR_TRILLIAN is not set: on Trillian's in-memory storage, which takes an entry twice")
	return inMemory(t), true
}

// keyOf returns the key pair of an origin.
func keyOf(t testing.TB, name string) (vkey string, signer note.Signer) {
	t.Helper()
	seed := sha256.Sum256([]byte("test key of " + name))
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(vkey, "+")[1]
	signer, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	return vkey, signer
}

// configAt returns the Config of a ledger over a new tree at a log server.
func configAt(t testing.TB, address string) trillian.Config {
	t.Helper()
	vkey, signer := keyOf(t, "log")
	root := t.TempDir()
	c := trillian.Config{Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer, Server: address}
	var err error
	if c.Tree, err = trillian.CreateTree(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// newLedger creates an empty ledger.
func newLedger(t testing.TB, address string) trillian.Config {
	t.Helper()
	c := configAt(t, address)
	if err := trillian.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, c trillian.Config) *trillian.Log {
	t.Helper()
	l, err := trillian.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeLog(t testing.TB, l *trillian.Log) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func entry(i int) []byte { return fmt.Appendf(nil, "entry %d", i) }

// add appends entry(from) and on, up to entry(to-1), one after another, and verifies the
// proofs as a stranger would.
func add(t testing.TB, l ledger.Log, key string, from, to int) {
	t.Helper()
	policy, err := ledger.ParsePolicy([]byte("log " + key + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		a, err := l.Append(t.Context(), entry(i))
		if err != nil || a.Index != uint64(i) {
			t.Fatalf("Append(%q) = %d, %v; want index %d", entry(i), a.Index, err, i)
		}
		if v, err := policy.Verify(entry(i), a.Proof, time.Unix(0, 0)); err != nil || v.Index != a.Index {
			t.Errorf("the proof of %q gives %+v, %v", entry(i), v, err)
		}
	}
}

// What every engine must do.
func TestSuite(t *testing.T) {
	address, forgetful := cluster(t)
	ledgertest.Run(t, func(t testing.TB) ledgertest.Engine {
		c := newLedger(t, address)
		return ledgertest.Engine{Key: c.Key, Forgetful: forgetful, Open: func(t testing.TB, cosign ledgertest.CosignFunc) ledger.Log {
			c.Cosign = cosign
			return open(t, c)
		}}
	})
}
