package main

import (
	"github.com/urfave/cli/v2"
)

func (e *env) cmdDemo() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "run the whole job on sample data, printing every command",
		Description: "Plays owner, lab, evaluator, witness and reader in five folders of a temporary\n" +
			"directory, ends in a verdict, then tampers with the evidence six times, and counts what\n" +
			"was announced and never reported.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "keep", Usage: "work in `DIR`, which must not exist, and leave it there"},
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return e.runDemo(c.String("keep"), demoActs())
		},
	}
}
