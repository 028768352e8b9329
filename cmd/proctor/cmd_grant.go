package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
)

func (e *env) cmdGrant() *cli.Command {
	return &cli.Command{
		Name:      "grant",
		Usage:     "say who holds your items from now on, before you hand them over",
		ArgsUsage: "TESTSET",
		Description: "Logs a grant. The first one to a lab or its evaluator, for a registration, shows that\n" +
			"the run came later. Then \"proctor open --all --private\" makes what you hand over.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the holder's `URI` (default: the registration's evaluator)"},
			&cli.StringFlag{Name: "registration", Usage: "the registration that the items are for: `PACK` or id"},
			&cli.StringFlag{Name: "fields", Usage: "the fields that are handed over, as `A,B,…` (default: all)"},
			&cli.StringFlag{Name: "paid-by", Usage: "`WHO` paid for access, in words"},
			outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		},
		Action: e.runGrant,
	}
}

func (e *env) runGrant(c *cli.Context) error {
	arg, err := oneArg(c, "the test set")
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, set, err := find[*attest.Testset](h, arg)
	if err != nil {
		return err
	}
	if set.Issuer != h.config.Issuer {
		return fmt.Errorf("the test set is %s's, and you are %s: an owner grants its own", set.Issuer, h.config.Issuer)
	}
	p := &attest.Grant{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleTestset, ID: entry.Statement.ID}}},
		SetID:  set.SetID, Name: set.Name, Version: set.Version,
		Holder: c.String("to"), Fields: set.Fields, PaidBy: c.String("paid-by"),
	}
	if err := e.grantFor(c, h, p, pack); err != nil {
		return err
	}
	if fields := c.String("fields"); fields != "" {
		p.Fields = strings.Split(fields, ",")
		for _, f := range p.Fields {
			if !slices.Contains(set.Fields, f) {
				return usagef("--fields: the set has no field %q", f)
			}
		}
	}
	logged, out, err := e.logNew(c, h, p, pack, set.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "grant     %s of %q\nholder    %s\nstatement %s\npack      %s\n", strings.Join(p.Fields, ", "), set.Name, p.Holder, logged.Statement.ID, out)
	return nil
}

// grantFor binds the grant to a registration on the very version that is granted.
func (e *env) grantFor(c *cli.Context, h *home, p *attest.Grant, pack *attest.Pack) error {
	arg := c.String("registration")
	if arg == "" {
		if p.Holder == "" {
			return usagef("grant needs --registration, --to, or both")
		}
		return nil
	}
	registered, entry, reg, err := find[*attest.Registration](h, arg)
	if err != nil {
		return err
	}
	if reg.Testset.SetID != p.SetID || reg.Testset.Version != p.Version {
		return errors.New("the run is registered on another test set, or another version of it")
	}
	if p.Holder == "" {
		p.Holder = reg.Evaluator
	}
	id := entry.Statement.ID
	p.RunID = &id
	p.Refs = append(p.Refs, attest.Ref{Role: attest.RoleRegistration, ID: id})
	return e.merge(h, pack, registered)
}
