package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

const latest = "latest"

var (
	roundPath   = regexp.MustCompile(`/([0-9a-f]{64})/public/(latest|[1-9][0-9]*)$`)
	roundNumber = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)
)

// fetchNamedRound fetches BEACON[/ROUND] from the first of the beacon's servers that has
// it. A server that lies or is down is passed over: a round proves itself.
func (e *env) fetchNamedRound(c *cli.Context, arg string) error {
	policy, err := e.fetchPolicy(c)
	if err != nil {
		return err
	}
	name, number, found := strings.Cut(arg, "/")
	if !found {
		number = latest
	}
	beacon, err := namedBeacon(policy, name)
	if err != nil {
		return err
	}
	if err := e.roundIsDue(beacon, number); err != nil {
		return err
	}
	data, round, err := e.askForRound(c, beacon, number)
	if err != nil {
		return err
	}
	return e.saveRound(c, beacon, round, data)
}

func namedBeacon(policy *verify.Policy, name string) (*challenge.Beacon, error) {
	for i, b := range policy.Beacons {
		if b.Name == name && len(b.URLs) > 0 {
			return &policy.Beacons[i], nil
		}
	}
	return nil, withHint(usagef("your policy names no beacon %q with a URL", name), `"proctor policy show" lists them`)
}

// roundIsDue refuses a round that nobody can know yet. It compares with this machine's
// clock, which decides nothing but when to ask.
func (e *env) roundIsDue(b *challenge.Beacon, number string) error {
	if number == latest {
		return nil
	}
	if !roundNumber.MatchString(number) {
		return usagef("round %q of %s: want a number from 1, or %s", number, b.Name, latest)
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return usagef("round %s of %s: %v", number, b.Name, errors.Unwrap(err))
	}
	due, err := b.Time(n)
	if err != nil {
		return err
	}
	if wait := due.Sub(e.now()); wait > 0 {
		return withHint(fmt.Errorf("round %d of %s does not exist yet: it is due at %s, in %s", n, b.Name, due.Format(time.RFC3339), wait.Round(time.Second)),
			"nobody can know a round before it is due; come back then")
	}
	return nil
}

func (e *env) askForRound(c *cli.Context, b *challenge.Beacon, number string) ([]byte, challenge.Round, error) {
	var failed []error
	for _, base := range b.URLs {
		target, err := url.Parse(strings.TrimRight(base, "/") + "/" + b.Chain.String() + "/public/" + number)
		if err == nil {
			var data []byte
			if data, err = e.get(c, target, challenge.MaxRoundSize); err == nil {
				var round challenge.Round
				if round, err = checkRound(b, data, number); err == nil {
					return data, round, nil
				}
				err = fmt.Errorf("%s: %w", target, err)
			}
		}
		if c.Context.Err() != nil {
			return nil, challenge.Round{}, c.Context.Err()
		}
		failed = append(failed, err)
	}
	if len(failed) == 1 {
		return nil, challenge.Round{}, failed[0]
	}
	return nil, challenge.Round{}, fmt.Errorf("no server of beacon %s gave round %s: %w", b.Name, number, inOneLine(failed))
}

// checkRound refuses a round that is genuine and not the one that was asked for.
func checkRound(b *challenge.Beacon, data []byte, number string) (challenge.Round, error) {
	round, err := b.Check(data)
	if err == nil && number != latest && strconv.FormatUint(round.Number, 10) != number {
		err = fmt.Errorf("got round %d, asked for %s", round.Number, number)
	}
	return round, err
}

func inOneLine(errs []error) error {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func (e *env) fetchPolicy(c *cli.Context) (*verify.Policy, error) {
	if name := c.String("policy"); name != "" {
		return readPolicy(name)
	}
	return readPolicy(filepath.Join(homeDir(), policyFile))
}

// fetchRound fetches a round from where the caller says.
func (e *env) fetchRound(c *cli.Context, target *url.URL) error {
	policy, err := e.fetchPolicy(c)
	if err != nil {
		return err
	}
	parts := roundPath.FindStringSubmatch(target.Path)
	chain, err := attest.ParseHash(parts[1])
	if err != nil {
		return err
	}
	beacon := policy.Beacon(chain)
	if beacon == nil {
		return withHint(fmt.Errorf("your policy trusts no beacon with chain %s", chain), `"proctor policy add FILE" takes drand's /info of a chain`)
	}
	if err := e.roundIsDue(beacon, parts[2]); err != nil {
		return err
	}
	data, err := e.get(c, target, challenge.MaxRoundSize)
	if err != nil {
		return err
	}
	round, err := checkRound(beacon, data, parts[2])
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return e.saveRound(c, beacon, round, data)
}

// saveRound saves a checked round: a file that verifies nowhere is worth nothing later,
// when nobody can fetch again.
func (e *env) saveRound(c *cli.Context, b *challenge.Beacon, round challenge.Round, data []byte) error {
	out := c.String("out")
	if out == "" {
		if err := os.MkdirAll(filepath.Join(homeDir(), beaconsDir), 0o755); err != nil {
			return err
		}
		out = filepath.Join(homeDir(), beaconsDir, roundName(attest.Round{Chain: b.Chain, Round: round.Number}))
	}
	if err := durable.WriteFile(out, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "round     %d of %s\ntime      %s\nsaved     %s\n", round.Number, b.Name, round.Time.Format(time.RFC3339), out)
	return nil
}
