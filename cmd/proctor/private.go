package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// sealConfiguration makes members of a configuration private, and keeps what opens
// them before anything is logged.
func (h *home) sealConfiguration(c *cli.Context, doc []byte) ([]byte, error) {
	names := c.StringSlice("seal")
	if len(names) == 0 {
		return doc, nil
	}
	sealed, opens, err := run.Seal(doc, names, rand.Reader)
	if err != nil {
		return nil, err
	}
	if _, err := run.ParseConfiguration(sealed); err != nil {
		return nil, withHint(err, "exclusions, denominator, relation and evaluator are for every reader to see, and cannot be sealed")
	}
	if c.Bool("dry-run") {
		return sealed, nil
	}
	data, err := json.Marshal(opens)
	if err != nil {
		return nil, err
	}
	return sealed, durable.WriteFile(h.configurationSecret(digestOf(sealed)), append(data, '\n'), 0o600)
}

func (h *home) configurationSecret(sum attest.Hash) string {
	return h.path(runSecretsDir, "configuration-"+sum.String()+".json")
}

// openConfiguration logs what opens private members of a run's configuration.
func (e *env) openConfiguration(c *cli.Context, arg string) error {
	for _, flag := range []string{"private", "public", "to", "all", "items", "fields"} {
		if c.IsSet(flag) {
			return usagef("--configuration opens members of a run's configuration to everybody: --%s is for items", flag)
		}
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, reg, err := find[*attest.Registration](h, arg)
	if err != nil {
		return err
	}
	members, err := h.openedMembers(reg, c.StringSlice("configuration"))
	if err != nil {
		return err
	}
	p := &attest.Opening{
		Header:        attest.Header{Refs: []attest.Ref{{Role: attest.RoleRegistration, ID: entry.Statement.ID}}},
		Configuration: &attest.OpenedConfiguration{RunID: entry.Statement.ID, Members: members},
	}
	logged, out, err := e.logNew(c, h, p, pack, reg.ModelName+"."+reg.TestsetName)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opened    %s of the configuration of run %s\nstatement %s\npack      %s\n",
		strings.Join(slices.Sorted(maps.Keys(members)), ", "), entry.Statement.ID.Short(), logged.Statement.ID, out)
	return nil
}

func (h *home) openedMembers(reg *attest.Registration, names []string) (map[string]attest.OpenedValue, error) {
	data, err := readLimited(h.configurationSecret(reg.Configuration.SHA256), 1<<22)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this home holds nothing that opens the run's configuration: no member of it was sealed here")
	}
	if err != nil {
		return nil, err
	}
	var kept map[string]attest.OpenedValue
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w", h.configurationSecret(reg.Configuration.SHA256), err)
	}
	members := map[string]attest.OpenedValue{}
	for _, name := range names {
		value, ok := kept[name]
		if !ok {
			return nil, fmt.Errorf("member %q was not sealed; sealed are %s", name, strings.Join(slices.Sorted(maps.Keys(kept)), ", "))
		}
		members[name] = value
	}
	return members, nil
}
