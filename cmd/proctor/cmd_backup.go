package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger/durable"
)

func (e *env) cmdBackup() *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "write the home to one encrypted file",
		ArgsUsage: "FILE",
		Description: "Writes keys, statements, packs, secrets, policy, witness and ledger to FILE, encrypted\n" +
			"with age (https://age-encryption.org) to the recipients that --to names or with a\n" +
			"passphrase. The ledger is in it because nobody else need have it whole: without it you\n" +
			"could not go on, unless somebody keeps a copy. \"proctor restore\" brings the home back;\n" +
			"\"proctor help backups\" tells what a backup can and cannot bring back.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "to", Usage: "encrypt to an age `RECIPIENT`, age1…; repeatable"},
			&cli.StringSliceFlag{Name: "to-file", Usage: "encrypt to the age recipients in `FILE`, one a line; repeatable"},
			passphraseFlag(),
			&cli.BoolFlag{Name: "without-ledger", Usage: "leave the ledger out: somebody mirrors it, or you copy it by other means"},
			quietFlag(),
		},
		Action: e.runBackup,
	}
}

func (e *env) runBackup(c *cli.Context) error {
	out, err := oneArg(c, "the file to write")
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	if err := outside(h.dir, out); err != nil {
		return err
	}
	if err := newFile(out); err != nil {
		return err
	}
	to, err := e.recipients(c)
	if err != nil {
		return err
	}
	release, err := h.hold(e)
	if err != nil {
		return err
	}
	defer release()
	ledgerDir, inside := h.ledgerInside()
	m := manifest{Version: 1, Issuer: h.config.Issuer, Made: e.now().UTC(), Ledger: inside && !c.Bool("without-ledger")}
	var sum archived
	bar := e.progress(c, "packing", 0)
	defer bar.done()
	err = durable.Write(out, 0o600, func(w io.Writer) error {
		sealed, err := age.Encrypt(w, to...)
		if err != nil {
			return err
		}
		skip := func(name string) bool { return !m.Ledger && inside && name == ledgerDir }
		if sum, err = h.archive(e.ctx, sealed, m, skip, func(done int64) { bar.bytes(done, 0) }); err != nil {
			return err
		}
		return sealed.Close()
	})
	if err != nil {
		return err
	}
	bar.done()
	fmt.Fprintf(e.stdout, "backup    %s\nissuer    %s\nfiles     %d, %s\nledger    %s\n", out, m.Issuer, sum.files, size(sum.bytes), inOrOut(m.Ledger))
	e.note(c, "Who can open it has your keys and what opens everything you committed to; the issuer\nkey alone needs its password besides. Keep it, and what opens it, off this machine.")
	if !inside {
		e.note(c, "The ledger, %s, lies outside the home: copy it by other means.", h.relative(h.config.Ledger))
	}
	return nil
}

func inOrOut(in bool) string {
	if in {
		return "in the archive"
	}
	return "left out"
}

// outside refuses a file inside the home: each backup would hold the ones before.
func outside(dir, name string) error {
	base, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	at, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(base, at); err == nil && filepath.IsLocal(rel) {
		return usagef("%s lies inside the home; name a file outside of it", name)
	}
	return nil
}

// hold keeps other commands from changing the home: those that sign, and those of
// other homes that this one's witness cosigns for.
func (h *home) hold(e *env) (release func(), err error) {
	var locks []*durable.Lock
	release = func() {
		for _, l := range slices.Backward(locks) {
			l.Release()
		}
	}
	names := []string{h.path("lock")}
	if h.hasWitness() {
		names = append(names, h.path(witnessDir, "lock"))
	}
	for _, name := range names {
		l, err := durable.Acquire(e.ctx, name)
		if err != nil {
			release()
			return nil, err
		}
		locks = append(locks, l)
	}
	return release, nil
}

// hasWitness reports whether the home has a witness of its own.
func (h *home) hasWitness() bool {
	_, err := os.Lstat(h.path(witnessDir, "key"))
	return err == nil
}

// ledgerInside is the ledger's directory as a path within the home, if it is one.
func (h *home) ledgerInside() (string, bool) {
	dir := path.Clean(filepath.ToSlash(h.config.Ledger))
	return dir, dir != "." && filepath.IsLocal(filepath.FromSlash(dir))
}
