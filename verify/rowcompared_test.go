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

// A sample gives facet D2 where the policy says how much it may miss, or where nothing
// was left out.
func TestSampledFiles(t *testing.T) {
	const enough = "level = \"CAL-1\"\nsampled_share = 0.02\nsampled_miss = 0.05"
	for name, test := range map[string]struct {
		policy string
		change func(*Comparison)
		want   State
		says   string
	}{
		"enough":                     {enough, func(c *Comparison) {}, Proven, "3 of 9 tensors (50 of 100 bytes) read, in 149 draws; altered tensors with 0.02 of all bytes are missed with probability 0.0493"},
		"a policy without samples":   {`level = "CAL-1"`, func(c *Comparison) {}, Missing, "does not say that a sample is enough"},
		"too few":                    {enough, func(c *Comparison) { c.Sample.Draws = 148 }, Missing, "your policy allows 0.05"},
		"everything":                 {`level = "CAL-1"`, func(c *Comparison) { c.Sample.Bytes = 100 }, Proven, "from all tensors"},
		"another repository":         {enough, func(c *Comparison) { c.Sample.Repo = "mirror/tiny" }, Missing, "is of mirror/tiny, and the release names hf:lab/tiny@"},
		"a part of the name":         {enough, func(c *Comparison) { c.Sample.Repo = "ab/tiny" }, Missing, "is of ab/tiny"},
		"another model":              {enough, func(c *Comparison) { c.Sample.ID[0] ^= 1; c.Sample.Differs = []string{"config differs"} }, Contradicted, "of another model: config differs"},
		"another model, another day": {enough, func(c *Comparison) { c.Sample.ID[0] ^= 1; c.Revision = strings.Repeat("ab", 20) }, Missing, "does not name its commit"},
	} {
		t.Run(name, func(t *testing.T) {
			m, h := realModel(t)
			h.policy = func(text string) string { return strings.Replace(text, `level = "CAL-1"`, test.policy, 1) }
			w := newWorld(t, h)
			c := &Comparison{Tier: 3, Kind: "sample", Revision: releasedCommit, Same: 2, Sample: &Sample{
				Repo: "lab/tiny", ID: m.ID, Draws: 149, Tensors: 3, Of: 9, Bytes: 50, OfAll: 100,
			}}
			test.change(c)
			v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt, Published: &Published{
				From: "saved", Compare: func(*model.Model) (*Comparison, error) { return c, nil },
			}})
			if err != nil {
				t.Fatal(err)
			}
			row := v.Claims[0].Rows[0]
			got := find(row.Checks, "model/recomputed")
			if got.State != test.want || !strings.Contains(got.Detail, test.says) {
				t.Errorf("model/recomputed is %s: %q; want %s with %q", got.State, got.Detail, test.want, test.says)
			}
			if d2 := row.Facets[Deployment] == 2; d2 != (test.want == Proven) {
				t.Errorf("facet D%d", row.Facets[Deployment])
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
