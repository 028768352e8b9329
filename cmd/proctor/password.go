package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

const passwordVariable = "PROCTOR_PASSWORD"

func passwordFlag() cli.Flag {
	return &cli.StringFlag{Name: "password-file", Usage: "read the key's password from `FILE` (else " + passwordVariable + ", else it is asked for)"}
}

// password finds the password of an existing key.
func (e *env) password(c *cli.Context) ([]byte, error) {
	pw, err := givenPassword(c)
	if pw != nil || err != nil {
		return pw, err
	}
	return e.ask("Password of the issuer key: ")
}

// newPassword finds the password for a new key, asked for twice at a terminal.
func (e *env) newPassword(c *cli.Context) ([]byte, error) {
	pw, err := givenPassword(c)
	if pw != nil || err != nil {
		return pw, err
	}
	first, err := e.ask("Password for the new issuer key: ")
	if err != nil {
		return nil, err
	}
	second, err := e.ask("Once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passwords differ")
	}
	return first, nil
}

func givenPassword(c *cli.Context) ([]byte, error) {
	if name := c.String("password-file"); name != "" {
		data, err := readLimited(name, 1<<12)
		if err != nil {
			return nil, err
		}
		pw := bytes.TrimRight(data, "\r\n")
		if len(pw) == 0 {
			return nil, fmt.Errorf("%s holds no password", name)
		}
		return pw, nil
	}
	if pw := os.Getenv(passwordVariable); pw != "" {
		return []byte(pw), nil
	}
	return nil, nil
}

func (e *env) ask(prompt string) ([]byte, error) {
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, withHint(errors.New("the issuer key needs a password, and there is no terminal to ask at"),
			"give --password-file FILE or set "+passwordVariable)
	}
	fmt.Fprint(e.stderr, prompt)
	pw, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(e.stderr)
	if err == nil && len(pw) == 0 {
		err = errors.New("an empty password protects nothing")
	}
	return pw, err
}

func noArgs(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s takes no arguments, got %q", c.Command.FullName(), c.Args().First())
	}
	return nil
}

func oneArg(c *cli.Context, what string) (string, error) {
	if c.Args().Len() != 1 {
		return "", usagef("%s takes one argument, %s; got %d", c.Command.FullName(), what, c.Args().Len())
	}
	return c.Args().First(), nil
}
