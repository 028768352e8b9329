package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/tiles"
	"github.com/proctor-attest/proctor/ledger/trillian"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
)

// Files of a home, below ./.proctor or $PROCTOR_HOME.
const (
	homeName       = ".proctor"
	configFile     = "config.toml"
	policyFile     = "policy.toml"
	issuerKeyFile  = "keys/issuer.key"
	issuerPubFile  = "keys/issuer.pub"
	ledgerKeyFile  = "keys/ledger.key"
	ledgerPubFile  = "keys/ledger.pub"
	anchorFile     = "anchor/checkpoint"
	seenDir        = "anchor/seen" // of ledgers that others serve
	statementsDir  = "statements"
	pendingDir     = "statements/pending"
	packsDir       = "packs"
	beaconsDir     = "beacons"
	setSecretsDir  = "secrets/sets"
	runSecretsDir  = "secrets/runs"
	sealSecretsDir = "secrets/models"
	witnessDir     = "witness"
	restoredFile   = "restored" // there until a restored home is confirmed
)

// home is one party's files: its keys, its ledger, its statements and secrets.
type home struct {
	dir    string
	config config
	now    func() time.Time

	ledgerURL string // --ledger: in place of the one in config

	clients map[string]*witness.Client // of a service, which asks its witnesses often; or nil
}

type config struct {
	Issuer    string   `toml:"issuer"`
	Ledger    string   `toml:"ledger"`        // directory of the embedded ledger, relative to the home, or the URL of one that is served
	Witnesses []string `toml:"witnesses"`     // directories of witnesses, relative to the home
	TSA       []string `toml:"tsa,omitempty"` // URLs of timestamp authorities that date what is logged

	Trillian *trillianConfig `toml:"trillian,omitempty"` // the cluster that keeps the ledger's entries, if one does
}

func homeDir() string {
	if dir := os.Getenv("PROCTOR_HOME"); dir != "" {
		return dir
	}
	return homeName
}

func (e *env) openHome() (*home, error) { return e.openHomeIn(homeDir()) }

func (e *env) openHomeIn(dir string) (*home, error) {
	h := &home{dir: dir, now: e.now}
	data, err := readLimited(h.path(configFile), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(fmt.Errorf("there is no home at %s", h.dir),
			`"proctor init --issuer https://you.example" makes one here; PROCTOR_HOME names another`)
	}
	if err != nil {
		return nil, err
	}
	meta, err := toml.Decode(string(data), &h.config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path(configFile), err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: unknown member %q", h.path(configFile), unknown[0].String())
	}
	return h, nil
}

// path is a file of the home.
func (h *home) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

// relative resolves a path that config.toml names.
func (h *home) relative(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return h.path(p)
}

func (h *home) policy() (*verify.Policy, error) { return readPolicy(h.path(policyFile)) }

func readPolicy(name string) (*verify.Policy, error) {
	data, err := readLimited(name, 1<<20)
	if err != nil {
		return nil, err
	}
	p, err := verify.ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := checkToken(p); err != nil {
		return nil, fmt.Errorf("%s: policy: %w", name, err)
	}
	return p, nil
}

// signer unlocks the issuer key.
func (h *home) signer(password []byte) (*signing.Signer, error) {
	private, err := readLimited(h.path(issuerKeyFile), 1<<16)
	if err != nil {
		return nil, err
	}
	s, err := signing.Load(private, password)
	if errors.Is(err, signing.ErrPassword) {
		return nil, withHint(fmt.Errorf("%s: %w", h.path(issuerKeyFile), err), "give the password with --password-file or PROCTOR_PASSWORD")
	}
	return s, err
}

// ledgerHint says what to do about a ledger that is not what it was.
func ledgerHint(err error) error {
	switch {
	case errors.Is(err, ledger.ErrRollback):
		return withHint(err, "it was set back, from a backup perhaps; bring the newest copy back: to append to this one would sign a fork")
	case errors.Is(err, tiles.ErrStateLost):
		return withHint(err, "copy the ledger with its hidden folders; without .state it would begin again at size 0")
	case errors.Is(err, tiles.ErrWrongKey):
		return withHint(err, "the ledger belongs to another home, or keys/ledger.key to another ledger")
	case errors.Is(err, tiles.ErrNoAnchor):
		return withHint(err, "bring the anchor back; if it is gone, make sure with the witnesses that the ledger is the newest one before you write its checkpoint there")
	case errors.Is(err, trillian.ErrNoTLS):
		return withHint(err, "--trillian-ca FILE names the certificates that its own must come from, --trillian-tls takes the system's")
	case errors.Is(err, tiles.ErrReadOnly):
		return withHint(err, "nothing was signed; make the directory writable for you")
	}
	return err
}

func (h *home) ledgerConfig() (tiles.Config, error) {
	skey, err := readLimited(h.path(ledgerKeyFile), 1<<12)
	if err != nil {
		return tiles.Config{}, err
	}
	signer, err := note.NewSigner(string(bytes.TrimSpace(skey)))
	if err != nil {
		return tiles.Config{}, fmt.Errorf("%s: %w", h.path(ledgerKeyFile), err)
	}
	vkey, err := h.ledgerVKey()
	if err != nil {
		return tiles.Config{}, err
	}
	return tiles.Config{
		Dir:    h.relative(h.config.Ledger),
		Anchor: h.path(anchorFile),
		Signer: signer,
		Key:    vkey,
		Cosign: h.cosign,
	}, nil
}

func (h *home) ledgerVKey() (string, error) {
	data, err := readLimited(h.path(ledgerPubFile), 1<<12)
	return strings.TrimSpace(string(data)), err
}
