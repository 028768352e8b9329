package main

import (
	"fmt"
	"math/big"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/challenge"
)

const (
	maxAnswerWithin    = 60 * 24 * time.Hour // PROTOCOL §6
	maxChallengeLeaves = 1000000             // of each stratum
)

// mayMiss is the probability with which a challenge of the default size may miss an
// inflation by 2 % of the range: what readers ask of it.
var mayMiss = big.NewRat(5, 100)

func challengeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "challenge", Usage: "leave to a beacon's round which answers you will open: `WHEN` the round is due, as +20m or RFC 3339, or #ROUND"},
		&cli.Uint64Flag{Name: "challenge-leaves", Usage: "open `K` answers of each stratum (default: so many that 2 points too much are caught with 95 %)"},
		&cli.StringFlag{Name: "answer-within", Usage: "`TIME` by which you will have answered, as 14d, 48h, 2026-12-24 or RFC 3339, at most 60 days ahead", Value: "14d"},
		&cli.StringFlag{Name: "challenge-beacon", Usage: "the beacon, by its `NAME` in your policy (default: the first there)"},
	}
}

// challengeTerms reads to what challenge a result submits; nil if to none. How many
// leaves are opened may be left until the rows are known: K is zero.
func (e *env) challengeTerms(c *cli.Context, metric attest.Metric) (*attest.Challenge, error) {
	if !c.IsSet("challenge") {
		for _, flag := range []string{"challenge-leaves", "answer-within", "challenge-beacon"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s goes with --challenge", flag)
			}
		}
		return nil, nil
	}
	k := c.Uint64("challenge-leaves")
	switch {
	case c.IsSet("challenge-leaves") && (k == 0 || k > maxChallengeLeaves):
		return nil, usagef("--challenge-leaves %d: want 1 to %d", k, maxChallengeLeaves)
	case k == 0 && !challenge.IsMean(metric):
		return nil, usagef("how much a challenge catches is not known of the metric %s: say with --challenge-leaves how many are opened", metric.Name)
	}
	policy, err := e.fetchPolicy(c)
	if err != nil {
		return nil, err
	}
	beacon, err := trustedBeacon(policy, c.String("challenge-beacon"))
	if err != nil {
		return nil, err
	}
	now := e.now()
	round, err := ahead{flag: "challenge", of: "result"}.round(beacon, policy, c.String("challenge"), now)
	if err != nil {
		return nil, err
	}
	due, err := beacon.Time(round)
	if err != nil {
		return nil, err
	}
	by, err := parseAnswerBy(c.String("answer-within"), now, due)
	if err != nil {
		return nil, err
	}
	return &attest.Challenge{Chain: beacon.Chain, Round: round, K: k, AnswerBy: by.UTC().Format(time.RFC3339)}, nil
}

func parseAnswerBy(text string, now, due time.Time) (time.Time, error) {
	var by time.Time
	wait, err := time.ParseDuration(text)
	if err == nil {
		by = now.Add(wait).Truncate(time.Second)
	} else {
		by, err = parseDay("answer-within", text, now)
	}
	switch {
	case err != nil:
		return by, err
	case !by.After(due):
		return by, usagef("--answer-within %s: want a time after the round is due, at %s", text, due.Format(time.RFC3339))
	case by.Sub(now) > maxAnswerWithin:
		return by, usagef("--answer-within %s: want a time within the next 60 days", text)
	}
	return by, nil
}

// challenge puts terms into a result that is about to be signed.
func (r *sealedRun) challenge(c *cli.Context, terms *attest.Challenge, metric attest.Metric) error {
	if terms == nil {
		return nil
	}
	if terms.K == 0 {
		var err error
		if terms.K, err = enoughLeaves(r.rows, metric); err != nil {
			return err
		}
	}
	r.predicate.Challenge = terms
	return nil
}

// enoughLeaves is the smallest challenge that catches an inflation by 2 % of the range
// with at least 95 %.
func enoughLeaves(rows []run.Row, metric attest.Metric) (uint64, error) {
	credited, err := creditedLeaves(rows, metric)
	if err != nil {
		return 0, err
	}
	forged, err := challenge.Forged(big.NewRat(2, 100), uint64(len(rows)), new(big.Rat), big.NewRat(1, 1))
	if err != nil {
		return 0, err
	}
	if forged > credited {
		return 1, nil // there is no such inflation to catch
	}
	return min(challenge.Enough(credited, forged, mayMiss), maxChallengeLeaves), nil
}

// creditedLeaves counts the leaves of which an inflation would be made: a plan by any
// round has the same strata.
func creditedLeaves(rows []run.Row, metric attest.Metric) (uint64, error) {
	plan, err := challenge.NewPlan(attest.Hash{}, attest.Hash{}, challenge.Round{}, rows, metric, 1)
	if err != nil {
		return 0, err
	}
	return stratum(plan, challenge.Credited).Leaves, nil
}

func stratum(plan *challenge.Plan, name string) challenge.Stratified {
	for _, s := range plan.Strata {
		if s.Name == name {
			return s
		}
	}
	return challenge.Stratified{}
}

// worthInWords says what grading drawn leaves alike shows, before or after it is done.
func worthInWords(metric attest.Metric, config *run.Configuration, excluded, leaves, credited, k uint64) (string, error) {
	switch {
	case !challenge.IsMean(metric):
		return "not known of this metric", nil
	case config.Denominator == run.LeftOut && excluded > 0:
		return "not known: the score leaves excluded answers out, and what is drawn says nothing of that", nil
	}
	words, miss, err := challenge.Worth(metric, leaves, credited, min(k, credited), 0)
	if err == nil && miss.Cmp(mayMiss) > 0 {
		words += ", which is less than 95 %"
	}
	return words, err
}

// printChallenge says what a result submits to, and whether it was logged early enough.
func (e *env) printChallenge(c *cli.Context, h *home, entry *attest.Entry, r *sealedRun, reg *attest.Registration) error {
	policy, err := h.policy()
	if err != nil {
		return err
	}
	terms := r.predicate.Challenge
	beacon := policy.Beacon(terms.Chain)
	due, err := beacon.Time(terms.Round)
	if err != nil {
		return err
	}
	credited, err := creditedLeaves(r.rows, reg.Metric)
	if err != nil {
		return err
	}
	worth, err := worthInWords(reg.Metric, r.config, r.predicate.Excluded, r.predicate.Leaves, credited, terms.K)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "challenge %d leaves of each stratum\nworth     %s\nround     %d of %s, due %s\nanswer by %s\n",
		terms.K, worth, terms.Round, beacon.Name, due.Format(time.RFC3339), terms.AnswerBy)
	switch early, err := e.loggedBefore(policy, entry, due); {
	case err != nil:
		return err
	case !early:
		e.note(c, "nobody dated the result %s before the round is due: under your policy the challenge will not count.", policy.Margin)
		return nil
	}
	e.note(c, "after that: proctor fetch %s/%d, then proctor open %s --challenge", beacon.Name, terms.Round, entry.Statement.ID.Short())
	return nil
}
