package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/hub/gittree"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/verify"
)

// sampleKind is how a look at some tensors is called.
const sampleKind = "sample of tensors"

const manifestType = "application/vnd.proctor.manifest+json"

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

// modelOf reads the model that a statement is about from its manifest, from that of its
// release, or from the seal that the home keeps.
func (h *home) modelOf(pack *attest.Pack, p *attest.Model) (*model.Model, error) {
	for _, entry := range pack.Entries {
		if r, ok := entry.Statement.Predicate.(*attest.Release); ok && r.Issuer == p.Issuer && r.Manifest != nil && releases(r, p) {
			return manifestOf(pack, r.Manifest, r.Model.ID)
		}
	}
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

// releases reports whether a release is of the model of a statement, sealed or not.
func releases(r *attest.Release, p *attest.Model) bool {
	return r.Model == p.Model || p.Model.Kind == attest.ModelSealed && slices.ContainsFunc(r.Seals, func(s attest.Seal) bool {
		return s.Commitment == p.Model.ID && model.Seal(s.Secret, p.Issuer, r.Model.ID) == p.Model.ID
	})
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
	if s := readSignature(name); s != nil {
		return e.signedListing(c, name, s)
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

// checkPublished refuses a place that is misspelt, and says what a lab should know of
// the others before it signs.
func (e *env) checkPublished(c *cli.Context) error {
	for _, uri := range c.StringSlice("published") {
		if !strings.HasPrefix(uri, hub.Scheme) {
			continue
		}
		repo, err := hub.ParseRepo(uri)
		if err != nil {
			return usagef("--published: %s", err)
		}
		if !hub.IsCommit(repo.Revision) {
			e.note(c, "%s names no commit: what it shows can be changed. The hub lists its commits under \"History\".", uri)
		}
	}
	return nil
}

// published is what verify found where the model was published: a directory of which
// every byte was read, or less.
func (e *env) published(c *cli.Context, name string) (*verify.Published, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() && c.String("revision") == "" && !isBare(name) {
		m, err := e.digestModel(c, name)
		if err != nil {
			return nil, err
		}
		if cache := c.String("cache"); cache != "" {
			name += " (by the hashes kept in " + cache + ")"
		}
		return &verify.Published{ID: m.ID, Package: m.Package, Roles: m.Roles, Uncovered: m.Uncovered, From: name}, nil
	}
	saved, done, err := openSaved(name)
	if err != nil {
		return nil, err
	}
	if saved != nil {
		// Left open: it is read when it is compared.
		return &verify.Published{From: name, Compare: func(m *model.Model) (*verify.Comparison, error) {
			return compareSaved(c.Context, saved, m)
		}}, nil
	}
	done()
	l, err := e.readListing(c, name)
	if err != nil {
		return nil, err
	}
	return &verify.Published{From: name, Compare: func(m *model.Model) (*verify.Comparison, error) {
		return compareListing(m, l)
	}}, nil
}

// compareListing puts a comparison in the verifier's words.
func compareListing(m *model.Model, l *hub.Listing) (*verify.Comparison, error) {
	matches := hub.Compare(m, l)
	sum := hub.Summarize(matches)
	if sum.Same+sum.Differs+sum.Unknown == 0 {
		return nil, errors.New("no file of it has the name of one of the model's")
	}
	out := &verify.Comparison{Tier: l.Tier(), Kind: l.Kind, Revision: l.Revision, Partial: l.Partial, Same: sum.Same, Unknown: sum.Unknown}
	for _, f := range matches {
		if f.State == hub.Uncovered && f.Part == "uncovered weights" || f.State != hub.Absent && f.State != hub.NotListed && slices.Contains(m.Uncovered, f.Path) {
			out.Uncovered = append(out.Uncovered, f.Path)
		}
		switch f.State {
		case hub.Differs, hub.Absent, hub.Uncovered:
			text := fmt.Sprintf("%s %s", f.Path, f.State)
			if f.Part != "" {
				out.Differs = append(out.Differs, text)
			} else {
				out.Beside = append(out.Beside, text)
			}
		}
	}
	return out, nil
}

// openSaved opens a saved sample, or returns nil for another file. The caller closes it.
func openSaved(name string) (_ *hub.Saved, done func(), err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	done = func() { f.Close() }
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, done, nil
	}
	head := make([]byte, 4)
	if err == nil {
		if n, _ := f.ReadAt(head, 0); !hub.IsSaved(head[:n]) {
			return nil, done, nil
		}
	}
	var saved *hub.Saved
	if err == nil {
		saved, err = hub.OpenSaved(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return saved, done, nil
}

// compareSaved compares a model with a sample, and with the listing in it.
func compareSaved(ctx context.Context, saved *hub.Saved, m *model.Model) (*verify.Comparison, error) {
	found, err := saved.Check(ctx, m)
	if err != nil {
		return nil, err
	}
	out, err := compareListing(m, saved.Listing)
	if err != nil {
		// The same tensors may be in files of other names.
		out = &verify.Comparison{Revision: saved.Revision, Differs: []string{"all files have other names"}}
	}
	out.Tier, out.Kind, out.Uncovered = 3, sampleKind, found.Uncovered
	out.Sample = &verify.Sample{
		Repo: saved.Repo, ID: found.ID, Differs: found.Differs, Draws: found.Draws,
		Tensors: found.Tensors, Of: found.Of, Bytes: found.Bytes, OfAll: found.OfAll,
	}
	return out, nil
}
