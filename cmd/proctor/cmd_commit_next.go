package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// runCommitNext makes the next version of a set.
func (e *env) runCommitNext(c *cli.Context) error {
	change, err := readChange(c)
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	name := c.String("name")
	for _, flag := range []string{"key", "fields"} {
		if c.IsSet(flag) {
			return usagef("--%s: all versions of a set have the same", flag)
		}
	}
	bindings, err := readBindings(c.StringSlice("bind"))
	if err != nil {
		return err
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return err
	}
	defer s.close(e.ctx)
	before, err := s.newestVersion(name)
	if err != nil {
		return err
	}
	out, err := outName(c, fmt.Sprintf("%s.v%d", name, s.versions(name)+1), "testset")
	if err != nil {
		return err
	}
	storeDir := h.path(setSecretsDir, testset.ID(h.config.Issuer, name).String())
	if err := s.settleStore(storeDir); err != nil {
		return err
	}
	nextDir, done, err := s.nextStore(c, storeDir)
	if err != nil {
		return err
	}
	defer done()
	version, err := e.commitChange(c, storeDir, nextDir, before.Statement.Predicate.(*attest.Testset), change)
	if err != nil {
		return err
	}
	pack, p, err := h.nextTestset(c, before, version, bindings)
	if err != nil {
		return err
	}
	entry, err := s.logAndPack(e.ctx, p, pack, out)
	if err != nil {
		if entry == nil {
			os.RemoveAll(nextDir) // nothing was signed
		}
		return err
	}
	if err := s.settleStore(storeDir); err != nil {
		return err
	}
	appended := version.Size - before.Statement.Predicate.(*attest.Testset).Version.Size
	fmt.Fprintf(e.stdout, "test set  %s\nitems     %d, of which %d are active\nretired   %d by this version\nappended  %d by this version\nroot      %s\nstatement %s\npack      %s\n",
		name, version.Size, countActive(version.Bitmap, version.Size), len(version.Edits), appended, version.Root, entry.Statement.ID, out)
	e.note(c, "Results on the version before stay as they are; \"proctor audit impact\" shows what they\nbecome on this one.")
	return nil
}

func readChange(c *cli.Context) (testset.Change, error) {
	change := testset.Change{Reason: c.String("reason"), AllowDuplicates: c.Bool("allow-duplicates")}
	if change.Reason == "" {
		return change, usagef("--next needs --reason: readers of a later score will ask why items changed")
	}
	if c.Args().Present() {
		file, err := oneArg(c, "the file of items")
		if err != nil {
			return change, err
		}
		change.Source = testset.Source{Name: file, Open: func() (io.ReadCloser, error) { return os.Open(file) }}
	} else if !c.IsSet("retire") {
		return change, usagef("--next needs a file of items, or --retire")
	}
	for _, text := range c.StringSlice("retire") {
		key, err := parseKey(text)
		if err != nil {
			return change, usagef("--retire %q: %w", text, err)
		}
		change.Retire = append(change.Retire, key)
	}
	return change, nil
}

// parseKey reads an item's key as a person writes it: 17, "17" or bare text.
func parseKey(text string) (testset.Key, error) {
	canonical, err := attest.Canonicalize([]byte(text))
	if err != nil || !bytes.HasPrefix(canonical, []byte(`"`)) && !isInteger(canonical) {
		if canonical, err = json.Marshal(text); err != nil {
			return "", err
		}
	}
	return testset.ParseKey(canonical)
}

// newestVersion is the owner's last statement on a set.
func (s *issuing) newestVersion(name string) (*attest.Entry, error) {
	for i := len(s.chain) - 1; i >= 0; i-- {
		if set, ok := s.chain[i].Statement.Predicate.(*attest.Testset); ok && set.Name == name {
			return s.chain[i], nil
		}
	}
	return nil, withHint(fmt.Errorf("you have committed to no test set %q", name), "without --next this makes its first version")
}

func (s *issuing) versions(name string) (n int) {
	for _, e := range s.chain {
		if set, ok := e.Statement.Predicate.(*attest.Testset); ok && set.Name == name {
			n++
		}
	}
	return n
}

// nextStore is where the store of the next version is made: beside the present one
// or, in a dry run, where done removes it.
func (s *issuing) nextStore(c *cli.Context, storeDir string) (dir string, done func(), err error) {
	if !c.Bool("dry-run") {
		return storeDir + ".next", func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "proctor-dry-run-")
	return filepath.Join(tmp, "next"), func() { os.RemoveAll(tmp) }, err
}

// settleStore finishes what a command began that made the next version: its store
// takes the place of the present one if its statement was signed, and goes if not.
func (s *issuing) settleStore(storeDir string) error {
	next, old := storeDir+".next", storeDir+".old"
	if s.lock == nil {
		return nil
	}
	store, err := testset.OpenStore(next)
	if err == nil {
		set, active := store.Set(), store.Bitmap()
		digest, err := testset.Active(set.Size, active)
		if err := errors.Join(err, store.Close()); err != nil {
			return err
		}
		if !s.signed(attest.Version{Size: set.Size, Root: set.Root, Active: digest}) {
			return os.RemoveAll(next)
		}
		if _, err := os.Stat(storeDir); err == nil {
			if err := os.Rename(storeDir, old); err != nil {
				return err
			}
		}
		if err := errors.Join(os.Rename(next, storeDir), durable.SyncDir(filepath.Dir(storeDir))); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(old)
}

// checkStore refuses a store that is not of the newest version: what follows would
// contradict it.
func checkStore(store *testset.Store, newest *attest.Testset) error {
	set := store.Set()
	active, err := testset.Active(set.Size, store.Bitmap())
	if err != nil {
		return err
	}
	if (attest.Version{Size: set.Size, Root: set.Root, Active: active}) != newest.Version {
		return withHint(fmt.Errorf("the store is of another version of %q than your newest statement: %d items, want %d", newest.Name, set.Size, newest.Version.Size),
			"it comes from a backup perhaps: bring the newest one back; from this one no version can follow")
	}
	return nil
}

func (s *issuing) signed(v attest.Version) bool {
	for _, e := range s.chain {
		if set, ok := e.Statement.Predicate.(*attest.Testset); ok && set.Version == v {
			return true
		}
	}
	return false
}

func (e *env) commitChange(c *cli.Context, storeDir, nextDir string, newest *attest.Testset, change testset.Change) (*testset.Version, error) {
	store, err := testset.OpenStore(storeDir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := checkStore(store, newest); err != nil {
		return nil, fmt.Errorf("%s: %w", storeDir, err)
	}
	bar := e.progress(c, "committing", fileSize(change.Source.Name))
	defer bar.done()
	change.Progress = bar.rows
	version, err := testset.CreateStore(nextDir, store.Secret(), func(private io.Writer) (*testset.Version, error) {
		return store.Next(c.Context, change, private)
	})
	if err == nil && len(version.Edits) > maxEdits {
		err = errors.Join(fmt.Errorf("%d items would be retired; one version can retire %d", len(version.Edits), maxEdits), os.RemoveAll(nextDir))
	}
	return version, err
}

// maxEdits fit into a ledger entry.
const maxEdits = 400

// nextTestset says what the next version is. Its pack holds the statement and the
// bitmap of the version before, so that a reader can follow what was retired.
func (h *home) nextTestset(c *cli.Context, before *attest.Entry, version *testset.Version, bindings map[string]attest.Hash) (*attest.Pack, *attest.Testset, error) {
	previous, _, err := openPack(h.packFile(before.Statement.ID))
	if errors.Is(err, fs.ErrNotExist) {
		err = withHint(err, "the home comes from an older backup perhaps: put the pack that you published there")
	}
	if err != nil {
		return nil, nil, err
	}
	was := before.Statement.Predicate.(*attest.Testset)
	pack := attest.NewPack()
	pack.Merge(previous) // our own, like this one
	p := newTestset(version, pack)
	if was.Skeleton.SHA256 != p.Skeleton.SHA256 {
		pack.RemoveArtifact(was.Skeleton.SHA256)
	}
	p.Refs = []attest.Ref{{Role: attest.RoleTestset, ID: before.Statement.ID}}
	p.Access, p.Bindings, p.Canary = was.Access, was.Bindings, was.Canary
	if c.IsSet("access") {
		p.Access = c.String("access")
	}
	if c.IsSet("canary") {
		p.Canary = c.String("canary")
	}
	if bindings != nil {
		p.Bindings = bindings
	}
	return pack, p, nil
}

func countActive(bitmap []byte, size uint64) (n uint64) {
	for i := range size {
		if testset.IsActive(bitmap, i) {
			n++
		}
	}
	return n
}
