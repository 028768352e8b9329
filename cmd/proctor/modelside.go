package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/model/diff"
)

// modelSide is one of two models that are compared. The caller closes it.
type modelSide struct {
	*diff.Side
	close func()
}

// openSide reads what a name on the command line says of a model: a directory, a
// manifest, a listing, or a statement in a pack or by its name.
func (e *env) openSide(c *cli.Context, name string) (*modelSide, error) {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return e.openSideDir(c, name)
	}
	side, err := e.sideOf(c, name, err == nil)
	return &modelSide{side, func() {}}, err
}

func (e *env) openSideDir(c *cli.Context, name string) (*modelSide, error) {
	m, err := e.digestModel(c, name)
	if err != nil {
		return nil, err
	}
	dir, err := model.OpenDir(name)
	if err != nil {
		return nil, err
	}
	side := diff.FromModel(name, "directory", m)
	layout := sync.OnceValues(func() (*model.Layout, error) {
		return model.OpenLayout(dir, model.Options{Weights: c.String("weights")})
	})
	side.Read = func(path string) ([]byte, error) {
		f, err := dir.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
	}
	side.Tensor = func(name string) (io.ReadCloser, error) {
		l, err := layout()
		if err != nil {
			return nil, err
		}
		return l.TensorBytes(name)
	}
	side.Metadata = func() (map[string]any, error) { return model.Metadata(dir, m) }
	return &modelSide{side, func() { dir.Close() }}, nil
}

func (e *env) sideOf(c *cli.Context, name string, isFile bool) (*diff.Side, error) {
	if !isFile || filepath.Ext(name) == packSuffix {
		return e.sideOfStatement(name)
	}
	data, err := readLimited(name, maxModelManifest)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte(`{"files":[`)) { // canonical: a manifest begins so
		m, err := model.ParseManifest(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return diff.FromModel(name, "manifest", m), nil
	}
	l, err := e.readListing(c, name)
	if err != nil {
		return nil, err
	}
	return diff.FromListing(name, l), nil
}

// sideOfStatement takes a model statement at its word. Without its manifest the roles
// can be compared, and no more.
func (e *env) sideOfStatement(name string) (*diff.Side, error) {
	h, pack, p, err := e.findModel(name)
	if err != nil {
		return nil, err
	}
	const kind = "model statement"
	if p.Model.Kind == attest.ModelWeights && (p.Manifest == nil || !pack.HasArtifact(p.Manifest.SHA256)) {
		id, err := model.ID(p.Roles)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if id != p.Model.ID {
			return nil, fmt.Errorf("%s: the statement's modelID is %s, but its roles give %s", name, p.Model.ID, id)
		}
		return &diff.Side{Name: name, Kind: kind, ID: &id, Package: p.Package, Roles: p.Roles, Uncovered: p.Uncovered}, nil
	}
	m, err := h.modelOf(pack, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return diff.FromModel(name, kind, m), nil
}
