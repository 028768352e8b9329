package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
)

func (e *env) cmdTimestamp() *cli.Command {
	return &cli.Command{
		Name:      "timestamp",
		Usage:     "have a timestamp authority date a statement of yours",
		ArgsUsage: "ID",
		Description: "Gets a token of RFC 3161 over the signed checkpoint that the statement's proof ends with,\n" +
			"and keeps it beside the statement and in the home's pack of it. Of the checkpoint the\n" +
			"authority sees a hash. A token counts for those whose policy knows the authority\n" +
			"(\"proctor help time\").",
		Flags: []cli.Flag{
			tsaFlag(),
			&cli.StringFlag{Name: "over", Usage: "what to date: `checkpoint` or payload; the latter counts for test sets and models alone", Value: overCheckpoint},
			&cli.StringFlag{Name: "into", Usage: "add the tokens to the evidence pack `FILE` too, which holds the statement"},
			quietFlag(),
		},
		Action: e.runTimestamp,
	}
}

func (e *env) runTimestamp(c *cli.Context) error {
	arg, err := oneArg(c, "the id of a statement of yours")
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	urls, err := h.tsaURLs(c)
	if err != nil {
		return err
	}
	if len(urls) == 0 {
		return withHint(usagef("no timestamp authority"), "name one with --tsa URL, or in "+h.path(configFile)+": tsa = [\"URL\"]")
	}
	lock, err := durable.Acquire(e.ctx, h.path("lock"))
	if err != nil {
		return err
	}
	defer lock.Release()
	chain, err := h.readChain()
	if err != nil {
		return err
	}
	entry, err := ownStatement(chain, arg)
	if err != nil {
		return err
	}
	message, name, err := messageOf(entry, c.String("over"))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "statement %s %s\nover      %s\n", entry.Statement.Kind(), entry.Statement.ID, name)
	var failed error
	for _, from := range urls {
		token, err := addToken(e.ctx, entry, from, message)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		fmt.Fprintln(e.stdout, h.tokenNote(token, from, message))
	}
	if err := h.keepTokens(entry); err != nil {
		return errors.Join(err, failed)
	}
	return errors.Join(failed, e.tokensInto(entry, h.packFile(entry.Statement.ID), true), e.tokensInto(entry, c.String("into"), false))
}

// tokensInto puts a statement's tokens into a pack that holds it.
func (e *env) tokensInto(entry *attest.Entry, name string, mayLack bool) error {
	if name == "" || len(entry.Timestamp) == 0 {
		return nil
	}
	pack, done, err := openPack(name)
	if mayLack && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer done()
	there := pack.Entries[entry.Statement.ID]
	if there == nil {
		return fmt.Errorf("%s does not hold statement %s", name, entry.Statement.ID)
	}
	// With the proof that they are over.
	there.Proof, there.Timestamp = entry.Proof, entry.Timestamp
	return writePack(name, pack)
}
