package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// maxRoundAhead is how long after a statement the round may be due that it leaves something
// to (PROTOCOL §6).
const maxRoundAhead = 7 * 24 * time.Hour

func drawFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "draw", Usage: "leave to a beacon's round what the run is of: `WHEN` the round is due, as +20m or RFC 3339, or #ROUND"},
		&cli.StringFlag{Name: "kind", Usage: "what is drawn: `subset` of the items, generated, or seeds alone", Value: attest.DrawSubset},
		&cli.Uint64Flag{Name: "draw-items", Usage: "draw, or generate, `N` items"},
		&cli.StringFlag{Name: "draw-fewshot", Usage: "draw the few-shot examples: `N/POOL`, so many out of so many"},
		&cli.UintFlag{Name: "draw-options", Usage: "draw in which order the `N` choices of each item are shown"},
		&cli.StringFlag{Name: "draw-beacon", Usage: "the beacon, by its `NAME` in your policy (default: the first there)"},
	}
}

// drawTerms reads what a run leaves to a beacon; nil if that is nothing.
func (e *env) drawTerms(c *cli.Context, policy *verify.Policy) (*attest.Draw, error) {
	if err := checkDrawLine(c); err != nil || !c.IsSet("draw") {
		return nil, err
	}
	beacon, err := trustedBeacon(policy, c.String("draw-beacon"))
	if err != nil {
		return nil, err
	}
	round, err := ahead{flag: "draw", of: "registration"}.round(beacon, policy, c.String("draw"), e.now())
	if err != nil {
		return nil, err
	}
	d := &attest.Draw{Chain: beacon.Chain, Round: round, Kind: c.String("kind"), Items: c.Uint64("draw-items"), Options: uint32(c.Uint("draw-options"))}
	if text := c.String("draw-fewshot"); text != "" {
		if d.FewShot, err = parseFewShot(text); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func checkDrawLine(c *cli.Context) error {
	kind, choice := c.String("kind"), c.IsSet("items") || c.IsSet("items-file") || c.IsSet("limit") || c.IsSet("index")
	switch {
	case !c.IsSet("draw"):
		for _, flag := range []string{"kind", "draw-items", "draw-fewshot", "draw-options", "draw-beacon"} {
			if c.IsSet(flag) {
				return usagef("--%s goes with --draw", flag)
			}
		}
	case c.Bool("retroactive"):
		return usagef("--draw and --retroactive: what was run before is not drawn later")
	case kind != attest.DrawSubset && kind != attest.DrawGenerated && kind != attest.DrawSeeds:
		return usagef("--kind %q: want subset, generated or seeds", kind)
	case kind == attest.DrawSeeds && c.IsSet("draw-items"):
		return usagef("--kind seeds draws no items: leave out --draw-items, or take --kind subset")
	case kind != attest.DrawSeeds && c.Uint64("draw-items") == 0:
		return usagef("--kind %s: --draw-items says how many", kind)
	case kind != attest.DrawSeeds && choice:
		return usagef("--kind %s and a list of items: either you choose the items or the beacon does", kind)
	case c.IsSet("draw-options") && (c.Uint("draw-options") < 2 || c.Uint("draw-options") > 64):
		return usagef("--draw-options %d: want 2 to 64", c.Uint("draw-options"))
	}
	return nil
}

func trustedBeacon(policy *verify.Policy, name string) (*challenge.Beacon, error) {
	for i, b := range policy.Beacons {
		if name == "" || b.Name == name {
			return &policy.Beacons[i], nil
		}
	}
	if name == "" {
		return nil, withHint(fmt.Errorf("your policy trusts no beacon"), `"proctor policy add FILE" takes drand's /info of a chain`)
	}
	return nil, withHint(usagef("your policy trusts no beacon %q", name), `"proctor policy show" lists them`)
}

// ahead is a round that a statement names before it is due.
type ahead struct {
	flag string // that names it
	of   string // the statement
}

// round finds the first round that is due at a time, or checks one that is named. It
// has to come after the statement is logged, by the margin that a reader asks for; the
// home's own policy stands for the readers'.
func (a ahead) round(b *challenge.Beacon, policy *verify.Policy, text string, now time.Time) (uint64, error) {
	round, err := a.parse(b, text, now)
	if err != nil {
		return 0, err
	}
	due, err := b.Time(round)
	if err != nil {
		return 0, usagef("--%s %s: %w", a.flag, text, err)
	}
	switch wait := due.Sub(now); {
	case wait < policy.Margin:
		return 0, withHint(usagef("--%s %s: round %d of %s is due in %s, and your policy's margin is %s", a.flag, text, round, b.Name, wait.Round(time.Second), policy.Margin),
			"a round that is due so soon may be known when the "+a.of+" is logged: name a later one")
	case wait > maxRoundAhead:
		return 0, usagef("--%s %s: round %d of %s is due in %s; a %s counts within 7 days of the %s", a.flag, text, round, b.Name, wait.Round(time.Second), a.flag, a.of)
	}
	return round, nil
}

func (a ahead) parse(b *challenge.Beacon, text string, now time.Time) (uint64, error) {
	if number, ok := strings.CutPrefix(text, "#"); ok {
		round, err := strconv.ParseUint(number, 10, 64)
		if err != nil || round == 0 {
			return 0, usagef("--%s %q: want a round number from 1", a.flag, text)
		}
		return round, nil
	}
	at := now
	if wait, ok := strings.CutPrefix(text, "+"); ok {
		d, err := time.ParseDuration(wait)
		if err != nil {
			return 0, usagef("--%s %q: want a time from now such as +20m", a.flag, text)
		}
		at = now.Add(d)
	} else {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return 0, usagef("--%s %q: want +20m, 2026-12-24T18:00:00Z or #ROUND", a.flag, text)
		}
	}
	return b.RoundAt(at)
}

func parseFewShot(text string) (*attest.FewShotDraw, error) {
	n, pool, ok := strings.Cut(text, "/")
	count, err1 := strconv.ParseUint(n, 10, 32)
	size, err2 := strconv.ParseUint(pool, 10, 32)
	if !ok || err1 != nil || err2 != nil || count == 0 || count > size {
		return nil, usagef("--draw-fewshot %q: want N/POOL, such as 5/200", text)
	}
	return &attest.FewShotDraw{Count: count, Pool: size}, nil
}

// drawInWords says what is left to a beacon.
func drawInWords(d *attest.Draw) string {
	var what []string
	switch d.Kind {
	case attest.DrawSubset:
		what = append(what, fmt.Sprintf("%d of the items", d.Items))
	case attest.DrawGenerated:
		what = append(what, fmt.Sprintf("%d generated items", d.Items))
	}
	if d.FewShot != nil {
		what = append(what, fmt.Sprintf("%d of %d examples", d.FewShot.Count, d.FewShot.Pool))
	}
	if d.Options > 0 {
		what = append(what, fmt.Sprintf("the order of %d choices", d.Options))
	}
	return strings.Join(append(what, "seeds"), ", ")
}

// printDraw says what is left to a beacon and when, and whether the registration was
// logged early enough for it.
func (e *env) printDraw(c *cli.Context, h *home, entry *attest.Entry, d *attest.Draw) error {
	policy, err := h.policy()
	if err != nil {
		return err
	}
	beacon := policy.Beacon(d.Chain)
	due, err := beacon.Time(d.Round)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "drawn     %s\nround     %d of %s, due %s\n", drawInWords(d), d.Round, beacon.Name, due.Format(time.RFC3339))
	switch early, err := e.loggedBefore(policy, entry, due); {
	case err != nil:
		return err
	case !early:
		e.note(c, "nobody dated the registration %s before the draw is due: under your policy the draw will not count.", policy.Margin)
		return nil
	}
	e.note(c, "after that: proctor fetch %s/%d, then proctor draw %s", beacon.Name, d.Round, entry.Statement.ID.Short())
	return nil
}

// loggedBefore reports whether a statement is dated so long before a round is due that
// what the round decides counts under the policy.
func (e *env) loggedBefore(policy *verify.Policy, entry *attest.Entry, due time.Time) (bool, error) {
	check, err := checkToken(policy)
	if err != nil {
		return false, err
	}
	by := policy.LoggedBy(entry, verify.Options{At: e.now(), CheckToken: check})
	return !by.IsZero() && !due.Before(by.Add(policy.Margin)), nil
}
