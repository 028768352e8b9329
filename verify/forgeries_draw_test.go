package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// drawTime lies between the registration, which is logged after two hours, and the
// result.
var drawTime = started.Add(150 * time.Minute)

// draws is a run whose registration leaves something to the round that is due at a time.
func draws(at time.Time, draw attest.Draw) hooks {
	return hooks{
		registration: func(w *world, p *attest.Registration) {
			round, d := w.round(at), draw
			d.Chain, d.Round = round.Chain, round.Round
			p.Draw = &d
		},
		rows:    onlyDrawn,
		result:  func(w *world, p *attest.Result) { p.NotBefore = w.round(at) },
		release: prints,
	}
}

func subset(n uint64) attest.Draw { return attest.Draw{Kind: attest.DrawSubset, Items: n} }

// onlyDrawn keeps the rows of the items that the beacon draws for the run.
func onlyDrawn(w *world, all []run.Row) []run.Row {
	draw, items := w.drawn()
	if draw == nil {
		return all
	}
	return only(items...)(w, all)
}

// drawn returns the draw of the run and the items that it takes.
func (w *world) drawn() (*attest.Hash, []uint64) {
	for _, e := range w.chains[evaluator] {
		p, ok := e.Statement.Predicate.(*attest.Registration)
		if !ok || p.Draw == nil || p.Draw.Kind != attest.DrawSubset {
			continue
		}
		data, err := w.beacon.Round(p.Draw.Round)
		w.must(err)
		round, err := w.beacon.Public().Check(data)
		w.must(err)
		draw := challenge.Draw(e.Statement.ID, p.Draw.Chain, round)
		return &draw, challenge.Subset(draw, activeOf(w), p.Draw.Items)
	}
	return nil, nil
}

func activeOf(w *world) (items []uint64) {
	for i := range w.version.Size {
		items = append(items, i)
	}
	return items
}

// prints publishes the share of the rows that passed, as a lab would print it.
func prints(w *world, p *attest.Release) {
	right := 0
	for _, r := range w.rows {
		if r.Grade == "1" {
			right++
		}
	}
	text := strconv.FormatFloat(100*float64(right)/float64(len(w.rows)), 'f', 1, 64)
	p.Scores[0].Score, p.Scores[0].Decimals = strings.TrimSuffix(text, ".0"), 1
}

func demandsO3(text string) string {
	return strings.Replace(text, `level = "CAL-1"`, "level = \"CAL-1\"\nfacets = [\"O3\"]", 1)
}

// A run on items that a beacon drew between registration and result cannot be older than
// its registration, whoever owns the set.
func TestDraw(t *testing.T) {
	h := draws(drawTime, subset(3))
	h.policy = demandsO3
	w := newWorld(t, h)
	v := w.verify()
	row := v.Claims[0].Rows[0]
	if v.Headline != Supported || row.Facets[Order] != 3 || row.Drawn != "3 of 6 items, drawn by a beacon" || row.Declared != "" || row.Items != 3 {
		t.Errorf("%s %s, drawn %q, declared %q, %d items\n%+v", v.Headline, row.Facets, row.Drawn, row.Declared, row.Items, row.Checks)
	}
	if !strings.Contains(strings.Join(v.NotShown, "\n"), "answers for the whole pool may have existed before") {
		t.Errorf("not shown: %q", v.NotShown)
	}
	checkWords(t, v)
	_, items := w.drawn()
	if !slices.IsSorted(items) || len(slices.Compact(items)) != 3 {
		t.Errorf("drawn items %v", items)
	}
}

// What a draw must leave to chance for the run to depend on it.
func TestDrawOrder(t *testing.T) {
	few := &attest.FewShotDraw{Count: 2, Pool: 9}
	for name, c := range map[string]struct {
		draw  attest.Draw
		state State
		order int
	}{
		"half of the pool":      {subset(3), Proven, 3},
		"more than half":        {subset(4), Missing, 1},
		"all":                   {subset(6), Missing, 1},
		"few-shot picks":        {attest.Draw{Kind: attest.DrawSeeds, FewShot: few}, Attested, 3},
		"orders of choices":     {attest.Draw{Kind: attest.DrawSeeds, Options: 4}, Attested, 3},
		"nothing but run seeds": {attest.Draw{Kind: attest.DrawSeeds}, Missing, 1},
	} {
		v := newWorld(t, draws(drawTime, c.draw)).verify()
		got, row := states(v), v.Claims[0].Rows[0]
		if got["order/run-later"] != c.state || row.Facets[Order] != c.order || got["registration/draw"] != Proven || v.Headline != Supported {
			t.Errorf("%s: %s, order/run-later %s, want %s; %s", name, v.Headline, got["order/run-later"], c.state, row.Facets)
		}
	}
}

// A round that nobody signed decides nothing.
func TestDrawNeverSigned(t *testing.T) {
	h := draws(drawTime, subset(3))
	h.pack = func(w *world) {
		at := *w.round(drawTime)
		other, err := w.beacon.Round(at.Round + 1)
		w.must(err)
		w.pack.Beacons[at] = []byte(strings.Replace(string(other), fmt.Sprint(at.Round+1), fmt.Sprint(at.Round), 1))
	}
	v := newWorld(t, h).verify()
	got := states(v)
	if got["registration/draw"] != Missing || got["result/items"] != Missing || v.Headline != NotSupported {
		t.Errorf("%s: draw %s, items %s", v.Headline, got["registration/draw"], got["result/items"])
	}
}

func drawForgeries() []forgery {
	at := func(t time.Time) hooks {
		h := draws(t, subset(3))
		h.policy = demandsO3
		return h
	}
	honest := at(drawTime)
	change := func(change func(*hooks)) hooks { return with(honest, change) }
	dependents := []string{"order/run-later", "order/drawn-between"}
	return []forgery{
		{
			name: "draw-known", what: "the run is drawn by a round that was due when it was registered",
			expect: "missing registration/draw", also: dependents, base: honest, hooks: at(started.Add(125 * time.Minute)),
		},
		{
			name: "draw-late", what: "the run is drawn by a round of the evaluator's choice, eight days later",
			expect: "missing registration/draw", also: dependents, base: honest,
			hooks: with(at(started.AddDate(0, 0, 8)), func(h *hooks) {
				h.logged = func(i int) time.Time {
					if i == 3 || i == 4 {
						return started.AddDate(0, 0, 9)
					}
					return time.Time{}
				}
			}),
		},
		{
			name: "draw-other-round", what: "the result follows another round than the one that decides",
			expect: "missing registration/draw", also: dependents, base: honest,
			hooks: change(func(h *hooks) {
				h.result = func(w *world, p *attest.Result) { p.NotBefore = w.round(drawTime.Add(time.Minute)) }
			}),
		},
		{
			name: "draw-items", what: "an item that was drawn is replaced by one that passed",
			expect: "contradicted result/items", base: honest,
			hooks: change(func(h *hooks) {
				h.rows = func(w *world, all []run.Row) []run.Row {
					_, items := w.drawn()
					for i := range all {
						if !slices.Contains(items, uint64(i)) && all[i].Grade == "1" {
							items[0] = uint64(i)
							break
						}
					}
					slices.Sort(items)
					return only(items...)(w, all)
				}
			}),
		},
		{
			name: "draw-fewer", what: "an item that was drawn is left out",
			expect: "contradicted result/items", base: honest,
			hooks: change(func(h *hooks) {
				h.rows = func(w *world, all []run.Row) []run.Row { return onlyDrawn(w, all)[:2] }
			}),
		},
		{
			name: "draw-kept-back", what: "the round that decides is not in the pack",
			expect: "missing registration/draw", also: append([]string{"result/items"}, dependents...), base: honest,
			hooks: change(func(h *hooks) {
				h.pack = func(w *world) { delete(w.pack.Beacons, *w.round(drawTime)) }
			}),
		},
		{
			name: "draw-misstated", what: "the score says that it is on more items than were drawn",
			expect: "contradicted score/items", base: honest,
			hooks: change(func(h *hooks) {
				h.release = func(w *world, p *attest.Release) {
					prints(w, p)
					p.Scores[0].Items = "6 of 6"
				}
			}),
		},
		{
			name: "draw-model-later", what: "the model was logged when the draw was known",
			expect: "missing order/drawn-between", base: honest,
			hooks: change(func(h *hooks) {
				h.logged = func(i int) time.Time {
					if i == 1 {
						return drawTime.Add(time.Minute)
					}
					return time.Time{}
				}
			}),
		},
	}
}
