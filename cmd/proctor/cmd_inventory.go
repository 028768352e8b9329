package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/remote"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

func (e *env) cmdInventory() *cli.Command {
	return &cli.Command{
		Name: "inventory", Usage: "read whole ledgers and sign what they hold of somebody's statements or runs", ArgsUsage: "DIR|URL…",
		Description: "A monitor's word for those who have no copy of the ledgers to scan: a statement for each\n" +
			"ledger and question. It counts for readers whose policy gives you the role monitor and\n" +
			"holds you independent of the parties. Give all ledgers of the policy at once: a result can\n" +
			"be in another than its registration. \"proctor help monitor\" says more.",
		Flags: append(queryFlags(),
			&cli.StringFlag{Name: "beacon", Usage: "a beacon round as new as can be: a `FILE`, or the NAME or URL of a beacon to fetch it from (default: the newest that \"proctor fetch\" saved)"},
			&cli.StringFlag{Name: "into", Usage: "add the inventories to the evidence pack `FILE`; without a question, those that its verdict asks"},
			outFlag(), ledgerFlag(), tsaFlag(),
			&cli.DurationFlag{Name: "timeout", Usage: "give up on a request for the round after `DURATION`", Value: time.Minute},
			passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		),
		Action: e.runInventory,
	}
}

func queryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "issuer", Usage: "all statements of `URI`; repeatable"},
		&cli.StringSliceFlag{Name: "testset", Usage: "runs on a test set, a `PACK`, id or name, of the --lab; repeatable"},
		&cli.StringSliceFlag{Name: "lab", Usage: "the `URI` of a lab whose runs on the --testset are meant; repeatable"},
		&cli.StringSliceFlag{Name: "target", Usage: "statements about the statement with this `ID`; repeatable"},
	}
}

// queriesOf are the questions of a command line.
func queriesOf(c *cli.Context, h *home) (queries []attest.Query, err error) {
	for _, uri := range c.StringSlice("issuer") {
		queries = append(queries, attest.Query{Issuer: uri})
	}
	if (len(c.StringSlice("testset")) == 0) != (len(c.StringSlice("lab")) == 0) {
		return nil, usagef("--testset and --lab go together: whose runs, on which set")
	}
	for _, arg := range c.StringSlice("testset") {
		set, err := attest.ParseHash(arg)
		if err != nil {
			_, _, p, err := find[*attest.Testset](h, arg)
			if err != nil {
				return nil, err
			}
			set = p.SetID
		}
		for _, lab := range c.StringSlice("lab") {
			queries = append(queries, attest.Query{SetID: set, Lab: lab})
		}
	}
	for _, text := range c.StringSlice("target") {
		id, err := attest.ParseHash(text)
		if err != nil {
			return nil, usagef("--target %s: want the whole id of a statement: %v", text, err)
		}
		queries = append(queries, attest.Query{Target: id})
	}
	return queries, nil
}

func (e *env) runInventory(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usagef("ledger inventory needs the directories or URLs of ledgers")
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	queries, err := queriesOf(c, h)
	if err != nil {
		return err
	}
	into, out, done, err := intoPack(c)
	if err != nil {
		return err
	}
	defer done()
	if len(queries) == 0 {
		if queries = verify.Queries(into); len(queries) == 0 {
			return usagef("ledger inventory needs --issuer, --testset with --lab, --target, or --into with a pack that publishes scores")
		}
	}
	readers, err := inventoryReaders(c.Args().Slice())
	if err != nil {
		return err
	}
	policy, err := h.policy()
	if err != nil {
		return err
	}
	round, err := e.newRound(c, h, policy)
	if err != nil {
		return err
	}
	taken, err := verify.TakeInventories(e.ctx, policy, e.now(), queries, readers...)
	if err != nil {
		return err
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return err
	}
	defer s.close(e.ctx)
	for _, t := range taken {
		found := len(t.Inventory.Found)
		entry, err := s.takeInventory(e.ctx, t, round, into)
		if errors.Is(err, errDryRun) {
			continue
		}
		if err != nil {
			return err
		}
		e.printInventory(c, t.Inventory, found, entry)
	}
	if c.Bool("dry-run") {
		return errDryRun
	}
	if err := writePack(out, into); err != nil {
		return withHint(err, "the inventories are logged, and their packs are in "+h.path(packsDir))
	}
	fmt.Fprintf(e.stdout, "pack      %s\n", out)
	return nil
}

// intoPack is the pack that inventories go into, and its file.
func intoPack(c *cli.Context) (into *attest.Pack, out string, done func(), err error) {
	name := c.String("into")
	if name == "" {
		out, err = outName(c, "", "inventory")
		return attest.NewPack(), out, func() {}, err
	}
	if c.IsSet("out") {
		return nil, "", nil, usagef("--into and --out exclude each other")
	}
	into, done, err = openPack(name)
	return into, name, done, err
}

func inventoryReaders(args []string) (readers []ledger.Reader, err error) {
	for _, arg := range args {
		if isURL(arg) {
			readers = append(readers, remote.Open(arg, ledger.LogKey{}, ledgerClient()))
			continue
		}
		if _, err := os.Stat(arg); err != nil {
			return nil, err
		}
		readers = append(readers, ledger.Dir(arg))
	}
	return readers, nil
}

// maxInline is how many bytes of a statement its list may have. Beside it there must be
// room for a checkpoint with many cosignatures.
const maxInline = 12 << 10

// takeInventory signs and logs what was taken, and adds it to a pack in place of what
// the same question had been answered with before.
func (s *issuing) takeInventory(ctx context.Context, t verify.Taken, round *attest.Round, into *attest.Pack) (*attest.Entry, error) {
	p, pack := t.Inventory, attest.NewPack()
	p.NotBefore = round
	list, err := attest.FormatFound(p.Found)
	if err != nil {
		return nil, err
	}
	if len(list) > maxInline {
		a := pack.AddArtifact(list, attest.InventoryType, "inventory.jsonl")
		p.Found, p.List = nil, &a
	}
	entry, err := s.logAndPack(ctx, p, pack, "")
	if err != nil {
		return nil, err
	}
	for _, id := range into.IDs() {
		old, ok := into.Entries[id].Statement.Predicate.(*attest.Inventory)
		if ok && old.Issuer == p.Issuer && old.Ledger == p.Ledger && old.Query == p.Query {
			delete(into.Entries, id)
			if old.List != nil {
				into.RemoveArtifact(old.List.SHA256)
			}
		}
	}
	into.Merge(pack)
	for _, e := range t.Evidence {
		if into.Entries[e.Statement.ID] == nil {
			into.Entries[e.Statement.ID] = e
		}
	}
	return entry, nil
}

func (e *env) printInventory(c *cli.Context, p *attest.Inventory, found int, entry *attest.Entry) {
	fmt.Fprintf(e.stdout, "inventory %s: %d found in %s, size %d\nstatement %s\n", p.Query, found, p.Ledger, p.Size, entry.Statement.ID)
	for _, pair := range p.Equivocations {
		fmt.Fprintf(e.stdout, "twice     %s gave number %d to %s and %s\n", pair.Issuer, pair.Seq, pair.IDs[0], pair.IDs[1])
	}
	if p.Unknown > 0 {
		e.note(c, "%d more answer to that and were signed by nobody whom your policy knows", p.Unknown)
	}
}

// newRound is the round that an inventory carries: from a file, or from a beacon of the
// policy. It is had before any ledger is read, and an old one is refused, as what
// carries it would count nowhere.
func (e *env) newRound(c *cli.Context, h *home, policy *verify.Policy) (*attest.Round, error) {
	name := c.String("beacon")
	if _, err := os.Stat(name); name != "" && err != nil {
		file, err := e.fetchNewest(c, h, policy, name)
		if err != nil {
			return nil, err
		}
		name = file
	}
	round, err := h.round(policy, name)
	if err != nil {
		return nil, err
	}
	at, err := policy.Beacon(round.Chain).Time(round.Round)
	if err == nil && e.now().Sub(at) > policy.Fresh {
		err = withHint(fmt.Errorf("the beacon round is of %s; your policy wants one within %s", at.UTC().Format(time.RFC3339), policy.Fresh), `"--beacon quicknet" fetches the newest`)
	}
	return round, err
}

// fetchNewest saves the newest round of a beacon of the policy in the home.
func (e *env) fetchNewest(c *cli.Context, h *home, policy *verify.Policy, name string) (file string, err error) {
	beacon, err := beaconAt(policy, name)
	if err != nil {
		return "", err
	}
	data, checked, err := e.askForRound(c, beacon, latest)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(h.path(beaconsDir), 0o755); err != nil {
		return "", err
	}
	file = h.path(beaconsDir, roundName(attest.Round{Chain: beacon.Chain, Round: checked.Number}))
	return file, durable.WriteFile(file, data, 0o644)
}

// beaconAt is the beacon that the policy has under a name, or by the URL of its chain.
func beaconAt(policy *verify.Policy, name string) (*challenge.Beacon, error) {
	if !isURL(name) {
		return namedBeacon(policy, name)
	}
	base := strings.TrimSuffix(strings.TrimSuffix(name, "/public/latest"), "/")
	for _, b := range policy.Beacons {
		if server, ok := strings.CutSuffix(base, "/"+b.Chain.String()); ok {
			b.URLs = []string{server}
			return &b, nil
		}
	}
	return nil, withHint(fmt.Errorf("--beacon %s is neither a file nor a beacon of your policy", name), `"proctor policy show" lists the beacons`)
}
