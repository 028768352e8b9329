package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/witness"
)

func (e *env) cmdRestore() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "bring a home back from a backup, and confirm that it may sign again",
		ArgsUsage: "[FILE]",
		Description: "Makes a home from FILE, where there is none. It signs nothing until you confirm:\n" +
			"statements made after the backup may be known to others, and to sign their numbers again\n" +
			"would be equivocation. \"proctor restore --confirm\" takes those that the ledger, or copies\n" +
			"of it, hold into the home, and says with which number it goes on. By it you say that you\n" +
			"know of no other statement, and of no newer copy of any ledger that this home's witness\n" +
			"cosigns. \"proctor help backups\" tells more.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "identity", Usage: "decrypt with the age secret keys in `FILE`"},
			passphraseFlag(),
			&cli.BoolFlag{Name: "confirm", Usage: "let a restored home sign again"},
			&cli.StringSliceFlag{Name: "ledger", Usage: "with --confirm: a ledger, or the newest copy of one, in `DIR`; repeatable"},
			&cli.BoolFlag{Name: "dry-run", Usage: "read and check everything, and change nothing"},
			quietFlag(),
		},
		Action: e.runRestore,
	}
}

func (e *env) runRestore(c *cli.Context) error {
	if c.Bool("confirm") {
		if err := noArgs(c); err != nil {
			return err
		}
		return e.runConfirm(c)
	}
	if c.IsSet("ledger") {
		return usagef("--ledger goes with --confirm")
	}
	name, err := oneArg(c, "the backup")
	if err != nil {
		return err
	}
	final := homeDir()
	if err := noHome(final); err != nil && !c.Bool("dry-run") {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.Bool("dry-run") {
		return e.checkArchive(c, f)
	}
	// Built beside its place and moved there whole.
	dir, err := os.MkdirTemp(filepath.Dir(final), ".proctor-new-")
	if err != nil {
		return err
	}
	defer func() { os.RemoveAll(dir) }()
	h, m, sum, err := e.unpackHome(c, f, dir)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := os.Rename(dir, final); err != nil {
		return err
	}
	h.dir = final
	if err := durable.SyncDir(filepath.Dir(final)); err != nil {
		return err
	}
	return e.printRestored(c, h, m, sum)
}

// noHome refuses a place that is taken.
func noHome(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return withHint(fmt.Errorf("%s exists", dir), "one home holds one issuer; PROCTOR_HOME names another place")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// checkArchive reads an archive to its end.
func (e *env) checkArchive(c *cli.Context, f *os.File) error {
	m, sum, err := e.readArchive(c, f, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	printArchive(e, m, sum)
	e.note(c, "dry run: the archive is whole; nothing was unpacked")
	return nil
}

func (e *env) readArchive(c *cli.Context, f *os.File, into *os.Root) (manifest, archived, error) {
	most, err := archiveSize(f)
	if err != nil {
		return manifest{}, archived{}, err
	}
	plain, err := e.decrypt(c, f)
	if err != nil {
		return manifest{}, archived{}, err
	}
	bar := e.progress(c, "unpacking", most)
	defer bar.done()
	m, sum, err := unarchive(e.ctx, plain, most, into, func(done int64) { bar.bytes(done, most) })
	if err != nil && e.ctx.Err() == nil {
		err = fmt.Errorf("damaged, cut short, or no backup of a home: %w", err)
	}
	return m, sum, err
}

// unpackHome makes a home in an empty directory, marked as restored.
func (e *env) unpackHome(c *cli.Context, f *os.File, dir string) (*home, manifest, archived, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, manifest{}, archived{}, err
	}
	defer root.Close()
	m, sum, err := e.readArchive(c, f, root)
	if err != nil {
		return nil, m, sum, err
	}
	h, err := e.openHomeIn(dir)
	if err == nil {
		_, err = h.policy()
	}
	if err == nil {
		_, err = h.issuerKey()
	}
	if err == nil && h.config.Issuer != m.Issuer {
		err = fmt.Errorf("it says that it is of %q, and holds the home of %q", m.Issuer, h.config.Issuer)
	}
	if err != nil {
		return nil, m, sum, err
	}
	if h.hasWitness() {
		if err := witness.MarkRestored(h.path(witnessDir)); err != nil {
			return nil, m, sum, err
		}
	}
	return h, m, sum, h.mark(restoredMark{Made: m.Made, Restored: e.now().UTC()})
}

// issuerKey is the issuer's public key.
func (h *home) issuerKey() (*attest.PublicKey, error) {
	text, err := readLimited(h.path(issuerPubFile), 1<<16)
	if err != nil {
		return nil, err
	}
	key, err := attest.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path(issuerPubFile), err)
	}
	return key, nil
}

func printArchive(e *env, m manifest, sum archived) {
	fmt.Fprintf(e.stdout, "issuer    %s\nmade      %s\nfiles     %d, %s\nledger    %s\n", m.Issuer, m.Made.Format(time.RFC3339), sum.files, size(sum.bytes), inOrOut(m.Ledger))
}

func (e *env) printRestored(c *cli.Context, h *home, m manifest, sum archived) error {
	key, err := h.issuerKey()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "home      %s\n", h.dir)
	printArchive(e, m, sum)
	fmt.Fprintf(e.stdout, "key       %s sha256:%s\n", key.Algorithm(), key.Fingerprint())
	if h.hasWitness() {
		e.note(c, `Compare the key: whoever knows an age recipient can make an archive for it.
The home signs nothing yet, and its witness cosigns nothing. Bring the newest copies of
its ledger, and of those that its witness cosigns, and then run
"proctor restore --confirm --ledger DIR". "proctor help backups" tells why.`)
		return nil
	}
	e.note(c, `Compare the key: whoever knows an age recipient can make an archive for it.
The home signs nothing yet. Bring the newest copy of its ledger, and then run
"proctor restore --confirm --ledger DIR". "proctor help backups" tells why.`)
	return nil
}
