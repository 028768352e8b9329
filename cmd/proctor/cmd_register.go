package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify/score"
)

const maxDeadline = 90 * 24 * time.Hour

func (e *env) cmdRegister() *cli.Command {
	return &cli.Command{
		Name:  "register",
		Usage: "announce a run: this model will be run on this set so",
		Description: "Logs a registration. Its configuration binds how the run will be made: every member\n" +
			"must be there. With --draw a beacon's later round decides which items are run, so that\n" +
			"nobody chose them (\"proctor help draws\"). \"proctor register --config-from LOG\" prints a configuration with what a\n" +
			"log says and \"?\" elsewhere, for you to fill in.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model: `PACK`, id or name"},
			&cli.StringFlag{Name: "testset", Usage: "the test set: `PACK`, id or name"},
			&cli.StringFlag{Name: "config", Usage: "the configuration, a JSON `FILE`"},
			&cli.StringSliceFlag{Name: "config-from", Usage: "print a configuration from a harness `LOG` and log nothing; repeatable"},
			&cli.StringFlag{Name: "metric", Usage: "`NAME`: mean, accuracy, exact_match, pass@k or pass^k", Value: "accuracy"},
			&cli.StringSliceFlag{Name: "metric-param", Usage: "`NAME=VALUE`: k=5 of pass@k, reduce=max of several samples, or log=acc_norm or filter=strict-match to tell a log's scores apart; repeatable"},
			&cli.StringFlag{Name: "range", Usage: "`MIN,MAX` of one grade", Value: "0,1"},
			&cli.StringFlag{Name: "better", Usage: "higher or lower", Value: "higher"},
			&cli.UintFlag{Name: "samples", Usage: "samples per item", Value: 1},
			&cli.StringFlag{Name: "deadline", Usage: "when the result is due: `TIME` as 14d, 2026-12-24 or RFC 3339, at most 90 days ahead"},
			&cli.BoolFlag{Name: "retroactive", Usage: "the run was made before this registration; its results reach CAL-1-R at most"},
			&cli.StringSliceFlag{Name: "seal", Usage: "keep this `MEMBER` of the configuration private: a commitment to it is logged, which \"proctor open --configuration\" opens; repeatable"},
			&cli.StringFlag{Name: "task", Usage: "with --config-from: the `TASK` of a log that has several"},
			outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		}, append(declareFlags(), drawFlags()...)...),
		Action: e.runRegister,
	}
}

func (e *env) runRegister(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if logs := c.StringSlice("config-from"); len(logs) > 0 {
		return e.printConfiguration(c, logs)
	}
	if err := need(c, "model", "testset", "config", "deadline"); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, p, err := e.registration(c, h)
	if err != nil {
		return err
	}
	entry, out, err := e.logNew(c, h, p, pack, p.ModelName+"."+p.TestsetName)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, `run       %s
model     %s (%s)
test set  %s, %d items, %d sample(s) each
metric    %s
due       %s
pack      %s
`, entry.Statement.ID, p.ModelName, describeModel(p.Model), p.TestsetName, p.Testset.Size, p.Samples, score.Describe(p.Metric, p.Samples), p.Deadline, out)
	if p.Draw != nil {
		if err := e.printDraw(c, h, entry, p.Draw); err != nil {
			return err
		}
	}
	if p.Items != nil {
		note, err := itemsNote(pack, p)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "items     %s, which you chose\n", note)
		e.note(c, "a run on items that you choose: what rests on it reaches CAL-1 at most, and says %q.", note)
	}
	if p.Retroactive {
		e.note(c, "registered after the run: what rests on it reaches CAL-1-R at most.")
	}
	return nil
}

func describeModel(m attest.ModelRef) string { return m.Kind + " " + m.ID.Short() }

// registration assembles what will be signed, and the pack around it.
func (e *env) registration(c *cli.Context, h *home) (*attest.Pack, *attest.Registration, error) {
	modelPack, modelEntry, m, err := find[*attest.Model](h, c.String("model"))
	if err != nil {
		return nil, nil, err
	}
	setPack, setEntry, set, err := find[*attest.Testset](h, c.String("testset"))
	if err != nil {
		return nil, nil, err
	}
	pack := attest.NewPack()
	for _, other := range []*attest.Pack{modelPack, setPack} {
		if err := e.merge(h, pack, other); err != nil {
			return nil, nil, err
		}
	}
	if m.Manifest != nil {
		pack.RemoveArtifact(m.Manifest.SHA256) // of use to those who compare weights, from the model's own pack
	}
	doc, config, err := readConfiguration(c.String("config"), c.Bool("retroactive"))
	if err != nil {
		return nil, nil, err
	}
	if config.Evaluator != h.config.Issuer {
		return nil, nil, withHint(fmt.Errorf("%s: evaluator is %q, and you are %q", c.String("config"), config.Evaluator, h.config.Issuer),
			"the evaluator registers the run and signs its result")
	}
	if n := c.Uint("samples"); n == 0 || n > 1_000_000 {
		return nil, nil, usagef("--samples %d: want 1 to 1000000", n)
	}
	if doc, err = h.sealConfiguration(c, doc); err != nil {
		return nil, nil, err
	}
	metric, err := parseMetric(c)
	if err != nil {
		return nil, nil, err
	}
	deadline, err := parseDeadline(c.String("deadline"), e.now())
	if err != nil {
		return nil, nil, err
	}
	list, err := e.declaredItems(c, pack, set)
	if err != nil {
		return nil, nil, err
	}
	policy, err := h.policy()
	if err != nil {
		return nil, nil, err
	}
	draw, err := e.drawTerms(c, policy)
	if err != nil {
		return nil, nil, err
	}
	if draw != nil && draw.Kind == attest.DrawSubset && draw.Items > set.Version.Size {
		return nil, nil, usagef("--draw-items %d: the set has %d items", draw.Items, set.Version.Size)
	}
	return pack, &attest.Registration{
		Header: attest.Header{Refs: []attest.Ref{
			{Role: attest.RoleModel, ID: modelEntry.Statement.ID},
			{Role: attest.RoleTestset, ID: setEntry.Statement.ID},
		}},
		Lab: m.Issuer, Evaluator: h.config.Issuer,
		Model: m.Model, ModelName: m.Name,
		Testset:       attest.TestsetRef{SetID: set.SetID, Version: set.Version},
		TestsetName:   set.Name,
		Items:         list,
		Draw:          draw,
		Samples:       uint32(c.Uint("samples")),
		Configuration: pack.AddArtifact(doc, "application/json", "configuration.json"),
		Metric:        metric,
		Deadline:      deadline.UTC().Format(time.RFC3339),
		Retroactive:   c.Bool("retroactive"),
	}, nil
}

// readConfiguration reads a configuration for signing. Absent members are named
// one by one: a person has to write each of them.
func readConfiguration(name string, retroactive bool) ([]byte, *run.Configuration, error) {
	data, err := readLimited(name, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	doc, err := attest.Canonicalize(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if absent := schemas.Missing("configuration", doc); len(absent) > 0 {
		return nil, nil, withHint(fmt.Errorf("%s: absent: %s", name, strings.Join(absent, ", ")),
			`write each of them, with "n/a" where the run has no such thing; "proctor help configuration" describes them`)
	}
	var members map[string]any
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	var open []string
	for _, m := range slices.Sorted(maps.Keys(members)) {
		if members[m] == "?" {
			open = append(open, m)
		}
	}
	if len(open) > 0 {
		return nil, nil, withHint(fmt.Errorf("%s: still to be filled in: %s", name, strings.Join(open, ", ")), `"?" marks what the log does not say`)
	}
	config, err := run.ParseConfiguration(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(config.Unknown) > 0 && !retroactive {
		return nil, nil, withHint(fmt.Errorf("%s: unknown: %s", name, strings.Join(config.Unknown, ", ")),
			"before a run nothing is unknown; --retroactive is for runs made earlier")
	}
	return doc, config, nil
}

func parseMetric(c *cli.Context) (attest.Metric, error) {
	lo, hi, ok := strings.Cut(c.String("range"), ",")
	if !ok {
		return attest.Metric{}, usagef("--range %q: want MIN,MAX", c.String("range"))
	}
	m := attest.Metric{Name: c.String("metric"), Min: lo, Max: hi, Better: c.String("better")}
	if _, _, err := run.Range(m); err != nil {
		return m, usagef("--range: %w", err)
	}
	if m.Better != "higher" && m.Better != "lower" {
		return m, usagef("--better %q: want higher or lower", m.Better)
	}
	for _, param := range c.StringSlice("metric-param") {
		name, value, ok := strings.Cut(param, "=")
		if !ok {
			return m, usagef("--metric-param %q: want NAME=VALUE", param)
		}
		if m.Parameters == nil {
			m.Parameters = map[string]string{}
		}
		m.Parameters[name] = value
	}
	if err := score.CheckMetric(m, uint32(c.Uint("samples"))); err != nil {
		return m, usagef("--metric: %w", err)
	}
	return m, nil
}

// parseDeadline reads 14d, a date or a time; the protocol allows 90 days.
func parseDeadline(text string, now time.Time) (time.Time, error) {
	at, err := parseDay("deadline", text, now)
	if err != nil {
		return at, err
	}
	if !at.After(now) || at.Sub(now) > maxDeadline {
		return at, usagef("--deadline %s: want a time within the next 90 days", at.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// parseDay reads the time that a flag gives as 14d, a date or a time.
func parseDay(flag, text string, now time.Time) (at time.Time, err error) {
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); err == nil && n == 1 && text == fmt.Sprintf("%dd", days) {
		at = now.AddDate(0, 0, days)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		if at, err = time.Parse(time.DateOnly, text); err != nil {
			return at, usagef("--%s %q: want 14d, 2026-12-24 or 2026-12-24T18:00:00Z", flag, text)
		}
	}
	return at.Truncate(time.Second), nil
}

// printConfiguration writes a configuration with what the log says, and "?" for
// what a person must say. For a run made before, nobody may know: "unknown".
func (e *env) printConfiguration(c *cli.Context, files []string) error {
	log, err := openLog(files, harness.Selection{Task: c.String("task")})
	if err != nil {
		return err
	}
	names, err := schemas.Members("configuration")
	if err != nil {
		return err
	}
	blank := json.RawMessage(`"?"`)
	if c.Bool("retroactive") {
		blank = json.RawMessage(`"unknown"`)
	}
	var b strings.Builder
	b.WriteString("{\n")
	for i, name := range names {
		value := log.Config[name]
		switch {
		case value != nil:
		case name == "exclusions" || name == "denominator" || name == "relation" || name == "variant" || name == "evaluator":
			value = json.RawMessage(`"?"`) // these are known to whoever signs, whenever the run was
		default:
			value = blank
		}
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, " %q: %s%s\n", name, value, comma)
	}
	b.WriteString("}\n")
	if _, err := io.WriteString(e.stdout, b.String()); err != nil {
		return err
	}
	e.note(c, `from a log of %s %s: replace every "?", then give the file with --config`, log.Format, log.Version)
	return nil
}
