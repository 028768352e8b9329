package verify

import (
	"fmt"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// drawWithin is how long after its registration a draw may be (PROTOCOL §4).
const drawWithin = 7 * 24 * time.Hour

// drawing is what the beacon round of a registration decides.
type drawing struct {
	round challenge.Round // zero if it is not known
	why   string          // why it is not
	check Check
}

// counts reports whether nobody can have known the draw when the run was registered.
func (d *drawing) counts() bool { return d.check.State == Proven }

// drawing judges the draw of the row's registration, which has one.
func (r *rowJudge) drawing() *drawing {
	d := r.draws[r.registrationSt]
	if d == nil {
		round := r.beaconRound(r.registration.Draw.Beacon())
		d = &drawing{round: round.Round, why: round.why}
		d.check = r.judgeDraw(d)
		d.check.Name = "registration/draw"
		r.draws[r.registrationSt] = d
	}
	return d
}

func (r *rowJudge) checkDraw() {
	const name = "registration/draw"
	switch {
	case r.registration == nil:
		r.missing(name, "no registration")
		return
	case r.registration.Draw == nil:
		r.add(Check{Name: name, State: NotApplicable, Detail: "nothing of the run was drawn"})
		return
	}
	d := r.drawing()
	r.add(d.check)
	if r.registration.Draw.Kind == attest.DrawSubset {
		of := r.drawnOf()
		r.row.Drawn = of + ", drawn by a beacon"
		if !d.counts() {
			// Who knows the round can choose, by what else is in the registration, what it draws.
			r.row.Drawn, r.row.Declared = "", of+", drawn by a round that does not count"
		}
	}
}

// drawnOf says how many items were drawn, of how many.
func (r *rowJudge) drawnOf() string {
	if pool := r.listed(r.activeItems()); len(pool) > 0 {
		return fmt.Sprintf("%d of %d items", r.registration.Draw.Items, len(pool))
	}
	return fmt.Sprintf("%d items", r.registration.Draw.Items)
}

// judgeDraw asks whether the round came after the registration, soon enough that it is
// the one that was meant, and before the result.
func (r *rowJudge) judgeDraw(d *drawing) Check {
	draw := r.registration.Draw
	if d.why != "" {
		return Check{Detail: "the round that decides is not known: " + d.why}
	}
	if round := r.resultSt.Statement.Head().NotBefore; round == nil || *round != draw.Beacon() {
		return Check{Detail: "the result does not carry the round of its draw"}
	}
	registered, state := r.bound(r.registrationSt, r.parties(r.registrationSt))
	switch due := d.round.Time; {
	case state == Missing:
		return Check{Detail: "nothing shows when the run was registered"}
	case due.Before(registered.Add(r.policy.Margin)):
		return Check{Detail: fmt.Sprintf("round %d was due at %s, and the run was registered by %s: less than %s later, it may have been known", draw.Round, stamp(due), stamp(registered), r.policy.Margin)}
	case due.After(registered.Add(drawWithin)):
		return Check{Detail: fmt.Sprintf("round %d was due at %s, more than 7 days after the run was registered by %s", draw.Round, stamp(due), stamp(registered))}
	case state == Attested:
		return Check{State: Attested, By: r.registrationSt.issuer(), Detail: "nothing independent shows that the run was registered before its draw"}
	default:
		return Check{State: Proven, Detail: fmt.Sprintf("registered by %s, drawn by round %d of %s; the result carries it", stamp(registered), draw.Round, stamp(due))}
	}
}

// drawnItems returns the items that the draw takes, or nil if they are not known.
func (r *rowJudge) drawnItems() []uint64 {
	d, pool := r.drawing(), r.listed(r.activeItems())
	if d.why != "" || len(pool) == 0 {
		return nil
	}
	draw := challenge.Draw(r.registrationSt.Statement.ID, r.registration.Draw.Chain, d.round)
	return challenge.Subset(draw, pool, r.registration.Draw.Items)
}

// dependsOnDraw asks whether the run cannot be older than its draw: the answers are to
// something that nobody knew before (PROTOCOL §7, O2).
func (r *rowJudge) dependsOnDraw() (Check, bool) {
	draw := r.registration.Draw
	if draw == nil || !r.drawing().counts() {
		return Check{}, false
	}
	pool := uint64(len(r.listed(r.activeItems())))
	evaluator := r.registration.Evaluator
	switch {
	case draw.Kind == attest.DrawSubset && pool > 0 && draw.Items <= pool/2:
		r.notShown = append(r.notShown, "that no answers existed before the draw: answers for the whole pool may have existed before")
		return Check{State: Proven, Detail: fmt.Sprintf("%s were drawn after the registration; answers for the whole pool may have existed before", r.drawnOf())}, true
	case (draw.FewShot != nil || draw.Options > 0) && r.policy.Independent(evaluator, r.registration.Lab):
		return Check{State: Attested, By: evaluator, Detail: "the prompts hold examples or orders of choices that were drawn after the registration, as the evaluator says"}, true
	}
	return Check{}, false
}

// checkDrawnBetween asks whether the model and the set were there before the draw, so
// that neither was made for what was drawn.
func (r *rowJudge) checkDrawnBetween() {
	const name = "order/drawn-between"
	switch {
	case r.registration == nil || r.testset == nil || r.modelSt == nil:
		r.missing(name, "no registered result of a model on a test set")
		return
	case r.registration.Draw == nil:
		r.add(Check{Name: name, State: NotApplicable, Detail: "nothing of the run was drawn"})
		return
	case !r.drawing().counts():
		r.missing(name, "the draw does not count: %s", r.drawing().check.Detail)
		return
	}
	due := r.drawing().round.Time
	for _, s := range []*statement{r.modelSt, r.testsetSt} {
		at, state := r.bound(s, r.parties(s))
		switch {
		case state != Proven:
			r.missing(name, "nothing independent shows when the %s was logged", s.Statement.Kind())
			return
		case !due.After(at.Add(r.policy.Skew)):
			r.missing(name, "the %s was logged by %s, and the draw was due at %s: clocks may differ by %s", s.Statement.Kind(), stamp(at), stamp(due), r.policy.Skew)
			return
		}
	}
	r.pass(name, "model and set were logged before the draw of %s, and the result carries it", stamp(due))
}
