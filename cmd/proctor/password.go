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

// typedSecret is a secret that a file or the environment gives, or that a person types.
type typedSecret struct{ what, flag, variable, prompt string }

var issuerPassword = typedSecret{what: "the issuer key needs a password", flag: "password-file", variable: passwordVariable, prompt: "Password of the issuer key: "}

// password finds the password of an existing key.
func (e *env) password(c *cli.Context) ([]byte, error) { return e.secret(c, issuerPassword) }

// newPassword finds the password for a new key, asked for twice at a terminal.
func (e *env) newPassword(c *cli.Context) ([]byte, error) { return e.newSecret(c, issuerPassword) }

func (e *env) secret(c *cli.Context, s typedSecret) ([]byte, error) {
	given, err := s.given(c)
	if given != nil || err != nil {
		return given, err
	}
	return e.ask(s, s.prompt)
}

func (e *env) newSecret(c *cli.Context, s typedSecret) ([]byte, error) {
	given, err := s.given(c)
	if given != nil || err != nil {
		return given, err
	}
	first, err := e.ask(s, "New: "+s.prompt)
	if err != nil {
		return nil, err
	}
	second, err := e.ask(s, "Once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two differ")
	}
	return first, nil
}

func (s typedSecret) given(c *cli.Context) ([]byte, error) {
	if name := c.String(s.flag); name != "" {
		data, err := readLimited(name, 1<<12)
		if err != nil {
			return nil, err
		}
		text := bytes.TrimRight(data, "\r\n")
		if len(text) == 0 {
			return nil, fmt.Errorf("%s is empty", name)
		}
		return text, nil
	}
	if text := os.Getenv(s.variable); text != "" {
		return []byte(text), nil
	}
	return nil, nil
}

func (e *env) ask(s typedSecret, prompt string) ([]byte, error) {
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, withHint(errors.New(s.what+", and there is no terminal to ask at"),
			"give --"+s.flag+" FILE or set "+s.variable)
	}
	fmt.Fprint(e.stderr, prompt)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(e.stderr)
	if err == nil && len(text) == 0 {
		err = errors.New("an empty one protects nothing")
	}
	return text, err
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
