package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/monitor"
	"github.com/proctor-attest/proctor/ledger/remote"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
)

func (e *env) cmdMonitor() *cli.Command {
	return &cli.Command{
		Name: "monitor", Usage: "follow ledgers that others serve, and find out when one lies", ArgsUsage: "URL…",
		Description: "Reads every entry, hashes it, and holds each checkpoint against the last one, those of\n" +
			"the policy's witnesses and those in packs. What a ledger signed and cannot both be so is\n" +
			"kept as evidence in the state's folder, as are two statements of one number. Exit code\n" +
			"with --once: 3 for misbehaviour, 4 for what is overdue or behind, 1 where a ledger could\n" +
			"not be read. \"proctor help monitor\" says more.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "the policy, a `FILE`, that names the ledgers (default: the home's)"},
			&cli.StringFlag{Name: "state", Usage: "remember in `DIR` what was seen", Value: "monitor"},
			&cli.StringSliceFlag{Name: "pack", Usage: "also hold ledgers against the checkpoints in the pack `FILE`; repeatable"},
			&cli.BoolFlag{Name: "once", Usage: "look once, and stop"},
			&cli.DurationFlag{Name: "interval", Usage: "look again after `DURATION`", Value: time.Minute},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object a line"},
		}, monitorInventoryFlags()...),
		Action: e.runMonitor,
	}
}

// monitored is one line of what a monitor says.
type monitored struct {
	Ledger   string `json:"ledger"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
	Evidence string `json:"evidence,omitempty"`
	code     int
}

// monitoring is a monitor at work.
type monitoring struct {
	*env
	cmd     *cli.Context
	policy  *verify.Policy
	packs   []monitor.Sighting
	ledgers []*monitoredLedger
	watch   *watched
	worst   int

	inventories *inventorying // nil: none are signed
	lied        map[string]bool
}

type monitoredLedger struct {
	url     string
	key     ledger.LogKey
	monitor *monitor.Monitor
}

func (e *env) runMonitor(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usagef("ledger monitor needs the URLs of ledgers")
	}
	policy, err := readPolicy(policyName(c))
	if err != nil {
		return err
	}
	m := &monitoring{env: e, cmd: c, policy: policy, watch: newWatched(c.String("state"), policy, e.now), lied: map[string]bool{}}
	m.watch.read = m.read
	if m.packs, err = sightings(c.StringSlice("pack")); err != nil {
		return err
	}
	for _, url := range c.Args().Slice() {
		l, err := m.open(url)
		if err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
		m.ledgers = append(m.ledgers, l)
	}
	if err := m.prepareInventories(); err != nil {
		return err
	}
	for {
		m.inventory(m.takeInventories)
		if err := m.look(); err != nil {
			return err
		}
		m.inventory(m.signInventories)
		if c.Bool("once") {
			break
		}
		select {
		case <-time.After(c.Duration("interval")):
			continue
		case <-e.ctx.Done():
		}
		break
	}
	if m.worst != exitOK {
		return &verdictError{m.worst}
	}
	return nil
}

// open finds the key of the ledger at a URL: the policy's with this URL, or else with
// the origin that the ledger gives itself.
func (m *monitoring) open(url string) (*monitoredLedger, error) {
	if !isURL(url) {
		return nil, usagef("%q is not a URL", url)
	}
	client := ledgerClient()
	l := &monitoredLedger{url: url}
	for _, key := range m.policy.Ledger.Logs() {
		if key.URL == url {
			l.key = key
		}
	}
	if l.key.VKey == "" {
		signed, err := remote.Open(url, l.key, client).ReadCheckpoint(m.ctx)
		if err != nil {
			return nil, err
		}
		cp, err := ledger.ParseCheckpoint(signed)
		if err != nil {
			return nil, err
		}
		for _, key := range m.policy.Ledger.Logs() {
			if key.Origin == cp.Origin {
				l.key = key
			}
		}
		if l.key.VKey == "" {
			return nil, withHint(fmt.Errorf("the policy has no log %q", cp.Origin), "its key must come from somebody whom you trust: add a line \"log VKEY\" to the policy")
		}
	}
	var err error
	if l.monitor, err = monitor.Open(m.cmd.String("state"), l.key, remote.Open(url, l.key, client)); err != nil {
		return nil, err
	}
	l.monitor.Witnesses = m.policy.Ledger.Witnesses()
	return l, nil
}

// read returns an entry of one of the ledgers again.
func (m *monitoring) read(ctx context.Context, origin string, index uint64) ([]byte, error) {
	for _, l := range m.ledgers {
		if l.key.Origin != origin {
			continue
		}
		r := remote.Open(l.url, l.key, ledgerClient())
		signed, err := r.ReadCheckpoint(ctx)
		if err != nil {
			return nil, err
		}
		cp, err := l.key.Open(signed)
		if err != nil {
			return nil, err
		}
		for data, err := range ledger.Entries(ctx, r, index, cp.Size) {
			return append([]byte(nil), data...), err
		}
	}
	return nil, fmt.Errorf("entry %d of %s is gone", index, origin)
}

// look checks every ledger once.
func (m *monitoring) look() error {
	for _, l := range m.ledgers {
		events, err := m.check(l)
		if err != nil {
			if m.ctx.Err() != nil {
				return nil
			}
			fmt.Fprintf(m.stderr, "proctor: %s: %s\n", l.url, printable(err.Error()))
			if m.cmd.Bool("once") {
				m.worse(exitFailed)
			}
		}
		for _, e := range events {
			if err := m.print(e); err != nil {
				return err
			}
			m.worse(e.code)
		}
		if m.cmd.Bool("once") && err == nil && len(events) == 0 && !m.cmd.Bool("json") {
			fmt.Fprintf(m.stdout, "%s: size %d, nothing found\n", l.key.Origin, l.monitor.Last().Size)
		}
	}
	if n := m.watch.strange; n > 0 {
		fmt.Fprintf(m.stderr, "%d statements are of issuers whom the policy does not know, and were not looked at\n", n)
		m.watch.strange = 0
	}
	return nil
}

func (m *monitoring) check(l *monitoredLedger) ([]monitored, error) {
	seen := slices.Concat(m.witnessed(l), m.packs, m.inventories.read())
	defer m.watch.drop()
	found, err := l.monitor.Check(m.ctx, seen, func(index uint64, data []byte) error {
		m.watch.take(l.key.Origin, index, append([]byte(nil), data...))
		return nil
	})
	var events []monitored
	damaged := func(f monitor.Event) bool { return f.Kind == monitor.Damaged }
	if err == nil && !slices.ContainsFunc(found, damaged) {
		events = m.watch.settle(m.ctx)
	}
	for _, f := range found {
		e := monitored{Ledger: l.key.Origin, Kind: f.Kind, Detail: f.Detail, Evidence: f.Evidence, code: exitContradicted}
		if f.Kind == monitor.Behind {
			e.code = exitGaps
		} else {
			m.lied[l.key.Origin] = true
		}
		events = append(events, m.watch.tell(e)...)
	}
	if err != nil {
		return events, err
	}
	events = append(events, m.watch.overdue(l.key.Origin, m.now())...)
	return append(events, m.watch.missingHeads(l.key.Origin)...), nil
}

// witnessed are the last checkpoints of the policy's witnesses that are served. One
// that does not answer is told of.
func (m *monitoring) witnessed(l *monitoredLedger) (seen []monitor.Sighting) {
	for _, w := range m.policy.Ledger.Witnesses() {
		if w.URL == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(m.ctx, witnessTime)
		signed, err := witness.NewClient(w.URL, w, ledgerClient()).Checkpoint(ctx, l.key)
		cancel()
		switch {
		case err != nil:
			fmt.Fprintf(m.stderr, "proctor: witness %s: %s\n", w.Name, printable(err.Error()))
		case signed != nil:
			seen = append(seen, monitor.Sighting{From: "witness " + w.Name, Signed: signed})
		}
	}
	return seen
}

func (m *monitoring) worse(code int) {
	rank := map[int]int{exitOK: 0, exitGaps: 1, exitFailed: 2, exitContradicted: 3}
	if rank[code] > rank[m.worst] {
		m.worst = code
	}
}

func (m *monitoring) print(e monitored) error {
	if m.cmd.Bool("json") {
		return m.printJSON(e)
	}
	line := fmt.Sprintf("%s: %s: %s", e.Ledger, e.Kind, e.Detail)
	if e.Evidence != "" {
		line += " (evidence: " + filepath.ToSlash(e.Evidence) + ")"
	}
	_, err := fmt.Fprintln(m.stdout, printable(line))
	return err
}

// sightings are the checkpoints of the proofs in packs, and those of other monitors.
func sightings(names []string) (seen []monitor.Sighting, err error) {
	for _, name := range names {
		pack, done, err := openPack(name)
		if err != nil {
			return nil, err
		}
		for _, id := range pack.IDs() {
			p, err := ledger.ParseProof(pack.Entries[id].Proof)
			if err == nil {
				seen = append(seen, monitor.Sighting{From: "pack " + name, Signed: p.Checkpoint})
			}
			if inv, ok := pack.Entries[id].Statement.Predicate.(*attest.Inventory); ok {
				seen = append(seen, monitor.Sighting{From: "the inventory of " + inv.Issuer + " in " + name, Signed: []byte(inv.Checkpoint)})
			}
		}
		done()
	}
	return seen, nil
}
