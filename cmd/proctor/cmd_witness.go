package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger/witness"
)

func (e *env) cmdWitness() *cli.Command {
	dir := &cli.StringFlag{Name: "dir", Usage: "the witness in `DIR` (default: the home's)"}
	return &cli.Command{
		Name: "witness", Usage: "the local witness, and serving it to others",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "let the witness cosign another ledger, by the vkey in its keys/ledger.pub", ArgsUsage: "FILE",
				Flags:  []cli.Flag{dir},
				Action: e.runWitnessAdd,
			},
			{
				Name: "create", Usage: "make a witness without a home, in a directory of its own", ArgsUsage: "DIR",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "name", Usage: "`NAME` in its key: its URL without scheme"},
					&cli.StringFlag{Name: "operator", Usage: "`URI` of who runs it"},
				},
				Action: e.runWitnessCreate,
			},
			{
				Name: "key", Usage: "give the witness an ML-DSA-44 key beside its Ed25519 key",
				Flags:  []cli.Flag{dir},
				Action: e.runWitnessKey,
			},
			{
				Name: "show", Usage: "print the lines by which others put the witness into their policies",
				Flags:  []cli.Flag{dir, &cli.StringFlag{Name: "url", Usage: "where it is served: its submission prefix, a `URL`"}},
				Action: e.runWitnessShow,
			},
			{
				Name: "serve", Usage: "cosign over HTTP what extends the ledgers that the witness was told of",
				Description: "Speaks c2sp.org/tlog-witness: POST /add-checkpoint, and GET /HASH/checkpoint for\n" +
					"monitors. \"proctor help witness\" says how to run one.",
				Flags:  append([]cli.Flag{dir}, serveFlags("127.0.0.1:7380")...),
				Action: e.runWitnessServe,
			},
		},
	}
}

// openWitness opens the witness that --dir names, or the home's.
func (e *env) openWitness(c *cli.Context) (*witness.Witness, error) {
	dir := c.String("dir")
	if dir == "" {
		h, err := e.openHome()
		if err != nil {
			return nil, err
		}
		dir = h.path(witnessDir)
	}
	w, err := witness.Open(dir)
	if err != nil {
		return nil, withHint(errors.Join(err), `"proctor init" without --witness makes a local witness, "proctor ledger witness create DIR" one without a home`)
	}
	w.Now = e.now
	return w, nil
}

func (e *env) runWitnessAdd(c *cli.Context) error {
	name, err := oneArg(c, "the file with the ledger's vkey")
	if err != nil {
		return err
	}
	data, err := readLimited(name, 1<<12)
	if err != nil {
		return err
	}
	w, err := e.openWitness(c)
	if err != nil {
		return err
	}
	vkey := strings.TrimSpace(string(data))
	err = w.AddLog(vkey)
	if errors.Is(err, witness.ErrRestored) {
		err = withHint(err, `"proctor restore --confirm --ledger DIR" shows it the ledgers that it cosigns`)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "witness   %s\ncosigns   %s\n", w.Name(), vkey)
	return nil
}

func (e *env) runWitnessCreate(c *cli.Context) error {
	dir, err := oneArg(c, "the directory")
	if err != nil {
		return err
	}
	if err := need(c, "name", "operator"); err != nil {
		return err
	}
	if err := witness.Create(dir, c.String("name"), c.String("operator")); err != nil {
		return err
	}
	w, err := witness.Open(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "Its key, %s/key, is unencrypted and readable by you alone: it must sign without anybody\nat the keyboard.\n", dir)
	return e.printWitness(w, "")
}

func (e *env) runWitnessKey(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	w, err := e.openWitness(c)
	if err != nil {
		return err
	}
	if err := w.AddMLDSA(); err != nil {
		return err
	}
	return e.printWitness(w, "")
}

func (e *env) runWitnessShow(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	w, err := e.openWitness(c)
	if err != nil {
		return err
	}
	return e.printWitness(w, c.String("url"))
}

// printWitness prints a witness as a C2SP tlog-policy has it, and as witnessFile
// reads it.
func (e *env) printWitness(w *witness.Witness, url string) error {
	name := witnessName(w.Name())
	fmt.Fprintf(e.stdout, "%s%s\n%s\n", operatorPrefix, w.Operator(), strings.TrimSpace("witness "+name+" "+w.VKey()+" "+url))
	if vkey := w.VKeyMLDSA(); vkey != "" {
		fmt.Fprintln(e.stdout, strings.TrimSpace("witness "+name+"-mldsa "+vkey+" "+url))
	}
	return nil
}

func (e *env) runWitnessServe(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	w, err := e.openWitness(c)
	if err != nil {
		return err
	}
	logs, err := w.Logs()
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return withHint(errors.New("the witness was told of no ledger: it would cosign nothing"), `"proctor ledger witness add FILE" names one`)
	}
	log := e.logger()
	return e.serve(c, service{handler: witness.Handler(w, func(status int, checkpoint []byte, err error) {
		if status == http.StatusConflict {
			return // a client that did not know where to begin
		}
		log.Warn("not cosigned", "status", status, "why", err.Error(), "checkpoint", string(checkpoint))
	})})
}
