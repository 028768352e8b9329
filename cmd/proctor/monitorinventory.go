package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/monitor"
	"github.com/proctor-attest/proctor/ledger/remote"
	"github.com/proctor-attest/proctor/verify"
)

// inventoryEvery is how often a monitor that runs on signs its inventories anew.
const inventoryEvery = 24 * time.Hour

// inventoriesFile is the pack of a monitor's newest inventories, beside what it remembers.
const inventoriesFile = "inventories.proctor"

func monitorInventoryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "inventory", Usage: "sign and log an inventory of each ledger under the home's key: `WHAT` is issuer=URI, testset=ID,lab=URI or target=ID; repeatable"},
		&cli.StringFlag{Name: "beacon", Usage: "the round that inventories carry: a `FILE`, or the NAME or URL of a beacon to fetch it from (default: the newest that \"proctor fetch\" saved)"},
		ledgerFlag(),
		&cli.DurationFlag{Name: "timeout", Usage: "give up on a request for the round after `DURATION`", Value: time.Minute},
		passwordFlag(), yesFlag(), quietFlag(),
	}
}

// parseQueries reads what --inventory asks for.
func parseQueries(texts []string) (queries []attest.Query, err error) {
	for _, text := range texts {
		var q attest.Query
		what, value, _ := strings.Cut(text, "=")
		switch what {
		case "issuer":
			q.Issuer = value
		case "testset":
			value, q.Lab, _ = strings.Cut(value, ",lab=")
			q.SetID, err = attest.ParseHash(value)
		case "target":
			q.Target, err = attest.ParseHash(value)
		}
		if err != nil {
			return nil, usagef("--inventory %q: %w", text, err)
		}
		if value == "" || q == (attest.Query{}) || what == "testset" && q.Lab == "" {
			return nil, usagef("--inventory %q: want issuer=URI, testset=ID,lab=URI or target=ID", text)
		}
		queries = append(queries, q)
	}
	return queries, nil
}

// inventorying is what a monitor signs besides watching.
type inventorying struct {
	home    *home
	queries []attest.Query
	next    time.Time
	round   *attest.Round
	taken   []verify.Taken
}

func (m *monitoring) prepareInventories() error {
	queries, err := parseQueries(m.cmd.StringSlice("inventory"))
	if err != nil || len(queries) == 0 {
		return err
	}
	h, err := m.openHome()
	if err != nil {
		return err
	}
	if _, err := m.password(m.cmd); err != nil {
		return err
	}
	m.inventories = &inventorying{home: h, queries: queries}
	return nil
}

// takeInventories reads the ledgers for what is to be signed, when it is time. The trees
// that it reads are held against what the monitor sees.
func (m *monitoring) takeInventories() error {
	n := m.inventories
	if n == nil || m.now().Before(n.next) {
		return nil
	}
	n.taken = nil
	policy, err := n.home.policy()
	if err != nil {
		return err
	}
	if n.round, err = m.newRound(m.cmd, n.home, policy); err != nil {
		return err
	}
	var readers []ledger.Reader
	for _, l := range m.ledgers {
		readers = append(readers, remote.Open(l.url, l.key, ledgerClient()))
	}
	n.taken, err = verify.TakeInventories(m.ctx, m.policy, m.now(), n.queries, readers...)
	return err
}

// read are the trees that were read for inventories.
func (n *inventorying) read() (seen []monitor.Sighting) {
	if n == nil {
		return nil
	}
	for _, t := range n.taken {
		seen = append(seen, monitor.Sighting{From: "the inventory that was taken", Signed: []byte(t.Inventory.Checkpoint)})
	}
	return seen
}

// signInventories signs what was taken of ledgers that were not found lying.
func (m *monitoring) signInventories() error {
	n := m.inventories
	if n == nil || len(n.taken) == 0 {
		return nil
	}
	name := filepath.Join(m.cmd.String("state"), inventoriesFile)
	pack, done, err := openPack(name)
	if errors.Is(err, fs.ErrNotExist) {
		pack, done, err = attest.NewPack(), func() {}, nil
	}
	if err != nil {
		return err
	}
	defer done()
	s, err := m.issuing(m.cmd, n.home)
	if err != nil {
		return err
	}
	defer s.close(m.ctx)
	for _, t := range n.taken {
		if m.lied[t.Inventory.Ledger] {
			fmt.Fprintf(m.stderr, "proctor: no inventory of %s is signed: it misbehaves\n", printable(t.Inventory.Ledger))
			continue
		}
		found := len(t.Inventory.Found)
		entry, err := s.takeInventory(m.ctx, t, n.round, pack)
		if err != nil {
			return err
		}
		if err := m.print(monitored{Ledger: t.Inventory.Ledger, Kind: "inventory",
			Detail: fmt.Sprintf("%s: %d found, size %d, statement %s", t.Inventory.Query, found, t.Inventory.Size, entry.Statement.ID)}); err != nil {
			return err
		}
	}
	n.taken, n.next = nil, m.now().Add(inventoryEvery)
	return writePack(name, pack)
}

// inventory does a step towards inventories. What keeps them from being signed keeps the
// monitor from nothing else.
func (m *monitoring) inventory(step func() error) {
	err := step()
	if err == nil || m.ctx.Err() != nil {
		return
	}
	fmt.Fprintf(m.stderr, "proctor: no inventory was signed: %s\n", printable(err.Error()))
	var hint *hintError
	if errors.As(err, &hint) {
		fmt.Fprintf(m.stderr, "hint: %s\n", printable(hint.hint))
	}
	if m.cmd.Bool("once") {
		m.worse(exitFailed)
	}
}
