package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/hub/gittree"
	"github.com/proctor-attest/proctor/attest/model"
)

// maxModelManifest bounds a manifest: a model of a million tensors has one of 300 MB.
const maxModelManifest = 1 << 30

// stated is a model as its lab's statement has it.
type stated struct {
	name  string
	model *model.Model
}

// statedModel finds the manifest of a model: in the pack of a release or of a model
// statement, among the seals that the home keeps, or in a file by itself.
func (e *env) statedModel(arg string) (*stated, error) {
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
		if data, err := readLimited(arg, maxModelManifest); err == nil && len(data) > 0 && data[0] == '{' {
			m, err := model.ParseManifest(data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", arg, err)
			}
			return &stated{name: filepath.Base(arg), model: m}, nil
		}
	}
	h, pack, p, err := e.findModel(arg)
	if err != nil {
		return nil, err
	}
	m, err := h.modelOf(pack, p)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", p.Name, err)
	}
	return &stated{p.Name, m}, nil
}

// findModel finds a model statement: in a pack, or by name or id in the home.
func (e *env) findModel(arg string) (*home, *attest.Pack, *attest.Model, error) {
	h := &home{dir: homeDir()} // may not exist: a pack will do
	if _, err := os.Stat(arg); err != nil {
		if h, err = e.openHome(); err != nil {
			return nil, nil, nil, err
		}
	}
	pack, _, p, err := find[*attest.Model](h, arg)
	return h, pack, p, err
}

// modelOf reads the model that a statement is about from its manifest, or from the seal
// that the home keeps.
func (h *home) modelOf(pack *attest.Pack, p *attest.Model) (*model.Model, error) {
	switch p.Model.Kind {
	case attest.ModelEndpoint:
		return nil, errors.New("it is known by where it is served, and has no files")
	case attest.ModelSealed:
		s, err := h.readSeal(p.Model.ID)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(fmt.Errorf("it is sealed, and its seal is not in %s", h.path(sealSecretsDir)), "its release opens the seal")
		}
		if err != nil {
			return nil, err
		}
		return s.Model, nil
	}
	return manifestOf(pack, p.Manifest, p.Model.ID)
}

// manifestOf reads the manifest that a statement names, which must be of its model.
func manifestOf(pack *attest.Pack, a *attest.Artifact, id attest.Hash) (*model.Model, error) {
	if a == nil {
		return nil, errors.New("the statement names no manifest of its files and tensors")
	}
	if !pack.HasArtifact(a.SHA256) {
		return nil, withHint(errors.New("the pack does not hold the model's manifest"), "the model statement's own pack does, and so does its release's")
	}
	data, err := pack.Artifact(*a)
	if err != nil {
		return nil, err
	}
	m, err := model.ParseManifest(data)
	if err != nil {
		return nil, err
	}
	if m.ID != id {
		return nil, fmt.Errorf("the manifest is of model %s, the statement of %s", m.ID, id)
	}
	return m, nil
}

// readListing reads what is published: a directory, or what somebody says of one.
func (e *env) readListing(c *cli.Context, name string) (*hub.Listing, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if commit := c.String("revision"); commit != "" {
		l, err := gittree.Read(c.Context, name, commit)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return l, nil
	}
	if !info.IsDir() {
		data, err := readLimited(name, hub.MaxListing)
		if err != nil {
			return nil, err
		}
		l, err := hub.Parse(filepath.Base(name), data)
		if err != nil {
			return nil, withHint(fmt.Errorf("%s: %w", name, err), `"proctor help hub" lists what can be compared`)
		}
		return l, nil
	}
	if isBare(name) {
		return nil, withHint(fmt.Errorf("%s: a bare git repository", name), "give the commit that was published with --revision")
	}
	dir, err := model.OpenDir(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	bar := e.progress(c, "hashing "+filepath.Base(name), 0)
	defer bar.done()
	l, err := hub.ReadDir(c.Context, dir, bar.bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// isBare reports whether a directory looks like a git repository without a checkout.
func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
