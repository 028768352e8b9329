package verify

import (
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// declares is a run of some items, which the registration lists.
func declares(items ...uint64) hooks {
	return hooks{
		registration: func(w *world, p *attest.Registration) { p.Items = w.list(p.Testset.Size, items...) },
		rows:         only(items...),
		release:      saysScore("66.7", "3 of 6"),
	}
}

func (w *world) list(size uint64, items ...uint64) *attest.ItemList {
	bitmap := make([]byte, (size+7)/8)
	for _, i := range items {
		bitmap[i/8] |= 0x80 >> (i % 8)
	}
	return &attest.ItemList{Count: uint64(len(items)), Bitmap: w.pack.AddArtifact(bitmap, "application/vnd.proctor.bitmap", "items")}
}

func only(items ...uint64) func(*world, []run.Row) []run.Row {
	return func(_ *world, all []run.Row) (rows []run.Row) {
		for _, i := range items {
			rows = append(rows, all[i])
		}
		return rows
	}
}

// lastRetired commits to a set whose last item is retired.
func lastRetired(w *world, p *attest.Testset) {
	bitmap := testset.AllActive(p.Version.Size)
	bitmap[0] &^= 0x80 >> 5
	active, err := testset.Active(p.Version.Size, bitmap)
	w.must(err)
	p.Version.Active, p.Bitmap = active, w.pack.AddArtifact(bitmap, p.Bitmap.MediaType, p.Bitmap.Name)
}

func saysScore(score, items string) func(*world, *attest.Release) {
	return func(_ *world, p *attest.Release) { p.Scores[0].Score, p.Scores[0].Items = score, items }
}

// A score on items that the registrant chose says so wherever the verdict is read.
func TestDeclaredItems(t *testing.T) {
	v := newWorld(t, declares(0, 1, 3)).verify()
	const text = "3 of 6 items, chosen by the registrant"
	row := v.Claims[0].Rows[0]
	if v.Headline != Supported || v.Level != CAL1 || row.Declared != text || v.Declared != text || row.Items != 3 {
		t.Errorf("%s %s, declared %q and %q, %d items", v.Headline, v.Level, row.Declared, v.Declared, row.Items)
	}
	if !strings.Contains(strings.Join(v.NotShown, "\n"), "the items that were left out") {
		t.Errorf("not shown: %q", v.NotShown)
	}
	checkWords(t, v)
	if v := newWorld(t, hooks{}).verify(); v.Declared != "" || v.Claims[0].Rows[0].Declared != "" {
		t.Errorf("a run of all items is declared %q", v.Declared)
	}
}

// A list of the items that passed, declared after the run, looks like any other. It is
// honoured and stops at CAL-1, where the same run of all items reaches CAL-2.
func TestDeclaredPassed(t *testing.T) {
	all := later(func(*hooks) {})
	all.policy = func(text string) string { return strings.Replace(text, `level = "CAL-1"`, `level = "CAL-2"`, 1) }
	passed := all
	list := declares(0, 1, 2, 4)
	passed.registration, passed.rows, passed.release = list.registration, list.rows, saysScore("100", "4 of 6")
	for _, c := range []struct {
		hooks    hooks
		headline Headline
		level    Level
	}{{all, Supported, CAL2}, {passed, SupportedWithGaps, CAL1}} {
		v, _ := newWorld(t, c.hooks).scanned(t)
		if v.Headline != c.headline || v.Level != c.level {
			t.Errorf("declared %q: %s %s, want %s %s", v.Declared, v.Headline, v.Level, c.headline, c.level)
		}
	}
}

func TestDeclaredOfTable(t *testing.T) {
	a, b := Row{Declared: "1 of 6 items"}, Row{Declared: "2 of 6 items"}
	for _, c := range []struct {
		rows []Row
		want string
	}{
		{nil, ""},
		{[]Row{{}, {}}, ""},
		{[]Row{a, a}, "1 of 6 items"},
		{[]Row{a, {}}, "1 of 2 scores on items chosen by the registrant"},
		{[]Row{a, b, {}}, "2 of 3 scores on items chosen by the registrant"},
		{[]Row{a, b}, "2 of 2 scores on items chosen by the registrant"},
	} {
		v := &Verdict{Claims: []Claim{{Rows: c.rows}}}
		if v.combine(); v.Declared != c.want {
			t.Errorf("%+v: declared %q, want %q", c.rows, v.Declared, c.want)
		}
	}
}

// Without the list of active items nobody knows of how many the list is. That the score
// hides it is seen all the same.
func TestDeclaredOfUnknown(t *testing.T) {
	for said, want := range map[string]State{"3 of 6": Missing, "": Contradicted} {
		h := declares(0, 1, 3)
		h.release = saysScore("66.7", said)
		h.pack = func(w *world) {
			w.pack.RemoveArtifact(w.chains[owner][0].Statement.Predicate.(*attest.Testset).Bitmap.SHA256)
		}
		v := newWorld(t, h).verify()
		got := states(v)
		if v.Declared != "3 items, chosen by the registrant" || got["registration/items"] != Missing || got["result/items"] != Missing || got["score/items"] != want {
			t.Errorf("score of %q: declared %q, list %s, result %s, score %s, want %s", said, v.Declared, got["registration/items"], got["result/items"], got["score/items"], want)
		}
	}
}

// What a stranger registers refutes nobody.
func TestDeclaredByStranger(t *testing.T) {
	hidden, wrong := declares(0, 1, 3), declares(0, 1, 3)
	hidden.release = nil
	wrong.registration = func(w *world, p *attest.Registration) {
		p.Items = w.list(p.Testset.Size, 0, 1, 3)
		p.Items.Count = 4
	}
	wrong.release = saysScore("66.7", "4 of 6")
	for name, h := range map[string]hooks{"score/items": hidden, "registration/items": wrong} {
		h.keyFor = strangerSigns("registration")
		if v := newWorld(t, h).verify(); states(v)[name] != Missing || v.Headline != NotSupported {
			t.Errorf("%s is %s, %s", name, states(v)[name], v.Headline)
		}
	}
}

// A registration after the run reaches CAL-1-R, also where it lists items.
func TestDeclaredRetroactively(t *testing.T) {
	h := declares(0, 1, 3)
	list := h.registration
	h.registration = func(w *world, p *attest.Registration) {
		list(w, p)
		p.Retroactive = true
	}
	if v := newWorld(t, h).verify(); v.Level != CAL1R || v.Declared == "" {
		t.Errorf("level %s, declared %q", v.Level, v.Declared)
	}
}

// A run on chosen items ranks among all runs of its metric, and one on all items among
// its like: 1/1 on a single item says nothing against 4/6.
func TestRankOfDeclaredItems(t *testing.T) {
	first := func(h hooks) func(w *world, set, m *attest.Entry) {
		return func(w *world, set, m *attest.Entry) {
			was := w.hooks
			w.hooks = h
			w.report(w.register(set, m))
			w.hooks = was
		}
	}
	with := func(h hooks, early func(w *world, set, m *attest.Entry)) hooks {
		h.early = early
		return h
	}
	for _, c := range []struct {
		name           string
		hooks          hooks
		rank, compared int
	}{
		{"all items beside a lucky one", with(hooks{}, first(declares(0))), 1, 1},
		{"chosen ones beside a lucky one", with(declares(0, 1, 3), first(declares(0))), 2, 2},
		{"chosen ones beside all", with(declares(0, 1, 3), first(hooks{})), 1, 2},
	} {
		v, _ := newWorld(t, c.hooks).scanned(t)
		runs := v.Claims[0].Rows[0].Runs
		if runs == nil || runs.Registered != 2 || runs.Reported != 2 || runs.Rank != c.rank || runs.Compared != c.compared {
			t.Errorf("%s: %+v, want rank %d of %d", c.name, runs, c.rank, c.compared)
		}
	}
}

func declaredForgeries() []forgery {
	with := func(h hooks, change func(*hooks)) hooks {
		change(&h)
		return h
	}
	return []forgery{
		{
			name: "declared-left", what: "the result is of other items than were declared, which passed",
			expect: "contradicted result/items", base: declares(0, 3, 4),
			hooks: with(declares(0, 3, 4), func(h *hooks) { h.rows, h.release = only(0, 2, 4), saysScore("100", "3 of 6") }),
		},
		{
			name: "declared-more", what: "the result has items besides those that were declared",
			expect: "contradicted result/items", base: declares(0, 3, 4),
			hooks: with(declares(0, 3, 4), func(h *hooks) { h.rows, h.release = only(0, 2, 3, 4), saysScore("75", "3 of 6") }),
		},
		{
			name: "declared-retired", what: "the list of declared items names one that was retired",
			expect: "contradicted registration/items", also: []string{"result/items"},
			base:  with(declares(0, 1, 3), func(h *hooks) { h.testset, h.release = lastRetired, saysScore("66.7", "3 of 5") }),
			hooks: with(declares(0, 1, 5), func(h *hooks) { h.testset, h.release = lastRetired, saysScore("66.7", "3 of 5") }),
		},
		{
			name: "declared-count", what: "the registration says that it lists more items than it does",
			expect: "contradicted registration/items", also: []string{"result/items"}, base: declares(0, 1, 3),
			hooks: with(declares(0, 1, 3), func(h *hooks) {
				h.registration = func(w *world, p *attest.Registration) {
					p.Items = w.list(p.Testset.Size, 0, 1, 3)
					p.Items.Count = 5
				}
				h.release = saysScore("66.7", "5 of 6")
			}),
		},
		{
			name: "declared-beyond", what: "the list of declared items has one that the set has not",
			expect: "contradicted registration/items", also: []string{"result/items"}, base: declares(0, 1, 3),
			hooks: with(declares(0, 1, 3), func(h *hooks) {
				h.registration = func(w *world, p *attest.Registration) { p.Items = w.list(p.Testset.Size, 0, 1, 3, 6) }
				h.release = saysScore("66.7", "4 of 6")
			}),
		},
		{
			name: "declared-kept-back", what: "the list of declared items is kept back",
			expect: "missing registration/items", also: []string{"result/items"}, base: declares(0, 1, 3),
			hooks: with(declares(0, 1, 3), func(h *hooks) {
				h.pack = func(w *world) {
					w.pack.RemoveArtifact(w.chains[evaluator][0].Statement.Predicate.(*attest.Registration).Items.Bitmap.SHA256)
				}
			}),
		},
		{
			name: "declared-hidden", what: "the score hides that it is on items that the registrant chose",
			expect: "contradicted score/items", base: declares(0, 1, 3),
			hooks: with(declares(0, 1, 3), func(h *hooks) { h.release = nil }),
		},
		{
			name: "declared-misstated", what: "the score says that it is on more of the items than it is",
			expect: "contradicted score/items", base: declares(0, 1, 3),
			hooks: with(declares(0, 1, 3), func(h *hooks) { h.release = saysScore("66.7", "6 of 6") }),
		},
		{
			name: "declared-invented", what: "the score says that its items were chosen beforehand, and the run was registered for all",
			expect: "contradicted score/items", hooks: hooks{release: saysScore("66.7", "3 of 6")},
		},
	}
}
