package verify

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const releasedCommit = "0123456789abcdef0123456789abcdef01234567"

// realModel is a model that has files, and what changes a world so that it is of it.
func realModel(t testing.TB) (*model.Model, hooks) {
	t.Helper()
	var b bytes.Buffer
	if err := model.Write(&b, []model.TensorData{{Name: "a", DType: "U8", Shape: []uint64{3}, Data: []byte("abc")}}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Digest(context.Background(), fstest.MapFS{"model.safetensors": {Data: b.Bytes()}, "config.json": {Data: []byte("{}")}}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ref := attest.ModelRef{Kind: attest.ModelWeights, ID: m.ID}
	return m, hooks{
		model: func(_ *world, p *attest.Model) { p.Model, p.Roles, p.Package = ref, m.Roles, &m.Package },
		release: func(w *world, p *attest.Release) {
			data, err := m.Manifest()
			w.must(err)
			a := w.pack.AddArtifact(data, "application/vnd.proctor.manifest+json", "manifest.json")
			p.Model, p.Package, p.Manifest = ref, &m.Package, &a
			p.Published = []string{"hf:lab/tiny@" + releasedCommit}
		},
	}
}

func TestComparedFiles(t *testing.T) {
	listing := func(change func(*Comparison)) *Comparison {
		c := &Comparison{Tier: 1, Kind: "hub listing", Revision: releasedCommit, Same: 2}
		change(c)
		return c
	}
	for name, test := range map[string]struct {
		c                            *Comparison
		recomputed, uncovered, whole State
		says                         string
	}{
		"all the same": {listing(func(c *Comparison) {}), Missing, Proven, Missing, "all 2 files are listed"},
		"differs at the commit": {listing(func(c *Comparison) { c.Differs = []string{"model.safetensors differs"} }),
			Missing, Proven, Contradicted, "model.safetensors differs"},
		"differs at another commit": {listing(func(c *Comparison) {
			c.Differs, c.Revision = []string{"model.safetensors differs"}, strings.Repeat("ab", 20)
		}), Missing, Proven, Missing, "names no such commit"},
		"differs at no commit": {listing(func(c *Comparison) { c.Differs, c.Revision = []string{"model.safetensors differs"}, "" }),
			Missing, Proven, Missing, "names no such commit"},
		"uncovered": {listing(func(c *Comparison) { c.Uncovered = []string{"consolidated.pth"} }), Missing, Missing, Missing, "all 2 files"},
		"partial":   {listing(func(c *Comparison) { c.Partial = "a list of some" }), Missing, Missing, Missing, "the others cannot be compared"},
		"beside":    {listing(func(c *Comparison) { c.Beside = []string{"README.md differs"} }), Missing, Proven, Missing, "beside it are not: README.md"},
	} {
		t.Run(name, func(t *testing.T) {
			m, h := realModel(t)
			w := newWorld(t, h)
			asked := 0
			v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: &Published{From: "listing.json", Compare: func(got *model.Model) (*Comparison, error) {
				if asked++; got.ID != m.ID {
					return nil, errors.New("another model")
				}
				return test.c, nil
			}}})
			if err != nil {
				t.Fatal(err)
			}
			row := v.Claims[0].Rows[0]
			for check, want := range map[string]State{"model/recomputed": test.recomputed, "model/uncovered": test.uncovered, "model/package": test.whole} {
				c := find(row.Checks, check)
				if c.State != want {
					t.Errorf("%s is %s (%s), want %s", check, c.State, c.Detail, want)
				}
				if check == "model/package" && !strings.Contains(c.Detail, test.says) {
					t.Errorf("%s says %q, want %q", check, c.Detail, test.says)
				}
			}
			if row.Facets[Deployment] != 1 {
				t.Errorf("facet D%d, want D1: no byte of the weights was read", row.Facets[Deployment])
			}
			if asked != 1 {
				t.Errorf("compared %d times", asked)
			}
		})
	}
}

// What cannot be compared is missing, never contradicted.
func TestNothingToCompare(t *testing.T) {
	_, h := realModel(t)
	without := h
	without.release = func(w *world, p *attest.Release) {
		h.release(w, p)
		p.Manifest = nil
	}
	other := h
	other.release = func(w *world, p *attest.Release) {
		h.release(w, p)
		a := w.pack.AddArtifact([]byte(`{"files":[]}`), "application/vnd.proctor.manifest+json", "manifest.json")
		p.Manifest = &a
	}
	lost := h
	lost.release = func(w *world, p *attest.Release) {
		h.release(w, p)
		w.pack.RemoveArtifact(p.Manifest.SHA256)
	}
	packaged := h
	packaged.release = func(w *world, p *attest.Release) {
		h.release(w, p)
		pkg := digest("package")
		p.Package = &pkg
	}
	for name, test := range map[string]struct {
		hooks hooks
		says  string
	}{
		"no manifest":                  {without, "no statement names the list"},
		"a manifest that is none":      {other, "model manifest:"},
		"a manifest kept back":         {lost, "the pack does not hold the list"},
		"manifest of another package":  {packaged, "not of the released one"},
		"a listing without such files": {h, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.hooks)
			v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: &Published{From: "listing.json", Compare: func(*model.Model) (*Comparison, error) {
				return nil, errors.New("no such file")
			}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range []string{"model/recomputed", "model/uncovered", "model/package"} {
				c := find(v.Claims[0].Rows[0].Checks, check)
				if c.State != Missing || !strings.Contains(c.Detail, test.says) {
					t.Errorf("%s is %s: %q; want missing with %q", check, c.State, c.Detail, test.says)
				}
			}
		})
	}
}
