package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// A Witness cosigns checkpoints. It is safe for concurrent use.
type Witness struct {
	// Now is the clock by which cosignatures are dated: time.Now from Open.
	Now func() time.Time

	dir      string
	operator string
	key      ledger.WitnessKey
	id       []byte // key ID of its signature lines
	private  ed25519.PrivateKey
	mldsa    *mldsaKey // nil if it has none
}

// Create makes a witness in dir, which must not hold one. Name is that of its
// key, by convention a URL without scheme; operator is a URI for who runs it.
func Create(dir, name, operator string) error {
	if strings.TrimSpace(operator) == "" || strings.ContainsAny(operator, "\r\n") {
		return fmt.Errorf("operator %q, want one line", operator)
	}
	skey, pub, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	if pub, err = fnote.VKeyToCosignatureV1(pub); err != nil {
		return fmt.Errorf("witness name %q: %w", name, err)
	}
	if _, err := ledger.ParseWitnessKey(pub); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	w := &Witness{dir: dir}
	lock, err := w.lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	for _, name := range []string{"key", "pub", "logs", restoredName, mldsaKeyName} {
		if _, err := os.Lstat(w.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has a witness already: %w", dir, fs.ErrExist)
		}
	}
	// The key comes last: a directory with a key has all the rest.
	for _, f := range []struct {
		name, text string
		perm       fs.FileMode
	}{
		{"operator", operator + "\n", 0o644},
		{"pub", pub + "\n", 0o644},
		{"logs", "", 0o644},
		{"key", skey + "\n", 0o600},
	} {
		if err := durable.WriteFile(w.path(f.name), []byte(f.text), f.perm); err != nil {
			return err
		}
	}
	return nil
}

// Open reads the witness in dir.
func Open(dir string) (*Witness, error) {
	w := &Witness{Now: time.Now, dir: dir}
	var err error
	if w.operator, err = w.readLine("operator"); err != nil {
		return nil, err
	}
	pub, err := w.readLine("pub")
	if err != nil {
		return nil, err
	}
	if w.key, err = ledger.ParseWitnessKey(pub); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path("pub"), err)
	}
	if w.id, err = hex.DecodeString(strings.Split(pub, "+")[1]); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path("pub"), err)
	}
	skey, err := w.readLine("key")
	if err != nil {
		return nil, err
	}
	if w.private, err = parseSigningKey(skey, pub); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path("key"), err)
	}
	if w.mldsa, err = w.openMLDSA(); err != nil {
		return nil, err
	}
	return w, nil
}

// parseSigningKey reads PRIVATE+KEY+name+id+seed and checks that it belongs to
// pub. Its errors never hold any of skey.
func parseSigningKey(skey, pub string) (ed25519.PrivateKey, error) {
	malformed := errors.New("malformed signing key")
	f := strings.SplitN(skey, "+", 5)
	if len(f) != 5 || f[0] != "PRIVATE" || f[1] != "KEY" {
		return nil, malformed
	}
	seed, err := base64.StdEncoding.DecodeString(f[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize || seed[0] != 1 {
		return nil, malformed
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	vkey, err := note.NewEd25519VerifierKey(f[2], private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, malformed
	}
	if vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		return nil, malformed
	}
	if vkey != pub {
		return nil, errors.New("the signing key does not belong to the verifier key in pub")
	}
	return private, nil
}

// VKey returns the Ed25519 verifier key, in the form that ledger.ParsePolicy takes.
func (w *Witness) VKey() string { return w.key.VKey }

// VKeyMLDSA returns the ML-DSA-44 verifier key, or "" if the witness has none.
func (w *Witness) VKeyMLDSA() string {
	if w.mldsa == nil {
		return ""
	}
	return w.mldsa.key.VKey
}

// Name returns the name in the key.
func (w *Witness) Name() string { return w.key.Name }

// Operator returns the URI of who runs the witness.
func (w *Witness) Operator() string { return w.operator }

// Logs returns the logs that the witness cosigns.
func (w *Witness) Logs() ([]ledger.LogKey, error) { return w.readLogs("logs") }

func (w *Witness) readLogs(name string) ([]ledger.LogKey, error) {
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		return nil, err
	}
	var logs []ledger.LogKey
	for line := range strings.Lines(string(text)) {
		k, err := ledger.ParseLogKey(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", w.path(name), len(logs)+1, err)
		}
		logs = append(logs, k)
	}
	return logs, nil
}

func (w *Witness) writeLogs(name string, logs []ledger.LogKey) error {
	var text strings.Builder
	for _, l := range logs {
		fmt.Fprintln(&text, l.VKey)
	}
	return durable.WriteFile(w.path(name), []byte(text.String()), 0o644)
}

// AddLog makes the witness cosign a log, from an empty tree on. A log that it
// cosigns already is no error; another key for its origin is one, and so is any
// new log while a backup's records wait for Renew: it may have been cosigned since.
func (w *Witness) AddLog(vkey string) error {
	k, err := ledger.ParseLogKey(vkey)
	if err != nil {
		return err
	}
	lock, err := w.lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	logs, err := w.Logs()
	if err != nil {
		return err
	}
	if known, ok := find(logs, k.Origin); ok {
		if known.VKey != vkey {
			return fmt.Errorf("the witness knows %q by another key, %s", k.Origin, known.VKey)
		}
		return nil
	}
	if waiting, err := w.Restored(); err != nil || len(waiting) > 0 {
		return errors.Join(err, ErrRestored)
	}
	// The empty state comes first. A log without a state file is then one whose
	// state was lost, not a new one.
	state := w.statePath(k.Origin)
	if _, err := os.Lstat(state); errors.Is(err, fs.ErrNotExist) {
		if err := durable.WriteFile(state, nil, 0o644); err != nil {
			return err
		}
	}
	return w.writeLogs("logs", append(logs, k))
}

func find(logs []ledger.LogKey, origin string) (ledger.LogKey, bool) {
	i := slices.IndexFunc(logs, func(l ledger.LogKey) bool { return l.Origin == origin })
	if i < 0 {
		return ledger.LogKey{}, false
	}
	return logs[i], true
}

func (w *Witness) path(name string) string { return filepath.Join(w.dir, name) }

func (w *Witness) readLine(name string) (string, error) {
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		return "", err
	}
	line, ok := strings.CutSuffix(string(text), "\n")
	if !ok || strings.Contains(line, "\n") {
		return "", fmt.Errorf("%s is not one line", w.path(name))
	}
	return line, nil
}
